"""
Docking with a department's own database: one query, carried forward by a watermark.

What the query gives becomes an ordinary delivery in the inbox and is checked like any
other. The watermark moves only when the delivery is complete; a query killed halfway is asked
again, and what came twice adds nothing.
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import tables
from analytics.errors import ContractError, SetupError, SourceError
from analytics.pool import deliveries
from analytics.privacy.disk import make_private
from analytics.study import ZONE, clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analytics.study import Study

_BATCH = 50_000
_START = {"watermark": None}


def fetch(
    study: Study,
    feed: str,
    url: str,
    query: str,
    *,
    watermark: str = "",
    delivered: datetime | None = None,
) -> int:
    """
    Ask a department's database for what is new, and put it into the inbox.

    Parameters
    ----------
    study : Study
    feed : str
        Feed that the rows belong to; the query's columns are named by its contract.
    url : str
        SQLAlchemy URL. It is not kept, and appears in no message.
    query : str
        One SELECT. With a watermark it holds ``:watermark`` where rows later than the last
        delivery are picked, and must let it be null for the first: ``WHERE :watermark IS NULL
        OR changed > :watermark``.
    watermark : str, optional
        Column of the result whose greatest value is remembered; it need not be in the contract.
    delivered : datetime, optional
        When; now without it.

    Returns
    -------
    int
        Rows put into the inbox; none makes no delivery.

    Raises
    ------
    ContractError
        If the result lacks the watermark's column.
    SetupError
        If the database's driver is not installed.
    SourceError
        If the database refuses; its own words may hold values and are left out.
    """
    import sqlalchemy

    contract = tables.contract(feed)
    engine = _engine(url, feed)
    path = study.state / "watermarks" / f"{feed}.json"
    before = _before(path)
    when = delivered or datetime.now(ZONE)
    given = {"watermark": before} if ":watermark" in query else {}
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.execute(sqlalchemy.text(query), given)
            names = list(result.keys())
            if watermark and watermark not in names:
                raise ContractError(f"the query for '{feed}' gives no column '{watermark}'")
            batches, newest = [], before
            while rows := result.fetchmany(_BATCH):
                batches.append(_batch(names, rows))
                if watermark:
                    place = names.index(watermark)
                    newest = _newest(newest, [row[place] for row in rows])
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise SourceError(
            f"the database of feed '{feed}' refused ({type(error).__name__})",
            remedy="try the query there by hand; the watermark has not moved",
        ) from None
    finally:
        engine.dispose()
    if not batches:
        return 0
    known = [c.name for c in contract.columns] + ["withdrawn"]
    table = pa.concat_tables(batches)
    table = table.select([name for name in names if name in known])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True)
    deliveries.drop(
        study,
        feed,
        when.astimezone(ZONE).date(),
        bytes(sink.getvalue()),
        suffix=".parquet",
        delivered=when,
        part=when.astimezone(ZONE).strftime("%H%M%S%f"),
    )
    if watermark:
        _remember(path, newest)
    return int(table.num_rows)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = clock(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _batch(names: Sequence[str], rows: Sequence[Any]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        {n: pa.array(map(_text, c), pa.string()) for n, c in zip(names, columns, strict=True)}
    )


def _newest(before: Any, values: Sequence[Any]) -> Any:
    found = [value for value in values if value is not None]
    if before is not None:
        found.append(before)
    return max(found, default=None)


def _engine(url: str, feed: str) -> Any:
    import sqlalchemy

    try:
        return sqlalchemy.create_engine(url, hide_parameters=True)
    except (ImportError, sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
        raise SetupError(
            f"the database of feed '{feed}' cannot be spoken to",
            remedy="check the URL's form and that its driver is installed",
        ) from error


def _before(path: Path) -> Any:
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else _START
    kind, value = said.get("kind"), said["watermark"]
    if value is None:
        return None
    if kind == "datetime":
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if kind == "date" else value


def _remember(path: Path, newest: Any) -> None:
    kind = type(newest).__name__
    value = newest.isoformat() if isinstance(newest, (date, datetime)) else newest
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    make_private(path.parent)
    arriving = path.with_suffix(".tmp")
    arriving.write_text(json.dumps({"kind": kind, "watermark": value}), encoding="utf-8")
    with arriving.open("rb") as stream:
        os.fsync(stream.fileno())
    arriving.replace(path)
