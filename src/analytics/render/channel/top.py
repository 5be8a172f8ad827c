"""First words of the channel report: masthead, lead, headline figures, decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from analytics.render import roster
from analytics.render.blocks import (
    NOTHING,
    Decisions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Text,
)
from analytics.render.channel.words import (
    PLANS,
    STATUSES,
    interval,
    named,
    of,
    small,
)
from analytics.render.numbers import listed, number, percent
from analytics.render.tabular import rows
from analytics.study import Study

LARGEST = 3


def masthead(study: Study, as_of: date) -> Masthead:
    """Head the page."""
    return Masthead(
        title=Text("出行通道与健康码", "Travel channel and health codes"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
        notices=(
            Text(
                "本页的输出数为估计：公开数据没有出行人数，故按固定人数的离开者推算。",
                "Exported infections on this page are estimates: public figures do not say how "
                "many people travel, so all is given for a stated number of people leaving.",
            ),
        ),
    )


def lead(pressure: Any, steps: pd.DataFrame, names: Mapping[str, Text]) -> Lead:
    """
    Say how many of the travellers would be infected, where they would go, and what holds them.

    Parameters
    ----------
    pressure : channel.pressure.Pressure
    steps : pandas.DataFrame
        ``pressure.ladder``.
    names : mapping of str to Text
    """
    place = named(pressure.origin, names)
    last = pressure.totals.iloc[-1]
    span, people = interval(last["lower"], last["upper"]), of(pressure.travellers)
    mean, current = small(last["mean"]), _current(steps)
    first = Text(
        f"{place.zh}{people.zh}中估计有{mean.zh}人有传染性（95%区间{span.zh}）",
        f"{people.en[:1].upper()}{people.en[1:]} {place.en}, an estimated {mean.en} are infectious "
        f"(95% interval {span.en})",
    )
    known = pressure.destinations[pressure.destinations["destination"] != "elsewhere"]
    if len(known):
        top = listed([named(code, names) for code in known["destination"].head(LARGEST)])
        share = percent(float(known["share"].head(LARGEST).sum()), 0)
        where = Text(
            f"，其中{share.zh}会前往{top.zh}", f"; {share.en} of them would go to {top.en}"
        )
    else:
        where = Text("，去向无公开数据", "; no public figures say where to")
    held = Text(f"。离开通道现为“{current.zh}”。", f". The ways out are now {current.en}.")
    return Lead(Text(first.zh + where.zh + held.zh, first.en + where.en + held.en))


def _current(steps: pd.DataFrame) -> Text:
    return STATUSES[str(steps.loc[steps["current"], "status"].iloc[0])]


def headlines(pressure: Any, plans: pd.DataFrame, names: Mapping[str, Text]) -> Headlines:
    """
    Give infectious among the travellers, the share gates miss, and the largest destination.

    Parameters
    ----------
    pressure : channel.pressure.Pressure
    plans : pandas.DataFrame
        ``pressure.check_plans``.
    names : mapping of str to Text
    """
    totals = pressure.totals
    last = totals.iloc[-1]
    people = of(pressure.travellers)
    span = interval(last["lower"], last["upper"])
    figures = [
        Headline(
            label=Text("离开者中有传染性者（估计）", "Infectious among those leaving (estimate)"),
            value=small(last["mean"]),
            day_change=_relative(totals, 1, Text("前一日", "the day before")),
            week_change=_relative(totals, 7, Text("上周同日", "a week before")),
            denominator=Text(
                f"{people.zh}；95%区间{span.zh}", f"{people.en}; 95% interval {span.en}"
            ),
            trend=tuple(round(float(value), 4) for value in totals["mean"]),
            trend_summary=Text(
                f"近{len(totals)}日由{small(totals['mean'].iloc[0]).zh}至{small(last['mean']).zh}",
                f"from {small(totals['mean'].iloc[0]).en} to {small(last['mean']).en} in "
                f"{len(totals)} days",
            ),
        )
    ]
    worst = plans.iloc[0]
    miss = interval(100 * worst["lower"], 100 * worst["upper"])
    figures.append(
        Headline(
            label=Text(f"{PLANS[worst['plan']].zh}的漏检率", f"Missed: {PLANS[worst['plan']].en}"),
            value=percent(worst["missed"], 0),
            day_change=NOTHING,
            week_change=NOTHING,
            denominator=Text(
                f"占有感染的出行者；95%区间{miss.zh}%",
                f"of infected travellers; 95% interval {miss.en}%",
            ),
        )
    )
    known = pressure.destinations[pressure.destinations["destination"] != "elsewhere"]
    if len(known):
        top = known.iloc[0]
        none = percent(1 - top["none"], 0)
        figures.append(
            Headline(
                label=Text("输入最多的去向", "Most importations"),
                value=named(top["destination"], names),
                day_change=NOTHING,
                week_change=NOTHING,
                denominator=Text(
                    f"估计{small(top['mean']).zh}例；至少1例的概率{none.zh}",
                    f"an estimated {small(top['mean']).en}; {none.en} chance of at least one",
                ),
            )
        )
    return Headlines(tuple(figures))


def _relative(totals: pd.DataFrame, back: int, than: Text) -> Text:
    """Compare the last day's mean with an earlier one's, in percent, in sign and words."""
    if len(totals) <= back or not totals["mean"].iloc[-1 - back]:
        return Text(f"较{than.zh}：无法比较", f"no comparison with {than.en}")
    step = float(totals["mean"].iloc[-1] / totals["mean"].iloc[-1 - back] - 1)
    if abs(step) < 0.005:  # noqa: PLR2004
        return Text(f"与{than.zh}持平（0）", f"same as {than.en} (0)")
    sign, size = ("+" if step > 0 else "−"), percent(abs(step), 0)
    return Text(
        f"较{than.zh}{'上升' if step > 0 else '下降'}（{sign}{size.zh}）",
        f"{'up' if step > 0 else 'down'} on {than.en} ({sign}{size.en})",
    )


def decisions(
    study: Study, steps: pd.DataFrame, plans: pd.DataFrame, rules: Any, as_of: date
) -> Decisions:
    """
    Name what is to be decided: the next step of the ways out, and what codes know.

    Parameters
    ----------
    study : Study
        Its duties say who decides, by when.
    steps, plans : pandas.DataFrame
        ``pressure.ladder`` and ``pressure.check_plans``.
    rules : health_code.Rules
        None may be in force yet.
    as_of : date
    """
    items = []
    place = rows(steps[steps["current"]])[0]
    people = number(steps["moving"].max())
    order = list(STATUSES)
    if place["status"] != "open":
        freer = rows(steps[steps["status"] == order[order.index(place["status"]) - 1]])[0]
        more = freer["exported"] - place["exported"]
        now, then = STATUSES[place["status"]], STATUSES[freer["status"]]
        items.append(
            roster.decision(
                study,
                "travel_channel",
                Text(
                    f"离开通道是否由“{now.zh}”改为“{then.zh}”：每{people.zh}名欲离开者放行"
                    f"{number(freer['moving']).zh}人，估计多输出{small(more).zh}例。",
                    f"Whether to move the ways out from {now.en} to {then.en}: of {people.en} who "
                    f"would leave {number(freer['moving']).en} pass, and an estimated "
                    f"{small(more).en} more infections leave.",
                ),
            )
        )
    few, most = (rows(plans[plans["plan"] == plan])[0] for plan in ("code_few", "code_most"))
    gain = few["passed"] - most["passed"]
    unused = not rules.in_force(as_of)
    zh, en = ("（规则尚未生效）", " (no rule is in force yet)") if unused else ("", "")
    items.append(
        roster.decision(
            study,
            "health_code",
            Text(
                f"及时上报密切接触者：每{people.zh}名离开者，健康码{zh}知晓多数暴露比知晓少数"
                f"少漏{small(gain).zh}例。",
                f"Have contacts reported in time: of {people.en} people leaving, a code{en} that "
                f"knows most exposures misses {small(gain).en} infections fewer than one that "
                "knows few.",
            ),
        )
    )
    return Decisions(tuple(items))


def delayed(days: float) -> Text:
    """Write a delay of arrival: 1.5 days, none, never."""
    if math.isinf(days):
        return Text("不再到达", "never")
    return number(days, 1)
