"""The one as-of join, and region counts carried over: both against plain pandas."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from ibis.backends.duckdb import Backend

from analytics import engine, study
from analytics.engine import remembered
from analytics.pool import regions

START = pd.Timestamp("2020-01-01")


@pytest.fixture
def connection():
    return engine.connect()


def tables(seed):
    generator = np.random.default_rng(seed)

    def made(count, time, value):  # noqa: ANN202
        hours = pd.to_timedelta(generator.integers(0, 200, count), "h")
        key = pd.Series(generator.integers(0, 9, count)).astype("str").where(lambda k: k != "8")
        return pd.DataFrame({"key": key, time: START + hours, value: np.arange(count)})

    return made(400, "time", "row"), made(150, "since", "found")


@pytest.mark.parametrize("seed", range(3))
def test_asof_agrees_with_pandas(connection, seed):
    left, right = tables(seed)
    once = (
        right.dropna()
        .sort_values(["since", "found"])
        .drop_duplicates(["key", "since"], keep="last")
    )
    expected = pd.merge_asof(
        left.sort_values("time"), once, left_on="time", right_on="since", by="key"
    )
    expected.loc[expected["key"].isna(), "found"] = np.nan
    expected = expected.sort_values("row")["found"].to_numpy(dtype=float)
    stored = [
        connection.create_table(f"{n}{seed}", t, temp=True)
        for n, t in (("left", left), ("right", right))
    ]
    joined = engine.asof(*stored, on=("time", "since"), by=["key"], values=["found"])
    ours = (
        engine.collect(joined, connection)
        .sort_values("row")["found"]
        .to_numpy(dtype=float, na_value=np.nan)
    )
    np.testing.assert_array_equal(expected, ours)


def test_what_spills_is_encrypted_and_counted_whole(tmp_path):
    narrow = engine.connect(memory="60MB", spill=tmp_path / "spill", threads=1)
    numbers = narrow.sql("SELECT i AS number, 'canary-' || i AS word FROM range(3000000) t(i)")
    spilled = narrow.create_table("spilled", numbers, temp=True)
    files = [path for path in (tmp_path / "spill").rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert len(content) > 1_000_000
    assert b"canary-" not in content
    assert spilled["word"].nunique().to_pyarrow().as_py() == 3_000_000


def test_recoding_conserves_totals():
    counts = pd.DataFrame(
        {
            "region": ["a", "b", "c", "a"],
            "date": [1, 1, 1, 2],
            "cases": pd.array([10, 7, None, 1], "Int64"),
        }
    )
    changes = pd.DataFrame(
        {
            "old": ["a", "a", "a", "c"],
            "new": ["b", "x", "y", "z"],
            "share": [1 / 3, 1 / 3, 1 / 3, 1.0],
        }
    )
    ours = regions.recode(counts, changes, ["cases"])
    assert ours.groupby("date")["cases"].sum().to_dict() == {1: 17, 2: 1}
    assert ours.loc[ours["region"] == "b", "cases"].tolist() == [11, 1]
    assert ours.loc[ours["region"] == "z", "cases"].isna().all()


def test_renamed_counties_keep_their_people():
    chosen = study.load("hubei-2020")
    table = dict(regions.lookup(chosen).itertuples(index=False))
    assert {table[code] for code in chosen.regions.recode} <= set(chosen.regions.recode.values())
    assert all(table[code] == code for code in chosen.regions.absorbed)


def test_duckdb_holds_only_steps_of_some_cost():
    """A step that picks columns is done where it is used; one that counts is held once."""
    connection = engine.connect()
    seats = connection.create_table("seats", pd.DataFrame({"seat": ["A", "A", "B"], "row": 1}))
    front = seats.filter(seats["row"] < 3).mutate(window=seats["seat"] == "A")
    taken = front.group_by("seat").agg(taken=front.count())
    both = front.join(taken, "seat").select("seat", "taken", "window")
    both = both.union(taken.mutate(window=True))
    both = both.union(front.select("seat", "window", taken=front["row"] * 0).select(both.columns))
    written = engine.compiled(both)
    assert (written.count("AS NOT MATERIALIZED"), written.count(" AS (SELECT")) == (1, 1)
    assert sorted(engine.rows(both, connection)["taken"].to_pylist()) == [0, 0, 0, 1, 1, 2, 2, 2]


def asked(days, word="b"):
    """A question about a table in memory, with two days, a moment, a word and a self join."""
    rows = ibis.memtable(
        pd.DataFrame({"key": ["a", "b", "c"], "day": pd.date_range(START, periods=3)})
    )
    first, last = days
    kept = rows.filter((rows["day"] >= first) & (rows["day"].date() <= last))
    both = kept.join(rows.view(), "key").filter(kept["key"] != word)
    return both.group_by("key").agg(n=both.count(), since=ibis.literal(first).cast("timestamp"))


def test_sql_of_a_shape_is_remembered_as_ibis_writes_it(connection):
    """Each question gets its own table, days and word, whatever was asked before."""
    day = dt.date(2020, 1, 1)
    spans = [(day, day + dt.timedelta(days=n)) for n in (1, 2, 0, 3, 0)]
    questions = [asked(span, word) for span in spans for word in ("b", "2020-01-01")]
    before = len(remembered._written)
    for expression in questions:
        assert connection.compile(expression) == Backend.compile(connection, expression)
    assert len(remembered._written) - before == 4  # days apart or one; one word or the other


@pytest.mark.parametrize("word", ["a", "b"])
def test_a_question_asked_again_gets_its_own_answer(connection, word):
    day = dt.date(2020, 1, 1)
    expected = sorted({"a", "b", "c"} - {word})
    for last, many in ((day, 1), (day + dt.timedelta(days=1), 2)):
        found = engine.rows(asked((day, last), word), connection)
        assert sorted(found["key"].to_pylist()) == [key for key in expected if key < "abc"[many]]
