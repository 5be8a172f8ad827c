"""Linked tables: drawn in text, a row a line and an empty cell not known, or simulated."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from analytics import tables
from analytics.simulation.world import Rows

KINDS = {
    "date": (pa.date32(), date.fromisoformat),
    "moment": (pa.timestamp("us"), datetime.fromisoformat),
    "integer": (pa.int64(), int),
    "number": (pa.float64(), float),
    "yes_no": (pa.bool_(), lambda word: {"yes": True, "no": False}[word]),
}


def linked(feed: str, text: str) -> ibis.Table:
    """One linked feed of the columns drawn, ``person`` among them."""
    header, *lines = [[cell.strip() for cell in line.split("|")] for line in text.split("\n")
                      if line.strip()]  # fmt: skip
    contract = tables.contract(feed)
    columns: dict[str, Any] = {}
    for place, name in enumerate(header):
        kind = "code" if name == "person" else contract[name].kind
        type_, read = KINDS.get(kind, (pa.string(), str))
        cells = [read(line[place]) if line[place] else None for line in lines]
        columns[name] = pa.array(cells, type_)
    return ibis.memtable(pa.table(columns))


def known(rows: Rows) -> ibis.Table:
    """Latest version of each row, typed as the archive types it, with who it is about."""
    contract = tables.contract(rows.feed)
    table = rows.table.append_column("at", pa.array(np.arange(rows.table.num_rows)))
    latest = table.group_by(list(contract.key)).aggregate([("at", "max")])["at_max"]
    columns = {"person": pa.array([f"p{n}" if n >= 0 else None for n in rows.person])}
    for column in contract.columns:
        if column.archived == "clear" and column.name in rows.table.column_names:
            kind = KINDS.get(column.kind, (pa.string(), str))[0]
            columns[column.name] = rows.table[column.name].combine_chunks().cast(kind)
    return ibis.memtable(pa.table(columns).take(latest))
