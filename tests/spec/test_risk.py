"""The national rule on what is known: behaviour in drawn tables."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from analytics.analysis import incidence, risk
from analytics.study import DefinitionChange, GradingRule, Title

RULE = GradingRule()
DAY = date(2020, 2, 29)
AREAS = pd.DataFrame(
    [
        ("420501", "甲区", "Jia", "420500", True),
        ("420502", "乙区", "Yi", "420500", True),
        ("420525", "丙县", "Bing", "420500", False),
        ("420701", "丁区", "Ding", "420700", True),
        ("420702", "戊区", "Wu", "420700", True),
        ("429021", "己林区", "Ji", "429021", False),
    ],
    columns=["adcode", "name", "name_en", "prefecture", "district"],
).assign(prefecture_name="市", prefecture_name_en="City")


def counts(areas: dict[str, dict[int, int | None]], days: int = 20) -> pd.DataFrame:
    """Cumulative counts: a start and the values that change it, by days before ``DAY``."""
    rows = []
    for code, changes in areas.items():
        value: int | None = 0
        for back in range(days, -1, -1):
            value = changes.get(back, value)
            rows.append((DAY - timedelta(days=back), code, value))
    return pd.DataFrame(rows, columns=["date", "adcode", "confirmed"])


def graded(areas, unit="county", definition_changes=(), as_of=DAY, **more: pd.DataFrame):
    steps = incidence.daily(counts(areas), definition_changes)
    table = risk.grade(steps, risk.units(AREAS, unit), RULE, as_of, **more)
    return table.set_index("adcode")


@pytest.mark.parametrize(
    ("changes", "grades", "reason"),
    [
        pytest.param({20: 0}, "low", "no_case", id="no case"),
        pytest.param({20: 60}, "low", "no_new_case", id="quiet fortnight, however many before"),
        pytest.param({20: 60, 14: 61}, "low", "no_new_case", id="D-14 is outside the window"),
        pytest.param({20: 40, 13: 41}, "medium", "few_cases", id="D-13 is inside the window"),
        pytest.param({20: 49, 3: 50}, "medium", "few_cases", id="fifty is not above fifty"),
        pytest.param({20: 50, 3: 51}, "medium|high", "cluster_unknown", id="fifty-one"),
        pytest.param({20: 60, 5: 56}, "low|medium|high", "new_unknown", id="retraction hides"),
        pytest.param(
            {20: 840, 9: 766, 8: 836}, "medium|high", "cluster_unknown", id="net is not new"
        ),
        pytest.param({20: 60, 6: None, 5: 60}, "low|medium|high", "new_unknown", id="missing day"),
        pytest.param({20: 60, 0: None}, "low|medium|high", "new_unknown", id="today unpublished"),
        pytest.param({20: 60, 15: None, 12: 61}, "low|medium|high", "new_unknown", id="straddles"),
        pytest.param({20: 60, 9: None, 7: 61}, "medium|high", "cluster_unknown", id="gap inside"),
        pytest.param({20: 40, 6: None, 5: 40}, "low|medium", "new_unknown", id="few, missing day"),
    ],
)
def test_unit_with_counts_of_its_own(changes, grades, reason):
    row = graded({"429021": changes, "420500": {20: 0}, "420700": {20: 0}}).loc["429021"]
    assert (row["grades"], row["reason"], row["basis"]) == (grades, reason, "own")


@pytest.mark.parametrize(
    ("changes", "grades", "reason"),
    [
        pytest.param({20: 900}, "low", "no_new_case", id="no new case in the prefecture"),
        pytest.param(
            {20: 900, 2: 901}, "low|medium|high", "county_unknown", id="one, where unknown"
        ),
        pytest.param({20: 40, 2: 50}, "low|medium", "few_in_prefecture", id="high is impossible"),
        pytest.param({20: 900, 2: 890}, "low|medium|high", "new_unknown", id="only a retraction"),
        pytest.param({20: 0}, "low", "no_case", id="no case at all"),
    ],
)
def test_county_known_through_its_prefecture(changes, grades, reason):
    row = graded({"420500": changes}).loc["420525"]
    assert (row["grades"], row["reason"], row["basis"]) == (grades, reason, "prefecture")


def test_nothing_published_leaves_every_grade():
    row = graded({"420500": {20: 0}}).loc["420701"]
    assert (row["grades"], row["reason"]) == ("low|medium|high", "no_counts")


def test_step_of_a_definition_change_may_not_be_a_new_case():
    change = DefinitionChange(
        day=DAY - timedelta(days=5), note=Title(zh="变更", en="change"), source="notice"
    )
    row = graded({"429021": {20: 60, 5: 160}}, definition_changes=[change]).loc["429021"]
    assert (row["grades"], row["doubts"]) == ("low|medium|high", "definition_change")
    assert (row["new_lower"], row["new_upper"], row["redefined"]) == (0, 100, 100)


@pytest.mark.parametrize(
    ("first", "last", "cluster", "grades"),
    [
        (5, 3, True, "high"),
        (13, 0, False, "medium"),
        (13, 1, False, "medium|high"),  # one day was not looked at: unknown is not none
        (30, 3, True, "medium|high"),  # it may have been before the window
        (30, 20, True, "medium|high"),
    ],
)
def test_clusters_decide_medium_or_high(first, last, cluster, grades):
    clusters = pd.DataFrame(
        {
            "adcode": ["429021"],
            "first_date": [DAY - timedelta(days=first)],
            "last_date": [DAY - timedelta(days=last)],
            "cluster": [cluster],
        }
    )
    table = graded({"429021": {20: 60, 2: 61}}, clusters=clusters)
    assert table.loc["429021", "grades"] == grades


@pytest.mark.parametrize(("changes", "grades"), [({20: 60}, "low"), ({20: 40, 2: 41}, "medium")])
def test_low_and_the_cut_off_come_before_a_cluster(changes, grades):
    clusters = pd.DataFrame(
        {"adcode": ["429021"], "first_date": [DAY], "last_date": [DAY], "cluster": [True]}
    )
    assert graded({"429021": changes}, clusters=clusters).loc["429021", "grades"] == grades


def test_urban_area_takes_its_worst_district():
    table = graded({"420500": {20: 900, 2: 901}, "420700": {20: 900, 2: 901}}, unit="urban_area")
    assert list(table.index) == ["420500", "420525", "420700", "429021"]
    # part of a prefecture: its new case may be elsewhere
    assert table.loc["420500", ["grades", "basis"]].tolist() == ["low|medium|high", "members"]
    # all of a prefecture: its new case is in one of the districts
    assert table.loc["420700", ["grades", "basis"]].tolist() == ["medium|high", "whole_prefecture"]


def test_district_with_counts_of_its_own_makes_its_urban_area_no_lighter():
    table = graded({"420501": {20: 30, 2: 31}, "420502": {20: 5}}, unit="urban_area")
    assert table.loc["420500", "grades"] == "medium"


def test_later_state_is_used_only_when_asked_and_says_so():
    later = pd.DataFrame({"adcode": ["420525"], "confirmed": [8], "not_before": [DAY]})
    plain = graded({"420500": {20: 900, 2: 901}}).loc["420525"]
    after = graded({"420500": {20: 900, 2: 901}}, later=later).loc["420525"]
    assert (plain["grades"], plain["retrospective"]) == ("low|medium|high", False)
    assert (after["grades"], after["retrospective"]) == ("low|medium", True)


def test_prefecture_totals_bound_the_number_of_units():
    table = graded({"420500": {20: 900, 2: 901}}).reset_index()
    row = risk.prefectures(table, RULE.cumulative_cutoff).set_index("prefecture").loc["420500"]
    assert row[["units", "low_high", "low_at_least", "high_at_most"]].tolist() == [3, 3, 2, 1]


def test_unit_on_both_levels_counts_once():
    table = graded({"429021": {20: 60}, "420500": {20: 0}, "420700": {20: 0}}).reset_index()
    assert risk.prefectures(table)["units"].sum() == len(AREAS)


def compared(sets: list[str], official: list[str]) -> pd.DataFrame:
    codes = [f"4205{k:02d}" for k in range(21, 21 + len(sets))]
    ours = pd.DataFrame({"adcode": codes, "unit_type": "county", "grades": sets})
    for grade in ("low", "medium", "high"):
        ours[f"may_be_{grade}"] = [grade in one.split("|") for one in sets]
    ours["size"] = [len(one.split("|")) for one in sets]
    theirs = pd.DataFrame(
        {"adcode": codes, "unit_type": "county", "unit": codes, "grade": official}
    )
    return risk.agreement(ours, theirs)


def test_returning_every_grade_earns_nothing():
    scores = risk.score(compared(["low|medium|high"] * 3, ["low", "medium", "high"]))
    assert scores.contained == 3
    assert scores.skill == pytest.approx(0)
    assert scores.ranked_probability_skill == pytest.approx(0)


def test_single_right_grades_earn_everything():
    scores = risk.score(compared(["low", "medium", "high"], ["low", "medium", "high"]))
    assert (scores.skill, scores.ranked_probability_skill) == pytest.approx((1, 1))


def test_ranked_probability_score_by_hand():
    """{low, medium} against high: F = (1/2, 1), O = (0, 0): (1/4 + 1) / 2."""
    table = compared(["low|medium"], ["high"])
    assert table["ranked_probability_score"].tolist() == pytest.approx([0.625])
    assert table["disagreement"].tolist() == ["lighter"]


def test_list_in_force_is_the_latest_by_the_day():
    lists = pd.DataFrame({"as_of": ["2020-02-28", "2020-03-03"], "grade": ["low", "high"]})
    assert risk.in_force(lists, date(2020, 3, 2))["grade"].tolist() == ["low"]
    assert risk.in_force(lists, date(2020, 3, 3))["grade"].tolist() == ["high"]
    assert risk.in_force(lists, date(2020, 2, 27)).empty


def test_days_since_the_last_case_is_certain_only_without_doubt():
    steps = incidence.daily(counts({"1": {20: 1, 5: 2}, "2": {20: 5, 5: 6, 2: 4}, "3": {20: 1}}))
    table = incidence.recency(steps, DAY).set_index("adcode")
    assert table.loc["1", ["days_since", "certain"]].tolist() == [5, True]
    assert table.loc["2", ["days_since", "certain"]].tolist() == [5, False]
    assert pd.isna(table.loc["3", "days_since"])
