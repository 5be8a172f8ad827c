"""One county's page: how it is graded, how sure that is, and what would move it down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.render import roster
from analytics.render.blocks import (
    Decision,
    Decisions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Section,
    Text,
)
from analytics.render.numbers import number
from analytics.render.risk import top
from analytics.render.risk.chances import all_chances, likely, step_down
from analytics.render.risk.headlines import headline
from analytics.render.risk.words import LABELS, name, reason, rows, span
from analytics.study import GradingRule, Study

if TYPE_CHECKING:
    from analytics.analysis.risk import Assessment

NOTHING = Text("—", "—")


def masthead(study: Study, as_of: date, grades: pd.DataFrame, unit: str) -> Masthead:
    """
    Head the page of one graded unit.

    Parameters
    ----------
    study : Study
    as_of : date
    grades : RISK table
    unit : str
        Code of the unit.
    """
    row = _row(grades, unit)
    place, around = name(row), Text(row.prefecture_name, row.prefecture_name_en)
    whole = top.masthead(study, as_of)
    region = whole.region
    if place != around:
        region = Text(f"{region.zh}{around.zh}", f"{around.en}, {region.en}")
    title = Text(f"{place.zh}：疫情风险分级", f"{place.en}: epidemic risk grading")
    return replace(whole, title=title, region=region)


def lead(grades: pd.DataFrame, unit: str, assessment: Assessment, rule: GradingRule) -> Lead:
    """Say the unit's grade, or which are left and how likely each is, and why."""
    row = _row(grades, unit)
    why = reason(row, rule.window_days, rule.cumulative_cutoff)
    graded = LABELS[row.grades]
    if row.size > 1:
        chance = all_chances(_row(assessment.probability, unit))
        return Lead(
            Text(
                f"按规则尚不能定为一级：{graded.zh}；估计{chance.zh}。{why.zh}",
                f"The rule leaves it open: {graded.en.lower()}; estimated {chance.en}. {why.en}",
            )
        )
    return Lead(Text(f"风险等级：{graded.zh}。{why.zh}", f"Grade: {graded.en.lower()}. {why.en}"))


def headlines(
    grades: pd.DataFrame,
    unit: str,
    assessment: Assessment,
    around: pd.DataFrame,
    as_of: date,
    rule: GradingRule,
) -> Headlines:
    """
    Give the unit's own bounds, its likeliest grade, and its prefecture's cases.

    Parameters
    ----------
    grades : RISK table
    unit : str
    assessment : Assessment
    around : pandas.DataFrame
        ``incidence.total`` of the unit's prefecture.
    as_of : date
    rule : GradingRule
    """
    row, chance = _row(grades, unit), _row(assessment.probability, unit)
    days = number(rule.window_days)
    likeliest = str(chance.likeliest)
    share = likely(float(getattr(chance, f"p_{likeliest}")))
    own = (
        Text("本级数据", "by its own counts")
        if row.basis in {"own", "whole_prefecture"}
        else Text("由所在市州数据得出的界限", "bounds from its prefecture's counts")
    )
    figures = (
        Headline(
            Text("最可能的等级（估计）", "Likeliest grade (estimate)"),
            LABELS[likeliest],
            Text(f"可能性{share.zh}", f"chance {share.en}"),
            Text(f"稳定等级：{LABELS[str(assessment.stabilised[unit])].zh}",
                 f"stabilised: {LABELS[str(assessment.stabilised[unit])].en.lower()}"),
            Text("等级以规则为准", "the rule's grade stands"),
        ),
        _bounds(Text(f"{days.zh}天内新增确诊", f"New cases in {days.en} days"),
                span(row.new_lower, row.new_upper), own),
        _bounds(Text("累计确诊", "Cumulative cases"),
                span(row.cumulative_lower, row.cumulative_upper), own),
        headline(around, as_of, "new",
                 Text(f"{row.prefecture_name}新增确诊", f"New cases in {row.prefecture_name_en}"),
                 Text("所在市州", "its prefecture")),
    )  # fmt: skip
    return Headlines(figures)


def curves(section: Section, grades: pd.DataFrame, unit: str) -> Section:
    """Say of a section about the unit's prefecture whose cases it shows."""
    row = _row(grades, unit)
    title = Text(
        f"{row.prefecture_name}：{section.title.zh}",
        f"{row.prefecture_name_en}: {section.title.en}",
    )
    return replace(section, title=title)


def decisions(study: Study, assessment: Assessment, unit: str) -> Decisions:
    """Say what would bring the unit one grade down, by whom, and when at the earliest."""
    move = _row(assessment.moves, unit)
    if not move.needs:
        return Decisions(())
    asked: Decision = roster.decision(study, "county_counts", step_down(move))
    return Decisions((asked,))


def _bounds(label: Text, value: Text, denominator: Text) -> Headline:
    return Headline(label, value, NOTHING, NOTHING, denominator)


def _row(table: pd.DataFrame, unit: str) -> Any:
    return next(rows(table[table["adcode"] == unit]))
