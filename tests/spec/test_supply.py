"""The account of what departments owed, summed up as the data-quality report shows it."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pytest

from analytics.analysis import supply
from analytics.study import ZONE

MOMENT = datetime(2020, 3, 1, tzinfo=ZONE)


def moment(day: int, hour: int) -> datetime:
    return datetime(2020, 2, day, hour, tzinfo=ZONE)


LEDGER = pd.DataFrame(
    [
        ("health", "cases", date(2020, 2, 27), moment(28, 8),
         "on_time", moment(28, 7), 90, 10, 0, 0, 100),
        ("health", "cases", date(2020, 2, 28), moment(29, 8),
         "late", moment(29, 9), 50, 0, 0, 0, 100),
        ("health", "tests", date(2020, 2, 27), moment(28, 8), "missing", None, 0, 0, 0, 0, None),
        ("health", "tests", date(2020, 2, 28), moment(29, 8), "refused", None, 0, 0, 0, 1, None),
        ("health", "tests", date(2020, 2, 29), moment(29, 23), "waiting", None, 0, 0, 0, 0, None),
        ("communications", "roaming", date(2020, 2, 28), moment(29, 8),
         "on_time", moment(29, 1), 8, 0, 2, 0, 8),
    ],
    columns=[
        "department", "feed", "date", "due", "status", "delivered", "accepted", "quarantined",
        "duplicates", "refused", "expected",
    ],
).assign(superseded=0)  # fmt: skip


def test_departments_are_summed_up_worst_first():
    summed = supply.by(LEDGER, ["department"]).set_index("department")
    assert list(summed.index) == ["health", "communications"]
    expected = {"due": 4, "on_time": 1, "late": 1, "missing": 1, "refused": 1, "accepted": 140}
    assert summed.loc["health", list(expected)].to_dict() == expected
    assert summed.loc["health", "punctuality"] == pytest.approx(1 / 4)
    assert summed.loc["health", "completeness"] == pytest.approx(140 / 200)
    assert summed.loc["health", "quarantine_share"] == pytest.approx(10 / 150)


def test_every_time_node_that_is_due_is_counted_on_its_day():
    counted = supply.punctuality(LEDGER)
    expected = [
        (date(2020, 2, 28), 2, 1, 0, 1, 0),
        (date(2020, 2, 29), 3, 1, 1, 0, 1),
    ]
    assert list(counted.itertuples(index=False, name=None)) == expected
    assert counted["due"].sum() == len(LEDGER[LEDGER["status"] != "waiting"])


def test_what_is_owed_is_listed_with_the_longest_delay():
    listed = supply.owed(LEDGER, MOMENT)
    row = listed.iloc[0]
    assert (len(listed), row["feed"], row["time_nodes"], row["unreadable"]) == (1, "tests", 2, 1)
    assert row["overdue"] == pytest.approx(40 / 24)


def test_reasons_count_rows_and_whole_files_known_by_the_moment():
    receipts = [
        {"department": "health", "feed": "cases", "delivered": "2020-02-28T07:00:00+08:00",
         "refused": "", "reasons": {"onset: after the report": 3}},
        {"department": "health", "feed": "cases", "delivered": "2020-02-29T07:00:00+08:00",
         "refused": "", "reasons": {"onset: after the report": 4}},
        {"department": "health", "feed": "tests", "delivered": "2020-02-29T07:00:00+08:00",
         "refused": "truncated", "reasons": {}},
        {"department": "health", "feed": "tests", "delivered": "2020-03-05T07:00:00+08:00",
         "refused": "", "reasons": {"result: not a known word": 9}},
    ]  # fmt: skip
    expected = [
        ("health", "tests", "truncated", 0, 1),
        ("health", "cases", "onset: after the report", 7, 0),
    ]
    assert list(supply.reasons(receipts, MOMENT).itertuples(index=False, name=None)) == expected


def test_an_empty_account_is_an_empty_report_and_no_error():
    nothing = LEDGER.iloc[:0]
    assert supply.by(nothing, ["department"]).empty
    assert supply.punctuality(nothing).empty
    assert supply.owed(nothing, MOMENT).empty
    assert supply.reasons([], MOMENT).empty
