"""Commands of resettlement and assistance: place, sites whatif, assistance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli.words import AsOfOption, StudyOption

if TYPE_CHECKING:
    from analytics.analysis.resettlement import Plan

SecondsOption = Annotated[int, typer.Option(help="Longest time of the solver [s].", min=1)]

RoadsOption = Annotated[
    Path | None,
    typer.Option(help="Distances by road: CSV of county, site, distance_km.", metavar="FILE"),
]

sites = typer.Typer(no_args_is_help=True, help="Resettlement sites: what opening or closing does.")


def place(
    *, study: StudyOption = "", as_of: AsOfOption = "", roads: RoadsOption = None,
    seconds: SecondsOption = 60,
) -> None:  # fmt: skip
    """
    Give everyone who waits a bed, or say why there is none.

    Example: workbench place --as-of 2020-02-29

    Distances are great circles times 1.3; --roads names the ways that are known better.

    Prints counts, bounds and what is short; who goes where stays inside.
    """
    from analytics.cli import resettling

    _tell(resettling.plan(study, as_of, roads=roads, seconds=seconds))


@sites.command("whatif")
def whatif(
    *,
    opened: Annotated[
        list[str] | None, typer.Option("--open", help="A site to open.", metavar="SITE")
    ] = None,
    closed: Annotated[
        list[str] | None, typer.Option("--close", help="A site to close.", metavar="SITE")
    ] = None,
    study: StudyOption = "",
    as_of: AsOfOption = "",
    seconds: SecondsOption = 60,
) -> None:
    """
    Compare placing everyone with some sites opened or closed.

    Example: workbench sites whatif --open M4200000012 --close M4200000003
    """
    from analytics.cli import resettling

    typer.echo("as it is:")
    _tell(resettling.plan(study, as_of, seconds=seconds))
    typer.echo("then:")
    _tell(resettling.plan(study, as_of, opened or [], closed or [], seconds=seconds))


def assistance(*, study: StudyOption = "", as_of: AsOfOption = "") -> None:
    """
    Say what stranded people are owed, were given and still wait for.

    Example: workbench assistance --as-of 2020-02-29
    """
    from analytics.cli import resettling

    each, covered = resettling.owed(study, as_of)
    states = each["state"].value_counts()
    told = ", ".join(f"{int(states.get(n, 0))} {n}" for n in ("served", "referred", "pending"))
    typer.echo(f"{len(each)} persons known: {told}")
    for row in covered.groupby("measure")[["owed", "served", "referred", "pending", "overdue"]] \
            .sum().reset_index().to_dict("records"):  # fmt: skip
        typer.echo(
            f"  {row['measure']:14}{row['owed']:>7} owed {row['served']:>7} served "
            f"{row['referred']:>7} referred {row['pending']:>7} pending {row['overdue']:>7} overdue"
        )


def _tell(plan: Plan) -> None:
    if plan.persons.empty and plan.beds.empty:  # nothing is not none
        typer.echo("no data: neither stranded people nor sites have been delivered to this study")
        return
    counts = plan.persons["status"].value_counts()
    told = ", ".join(f"{int(counts.get(n, 0))} {n}" for n in ("placed", "referred", "waiting"))
    upper, lower, gap = plan.bounds
    typer.echo(f"{len(plan.persons)} persons known: {told}")
    typer.echo(
        f"  {int(plan.persons['planned'].sum())} placed by this plan; way {upper:,.1f} person-km, "
        f"at least {lower:,.1f}, gap {gap:.4%}"
    )
    typer.echo(f"  {int(plan.beds['free'].sum())} of {int(plan.beds['places'].sum())} places free")
    for row in plan.shortages.to_dict("records"):
        needs = row["needs"] or "no special need"
        widen = f"; one place more at {row['widen']} would save most" if row["widen"] else ""
        typer.echo(
            f"  {row['persons']} persons ({needs}; {row['room_types']}): {row['reason']}, "
            f"{row['places']} places asked for, {row['free']} free at {row['sites']} sites{widen}"
        )


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(place)
    app.command()(assistance)
    app.add_typer(sites, name="sites")
