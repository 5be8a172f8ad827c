"""Rows that broke their contract go to the department that sent them, a few of each kind."""

from __future__ import annotations

from collections import Counter

import pytest
from tests import pool_study
from tests.pool_study import Row, content, when

from analytics.loop import findings
from analytics.pool import archive, deliveries, pooling


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two deliveries: seventy rows with beds in words and three of no day, then one good row."""
    chosen = pool_study.make(monkeypatch, tmp_path)
    words = [Row(f"F{n}", "2020-02-01", "many") for n in range(70)]
    days = [Row(f"D{n}", "someday", "10") for n in range(3)]
    good = [Row("G", "2020-02-02", "10")]
    for day, rows in ((1, [*words, *days]), (2, good)):
        at = when(24.0 * day)
        deliveries.drop(chosen, "beds", at.date(), content(rows), delivered=at)
    pooling.run(chosen)
    return chosen


def test_a_few_of_each_kind_are_asked_about(study):
    found = findings.rejects(study, when(1e6), each=50)
    assert Counter(found["rule"].to_pylist()) == {
        "contract.not_a_whole_number": 50,
        "contract.not_a_date": 3,
    }
    first = min(found.to_pylist(), key=lambda row: int(row["subject"].split("/")[-1].split(":")[0]))
    assert first["subject"].endswith("/1:beds")
    assert (first["department"], first["county"]) == ("health", "420000")
    assert first["reason_en"] == "beds, row 1, beds: not_a_whole_number"


def test_what_came_later_is_not_asked_about(study):
    assert findings.rejects(study, when(1)).num_rows == 0


def test_faults_are_told_in_the_order_of_deliveries_and_rows(study):
    entries = archive.entries(study.state / "archive")
    told = deliveries.rejects(study, entries)
    assert told["delivery"].to_pylist() == [0] * 73
    assert told["position"].to_pylist() == list(range(1, 74))
    assert deliveries.rejects(study, entries[1:]).num_rows == 0
