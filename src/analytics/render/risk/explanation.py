"""Why a county has its grade: rule, counts, clusters, what would move it, how sure it is."""

from __future__ import annotations

import difflib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.codes import RiskGrade
from analytics.errors import ParameterError
from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import day
from analytics.render.risk import county
from analytics.render.risk.chances import NEEDS, step_down
from analytics.render.risk.words import LABELS, name, rows
from analytics.study import GradingRule

if TYPE_CHECKING:
    from analytics.analysis.risk import Assessment

BASES = {
    "own": Text("本级数据", "its own counts"),
    "whole_prefecture": Text("所在市州数据，全在本单元", "its prefecture's counts, all in it"),
    "prefecture": Text("所在市州数据推得的界限", "bounds from its prefecture's counts"),
    "members": Text("各成员县的界限", "bounds of its members"),
    "none": Text("无数据", "nothing published"),
}
_UNBOUNDED = Missing(Text("无从得知上限", "no upper bound is known"))
_UNSAID = Missing(Text("聚集性疫情未公布", "cluster outbreaks are not published"))
_UNDATED = Missing(Text("证据不足以定日", "the evidence sets no date"))


def explain(grades: pd.DataFrame, unit: str, assessment: Assessment, rule: GradingRule) -> Section:
    """
    Say why a graded unit has the grade it has.

    Parameters
    ----------
    grades : RISK table
    unit : str
        Code of a unit of `grades`; ``risk.unit_of`` finds that of a county.
    assessment : Assessment
        Of the same day.
    rule : GradingRule
        They were made by.

    Returns
    -------
    Section
        The grade and its reason, the rule, what would move it one grade down and how sure it is;
        then the numbers, a table for each.

    Raises
    ------
    ParameterError
        If `grades` has no such unit; the nearest code is suggested.
    """
    if unit not in set(grades["adcode"]):
        near = difflib.get_close_matches(unit, sorted(grades["adcode"]), n=1, cutoff=0)
        raise ParameterError(
            f"there is no unit '{unit}' among the {len(grades)} graded",
            remedy=f"a code of `grades`, such as {', '.join(near)}; "
            "`risk.unit_of` finds the unit of a county",
        )
    row = _of(grades, unit)
    place, said = name(row), county.lead(grades, unit, assessment, rule).sentence
    move = _of(assessment.moves, unit)
    lines = [_rule(rule), _down(move), _sure(row, unit, assessment)]
    if row.retrospective:
        lines.append(Text("回顾性：用了截至日之后公布的县级数据。",
                          "Retrospective: county counts published later were used."))  # fmt: skip
    tables = [_counted(row, rule), _chances(unit, assessment)]
    return Section(
        title=Text(f"{place.zh}：{said.zh}", f"{place.en}: {said.en}"),
        paragraphs=tuple(lines),
        tables=(*tables, *([_moving(move)] if move.needs else [])),
    )


def _of(table: pd.DataFrame, unit: str) -> Any:
    return next(rows(table[table["adcode"] == unit]))


def _rule(rule: GradingRule) -> Text:
    """Name the rule and its edition, and what differs from it."""
    usual = GradingRule()
    window = Text(f"窗口期{rule.window_days}天", f"a window of {rule.window_days} days")
    if rule.tiers:
        return Text(f"规则：本研究自定的分档，{window.zh}。",
                    f"Rule: tiers of the study's own, {window.en}.")  # fmt: skip
    cut = rule.cumulative_cutoff
    zh = f"规则：国务院联防联控机制2020年2月17日指导意见，{window.zh}，累计界值{cut}例"
    en = (f"Rule: national guiding opinions of 17 February 2020, {window.en}, cumulative "
          f"cut-off {cut} cases")  # fmt: skip
    if (rule.window_days, cut) == (usual.window_days, usual.cumulative_cutoff):
        return Text(f"{zh}。", f"{en}.")
    return Text(
        f"{zh}（原定{usual.window_days}天、{usual.cumulative_cutoff}例）。",
        f"{en} (as issued: {usual.window_days} days, {usual.cumulative_cutoff} cases).",
    )


