"""Checks at gates: whose counts of journeys differ, and where staff averts most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analytics.analysis.channel import checkpoints
from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.channel.words import NOT_DELIVERED, named, no_records, shown
from analytics.render.numbers import number
from analytics.render.tabular import rows
from analytics.study import Study

_SOURCES = {
    "passes": Text("卡口查验", "Checks at gates"),
    "tickets": Text("客票", "Tickets"),
    "roaming": Text("手机漫游", "Roaming phones"),
}


def journeys(found: Any, days: int, names: Mapping[str, Text]) -> Section | None:
    """
    Lay the departments' counts of journeys between prefectures side by side.

    Parameters
    ----------
    found : gates.Gates or None
    days : int
        That were counted.
    names : mapping of str to Text

    Returns
    -------
    Section or None
        None where nothing was delivered, which :func:`staffing` says.
    """
    if found is None:
        return None
    if not found.flows:
        title = Text(
            f"{days}天内各部门均未记到市州间出行",
            f"No department counted a journey between prefectures in {days} days",
        )
        return Section(title=title, note=Text(found.statement["zh"], found.statement["en"]))
    agree = found.flows - found.single
    title = Text(
        f"市州间出行{number(found.flows).zh}组，只有一个部门记到的{number(found.single).zh}组",
        f"Of {number(found.flows).en} flows between prefectures, {number(found.single).en} are "
        f"known to one department only",
    )
    said = Text(
        f"一组指同日、同起讫地。两个以上部门都记到的{number(agree).zh}组中，"
        f"多者为少者的{number(found.ratio, 1).zh}倍（中位数）。"
        if agree
        else "一组指同日、同起讫地。没有一组被两个部门同时记到，数字不能互相印证。",
        f"A flow is one day, origin and destination. Where two or more count ({number(agree).en}), "
        f"the largest count is {number(found.ratio, 1).en} times the smallest (median)."
        if agree
        else "A flow is one day, origin and destination. None is counted by two departments, so "
        "that no count bears out another.",
    )
    entries = tuple(
        {
            "area": named(row["prefecture"], names),
            **{
                source: shown(row[source]) if source in found.delivered else NOT_DELIVERED
                for source in _SOURCES
            },
        }
        for row in rows(found.journeys)
    )
    table = Table(
        caption=Text(f"{days}天内离开各市州的出行", f"Journeys from each prefecture, {days} days"),
        columns=(
            Column("area", Text("出发地", "From")),
            *(Column(source, label, "number") for source, label in _SOURCES.items()),
        ),
        rows=entries,
        note=Text(found.statement["zh"], found.statement["en"]),
        name="journeys-by-department",
        collapsed=True,
    )
    return Section(title=title, paragraphs=(said,), tables=(table,) if entries else ())


def staffing(found: Any, days: int, names: Mapping[str, Text], study: Study) -> Section:
    """
    Show what staff the gates need and where those on duty avert most.

    Parameters
    ----------
    found : gates.Gates or None
    days : int
        Whose checks the plan rests on.
    names : mapping of str to Text
    study : Study
    """
    if found is None:
        return _nothing_known(study)
    plan = found.plan
    if plan is None:
        return Section(
            title=Text("没有卡口排班数据，不作排班方案", "No rosters of gates, so no plan")
        )
    title = (
        Text(
            f"卡口人手够用：每日需{number(plan.needed).zh}人时，在岗{number(plan.budget).zh}人时",
            f"Gates have staff enough: {number(plan.needed).en} hours a day are needed, "
            f"{number(plan.budget).en} are on duty",
        )
        if not plan.short
        else Text(
            f"卡口每日缺{number(plan.short).zh}人时",
            f"Gates are {number(plan.short).en} staff-hours a day short",
        )
    )
    said = tuple(Text(**line) for line in checkpoints.explain(plan))
    entries = tuple(
        {
            "area": named(row["prefecture"], names),
            "gates": number(int(row["gates"])),
            **{name: shown(row[name]) for name in ("checks", "needed", "staff")},
        }
        for row in rows(found.staffed)
    )
    table = Table(
        caption=Text("卡口查验与人时", "Checks and staff-hours at gates"),
        columns=(
            Column("area", Text("地区", "Area")),
            Column("gates", Text("卡口", "Gates"), "number"),
            Column("checks", Text(f"{days}天查验（人次）", f"Checks, {days} days"), "number"),
            Column("needed", Text("每日需（人时）", "Needed (h/day)"), "number"),
            Column("staff", Text("每日排（人时）", "Placed (h/day)"), "number"),
        ),
        rows=entries,
        note=Text(
            "目标：九成的人等候不超过10分钟，每人查验平均1分钟。逐卡口逐小时的方案："
            "workbench channel staff。",
            "Target: nine in ten wait 10 minutes at most; a check takes 1 minute on average. "
            "The plan by gate and hour: workbench channel staff.",
        ),
        name="staff-at-gates",
        collapsed=True,
    )
    tables = (*_by_hour(found.hours, days), *((table,) if entries else ()))
    return Section(title=title, paragraphs=said, tables=tables)


def _by_hour(hours: pd.DataFrame, days: int) -> tuple[Table, ...]:
    """Show the staff of all gates together, hour by hour."""
    if hours.empty:
        return ()
    entries = tuple(
        {
            "hour": Text(*[f"{int(row['hour']):02}:00–{int(row['hour']) + 1:02}:00"] * 2),
            **{name: shown(row[name]) for name in ("checks", "needed", "staff")},
        }
        for row in rows(hours)
    )
    return (
        Table(
            caption=Text("全部卡口每小时的人手", "Staff of all gates, by hour"),
            columns=(
                Column("hour", Text("时段", "Hour")),
                Column("checks", Text(f"{days}天查验（人次）", f"Checks, {days} days"), "number"),
                Column("needed", Text("需（人）", "Needed"), "number"),
                Column("staff", Text("排（人）", "Placed"), "number"),
            ),
            rows=entries,
            name="staff-by-hour",
            collapsed=True,
        ),
    )


def _nothing_known(study: Study) -> Section:
    why = no_records(study)
    return Section(
        title=Text(
            "没有卡口查验、排班和各部门出行记录：不作排班方案，不比对",
            "No checks, rosters or records of journeys: no plan of staff, nothing to compare",
        ),
        paragraphs=(
            Text(
                f"{why.zh}有记录时，此处列出各卡口所需人手和缺口，以及各部门记到的出行相差多少。",
                f"{why.en} With them, the staff each gate needs and lacks stands here, and how far "
                "the departments' counts of journeys differ.",
            ),
        ),
    )
