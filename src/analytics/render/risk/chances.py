"""How sure the grades are: chances, the stabilised grade, what would move them, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.codes import RiskGrade
from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.colours import GRADES
from analytics.render.numbers import day, listed, number
from analytics.render.risk.words import LABELS, UNIT, name, rows
from analytics.study import GradingRule

if TYPE_CHECKING:
    from analytics.analysis.risk import Assessment

SURE = 0.8
NAMES_AT_MOST = 6
NEEDS = {
    "": Text("已为低风险", "low already"),
    "own_counts": Text("本级逐日病例数", "its own daily counts"),
    "no_cluster_shown": Text("证明窗口期内无聚集性疫情", "showing that there was no cluster"),
    "cluster_leaves": Text("聚集性疫情移出窗口期", "the cluster leaving the window"),
    "quiet": Text("期间无新增", "no new case until then"),
    "unforeseen": Text("视本研究规则而定", "what the study's own rule says"),
}


def chances(assessment: Assessment, grades: pd.DataFrame, rule: GradingRule) -> Section:
    """
    Show how likely each unit's grades are, and how they hold up.

    Parameters
    ----------
    assessment : Assessment
    grades : RISK table
        Of the same day.
    rule : GradingRule
    """
    table = grades.merge(assessment.probability.drop(columns="as_of"), on="adcode")
    table = table.merge(assessment.moves, on="adcode", validate="1:1")
    counted = table["likeliest"].value_counts()
    numbers = [int(counted.get(g.value, 0)) for g in RiskGrade]
    sure = int((table[[f"p_{g}" for g in RiskGrade]].max(axis=1) >= SURE).sum())
    title = Text(
        f"估计：最可能为低、中、高风险的分别有{numbers[0]}、{numbers[1]}、{numbers[2]}个，"
        f"其中{sure}个把握在八成以上",
        f"Estimate: low is likeliest in {numbers[0]} units, medium in {numbers[1]}, high in "
        f"{numbers[2]}; {sure} of {len(table)} with a chance of 80% or more",
    )
    return Section(
        title=title,
        paragraphs=(_changes(assessment, grades),),
        tables=(
            _chance_table(table, assessment.stabilised, rule),
            _move_table(table),
            _changed_table(assessment.changed, grades),
            _sensitivity_table(assessment.sensitivity, grades, rule),
        ),
        note=Text(
            "概率和稳定等级是参考，不改变按规则得出的可能等级；官方名单不参与估计。"
            "推算依据：所在市州窗口期新增与累计、本地份额、每例引发聚集性疫情的比率（见文末“定义”）。",
            "Chances and the stabilised grade are advice: the grades left by the rule stand as "
            "they are, and no official list is used. They follow from the prefecture's new and "
            "cumulative cases, the unit's share of them, and the rate of cluster outbreaks per "
            "case (see Definitions).",
        ),
    )


def likely(chance: float) -> Text:
    """Write a chance as a percentage; 0% and 100% only where it is certain."""
    if chance in {0.0, 1.0}:
        return Text(f"{chance:.0%}", f"{chance:.0%}")
    if chance < 0.005:  # noqa: PLR2004 - would be written 0%
        return Text("<1%", "<1%")
    if chance > 0.995:  # noqa: PLR2004 - would be written 100%
        return Text(">99%", ">99%")
    return Text(f"{chance:.0%}", f"{chance:.0%}")


def all_chances(row: Any) -> Text:
    """Write the chances of one unit in words, the possible ones."""
    parts = [
        (LABELS[g.value], likely(float(getattr(row, f"p_{g}"))))
        for g in RiskGrade
        if getattr(row, f"p_{g}") > 0
    ]
    return Text(
        "，".join(f"{label.zh}{share.zh}" for label, share in parts),
        ", ".join(f"{label.en.lower()} {share.en}" for label, share in parts),
    )


def step_down(move: Any) -> Text:
    """Say what would bring one unit, not low, one grade down, and when it is low for certain."""
    needs, next_grade = NEEDS[move.needs], LABELS[str(move.next)]
    by = Text("", "")
    if not pd.isna(move.low_by):
        low = day(move.low_by.date())
        by = Text(
            f"若再无新增，{low.zh}起确定为低风险。", f"Without a new case it is low from {low.en}."
        )
    return Text(
        f"下调至{next_grade.zh}需要：{needs.zh}。{by.zh}",
        f"To fall to {next_grade.en.lower()}: {needs.en}. {by.en}".strip(),
    )


def _chance_table(table: pd.DataFrame, stabilised: pd.Series, rule: GradingRule) -> Table:
    heaviest = table.sort_values(["expected_grade", "adcode"], ascending=[False, True])
    entries = [
        {
            "code": row.adcode,
            "unit": name(row),
            **{f"p_{g}": likely(float(getattr(row, f"p_{g}"))) for g in RiskGrade},
            "stabilised": LABELS[str(stabilised[row.adcode])],
        }
        for row in rows(heaviest)
    ]
    return Table(
        caption=Text("各单元各等级的可能性", "Chance of each grade, unit by unit"),
        columns=(
            Column("unit", Text("单元", "Unit")),
            Column("p_low", Text("低", "Low"), "number"),
            Column("p_medium", Text("中", "Medium"), "number"),
            Column("p_high", Text("高", "High"), "number"),
            Column("stabilised", Text("稳定等级", "Stabilised"), "grade"),
        ),
        rows=tuple(entries),
        note=Text(
            f"稳定等级：更重等级的可能性达到{rule.rise_at:.0%}当日即升，"
            f"连续{rule.hold_days}天低于{rule.fall_below:.0%}才降，故可能暂与最可能的等级不同。",
            f"Stabilised: rises on the day a heavier grade has a chance of {rule.rise_at:.0%}, "
            f"falls after {rule.hold_days} days below {rule.fall_below:.0%}, so that it may differ "
            "from the likeliest for some days.",
        ),
        name="chances",
        collapsed=True,
    )


def _move_table(table: pd.DataFrame) -> Table:
    """Say what would move each unit that is not low, the soonest first."""
    entries = [
        {
            "code": row.adcode,
            "unit": name(row),
            "heaviest": LABELS[row.heaviest],
            "needs": NEEDS[row.needs],
            "low_by": Missing(Text("未公布之日过多", "too many unpublished days"))
            if pd.isna(row.low_by)
            else row.low_by.date().isoformat(),
        }
        for row in rows(table[table["needs"] != ""].sort_values(["low_by", "adcode"]))
    ]
    return Table(
        caption=Text(
            f"怎样才能下调一级（{len(entries)}个单元）",
            f"What would move a unit one grade down ({len(entries)} units)",
        ),
        columns=(
            Column("unit", Text("单元", "Unit")),
            Column("heaviest", Text("最重可能", "Heaviest left"), "grade"),
            Column("needs", Text("下调一级所需", "Needed to fall one grade")),
            Column("low_by", Text("若无新增，届时确定为低", "If no case comes, low by"), "date"),
        ),
        rows=tuple(entries),
        note=Text(
            "日期为末次可能新增移出窗口期之日，以各日如实公布为前提；有本级数据可更早判定。",
            "The date is when the last day that may hold a new case has left the window, if every "
            "day is published; counts of a unit's own may settle it sooner.",
        ),
        name="moves",
        collapsed=True,
    )


def _changes(assessment: Assessment, grades: pd.DataFrame) -> Text:
    """Say in a sentence what changed since the day before."""
    table = assessment.changed
    likeliest = table[table["likeliest_before"] != table["likeliest_now"]]
    held = table[table["stabilised_before"] != table["stabilised_now"]]
    left = table[table["grades_before"] != table["grades_now"]]
    if table.empty:
        return Text(
            "与前一日相比，各单元等级无变化。", "No unit's grades changed since the day before."
        )
    heavier = int(
        (likeliest["likeliest_now"].map(_RANK) > likeliest["likeliest_before"].map(_RANK)).sum()
    )
    lighter = len(likeliest) - heavier
    noun = UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]
    return Text(
        f"与前一日相比，最可能的等级变重{heavier}{noun[0].zh}、变轻{lighter}个；稳定等级变化{len(held)}个，"
        f"可能等级变化{len(left)}个。",
        f"Since the day before the likeliest grade is heavier in {heavier} "
        f"{noun[0].en if heavier == 1 else noun[1]} and lighter in {lighter}; the stabilised "
        f"grade changed in {len(held)}, the grades left in {len(left)}.",
    )


_RANK = {g.value: at for at, g in enumerate(RiskGrade)}


def _changed_table(changed: pd.DataFrame, grades: pd.DataFrame) -> Table:
    named = {row.adcode: name(row) for row in rows(grades)}
    words = {
        "likeliest": Text("最可能", "Likeliest"),
        "stabilised": Text("稳定等级", "Stabilised"),
        "grades": Text("可能等级", "Grades left"),
    }
    entries = [
        {
            "code": row.adcode,
            "unit": named[row.adcode],
            **{
                key: _step(getattr(row, f"{key}_before"), getattr(row, f"{key}_now"))
                for key in words
            },
        }
        for row in rows(changed)
    ]
    return Table(
        caption=Text(
            f"较前一日有变化的单元（{len(entries)}个）",
            f"Units that changed since the day before ({len(entries)})",
        ),
        columns=(
            Column("unit", Text("单元", "Unit")),
            *(Column(key, text) for key, text in words.items()),
        ),
        rows=tuple(entries),
        note=Text("前一日→当日。", "Day before → this day."),
        name="changed-since-yesterday",
        collapsed=True,
    )


def _step(before: str, now: str) -> Text:
    """Write a grade or a set of both days: 高→中; high → medium."""
    if before == now:
        return Text("同", "same")
    zh, en = (
        [mark.join(words[g] for g in sets.split("|")) for sets in (before, now)]
        for words, mark in (
            ({g.key: g.letter.zh for g in GRADES[:3] if isinstance(g.letter, Text)}, ""),
            ({g.value: g.value for g in RiskGrade}, "/"),
        )
    )
    return Text(f"{zh[0]}→{zh[1]}", f"{en[0]} → {en[1]}")


def _sensitivity_table(sensitivity: pd.DataFrame, grades: pd.DataFrame, rule: GradingRule) -> Table:
    named = {row.adcode: name(row) for row in rows(grades)}
    entries = []
    for (window, cutoff), part in sensitivity.groupby(["window_days", "cumulative_cutoff"]):
        moved = part[part["changed_likeliest"]]
        few = listed([named[code] for code in moved["adcode"].head(NAMES_AT_MOST)])
        more = Text("等", " and others") if len(moved) > NAMES_AT_MOST else Text("", "")
        entries.append(
            {
                "choice": Text(f"{window}天，{cutoff}例", f"{window} days, {cutoff} cases"),
                "sets": int(part["changed_set"].sum()),
                "likeliest": len(moved),
                "names": Text(f"{few.zh}{more.zh}", f"{few.en}{more.en}")
                if len(moved)
                else Missing(Text("无", "none")),
            }
        )
    own = Text(
        f"与本页所用窗口期{rule.window_days}天、界值{number(rule.cumulative_cutoff).zh}例相比。",
        f"Against this page's window of {rule.window_days} days and cut-off of "
        f"{number(rule.cumulative_cutoff).en}.",
    )
    return Table(
        caption=Text("换用其他窗口期和界值", "With other windows and cut-offs"),
        columns=(
            Column("choice", Text("窗口期，界值", "Window, cut-off")),
            Column("sets", Text("可能等级变化", "Sets that change"), "number"),
            Column("likeliest", Text("最可能变化", "Likeliest that change"), "number"),
            Column("names", Text("其中", "Among them")),
        ),
        rows=tuple(entries),
        note=own,
        name="sensitivity",
        collapsed=True,
    )
