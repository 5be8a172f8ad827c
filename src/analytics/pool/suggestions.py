"""What an unknown region was probably meant to be: the gazetteer's name, never the text itself."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from analytics import tables
from analytics.pool.reading import POSITION

if TYPE_CHECKING:
    import pyarrow as pa

    from analytics.pool.intake import Intake
    from analytics.pool.reading import Reading

MOST = 10  # different texts that are looked up; each costs some milliseconds


def nearest(
    reading: Reading, taken: Intake, feed: str, names: pa.Table, province: str
) -> list[str]:
    """
    Suggest regions for the first rows whose region nobody knows.

    Parameters
    ----------
    reading : Reading
        The file as text.
    taken : Intake
        What became of its rows.
    feed : str
    names : pyarrow.Table
        ``text, region``, as `regions.places` gives.
    province : str
        Code of the study's province, whose regions are suggested.

    Returns
    -------
    list of str
        One line for each of the first different texts that come near a name. The text itself is
        left out: a cell in the wrong column may hold a person's name.
    """
    home = names.filter(pc.starts_with(names["region"], province[:2]))
    known = dict(zip(home["text"].to_pylist(), home["region"].to_pylist(), strict=True))
    words = [word for word in known if not word.isdigit()]
    columns = [c.name for c in tables.contract(feed).columns if c.kind == "region"]
    lines: list[str] = []
    seen: set[str] = set()
    wrong = taken.rejected.filter(pc.equal(taken.rejected["reason"], "unknown_region"))
    for fault in wrong.sort_by("position").to_pylist():
        row, column = fault["position"], fault["column"]
        cell = reading.rows.filter(pc.equal(reading.rows[POSITION], row))[column][0].as_py()
        if column not in columns or cell in seen:
            continue
        if len(seen) == MOST:
            break
        seen.add(cell)
        if near := _near(cell, known, words):
            lines.append(f"row {row}: {near}")
    return lines


def _near(cell: str, known: dict[str, str], words: list[str]) -> str:
    if cell.isdigit():
        prefecture = f"{cell[:4]}00"
        called = [word for word, region in known.items() if region == prefecture and word in words]
        return f"codes of {max(called, key=len)} begin with {cell[:4]}" if called else ""
    near = difflib.get_close_matches(cell, words, n=1)
    return f"did you mean {near[0]} ({known[near[0]]})?" if near else ""
