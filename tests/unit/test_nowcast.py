"""Nowcast from archive versions: what was told late is expected, what is told is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analytics.analysis.incidence import nowcast
from analytics.errors import ContractError

CALENDAR = pd.date_range("2020-02-01", periods=30)


def versions(random, areas=("420100", "420200"), rate=60.0):
    """Every evening's table (a third told at once, the rest in two days), and today's truth."""
    rows, today = [], []
    for adcode in areas:
        told = random.multinomial(random.poisson(rate, size=30), [1 / 3, 1 / 3, 1 / 3])
        today.append(told[-1].sum())
        for version in range(30):
            for day in range(version + 1):
                count = told[day, : version - day + 1].sum()
                rows.append((CALENDAR[version], CALENDAR[day], adcode, count))
    return pd.DataFrame(rows, columns=["version", "date", "adcode", "new"]), today


def test_late_reports_are_expected():
    """A third of today's cases is known: three times as many are expected."""
    table, truth = versions(np.random.default_rng(4))
    found = nowcast.nowcast(table, longest_delay=5)
    today = found[found["date"] == CALENDAR[-1]]
    np.testing.assert_allclose(today["complete"], 1 / 3, atol=0.04)
    assert ((today["q025"] <= truth) & (truth <= today["q975"])).all()
    assert (today["mean"] > 2 * today["reported"]).all()
    assert (today["q025"] < today["mean"]).all()
    assert (today["q975"] > today["reported"]).all()
    old = found[~found["incomplete"]]
    np.testing.assert_array_equal(old["q975"], old["reported"])
    assert list(found.columns[-8:-1]) == ["q025", "q05", "q25", "q5", "q75", "q95", "q975"]


def test_an_earlier_evening_is_not_changed_by_later_ones():
    """Same versions up to a day, same nowcast of that day."""
    table, _ = versions(np.random.default_rng(4))
    until = table[table["version"] <= CALENDAR[20]]
    first = nowcast.nowcast(until, longest_delay=5)
    again = nowcast.nowcast(table[table["version"] <= CALENDAR[20]].sample(frac=1, random_state=1),
                            longest_delay=5)  # fmt: skip
    pd.testing.assert_frame_equal(first, again)
    assert first["date"].max() == CALENDAR[20]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda table: table.drop(columns="new"), "'new' is missing"),
        (lambda table: table.iloc[:0], "no versions"),
        (lambda table: pd.concat([table, table.iloc[:3]]), "3 row.s. stand twice"),
        (lambda table: table.assign(date=CALENDAR[-1]), "after their version"),
    ],
)
def test_versions_that_are_none_are_refused(wrong, says):
    """Named and counted."""
    with pytest.raises(ContractError, match=says):
        nowcast.nowcast(wrong(versions(np.random.default_rng(4), areas=("420100",))[0]))
