"""First words of the resettlement report: masthead, lead, headline figures and decisions."""

from __future__ import annotations

from datetime import date

import pandas as pd

from analytics.analysis.resettlement import Openings, Plan, Shown
from analytics.errors import SolverError
from analytics.render import roster
from analytics.render.blocks import (
    NOTHING,
    Decision,
    Decisions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Text,
)  # fmt: skip
from analytics.render.numbers import counted, listed, number
from analytics.render.resettlement.words import anyone, names, total_of
from analytics.study import Study

_PERSON = Text("人", "person")
_NAMED = 4


def masthead(study: Study, as_of: date, register: pd.DataFrame) -> Masthead:
    """Head the page; say where nobody delivered any registration."""
    notices = (
        Text(
            "本研究尚无滞留人员登记送达：以下各项均无数据，并非无人滞留。",
            "No department has delivered registrations of stranded people to this study: what "
            "follows is without data, not without people.",
        ),
    )
    return Masthead(
        title=Text("滞留人员安置需求与救助", "Resettlement demand and assistance"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
        notices=() if len(register) else notices,
    )


def lead(plan: Plan, shown: Shown, openings: Openings) -> Lead:
    """
    Say how many are known, how many have a bed, and what that asks.

    Raises
    ------
    SolverError
        If the bounds of the placement contradict each other.
    """
    upper, lower, gap = plan.bounds
    if lower > upper * (1 + 1e-6) + 1e-6 or gap < 0:
        raise SolverError("the placement's bounds contradict each other")
    if plan.persons.empty:
        return Lead(Text(
            "尚无滞留人员登记送达，请各部门按约定报送。",
            "No registration of a stranded person has come in; departments are asked to deliver.",
        ))  # fmt: skip
    known, placed, referred, waiting = (
        total_of(shown.status, "status", label) for label in ("total", "placed", "referred",
                                                             "waiting")
    )  # fmt: skip
    opened = len(openings.sites)
    ask = (
        Text(
            f"建议启用{opened}处备用安置点。",
            f"{counted(opened, Text('处', 'more site'), 'more sites').en} should open.",
        )
        if opened
        else Text("现有安置点可满足已登记需求。", "The open sites meet the registered demand.")
    )
    return Lead(Text(
        f"已知滞留人员{known.zh}人：已安置或已排床位{placed.zh}人，转介{referred.zh}人，"
        f"等候{waiting.zh}人。{ask.zh}",
        f"{known.en} stranded people are known: {placed.en} have a bed or are given one by this "
        f"plan, {referred.en} are referred, {waiting.en} wait. {ask.en}",
    ))  # fmt: skip


def headlines(
    shown: Shown, ahead: pd.DataFrame, hidden: pd.DataFrame, beds: pd.DataFrame
) -> Headlines:
    """
    Give the headline figures: known, places free, demand ahead, unlisted, outstanding.

    Parameters
    ----------
    shown : Shown
    ahead, hidden : DataFrame
        As `ahead` and `hidden` give.
    beds : DataFrame
        The plan's beds.
    """
    places, free = int(beds["places"].sum()), int(beds["free"].sum())
    if not places and not anyone(shown):  # nobody delivered anything: nothing is not none
        labels = (Text("已知滞留人员", "Known stranded people"),
                  Text("空余床位与房间", "Places free"),
                  Text("待落实救助", "Assistance pending"))  # fmt: skip
        return Headlines(tuple(
            Headline(label, Text("—", "—"), NOTHING, NOTHING, Text("无数据", "no data"))
            for label in labels
        ))  # fmt: skip
    far = ahead[ahead["level"] == "total"].sort_values("horizon").tail(1)
    whole = hidden[hidden["by"] == "whole"].iloc[0]
    owed = total_of(shown.claims, "state", "total")
    figures = [
        Headline(Text("已知滞留人员", "Known stranded people"),
                 total_of(shown.status, "status", "total"), NOTHING, NOTHING,
                 Text("各部门记录合并，一人一次", "all departments' records, each person once")),
        Headline(Text("空余床位与房间", "Places free"), number(free), NOTHING, NOTHING,
                 Text(f"共{places}个", f"of {places:,}")),
        _forecast(far),
        _unlisted(whole),
        Headline(Text("待落实救助", "Assistance pending"),
                 total_of(shown.claims, "state", "pending"), NOTHING, NOTHING,
                 Text(f"应落实{owed.zh}项", f"of {owed.en} measures owed")),
    ]  # fmt: skip
    return Headlines(tuple(figures))


def _forecast(far: pd.DataFrame) -> Headline:
    label = Text("预计需床位人数（估计）", "People to house ahead (estimate)")
    if far.empty:
        return Headline(label, Text("—", "—"), NOTHING, NOTHING,
                        Text("历史过短，未作预测", "history too short to forecast"))  # fmt: skip
    row = far.iloc[0]
    low, high = number(row["lower"]), number(row["upper"])
    days = int(row["horizon"])
    return Headline(label, number(row["mean"]), NOTHING, NOTHING,
                    Text(f"{days}天后；90%区间{low.zh}–{high.zh}",
                         f"in {days} days; 90% interval {low.en}–{high.en}"))  # fmt: skip


def _unlisted(whole: pd.Series) -> Headline:
    label = Text("未登记人数（估计）", "On no list (estimate)")
    if whole["why"] or pd.isna(whole["total"]):
        return Headline(label, Text("—", "—"), NOTHING, NOTHING,
                        Text("名单不足，未作估计", "too few lists to estimate"))  # fmt: skip
    missing = number(whole["total"] - whole["known"])
    low, high = (number(max(whole[end] - whole["known"], 0)) for end in ("lower", "upper"))
    return Headline(label, missing, NOTHING, NOTHING,
                    Text(f"95%区间{low.zh}–{high.zh}",
                         f"95% interval {low.en}–{high.en}"))  # fmt: skip


def decisions(
    study: Study, plan: Plan, openings: Openings, claims: pd.DataFrame, places: pd.DataFrame
) -> Decisions:
    """Name what must be decided: sites to open, people to visit, assistance past due."""
    items, named = [], names(places)
    if plan.persons.empty:
        items.append(_asked(study, "resettlement_registrations", Text(
            "督促各部门报送滞留人员登记和安置点。",
            "Have departments deliver registrations of stranded people, and sites.",
        )))  # fmt: skip
    if len(openings.sites):
        few = [named.get(str(c), Text(str(c), str(c))) for c in openings.sites["county"]]
        few = list(dict.fromkeys(few))
        where, more = listed(few[:_NAMED]), len(few) > _NAMED
        cost = number(openings.sites["opening_cost"].sum())
        sites = counted(len(openings.sites), Text("处备用安置点", "candidate site"),
                        "candidate sites")  # fmt: skip
        items.append(_asked(study, "resettlement_sites", Text(
            f"启用{sites.zh}（{where.zh}{'等' if more else ''}），启用费用{cost.zh}元。",
            f"Open {sites.en} ({where.en}{' and others' if more else ''}); opening costs "
            f"{cost.en} yuan.",
        )))  # fmt: skip
    if (plan.persons["reason"] == "unregistered").any():
        items.append(_asked(study, "resettlement_visits", Text(
            "上门核实并登记只在其他部门名单上出现的滞留人员。",
            "Visit and register stranded people who stand on other departments' lists only.",
        )))  # fmt: skip
    if (claims["overdue"] > 0).any():
        items.append(_asked(study, "assistance", Text(
            "按优先名单落实逾期救助。",
            "Give the assistance that is past due, in the order of the priority list.",
        )))  # fmt: skip
    return Decisions(tuple(items))


def _asked(study: Study, task: str, what: Text) -> Decision:
    return roster.decision(study, task, what, otherwise=Text("安置专班", "resettlement team"))
