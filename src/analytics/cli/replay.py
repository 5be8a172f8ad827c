"""Command that plays a whole command day by day: replay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from analytics.cli import words


def replay(  # noqa: PLR0913 - one argument per option
    *,
    study: Annotated[
        str, typer.Option(help="Study; a real one is played by its simulated one.", metavar="NAME")
    ] = "hubei-2020",
    first: Annotated[str, typer.Option("--from", help="First day.", metavar="DATE")] = "2020-02-20",
    last: Annotated[str, typer.Option("--to", help="Last day.", metavar="DATE")] = "2020-04-08",
    people: Annotated[int, typer.Option(help="Residents of the province.", min=1000)] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same province.", min=0)] = 1,
    scenario: Annotated[
        str, typer.Option(help="Of the study; the one in which channels open without.")
    ] = "opened_in_april",
    reports: Annotated[
        Literal["daily", "weekly", "last", "none"],
        typer.Option(help="Daily: three a day, all a week; weekly, last: all."),
    ] = "weekly",
    error: Annotated[
        float, typer.Option(help="Chance of the field's wrong answer.", min=0, max=1)
    ] = 0.05,
    delay: Annotated[float, typer.Option(help="Mean days until a line is done.", min=0)] = 1.0,
    worlds: Annotated[int, typer.Option(help="Seeds of other policies; 0: none.", min=0)] = 10,
    world_people: Annotated[int, typer.Option(help="Residents of each.", min=1000)] = 100_000,
    output: Annotated[Path, typer.Option(help="Folder of the replay.")] = Path("reports/replay"),
    anew: Annotated[bool, typer.Option("--anew", help="Remove what was played there.")] = False,
) -> None:
    """
    Play a whole command day by day on a simulated province, and report what it gave.

    Example: workbench replay --study hubei-2020 --from 2020-02-20 --to 2020-04-08

    Departments deliver, late and wrong at times; deliveries are pooled, people linked, screened
    and placed, lists pushed, filled in by simulated teams and taken in, thresholds approved,
    reports published; faults strike on chosen days. Killed, it goes on where it was. Its state
    lies in the folder and its keys outside the project, both apart from the study's own. Exit
    codes: 12 another replay was begun there, 14 a report failed.
    """
    from analytics.replay import plan as plans
    from analytics.replay import run

    chosen = plans.make(
        study=plans.simulated(study), first=words.day(first), last=words.day(last), people=people,
        seed=seed, scenario=scenario, error=error, delay=delay, reports=reports, worlds=worlds,
        world_people=world_people,
    )  # fmt: skip
    folder = output.absolute()
    if anew and (folder / "plan.json").is_file():
        shutil.rmtree(folder)
    run.replay(chosen, folder, lambda line: typer.echo(line, err=True))
    for page in run.report(chosen, folder):
        typer.echo(f"{page}")


def mount(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(replay)
