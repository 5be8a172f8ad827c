"""
Ten million tickets, twenty thousand cases: who sat near them, beside pandas in one run.

Both hold the tickets in memory and find every pair in one carriage of one run, aboard at
once, at most three rows apart; the two numbers of pairs must be equal. Imports, making and
loading of tickets are not counted. pandas is spared the weights by seat and hours.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TICKETS = 10_000_000
CASES = 20_000

MADE = f"""
CREATE MACRO draw(i, salt) AS hash(i * 64 + salt) / 18446744073709551616.0;
COPY (
  SELECT md5(CAST(CAST(floor(draw(i, 1) * 4000000) AS BIGINT) AS VARCHAR)) AS person,
    'T' || i AS ticket_number, 'rail' AS mode, 'G' || (i // 640 % 1200) AS service,
    DATE '2020-01-20' + CAST(i // (640 * 1200) AS INT) AS service_date,
    CAST(1 + i // 80 % 8 AS VARCHAR) AS carriage, 1 + i // 5 % 16 AS row,
    'ABCDF'[1 + CAST(i % 5 AS INT)] AS seat,
    CAST(floor(draw(i, 2) * 5) AS BIGINT) AS board_stop,
    5 + CAST(floor(draw(i, 3) * 5) AS BIGINT) - CAST(floor(draw(i, 4) * 5) AS BIGINT)
      + CAST(floor(draw(i, 2) * 5) AS BIGINT) AS alight_stop,
    DATE '2020-01-20' + CAST(i // (640 * 1200) AS INT) + INTERVAL 8 HOUR AS departure,
    DATE '2020-01-20' + CAST(i // (640 * 1200) AS INT) + INTERVAL 11 HOUR AS arrival
  FROM range({TICKETS}) t(i)
) TO 'PLACE/tickets.parquet' (FORMAT parquet);
COPY (
  SELECT md5(CAST(i * 200 AS VARCHAR)) AS person, DATE '2020-01-20' + CAST(i % 14 AS INT) AS since,
    DATE '2020-01-20' + CAST(i % 14 AS INT) + 7 AS until, 'cases' AS feed, 'C' || i AS record
  FROM range({CASES}) t(i)
) TO 'PLACE/sources.parquet' (FORMAT parquet);
"""
OURS = """
from analytics import engine
from analytics.analysis import screening
connection = engine.connect(memory="4GB")
for name in ("tickets", "sources"):
    connection.con.execute(f"CREATE TABLE {name} AS FROM read_parquet('{place}/{name}.parquet')")
travel, day = screening.load().travel, date(2020, 2, 29)
engine.rows(connection.table("sources").limit(0), connection)  # imports of a first call
started, spent = time.perf_counter(), time.process_time()
near = screening.pairs(connection.table("tickets"), connection.table("sources"), travel, day)
found = engine.rows(near, connection)
seconds, processor = time.perf_counter() - started, time.process_time() - spent
pairs = found.num_rows
"""
PANDAS = """
import pandas as pd
tickets = pd.read_parquet(f"{place}/tickets.parquet")
sources = pd.read_parquet(f"{place}/sources.parquet")
started, spent = time.perf_counter(), time.process_time()
theirs = tickets.merge(sources[["person", "since", "until"]], on="person")
day = theirs["departure"].dt.normalize()
theirs = theirs[(day >= pd.to_datetime(theirs["since"])) & (day <= pd.to_datetime(theirs["until"]))]
both = tickets.merge(theirs, on=["mode", "service", "service_date", "carriage"],
                     suffixes=("", "_source"))
both = both[
    (both["person"] != both["person_source"])
    & (both["board_stop"] < both["alight_stop_source"])
    & (both["alight_stop"] > both["board_stop_source"])
    & ((both["row"] - both["row_source"]).abs() <= 3)
]
seconds, processor = time.perf_counter() - started, time.process_time() - spent
pairs = len(both)
"""
TIMED = """
import json, resource, sys, time
from datetime import date
place = sys.argv[1]
{body}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps(dict(seconds=seconds, processor=processor, megabytes=peak, pairs=pairs)))
"""


def run() -> list[dict[str, object]]:
    """Find the same pairs twice, each in a process of its own; elapsed and processor time."""
    import duckdb

    with tempfile.TemporaryDirectory() as place:
        with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
            connection.execute(MADE.replace("PLACE", place))
        ours, theirs = _measured(OURS, place), _measured(PANDAS, place)
    if ours["pairs"] != theirs["pairs"]:
        raise AssertionError(f"pandas found {theirs['pairs']} pairs, we {ours['pairs']}")
    what = f"{TICKETS:,} tickets, {CASES:,} cases: {int(ours['pairs']):,} pairs, beside pandas"
    return [
        {
            "name": "cotravel",
            "what": f"{what} [{unit}]",
            "ours": ours[measure],
            "peer": theirs[measure],
            "ratio": theirs[measure] / ours[measure],
            "peak_memory_mb": ours["megabytes"],
        }
        for measure, unit in (("seconds", "s"), ("processor", "s of processor time"))
    ]


def _measured(body: str, place: str | Path) -> dict[str, float]:
    said = subprocess.run(
        [sys.executable, "-c", TIMED.format(body=body), str(place)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(said.stdout.splitlines()[-1]))
