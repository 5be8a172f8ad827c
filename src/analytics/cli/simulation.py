"""Commands of the simulated province: simulate, simulate field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words

simulate_app = typer.Typer(help="A province of invented residents, and its field teams.")


@simulate_app.callback(invoke_without_command=True)
def simulate(  # noqa: PLR0913 - one argument per option
    context: typer.Context,
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
    if context.invoked_subcommand:
        return
    from analytics import study as studies
    from analytics.simulation import province

    chosen = studies.load(study)
    made = province.simulate(
        chosen,
        people,
        seed,
        words.day(first) if first else chosen.first_date,
        words.day(last) if last else chosen.as_of,
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


@simulate_app.command("field")
def field(  # noqa: PLR0913 - one argument per option
    lists: Annotated[list[Path], typer.Argument(help="Exported workbooks.", exists=True)],
    *,
    day: Annotated[str, typer.Option(help="What is done by this day.", metavar="DATE")],
    output: Annotated[Path, typer.Option(help="Folder of the filled copies.")] = Path("returned"),
    seed: Annotated[int, typer.Option(help="The teams' own.", min=0)] = 1,
    error: Annotated[float, typer.Option(help="Chance of a wrong answer.", min=0, max=1)] = 0.05,
    delay: Annotated[float, typer.Option(help="Mean days until a line is done.", min=0)] = 1.0,
    null: Annotated[bool, typer.Option("--null", help="Toss a coin for each answer.")] = False,
    study: Annotated[str, typer.Option(help="A simulated study.")] = "hubei-2020-simulated",
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password.")
    ] = None,
) -> None:
    """
    Let simulated teams fill work lists in, from the truth and with errors of their own.

    Example: workbench simulate field worklists/*.xlsx --day 2020-02-12 --output returned

    `workbench receive` takes the filled copies in. Exit codes: 25 if a list does not open.
    """
    from analytics import study as studies
    from analytics.simulation import field as teams

    chosen, when = studies.load(study), words.day(day) if day else None
    assert when is not None
    how = teams.Habits(error=error, delay=delay, null=null)
    password = ""
    if password_file is not None:
        password = password_file.read_text(encoding="utf-8").splitlines()[0]
    asked = teams.Truth(chosen, when)
    for path in lists:
        done = teams.fill(
            chosen, path, output, when, seed, habits=how, password=password, asked=asked
        )
        typer.echo(f"{done.path}  {done.lines} lines, {done.answered} questions answered")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(simulate_app, name="simulate")
