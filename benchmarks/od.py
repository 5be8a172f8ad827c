"""Fifty million trips to an origin–destination table, beside pandas and Polars in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TRIPS = 50_000_000
COUNTIES = 103
DAYS = 90

# imports come before the clock starts, for all three
OURS = (
    """
from pathlib import Path
from analytics import engine
from analytics.analysis import channel
connection = engine.connect(memory="100MB", spill=Path(out).parent / "spill")
""",
    """
flows = channel.flows(connection.read_parquet(path))
connection.to_parquet(flows, out)
""",
)
PANDAS = (
    """
import pandas as pd
import pyarrow.parquet
""",
    """
trips = pd.read_parquet(path)
flows = trips.groupby(["date", "channel", "origin", "destination"], observed=True).size()
flows.rename("travellers").reset_index().to_parquet(out)
""",
)
POLARS = (
    """
import polars as pl
""",
    """
flows = pl.scan_parquet(path).group_by("date", "channel", "origin", "destination").len()
flows.collect().write_parquet(out)
""",
)
TIMED = """
import json, resource, sys, time
path, out = sys.argv[1:]
{imports}
started, before = time.perf_counter(), time.process_time()
{body}
print(json.dumps({{"seconds": time.perf_counter() - started,
                  "processor": time.process_time() - before,
                  "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}}))
"""


def run() -> list[dict[str, object]]:
    """
    Count the same file three ways, each in a process of its own.

    Seconds are from the file of trips to the written table, imports not counted. Peak memory is
    the whole process's: ours includes 100 MB that DuckDB may use before it spills, and the array
    of counts.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "trips.parquet"
        _write(path)
        ours = _measured([sys.executable], OURS, path)
        rows = []
        for peer, command, code in (
            ("pandas", [sys.executable], PANDAS),
            ("Polars", ["uv", "run", "--no-project", "--with", "polars", "python"], POLARS),
        ):
            theirs = _measured(command, code, path)
            if theirs["table"] != ours["table"]:
                raise AssertionError(f"{peer} counted otherwise: {theirs}, we {ours}")
            for measure, unit in (("seconds", "s"), ("processor", "processor s")):
                rows.append(
                    {
                        "name": "od",
                        "what": f"{TRIPS:,} trips to {ours['table'][0]:,} cells, beside {peer} "
                        f"[{unit}]",
                        "ours": ours[measure],
                        "peer": theirs[measure],
                        "ratio": theirs[measure] / ours[measure],
                        "peak_memory_mb": ours["megabytes"],
                    }
                )
    return rows


def _write(path: Path) -> None:
    """Trips between counties; a few of these see most, as traffic has it."""
    import duckdb

    def drawn(shift: int) -> str:
        return f"((hash(i + {shift}) % 1000000) / 1e6)"

    duckdb.sql(
        f"""
        COPY (
            SELECT DATE '2020-01-01' + CAST({drawn(0)} * {DAYS} AS INTEGER) AS date,
                   ['road', 'rail', 'air', 'water'][CAST(1 + hash(i + 1) % 4 AS INTEGER)]
                   AS channel,
                   CAST(420100 + CAST({drawn(2)} ** 3 * {COUNTIES} AS INTEGER) AS VARCHAR)
                   AS origin,
                   CAST(420100 + CAST({drawn(3)} ** 3 * {COUNTIES} AS INTEGER) AS VARCHAR)
                   AS destination
            FROM range({TRIPS}) AS t(i)
        ) TO '{path}' (FORMAT parquet)
        """
    )


def _measured(command: list[str], code: tuple[str, str], path: Path) -> dict[str, Any]:
    """Seconds, peak memory, and the table: its cells, their sum, and the sum of their squares."""
    import duckdb

    out = path.with_name("flows.parquet")
    out.unlink(missing_ok=True)
    source = TIMED.format(imports=code[0], body=code[1])
    said = subprocess.run(
        [*command, "-c", source, str(path), str(out)], check=True, capture_output=True, text=True
    )
    measured: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    counted = duckdb.sql(
        f"SELECT count(*), sum(n), sum(n * n) FROM (SELECT #5 AS n FROM '{out}')"
    ).fetchone()
    return measured | {"table": tuple(map(int, counted or ()))}
