"""Blocks of the report on the loop: pushed, verified, overdue; how right rules are; who waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from analytics.loop.account import Account
from analytics.render import charts
from analytics.render import targets as special_teams
from analytics.render.blocks import (
    NOTHING,
    Column,
    Decision,
    Decisions,
    Definition,
    Definitions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Missing,
    Section,
    Table,
    Text,
)
from analytics.render.numbers import number, percent
from analytics.render.tabular import HIDDEN, listing, numbers
from analytics.study import Study

NONE_YET = Missing(Text("尚无已核实的问题", "nothing verified yet"))
ASKS: Mapping[str, Text] = {
    "infected": Text("是否为病例", "is it a case"),
    "contact": Text("是否接触过病例", "met a case"),
    "traced": Text("是否已找到", "was found"),
    "stranded": Text("是否滞留", "is stranded"),
    "needs": Text("是否需要帮助", "needs help"),
    "code_wrong": Text("健康码是否有误", "code is wrong"),
    "clustered": Text("是否属于聚集性疫情", "is one of a cluster"),
    "same_person": Text("是否同一人", "is one person"),
    "record_wrong": Text("记录是否有误", "record is wrong"),
}
TASKS: Mapping[str, Text] = {
    "screening": Text("四类人员排查", "screening"),
    "trace_contacts": Text("密接追踪", "contact tracing"),
    "stranded": Text("滞留人员", "stranded people"),
    "linkage_review": Text("身份比对复核", "linkage review"),
    "records": Text("数据质量", "data quality"),
    "health_code": Text("健康码", "health codes"),
    "travel": Text("离汉离鄂", "travel"),
    "resettlement": Text("安置", "resettlement"),
    "adjudication": Text("答复复核", "adjudication"),
    "total": Text("合计", "total"),
}


def masthead(study: Study, as_of: date) -> Masthead:
    """Head the page."""
    return Masthead(
        title=Text("推送、核查与反馈", "Push, verification and feedback"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
    )


def lead(account: Account) -> Lead:
    """Say how much of what was pushed is verified, and what is overdue."""
    if not account.pushed:
        return Lead(Text("尚未推送任何核查事项。", "Nothing has been pushed for checking yet."))
    total = _total(account)
    pushed, done, late = (total.get(name) for name in ("pushed", "verified", "overdue"))
    if pd.isna(pushed) or pd.isna(done):
        return Lead(Text(
            "推送数量少，为保护个人不列出。", "So little was pushed that no figure can be shown."
        ))  # fmt: skip
    first = Text(
        f"已推送{pushed}个问题，核实{done}个（{percent(done / pushed).zh}）",
        f"Of {pushed:,} questions pushed, {done:,} ({percent(done / pushed).en}) are verified",
    )
    if pd.isna(late) or late == 0:
        return Lead(Text(f"{first.zh}。", f"{first.en}."))
    return Lead(Text(
        f"{first.zh}；{late}个已逾期，请有关专班督办。",
        f"{first.en}; {late:,} are overdue and need pressing on.",
    ))  # fmt: skip


def headlines(account: Account) -> Headlines:
    """Give the headline figures: pushed, verified, outstanding, overdue, confirmed of verified."""
    total = _total(account)
    of = Text("占全部推送", "of all pushed")
    figures = [
        Headline(Text("已推送", "Pushed"), _count(total.get("pushed")), NOTHING, NOTHING,
                 Text("个问题", "questions")),
        Headline(Text("已核实", "Verified"), _count(total.get("verified")), NOTHING, NOTHING, of),
        Headline(Text("未完成", "Outstanding"), _count(total.get("outstanding")), NOTHING,
                 NOTHING, of),
        Headline(Text("退回", "Returned"), _count(total.get("returned")), NOTHING, NOTHING,
                 Text("联系不上、转出或待复核", "not reached, moved or to be settled")),
        Headline(Text("逾期", "Overdue"), _count(total.get("overdue")), NOTHING, NOTHING,
                 Text("占未完成", "of those outstanding")),
    ]  # fmt: skip
    return Headlines(tuple(figures))


def decisions(account: Account) -> Decisions:
    """Name what is overdue by whom, and thresholds that wait for approval."""
    items = []
    for row in account.overdue.to_dict("records"):
        duty = account.duties.get(str(row["duty"]))
        who = Text(duty.who.zh, duty.who.en) if duty else task(row["duty"])
        up = Text(str(row["escalates_zh"]), str(row["escalates_en"]))
        days = int(row["days"])
        items.append(Decision(
            what=Text(f"完成逾期核查：{task(row['duty']).zh}", f"Finish what is overdue: "
                      f"{task(row['duty']).en}"),
            who=Text(f"{who.zh}，上报{up.zh}" if up.zh else who.zh,
                     f"{who.en}, escalated to {up.en}" if up.en else who.en),
            due=Text(f"最长逾期{days}天", f"overdue by up to {days} d") if days else
                Text("不足一天", "overdue by less than a day"),
        ))  # fmt: skip
    items += [
        Decision(
            what=Text(
                f"批准阈值调整：{one.rule} {one.current:g} → {one.proposed:g}",
                f"Approve a threshold: {one.rule} {one.current:g} → {one.proposed:g}",
            ),
            who=Text("规则负责人", "who answers for the rule"),
            due=Text("下次推送前", "before the next push"),
        )
        for one in account.proposals
        if not one.reason
    ]
    return Decisions((*items, *special_teams.decisions(account.teams)))


def duties(account: Account) -> Section:
    """Show what stands where, by duty, and who answers for it by when."""
    rows = [
        {
            "duty": task(row["duty"]),
            "who": Text(duty.who.zh, duty.who.en) if duty else "",
            "due": f"{duty.due:%H:%M}" if duty else "",
            **{name: _cell(row[name]) for name in
               ("pushed", "verified", "outstanding", "returned", "overdue")},
        }
        for row in account.by_duty.to_dict("records")
        for duty in [account.duties.get(str(row["duty"]))]
    ]  # fmt: skip
    columns = (
        Column("duty", Text("职责", "Duty")), Column("who", Text("责任单位", "Who")),
        Column("due", Text("每日时限", "Due at")),
        *numbers(("pushed", "推送", "Pushed"), ("verified", "核实", "Verified"),
                 ("outstanding", "未完成", "Outstanding"), ("returned", "退回", "Returned"),
                 ("overdue", "逾期", "Overdue")),
    )  # fmt: skip
    return Section(
        title=Text("各项职责的进度：推送＝核实＋未完成＋退回",
                   "Progress by duty: pushed = verified + outstanding + returned"),
        tables=(listing("loop-duties", Text("按职责", "By duty"), columns, rows),),
    )  # fmt: skip


def rules(account: Account) -> Section:
    """Show how right each rule is, and how that changes from day to day."""
    known = account.by_day[account.by_day["precision"].notna()]
    shown = []
    if len(known) > 1:
        shares = [[round(100 * v, 1) for v in known[name]] for name in ("precision", "low", "high")]
        shown.append(charts.lines(
            list(known["date"]),
            [charts.Series(Text("准确率（%）", "precision (%)"), shares[0], shares[1], shares[2],
                           Text("95% 区间", "95 % interval"))],
            alternative=Text("折线：按推送日期，已核实问题中属实的百分比及区间。",
                             "Line: by day of the push, the percentage of verified questions that "
                             "were confirmed, with its interval."),
            title=Text("推送准确率", "Precision of what was pushed"),
        ))  # fmt: skip
    rows = [
        {"rule": row["rule"], "verified": _cell(row["verified"]),
         "confirmed": _cell(row["confirmed"]),
         **{name: _share(row[name]) for name in ("precision", "low", "high")}}
        for row in account.rules.to_dict("records")
    ]  # fmt: skip
    columns = (
        Column("rule", Text("规则", "Rule")),
        *numbers(("verified", "核实", "Verified"), ("confirmed", "属实", "Confirmed"),
                 ("precision", "准确率（%）", "Precision (%)"), ("low", "下限", "Low"),
                 ("high", "上限", "High")),
    )  # fmt: skip
    best = account.rules[account.rules["precision"].notna()].sort_values("precision")
    title = Text("规则的准确率", "How right the rules are")
    if not best.empty:
        worst = best.iloc[0]
        share = percent(float(worst["precision"]))
        title = Text(f"准确率最低的规则：{worst['rule']}（{share.zh}）",
                     f"The least precise rule is {worst['rule']} ({share.en})")  # fmt: skip
    return Section(
        title=title,
        charts=tuple(shown),
        tables=(listing("loop-rules", Text("按规则", "By rule"), columns, rows), _recall(account)),
        note=Text("召回率由未被标记者的随机抽查估计。", "Recall is estimated from a random "
                  "sample of people whom no rule had flagged."),
    )  # fmt: skip


def waiting(account: Account, study: Study, areas: pd.DataFrame) -> Section:
    """
    Show who waits for what, by area.

    Parameters
    ----------
    account : Account
    study : Study
    areas : AREAS table
        Names of counties and prefectures.
    """
    names = _names(study, areas)
    rows = [
        {"code": row["county"], "area": names.get(str(row["county"])[:6], str(row["county"])),
         **{name: _cell(row[name]) for name in ("pushed", "verified", "outstanding", "returned")}}
        for row in account.by_area.sort_values("county").to_dict("records")
    ]  # fmt: skip
    columns = (
        Column("area", Text("地区", "Area")),
        *numbers(("pushed", "推送", "Pushed"), ("verified", "核实", "Verified"),
                 ("outstanding", "未完成", "Outstanding"), ("returned", "退回", "Returned")),
    )  # fmt: skip
    return Section(
        title=Text("各地待核查情况", "What waits, by area"),
        tables=(listing("loop-areas", Text("按地区", "By area"), columns, rows),),
    )


def targets(account: Account, study: Study, areas: pd.DataFrame) -> Section:
    """
    Show how the targets of the command's special teams stand.

    Parameters
    ----------
    account : Account
    study : Study
    areas : AREAS table
        Names of counties and prefectures.
    """
    return special_teams.section(account.targets, account.teams, _names(study, areas))


def definitions() -> Definitions:
    """Explain the terms of the page."""
    return Definitions(tuple(
        Definition(term, meaning)
        for term, meaning in (
            (Text("问题", "Question"),
             Text("对一个对象核查一件事；无论几条规则提出，只推送一次。",
                  "One thing to check about one subject; pushed once, however many rules ask.")),
            (Text("核实", "Verified"),
             Text("所有有效答复一致：属实或不属实。",
                  "All valid answers agree: confirmed or refuted.")),
            (Text("退回", "Returned"),
             Text("联系不上、已转出，或答复互相矛盾待复核。",
                  "Nobody was reached, the person has moved, or answers contradict each other.")),
            (Text("准确率", "Precision"),
             Text("已核实问题中属实的比例，区间按 Wilson (1927)。",
                  "Share of verified questions that were confirmed; interval of Wilson (1927).")),
            (Text("召回率", "Recall"),
             Text("规则找到的占全部属实者的比例；漏掉的由随机抽查按入样概率倒数推算。",
                  "Share that rules found of all who are true; those missed are estimated from the "
                  "random sample, each weighed by the inverse of its chance.")),
        )
    ))  # fmt: skip


def task(name: object) -> Text:
    """Name of a duty in both languages."""
    return TASKS.get(str(name), Text(str(name), str(name).replace("_", " ")))


def _recall(account: Account) -> Table:
    rows = [
        {"duty": task(row["duty"]), "asks": ASKS.get(str(row["asks"]), str(row["asks"])),
         **{name: _share(row[name]) for name in ("recall", "low", "high")}}
        for row in account.recall.to_dict("records")
    ]  # fmt: skip
    columns = (
        Column("duty", Text("职责", "Duty")), Column("asks", Text("问题", "Question")),
        *numbers(("recall", "召回率（%）", "Recall (%)"), ("low", "下限", "Low"),
                 ("high", "上限", "High")),
    )  # fmt: skip
    return listing("loop-recall", Text("召回率", "Recall"), columns, rows)


def _names(study: Study, areas: pd.DataFrame) -> dict[str, Text]:
    """Names of the province, its prefectures and counties by code."""
    names = {study.region: Text(study.region_name.zh, study.region_name.en)}
    for row in areas.itertuples():
        names[str(row.prefecture)] = Text(str(row.prefecture_name), str(row.prefecture_name_en))
    for row in areas.itertuples():
        names[str(row.adcode)] = Text(str(row.name), str(row.name_en))
    return names


def _total(account: Account) -> dict[str, Any]:
    rows = account.by_duty[account.by_duty["duty"].eq("total")].to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else {}


def _count(value: Any) -> Text:
    return Text("—", "—") if value is None else number(value)


def _cell(value: Any) -> Any:
    return HIDDEN if pd.isna(value) else int(value)


def _share(value: Any) -> Any:
    return NONE_YET if pd.isna(value) else round(100 * float(value), 1)


Row = dict[str, Any]
