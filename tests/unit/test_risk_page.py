"""The parts of the risk report that say how sure the grades are, without a browser."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from analytics import study as studies
from analytics.analysis import incidence, risk
from analytics.render import charts
from analytics.render import risk as render
from analytics.render.blocks import Missing, Text, dumps
from analytics.render.charts.theme import wrapped
from analytics.render.risk.chances import likely
from analytics.study import DefinitionChange, GradeUncertainty, GradingRule, Title

RULE, DAY = GradingRule(), date(2020, 2, 29)
NONE = Text("", "")
NOTE = Title(zh="口径变更", en="another definition")
AREAS = pd.DataFrame(
    [
        ("420501", "甲区", "Jia", "420500", True),
        ("420502", "乙区", "Yi", "420500", True),
        ("420525", "丙县", "Bing", "420500", False),
        ("429021", "己林区", "Ji", "429021", False),
    ],
    columns=["adcode", "name", "name_en", "prefecture", "district"],
).assign(prefecture_name="市", prefecture_name_en="City")
RESIDENTS = pd.DataFrame({"adcode": AREAS["adcode"], "population": [5e5, 3e5, 2e5, 1e5]})


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(3)
    new = {
        "420500": np.r_[rng.poisson(20, 24), rng.poisson(3, 16)],
        "429021": np.r_[rng.poisson(1, 20), np.zeros(20, dtype=int)],
    }
    days = [DAY - timedelta(days=back) for back in range(39, -1, -1)]
    return pd.concat(
        pd.DataFrame({"date": days, "adcode": code, "confirmed": steps.cumsum()})
        for code, steps in new.items()
    )


@pytest.fixture(scope="module")
def graded(counts):
    steps, units = incidence.daily(counts), risk.units(AREAS, "urban_area")
    grades = risk.grade(steps, units, RULE, DAY)
    uncertainty = GradeUncertainty()
    shares = risk.shares(AREAS, RESIDENTS, uncertainty)
    return grades, units, risk.assess(grades, steps, units, shares, RULE, uncertainty)


def test_chances_of_every_unit_are_written_and_certain_ones_are_certain(graded):
    grades, _, assessment = graded
    section = render.chances(assessment, grades, RULE)
    table = {row["code"]: row for row in section.tables[0].rows}
    assert set(table) == set(grades["adcode"])
    assert table["429021"]["p_low"].en == "100%"
    assert table["420525"]["p_low"].en not in {"0%", "100%"}
    moves = {row["code"] for row in section.tables[1].rows}
    assert moves == {"420500", "420525"}
    assert section.title.en.startswith("Estimate: low is likeliest in ")


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.0, "0%"), (1.0, "100%"), (0.001, "<1%"), (0.999, ">99%"), (0.347, "35%")],
)
def test_only_what_is_certain_is_written_as_certain(chance, words):
    assert likely(chance).en == likely(chance).zh == words


def test_definitions_say_with_what_the_chances_were_made():
    chosen = studies.load("hubei-2020")
    terms = {item.term.en: item.meaning for item in render.definitions(chosen, RULE, DAY).items}
    meaning = terms["Chance of a grade"]
    assert "density^0.38" in meaning.en
    assert "密度^0.38" in meaning.zh
    assert chosen.grade_uncertainty.source in meaning.en


def test_a_number_in_a_note_stays_in_one_line():
    assert "14840" in wrapped("义变更，当日计入14840例，非疫情高峰", 9).split("<br>")[1]


def test_map_stripes_the_likeliest_grade_and_counts_what_it_draws(graded):
    grades, units, assessment = graded
    boundaries = gpd.GeoDataFrame(
        {"adcode": AREAS["adcode"]},
        geometry=[box(111 + at, 30, 112 + at, 31) for at in range(4)],
        crs=4490,
    )
    drawn = render.area_map(boundaries, grades, units, risk.prefectures(grades), RULE, assessment)
    shapes = {shape.code: shape for shape in drawn.shapes}
    assert shapes["429021"].category == "low"
    assert shapes["420501"].category.endswith("?")
    assert shapes["420501"].category == shapes["420502"].category
    hatched = {c.key for c in drawn.categories if c.hatched}
    assert {shape.category for shape in drawn.shapes} - {"low"} <= hatched
    assert "estimate" in shapes["420501"].summary.en
    assert "counts the 4 counties drawn" in drawn.note.en


def test_forecast_is_shown_only_if_it_earned_its_place(counts):
    found = incidence.prospects(counts, (), DAY)
    section = render.prospects(found, AREAS, DAY)
    shown = [days for days in (7, 14) if found.shown(days)]
    columns = {column.key for column in section.tables[0].columns}
    assert {f"ahead_{days}" for days in shown} == {k for k in columns if k.startswith("ahead_")}
    # reproduction numbers, what each prefecture may expect, and the fan
    assert len(section.charts) == 1 + bool(shown) + (14 in shown)
    models = found.track[["days", "model"]].drop_duplicates()
    assert len(section.tables[1].rows) == len(models) == len(found.track)


@pytest.mark.parametrize(
    ("effect", "series", "expected"),
    [
        ("adds", "confirmed", {7: (5, 2)}),  # every outcome of 14 days spans it
        ("adds", "deaths", {7: (6, 0), 14: (4, 0)}),
        ("removes", "confirmed", {7: (6, 0), 14: (4, 0)}),
    ],
)
def test_forecasts_are_not_judged_by_cases_that_a_new_definition_adds(
    counts, effect, series, expected
):
    change = DefinitionChange(
        day=DAY - timedelta(days=10), effect=effect, series=(series,), note=NOTE, source="a notice"
    )
    found = incidence.prospects(counts, (change,), DAY)
    tried = found.track.groupby("days")[["origins", "left_out"]].first()
    assert {row.Index: (row.origins, row.left_out) for row in tried.itertuples()} == expected
    note = render.prospects(found, AREAS, DAY).tables[1].note
    assert ("spans a change of case definition are left out (at most 2)" in note.en) == (
        expected[7][1] == 2
    )


def test_record_of_quiet_days_has_no_ratio_to_a_baseline_without_error(counts):
    """Where no baseline was ever wrong, the page says so; it used to end in infinity."""
    found = incidence.prospects(counts, (), DAY)
    quiet = dataclasses.replace(found, track=found.track.assign(ratio=np.inf))
    section = render.prospects(quiet, AREAS, DAY)
    assert all(isinstance(row["ratio"], Missing) for row in section.tables[-1].rows)
    assert dumps(section)


def test_model_without_a_record_is_never_shown(counts):
    early = DAY - timedelta(days=22)
    found = incidence.prospects(counts, (), early)
    section = render.prospects(found, AREAS, early)
    assert not found.shown(7)
    titles = [chart.title.en for chart in section.charts]
    assert [title.split(" in ")[0] for title in titles] == ["Reproduction number highest"]
    assert "none is shown" in section.paragraphs[0].en


def test_prospects_know_nothing_of_later(counts):
    early = DAY - timedelta(days=10)
    known = counts[counts["date"] <= early]
    for name in ("forecast", "track", "reproduction", "history"):
        one, two = (
            getattr(incidence.prospects(table, (), early), name) for table in (counts, known)
        )
        pd.testing.assert_frame_equal(one, two)


def test_notes_of_breaks_stand_above_what_is_drawn():
    """The note hangs over the plot, in a margin as high as its lines."""
    days = [f"2020-02-{at:02d}" for at in range(1, 29)]
    chart = charts.epidemic_curve(
        days,
        charts.Series(Text("新增", "New"), list(range(28))),
        alternative=NONE,
        breaks=(charts.Break("2020-02-12", Text("口径变更" * 6, "change of definition " * 4)),),
    )
    for language in ("zh", "en"):
        layout = chart.figure[language]["layout"]
        note = layout["annotations"][0]
        assert (note["yref"], note["y"], note["yanchor"]) == ("paper", 1, "bottom")
        assert layout["margin"]["t"] >= 15 * (note["text"].count("<br>") + 1)


def test_nothing_is_said_of_persons_where_a_study_has_no_tables():
    assert render.people() is None


def test_suppressed_counts_of_persons_are_missing_with_their_reason():
    tests = pd.DataFrame(
        {"date": ["2020-02-29", "2020-02-28"], "tested": [200, None], "positive": [5, None]}
    )
    section = render.people(tests=tests)
    first, second = section.tables[0].rows
    assert (first["tested"], first["share"].en) == (200, "2.5%")
    assert isinstance(second["positive"], Missing)
    assert isinstance(second["share"], Missing)


def test_finding_of_care_names_each_ward_and_the_share_of_positive_tests():
    beds = pd.DataFrame({"ward": ["general", "intensive"], "beds": [200, 20],
                         "occupied": [90, 15]})  # fmt: skip
    tests = pd.DataFrame({"date": ["2020-02-28", "2020-02-29"], "tested": [300, None],
                          "positive": [30, None]})  # fmt: skip
    title = render.people(beds=beds, tests=tests).title
    assert title.zh == "普通床位使用率45%，重症床位使用率75%，核酸检测阳性率10.0%"
    assert (
        title.en
        == "General beds 45% occupied, intensive care 75% occupied, 10.0% of tests positive"
    )
    unknown = beds.assign(occupied=None)
    assert render.people(beds=unknown).title.zh == "病例构成与救治"


def test_what_changed_since_yesterday_counts_sets_too(graded):
    grades, _, assessment = graded
    code = grades["adcode"].iloc[0]
    changed = pd.DataFrame({
        "adcode": [code], "likeliest_before": ["low"], "likeliest_now": ["low"],
        "stabilised_before": ["low"], "stabilised_now": ["low"],
        "grades_before": ["low|medium"], "grades_now": ["low"],
    })  # fmt: skip
    section = render.chances(dataclasses.replace(assessment, changed=changed), grades, RULE)
    assert section.paragraphs[0].zh.endswith("稳定等级变化0个，可能等级变化1个。")


@pytest.fixture(scope="module")
def partly(counts):
    """The second prefecture published nothing on the last day, with 12 cases the day before."""
    late = (counts["adcode"] == "429021") & (counts["date"] == DAY)
    known = counts.assign(confirmed=counts["confirmed"].mask(late).astype("Int64"))
    return incidence.daily(known)


def test_a_total_counts_of_each_area_what_it_published_last(counts, partly):
    before, now = (incidence.total(table).iloc[-1] for table in (incidence.daily(counts), partly))
    assert (now["published"], now["areas"]) == (1, 2)
    assert now["cumulative"] == before["cumulative"]  # the late one had no new case
    assert now["new"] == before["new"]


def test_the_first_words_say_who_published(partly):
    totals = incidence.total(partly)
    grades = risk.grade(partly, risk.units(AREAS, "urban_area"), RULE, DAY)
    said = render.lead(
        studies.load("hubei-2020"), DAY, totals, incidence.changes(partly, DAY), grades, AREAS
    ).sentence
    assert "(1 of 2 prefectures published), not comparable with the day before" in said.en
    assert "（2个市州中1个已公布），与前一日不可比" in said.zh


def test_a_headline_says_who_published_and_compares_like_with_like(partly):
    totals = incidence.total(partly)
    certainty = pd.DataFrame({"units": [2] * 8, "low": 0, "undetermined": 2})
    new, cumulative, *_ = render.headlines(DAY, {"confirmed": totals}, certainty, 1e6).figures
    assert new.day_change.en == "no comparison: a day before"
    assert new.denominator.en.startswith("1 of 2 prefectures published; ")
    assert cumulative.denominator.zh.startswith("2个市州中1个已公布；")
    assert "up in a day" in cumulative.day_change.en


def test_new_cases_of_several_days_are_said_to_be(counts):
    """Nobody published for three days: what comes then is of four, and like no other day."""
    quiet = counts["date"].isin([DAY - timedelta(days=back) for back in (1, 2, 3)])
    steps = incidence.daily(counts.assign(confirmed=counts["confirmed"].mask(quiet)))
    totals = incidence.total(steps)
    grades = risk.grade(steps, risk.units(AREAS, "urban_area"), RULE, DAY)
    latest = incidence.changes(steps, DAY)
    said = render.lead(studies.load("hubei-2020"), DAY, totals, latest, grades, AREAS).sentence
    assert "(added up over as many as 4 days), the day before is not published" in said.en
    certainty = pd.DataFrame({"units": [2] * 8, "low": 0, "undetermined": 2})
    new, cumulative, *_ = render.headlines(DAY, {"confirmed": totals}, certainty, 1e6).figures
    assert new.denominator.en.startswith("added up over as many as 4 days; ")
    assert new.week_change.en == "no comparison: a week before"
    assert cumulative.denominator.en.endswith("per 100,000 people")


def test_a_prefecture_that_fell_silent_is_named_and_not_forecast(counts):
    quiet = (counts["adcode"] == "429021") & (counts["date"] > DAY - timedelta(days=7))
    found = incidence.prospects(counts.assign(confirmed=counts["confirmed"].mask(quiet)), (), DAY)
    assert found.silent == ("429021",)
    assert set(found.forecast["adcode"]) == set(found.reproduction["adcode"]) == {"420500"}
    said = [text.en for text in render.prospects(found, AREAS, DAY).paragraphs]
    assert said[-1].startswith("Not published on the last 7 days, so neither estimated nor")
    before = incidence.prospects(counts.assign(confirmed=counts["confirmed"].mask(
        quiet & (counts["date"] != DAY))), (), DAY)  # fmt: skip
    assert before.silent == ()
