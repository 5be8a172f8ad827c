"""Commands of the pool: pool, deliveries list|show|check|template|requests, archive verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption
from analytics.errors import ArchiveError, ContractError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from analytics.privacy.keys import Ring
    from analytics.study import Study

deliveries_app = typer.Typer(no_args_is_help=True, help="What departments delivered and owe.")
archive_app = typer.Typer(no_args_is_help=True, help="The store behind every analysis.")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("pool")(pool)
    app.add_typer(deliveries_app, name="deliveries")
    app.add_typer(archive_app, name="archive")


def pool(
    *,
    study: StudyOption = "",
    engine: Annotated[
        Literal["duckdb", "spark"], typer.Option(help="Where rows are checked.")
    ] = "duckdb",
    as_of: Annotated[
        str, typer.Option(help="Also say what the archive held at 24:00 of this day.")
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing if all goes well.")] = False,
) -> None:
    """
    Take every complete delivery into the archive, the study's published files first.

    Example: workbench pool --study hubei-2020 --as-of 2020-02-29

    Files lie in <state>/inbox/<department>/<date>/<feed>.csv (also .xlsx .jsonl .parquet .gz),
    each with <file>.done beside it. Receipts appear under <state>/receipts.
    """
    from analytics import engine as engines
    from analytics import study as studies
    from analytics.pool import staging

    chosen = studies.load(study)
    at = studies.moment(words.day(as_of)) if as_of else None

    def progress(done: int, of: int) -> None:
        if not quiet:
            typer.echo(f"\r{done} of {of} deliveries", nl=done == of, err=True)

    brought = 0
    if not staging.current(chosen):
        from analytics.pool import figures

        brought = figures.bring(chosen, progress)
    inbox = chosen.state / "inbox"
    said = f"{brought} published deliveries taken in; the inbox is empty"
    if any(path.is_file() for path in inbox.rglob("*")):
        spill = chosen.state / "spill"
        checker = engines.connect(engine, spill=spill) if engine == "spark" else None
        said = _pooled(chosen, brought, progress, checker)
    if not quiet:
        typer.echo(said)
        if at is not None:
            typer.echo(_held(chosen, at))


def _pooled(chosen: Study, brought: int, progress: Callable[[int, int], None], checker: Any) -> str:
    """Take the inbox in; says what became of it."""
    from analytics.pool import pooling

    outcome = pooling.run(chosen, _ring(chosen), progress, checker)
    refused = sum(bool(entry.refused) for entry in outcome.added)
    accepted = sum(entry.accepted for entry in outcome.added)
    quarantined = sum(entry.quarantined for entry in outcome.added)
    return (
        f"{len(outcome.added) + brought} deliveries taken in ({refused} refused whole), "
        f"{outcome.repeated} known before, {outcome.waiting} files left waiting; "
        f"{accepted} rows accepted, {quarantined} quarantined"
    )


def _ring(chosen: Study) -> Ring | None:
    """Keys of a study; none where it never had any."""
    from analytics.errors import KeyringError
    from analytics.privacy import keys

    try:
        return keys.load(chosen.name)
    except KeyringError:
        if keys.location(chosen.name)[0].exists():
            raise
        return None


def _held(chosen: Study, at: datetime) -> str:
    """Say how many rows each feed held at a moment."""
    from analytics import engine
    from analytics.pool import archive

    connection = engine.connect()
    folder = chosen.state / "archive"
    came = {entry.feed for entry in archive.entries(folder) if entry.delivered <= at}
    known = archive.as_of(folder, at, connection)
    counted = [f"{f}  {connection.execute(known[f].count())} rows" for f in sorted(came)]
    return "\n".join(counted) or "nothing was known yet"


@deliveries_app.command("list")
def ledger(
    *,
    study: StudyOption = "",
    as_of: Annotated[str, typer.Option(help="Known by this moment; now without it.")] = "",
) -> None:
    """
    Show the account of every time node: due, on time, late, missing, completeness.

    Example: workbench deliveries list --as-of 2020-02-29
    """
    from datetime import datetime

    from analytics import study as studies
    from analytics.pool import archive, time_nodes

    chosen = studies.load(study)
    at = studies.moment(words.day(as_of)) if as_of else datetime.now(studies.ZONE)
    entries = archive.entries(chosen.state / "archive")
    account = time_nodes.ledger(chosen, entries, at)
    if account.empty:
        typer.echo(
            f"no time node of study '{chosen.name}' is due; {len(entries)} deliveries taken in"
        )
        return
    typer.echo(account.to_string(index=False, na_rep="-"))


@deliveries_app.command("show")
def show(name: str, *, study: StudyOption = "") -> None:
    """
    Show the receipts of a delivery.

    Example: workbench deliveries show health/2020-02-29/cases
    """
    from analytics import study as studies
    from analytics.pool import deliveries

    found = [r for r in deliveries.receipts(studies.load(study)) if r["name"].startswith(name)]
    if not found:
        raise ParameterError(
            f"no delivery's name begins with '{name}'", remedy="`workbench deliveries list`"
        )
    for receipt in found:
        for key, value in receipt.items():
            shown = value.items() if isinstance(value, dict) else [("", value)]
            for inner, said in shown:
                typer.echo(f"{key}{': ' + inner if inner else ''}: {said}")
        typer.echo("")


@deliveries_app.command("check")
def check(
    file: Path,
    *,
    feed: Annotated[str, typer.Option(help="Feed the file belongs to.")],
    study: StudyOption = "",
) -> None:
    """
    Find a file's errors before it is sent; nothing is kept.

    Example: workbench deliveries check cases.xlsx --feed cases

    Exit code 11 if any row or the file as a whole would be quarantined.
    """
    from datetime import datetime

    import duckdb

    from analytics import study as studies
    from analytics import tables
    from analytics.pool import intake, reading, regions, suggestions

    chosen, contract = studies.load(study), tables.contract(feed)
    if not file.is_file():
        raise ParameterError(f"there is no file '{file}'")
    places = regions.places(chosen)
    today = datetime.now(studies.ZONE).date()
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        read = reading.read(file, contract)
        taken = intake.take(connection, read, contract, places, today)
    counted = f"{taken.rows} rows: {taken.accepted.num_rows} sound, {taken.duplicates} duplicate"
    if taken.quarantined:
        grouped = taken.rejected.group_by(["column", "reason"]).aggregate(
            [("position", "count"), ("position", "min")]
        )
        breaches = [
            f"{row['column'] or 'row'}: {row['reason']}, {row['position_count']} rows, "
            f"first row {row['position_min']}"
            for row in grouped.to_pylist()
        ]
        raise ContractError(
            f"'{file.name}' breaks the contract of '{feed}' in {taken.quarantined} rows "
            f"({counted})",
            sorted(breaches) + suggestions.nearest(read, taken, feed, places[0], chosen.region),
            "the other rows would be accepted",
        )
    typer.echo(counted)


@deliveries_app.command("template")
def template(
    feed: Annotated[str, typer.Argument(help="Feed; empty with --dictionary.")] = "",
    *,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    dictionary: Annotated[bool, typer.Option(help="Write data/README.md instead.")] = False,
) -> None:
    """
    Write a feed's XLSX template and its Frictionless Table Schema.

    Example: workbench deliveries template cases --output /tmp
    """
    import json

    from analytics import study as studies
    from analytics import tables
    from analytics.pool import templates

    if dictionary:
        path = studies.root() / "data" / "README.md"
        path.write_text(templates.dictionary(), encoding="utf-8")
        typer.echo(str(path))
        return
    contract = tables.contract(feed)
    book, schema = output / f"{feed}.xlsx", output / f"{feed}.schema.json"
    templates.write_template(contract, book)
    text = json.dumps(templates.table_schema(contract), ensure_ascii=False, indent=1)
    schema.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"{book}\n{schema}")


@deliveries_app.command("requests")
def requests(
    *,
    study: StudyOption = "",
    ask: Annotated[str, typer.Option(help="Register: FEED:FIELD,FIELD")] = "",
    asked_by: Annotated[str, typer.Option("--by", help="Who asks, or who approves.")] = "",
    purpose: Annotated[str, typer.Option(help="What for.")] = "",
    until: Annotated[str, typer.Option(help="Until which day.")] = "",
    approve: Annotated[int, typer.Option(help="Number of the request to approve.")] = 0,
) -> None:
    """
    Show, register or approve data requests.

    Example: workbench deliveries requests --ask cases:onset,county --by "CDC team 3"
    --purpose statistics --until 2020-04-30
    """
    from datetime import date

    from analytics import study as studies
    from analytics.pool import requests as register

    path = studies.load(study).state / "requests.jsonl"
    if (ask or approve) and not asked_by:
        raise ParameterError("nobody is named", remedy="say who with --by")
    if ask:
        feed, _, fields = ask.partition(":")
        try:
            last = date.fromisoformat(until)
        except ValueError as error:
            raise ParameterError(f"--until: '{until}' is not a day") from error
        register.ask(path, asked_by, feed, tuple(fields.split(",")), purpose, last)
    elif approve:
        register.approve(path, approve, asked_by)
    for r in register.register(path):
        leave = f"approved by {r.approved_by}" if r.approved_by else "not approved"
        fields = ", ".join(r.fields)
        typer.echo(
            f"{r.number}  {r.asked_by}  {r.feed}: {fields}  {r.purpose}  until {r.until}  {leave}"
        )


@archive_app.command("verify")
def verify(*, study: StudyOption = "") -> None:
    """
    Hash every part of the archive again; name what is damaged and what was purged.

    Example: workbench archive verify --study hubei-2020
    """
    from analytics import study as studies
    from analytics.pool import archive, pooling

    chosen = studies.load(study)
    folder = chosen.state / "archive"
    for stone in pooling.purged(chosen, _ring(chosen)):
        typer.echo(str(stone))
    damage = archive.verify(folder)
    if damage:
        raise ArchiveError(
            f"{len(damage)} parts of the archive are damaged", damage, "restore them from backup"
        )
    typer.echo(f"{len(archive.entries(folder))} deliveries, every part whole")
