"""Commands on the larger public sources: data list, data fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analytics.cli.words import StudyOption

data_app = typer.Typer(no_args_is_help=True, help="Larger public sources of a study.")


@data_app.command("list")
def list_sources(*, study: StudyOption = "") -> None:
    """
    List the larger public sources of a study, and which of them are here.

    Example: workbench data list --study hubei-2020
    """
    from analytics import study as studies
    from analytics.pool import sources

    chosen = studies.load(study)
    listed = sources.known(chosen)
    for source in listed:
        licence = f"  ({source.licence})" if source.licence else ""
        typer.echo(f"{source.state:8}{source.kind:10}{source.file}{licence}")
    here = sum(source.state == "here" for source in listed)
    typer.echo(f"{here} of {len(listed)} are in {sources.folder(chosen)}")


@data_app.command("fetch")
def fetch(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Sources; all if none is named.")
    ] = None,
    *,
    study: StudyOption = "",
    mirror: Annotated[
        Path | None, typer.Option(help="Folder to take files from; default: WORKBENCH_MIRROR.")
    ] = None,
    trust_first: Annotated[
        bool,
        typer.Option("--trust-first", help="Record the sha256 of originals that have none yet."),
    ] = False,
) -> None:
    """
    Bring larger public sources by address and sha256, or from a mirror folder.

    Example: workbench data fetch hubei_daily_asis_canghailan.csv --mirror /media/usb

    A file that is not the one on record is refused and what was here stays.
    """
    from analytics import study as studies
    from analytics.pool import sources

    chosen = studies.load(study)
    for path in sources.fetch(chosen, files or (), mirror, trust_first=trust_first):
        typer.echo(path)


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(data_app, name="data")
