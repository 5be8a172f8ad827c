"""Fifty million trips to an origin–destination table, beside pandas and Polars in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TRIPS = 50_000_000
COUNTIES = 103
DAYS = 90

OURS = """
import ibis
from analytics import engine
from analytics.analysis import channel
connection = engine.connect(memory="400MB")
trips = connection.read_parquet(path)
count = len(channel.flows(trips).to_pyarrow())
"""
PANDAS = """
import pandas as pd
trips = pd.read_parquet(path)
count = len(trips.groupby(["date", "channel", "origin", "destination"], observed=True).size())
"""
POLARS = """
import polars as pl
trips = pl.scan_parquet(path)
count = trips.group_by("date", "channel", "origin", "destination").len().collect().height
"""
TIMED = """
import json, resource, sys, time
path = sys.argv[1]
started = time.perf_counter()
{body}
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps({{"seconds": seconds, "megabytes": peak, "rows": count}}))
"""


def run() -> list[dict[str, object]]:
    """Count the same file three ways, each in a process of its own, imports included."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "trips.parquet"
        _write(path)
        ours = _measured([sys.executable], OURS, path)
        rows = []
        for peer, command, body in (
            ("pandas", [sys.executable], PANDAS),
            ("Polars", ["uv", "run", "--no-project", "--with", "polars", "python"], POLARS),
        ):
            theirs = _measured(command, body, path)
            if theirs["rows"] != ours["rows"]:
                raise AssertionError(f"{peer} found {theirs['rows']} cells, we {ours['rows']}")
            rows.append(
                {
                    "name": "od",
                    "what": f"{TRIPS:,} trips to {ours['rows']:,} cells, beside {peer} [s]",
                    "ours": ours["seconds"],
                    "peer": theirs["seconds"],
                    "ratio": theirs["seconds"] / ours["seconds"],
                    "peak_memory_mb": ours["megabytes"],
                }
            )
    return rows


def _write(path: Path) -> None:
    import duckdb

    duckdb.sql(
        f"""
        COPY (
            SELECT DATE '2020-01-01' + CAST(hash(i) % {DAYS} AS INTEGER) AS date,
                   ['road', 'rail', 'air', 'water'][1 + hash(i + 1) % 4] AS channel,
                   CAST(420100 + hash(i + 2) % {COUNTIES} AS VARCHAR) AS origin,
                   CAST(420100 + hash(i + 3) % {COUNTIES} AS VARCHAR) AS destination
            FROM range({TRIPS}) AS t(i)
        ) TO '{path}' (FORMAT parquet)
        """
    )


def _measured(command: list[str], body: str, path: Path) -> dict[str, float]:
    source = TIMED.format(body=body)
    said = subprocess.run(
        [*command, "-c", source, str(path)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(said.stdout.splitlines()[-1]))
