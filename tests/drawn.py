"""Linked tables drawn in text: a header, and a row a line; an empty cell is not known."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa

from analytics import tables

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
