"""Intake of a million rows: what a third of bad rows costs, beside a lazy pandera pass."""

from __future__ import annotations

import contextlib
import resource
import time
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from analytics import study, tables
from analytics.pool import intake, reading, regions

ROWS = 1_000_000
SAMPLE = 100_000
DAY = date(2020, 3, 1)


def rows(count: int, bad: float, seed: int = 1) -> pa.Table:
    """Make passes through checkpoints as text; a share of `bad` has faults."""
    generator = np.random.default_rng(seed)
    number = np.arange(count)
    faulty = generator.random(count) < bad
    kind = generator.integers(0, 4, count)

    def spoilt(sound: object, place: int, wrong: str) -> np.ndarray:
        return np.where(faulty & (kind >= place), wrong, sound)

    hour = pd.Series(number % 24).astype(str).str.zfill(2)
    columns = {
        "pass_number": "P" + pd.Series(number).astype(str),
        "passed": spoilt("2020-02-01 " + hour + ":30:00", 0, "03/04/2020"),
        "gate": "G" + pd.Series(number % 500).astype(str),
        "direction": spoilt(np.where(number % 2, "in", "离开"), 1, "up"),
        "document": pd.Series(["resident_id"] * count),
        "id_number": spoilt("11010519491231002X", 2, "110105194912310021"),
        "phone": "138" + pd.Series(number % 100_000_000).astype(str).str.zfill(8),
        "origin": spoilt("武汉市", 3, "火星"),
        "destination": pd.Series(["421200"] * count),
        "temperature": spoilt("36.6", 3, "99"),
        "symptoms": pd.Series(["否"] * count),
    }
    contract = tables.contract("checkpoint_passes")
    found = {
        name: pa.array(np.asarray(c, dtype=object), pa.string()) for name, c in columns.items()
    }
    nothing = pa.nulls(count, pa.string())
    names = [*(c.name for c in contract.columns), reading.WITHDRAWN]
    return pa.table({reading.POSITION: number + 1, **{n: found.get(n, nothing) for n in names}})


def ours(connection: duckdb.DuckDBPyConnection, text: pa.Table, places: object) -> float:
    """Seconds for one intake; rows in and out are compared."""
    contract = tables.contract("checkpoint_passes")
    nothing = pa.table(
        {
            "position": pa.array([], pa.int64()),
            "column": pa.array([], pa.string()),
            "reason": pa.array([], pa.string()),
        }
    )
    read = reading.Reading(text, nothing, (), 0)
    started = time.perf_counter()
    taken = intake.take(connection, read, contract, places, DAY)
    spent = time.perf_counter() - started
    assert taken.rows == text.num_rows
    return spent


def pandera(text: pa.Table) -> float:
    """Seconds for a lazy pandera pass over the same rows, already typed as far as they can be."""
    import pandera.errors

    frame = text.drop_columns([reading.POSITION, reading.WITHDRAWN]).to_pandas()
    frame["passed"] = pd.to_datetime(frame["passed"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    frame["temperature"] = pd.to_numeric(frame["temperature"])
    frame["symptoms"] = frame["symptoms"].map({"是": True, "否": False})
    started = time.perf_counter()
    with contextlib.suppress(pandera.errors.SchemaErrors):
        tables.CHECKPOINT_PASSES.validate(frame, lazy=True)
    return time.perf_counter() - started


def run() -> list[dict[str, object]]:
    """Rows of the benchmark."""
    chosen = study.load("hubei-2020")
    places = regions.places(chosen)
    with duckdb.connect() as connection:
        ours(connection, rows(1000, 0.3), places)
        clean = min(ours(connection, rows(ROWS, 0), places) for _ in range(3))
        bad = min(ours(connection, rows(ROWS, 1 / 3), places) for _ in range(3))
        sample = min(ours(connection, rows(SAMPLE, 1 / 3), places) for _ in range(3))
    peer = pandera(rows(SAMPLE, 1 / 3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        {
            "name": "intake",
            "what": "a million rows, a third bad, beside all sound [s]",
            "ours": bad,
            "peer": clean,
            "ratio": bad / clean,
            "peak_memory_mb": peak,
        },
        {
            "name": "intake",
            "what": f"{SAMPLE} rows, a third bad, beside lazy pandera [s]",
            "ours": sample,
            "peer": peer,
            "ratio": peer / sample,
            "peak_memory_mb": peak,
        },
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
