"""
The command line: a thin door over the floors below.

Nothing heavy is imported before a command needs it, so that ``workbench --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated, NoReturn

os.environ.setdefault("TYPER_USE_RICH", "0")  # half of the start-up time would be rich's

import typer

from analytics import __version__
from analytics.cli import (
    channel,
    codes,
    digest,
    linkage,
    loop,
    pool,
    privacy,
    replay,
    report,
    resettlement,
    schedule,
    screening,
    simulation,
    sources,
    study,
)
from analytics.errors import WorkbenchError, interrupted

_INTERRUPTED = 130  # as shells say it: 128 and the number of the signal

app = typer.Typer(
    name="workbench",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Analytics workbench for a provincial epidemic command: pool, analyse, push, report.",
    epilog="Example: workbench report risk_grading --as-of 2020-02-29",
)
report.mount(app)
digest.mount(app)
privacy.mount(app)
sources.mount(app)
pool.mount(app)
simulation.mount(app)
linkage.mount(app)
channel.mount(app)
codes.mount(app)
schedule.mount(app)
study.mount(app)
screening.mount(app)
loop.mount(app)
resettlement.mount(app)
replay.mount(app)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Answer to the options that stand before a command."""


def main() -> None:
    """
    Run a command; an error of ours is printed plainly and gives its own exit code.

    An error that nobody foresaw is named by its kind and place only, since its message may
    quote what it stumbled over, a person's row included; ``WORKBENCH_DEBUG=1`` shows all of it.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal without Chinese must not end a command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except (SystemExit, KeyboardInterrupt) as ended:
        # Typer says 130 of most interruptions, 1 of one at a prompt, nothing of its own moments
        if getattr(ended, "code", None) != _INTERRUPTED and not interrupted(ended):
            raise
        _end_interrupted()
    except Exception as error:
        if interrupted(error):
            _end_interrupted()
        if isinstance(error, WorkbenchError):
            _end(f"{type(error).__name__} (exit {error.exit_code}): {error}", error.exit_code)
        if isinstance(error, OSError):
            what = f"'{error.filename}': " if error.filename else ""
            why = error.strerror or type(error).__name__
            code = WorkbenchError.exit_code
            _end(f"WorkbenchError (exit {code}): {what}{why}", code)
        if os.environ.get("WORKBENCH_DEBUG"):
            raise
        _end(f"{_unforeseen(error)}\nplease report it; WORKBENCH_DEBUG=1 shows more", 1)


def _unforeseen(error: Exception) -> str:
    """Kind of an error and the places in this package it came through."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    package = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib costs time here
    own = [code for code in frames if code.co_filename.startswith(package)]
    places = " > ".join(f"{os.path.basename(c.co_filename)}:{c.co_name}" for c in own[1:])  # noqa: PTH119
    return (
        f"{type(error).__name__} (exit 1), which nobody foresaw, in {places or 'the command line'}"
    )


def _end_interrupted() -> NoReturn:
    stands = "what was finished stands; run the same command to go on"
    _end(f"interrupted (exit {_INTERRUPTED}): {stands}", _INTERRUPTED)


def _end(said: str, code: int) -> NoReturn:
    sys.stderr.write(f"{said}\n")
    sys.exit(code)
