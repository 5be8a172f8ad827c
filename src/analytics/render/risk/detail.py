"""Detail of the risk report: prefectures, grades unit by unit, retractions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import number
from analytics.render.risk.words import LABELS, places, reason, rows, span
from analytics.study import GradingRule


def prefecture_table(
    latest: pd.DataFrame,
    recency: pd.DataFrame,
    areas: pd.DataFrame,
    population: pd.DataFrame,
    rule: GradingRule,
) -> Section:
    """
    Set each prefecture's figures side by side.

    Parameters
    ----------
    latest : pandas.DataFrame
        ``incidence.changes`` of the confirmed series.
    recency : pandas.DataFrame
        ``incidence.recency`` of the confirmed series.
    areas : AREAS table
    population : pandas.DataFrame
        adcode, population [persons].
    rule : GradingRule
    """
    names = places(areas)
    table = latest.merge(recency, on="adcode", validate="1:1")
    table = table[table["adcode"].isin(areas["prefecture"])]
    residents = population.set_index("adcode")["population"]
    quiet = table["certain"] & (table["days_since"] >= rule.window_days).fillna(value=False)
    quiet_count = int(quiet.sum())
    columns = (
        Column("prefecture", Text("市州", "Prefecture")),
        Column("new", Text("新增", "New"), "number"),
        Column("day_before", Text("较前一日", "On day before"), "number"),
        Column("week_before", Text("较上周同日", "On week before"), "number"),
        Column("cumulative", Text("累计", "Cumulative"), "number"),
        Column("rate", Text("每10万人累计", "Per 100,000"), "number", decimals=1),
        Column("days_since", Text("距最近新增（天）", "Days since last case"), "number"),
    )
    return Section(
        title=Text(
            f"{len(table)}个市州中{quiet_count}个连续{rule.window_days}天以上确无新增",
            f"{quiet_count} of {len(table)} prefectures certainly had no new case for "
            f"{rule.window_days} days or more",
        ),
        tables=(
            Table(
                caption=Text(
                    "各市州新增、变化与距最近新增天数",
                    "New cases, changes and days since the last case",
                ),
                columns=columns,
                rows=tuple(_figures(row, names[row.adcode], residents) for row in rows(table)),
                note=Text(
                    "“至多”：此后有核减或未公布之日，其中可能掩盖新增；"
                    "病例定义变更之日的增加亦不能断定为新增。",
                    "“At most”: a retraction, an unpublished day or a change of definition "
                    "since may hide a newer "
                    "case or be none.",
                ),
                name="prefectures",
            ),
        ),
    )


def _figures(row: Any, name: Text, residents: pd.Series) -> dict[str, Any]:
    """One prefecture's figures, as the table's row."""
    people = residents.get(row.adcode)
    rate = (
        float(row.cumulative) / people * 100_000 if people and not pd.isna(row.cumulative) else None
    )
    return {
        "code": row.adcode,
        "prefecture": name,
        "new": _cell(row.new),
        "day_before": _cell(row.new - row.new_day_before),
        "week_before": _cell(row.new - row.new_week_before),
        "cumulative": _cell(row.cumulative),
        "rate": rate,
        "days_since": _since(row),
    }


def _cell(value: Any) -> int | Missing:
    if pd.isna(value):
        return Missing(
            Text("未公布，或前后无可比之数", "not published, or nothing to compare with")
        )
    return int(value)


def _since(row: Any) -> Text | int | Missing:
    days = row.days_since
    if pd.isna(days):
        return Missing(Text("记录中无新增", "no new case on record"))
    if row.certain:
        return int(days)
    return Text(f"至多{days}", f"at most {days}")


def grade_table(grades: pd.DataFrame, compared: pd.DataFrame, rule: GradingRule) -> Section:
    """
    Show every graded unit: its grades, the numbers, the reason, and the official grade.

    Parameters
    ----------
    grades : RISK table
    compared : AGREEMENT table
    rule : GradingRule
    """
    official = compared.set_index("adcode")["official"]
    entries = []
    for row in rows(grades):
        listed = official.get(row.adcode)
        entries.append(
            {
                "code": row.adcode,
                "unit": Text(row.name_zh, row.name_en),
                "prefecture": Text(row.prefecture_name, row.prefecture_name_en),
                "grades": LABELS[row.grades],
                "official": Missing(Text("名单未列", "not on the list"))
                if pd.isna(listed)
                else LABELS[listed],
                "new": span(row.new_lower, row.new_upper),
                "cumulative": span(row.cumulative_lower, row.cumulative_upper),
                "reason": reason(row, rule.window_days, rule.cumulative_cutoff),
            }
        )
    columns = (
        Column("unit", Text("单元", "Unit")),
        Column("grades", Text("可能等级", "Grades left"), "grade"),
        Column("official", Text("官方等级", "Official"), "grade"),
        Column(
            "new", Text(f"{rule.window_days}天新增", f"New in {rule.window_days} days"), "number"
        ),
        Column("cumulative", Text("累计", "Cumulative"), "number"),
        Column("reason", Text("理由", "Reason")),
        Column("prefecture", Text("市州", "Prefecture")),
    )
    exact = int((grades["basis"] == "own").sum())
    return Section(
        title=Text(
            f"{len(grades)}个分级单元的可能等级及理由，其中{exact}个有本级数据",
            f"Grades left for {len(grades)} units, and why; {exact} have counts of their own",
        ),
        tables=(
            Table(
                caption=Text("逐单元分级", "Grades unit by unit"),
                columns=columns,
                rows=tuple(entries),
                note=Text(
                    "数字为可能范围；县级数据未公布的，以所在市州推得。",
                    "Numbers are possible ranges; where a county's own are not published they "
                    "follow "
                    "from its prefecture's.",
                ),
                name="grades",
                collapsed=True,
            ),
        ),
    )


def retractions(incidence: pd.DataFrame, areas: pd.DataFrame, as_of: date) -> Section:
    """
    Show every published count that was taken back, up to a day.

    Parameters
    ----------
    incidence : INCIDENCE table
        Of the confirmed series.
    areas : AREAS table
    as_of : date
    """
    known = incidence[(incidence["date"] <= pd.Timestamp(as_of)) & (incidence["retracted"] > 0)]
    names = places(areas)
    entries = [
        {
            "date": row.date.date().isoformat(),
            "area": names[row.adcode],
            "retracted": int(row.retracted),
        }
        for row in rows(known.sort_values(["date", "adcode"], ascending=[False, True]))
    ]
    cases = number(known["retracted"].sum())
    return Section(
        title=Text(
            f"公布数据共有{len(known)}次核减，合计{cases.zh}例",
            f"Published counts were taken back {len(known)} times, {cases.en} cases in all",
        )
        if len(known)
        else Text("公布数据没有核减", "No published count was taken back"),
        tables=(
            Table(
                caption=Text("核减记录", "Retractions"),
                columns=(
                    Column("date", Text("日期", "Date"), "date"),
                    Column("area", Text("地区", "Area")),
                    Column("retracted", Text("核减", "Retracted"), "number"),
                ),
                rows=tuple(entries),
                name="retractions",
                collapsed=True,
            ),
        ),
        note=Text(
            "按公布原样保留。核减当日的新增无法得知，故窗口内有核减者不能断定为无新增。",
            "Kept as published. How many were new on such a day is unknown, so a window with a "
            "retraction is never certain to have had no new case.",
        ),
    )
