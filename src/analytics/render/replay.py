"""Blocks of the report on a replay: found, waited, erred, lost, and other policies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from analytics.render import charts
from analytics.render import targets as special_teams
from analytics.render.blocks import (
    NOTHING,
    Chart,
    Column,
    Decision,
    Decisions,
    Definition,
    Definitions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Section,
    Text,
)
from analytics.render.numbers import number, percent
from analytics.render.tabular import listing, numbers
from analytics.study import Study

Account = Mapping[str, Any]
CATEGORIES: Mapping[str, Text] = {
    "confirmed": Text("确诊患者", "confirmed case"),
    "suspected": Text("疑似患者", "suspected case"),
    "fever": Text("发热患者", "fever patient"),
    "close_contact": Text("密切接触者", "close contact"),
    "asymptomatic": Text("无症状感染者", "asymptomatic infection"),
    "never": Text("未被发现", "never found"),
}
ENDS: Mapping[str, Text] = {
    "placed": Text("已安置", "placed"),
    "referred": Text("已转介", "referred"),
    "waiting": Text("仍在等待", "still waiting"),
}
OUTCOMES: Mapping[str, Text] = {
    "upheld": Text("申诉成立", "upheld"),
    "refused": Text("申诉不成立", "refused"),
    "pending": Text("待决定", "pending"),
}
POLICIES: Mapping[str, Text] = {
    "controlled": Text("实际管控", "as it was controlled"),
    "without_control": Text("不设管控", "without control"),
    "blanket_closure": Text("全面封闭", "blanket closure"),
}
MEASURES: Mapping[str, Text] = {
    "travellers": Text("离开者", "travellers who left"),
    "exported": Text("输出感染者", "exported infections"),
    "infections": Text("省内感染者", "infections in the province"),
}
FAULTS: Mapping[str, Text] = {
    "late_department": Text("部门迟报", "a department is late"),
    "half_copied": Text("文件只复制一半", "a delivery copied by half"),
    "forged_list": Text("清单被改", "a forged list"),
    "killed_pool": Text("汇集被强行终止", "the pool is killed"),
    "list_twice": Text("清单重复交回", "a list handed in twice"),
    "deleted_lines": Text("清单被删行", "lines deleted from a list"),
    "two_at_once": Text("两个任务同时写入", "two runs at once"),
}
STEPS: Mapping[str, Text] = {
    "deliver": Text("接收", "deliver"), "pool": Text("汇集", "pool"),
    "link": Text("关联", "link"), "screen": Text("排查", "screen"), "push": Text("推送", "push"),
    "export": Text("导出清单", "export lists"), "field": Text("基层核查", "field"),
    "receive": Text("收回清单", "receive"), "feedback": Text("反馈", "feedback"),
    "place": Text("安置", "place"), "forecast": Text("预测", "forecast"),
    "score": Text("评分", "score"), "reports": Text("报告", "reports"),
}  # fmt: skip


def masthead(study: Study, as_of: date) -> Masthead:
    """Head the page."""
    return Masthead(
        title=Text("全程演练", "Replay of the whole command"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
    )


def lead(account: Account | None) -> Lead:
    """Say how long the command was played, and whether anything was lost."""
    if account is None:
        return Lead(Text(
            "尚未演练：请运行 workbench replay。", "Nothing was played yet: run workbench replay."
        ))  # fmt: skip
    plan, lost = account["plan"], account["lost"]
    days, faults = len(account["days"]), _faults(account)
    stood = sum(one["withstood"] for one in faults)
    leaks = sum(lost["leaks"].values())
    return Lead(Text(
        f"演练{days}天、{plan['people']:,}名虚构居民：丢失{lost['people']}人、{lost['rows']}行记录，"
        f"泄露{leaks}个号码；注入{len(faults)}次故障，经受住{stood}次。",
        f"{days} days with {plan['people']:,} invented residents: {lost['people']} people and "
        f"{lost['rows']} rows lost, {leaks} numbers leaked; {stood} of {len(faults)} faults "
        "withstood.",
    ))  # fmt: skip


def headlines(account: Account) -> Headlines:
    """Give the headline figures: lost, leaked, answers, time per day."""
    lost, days = account["lost"], account["days"]
    spent = [day["wall"] for day in days]
    answers = sum(day["counts"]["answers"] for day in days)
    figures = (
        (Text("丢失的人", "People lost"), lost["people"], Text("必须为0", "must be 0")),
        (Text("丢失的记录行", "Rows lost"), lost["rows"], Text("必须为0", "must be 0")),
        (Text("泄露的号码", "Numbers leaked"), sum(lost["leaks"].values()),
         Text(f"检查了{lost['files_searched']:,}个文件",
              f"{lost['files_searched']:,} files searched")),
        (Text("核查答复", "Answers of the field"), answers,
         Text(f"{len(days)}天", f"in {len(days)} days")),
        (Text("每天用时（秒）", "Seconds a day"), round(sum(spent) / max(len(spent), 1)),
         Text(f"最长{max(spent, default=0):.0f}秒", f"at most {max(spent, default=0):.0f} s")),
    )  # fmt: skip
    return Headlines(tuple(
        Headline(label, number(value), NOTHING, NOTHING, of) for label, value, of in figures
    ))  # fmt: skip


def decisions(account: Account) -> Decisions:
    """Name what did not hold, for those who build the system."""
    items = [
        Decision(
            what=Text(f"修复：{_fault(one).zh}（{one['day']}）",
                      f"Mend: {_fault(one).en} ({one['day']})"),
            who=Text("系统维护", "who keeps the system"),
            due=Text("下次演练前", "before the next replay"),
        )
        for one in _faults(account)
        if not one["withstood"]
    ]  # fmt: skip
    failed = sum(day["counts"].get("reports_failed", 0) for day in account["days"])
    if failed:
        items.append(Decision(
            what=Text(f"修复：{failed}份报告未能生成",
                      f"Mend: {failed:,} reports could not be made"),
            who=Text("系统维护", "who keeps the system"),
            due=Text("下次演练前", "before the next replay"),
        ))  # fmt: skip
    return Decisions(tuple(items))


def found(account: Account) -> Section:
    """Show who fell ill in the span, and as what screening found them first."""
    rows = [
        {"category": CATEGORIES.get(row["category"], Text(row["category"], row["category"])),
         "persons": row["persons"], **_days(row, "lower", "median", "upper")}
        for row in account["found"]
    ]  # fmt: skip
    total = sum(row["persons"] for row in account["found"])
    missed = sum(row["persons"] for row in account["found"] if row["category"] == "never")
    title = Text("演练期间无人发病", "Nobody fell ill in the span")
    if total:
        share = percent(1 - missed / total)
        title = Text(f"演练期间发病{total}人，发现{share.zh}",
                     f"Of {total} who fell ill in the span, {share.en} were found")  # fmt: skip
    columns = (
        Column("category", Text("首次发现为", "Found first as")),
        Column("persons", Text("人数", "Persons"), "number"),
        *numbers(("lower", "四分之一", "Lower quartile"), ("median", "中位", "Median"),
                 ("upper", "四分之三", "Upper quartile")),
    )  # fmt: skip
    return Section(
        title=title,
        tables=(listing("replay-found",
                        Text("从发病到发现的天数", "Days from onset to being found"),
                        columns, rows),),
        note=Text("与模拟的真实情况对照；真实情况不供任何分析读取。",
                  "Held against the simulation's truth, which no analysis may read."),
    )  # fmt: skip


def waits(account: Account) -> Section:
    """Show how long people waited for a bed, and for a decision on their code."""
    beds = [
        {"ended": ENDS[row["ended"]], "persons": row["persons"], **_days(row, "median", "upper")}
        for row in account["beds"]
    ]
    appeals = [
        {"outcome": OUTCOMES.get(row["outcome"], Text(row["outcome"], row["outcome"])),
         "appeals": row["appeals"], **_days(row, "median", "upper")}
        for row in account["appeals"]
    ]  # fmt: skip
    spans = numbers(("median", "中位天数", "Median days"), ("upper", "九成不超过", "90 % within"))
    return Section(
        title=Text("等待床位和健康码更正", "Waiting for a bed, and for a code to be put right"),
        tables=(
            listing("replay-beds", Text("床位", "Beds"), (
                Column("ended", Text("结果", "Ended as")),
                Column("persons", Text("人数", "Persons"), "number"), *spans), beds),
            listing("replay-appeals", Text("健康码申诉", "Appeals against codes"), (
                Column("outcome", Text("结果", "Outcome")),
                Column("appeals", Text("件数", "Appeals"), "number"), *spans), appeals),
        ),
        note=Text("床位按安置计划首次给出位置的日期计；实际入住日期来自部门数据。",
                  "A bed counts from the day on which the plan first has a place; who moved in "
                  "when comes from the departments' data."),
    )  # fmt: skip


def policies(account: Account) -> Section:
    """Show what other policies would have done, with intervals over seeds."""
    rows = [
        {"policy": POLICIES[row["policy"]], "measure": MEASURES[row["measure"]],
         **{name: _round(row[name]) for name in ("mean", "difference", "low", "high")}}
        for row in account["policies"]
    ]  # fmt: skip
    columns = (
        Column("policy", Text("做法", "Policy")), Column("measure", Text("指标", "Measure")),
        *numbers(("mean", "平均", "Mean"), ("difference", "与实际之差", "Difference"),
                 ("low", "下限", "Low"), ("high", "上限", "High")),
    )  # fmt: skip
    seeds = account["policies"][0]["seeds"] if account["policies"] else 0
    people = account["plan"]["world_people"]
    return Section(
        title=_gain(account),
        tables=(listing("replay-policies", Text(f"{seeds}组随机种子，95% 区间",
                                                f"{seeds} seeds, 95 % interval"),
                        columns, rows),),
        note=Text(
            f"同一批{people:,}名虚构居民、同样的传播和随机数，只改变渠道。模型的局限：只有武汉居民"
            "出行；省外的第二代感染不计；全面封闭给人带来的代价不在其中。",
            f"The same {people:,} invented residents, transmission and draws; the channel alone "
            "differs. Limits: only residents of Wuhan travel; infections they cause outside the "
            "province are not followed; what a full stop costs people is not in it.",
        ),
    )  # fmt: skip


def forecasts(account: Account) -> Section:
    """Show what every forecast was worth once its days had come."""
    rows = [
        {"date": row["date"], "days": row["days"], "score": _round(row["score"], 2),
         "repeated": _round(row["repeated"], 2),
         "coverage": round(100 * row["coverage"]) if row["coverage"] is not None else ""}
        for row in account["forecasts"]
    ]  # fmt: skip
    scored = [row for row in account["forecasts"] if row["repeated"]]
    better = sum(row["score"] < row["repeated"] for row in scored)
    title = Text("尚无预测到期", "No forecast has come due")
    if scored:
        title = Text(f"{len(scored)}次预测中{better}次优于重复上周",
                     f"{better} of {len(scored)} forecasts beat last week repeated")  # fmt: skip
    columns = (
        Column("date", Text("作出日期", "Made on")),
        *numbers(("days", "提前天数", "Days ahead"), ("score", "加权区间得分", "Interval score"),
                 ("repeated", "重复上周的得分", "Last week repeated"),
                 ("coverage", "95% 区间覆盖（%）", "Inside the 95 % interval (%)")),
    )  # fmt: skip
    return Section(
        title=title,
        tables=(listing("replay-forecasts", Text("各次预测", "Every forecast"), columns, rows),),
    )  # fmt: skip


def rules(account: Account) -> Section:
    """Show the precision of every rule, week by week."""
    rows = [
        {"rule": row["rule"], "week": row["week"], "verified": row["verified"],
         **{name: _percent(row[name]) for name in ("precision", "low", "high")}}
        for row in account["rules_by_week"]
        if row["verified"]
    ]  # fmt: skip
    columns = (
        Column("rule", Text("规则", "Rule")), Column("week", Text("周（起）", "Week of")),
        *numbers(("verified", "核实", "Verified"), ("precision", "准确率（%）", "Precision (%)"),
                 ("low", "下限", "Low"), ("high", "上限", "High")),
    )  # fmt: skip
    return Section(
        title=Text("规则的准确率", "How right each rule was"),
        tables=(listing("replay-rules", Text("按周", "By week"), columns, rows),),
        note=Text("95% 区间按 Wilson (1927)。", "95 % interval of Wilson (1927)."),
    )


def targets(account: Account) -> Section:
    """Show how the targets of the special teams stood at the end, and what was overdue by day."""
    days = account["days"]
    overdue = [day["counts"]["targets_overdue"] for day in days]
    total = sum(row["set"] for row in account["teams"])
    held = sum(row["in_time"] for row in account["teams"])
    shown: tuple[Chart, ...] = ()
    if len(days) > 1 and any(overdue):
        shown = (
            charts.lines(
                [day["day"] for day in days],
                [charts.Series(Text("逾期未完成", "overdue"), overdue)],
                alternative=Text(
                    "折线：每天逾期未完成的目标数。", "Line: overdue targets each day."
                ),
                title=Text("逾期未完成的目标", "Overdue targets"),
            ),
        )
    return Section(
        title=Text(f"专班目标{total}项，按时完成{held}项",
                   f"Of {total:,} targets of special teams, {held:,} were reached in time"),
        charts=shown,
        tables=(special_teams.teams(account["teams"]),),
        note=Text("目标和完成时间均为虚构。", "Targets and the times they took are invented."),
    )  # fmt: skip


def faults(account: Account) -> Section:
    """Show the faults that struck, and what was seen."""
    rows = [
        {"day": one["day"], "fault": _fault(one), "seen": one["seen"],
         "withstood": Text("是", "yes") if one["withstood"] else Text("否", "no")}
        for one in _faults(account)
    ]  # fmt: skip
    columns = (
        Column("day", Text("日期", "Day")),
        Column("fault", Text("故障", "Fault")),
        Column("seen", Text("所见", "What was seen")),
        Column("withstood", Text("经受住", "Withstood")),
    )
    return Section(
        title=Text("注入的故障", "Faults that struck"),
        tables=(listing("replay-faults", Text("按日期", "By day"), columns, rows),),
    )


def cost(account: Account) -> Section:
    """Show time, memory and disk, day by day."""
    days = account["days"]
    dates = [day["day"] for day in days]
    spent = [round(day["wall"], 1) for day in days]
    shown: tuple[Chart, ...] = ()
    if len(days) > 1:
        shown = (
            charts.lines(
                dates, [charts.Series(Text("用时（秒）", "time (s)"), spent)],
                alternative=Text("折线：每天用时。", "Line: time that each day took."),
                title=Text("每天用时", "Time of each day"),
            ),
        )  # fmt: skip
    total = {name: sum(day["seconds"].get(name, 0) for day in days) for name in STEPS}
    steps = [
        {"step": STEPS[name], "seconds": round(seconds, 1),
         "share": round(100 * seconds / max(sum(total.values()), 1e-9))}
        for name, seconds in total.items()
    ]  # fmt: skip
    peak = max(day["memory_mb"] for day in days)
    return Section(
        title=Text(f"内存最多{peak:,.0f} MB，磁盘{days[-1]['disk_mb']:,.0f} MB",
                   f"At most {peak:,.0f} MB of memory, {days[-1]['disk_mb']:,.0f} MB of disk"),
        charts=shown,
        tables=(listing("replay-steps", Text("各步骤用时", "Time by step"), (
            Column("step", Text("步骤", "Step")),
            *numbers(("seconds", "秒", "Seconds"), ("share", "占比（%）", "Share (%)"))), steps),),
    )  # fmt: skip


def definitions() -> Definitions:
    """Explain the terms of the page."""
    return Definitions(tuple(
        Definition(term, meaning)
        for term, meaning in (
            (Text("丢失的人", "People lost"),
             Text("滞留人员中既未安置、转介也不在等待名单上的，加上推送行中状态不明的。",
                  "Stranded people neither placed, referred nor waiting, and pushed rows without a "
                  "standing, summed over days.")),
            (Text("丢失的记录行", "Rows lost"),
             Text("完整送达的行中，归档库既未收入、也未列入待核区或记为重复的。",
                  "Rows of whole deliveries that the archive neither kept, set aside nor counted "
                  "as repeated.")),
            (Text("加权区间得分", "Interval score"),
             Text("越小越好，各地级市平均。",
                  "Weighted interval score, mean over prefectures; less is better.")),
        )
    ))  # fmt: skip


def _gain(account: Account) -> Text:
    """Say what control changed against none, in a sentence with its interval."""
    rows = {(row["policy"], row["measure"]): row for row in account["policies"]}
    row = rows.get(("without_control", "exported"))
    if row is None or row["low"] is None:
        return Text("其他做法", "Other policies")
    mean, low, high = (round(row[name], 1) for name in ("difference", "low", "high"))
    if low <= 0 <= high:
        return Text("管控与不设管控的输出感染者之差不确定",
                    "Whether control changed exportation is not certain")  # fmt: skip
    return Text(
        f"不设管控，输出感染者平均多{mean:g}人（{low:g}至{high:g}）",
        f"Without control {mean:g} more infections would have been exported ({low:g} to {high:g})",
    )


def _faults(account: Account) -> list[dict[str, Any]]:
    return [{**one, "day": day["day"]} for day in account["days"] for one in day["faults"]]


def _fault(one: Mapping[str, Any]) -> Text:
    return FAULTS.get(str(one["fault"]), Text(str(one["fault"]), str(one["fault"])))


def _days(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: "" if row[name] is None else round(float(row[name]), 1) for name in names}


def _round(value: Any, digits: int = 1) -> Any:
    return "" if value is None else round(float(value), digits)


def _percent(value: Any) -> Any:
    return "" if value is None else round(100 * float(value), 1)
