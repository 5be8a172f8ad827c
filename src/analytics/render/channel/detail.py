"""Detail of the channel report: the trend, gates, what a change would do, who may pass, days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from analytics.render import charts
from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.channel.top import delayed
from analytics.render.channel.words import (
    PLANS,
    REQUIREMENTS,
    STATUSES,
    interval,
    named,
    of,
    small,
)
from analytics.render.numbers import day, listed, number, percent
from analytics.render.tabular import rows


def trend(pressure: Any, names: Mapping[str, Text]) -> Section:
    """
    Show the infectious among the travellers, day by day, with their interval.

    Parameters
    ----------
    pressure : channel.pressure.Pressure
    names : mapping of str to Text
    """
    totals, place = pressure.totals, named(pressure.origin, names)
    first, last = small(totals["mean"].iloc[0]), small(totals["mean"].iloc[-1])
    people = of(pressure.travellers)
    rising = totals["mean"].iloc[-1] > totals["mean"].iloc[0]
    title = Text(
        f"{place.zh}{people.zh}中的有传染性者由{first.zh}{'升' if rising else '降'}至{last.zh}",
        f"Infectious {people.en} {place.en}: {'up' if rising else 'down'} from {first.en} to "
        f"{last.en}",
    )
    said = Text("估计（95%区间）", "estimate (95% interval)")
    line = charts.series_of(totals, said, "mean", "lower", "upper", digits=1)
    chart = charts.lines(
        [when.isoformat() for when in totals["date"]],
        [line],
        alternative=Text(
            f"折线与区间带：{len(totals)}日内由{first.zh}至{last.zh}。",
            f"Line with a band: from {first.en} to {last.en} in {len(totals)} days.",
        ),
        title=Text("离开者中有传染性者，按日", "Infectious among those leaving, by day"),
    )
    return Section(title=title, charts=(chart,))


def gates(plans: pd.DataFrame, pressure: Any) -> Section:
    """
    Show what each plan of checks misses, finds and stops for nothing.

    Parameters
    ----------
    plans : pandas.DataFrame
        ``pressure.check_plans``.
    pressure : channel.pressure.Pressure
    """
    worst, best = (
        rows(plans.nlargest(1, "missed"))[0],
        rows(plans.nsmallest(1, "missed"))[0],
    )
    title = Text(
        f"{PLANS[worst['plan']].zh}漏检{percent(worst['missed'], 0).zh}；"
        f"{PLANS[best['plan']].zh}漏检{percent(best['missed'], 0).zh}",
        f"{PLANS[worst['plan']].en[:1].upper()}{PLANS[worst['plan']].en[1:]} misses "
        f"{percent(worst['missed'], 0).en}; {PLANS[best['plan']].en} misses "
        f"{percent(best['missed'], 0).en}",
    )
    entries = tuple(
        {
            "plan": PLANS[row["plan"]],
            "missed": round(100 * row["missed"], 0),
            "span": interval(100 * row["lower"], 100 * row["upper"]),
            "found": small(row["found"]),
            "passed": small(row["passed"]),
            "alarms": number(row["false_alarms"]),
            "predictive": round(100 * row["predictive"], 1),
        }
        for row in rows(plans)
    )
    table = Table(
        caption=Text("各查验方案", "Plans of checks"),
        columns=(
            Column("plan", Text("方案", "Plan")),
            Column("missed", Text("漏检（%）", "Missed (%)"), "number", 0),
            Column("span", Text("95%区间", "95% interval"), "number"),
            Column("found", Text("查出（例）", "Found"), "number"),
            Column("passed", Text("漏过（例）", "Passed"), "number", phone=False),
            Column("alarms", Text("误拦（人）", "False alarms"), "number"),
            Column(
                "predictive",
                Text("被拦者中有感染（%）", "Infected among stopped (%)"),
                "number",
                1,
                phone=False,
            ),
        ),
        rows=entries,
        note=Text(
            f"{of(pressure.travellers).zh}。无症状者测温查不出，无人知晓的暴露健康码查不出。",
            f"For {pressure.travellers:,} people leaving. Nobody's temperature shows an infection "
            "without symptoms, and no code an exposure that nobody knows.",
        ),
        name="plans-of-checks",
    )
    return Section(title=title, tables=(table,))


def what_if(steps: pd.DataFrame, pressure: Any, names: Mapping[str, Text]) -> Section:
    """
    Show what each status of the ways out would do.

    Parameters
    ----------
    steps : pandas.DataFrame
        ``pressure.ladder``.
    pressure : channel.pressure.Pressure
    names : mapping of str to Text
    """
    place = named(pressure.origin, names)
    now = rows(steps[steps["current"]])[0]
    checked, free = (rows(steps[steps["status"] == each])[0] for each in ("checked", "open"))
    averted = 1 - checked["exported"] / free["exported"] if free["exported"] else 0.0
    title = Text(
        f"{place.zh}现为“{STATUSES[now['status']].zh}”；查验比开放少输出{percent(averted, 0).zh}",
        f"{place.en} is {STATUSES[now['status']].en} now; checks would avert "
        f"{percent(averted, 0).en} of what open ways export",
    )
    entries = tuple(
        {
            "status": Text(
                STATUSES[row["status"]].zh + ("（现状）" if row["current"] else ""),
                STATUSES[row["status"]].en + (" (now)" if row["current"] else ""),
            ),
            "moving": number(row["moving"]),
            "exported": small(row["exported"]),
            "span": Text(
                f"{small(row['lower']).zh}–{small(row['upper']).zh}",
                f"{small(row['lower']).en}–{small(row['upper']).en}",
            ),
            "delay": delayed(row["delay"]),
        }
        for row in rows(steps)
    )
    table = Table(
        caption=Text("离开通道各管控状态的效果", "What each status of the ways out would do"),
        columns=(
            Column("status", Text("状态", "Status")),
            Column("moving", Text("放行（人）", "Let through"), "number"),
            Column("exported", Text("输出（例）", "Exported"), "number"),
            Column("span", Text("95%区间", "95% interval"), "number"),
            Column("delay", Text("首例推迟（天）", "First arrival later (d)"), "number"),
        ),
        rows=entries,
        note=Text(
            f"每日{pressure.travellers}人欲离开。各状态的放行和漏检比例为设定值，见定义。"
            "此处区间只含患病率的不确定性，故窄于兼含偶然性的页首区间。",
            f"For {pressure.travellers:,} who would leave in a day. How many a status lets through "
            "and how many infections it misses are assumptions, see the definitions. The interval "
            "is that of the prevalence alone, and so narrower than that at the head, which holds "
            "chance too.",
        ),
        name="what-if",
    )
    return Section(title=title, tables=(table,))


def notices(listing: Sequence[Any], as_of: date, names: Mapping[str, Text]) -> Section:
    """
    List the notices on who may leave, with what is in force and what comes later.

    Parameters
    ----------
    listing : sequence of Notice
    as_of : date
    names : mapping of str to Text
    """
    force = [notice for notice in listing if notice.since.date() <= as_of]
    title = Text(
        f"截至当日共{len(force)}项通告生效",
        f"{len(force)} {'notice is' if len(force) == 1 else 'notices are'} in force",
    )
    entries = tuple(
        {
            "since": notice.since.date().isoformat(),
            "where": _where(notice, names),
            "status": STATUSES[notice.status],
            "words": Text(notice.words.zh, notice.words.en),
            "requires": listed([REQUIREMENTS[need] for need in notice.requires])
            if notice.requires
            else Text("不适用", "does not apply"),
        }
        for notice in force
    )
    table = Table(
        caption=Text("通道管控通告", "Notices on the ways out"),
        columns=(
            Column("since", Text("起始", "From"), "date"),
            Column("where", Text("地区", "Where")),
            Column("status", Text("状态", "Status"), phone=False),
            Column("words", Text("内容", "What it says")),
            Column("requires", Text("放行条件", "Who may pass")),
        ),
        rows=entries,
        note=Text(
            "后发布的通告替代先前的；只针对部分人员的通告不改变其他人员的状态。",
            "A later notice replaces earlier ones; one for some travellers leaves the status as it "
            "is for all others.",
        ),
        name="notices",
    )
    return Section(title=title, tables=(table,))


def _where(notice: Any, names: Mapping[str, Text]) -> Text:
    places = listed([named(code, names) for code in notice.where])
    if not notice.apart:
        return places
    apart = listed([named(code, names) for code in notice.apart])
    return Text(f"{places.zh}（{apart.zh}除外）", f"{places.en} except {apart.en}")


def mobility_days(days: pd.DataFrame, pressure: Any, names: Mapping[str, Text]) -> Section:
    """
    Say where shares come from, and which days' tables were another region's.

    Parameters
    ----------
    days : pandas.DataFrame
        ``mobility.broken_days`` of the shares known.
    pressure : channel.pressure.Pressure
    names : mapping of str to Text
    """
    bad = days[days["broken"].astype(bool)] if len(days) else days
    source = _source(pressure)
    title = (
        Text(f"去向取自{source.zh}", f"Destinations are taken from {source.en}")
        if not len(bad)
        else Text(
            f"{len(bad)}个日表可疑，已剔除；去向取自{source.zh}",
            f"{len(bad)} doubtful daily tables are left out; destinations are taken from "
            f"{source.en}",
        )
    )
    if not len(days):
        return Section(
            title=title,
            note=Text(
                "未取得逐日迁徙指数；可用 workbench data fetch 取得后重新汇集。",
                "No daily mobility indices are here; `workbench data fetch` brings them.",
            ),
        )
    entries = tuple(
        {
            "date": pd.Timestamp(row["date"]).date().isoformat(),
            "origin": named(row["origin"], names),
            "direction": Text("流出", "out") if row["direction"] == "out" else Text("流入", "in"),
            "coverage": round(100 * row["coverage"], 1),
            "distance": round(100 * row["distance"], 0),
            "why": _why(row, names),
        }
        for row in rows(bad)
    )
    table = Table(
        caption=Text("剔除的日表", "Daily tables left out"),
        columns=(
            Column("date", Text("日期", "Date"), "date"),
            Column("origin", Text("地区", "Region")),
            Column("direction", Text("方向", "Direction")),
            Column("coverage", Text("占比合计（%）", "Shares' sum (%)"), "number", 1, phone=False),
            Column(
                "distance",
                Text("与邻日差异（%）", "Distance to days around (%)"),
                "number",
                0,
                phone=False,
            ),
            Column("why", Text("依据", "Evidence")),
        ),
        rows=entries,
        name="mobility-days-left-out",
        collapsed=True,
    )
    return Section(title=title, tables=(table,))


def _source(pressure: Any) -> Text:
    """Say where the shares of the destinations come from."""
    if pressure.source == "mobility":
        first, last = (day(when) for when in pressure.days)
        return Text(
            f"{first.zh}至{last.zh}公布的迁徙占比（出行尚多的最后几日）",
            f"shares published for {first.en} to {last.en}, the last days with much travel",
        )
    if pressure.source == "outflow":
        return Text(
            "研究期之前的平均流出占比", "the mean shares of those who left before the study"
        )
    return Text("无", "nothing")


def _why(row: Mapping[str, Any], names: Mapping[str, Text]) -> Text:
    reasons = []
    if pd.notna(row["twin"]):
        other = named(row["twin"], names)
        reasons.append(Text(f"与{other.zh}的表完全相同", f"the same table as {other.en}'s"))
    if row["inside"]:
        reasons.append(Text("列有本省地区", "lists places of the province itself"))
    if not reasons or row["distance"] > 0.5:  # noqa: PLR2004
        reasons.append(Text("与前后日差异过大", "too far from the days around"))
    return Text("；".join(r.zh for r in reasons), "; ".join(r.en for r in reasons))
