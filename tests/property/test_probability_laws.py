"""Laws of probabilities of grades and of the stabilised grade, for any series."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.analysis import incidence, risk
from analytics.study import GradeUncertainty, GradingRule

RULE, UNCERTAIN = GradingRule(), GradeUncertainty()
START = date(2020, 2, 1)
DAYS = 24
CALENDAR = pd.date_range(START, periods=DAYS)
AREAS = pd.DataFrame(
    {
        "adcode": ["420501", "420502", "420525", "429021"],
        "name": "县",
        "name_en": "County",
        "prefecture": ["420500", "420500", "420500", "429021"],
        "prefecture_name": "市",
        "prefecture_name_en": "City",
        "district": [True, True, False, False],
    }
)
RESIDENTS = pd.DataFrame({"adcode": AREAS["adcode"], "population": [6e5, 3e5, 4e5, 8e4]})
SHARES = risk.shares(AREAS, RESIDENTS, UNCERTAIN)
UNITS = {unit: risk.units(AREAS, unit) for unit in ("county", "urban_area")}
steps = st.lists(st.integers(0, 4) | st.just(0), min_size=DAYS, max_size=DAYS)
series = st.fixed_dictionaries(
    {
        "420500": st.tuples(st.integers(0, 200), steps),
        "429021": st.tuples(st.integers(0, 80), steps),
    }
)
rough = st.lists(st.none() | st.integers(0, 90), min_size=DAYS, max_size=DAYS)
rough_series = st.fixed_dictionaries({"420500": rough, "429021": rough})
units = st.sampled_from(["county", "urban_area"])


def cumulative(drawn) -> pd.DataFrame:
    rows = []
    for code, (base, new) in drawn.items():
        totals = base + np.cumsum(new)
        rows += [(START + timedelta(days=at), code, int(value)) for at, value in enumerate(totals)]
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def published(drawn) -> pd.DataFrame:
    rows = [
        (START + timedelta(days=at), code, value)
        for code, values in drawn.items()
        for at, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def followed(counts: pd.DataFrame, unit: str) -> risk.Trajectory:
    table = incidence.daily(counts)
    return risk.trajectory(table, UNITS[unit], SHARES, RULE, UNCERTAIN, CALENDAR)


@settings(max_examples=40, deadline=None)
@given(series, units, st.sampled_from(["420500", "429021"]), st.data())
def test_more_cases_never_lower_an_expected_or_a_stabilised_grade(drawn, unit, where, data):
    base, new = drawn[where]
    day, more = data.draw(st.integers(0, DAYS - 1)), data.draw(st.integers(1, 60))
    added = {**drawn, where: (base, [*new[:day], new[day] + more, *new[day + 1 :]])}
    before, after = followed(cumulative(drawn), unit), followed(cumulative(added), unit)
    heavier = [np.cumsum(each.chance[..., ::-1], axis=-1)[..., :2] for each in (before, after)]
    assert (heavier[1] >= heavier[0] - 1e-9).all()
    assert (after.stabilised >= before.stabilised).all()


@settings(max_examples=30, deadline=None)
@given(rough_series, units)
def test_probabilities_sum_to_one_within_what_the_evidence_leaves(drawn, unit):
    found = followed(published(drawn), unit)
    np.testing.assert_allclose(found.chance.sum(axis=-1), 1)
    assert (found.chance[~found.possible] == 0).all()
    assert (found.chance >= 0).all()


@settings(max_examples=30, deadline=None)
@given(rough_series, rough_series, units, st.integers(0, DAYS - 1))
def test_later_figures_never_change_an_earlier_day(drawn, other, unit, back):
    spliced = {
        code: [*values[: back + 1], *other[code][back + 1 :]] for code, values in drawn.items()
    }
    one, two = followed(published(drawn), unit), followed(published(spliced), unit)
    np.testing.assert_array_equal(one.possible[:, : back + 1], two.possible[:, : back + 1])
    np.testing.assert_allclose(one.chance[:, : back + 1], two.chance[:, : back + 1])
    np.testing.assert_array_equal(one.stabilised[:, : back + 1], two.stabilised[:, : back + 1])


@settings(max_examples=15, deadline=None)
@given(rough_series, units, st.integers(0, DAYS - 1))
def test_all_days_at_once_are_each_day_alone(drawn, unit, back):
    steps_of = incidence.daily(published(drawn))
    found = followed(published(drawn), unit)
    day = START + timedelta(days=back)
    grades = risk.grade(steps_of, UNITS[unit], RULE, day)
    alone = risk.probability(grades, steps_of, UNITS[unit], SHARES, RULE, UNCERTAIN)
    flags = grades[["may_be_low", "may_be_medium", "may_be_high"]].to_numpy(dtype=bool)
    np.testing.assert_array_equal(flags, found.possible[:, back])
    chance = alone[["p_low", "p_medium", "p_high"]].to_numpy()
    np.testing.assert_allclose(chance, found.chance[:, back])


@settings(max_examples=30, deadline=None)
@given(steps, st.integers(0, 120), st.booleans())
def test_exact_counts_and_clusters_give_a_certain_grade(new, base, cluster):
    """With its own counts and clusters known, nothing is left to chance."""
    table = incidence.daily(cumulative({"429021": (base, new), "420500": (0, [0] * DAYS)}))
    day = START + timedelta(days=DAYS - 1)
    clusters = pd.DataFrame(
        {
            "adcode": ["429021"],
            "first_date": [day - timedelta(days=3 if cluster else 13)],
            "last_date": [day],
            "cluster": [cluster],
        }
    )
    grades = risk.grade(table, UNITS["county"], RULE, day, clusters=clusters)
    found = risk.probability(
        grades, table, UNITS["county"], SHARES, RULE, UNCERTAIN, clusters=clusters
    )
    row = found.set_index("adcode").loc["429021"]
    recent, total = sum(new[-14:]), base + sum(new)
    expected = "low" if not recent or not total else "high" if total > 50 and cluster else "medium"
    assert row[f"p_{expected}"] == 1
    assert grades.set_index("adcode").loc["429021", "grade"] == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 5), st.floats(0.05, 0.95))
def test_holding_longer_never_lowers_a_grade_nor_changes_it_oftener(heavy, hold, rise):
    chance = np.zeros((1, len(heavy), 3))
    chance[0, :, 2], chance[0, :, 0] = heavy, 1 - np.array(heavy)
    rule = GradingRule(hold_days=hold, rise_at=rise, fall_below=rise)
    held = risk.stabilise(chance, rule)
    quick = risk.stabilise(chance, rule.model_copy(update={"hold_days": 1}))
    assert (held >= quick).all()
    moves_held, moves_quick = (np.abs(np.diff(each)).sum() for each in (held, quick))
    assert moves_held <= moves_quick + held[0, 0] - quick[0, 0]
