"""
The command line: a thin door over the floors below.

Nothing heavy is imported before a command needs it, so that ``workbench --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

os.environ.setdefault("TYPER_USE_RICH", "0")  # half of the start-up time would be rich's

import typer

from analytics import __version__
from analytics.cli import linkage, pool, privacy, report, resettlement, simulation, sources
from analytics.errors import WorkbenchError

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
privacy.mount(app)
sources.mount(app)
pool.mount(app)
simulation.mount(app)
linkage.mount(app)
resettlement.mount(app)


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
    """Run a command; an error of ours is printed plainly and gives its own exit code."""
    try:
        app()
    except WorkbenchError as error:
        sys.stderr.write(f"{type(error).__name__} (exit {error.exit_code}): {error}\n")
        sys.exit(error.exit_code)
