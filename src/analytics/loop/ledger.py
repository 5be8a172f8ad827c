"""
What was pushed and what came back: two feeds of the archive, and where each row stands.

Rows are added through the same append-only, chained archive as every delivery, so that what
was known at a moment can be asked for later. Nothing pushed or answered is ever changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from analytics import engine, tables
from analytics.pool import archive, protection
from analytics.privacy import disk
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analytics.study import Study

STATUSES = ("outstanding", "confirmed", "refuted", "unreachable", "moved", "adjudication")
VERIFIED = ("confirmed", "refuted")
RETURNED = ("unreachable", "moved", "adjudication")

_FEEDS = ("pushes", "verifications")
_lately: dict[tuple[Any, ...], tuple[pa.Table, pa.Table]] = {}
"""What was read last, under the deliveries it was read from."""

_ROWS = """
with rows as (
    select row, any_value(question) as question, any_value(row_version) as row_version,
        any_value(list) as list, any_value(list_version) as list_version,
        any_value(team) as team, any_value(county) as county, any_value(line) as line,
        any_value(duty) as duty, any_value(purpose) as purpose, any_value(subject) as subject,
        any_value(subject_kind) as subject_kind, any_value(asks) as asks,
        min(priority) as priority, any_value(pushed) as pushed, any_value(due) as due,
        bool_or(sampled) as sampled, any_value(inclusion) as inclusion
    from pushes group by row
), answered as (
    select row, count(distinct verdict) filter (verdict in ('confirmed', 'refuted')) as decisive,
        min(verdict) filter (verdict in ('confirmed', 'refuted')) as decision,
        count(distinct moved_to) filter (verdict = 'moved') as destinations,
        min(moved_to) filter (verdict = 'moved') as moved_to,
        max(verified) as verified
    from verifications where row_version >= latest_version group by row
), late as (
    select question, latest_version as row_version, list(distinct verdict) as verdicts
    from verifications where row_version < latest_version
        and verdict in ('confirmed', 'refuted') group by all
), judged as (
    select r.*, max(r.row_version) over (partition by r.question) = r.row_version as current,
        case when a.row is null then 'outstanding'
            when decisive = 1 then decision
            when decisive > 1 or destinations > 1 then 'adjudication'
            when destinations = 1 then 'moved'
            else 'unreachable' end as status,
        a.moved_to, a.verified
    from rows r left join answered a using (row)
)
select j.* exclude (status),
    case when l.verdicts is not null and l.verdicts <> [j.status]
        then 'adjudication' else j.status end as status
