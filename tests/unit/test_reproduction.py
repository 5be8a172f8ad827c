"""Series repaired and reproduction numbers by area and day, as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analytics.analysis import incidence
from analytics.analysis.incidence import repair
from analytics.methods import forecast, renewal
from analytics.methods.serial_interval import SerialInterval, UncertainSerialInterval

DAYS = pd.date_range("2020-01-20", periods=30)
GROWING = np.round(10 * 1.1 ** np.arange(30))
COUNTS = pd.DataFrame(
    {
        "date": [*DAYS, *DAYS],
        "adcode": ["420100"] * 30 + ["429021"] * 30,
        "confirmed": [*GROWING.cumsum(), *([pd.NA] * 10), *([4] * 20)],
    }
).astype({"confirmed": "Int64"})
UNSURE = UncertainSerialInterval(4.7, 0.6, 3.7, 6.0, 2.9, 0.8, 1.9, 4.9)


@pytest.fixture(scope="module")
def repaired():
    return incidence.repaired(COUNTS)[0]


def test_a_series_is_repaired_as_its_grid_is(repaired):
    wide = repair.grid(COUNTS)
    assert wide.shape == (30, 2)
    pd.testing.assert_frame_equal(repaired, repair.dated(wide)[0])
    assert repaired.groupby("adcode")["new"].sum().tolist() == [GROWING.sum(), 4]


def test_an_area_nobody_published_is_left_out():
    empty = COUNTS.assign(adcode="420700", confirmed=pd.NA)
    assert repair.grid(pd.concat([COUNTS, empty])).columns.tolist() == ["420100", "429021"]


def test_every_area_and_day_has_a_row_and_the_estimate_is_the_methods(repaired):
    found = incidence.reproduction(repaired)
    assert len(found) == 60
    wuhan = found[found["adcode"] == "420100"].reset_index(drop=True)
    expected = renewal.reproduction_number(
        repaired.loc[repaired["adcode"] == "420100", "new"],
        forecast.NISHIURA,
        levels=(0.025, 0.975),
    )
    late = wuhan.iloc[13:]
    np.testing.assert_allclose(late["mean"], expected.mean[6:])
    np.testing.assert_allclose(late[["lower", "upper"]], expected.quantiles[6:])
    assert wuhan["mean"].iloc[:13].isna().all()
    assert late["lower"].gt(1).all()


def test_too_few_cases_say_nothing(repaired):
    found = incidence.reproduction(repaired).query("adcode == '429021'")
    assert found["mean"].isna().all()
    assert found["cases"].max() == 4


def test_what_is_unsure_of_the_interval_widens_the_estimate(repaired):
    sure, unsure = (
        incidence.reproduction(repaired, interval).dropna()
        for interval in (SerialInterval(4.7, 2.9), UNSURE)
    )
    width = (unsure["upper"] - unsure["lower"]) / (sure["upper"] - sure["lower"])
    assert width.gt(1.2).all()


def test_prospects_show_the_last_day_of_it(repaired):
    last = incidence.reproduction(repaired).groupby("adcode").tail(1).drop(columns="date")
    found = incidence.prospects(COUNTS, (), DAYS[-1].date()).reproduction
    pd.testing.assert_frame_equal(found, last.reset_index(drop=True))
