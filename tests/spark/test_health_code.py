"""Codes, and the code in force at each pass, are the same on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from analytics import engine, study
from analytics.analysis import health_code
from analytics.analysis.health_code import history

RULES = health_code.rules.read(study.root() / "data" / "hubei-2020" / "health_code.toml")


def held(connection, rows, name):
    if connection.name == "duckdb":
        return connection.create_table(name, rows, temp=True, overwrite=True)
    connection._session.createDataFrame(rows).createOrReplaceTempView(name)
    return connection.table(name)


def drawn():
    generator = np.random.default_rng(6)
    size, start = 400, datetime(2020, 3, 10)
    person = [f"p{n}" for n in generator.integers(0, 60, size)]
    when = [start + timedelta(hours=int(h)) for h in generator.integers(0, 500, size)]
    declared = pa.table(
        {
            "person": person,
            "declared": pa.array(when, pa.timestamp("us")),
            "temperature": generator.choice([36.5, 37.4, 38.2], size, p=[0.9, 0.06, 0.04]),
            "fever": pa.array([None] * size, pa.bool_()),
            "county": generator.choice(["420106", "429021", None], size),
        }
    )
    grades = pa.table(
        {
            "county": ["420106", "420106", "429021"],
            "grade": ["high", "low", "low"],
            "since": pa.array([start, start + timedelta(days=9), start], pa.timestamp("us")),
        }
    )
    screening = pa.table(
        {
            "person": person[:40],
            "category": generator.choice(["confirmed", "suspected", "fever", "close_contact"], 40),
            "since": pa.array(when[:40], pa.timestamp("us")),
        }
    )
    passes = pa.table(
        {
            "person": person[::2],
            "passed": pa.array([at + timedelta(hours=7) for at in when[::2]], pa.timestamp("us")),
            "number": pa.array(range(len(person[::2])), pa.int64()),
        }
    )
    return declared, screening, grades, passes


def test_codes_and_passes_agree(spark, duck):
    answers = []
    for connection in (duck, spark):
        declared, screening, grades, passes = (
            held(connection, rows, name)
            for rows, name in zip(
                drawn(), ("declared", "screened", "graded", "passed"), strict=True
            )
        )
        records = {"declarations": declared, "screening": screening, "grades": grades}
        told = health_code.tell(records, RULES)
        rows = engine.rows(told, connection).sort_by(
            [("person", "ascending"), ("since", "ascending")]
        )
        changes = held(connection, rows, "changes")
        shown = engine.rows(history.at(changes, passes, "passed"), connection).sort_by("number")
        answers.append((rows.to_pylist(), shown.to_pylist()))
    assert len(answers[0][0]) > 60
    assert "high_risk_residence" in {row["rule"] for row in answers[0][0]}
    assert answers[1] == answers[0]