from judged j left join late l using (question, row_version)
order by question, row_version
"""


@lru_cache(maxsize=1)
def _memory(process: int) -> duckdb.DuckDBPyConnection:
    """
    Open one empty database a process: to open one costs more than most queries.

    Each query has a cursor of its own, so that none sees another's tables.
    """
    del process  # a fork opens its own
    connection = duckdb.connect(config={"temp_directory": ""})
    connection.execute("set enable_progress_bar = false")
    return connection


def query(text: str, values: Any = (), **named: pa.Table) -> pa.Table:
    """Answer a query on tables in memory, each known by its name; nothing is written to disk."""
    with _memory(os.getpid()).cursor() as connection:
        for name, table in named.items():
            connection.register(name, table)
        return connection.execute(text, values).to_arrow_table()


@contextlib.contextmanager
def held(study: Study) -> Iterator[None]:
    """
    Keep other runs of the loop out.

    Raises
    ------
    BusyError
        If another holds it for a minute.
    """
    folder = study.state / "loop"
    disk.make_private(folder)
    with disk.locked(folder / "lock", seconds=60):
        yield


def known(study: Study, moment: datetime) -> tuple[pa.Table, pa.Table]:
    """
    Rows of `pushes` and of `verifications` known at a moment, as in their contracts.

    What a process read last it reads from memory, as long as no delivery came in between.
    """
    folder = study.state / "archive"
    local = moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)
    listed = [e for e in archive.entries(folder) if e.feed in _FEEDS and e.delivered <= local]
    stamp = folder, tuple(listed)  # what a delivery brought never changes
    if stamp not in _lately:
        connection = engine.connect()
        try:
            found = archive.as_of(folder, moment, connection, feeds=_FEEDS)
            pushes, verifications = (
                engine.rows(found[feed].drop("record"), connection) for feed in _FEEDS
            )
        finally:
            connection.disconnect()
        _lately.clear()
        _lately[stamp] = pushes, verifications
    return _lately[stamp]


def rows(study: Study, moment: datetime) -> pa.Table:
    """
    Say where every pushed row stands.

    Parameters
    ----------
    study : Study
    moment : datetime
        What was pushed and answered by then.

    Returns
    -------
    pyarrow.Table
        One row per pushed row: its columns of PUSHES that do not depend on the rule,
        ``current`` (whether it is its question's latest), ``status`` (one of `STATUSES`),
        ``moved_to`` and ``verified`` (day of the latest check).

    Notes
    -----
    `confirmed` or `refuted` needs that all answers that decide agree; two that differ, or two
    destinations, are for `adjudication`. A stale answer counts for nothing but doubt: one that
    the version then out does not agree with sends that version to adjudication.
    """
    return standing(*known(study, moment))


def standing(pushes: pa.Table, verifications: pa.Table) -> pa.Table:
    """Where every pushed row stands, as :func:`rows` says, of given tables."""
    return query(_ROWS, pushes=pushes, verifications=verifications)


def balance(standing: pa.Table) -> dict[str, int]:
    """Count rows: ``pushed`` = ``verified`` + ``outstanding`` + ``returned``, always."""
    counted: Mapping[str, int] = {
        row["status"]: row["rows"]
        for row in query(
            "select status, count(*) as rows from standing group by status", standing=standing
        ).to_pylist()
    }
    return {
        "pushed": standing.num_rows,
        "verified": sum(counted.get(status, 0) for status in VERIFIED),
        "outstanding": counted.get("outstanding", 0),
        "returned": sum(counted.get(status, 0) for status in RETURNED),
    }


def append(study: Study, feed: str, added: pa.Table, moment: datetime) -> int:
    """
    Add rows to the archive as one delivery of the loop's own.

    Parameters
    ----------
    study : Study
    feed : str
        ``pushes`` or ``verifications``.
    added : pyarrow.Table
        Rows with the contract's columns.
    moment : datetime
        When it happened.

    Returns
    -------
    int
        Rows added; nothing is appended where there are none.
    """
    if not added.num_rows:
        return 0
    contract = tables.contract(feed)
    local = moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)
    names = [column.name for column in contract.columns]
    plain = added.select(names).append_column("withdrawn", pa.array([False] * added.num_rows))
    digest = _digest(plain)
    entry = archive.Entry(
        feed=feed,
        department=contract.department,
        date=local.date(),
        file=f"{feed}.{digest[:12]}.parquet",
        sha256=digest,
        delivered=local,
        part="",
        accepted=added.num_rows,
        quarantined=0,
        duplicates=0,
    )
    folder = study.state / "archive"
    with archive.writing(folder, wait_seconds=60):
        with duckdb.connect(config={"temp_directory": ""}) as connection:
            files = [(plain, entry.mark, entry.date)]
            kept = protection.protect(connection, files, contract, None)
        (part,) = archive.write_parts(folder, feed, kept)
        archive.append(folder, [replace(entry, part=part)])
    return int(added.num_rows)


def _digest(added: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, added.schema) as writer:
        writer.write_table(added.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def empty(feed: str) -> pa.Table:
    """Table of a feed's own columns without rows."""
    own = {column.name for column in tables.contract(feed).columns}
    schema = archive.schema(tables.contract(feed))
    return pa.schema([field for field in schema if field.name in own]).empty_table()
