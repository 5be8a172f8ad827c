"""Laws of repair: cases are kept, none is negative, and a repaired file needs no repair."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.analysis.incidence import corrections, gaps, lag, repair, steps

COUNTS = st.lists(st.integers(0, 400), min_size=10, max_size=60)
CALENDAR = pd.date_range("2020-01-01", periods=60)


def as_is(cumulative):
    """As-is file of areas' cumulative counts (days, areas), the province their sum."""
    days, areas = cumulative.shape
    names = [None, *(f"市{area}" for area in range(areas))]
    codes = [None, *(f"51{area + 1:02d}00" for area in range(areas))]
    values = np.column_stack([cumulative.sum(axis=1), cumulative])
    return pd.DataFrame(
        {
            "date": CALENDAR[:days].repeat(areas + 1),
            "city": names * days,
            "cityCode": codes * days,
            "confirmed": values.ravel(),
            "cured": 0,
            "dead": 0,
            "provinceCode": "510000",
        }
    )


@given(COUNTS, st.integers(1, 59))
def test_spreading_a_jump_keeps_the_sum(daily, at):
    """Whatever the jump, no case is lost or made, and no day falls below 0."""
    series = pd.Series(np.array(daily, dtype=float), index=CALENDAR[: len(daily)], name="510100")
    day = series.index[min(at, len(daily) - 1)]
    jump = steps.Jump(day, "reporting_step", "drawn")
    result, moved = steps.spread(series, jump, corrections.Log())
    assert result.sum() == series.sum()
    assert result.min() >= 0
    assert 0 <= moved <= series[day]
    assert (result.drop(day) >= series.drop(day)).all()


@given(st.lists(st.integers(-200, 400), min_size=5, max_size=60))
def test_retraction_keeps_the_sum_and_leaves_no_negative_day(changes):
    """Any series whose running sum stays at or above 0."""
    values, level = [], 0
    for change in changes:
        level = max(level + change, 0)
        values.append(level)
    daily = np.diff(np.array(values, dtype=float), prepend=0)
    series = pd.Series(daily, index=CALENDAR[: len(daily)], name="510100")
    falling = pd.Series(0, index=series.index)
    result, taken = steps.retract(series, falling, frozenset(), corrections.Log())
    assert result.min() >= 0
    assert result.sum() == series.sum()
    assert taken.sum() == -series.clip(upper=0).sum()


@given(COUNTS, st.data())
def test_gaps_keep_the_last_count(daily, draw):
    """Days taken away at random: steps still sum to the last known count."""
    total = np.cumsum(daily).astype(float)
    gone = draw.draw(st.sets(st.integers(1, len(daily) - 1)))
    total[sorted(gone)] = np.nan
    column = pd.DataFrame({"510100": total}, index=CALENDAR[: len(daily)])
    result, imputed = gaps.increments(column, None)
    last = column["510100"].dropna().iloc[-1]
    assert result["510100"].sum() == last
    assert (result >= 0).all(axis=None)
    assert (result % 1 == 0).all(axis=None)
    assert imputed["510100"].sum() >= len([at for at in gone if at < int(np.flatnonzero(
        column["510100"].notna())[-1])])  # fmt: skip


@given(st.integers(0, 500), st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_shares_are_whole_and_complete(amount, weights):
    """Largest remainders share out exactly what there is."""
    parts = gaps.apportion(float(amount), np.array(weights))
    assert parts.sum() == amount
    assert (parts >= 0).all()
    assert (parts % 1 == 0).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.booleans())
def test_a_repaired_file_needs_no_repair(seed, jump, retract, late):
    """Faults drawn at random; what comes out is repaired once and for all."""
    random = np.random.default_rng(seed)
    peak = random.uniform(15, 35, size=5)
    height = random.uniform(5, 80, size=5)
    rate = height * np.exp(-(((np.arange(60)[:, None] - peak) / 12) ** 2))
    daily = random.poisson(rate)
    if jump:
        daily[random.integers(20, 50), random.integers(5)] += 500
    total = daily.cumsum(axis=0)
    if retract:
        at, area = random.integers(25, 50), random.integers(5)
        total[at:, area] -= total[at - 1, area] // 4
    rows = as_is(np.maximum(total, 0))
    if late:
        start = random.integers(10, 40)
        stamped = np.arange(60) - (np.arange(60) >= start)
        rows.loc[rows["city"].notna(), "confirmed"] = np.maximum(total, 0)[stamped].ravel()
    first = repair.repair(rows)
    confirmed = first.incidence.query("series == 'confirmed'")
    assert confirmed["new"].min() >= 0
    last = first.counts.query("series == 'confirmed'").dropna().groupby("adcode")["cumulative"]
    sums = confirmed.groupby("adcode")["new"].sum()
    pd.testing.assert_series_equal(sums, last.last(), check_names=False, check_dtype=False)
    areas = confirmed[confirmed["adcode"] != "510000"]
    again = areas.pivot_table(index="date", columns="adcode", values="new").cumsum().to_numpy()
    second = repair.repair(as_is(again))
    found = second.corrections
    assert found[found["kind"].ne("reporting_step") & found["kind"].ne("unusable_column")].empty


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(8, 30))
def test_a_lag_is_never_found_wrong(seed, late, start):
    """Where a lag is decided it is the true one, except for days beside its start."""
    random = np.random.default_rng(seed)
    total = pd.Series(random.poisson(30, size=60).cumsum().astype(float), index=CALENDAR)
    stamp = np.arange(60) - late * (np.arange(60) >= start)
    found = lag.detect(total, pd.Series(total.to_numpy()[stamp], index=CALENDAR))["lag"]
    true = np.where(np.arange(60) >= start - late + 1, late, 0)
    decided = found.notna().to_numpy()
    wrong = decided & (found.fillna(0).to_numpy() != true)
    assert not wrong[: start - late].any()
    assert not wrong[start:].any()
    assert decided.mean() > 0.85
