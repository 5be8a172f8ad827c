"""The page docs/benchmarks.md: every measured row, beside its peer, with its day and machine."""

from __future__ import annotations

import importlib
import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks import Row

HEAD = """# Benchmarks

Written by `make bench` from `benchmarks/results.json`. Each row was measured beside its peer in one
run; rows that did not run keep their day. Times are elapsed seconds and memory is the peak of ours,
unless the row says otherwise.
"""


def page(rows: Iterable[Row]) -> str:
    """Lay out the page; rows sorted by benchmark."""
    parts = [HEAD]
    for name, found in groupby(rows, key=itemgetter("benchmark")):
        some = list(found)
        module = importlib.import_module(f"benchmarks.{str(name).replace('-', '_')}")
        said = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        measured = dict.fromkeys(
            f"{str(row['date'])[:10]}, {row['machine']}, Python {row['python']}" for row in some
        )
        parts += [
            f"\n## {name}\n\n{said}\n",
            "| what | ours | peer | ratio | memory [MB] |\n| --- | --- | --- | --- | --- |",
            *(_line(row) for row in some),
            f"\nMeasured {'; '.join(measured)}.",
        ]
    return "\n".join(parts) + "\n"


def _line(row: Row) -> str:
    cells = (_said(row[name]) for name in ("what", "ours", "peer", "ratio", "peak_memory_mb"))
    return f"| {' | '.join(cells)} |"


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return re.sub(r"\s+", " ", str(value)).replace("|", "/")
    if isinstance(value, int | float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')} {_said(one)}" for key, one in value.items())
    return "; ".join(map(_said, value)) if isinstance(value, list | tuple) else str(value)
