"""
Code at each of ten million passes against ten million code changes.

The peer is `pandas.merge_asof` on the same rows, with keys as numbers and both sides sorted
beforehand, as it demands; its sorting is counted, as ours is. The codes must be the same.

Spark answers the same question from Parquet to Parquet beside DuckDB, where it is set up
(`sh tools/setup.sh spark`); its start is not counted. Every pass must have the same code on both.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analytics import engine
from analytics.analysis.health_code import history
from analytics.errors import SetupError

PASSES = CHANGES = 10_000_000
PERSONS = 2_000_000
HEAP = "6GB"
DAYS = 60
_COLOURS = np.array(["green", "yellow", "red"])


def made(seed: int = 6) -> tuple[pa.Table, pa.Table]:
    """Make passes and changes of the same persons, each change at a moment of its own."""
    generator = np.random.default_rng(seed)
    minutes = DAYS * 24 * 60
    start = np.datetime64("2020-03-10T00:00:00", "us")

    def moments(number: int) -> Any:
        return start + generator.integers(0, minutes, number).astype("timedelta64[m]")

    person = generator.integers(0, PERSONS, CHANGES)
    since = moments(CHANGES) + np.arange(CHANGES).astype("timedelta64[us]")  # no two at once
    code = generator.integers(0, 3, CHANGES)
    colours = pa.DictionaryArray.from_arrays(pa.array(code, pa.int32()), pa.array(_COLOURS))
    changes = pa.table(
        {
            "person": pa.array(person),
            "since": pa.array(since),
            "code": colours.dictionary_decode(),
        }
    )
    passes = pa.table(
        {
            "number": pa.array(np.arange(PASSES)),
            "person": pa.array(generator.integers(0, PERSONS, PASSES)),
            "passed": pa.array(moments(PASSES)),
        }
    )
    return passes, changes


def ours(connection: Any) -> float:
    """Seconds until every pass has its code, the table written inside the engine."""
    asked = history.at(connection.table("changes"), connection.table("passes"), "passed", ["code"])
    start = time.perf_counter()
    connection.raw_sql(f"CREATE TEMP TABLE shown AS {engine.compiled(asked)}")
    return time.perf_counter() - start


def peer(passes: pa.Table, changes: pa.Table) -> tuple[float, pd.DataFrame]:
    """Seconds of pandas, and its answer: code by pass."""
    left = passes.to_pandas()
    right = changes.select(["person", "since", "code"]).to_pandas()
    start = time.perf_counter()
    left, right = left.sort_values("passed"), right.sort_values("since")
    joined = pd.merge_asof(left, right, left_on="passed", right_on="since", by="person")
    return time.perf_counter() - start, joined


def on_spark(duck: Any) -> dict[str, object]:
    """Measure Spark beside DuckDB, both from files to files; or say why it was skipped."""
    what = (
        f"code at each of {PASSES:,} passes against {CHANGES:,} changes on Spark, two threads, "
        f"Parquet to Parquet, in seconds"
    )
    row: dict[str, object] = {"name": "codes/spark", "what": what, "ratio": None}
    with tempfile.TemporaryDirectory(prefix="codes-") as made_for_it:
        folder = Path(made_for_it)
        try:
            spark = engine.connect("spark", spill=folder / "spill", memory=HEAP, threads=2)
        except SetupError as error:
            return {**row, "ours": None, "peer": f"skipped: {error}", "peak_memory_mb": None}
        for name in ("passes", "changes"):
            duck.raw_sql(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
        start = time.perf_counter()
        duck.raw_sql(f"COPY ({_question(duck, folder)}) TO '{folder}/duck.parquet'")
        theirs = time.perf_counter() - start
        session = spark._session  # noqa: SLF001 (Ibis has no public name for it)
        machine = session.sparkContext._gateway.proc.pid  # noqa: SLF001 (nor PySpark for Java's)
        before, start = _processor(machine), time.perf_counter()
        session.sql(_question(spark, folder)).write.parquet(f"{folder}/spark.parquet")
        seconds = time.perf_counter() - start
        processor = _processor(machine) - before
        memory = _memory(machine)
        spark.disconnect()
        (rows, other) = duck.raw_sql(
            "SELECT count(*), count(*) FILTER (a.code IS DISTINCT FROM b.code) "
            f"FROM '{folder}/duck.parquet' a JOIN '{folder}/spark.parquet/*.parquet' b "
            "USING (number)"
        ).fetchone()
        if (rows, other) != (PASSES, 0):
            raise AssertionError(f"Spark: {rows:,} of {PASSES:,} passes, {other:,} other codes")
    return {
        **row,
        "what": f"{what} ({processor:.0f} processor seconds; the same codes)",
        "ours": seconds,
        "peer": f"DuckDB on the same files: {theirs:.1f}",
        "ratio": theirs / seconds,
        "peak_memory_mb": memory,
    }


def _question(connection: Any, folder: Path) -> str:
    """Write the question to files in an engine's own words."""
    changes, passes = (
        connection.read_parquet(f"{folder / name}.parquet") for name in ("changes", "passes")
    )
    asked = history.at(changes, passes, "passed", ["code"]).select("number", "code")
    return str(connection.compile(asked))


def _processor(process: int) -> float:
    """Processor seconds a process has used."""
    used = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> float:
    """Most memory a process has held [MB]."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def run() -> list[dict[str, object]]:
    """Measure both and hold their answers against each other."""
    passes, changes = made()
    connection = engine.connect(memory="4GB")
    connection.create_table("passes", passes, temp=True)
    connection.create_table("changes", changes, temp=True)
    del passes, changes
    before = time.process_time()
    seconds = ours(connection)
    processor = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted = connection.raw_sql("SELECT code, count(*) FROM shown GROUP BY 1").fetchall()
    checked = connection.raw_sql("SELECT code FROM shown WHERE number < 200000 ORDER BY number")
    found = checked.to_arrow_table()["code"].to_pylist()
    spark = on_spark(connection)
    connection.disconnect()
    theirs, joined = peer(*made())
    expected = joined["code"].value_counts(dropna=False)
    if {k or "": v for k, v in counted} != {
        ("" if pd.isna(k) else k): int(v) for k, v in expected.items()
    }:
        raise AssertionError(f"codes differ: {counted} here, {expected.to_dict()} by pandas")
    first = joined[joined["number"] < len(found)].sort_values("number")["code"]
    if [None if pd.isna(code) else code for code in first] != found:
        raise AssertionError("single passes have other codes by pandas")
    what = (
        f"code at each of {PASSES:,} passes against {CHANGES:,} changes of {PERSONS:,} persons, "
        f"in seconds; at most 5 ({processor:.1f} processor seconds)"
    )
    return [
        {
            "name": "codes/duckdb",
            "what": what,
            "ours": seconds,
            "peer": f"pandas.merge_asof, sorting counted: {theirs:.1f}",
            "ratio": theirs / seconds,
            "peak_memory_mb": memory,
        },
        spark,
    ]


if __name__ == "__main__":
    print(*run(), sep="\n")
