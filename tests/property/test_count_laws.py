"""Laws of counting rows by key: every row once, whatever engine part counts it."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import engine
from analytics.engine import dense

DAYS = st.dates(dt.date(2019, 12, 1), dt.date(2020, 5, 1))
PLACES = st.sampled_from(["420102", "420103", "", "黄冈", "it's"])
TRIP = st.tuples(st.none() | DAYS, st.none() | PLACES, st.none() | PLACES)


def trips(rows):
    days, origins, destinations = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "date": pa.array(days, pa.date32()),
            "origin": pa.array(origins, pa.string()),
            "destination": pa.array(destinations, pa.string()),
        }
    )


def counted(table, by):
    rows = engine.count(ibis.memtable(table), by, "trips").to_pyarrow()
    assert [*by, "trips"] == rows.column_names
    return {tuple(row[key] for key in by): row["trips"] for row in rows.to_pylist()}


@given(st.lists(TRIP, max_size=40))
def test_each_row_is_counted_once_gaps_as_a_value(rows):
    expected = {}
    for row in rows:
        expected[row] = expected.get(row, 0) + 1
    assert expected == counted(trips(rows), ("date", "origin", "destination"))


@pytest.mark.parametrize("most", [0, dense.MOST_CELLS], ids=["hash table", "array"])
def test_array_and_hash_table_agree(monkeypatch, most):
    monkeypatch.setattr(dense, "MOST_CELLS", most)
    day = dt.date(2020, 1, 23)
    rows = [(day, "420102", None), (None, "420102", "x"), (day, "420102", None)]
    assert {(day, "420102", None): 2, (None, "420102", "x"): 1} == counted(
        trips(rows), ("date", "origin", "destination")
    )


def test_numbers_and_moments_are_left_to_the_engine():
    table = pa.table({"seats": [1, 1, 2], "origin": ["a", "a", None]})
    assert counted(table, ("seats", "origin")) == {(1, "a"): 2, (2, None): 1}
