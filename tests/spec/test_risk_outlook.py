"""Rules as data, the stabilised grade, what would move a grade, and an earlier list."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analytics.analysis import incidence, risk
from analytics.analysis.risk.rules import cells
from analytics.errors import ParameterError, StudyError
from analytics.study import Criterion, GradeUncertainty, GradingRule, Tier

RULE, UNCERTAIN = GradingRule(), GradeUncertainty()
DAY = date(2020, 2, 29)
AREAS = pd.DataFrame(
    [
        ("420501", "甲区", "Jia", "420500", True),
        ("420502", "乙区", "Yi", "420500", True),
        ("420525", "丙县", "Bing", "420500", False),
        ("429021", "己林区", "Ji", "429021", False),
    ],
    columns=["adcode", "name", "name_en", "prefecture", "district"],
).assign(prefecture_name="市", prefecture_name_en="City")
RESIDENTS = pd.DataFrame(
    {"adcode": AREAS["adcode"], "population": [500_000, 300_000, 200_000, 100_000]}
)
SHARES = risk.shares(AREAS, RESIDENTS, UNCERTAIN)
# Resolution of Germany's federal and state governments, 14 October 2020: stricter measures from
# 35, and again from 50, new cases per 100,000 residents in 7 days
INCIDENCE_RULE = GradingRule(
    window_days=7,
    tiers=(
        Tier(grade="low", any=(Criterion(rate_below=35),)),
        Tier(grade="medium", any=(Criterion(rate_at_least=35, rate_below=50),)),
        Tier(grade="high", any=(Criterion(rate_at_least=50),)),
    ),
)


def counts(areas: dict[str, dict[int, int | None]], days: int = 30) -> pd.DataFrame:
    rows = []
    for code, changes in areas.items():
        value: int | None = 0
        for back in range(days, -1, -1):
            value = changes.get(back, value)
            rows.append((DAY - timedelta(days=back), code, value))
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def steps_of(areas: dict[str, dict[int, int | None]]) -> pd.DataFrame:
    return incidence.daily(counts(areas))


def units(unit: str = "county") -> pd.DataFrame:
    return risk.units(AREAS.merge(RESIDENTS, on="adcode"), unit)


@pytest.mark.parametrize(
    ("new", "grade"), [(0, "low"), (34, "low"), (35, "medium"), (49, "medium"), (50, "high")]
)
def test_another_countrys_rule_is_data(new, grade):
    """100,000 residents: so many cases are so many per 100,000."""
    steps = steps_of({"429021": {30: 10, 5: 10 + new}, "420500": {30: 0}})
    graded = risk.grade(steps, units(), INCIDENCE_RULE, DAY)
    row = graded.set_index("adcode").loc["429021"]
    assert (row["grade"], row["reason"]) == (grade, "own_rule")
    chance = risk.probability(graded, steps, units(), SHARES, INCIDENCE_RULE, UNCERTAIN)
    assert chance.set_index("adcode").loc["429021", f"p_{grade}"] == 1


def test_another_rules_probabilities_where_counties_are_unknown():
    """300 new cases among 1,000,000 residents are 30 per 100,000, in some counties more."""
    steps = steps_of({"420500": {30: 10, 5: 310}})
    graded = risk.grade(steps, units(), INCIDENCE_RULE, DAY)
    chance = risk.probability(graded, steps, units(), SHARES, INCIDENCE_RULE, UNCERTAIN)
    row = chance.set_index("adcode").loc["420501"]
    assert 0.05 < row["p_high"] < row["p_low"] < 0.95


def test_rule_of_rates_without_residents_is_refused():
    steps = steps_of({"420500": {30: 10, 5: 310}})
    bare = risk.units(AREAS, "county")
    graded = risk.grade(steps, bare, INCIDENCE_RULE, DAY)
    assert (graded["grades"] == "low|medium|high").all()
    with pytest.raises(StudyError, match="residents are unknown"):
        risk.probability(graded, steps, bare, SHARES, INCIDENCE_RULE, UNCERTAIN)


def test_tiers_written_out_are_the_national_rule():
    written = GradingRule(tiers=RULE.ladder())
    steps = steps_of({"429021": {30: 60, 2: 61}, "420500": {30: 900, 2: 905}})
    columns = ["adcode", "grades"]
    own, other = (risk.grade(steps, units(), rule, DAY)[columns] for rule in (RULE, written))
    pd.testing.assert_frame_equal(own, other)


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ((Tier(grade="low", any=(Criterion(new_at_most=3),)),), "have no grade"),
        (
            (
                Tier(grade="high", any=(Criterion(new_at_most=3),)),
                Tier(grade="low", any=(Criterion(new_at_least=4),)),
            ),
            "lighter grade",
        ),
    ],
)
def test_rule_that_does_not_hold_together_is_refused(tiers, message):
    with pytest.raises(StudyError, match=message):
        cells(GradingRule(tiers=tiers))


def test_rule_that_falls_above_its_rise_is_refused():
    with pytest.raises(ValidationError, match="lies above rise_at"):
        GradingRule(rise_at=0.4, fall_below=0.5)


@pytest.mark.parametrize(
    ("heavy", "grades"),
    [
        pytest.param("0 0 1 0 0 0 0", "0 0 2 2 2 0 0", id="rises at once, falls on the third day"),
        pytest.param("1 0 0 1 0 0 0", "2 2 2 2 2 2 0", id="a flap is held"),
        pytest.param(".6 .45 .45 .45 .45", "2 2 2 2 2", id="between the two limits nothing moves"),
        pytest.param(".45 .45 .3 .3 .3", "0 0 0 0 0", id="starts at the likelier"),
        pytest.param(".5 .3 .3 .3 .3", "2 2 2 0 0", id="the limit itself rises"),
    ],
)
def test_stabilised_grade(heavy, grades):
    high = np.array([float(value) for value in heavy.split()])
    chance = np.stack([1 - high, 0 * high, high], axis=-1)[None]
    assert risk.stabilise(chance, RULE)[0].tolist() == [int(g) for g in grades.split()]


def moved(areas, unit: str = "county", clusters: pd.DataFrame | None = None) -> pd.DataFrame:
    steps = steps_of(areas)
    grades = risk.grade(steps, units(unit), RULE, DAY, clusters=clusters)
    return risk.moves(grades, steps, units(unit), RULE, clusters).set_index("adcode")


def later(days: int) -> pd.Timestamp:
    return pd.Timestamp(DAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("changes", "needs", "earliest", "low_by"),
    [
        pytest.param({30: 60}, "", None, None, id="low already"),
        pytest.param({30: 40, 2: 41}, "quiet", 12, 12, id="case of D-2 leaves on D+12"),
        pytest.param({30: 40, 0: 41}, "quiet", 14, 14, id="case of today leaves on D+14"),
        pytest.param({30: 60, 13: 61}, "no_cluster_shown", 0, 1, id="clusters unknown"),
        pytest.param({30: 40, 3: 41, 1: 40}, "quiet", 13, 13, id="a retraction may hide one"),
    ],
)
def test_what_would_move_a_unit_down(changes, needs, earliest, low_by):
    row = moved({"429021": changes, "420500": {30: 0}}).loc["429021"]
    assert row["needs"] == needs
    for name, days in (("earliest", earliest), ("low_by", low_by)):
        assert pd.isna(row[name]) if days is None else row[name] == later(days)


def test_confirmed_cluster_must_leave_the_window():
    clusters = pd.DataFrame(
        {
            "adcode": ["429021"],
            "first_date": [DAY - timedelta(days=9)],
            "last_date": [DAY - timedelta(days=6)],
            "cluster": [True],
        }
    )
    row = moved({"429021": {30: 60, 2: 61}, "420500": {30: 0}}, clusters=clusters).loc["429021"]
    assert row[["heaviest", "next", "needs"]].tolist() == ["high", "medium", "cluster_leaves"]
    assert (row["earliest"], row["low_by"]) == (later(5), later(12))


def test_county_known_by_its_prefecture_needs_its_own_counts():
    row = moved({"420500": {30: 900, 4: 901}}).loc["420525"]
    assert row[["heaviest", "needs"]].tolist() == ["high", "own_counts"]
    assert (row["earliest"], row["low_by"]) == (later(0), later(10))


def test_that_day_the_promise_holds():
    """No further case: on the day named the unit is low, and not a day sooner."""
    series = {"429021": {30: 40, 3: 41}, "420500": {30: 900, 4: 905}}
    low_by = moved(series)["low_by"].dropna()
    table = counts(series)
    quiet = [
        (DAY + timedelta(days=ahead), code, int(total))
        for ahead in range(1, 16)
        for code, total in table[table["date"] == DAY].set_index("adcode")["confirmed"].items()
    ]
    steps = incidence.daily(
        pd.concat([table, pd.DataFrame(quiet, columns=table.columns)], ignore_index=True)
    )
    for code, when in low_by.items():
        on_day = risk.grade(steps, units(), RULE, when.date()).set_index("adcode")
        before = risk.grade(steps, units(), RULE, (when - pd.Timedelta(days=1)).date())
        assert on_day.loc[code, "grade"] == "low"
        assert before.set_index("adcode").loc[code, "grade"] != "low"


def test_sensitivity_names_the_units_that_change():
    steps = steps_of({"429021": {30: 60, 10: 61}, "420500": {30: 0}})
    table = risk.sensitivity(steps, units(), SHARES, RULE, UNCERTAIN, DAY, (7, 14), (50, 100))
    own = table[table["adcode"] == "429021"].set_index(["window_days", "cumulative_cutoff"])
    assert own["grades"].to_dict() == {(7, 50): "low", (7, 100): "low", (14, 100): "medium"}
    changed = table.groupby("adcode")["changed_set"].sum()
    assert changed.to_dict() == {"420501": 0, "420502": 0, "420525": 0, "429021": 3}


def listed(days: int, grades: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of": pd.Timestamp(DAY - timedelta(days=days)),
            "adcode": list(grades),
            "grade": list(grades.values()),
        }
    )


def chance(areas, unit: str = "county", earlier: pd.DataFrame | None = None) -> pd.DataFrame:
    steps = steps_of(areas)
    grades = risk.grade(steps, units(unit), RULE, DAY)
    found = risk.probability(grades, steps, units(unit), SHARES, RULE, UNCERTAIN, earlier=earlier)
    return found.set_index("adcode")


QUIET_SINCE = {"420500": {30: 900, 8: 905}}


def test_county_low_on_an_earlier_list_stays_low_if_nothing_came_since():
    """The five cases were in the window of the list already: they were elsewhere."""
    plain = chance(QUIET_SINCE).loc["420525"]
    after = chance(QUIET_SINCE, earlier=listed(4, {"420525": "low"})).loc["420525"]
    assert after["p_low"] > max(0.9, plain["p_low"])
    high = chance(QUIET_SINCE, earlier=listed(4, {"420525": "high"})).loc["420525"]
    assert high["p_high"] > 0.8


def test_list_that_lacks_a_unit_changes_nothing_for_it():
    plain = chance(QUIET_SINCE)
    after = chance(QUIET_SINCE, earlier=listed(4, {"420525": "low"}))
    names = ["p_low", "p_medium", "p_high"]
    np.testing.assert_allclose(after.loc["420501", names], plain.loc["420501", names].astype(float))


def test_older_list_says_less_of_today():
    """The later the list, the more of today's window it has seen."""
    series = {"420500": {30: 400, 20: 405, 12: 408, 2: 410}}
    plain = chance(series).loc["420525", "p_low"]
    old, new = (
        chance(series, earlier=listed(days, {"420525": "low"})).loc["420525", "p_low"]
        for days in (18, 1)
    )
    assert plain < old < new


