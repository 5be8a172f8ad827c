"""Command that puts a day's reports together: digest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption


def digest(
    *,
    study: StudyOption = "",
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", help="Day of the reports; default: the study's own.", metavar="DATE"
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            help="Say what changed since the reports of this day, instead.", metavar="DATE"
        ),
    ] = "",
    output: Annotated[Path, typer.Option(help="Folder of all reports.")] = Path("reports"),
    pdf: Annotated[bool, typer.Option("--pdf", help="Print each page to A4 beside it.")] = False,
) -> None:
    """
    Put a day's reports on one page: what needs a decision, what each finds, which is missing.

    Example: workbench digest --as-of 2020-02-29 --pdf

    Example: workbench digest --as-of 2020-02-29 --since 2020-02-28

    It says what the reports' own pages say, and is made of nothing else. With `workbench schedule
    add --send` its PDF goes out each morning. Exit codes: 12 no report of that day is there.
    """  # fmt: skip
    from analytics import study as studies
    from analytics.reporting import catalogue, printing
    from analytics.reporting import digest as made

    chosen = studies.load(study)
    day = words.day(as_of) if as_of else chosen.as_of
    if pdf:
        printing.browser()
    pages = (
        made.changes(output, chosen, words.day(since), day)
        if since
        else made.write(output, chosen, day)
    )
    for page in pages:
        words.tell(page, "made")
        if pdf:
            words.tell(printing.bring(page), "printed")
    catalogue.write(output)


def mount(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(digest)
