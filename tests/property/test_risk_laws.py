"""Laws of grading that hold for any series."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.analysis import incidence, risk
from analytics.study import GradingRule

RULE = GradingRule()
START = date(2020, 2, 1)
DAYS = 24
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
UNITS = {unit: risk.units(AREAS, unit) for unit in ("county", "urban_area")}
steps = st.lists(st.integers(0, 4) | st.just(0), min_size=DAYS, max_size=DAYS)
series = st.fixed_dictionaries(
    {"420500": st.tuples(st.integers(0, 80), steps), "429021": st.tuples(st.integers(0, 80), steps)}
)
rough = st.lists(st.none() | st.integers(0, 90), min_size=DAYS, max_size=DAYS)
rough_series = st.fixed_dictionaries({"420500": rough, "429021": rough})
units = st.sampled_from(["county", "urban_area"])
days = st.integers(14, DAYS - 1)


def cumulative(drawn) -> pd.DataFrame:
    rows = []
    for code, (base, new) in drawn.items():
        total = base
        for number, step in enumerate(new):
            total += step
            rows.append((START + timedelta(days=number), code, total))
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def published(drawn) -> pd.DataFrame:
    rows = [
        (START + timedelta(days=number), code, value)
        for code, values in drawn.items()
        for number, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def grade(counts: pd.DataFrame, unit: str, back: int) -> pd.DataFrame:
    table = incidence.daily(counts)
    return risk.grade(table, UNITS[unit], RULE, START + timedelta(days=back))


@settings(max_examples=20, deadline=None)
@given(series, units, days, st.sampled_from(["420500", "429021"]), st.data())
def test_more_cases_never_lower_a_grade(drawn, unit, back, where, data):
    """Neither the lightest nor the heaviest grade left falls when cases are added."""
    base, new = drawn[where]
    day, more = data.draw(st.integers(0, back)), data.draw(st.integers(1, 60))
    added = {**drawn, where: (base, [*new[:day], new[day] + more, *new[day + 1 :]])}
    before, after = grade(cumulative(drawn), unit, back), grade(cumulative(added), unit, back)
    order = {"low": 0, "medium": 1, "high": 2}
    for old, fresh in zip(before["grades"], after["grades"], strict=True):
        old_ranks = [order[g] for g in old.split("|")]
        new_ranks = [order[g] for g in fresh.split("|")]
        assert min(new_ranks) >= min(old_ranks)
        assert max(new_ranks) >= max(old_ranks)


@settings(max_examples=12, deadline=None)
@given(rough_series, units, days, st.randoms())
def test_order_of_rows_does_not_matter(drawn, unit, back, random):
    counts = published(drawn)
    places = list(range(len(counts)))
    random.shuffle(places)
    pd.testing.assert_frame_equal(
        grade(counts, unit, back), grade(counts.iloc[places].reset_index(drop=True), unit, back)
    )


@settings(max_examples=20, deadline=None)
@given(rough_series, rough_series, units, days)
def test_later_figures_never_change_an_earlier_day(drawn, other, unit, back):
    spliced = {
        code: [*values[: back + 1], *other[code][back + 1 :]] for code, values in drawn.items()
    }
    pd.testing.assert_frame_equal(
        grade(published(drawn), unit, back), grade(published(spliced), unit, back)
    )


@settings(max_examples=20, deadline=None)
@given(rough_series, units, days)
def test_every_unit_has_a_grade_left(drawn, unit, back):
    table = grade(published(drawn), unit, back)
    assert (table["size"] >= 1).all()
    assert table["adcode"].is_unique


@settings(max_examples=20, deadline=None)
@given(rough_series)
def test_steps_add_up_to_the_published_counts(drawn):
    counts = published(drawn).dropna()
    if counts.empty:
        return
    table = incidence.daily(counts)
    for code, mine in table.groupby("adcode"):
        given = counts[counts["adcode"] == code]["confirmed"]
        assert mine["step"].sum() == given.iloc[-1] - given.iloc[0]
        assert mine["cumulative"].dropna().tolist() == given.tolist()