def _down(move: Any) -> Text:
    if not move.needs:
        return Text("已为最轻等级。", "No grade is lighter.")
    said = step_down(move)
    if pd.isna(move.earliest):
        return said
    first = day(move.earliest.date())
    return Text(
        f"{said.zh}最早可于{first.zh}的名单下调一级。",
        f"{said.en} The list of {first.en} is the first that could be one grade lighter.",
    )


def _sure(row: Any, unit: str, assessment: Assessment) -> Text:
    """Say how many grades are left, and how the likeliest one hangs on the rule."""
    other = assessment.sensitivity[assessment.sensitivity["adcode"] == unit]
    likeliest = LABELS[str(_of(assessment.probability, unit).likeliest)]
    held = LABELS[str(assessment.stabilised[unit])]
    left = Text("证据只容这一级", "The evidence leaves this grade alone")
    if row.size > 1:
        left = Text(
            f"证据尚容{row.size}级，估计{likeliest.zh}可能最大",
            f"The evidence leaves {row.size} grades, {likeliest.en.lower()} likeliest by estimate",
        )
    moved = int(other["changed_likeliest"].sum())
    return Text(
        f"{left.zh}；换用另外{len(other)}种窗口期和界值，其中{moved}种会改变最可能的等级。"
        f"稳定等级（参考）：{held.zh}。",
        f"{left.en}; of {len(other)} other windows and cut-offs {moved} would make another "
        f"grade likeliest. Stabilised grade (advice): {held.en.lower()}.",
    )


def _counted(row: Any, rule: GradingRule) -> Table:
    cluster = _UNSAID
    if not pd.isna(row.cluster):
        cluster = Text("有", "yes") if row.cluster else Text("无", "no")  # type: ignore[assignment]
    first = row.as_of - timedelta(days=rule.window_days - 1)
    bounds = ("new_lower", "new_upper", "cumulative_lower", "cumulative_upper")
    return Table(
        caption=Text("计入的数字", "What was counted"),
        columns=(
            Column("first", Text("窗口期自", "Window from"), "date"),
            Column("last", Text("至", "To"), "date"),
            Column("new_lower", Text("新增至少", "New, at least"), "number"),
            Column("new_upper", Text("新增至多", "New, at most"), "number"),
            Column("cumulative_lower", Text("累计至少", "Cumulative, at least"), "number"),
            Column("cumulative_upper", Text("累计至多", "Cumulative, at most"), "number"),
            Column("cluster", Text("聚集性疫情", "Cluster outbreak")),
            Column("basis", Text("依据", "From")),
        ),
        rows=(
            {
                "first": first.date().isoformat(),
                "last": row.as_of.date().isoformat(),
                **{b: _UNBOUNDED if pd.isna(n := getattr(row, b)) else int(n) for b in bounds},
                "cluster": cluster,
                "basis": BASES[row.basis],
            },
        ),
        name="grade-counts",
    )


def _chances(unit: str, assessment: Assessment) -> Table:
    chance = _of(assessment.probability, unit)
    return Table(
        caption=Text("各等级的可能性（估计）", "Chance of each grade (estimate)"),
        columns=(
            *(Column(f"p_{g}", LABELS[g.value], "number", decimals=2) for g in RiskGrade),
            Column("likeliest", Text("最可能", "Likeliest"), "grade"),
            Column("stabilised", Text("稳定等级", "Stabilised"), "grade"),
        ),
        rows=(
            {
                **{f"p_{g}": float(getattr(chance, f"p_{g}")) for g in RiskGrade},
                "likeliest": LABELS[str(chance.likeliest)],
                "stabilised": LABELS[str(assessment.stabilised[unit])],
            },
        ),
        name="grade-chances",
    )


def _moving(move: Any) -> Table:
    dates = {
        column: _UNDATED if pd.isna(when) else when.date().isoformat()
        for column, when in (("earliest", move.earliest), ("low_by", move.low_by))
    }
    return Table(
        caption=Text("怎样才能下调一级", "What would move it one grade down"),
        columns=(
            Column("next", Text("下调至", "Down to"), "grade"),
            Column("needs", Text("所需", "Needed")),
            Column("earliest", Text("最早见于", "At the earliest"), "date"),
            Column("low_by", Text("若无新增，届时确定为低", "If no case comes, low by"), "date"),
        ),
        rows=({"next": LABELS[str(move.next)], "needs": NEEDS[move.needs], **dates},),
        name="grade-move",
    )
