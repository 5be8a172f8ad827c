"""
Every version of a feed's rows, with the days from and until which it stood.

What a day knew follows from the days alone: a row stood on the evening of each day from
``since`` on, and no longer on the evening of ``until``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analytics import tables
from analytics.pool import archive
from analytics.pool.listing import part_path
from analytics.study import ZONE

if TYPE_CHECKING:
    from pathlib import Path

    import ibis.expr.types as ir

SPELL = pa.schema([("since", pa.date32()), ("until", pa.date32())])
_MOMENT = timedelta(microseconds=1)


def history(folder: Path, moment: datetime, connection: Any, feed: str) -> ir.Table:
    """
    Read all versions of a feed's rows that were told by a moment.

    Parameters
    ----------
    folder : Path
        The archive's folder.
    moment : datetime
        Deliveries that arrived later are left out; without zone, Asia/Shanghai is meant.
    connection : ibis backend
        As `engine.connect` gives.
    feed : str

    Returns
    -------
    ibis.Table
        Columns of `archive.as_of`, and the dates ``since`` and ``until`` (empty where the version
        still stands). Versions that did not last until an evening are left out, and so is the
        time during which a row was withdrawn.

    Notes
    -----
    Versions follow one another as in `archive.as_of`: one of an earlier day that is told later
    changes nothing.
    """
    import ibis

    contract = tables.contract(feed)
    columns = ["record", *(c.name for c in contract.columns if c.archived != "withheld")]
    local = moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)
    known = [
        e
        for e in archive.entries(folder)
        if e.feed == feed and e.part and e.delivered <= local
    ]  # fmt: skip
    if not known:
        empty = pa.schema([*archive.schema(contract), *SPELL]).empty_table()
        return ibis.memtable(empty).select(*columns, *SPELL.names)
    paths = sorted({str(part_path(folder, e.feed, e.part)) for e in known})
    rows = connection.read_parquet(paths)
    told = archive.told(known)
    listing = pa.table(
        {
            "delivery": [mark for _, mark in told],
            "_told": pa.array(
                [at.replace(tzinfo=None) for at in told.values()], pa.timestamp("us")
            ),
            # what arrives at 24:00 is known on that evening
            "since": pa.array([(at - _MOMENT).date() for at in told.values()], pa.date32()),
        }
    )
    dated = rows.join(ibis.memtable(listing), "delivery")
    same = ibis.window(
        group_by=["record", "for_date", "version"], order_by=[dated["_told"], dated["delivery"]]
    )
    numbered = dated.mutate(_again=ibis.row_number().over(same))
    first = numbered.filter(numbered["_again"] == 0)
    return _spells(first).select(*columns, *SPELL.names)


def _spells(first: ir.Table) -> ir.Table:
    """Versions that took the place of what stood, each until the next one did."""
    import ibis

    keys = ["_told", "for_date", "version"]
    so_far = ibis.window(group_by="record", order_by=keys, preceding=None, following=0)
    latest = first.mutate(_latest=first["for_date"].max().over(so_far))
    latest = latest.filter(latest["for_date"] >= latest["_latest"])
    turn = ibis.window(group_by="record", order_by=keys)
    dated = latest.mutate(until=latest["since"].lead().over(turn))
    lasted = dated["until"].isnull() | (dated["until"] > dated["since"])
    return dated.filter(lasted & ~dated["withdrawn"])
