"""Command that links one person's records across departments: link."""

from __future__ import annotations

from typing import Annotated

import typer

from analytics.cli.words import StudyOption


def link(
    *,
    study: StudyOption = "",
    train: Annotated[
        bool, typer.Option("--train", help="Train a model on the records first and store it.")
    ] = False,
    memory: Annotated[int, typer.Option(help="Memory of the engine [MB].", min=256)] = 6144,
) -> None:
    """
    Give each person one key across departments, sealed in the vault.

    Example: workbench link --train --study hubei-2020

    Reads the sealed originals of every kept delivery again. Only counts are printed; who is
    who stays in the vault. Train once, then again when departments change how they write.
    What the field answered about pairs goes before the model, and an approved threshold too.
    """
    from analytics import study as studies
    from analytics.privacy import keys
    from analytics.replay import daily

    chosen = studies.load(study)
    done = daily.link(chosen, keys.load(chosen.name), train=train, memory=memory)
    night, read = done.night, done.originals
    typer.echo(
        f"{read.deliveries} deliveries of {len(read.feeds)} linked feeds read, "
        f"{read.purged} purged, {read.unreadable} unreadable; {read.rows} rows"
    )
    typer.echo(
        f"{night.accepted} records: {night.unchanged} unchanged, {night.changed} corrected, "
        f"{night.quarantined} quarantined, {done.dropped} no longer held"
    )
    typer.echo(
        f"{done.persons} persons: {night.persons} new, {night.merged} merged; {night.joined} "
        f"records joined one known before, {night.moved} moved; {night.review} pairs for review"
    )


def mount(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(link)
