"""One county's page: the unit it is graded in, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from typer.testing import CliRunner

from analytics import study as studies
from analytics.analysis import incidence, risk
from analytics.cli import app
from analytics.errors import ParameterError
from analytics.pool import boundaries, published
from analytics.render import explain
from analytics.render import risk as render

DAY = date(2020, 2, 29)


@pytest.fixture(scope="module")
def graded():
    chosen, rule = studies.load("hubei-2020"), studies.GradingRule()
    figures = published.read(chosen, studies.moment(DAY))
    steps = incidence.daily(figures.counts, chosen.definition_changes, "confirmed")
    units = risk.units(figures.areas, chosen.unit_on(DAY))
    grades = risk.grade(steps, units, rule, DAY)
    doubt, extent = chosen.grade_uncertainty, boundaries.extent(chosen)
    shares = risk.shares(figures.areas, figures.population, doubt, None, extent)
    return chosen, grades, risk.assess(grades, steps, units, shares, rule, doubt), units, steps


def test_a_county_is_found_in_its_unit_and_an_unknown_one_is_refused():
    units = pd.DataFrame({"adcode": ["420102", "420103", "421083"],
                          "unit": ["420100", "420100", "421083"]})  # fmt: skip
    chance = pd.DataFrame({"adcode": ["420100", "421083"], "expected_grade": [0.4, 1.9]})
    assert risk.unit_of(units, "420103", chance) == "420100"
    assert risk.unit_of(units, "420100", chance) == "420100"
    assert risk.unit_of(units, "", chance) == "421083"
    with pytest.raises(ParameterError, match="420109") as refused:
        risk.unit_of(units, "420109", chance)
    assert "4201" in refused.value.remedy


def test_an_open_grade_says_which_are_left_and_how_likely(graded):
    chosen, grades, assessment, _, _ = graded
    rule = studies.GradingRule()
    lead = render.county.lead(grades, "420102", assessment, rule).sentence
    assert "9,660" in lead.en
    assert "estimated" in lead.en
    assert render.county.masthead(chosen, DAY, grades, "420102").title.zh.startswith("江岸区")
    assert len(render.county.decisions(chosen, assessment, "420102").items) == 1


def test_a_settled_grade_is_said(graded):
    _, grades, assessment, _, steps = graded
    settled = next(grades[grades["size"] == 1].itertuples())
    rule = studies.GradingRule()
    lead = render.county.lead(grades, settled.adcode, assessment, rule).sentence.en
    assert lead.startswith(f"Grade: {settled.grade}")
    around = incidence.total(steps[steps["adcode"] == settled.prefecture])
    figures = render.county.headlines(grades, settled.adcode, assessment, around, DAY, rule).figures
    assert figures[0].value.en.lower() == settled.grade


def test_what_moves_a_unit_down_is_said_where_something_can(graded):
    chosen, _, assessment, _, _ = graded
    for move in assessment.moves.itertuples():
        items = render.county.decisions(chosen, assessment, move.adcode).items
        assert len(items) == (move.needs != "")


def test_an_open_grade_is_explained_by_rule_counts_way_down_and_certainty(graded):
    _, grades, assessment, _, _ = graded
    said = explain.grade(grades, "420102", assessment, studies.GradingRule())
    assert said.title.en.startswith("Jiang'an District: The rule leaves it open")
    rule, down, sure = said.paragraphs
    assert rule.en == (
        "Rule: national guiding opinions of 17 February 2020, a window of 14 days, cumulative "
        "cut-off 50 cases."
    )
    assert down.en.startswith("To fall to medium: its own daily counts.")
    assert "The list of 29 Feb 2020 is the first that could be one grade lighter." in down.en
    assert "of 14 other windows and cut-offs" in sure.en
    counted, chances, move = (table.rows[0] for table in said.tables)
    assert (counted["first"], counted["last"]) == ("2020-02-16", "2020-02-29")
    assert (counted["new_lower"], counted["new_upper"]) == (0, 9660)
    assert counted["cluster"].reason.en == "cluster outbreaks are not published"
    assert sum(chances[f"p_{g}"] for g in ("low", "medium", "high")) == pytest.approx(1)
    assert move["earliest"] == "2020-02-29"
    assert "江岸区" in said._repr_mimebundle_()["text/html"]


def test_a_low_grade_and_a_rule_of_another_window_are_explained(graded):
    _, grades, assessment, _, _ = graded
    settled = next(grades[grades["size"] == 1].itertuples()).adcode
    lightest = replace(assessment, moves=assessment.moves.assign(needs=""))
    said = explain.grade(grades, settled, lightest, studies.GradingRule(window_days=28))
    assert "(as issued: 14 days, 50 cases)" in said.paragraphs[0].en
    assert said.paragraphs[1].en == "No grade is lighter."
    assert "leaves this grade alone" in said.paragraphs[2].en
    assert len(said.tables) == 2
    with pytest.raises(ParameterError, match="no unit '420109'") as refused:
        explain.grade(grades, "420109", assessment, studies.GradingRule())
    assert "risk.unit_of" in refused.value.remedy


def test_each_county_belongs_to_the_report_of_one_county():
    done = CliRunner().invoke(app, ["report", "risk_grading", "--each-county"])
    assert done.exit_code != 0
    assert isinstance(done.exception, ParameterError | SystemExit)
