"""Commands of the schedule: schedule add, list, remove, run-due, install."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

import typer

from analytics.cli.words import StudyOption
from analytics.errors import ParameterError, WorkbenchError

MinutesOption = Annotated[
    int, typer.Option(min=1, max=30, help="How often to look for due jobs [minutes].")
]

group = typer.Typer(no_args_is_help=True, help="Commands that run by themselves.")


@group.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the job.")],
    command: Annotated[list[str], typer.Argument(help="Words after `workbench`, behind `--`.")],
    *,
    cron: Annotated[str, typer.Option(help="When, in cron's five fields, Asia/Shanghai.")],
    minutes: Annotated[int, typer.Option(min=1, help="Longest time of one try.")] = 60,
    retries: Annotated[int, typer.Option(min=0, max=10, help="Further tries.")] = 2,
    pause: Annotated[int, typer.Option(min=0, help="Seconds between tries.")] = 60,
    send: Annotated[bool, typer.Option("--send", help="Send the PDFs it prints.")] = False,
    study: StudyOption = "",
) -> None:
    """
    Put a command on the schedule, in place of a job of the same name.

    Example: workbench schedule add morning --cron "30 7 * * *" --send -- report --pdf --as-of
    {yesterday}

    {today} and {yesterday} are the days of the time the run is due, also where it is caught up.
    """
    from typer.main import get_command

    from analytics import study as studies
    from analytics.cli import app
    from analytics.reporting import schedule

    chosen = studies.load(study)
    words = tuple(command)
    known = getattr(get_command(app), "commands", {})
    if words[0] not in known:
        near = difflib.get_close_matches(words[0], known, n=1)
        raise ParameterError(
            f"there is no command 'workbench {words[0]}'",
            remedy=f"did you mean '{near[0]}'?" if near else "workbench --help lists them",
        )
    if "--study" not in words and words[:1] != ("check",):
        words = (*words, "--study", chosen.name)
    job = schedule.add(
        chosen, name=name, cron=cron, command=words, minutes=minutes, retries=retries,
        pause_seconds=pause, send=send,
    )  # fmt: skip
    following = schedule.coming(job, job.since)
    typer.echo(f"{name}: workbench {' '.join(words)}")
    typer.echo(f"next: {following:%Y-%m-%d %H:%M}, once `workbench schedule install` has been run")


@group.command(name="list")
def list_jobs(*, study: StudyOption = "") -> None:
    """
    List jobs, when each is next due, and how its last run went.

    Example: workbench schedule list --study hubei-2020
    """
    from datetime import datetime

    from analytics import study as studies
    from analytics.reporting import schedule

    chosen = studies.load(study)
    before = {run.job: run for run in schedule.runs(chosen)}
    listed = schedule.jobs(chosen)
    for job in listed.values():
        following = schedule.coming(job, datetime.now(studies.ZONE))
        typer.echo(f"{job.name}  {job.cron}  workbench {' '.join(job.command)}")
        typer.echo(f"    next {following:%Y-%m-%d %H:%M}; last: {_said(before.get(job.name))}")
    if not listed:
        typer.echo("no jobs; `workbench schedule add --help` shows how to add one")


@group.command()
def remove(name: str, *, study: StudyOption = "") -> None:
    """
    Take a job off the schedule; the record of its runs stays.

    Example: workbench schedule remove morning
    """
    from analytics import study as studies
    from analytics.reporting import schedule

    schedule.remove(studies.load(study), name)
    typer.echo(f"{name}: removed")


@group.command(name="run-due")
def run_due(*, study: StudyOption = "") -> None:
    """
    Run what has fallen due, each missed job once, and send the notices.

    Example: workbench schedule run-due --study hubei-2020

    The timer of `workbench schedule install` calls it. It ends with the exit code of the first
    job that failed, or 0.
    """
    from datetime import datetime

    from analytics import study as studies
    from analytics.reporting import notices, schedule

    chosen = studies.load(study)
    codes = []
    for job, run in schedule.run_due(chosen, datetime.now(studies.ZONE)):
        typer.echo(f"{run.job}: {_said(run)}")
        codes.append(run.exit_code)
        try:
            notices.of_run(chosen, job, run)
        except WorkbenchError as error:
            typer.echo(f"{type(error).__name__} (exit {error.exit_code}): {error}", err=True)
            codes.append(error.exit_code)
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0] if failed[0] > 0 else 14)


@group.command()
def install(
    system: Annotated[
        Literal["systemd", "cron"], typer.Argument(help="What wakes the schedule.")
    ] = "systemd",
    *,
    minutes: MinutesOption = 5,
    show: Annotated[bool, typer.Option("--show", help="Only show what would be written.")] = False,
    study: StudyOption = "",
) -> None:
    """
    Have the operating system wake the schedule.

    Example: workbench schedule install systemd --show
    """
    from analytics import study as studies
    from analytics.reporting import notices, timers

    chosen = studies.load(study)
    if show and system == "cron":
        typer.echo(timers.cron_line(chosen, minutes))
    elif show:
        for name, text in timers.units(chosen, minutes).items():
            typer.echo(f"# {name}\n{text}")
    else:
        left = timers.install(chosen, system, minutes)
        typer.echo(f"written; now run:\n  {left}" if left else "installed")
        typer.echo(f"addresses of notices, one a line, mode 0600: {notices.addresses_path(chosen)}")


def _said(run: object) -> str:
    from analytics.reporting.schedule import Run

    if not isinstance(run, Run):
        return "never"
    ended = {0: "done", -1: "ran out of time"}.get(run.exit_code, f"failed, exit {run.exit_code}")
    return f"{run.slot[:16].replace('T', ' ')} {ended} after {run.tries} tries, {run.seconds:.0f} s"


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(group, name="schedule")
