"""Command of the simulated province: simulate."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from analytics.errors import ParameterError


def simulate(
    *,
    people: Annotated[int, typer.Option(help="Residents of the province.", metavar="N")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 1,
    first: Annotated[
        str, typer.Option("--from", help="First day of delivery.", metavar="DATE")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="Last day of delivery.", metavar="DATE")] = "",
    scenario: Annotated[str, typer.Option(help="What is done differently.")] = "baseline",
    dirt: Annotated[str, typer.Option(help="Rates of faults: none, easy or hard.")] = "easy",
    study: Annotated[str, typer.Option(help="A simulated study.")] = "hubei-2020-simulated",
    anew: Annotated[bool, typer.Option("--anew", help="Remove an earlier simulation.")] = False,
) -> None:
    """
    Write all departments' deliveries for a province of invented residents.

    Example: workbench simulate --people 10000 --seed 1 --from 2020-01-23 --to 2020-02-29

    They go to the study's inbox (`workbench pool` takes them in); the truth about them goes
    where no analysis looks. Days default to the study's first date and its as_of.
    """
    from analytics import study as studies
    from analytics.simulation import province

    chosen = studies.load(study)
    made = province.simulate(
        chosen,
        people,
        seed,
        _day(first) or chosen.first_date,
        _day(last) or chosen.as_of,
        scenario_name=scenario,
        dirt=dirt,
        anew=anew,
        progress=lambda feed, rows: typer.echo(f"  {feed:24}{rows:>12,} rows", err=True),
    )
    faults = ", ".join(f"{n} {name}" for name, n in sorted(made.faults.items())) or "none wrong"
    typer.echo(f"{made.deliveries:,} deliveries, {made.rows:,} rows; {faults}")
    typer.echo(f"{made.infections:,} infections, {made.reported:,} reported; {made.trips:,} trips")
    typer.echo(made.rule.en)
    for claim, least in made.claims.items():
        short = "" if people >= least else "  (more than this province has)"
        typer.echo(f"  {claim}: from {least:,} residents{short}")


def mount(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(simulate)


def _day(said: str) -> date | None:
    if not said:
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        message = f"'{said}' is no day"
    raise ParameterError(message, remedy="a day is written as 2020-01-23")
