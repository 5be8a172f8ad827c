"""The as-of join says on both engines what pandas says."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
TIMES = st.none() | st.integers(0, 12)
KEYS = st.sampled_from(["a", "b", "c", "丁", None])
VALUES = st.none() | st.integers(-(2**62), 2**62)
LEFT = st.lists(st.tuples(KEYS, TIMES), min_size=1, max_size=40)
RIGHT = st.lists(st.tuples(KEYS, TIMES, VALUES), max_size=40)


def moment(hours):
    return None if hours is None else datetime(2020, 1, 1) + timedelta(hours=hours)


def held(connection, rows, name):
    """Table of an engine, which for Spark is a view: nothing is written."""
    if connection.name == "duckdb":
        return connection.create_table(name, rows, temp=True, overwrite=True)
    connection._session.createDataFrame(rows).createOrReplaceTempView(name)
    return connection.table(name)


def drawn(left, right):
    asked = pa.table(
        {
            "key": pa.array([key for key, _ in left], pa.string()),
            "time": pa.array([moment(time) for _, time in left], pa.timestamp("us")),
            "row": pa.array(range(len(left)), pa.int64()),
        }
    )
    known = pa.table(
        {
            "key": pa.array([key for key, _, _ in right], pa.string()),
            "since": pa.array([moment(time) for _, time, _ in right], pa.timestamp("us")),
            "found": pa.array([value for _, _, value in right], pa.int64()),
            "word": pa.array([None if v is None else f"w{v}" for _, _, v in right], pa.string()),
        }
    )
    return asked, known


def by_pandas(left, right, by):
    """What `pandas.merge_asof` answers, rows of one key and time being settled beforehand."""
    asked = pd.DataFrame({"key": [k for k, _ in left], "time": [moment(t) for _, t in left]})
    known = pd.DataFrame(
        [(k, moment(t), v) for k, t, v in right if t is not None and not (by and k is None)],
        columns=["key", "since", "found"],
    ).astype({"key": "str", "since": "datetime64[us]", "found": "Int64"})
    keys = ["key", "since"] if by else ["since"]
    known = known.sort_values([*keys, "found"], na_position="first").drop_duplicates(
        keys, keep="last"
    )
    asked = asked.astype({"key": "str", "time": "datetime64[us]"}).reset_index(names="row")
    able = asked[asked["time"].notna() & (asked["key"].notna() | (not by))].sort_values("time")
    known = known.sort_values("since") if by else known.drop(columns="key").sort_values("since")
    joined = pd.merge_asof(able, known, left_on="time", right_on="since", by="key" if by else None)
    answer = dict(zip(joined["row"], joined["found"], strict=True))
    return [None if pd.isna(answer.get(n, pd.NA)) else int(answer[n]) for n in range(len(left))]


def answers(connection, left, right, by):
    asked, known = drawn(left, right)
    if not by:
        known = known.drop_columns(["key"])
    joined = engine.asof(
        held(connection, asked, "asked"),
        held(connection, known, "known"),
        on=("time", "since"),
        by=by,
        values=["found", "word"],
    )
    return engine.rows(joined, connection).sort_by("row")


@FEW
@given(left=LEFT, right=RIGHT, by=st.sampled_from([("key",), ()]))
def test_ties_gaps_and_missing_groups_are_settled_alike(spark, duck, left, right, by):
    expected = by_pandas(left, right, by)
    first, second = (answers(connection, left, right, by) for connection in (duck, spark))
    assert first["found"].to_pylist() == expected
    assert second.to_pylist() == first.to_pylist()


def test_a_table_in_memory_is_joined_by_the_engine_that_holds_the_other(spark):
    asked, known = drawn([("a", 3), ("b", 3)], [("a", 2, 7), ("b", 4, 8)])
    joined = engine.asof(
        ibis.memtable(asked),
        held(spark, known, "known"),
        on=("time", "since"),
        by=["key"],
        values=["found"],
    )
    assert engine.rows(joined, spark).sort_by("row")["found"].to_pylist() == [7, None]


def test_tables_in_memory_reach_spark_whole(spark):
    """Gaps stay gaps, and numbers beyond what a float holds keep their last digit."""
    rows = pa.table({"whole": [2**53 + 1, None], "text": [None, "NaN"], "yes": [True, None]})
    assert engine.rows(ibis.memtable(rows), spark).equals(rows)