def test_list_of_an_urban_area_speaks_of_its_districts_together():
    plain = chance(QUIET_SINCE, "urban_area").loc["420500"]
    after = chance(QUIET_SINCE, "urban_area", listed(4, {"420500": "low"})).loc["420500"]
    assert plain["p_low"] < 0.2
    assert after["p_low"] > 0.7


def test_list_with_a_rule_of_rates_is_refused():
    steps = steps_of(QUIET_SINCE)
    grades = risk.grade(steps, units(), INCIDENCE_RULE, DAY)
    with pytest.raises(ParameterError, match="an earlier list cannot be used"):
        risk.probability(
            grades,
            steps,
            units(),
            SHARES,
            INCIDENCE_RULE,
            UNCERTAIN,
            earlier=listed(4, {"420525": "low"}),
        )


def test_shares_lean_to_dense_counties_and_sum_to_one():
    areas_of = RESIDENTS.assign(area_km2=[50, 300, 2000, 3000])
    lean = risk.shares(AREAS, areas_of, GradeUncertainty(density_elasticity=0.5))
    plain = risk.shares(AREAS, RESIDENTS, UNCERTAIN)
    assert lean.groupby(AREAS["prefecture"])["share"].sum().tolist() == pytest.approx([1, 1])
    assert plain["share"].tolist() == pytest.approx([0.5, 0.3, 0.2, 1])
    assert lean["share"].iloc[0] > 0.5
    assert plain["basis"].tolist() == ["residents", "residents", "residents", "sole"]


