"""Commands on the travel channel: channel whatif, channel allowed, channel staff."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words
from analytics.cli.words import AsOfOption, StudyOption
from analytics.errors import ParameterError

channel_app = typer.Typer(no_args_is_help=True, help="Ways out and in: who may pass, and what if.")


@channel_app.command("whatif")
def whatif(
    changes: Annotated[list[str], typer.Argument(metavar="COUNTY:CHANNEL:DIRECTION:STATUS...")],
    *,
    study: StudyOption = "",
    as_of: AsOfOption = "",
    origin: Annotated[str, typer.Option(help="Prefecture people leave; default: most cases.")] = "",
    travellers: Annotated[int, typer.Option(min=1, help="Who would leave in a day.")] = 10_000,
    growth: Annotated[float, typer.Option(help="Growth of the epidemic [1/day].")] = 0.0,
) -> None:
    """
    Say what a change of the register would do, destination by destination.

    Example: workbench channel whatif 420100:road:out:checked --as-of 2020-02-29

    CHANNEL is road, rail, air or water; DIRECTION in or out; STATUS open, checked, permit_only
    or closed. The travellers are those of the first change's channel.
    """
    import pandas as pd

    from analytics import study as studies
    from analytics.analysis.channel import mobility, pressure, register
    from analytics.pool import published

    parts = [change.split(":") for change in changes]
    wrong = [text for text, part in zip(changes, parts, strict=True) if len(part) != 4]  # noqa: PLR2004
    if wrong:
        raise ParameterError(
            "a change is given as COUNTY:CHANNEL:DIRECTION:STATUS:",
            [f"'{text}'" for text in wrong],
            "for example: 420100:road:out:closed",
        )
    chosen = studies.load(study)
    day = words.day(as_of) if as_of else chosen.as_of
    figures = published.read(chosen, studies.moment(day))
    shares, scale = published.mobility(chosen, studies.moment(day))
    found = pressure.assess(
        figures.counts,
        figures.population,
        figures.outflow,
        mobility.busy(shares, scale),
        day,
        origin=origin,
        travellers=travellers,
        redefined=[change.day for change in chosen.definition_changes],
    )
    table = pressure.scenario(
        found,
        register.read_notices(chosen.folder / "channel_notices.toml"),
        pd.DataFrame(parts, columns=["county", "channel", "direction", "status"]),
        channel=parts[0][1],
        growth=growth,
    )
    for row in table.to_dict("records"):
        typer.echo(
            f"{row['destination']:10} travellers {row['moving_before']:8.0f} → "
            f"{row['moving_after']:8.0f}  infected {row['exported_before']:8.3f} → "
            f"{row['exported_after']:8.3f}  first arrival {_later(row['delay'])}"
        )
    moving, infected = table["moving_change"].sum(), table["exported_change"].sum()
    typer.echo(f"together: travellers {moving:+.0f}, infected {infected:+.3f} a day")


@channel_app.command("allowed")
def allowed(  # noqa: PLR0913 - one per option
    *,
    study: StudyOption = "",
    on: Annotated[str, typer.Option(metavar="DATE", help="Day of travel; default: study's.")] = "",
    origin: Annotated[str, typer.Option(help="County people leave.")],
    destination: Annotated[str, typer.Option(help="County they go to.")],
    channel: Annotated[str, typer.Option(help="road, rail, air or water.")] = "road",
    kind: Annotated[str, typer.Option(help="resident, migrant_worker ...")] = "resident",
    code: Annotated[str, typer.Option(help="Health code; empty: none.")] = "green",
    negative_test: Annotated[bool, typer.Option(help="Holds a valid negative test.")] = False,
    point_to_point: Annotated[bool, typer.Option(help="Travels point to point.")] = False,
) -> None:
    """
    Say whether a traveller may pass by the notices in force, and what is lacking.

    Example: workbench channel allowed --on 2020-03-25 --origin 420106 --destination 440300
    """
    import pandas as pd

    from analytics import study as studies
    from analytics.analysis.channel import register

    chosen = studies.load(study)
    day = words.day(on) if on else chosen.as_of
    notices = register.read_notices(chosen.folder / "channel_notices.toml")
    traveller = {
        "kind": kind, "origin": origin, "destination": destination, "channel": channel,
        "code": code or None, "negative_test": negative_test, "point_to_point": point_to_point,
    }  # fmt: skip
    (row,) = register.allowed(notices, pd.DataFrame([traveller]), day).to_dict("records")
    verdict = "may pass" if row["allowed"] else f"may not pass: {row['lacking']}"
    basis = next((notice for notice in notices if notice.id == row["notice"]), None)
    said = f"{basis.words.zh} ({basis.words.en}; {basis.source})" if basis else "no notice"
    typer.echo(f"{verdict}\n{said}")


@channel_app.command("staff")
def staff(
    *,
    study: StudyOption = "",
    as_of: AsOfOption = "",
    budget: Annotated[
        int | None, typer.Option(min=0, help="Server-hours a day; default: those on duty.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0, max=1, help="Sensitivity of a temperature check.")
    ] = 0.86,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the plan by gate and hour.")
    ] = None,
) -> None:
    """
    Place staff at gates where checks avert most exportation, and say what lacks.

    Example: workbench channel staff --as-of 2020-02-29 --budget 800 --output staff.csv

    Reads checks and rosters of the last two weeks in the role of a transport controller for the
    purpose travel. Counts by gate and hour are small: the plan is for those who run the gates.
    """
    from analytics import study as studies
    from analytics.analysis.channel import checkpoints, pressure
    from analytics.pool import published
    from analytics.privacy import disk
    from analytics.reporting import sightings

    chosen = studies.load(study)
    day = words.day(as_of) if as_of else chosen.as_of
    moment = studies.moment(day)
    seen = sightings.observe(chosen, moment)
    figures = published.read(chosen, moment)
    redefined = [change.day for change in chosen.definition_changes]
    found = pressure.assess(
        figures.counts, figures.population, figures.outflow, published.mobility(chosen, moment)[0],
        day, redefined=redefined,
    )  # fmt: skip
    plans = pressure.check_plans(found, temperature).set_index("plan")
    share = 1 - float(plans["missed"]["exit"])
    carriers = pressure.prevalence(figures.counts, figures.population, day, redefined=redefined)
    planned = sightings.plan(seen, carriers, found=share, budget=budget) if seen else None
    if seen is None or planned is None:
        raise ParameterError(
            f"there is no plan of staff for study '{chosen.name}'",
            [
                "no linked persons"
                if seen is None
                else f"no checks or no rosters in {sightings.DAYS} days"
            ],
            "pool and link checkpoint_passes, gates and gate_staff first, or give --budget",
        )
    said = checkpoints.explain(planned)
    typer.echo("".join(line["zh"] for line in said))
    typer.echo(" ".join(line["en"] for line in said))
    for row in planned.gates.head(10).to_dict("records"):
        typer.echo(
            f"{row['gate']:12} arrivals {row['arrivals']:8.1f} a day  "
            f"needed {row['needed']:4.0f} h  placed {row['staff']:4.0f} h  "
            f"checked {row['share_checked']:6.1%}  averts {row['averted']:.2g} a day"
        )
    if len(planned.gates) > 10:  # noqa: PLR2004 (a screen)
        typer.echo(f"… and {len(planned.gates) - 10} gates more; --output writes all of them")
    if output is not None:
        disk.replace(output, planned.hours.to_csv(index=False).encode("utf-8-sig"))
        typer.echo(f"{len(planned.hours)} rows by gate and hour in {output}")


def _later(delay: float) -> str:
    """Say a delay: so many days later or sooner, never any more, or at all."""
    if math.isinf(delay):
        return "never any more" if delay > 0 else "now possible"
    return f"{delay:+.1f} d"


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(channel_app, name="channel")
