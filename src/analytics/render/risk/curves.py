"""Curves of the risk report: the region and each prefecture, definition changes as breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from analytics.render import charts
from analytics.render.blocks import Section, Text
from analytics.render.numbers import day, number, percent
from analytics.render.risk.words import places, rows
from analytics.study import DefinitionChange

WEEK = 7


def curves(
    totals: pd.DataFrame,
    incidence: pd.DataFrame,
    areas: pd.DataFrame,
    study_changes: Sequence[DefinitionChange],
    as_of: date,
) -> Section:
    """
    Draw the epidemic curve of the region and of each of its prefectures, if it has several.

    Definition changes are drawn as breaks.

    Parameters
    ----------
    totals : pandas.DataFrame
        ``incidence.total`` of the confirmed series.
    incidence : INCIDENCE table
    areas : AREAS table
    study_changes : sequence of DefinitionChange
    as_of : date
        Nothing later is drawn.
    """
    known = totals[(totals["date"] <= pd.Timestamp(as_of)) & (totals["published"] > 0)]
    known = known.iloc[1:]  # the first published day has no step
    changed = known["definition_change"].astype(bool) | known["struck_off"].astype(bool)
    dates = [when.date().isoformat() for when in known["date"]]
    breaks = [_break(row, study_changes) for row in rows(known[changed])]
    counts = charts.Series(Text("新增确诊", "New cases"), [int(step) for step in known["step"]])
    title, notes = _finding(known), [one.note for one in breaks]
    curve = charts.epidemic_curve(
        dates,
        counts,
        breaks=[replace(one, note=_short(one)) for one in breaks],
        title=Text("每日新增确诊", "New cases by day"),
        alternative=Text(
            f"每日新增确诊柱状图，{title.zh}。核减日在零线以下。"
            + "".join(f"{n.zh}。" for n in notes),
            f"Bars of new cases by day: {title.en}. Days of retraction lie below zero. "
            + " ".join(f"{n.en}." for n in notes),
        ),
    )
    apart = _panels(incidence, areas, known["date"])
    panels = charts.small_multiples(
        dates,
        apart,
        breaks=breaks,
        title=Text("各市州每日新增，同一刻度", "New cases by prefecture, on one scale"),
        alternative=Text(
            "各市州每日新增确诊小图，刻度相同，便于比较规模。",
            "Small charts of new cases by prefecture, all on one scale so that sizes compare.",
        ),
    )
    return Section(
        title=title,
        paragraphs=tuple(Text(f"{n.zh}。", f"{n.en}.") for n in notes),
        charts=(curve, panels) if len(apart) > 1 else (curve,),
        note=Text(
            "每日新增为累计数之差，含核减。病例定义变更之日的增减是统计口径变化，画作断点，"
            "不计入均值。",
            "New cases are differences of cumulative counts, retractions included. A step on "
            "the day of a "
            "change of case definition is one of reporting: drawn as a break, left out of means.",
        ),
    )


def _panels(incidence: pd.DataFrame, areas: pd.DataFrame, days: pd.Series) -> list[charts.Series]:
    """Give the steps of each prefecture, the largest first."""
    names = places(areas)
    wide = incidence.pivot_table(index="date", columns="adcode", values="step", dropna=False)
    wide = wide.reindex(days)
    wide = wide[[code for code in wide.columns if code in set(areas["prefecture"])]]
    order = wide.sum().sort_values(ascending=False, kind="stable").index
    return [
        charts.Series(
            names[str(code)],
            [None if pd.isna(value) else float(value) for value in wide[code]],
        )
        for code in order
    ]


def _break(row: Any, study_changes: Sequence[DefinitionChange]) -> charts.Break:
    """Note of a day whose step is one of reporting, with the size of the step."""
    when = row.date.date()
    change = next((c for c in study_changes if c.day == when), None)
    why = (
        Text(change.note.zh, change.note.en)
        if change
        else Text("病例定义变更", "change of case definition")
    )
    label = day(when, year=False)
    size = number(row.new if row.definition_change else row.retracted)
    if row.definition_change:
        what = Text(
            f"病例定义变更，当日计入{size.zh}例，非疫情高峰",
            f"change of case definition, a step of {size.en}, not an epidemic peak",
        )
    else:
        what = Text(
            f"病例定义变更，当日核减{size.zh}例",
            f"change of case definition, {size.en} cases struck off",
        )
    return charts.Break(
        when.isoformat(),
        Text(f"{label.zh}{what.zh}：{why.zh}", f"{label.en}: {what.en}: {why.en}"),
    )


def _short(one: charts.Break) -> Text:
    """Note inside the chart: the day and the step; the reason stands above it."""
    return Text(one.note.zh.split("：")[0], one.note.en.rsplit(": ", 1)[0])


def _finding(known: pd.DataFrame) -> Text:
    """Say how the last week compares with the week before, definition changes left out."""
    steps = known.loc[~known["definition_change"].astype(bool)].set_index("date")["new"]
    if known.empty:
        return Text("尚无可比较的每日新增", "No daily counts to compare yet")
    last = known["date"].max()
    week = pd.Timedelta(days=WEEK)
    recent = steps[steps.index > last - week].mean()
    earlier = steps[(steps.index > last - 2 * week) & (steps.index <= last - week)].mean()
    if pd.isna(recent):
        return Text("近7日无可比的每日新增", "No comparable day in the last 7")
    mean = number(recent, 1)
    base = Text(f"近7日日均新增{mean.zh}例", f"{mean.en} new cases a day over the last 7 days")
    if pd.isna(earlier) or earlier == 0:
        return base
    share = percent(abs(recent / earlier - 1), 0)
    if recent == earlier:
        return Text(f"{base.zh}，与前7日持平", f"{base.en}, as in the 7 before")
    words = ("上升", "up") if recent > earlier else ("下降", "down")
    return Text(
        f"{base.zh}，较前7日{words[0]}{share.zh}",
        f"{base.en}, {words[1]} {share.en} on the 7 before",
    )
