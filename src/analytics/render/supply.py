"""Blocks of the data-quality report: what each department owed, what came, and how good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from analytics import tables
from analytics.render import charts
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
    Section,
    Supplies,
    Table,
    Text,
)
from analytics.render.numbers import counted, day, listed, number, percent
from analytics.render.tabular import listing
from analytics.study import Study

DEPARTMENTS = {
    "published": Text("公开通报", "published notices"),
    "public_security": Text("公安", "public security"),
    "health": Text("卫生健康", "health"),
    "communications": Text("通信", "communications"),
    "government_affairs": Text("政务服务", "government affairs"),
    "command": Text("指挥部", "the command"),
    "field": Text("现场核查", "field teams"),
}
NODE = Text("个时间节点", "time node")
ROW = Text("行", "row")
TREND_DAYS = 14
NAMES_AT_MOST = 5


def masthead(study: Study, as_of: date) -> Masthead:
    """Head the page."""
    return Masthead(
        title=Text("数据汇集与质量", "Data delivery and quality"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
    )


def lead(departments: pd.DataFrame, owed: pd.DataFrame) -> Lead:
    """Say how many of the deliveries due have come and who owes the most."""
    due, missing = int(departments["due"].sum()), int(owed["time_nodes"].sum())
    if due == 0:
        return Lead(Text("尚无到期的时间节点。", "No time node has fallen due yet."))
    came = due - missing
    first = Text(
        f"{due}个到期时间节点中，{came}个已有合格数据到达",
        f"Of {counted(due, NODE, 'time nodes').en} due, {came:,} have been met by a sound delivery",
    )
    if missing == 0:
        return Lead(Text(f"{first.zh}，无欠报。", f"{first.en}; nothing is owed."))
    by_department = owed.groupby("department")["time_nodes"].sum().sort_values(ascending=False)
    most = DEPARTMENTS[str(by_department.index[0])]
    share = int(by_department.iloc[0])
    return Lead(
        Text(
            f"{first.zh}，欠报{missing}个，其中{most.zh}部门{share}个，请督促补报。",
            f"{first.en}; {missing:,} are owed, {share:,} of them by {most.en}, which needs "
            "reminding.",
        )
    )


def headlines(departments: pd.DataFrame, by_day: pd.DataFrame, as_of: date) -> Headlines:
    """
    Give the headline figures: met on time today, owed, rows accepted and set aside.

    Parameters
    ----------
    departments : pandas.DataFrame
        Ledger summed up by department.
    by_day : pandas.DataFrame
        Time nodes by day, as of punctuality.
    as_of : date
        Day of the report.
    """
    shares_on = dict(zip(by_day["date"], by_day["on_time"] / by_day["due"], strict=True))
    today = shares_on.get(as_of)
    trend = by_day.tail(TREND_DAYS)
    shares = (trend["on_time"] / trend["due"]).round(4)
    due, on_time = int(departments["due"].sum()), int(departments["on_time"].sum())
    owed = int(departments["missing"].sum() + departments["refused"].sum())
    accepted = int(departments["accepted"].sum())
    aside = int(departments["quarantined"].sum())
    came = accepted + aside + int(departments["duplicates"].sum())
    of_due = Text(f"共{due}个到期时间节点", f"of {due:,} time nodes due")
    of_rows = Text(f"共到达{came}行", f"of {came:,} rows that came")
    nothing = NOTHING
    return Headlines(
        (
            Headline(
                label=Text("当日按时率", "On time today"),
                value=Text("—", "—") if today is None else percent(today),
                day_change=_points(
                    today, shares_on.get(as_of - timedelta(days=1)), "前一日", "the day before"
                ),
                week_change=_points(
                    today,
                    shares_on.get(as_of - timedelta(days=7)),
                    "上周同日",
                    "the same day a week before",
                ),
                denominator=Text("当日到期的时间节点", "time nodes due on the day"),
                trend=tuple(float(share) for share in shares),
                trend_summary=Text("近两周按时率", "share on time in the last two weeks"),
            ),
            Headline(Text("累计按时", "On time so far"), number(on_time), nothing, nothing, of_due),
            Headline(Text("欠报", "Owed"), number(owed), nothing, nothing, of_due),
            Headline(
                Text("入库行数", "Rows accepted"), number(accepted), nothing, nothing, of_rows
            ),
            Headline(
                Text("待核区行数", "Rows in quarantine"), number(aside), nothing, nothing, of_rows
            ),
        )
    )


def decisions(owed: pd.DataFrame) -> Decisions:
    """Name the feeds that each department must still deliver."""
    items = []
    for department, rows in owed.groupby("department", sort=False):
        feeds = [feed_name(feed) for feed in rows["feed"]]
        named = listed(feeds[:NAMES_AT_MOST])
        more = len(feeds) - NAMES_AT_MOST
        items.append(
            Decision(
                what=Text(
                    f"补报：{named.zh}" + (f"等{len(feeds)}类" if more > 0 else ""),
                    f"Deliver {named.en}" + (f" and {more} more feeds" if more > 0 else ""),
                ),
                who=DEPARTMENTS[str(department)],
                due=Text(
                    f"已逾期，最长{rows['overdue'].max():.0f}天",
                    f"overdue by up to {rows['overdue'].max():.0f} d",
                ),
            )
        )
    return Decisions(tuple(items))


def timeliness(by_day: pd.DataFrame, departments: pd.DataFrame) -> Section:
    """Show how time nodes were met, by day and by department."""
    due, on_time = int(departments["due"].sum()), int(departments["on_time"].sum())
    title = (
        Text("尚无到期的时间节点", "No time node has fallen due yet")
        if due == 0
        else Text(
            f"时间节点按时率{percent(on_time / due).zh}",
            f"{percent(on_time / due).en} of time nodes met on time",
        )
    )
    shown = []
    if len(by_day) > 1:
        shares = charts.Series(
            Text("按时率（%）", "on time (%)"),
            [round(100 * share, 1) for share in by_day["on_time"] / by_day["due"]],
        )
        shown.append(
            charts.lines(
                [d.isoformat() for d in by_day["date"]],
                [shares],
                alternative=Text(
                    "折线：每日到期的时间节点中按时到达的百分比。",
                    "Line: of the time nodes due each day, the percentage met on time.",
                ),
                title=Text("每日按时率", "Share met on time, by day"),
            )
        )
    return Section(
        title=title,
        charts=tuple(shown),
        tables=(_table("timeliness", departments, _BY_DEPARTMENT),),
    )


def owed(rows: pd.DataFrame) -> Section:
    """List what is owed."""
    missing = int(rows["time_nodes"].sum())
    title = (
        Text(f"欠报{missing}个时间节点的数据", f"{counted(missing, NODE, 'time nodes').en} not met")
        if missing
        else Text("无欠报", "Nothing is owed")
    )
    return Section(title=title, tables=(_table("owed", rows, _OWED),))


def quality(feeds: pd.DataFrame, reasons: pd.DataFrame) -> Section:
    """Show what was set aside and why, and how complete each feed is."""
    rows, files = int(feeds["quarantined"].sum()), int(reasons["files"].sum())
    title = Text(
        f"{rows}行、{files}个文件列入待核区，其余全部入库",
        f"{counted(rows, ROW, 'rows').en} and {files:,} whole files set aside; all others accepted",
    )
    return Section(
        title=title,
        tables=(_table("quarantine", reasons, _REASONS), _table("feeds", feeds, _BY_FEED)),
        note=Text(
            "一行可有多个问题，分别计数。待核区的行未丢失，更正后可重新报送。",
            "A row with several faults counts for each. Nothing set aside is lost: corrected, it "
            "can "
            "be delivered again.",
        ),
    )


def supplies(departments: pd.DataFrame) -> Supplies:
    """State when each department last delivered."""
    return Supplies(_table("last_deliveries", departments, _LAST))


def definitions() -> Definitions:
    """Explain the terms of the page."""
    return Definitions(
        (
            Definition(
                Text("时间节点", "Time node"),
                Text(
                    "研究配置中约定的报送时限：哪个部门、哪类数据、何时之前。",
                    "A deadline agreed in the study's settings: which department, which feed, by "
                    "when.",
                ),
            ),
            Definition(
                Text("按时、迟报、漏报", "On time, late, missing"),
                Text(
                    "以首个合格文件到达时间为准；只到达无法读取的文件，计为拒收。",
                    "By the arrival of the first sound file; where only unreadable files came, "
                    "the node "
                    "counts as refused.",
                ),
            ),
            Definition(
                Text("完整率", "Completeness"),
                Text(
                    "入库行数除以约定行数；未约定行数的不计。",
                    "Rows accepted over the rows agreed on; feeds without an agreed volume are "
                    "left out.",
                ),
            ),
            Definition(
                Text("待核区", "Quarantine"),
                Text(
                    "不符合数据契约的行或文件单独存放并注明原因；到达行数＝入库＋待核＋重复。",
                    "Rows or files that break their contract are kept apart with the reason; "
                    "rows that "
                    "came = accepted + quarantined + duplicates.",
                ),
            ),
        )
    )


def feed_name(feed: str) -> Text:
    """Name of a feed in both languages."""
    contract = tables.contract(feed)
    return Text(contract.label, feed.replace("_", " "))


def _points(now: float | None, before: float | None, zh: str, en: str) -> Text:
    if now is None or before is None:
        return Text(f"较{zh}：无法比较", f"no comparison with {en}")
    step = round(100 * (now - before), 1)
    if step == 0:
        return Text(f"与{zh}持平（0）", f"same as {en} (0)")
    sign, size = ("+" if step > 0 else "−"), f"{abs(step):g}"
    return Text(
        f"较{zh}{'上升' if step > 0 else '下降'}{size}个百分点（{sign}{size}）",
        f"{size} percentage points {'above' if step > 0 else 'below'} {en} ({sign}{size})",
    )


Reader = Callable[[Any], Any]


def _moment(value: Any) -> Any:
    if pd.isna(value):
        return None
    when = pd.Timestamp(value).tz_convert("Asia/Shanghai")
    on = day(when.date(), year=False)
    return Text(f"{on.zh} {when:%H:%M}", f"{on.en} {when:%H:%M}")


def _whole(value: Any) -> Any:
    return None if pd.isna(value) else int(value)


def _percentage(value: Any) -> Any:
    return None if pd.isna(value) else round(100 * float(value), 1)


def _date(value: Any) -> Any:
    return None if pd.isna(value) else pd.Timestamp(value).date().isoformat()


def _department(value: Any) -> Any:
    return DEPARTMENTS[str(value)]


Layout = tuple[Text, tuple[tuple[Column, Reader], ...], Text]
_WHO = (Column("department", Text("部门", "Department")), _department)
_WHICH = (Column("feed", Text("数据", "Feed")), feed_name)


def _count(key: str, zh: str, en: str) -> tuple[Column, Reader]:
    return Column(key, Text(zh, en), "number"), _whole


def _rate(key: str, zh: str, en: str) -> tuple[Column, Reader]:
    return Column(key, Text(zh, en), "number"), _percentage


_COMPLETENESS = _rate("completeness", "完整率（%）", "Complete (%)")
_BY_DEPARTMENT: Layout = (
    Text("各部门时间节点", "Time nodes by department"),
    (
        _WHO,
        _count("due", "到期", "Due"),
        _count("on_time", "按时", "On time"),
        _count("late", "迟报", "Late"),
        _count("missing", "漏报", "Missing"),
        _count("refused", "拒收", "Refused"),
        _rate("punctuality", "按时率（%）", "On time (%)"),
    ),
    NOTHING,
)
_OWED: Layout = (
    Text("欠报的数据", "What is owed"),
    (
        _WHO,
        _WHICH,
        _count("time_nodes", "时间节点", "Time nodes"),
        (Column("first_date", Text("自", "From"), "date"), _date),
        (Column("last_date", Text("至", "To"), "date"), _date),
        _count("overdue", "逾期（天）", "Overdue (d)"),
        _count("unreadable", "无法读取的文件", "Unreadable files"),
    ),
    NOTHING,
)
_REASONS: Layout = (
    Text("待核原因", "Why rows and files were set aside"),
    (
        _WHO,
        _WHICH,
        (Column("reason", Text("列与原因", "Column and reason")), str),
        _count("rows", "行", "Rows"),
        _count("files", "文件", "Files"),
    ),
    NOTHING,
)
_BY_FEED: Layout = (
    Text("各类数据", "By feed"),
    (
        _WHICH,
        _WHO,
        _count("accepted", "入库", "Accepted"),
        _count("quarantined", "待核", "Quarantined"),
        _count("duplicates", "重复", "Duplicates"),
        _rate("quarantine_share", "待核率（%）", "Quarantined (%)"),
        _COMPLETENESS,
    ),
    NOTHING,
)
_LAST: Layout = (
    Text("最近一次到达", "Last delivery"),
    (
        _WHO,
        (Column("last_delivered", Text("最近到达", "Last came")), _moment),
        _count("accepted", "入库行数", "Rows accepted"),
        _count("superseded", "被更正替代的文件", "Files replaced by corrections"),
        _COMPLETENESS,
    ),
    NOTHING,
)


def _table(name: str, rows: pd.DataFrame, layout: Layout) -> Table:
    caption, columns, note = layout
    return listing(
        f"data-quality-{name.replace('_', '-')}",
        caption,
        [column for column, _ in columns],
        [{column.key: read(row[column.key]) for column, read in columns}
         for row in rows.to_dict("records")],
        note,
    )  # fmt: skip
