"""Our grades beside the official list, every disagreement named and explained."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from analytics.analysis.risk.agreement import Scores
from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.numbers import day, number, percent
from analytics.render.risk.words import LABELS, reason, rows
from analytics.study import GradingRule


def comparison(
    compared: pd.DataFrame, scores: Scores, list_date: date | None, rule: GradingRule
) -> Section:
    """
    Set our grade sets beside the official list in force.

    Parameters
    ----------
    compared : AGREEMENT table
    scores : Scores
        ``risk.score`` of the same table.
    list_date : date or None
        As-of day of the official list; None where none was in force.
    rule : GradingRule
    """
    if list_date is None or scores.units == 0:
        return Section(
            title=Text(
                "截至当日尚无官方分级名单可比", "No official list was in force to compare with"
            )
        )
    when = day(list_date)
    apart = compared[compared["disagreement"] != ""]
    skill = number(scores.skill, 2)
    single = percent(scores.single / scores.units)
    return Section(
        title=Text(
            f"与{when.zh}官方名单比较：{scores.contained}/{scores.units}个单元的官方等级在可能等"
            f"级之内，得分{skill.zh}",
            f"Beside the official list of {when.en}: its grade is among ours for "
            f"{scores.contained} of "
            f"{scores.units} units; score {skill.en}",
        ),
        paragraphs=(
            Text(
                f"得分0相当于处处列出全部等级，1为处处只列一级且正确。只列一级的占{single.zh}，"
                f"其中{scores.single_right}/{scores.single}个与官方一致；"
                f"平均每单元列{number(scores.mean_size, 2).zh}级。",
                "A score of 0 is what listing every grade everywhere earns, 1 a single right "
                "grade "
                f"everywhere. {single.en} of units have a single grade, {scores.single_right} of "
                f"{scores.single} as the list says; sets hold {number(scores.mean_size, 2).en} "
                "grades on average.",
            ),
        ),
        tables=(_scores(scores), _disagreements(apart, rule)),
        note=Text(
            "得分与分级概率评分的公式见文末“定义”。官方名单只用于比较，不参与本页定级。",
            "Formulas of both scores are under Definitions. The official list is compared "
            "with, and never used for grading.",
        ),
    )


def _scores(scores: Scores) -> Table:
    measures: list[tuple[Text, Any]] = [
        (Text("可比单元", "Units on both sides"), scores.units),
        (Text("只在一方的单元", "Units on one side only"), scores.unmatched),
        (Text("官方等级在可能等级之内", "Official grade among ours"), scores.contained),
        (Text("只列一级", "Single grade"), scores.single),
        (Text("只列一级且一致", "Single and the same"), scores.single_right),
        (Text("平均集合大小", "Mean size of set"), round(scores.mean_size, 3)),
        (Text("折扣准确率", "Discounted accuracy"), round(scores.discounted_accuracy, 3)),
        (Text("得分", "Score"), round(scores.skill, 3)),
        (
            Text("分级概率评分", "Ranked probability score"),
            round(scores.ranked_probability_score, 3),
        ),
        (
            Text("分级概率技巧", "Ranked probability skill"),
            round(scores.ranked_probability_skill, 3),
        ),
    ]
    return Table(
        caption=Text("一致性", "Agreement"),
        columns=(
            Column("measure", Text("指标", "Measure")),
            Column("value", Text("数值", "Value"), "number", decimals=None),
        ),
        rows=tuple({"measure": label, "value": value} for label, value in measures),
        name="agreement",
        collapsed=True,
    )


def _disagreements(apart: pd.DataFrame, rule: GradingRule) -> Table:
    entries = [
        {
            "code": row.adcode,
            "unit": _unit(row),
            "ours": LABELS.get(row.grades, Text("—", "—"))
            if isinstance(row.grades, str)
            else Text("—", "—"),
            "official": LABELS.get(row.official, Text("—", "—"))
            if isinstance(row.official, str)
            else Text("—", "—"),
            "why": explanation(row, rule),
        }
        for row in rows(apart)
    ]
    return Table(
        caption=Text(f"不一致的单元（{len(entries)}个）", f"Disagreements ({len(entries)})"),
        columns=(
            Column("unit", Text("单元", "Unit")),
            Column("ours", Text("可能等级", "Grades left"), "grade"),
            Column("official", Text("官方等级", "Official"), "grade"),
            Column("why", Text("说明", "Explanation")),
        ),
        rows=tuple(entries),
        name="disagreements",
    )


def _unit(row: Any) -> Text:
    """Name of a unit, as the list prints it where we do not grade it."""
    if isinstance(row.name_zh, str):
        return Text(row.name_zh, row.name_en)
    return Text(str(row.printed_name), str(row.printed_name))


def explanation(row: Any, rule: GradingRule) -> Text:
    """
    Explain why the official grade is not among ours.

    Parameters
    ----------
    row : named tuple
        A row of the AGREEMENT table, its name as ``name_zh``.
    rule : GradingRule
    """
    if row.disagreement == "not_listed":
        return Text("官方名单未列此单元。", "The official list does not have this unit.")
    if row.disagreement == "not_graded":
        return Text("当日分级单元中没有此单元。", "This is not one of the units graded on the day.")
    ours = reason(row, rule.window_days, rule.cumulative_cutoff)
    if row.disagreement == "lighter":
        return Text(
            f"{ours.zh}按公布数据，"
            "官方等级更重：名单可能晚于数据更新、依据未公布的县级信息或从严掌握。",
            f"{ours.en} By published counts the official grade is heavier: the list may lag the "
            "counts, rest "
            "on unpublished county information, or err on the safe side.",
        )
    return Text(
        f"{ours.zh}按公布数据，官方等级更轻：名单可能依据未公布的县级信息或更早的窗口。",
        f"{ours.en} By published counts the official grade is lighter: the list may rest on "
        "unpublished county "
        "information or another window.",
    )
