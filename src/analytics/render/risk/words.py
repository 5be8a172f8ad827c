"""Words of the risk report: grades, sets of grades and the reasons that left them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd

from analytics.render.blocks import Category, Text
from analytics.render.colours import GRADES
from analytics.render.numbers import number

_MEDIUM_HIGH = Category(
    "medium|high",
    Text("中或高（未定）", "Medium or high (undetermined)"),
    Text("中高", "M–H"),
    "#6f5f50",
    hatched=True,
)
CATEGORIES: tuple[Category, ...] = (
    *GRADES[:4],
    *(() if any(c.key == _MEDIUM_HIGH.key for c in GRADES) else (_MEDIUM_HIGH,)),
    *GRADES[4:],
)
# where the set is open, stripes in slate: the darker, the heavier the likeliest grade
_SLATES = ("#8b97a3", "#6b7681", "#3b4650")
LIKELIEST: tuple[Category, ...] = tuple(
    Category(
        f"{one.key}?",
        Text(f"未定，{one.label.zh}可能最大", f"Undetermined, {one.label.en.lower()} likeliest"),
        Text(f"{letter.zh}?", f"{letter.en}?"),
        slate,
        hatched=True,
    )
    for one, slate in zip(GRADES[:3], _SLATES, strict=True)
    if isinstance(letter := one.letter, Text)
)
LABELS = {category.key: category.label for category in CATEGORIES}
DAY_BEFORE = (Text("前一日", "a day before"), Text("一日内", "in a day"))
WEEK_BEFORE = (Text("上周同日", "a week before"), Text("一周内", "in a week"))
UNIT = {
    "county": (Text("个县（市、区）", "county"), "counties"),
    "urban_area": (Text("个分级单元", "graded unit"), "graded units"),
}


def name(row: Any) -> Text:
    """Name of a row's area in both languages."""
    return Text(str(row.name_zh), str(row.name_en))


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows to read by attribute; the column ``name`` becomes ``name_zh``."""
    return iter(table.rename(columns={"name": "name_zh"}).itertuples(index=False))


def places(areas: pd.DataFrame) -> dict[str, Text]:
    """Names of all counties and prefectures by code."""
    names = {str(row.adcode): name(row) for row in rows(areas)}
    for row in rows(areas.drop_duplicates("prefecture")):
        names[str(row.prefecture)] = Text(row.prefecture_name, row.prefecture_name_en)
    return names


def span(lower: Any, upper: Any) -> Text:
    """Write a range of counts: 12, 0–12, at least 3, unknown."""
    low = number(0 if pd.isna(lower) else lower)
    if pd.isna(upper):
        none = low.en == "0"
        return Text("未知", "unknown") if none else Text(f"不少于{low.zh}", f"at least {low.en}")
    high = number(upper)
    return high if low == high else Text(f"{low.zh}–{high.zh}", f"{low.en}–{high.en}")


def reason(row: Any, window_days: int, cutoff: int) -> Text:
    """Say why a unit has the grades it has, with the numbers."""
    new, total = (
        span(row.new_lower, row.new_upper),
        span(row.cumulative_lower, row.cumulative_upper),
    )
    where = Text("所在市州", "its prefecture")
    if row.basis in {"own", "whole_prefecture"}:
        where = Text("本地", "the unit")
    around = span(row.prefecture_new_lower, row.prefecture_new_upper)
    most = number(row.cumulative_upper)
    texts = {
        "no_counts": Text("所在市州未公布数据。", "Nothing is published for its prefecture."),
        "no_case": Text("无确诊病例。", "No confirmed case."),
        "no_new_case": Text(
            f"{where.zh}{window_days}天内无新增。",
            f"No new case in {where.en} in {window_days} days.",
        ),
        "county_unknown": Text(
            f"所在市州{window_days}天内新增{around.zh}例，未公布属于哪些县。",
            f"Its prefecture had {around.en} new in {window_days} days; in which county is not "
            "published.",
        ),
        "few_in_prefecture": Text(
            f"所在市州{window_days}天内新增{around.zh}例，县别未公布；累计至多{most.zh}例，"
            "不可能为高风险。",
            f"Its prefecture had {around.en} new in {window_days} days, county not published; "
            f"at most {most.en} cumulative, so high is impossible.",
        ),
        "new_unknown": Text(
            f"{window_days}天内是否有新增无法确定。",
            f"Whether there was a new case in {window_days} days is unknown.",
        ),
        "own_rule": Text("按本研究设定的规则。", "By the study's own rule."),
        "few_cases": Text(
            f"{window_days}天内新增{new.zh}例，累计{total.zh}例，未超过{cutoff}例。",
            f"{new.en} new in {window_days} days, {total.en} cumulative: not above {cutoff}.",
        ),
        "no_cluster": Text(
            f"{window_days}天内新增{new.zh}例，累计{total.zh}例，无聚集性疫情。",
            f"{new.en} new in {window_days} days, {total.en} cumulative, no cluster outbreak.",
        ),
        "cluster": Text(
            f"{window_days}天内新增{new.zh}例，累计{total.zh}例，有聚集性疫情。",
            f"{new.en} new in {window_days} days, {total.en} cumulative, a cluster outbreak.",
        ),
        "cluster_unknown": Text(
            f"{window_days}天内新增{new.zh}例，累计{total.zh}例；聚集性疫情未公布。",
            f"{new.en} new in {window_days} days, {total.en} cumulative; cluster outbreaks are "
            "not published.",
        ),
    }
    text, more = texts[row.reason], doubts(row)
    return Text(text.zh + more.zh, f"{text.en[:1].upper()}{text.en[1:]} {more.en}".strip())


def doubts(row: Any) -> Text:
    """Say what makes the new cases of the window doubtful, if it mattered."""
    if row.reason in {"no_case", "few_cases"} or not row.doubts:
        return Text("", "")
    words = {
        "missing_days": Text(
            f"窗口内{number(row.missing_days).zh}天未公布",
            f"{number(row.missing_days).en} days unpublished",
        ),
        "retraction": Text(
            f"窗口内核减{number(row.retracted).zh}例", f"{number(row.retracted).en} cases retracted"
        ),
        "definition_change": Text(
            f"定义变更计入{number(row.redefined).zh}例",
            f"{number(row.redefined).en} added by a change of definition",
        ),
    }
    parts = [words[doubt] for doubt in row.doubts.split("+")]
    return Text(
        f"（{'，'.join(p.zh for p in parts)}）",
        f"({', '.join(p.en for p in parts)} in the window.)",
    )


def on(totals: pd.DataFrame, when: date) -> pd.Series | None:
    """Row of a day, if there is one."""
    found = totals[totals["date"] == pd.Timestamp(when)]
    return None if found.empty else found.iloc[0]


def partly(totals: pd.DataFrame, when: date) -> Text | None:
    """Say how many of the prefectures published a day, unless all of them or none did."""
    row = on(totals, when)
    if row is None or row["published"] in {0, row["areas"]}:
        return None
    some, every = number(row["published"]), number(row["areas"])
    return Text(
        f"{every.zh}个市州中{some.zh}个已公布", f"{some.en} of {every.en} prefectures published"
    )


def spanned(totals: pd.DataFrame, when: date) -> Text | None:
    """Say of how many days a day's new cases are, where not of that day alone."""
    row = on(totals, when)
    if row is None or row["published"] == 0 or row["days"] == 1:
        return None
    days = number(row["days"])
    return Text(f"最多为{days.zh}天合计", f"added up over as many as {days.en} days")


def comparable(totals: pd.DataFrame, when: date, then: date) -> bool:
    """Whether the new cases of two days are of one day each, and of as many areas."""
    now, before = on(totals, when), on(totals, then)
    if now is None or before is None or now["published"] != before["published"]:
        return False
    return bool(now["days"] == 1 and before["days"] == 1)


def at(totals: pd.DataFrame, when: date, column: str) -> Any:
    """Figure of a day; missing where it was not published."""
    row = on(totals, when)
    return pd.NA if row is None or row["published"] == 0 else row[column]