def test_later_state_leaves_what_it_lacks_its_share():
    state = pd.DataFrame({"adcode": ["420501", "420502"], "confirmed": [30, 10]})
    found = risk.shares(AREAS, RESIDENTS, UNCERTAIN, state)
    assert found["share"].tolist() == pytest.approx([0.6, 0.2, 0.2, 1])
    assert found["basis"].tolist() == ["later", "later", "residents", "sole"]


def test_scores_of_probabilities_by_hand():
    """(0.5, 0.3, 0.2) against medium: (0.25 + 0.04) / 2."""
    ours = pd.DataFrame({"adcode": ["1"], "p_low": [0.5], "p_medium": [0.3], "p_high": [0.2]})
    official = pd.DataFrame({"adcode": ["1"], "grade": ["medium"], "rank": [pd.NA]})
    scores = risk.score_probabilities(ours, official)
    assert scores.ranked_probability_score == pytest.approx(0.145)
    assert (scores.units, scores.accuracy) == (1, 0)


def test_order_of_severity_is_grade_then_printed_place():
    official = pd.DataFrame(
        {
            "adcode": list("abcd"),
            "grade": ["high", "low", "low", "high"],
            "rank": [pd.NA, 2, 1, pd.NA],
        }
    )
    place = risk.severity(official)
    assert place["c"] < place["b"] < place["a"] == place["d"]
