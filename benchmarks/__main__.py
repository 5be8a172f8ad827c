"""
Run benchmarks by name, or all of them: ``python -m benchmarks [NAME…]``.

A benchmark is a module of this folder with a function ``run() -> list[dict]``, whose rows
hold name, what, ours, peer, ratio and peak_memory_mb. Each runs in a process of its own,
so that none warms another's caches or adds to its peak memory. Machine and date are added
here; rows of benchmarks that did not run this time stay in results.json as they were. The page
docs/benchmarks.md is written from all of them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks import COLUMNS, HERE, Row, _page, names, rows_of

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"


def stamp() -> Row:
    """When and on what this is measured; the lock file says with which packages."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


def measure(name: str) -> list[Row]:
    """Run one benchmark in a fresh process; an error is printed and gives no rows."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as executor:
        try:
            return executor.submit(rows_of, name).result()
        except Exception:  # noqa: BLE001 (one broken benchmark must not hide the others)
            traceback.print_exc()
            return []


def keep(rows: list[Row], measured: list[str], path: Path) -> list[Row]:
    """Write rows to the results, beside the earlier ones of benchmarks not measured now; all."""
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    kept = [row for row in earlier if row["benchmark"] not in measured]
    merged = sorted(kept + rows, key=lambda row: (str(row["benchmark"]), str(row["name"])))
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(merged, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return merged


def show(rows: list[Row]) -> None:
    """Print rows as a table."""
    table = Table(*COLUMNS)
    for row in rows:
        cells = (row[column] for column in COLUMNS)
        table.add_row(*(f"{c:,.3g}" if isinstance(c, float) else str(c) for c in cells))
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run what was named; the exit code is 1 if a benchmark failed, 2 for an unknown name."""
    known = names()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(known) or 'none yet'}")
    wanted = parser.parse_args(arguments).name or known
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    measured = stamp()
    results = {name: measure(name) for name in wanted}
    rows = [{"benchmark": n, **row, **measured} for n, found in results.items() for row in found]
    show(rows)
    every = keep(rows, [name for name, found in results.items() if found], RESULTS)
    PAGE.write_text(_page.page(every), encoding="utf-8")
    failed = [name for name, found in results.items() if not found]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
