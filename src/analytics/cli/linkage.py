"""Command that links one person's records across departments: link."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from analytics.errors import WorkbenchError

_ROLE = "keeper"

StudyOption = Annotated[
    str, typer.Option(help="Study under data/; default: the session's study.", metavar="NAME")
]


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
    from analytics.loop import feedback, ledger, thresholds
    from analytics.pool.linkage.sealed import link_study
    from analytics.privacy import audit, keys

    chosen = studies.load(study)
    ring = keys.load(chosen.name)
    log, counts = chosen.state / "audit.jsonl", {"train": int(train)}
    audit.record(log, "link.begin", chosen.name, role=_ROLE, counts=counts)
    import duckdb

    try:
        outcomes = feedback.outcomes(*ledger.known(chosen, datetime.now(studies.ZONE)))
        approved = thresholds.approved(chosen, "linkage")
        done = link_study(
            chosen,
            ring,
            train=train,
            memory_limit_mb=memory,
            threshold=approved[-1][1] if approved else None,
            decided=feedback.decided_pairs(outcomes),
        )
    except duckdb.OutOfMemoryException:
        raise WorkbenchError(
            f"linking study '{chosen.name}' needs more than {memory} MB",
            remedy="give it more with --memory; what was linked before stands as it was",
        ) from None
    night, read = done.night, done.originals
    counts = {
        "deliveries": read.deliveries,
        "records": night.accepted,
        "persons": done.persons,
        "review": night.review,
    }
    audit.record(log, "link", chosen.name, role=_ROLE, counts=counts)
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
