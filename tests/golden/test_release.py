"""25 March and 8 April 2020 replayed: who may leave, and what would be carried out of Wuhan."""

from __future__ import annotations

from io import StringIO

import pandas as pd
from tests.golden import release


def again(table: pd.DataFrame) -> pd.DataFrame:
    """As it would be read back."""
    return pd.read_csv(StringIO(table.to_csv(index=False)))


def test_who_may_leave_is_as_recorded():
    expected = pd.read_csv(release.HERE / "release_allowed.csv")
    pd.testing.assert_frame_equal(again(release.allowed()), expected)
    assert expected["day"].unique().tolist() == ["2020-03-20", "2020-03-25", "2020-04-08"]


def test_what_would_leave_is_as_recorded():
    """To a thousandth: prevalence is drawn by a generator that releases of NumPy keep."""
    expected = pd.read_csv(release.HERE / "release_flows.csv")
    pd.testing.assert_frame_equal(again(release.flows()), expected, rtol=1e-3)
    moving = expected.set_index("day")["moving"]
    assert (moving[:"2020-04-07"] == 0).all()
    assert (moving["2020-04-08":] > 0).all()
    assert (expected["exported"] <= expected["moving"]).all()
