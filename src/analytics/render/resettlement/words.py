"""Words of the resettlement report, and how its tables are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analytics.analysis.resettlement import Shown
from analytics.render import tabular
from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import number
from analytics.render.tabular import HIDDEN

TOTAL = Text("合计", "Total")
GROUPS = {
    "migrant_worker": Text("务工人员", "Migrant workers"),
    "university_student": Text("大学生", "University students"),
    "tourist": Text("旅客", "Tourists"),
    "hong_kong_macao_taiwan": Text("港澳台同胞", "Hong Kong, Macao and Taiwan"),
    "foreigner": Text("外国人", "Foreigners"),
    "unknown": Text("类别待核", "Group not yet known"),
    "total": TOTAL,
    "": TOTAL,
}
ROOM_TYPES = {
    "male": Text("男床位", "Beds, men"),
    "female": Text("女床位", "Beds, women"),
    "family": Text("家庭房", "Family rooms"),
    "isolation_single": Text("隔离单间", "Single rooms"),
    "total": TOTAL,
}
MANY = 10
"""Persons from which on a county is told to be short, and a count of people is shown."""
STATUSES = {
    "placed": Text("已安置", "Placed"),
    "referred": Text("已转介", "Referred"),
    "waiting": Text("等候", "Waiting"),
    "served": Text("已落实", "Served"),
    "pending": Text("待落实", "Pending"),
    "total": TOTAL,
}
NEEDS = {
    "halal": Text("清真饮食", "Halal food"),
    "language": Text("语言", "Language"),
    "infant": Text("婴幼儿", "Infant"),
    "wheelchair": Text("无障碍", "Step-free access"),
    "medicine": Text("慢性病用药", "Chronic medicine"),
    "permit": Text("证件到期", "Visa or permit"),
    "money": Text("资金", "Money"),
    "contact_home": Text("联系家人", "Contact with home"),
    "total": TOTAL,
}
MEASURES = {
    "relief_money": Text("临时救助金", "Relief money"),
    "lodging": Text("住宿", "Lodging"),
    "food": Text("饮食", "Food"),
    "medical": Text("医疗", "Medical care"),
    "medicine": Text("药品", "Medicine"),
    "job": Text("就业", "Work"),
    "wages": Text("工资", "Wages"),
    "tuition": Text("学业", "Studies"),
    "visa": Text("签证与停居留", "Visa or permit"),
    "contact_home": Text("联系家人", "Contact with home"),
    "travel": Text("出行", "Travel"),
    "total": TOTAL,
}
REASONS = {
    "no site meets the needs": Text("无安置点满足需求", "No site meets the needs"),
    "no site that meets the needs is large enough": Text(
        "满足需求的安置点均无此房型", "No site that meets the needs has such rooms"
    ),
    "rooms full where the needs are met": Text(
        "满足需求的安置点房间已满", "Rooms are full where the needs are met"
    ),
    "staff or floor full where the needs are met": Text(
        "人手或面积不足", "Too few staff or too little floor"
    ),
    "placing costs more than it may": Text("路途过远", "Too far"),
    "private": Text("自有住处，社区走访", "Lodges privately: the community visits"),
    "unregistered": Text("尚未登记，待上门核实", "Not registered: to be visited"),
    "asked": Text("已申请，待安排", "Asked for a bed"),
    "street": Text("露宿", "Sleeps outside"),
    "total": TOTAL,
}
TOPICS = {
    "complaint": Text("投诉", "Complaints"),
    "code": Text("健康码更正", "Health code corrections"),
    "stranded": Text("滞留", "Stranded"),
    "lodging": Text("住宿", "Lodging"),
    "food": Text("饮食", "Food"),
    "medicine": Text("药品", "Medicine"),
    "travel": Text("出行", "Travel"),
    "money": Text("资金", "Money"),
    "other": Text("其他", "Other"),
}


def names(places: pd.DataFrame) -> dict[str, Text]:
    """Names of counties and prefectures by code."""
    named = {
        str(row.region): Text(str(row.name_zh), str(row.name_en))
        for row in places.rename(columns={"name": "name_zh"}).itertuples(index=False)
    }
    return {**named, "total": TOTAL}


def cell(row: Mapping[Any, Any], key: str = "persons") -> int | Missing:
    """Count of a released row, or that it is hidden."""
    return HIDDEN if row["hidden"] or pd.isna(row[key]) else int(row[key])


def few(value: Any) -> int | Missing:
    """Count that was not released, as far as it may be shown: nought, or `MANY` and more."""
    if 0 < int(value) < MANY:
        return Missing(Text(f"少于{MANY}，为保护个人不予列示",
                            f"below {MANY}: not shown, to protect them"))  # fmt: skip
    return int(value)


def total_of(released: pd.DataFrame, dimension: str, label: str) -> Text:
    """Count of one label over all others, as far as it may be shown."""
    other = next(c for c in ("group", "region", "measure") if c in released)
    row = released[(released[dimension] == label) & (released[other] == "total")]
    value = cell(row.iloc[0].to_dict()) if len(row) else 0
    return number(value) if isinstance(value, int) else Text("若干", "some")


def anyone(shown: Shown) -> bool:
    """Whether anybody is known, as far as may be said."""
    return total_of(shown.status, "status", "total") != number(0)


def undelivered(zh: str, en: str) -> Section:
    """Say that nothing was delivered of what a section tells: no data is not none."""
    return Section(title=Text(f"{zh}：无数据", f"{en}: no data"))


def cross(  # noqa: PLR0913 (a table, its two dimensions, and their words)
    released: pd.DataFrame, rows: str, columns: str, row_names: Mapping[str, Text],
    column_names: Mapping[str, Text], head: Text, caption: Text, name: str,
    *, order: Iterable[str] | None = None,
) -> Table:  # fmt: skip
    """
    Lay a released table of two dimensions out: one column for each label of the second.

    Parameters
    ----------
    released : pandas.DataFrame
        Both dimensions, ``persons`` and ``hidden``, margins ("total") among the rows.
    rows, columns : str
        The two dimensions.
    row_names, column_names : mapping of str to Text
        Words of their labels; columns come in this order, as far as they are in the table.
    head : Text
        Over the first column.
    caption : Text
    name : str
        Of the table in the page's workbook, without ``resettlement-``.
    order : iterable of str, optional
        Labels of the rows in order; those of `row_names` without.

    Returns
    -------
    Table
        Rows whose total is known to be nought are left out.
    """
    shown = [label for label in column_names if label in set(released[columns])]
    at = {(str(r[rows]), str(r[columns])): cell(r) for r in released.to_dict("records")}
    labels = list(order) if order is not None else [
        label for label in row_names if label in set(released[rows].astype("str"))
    ]  # fmt: skip
    kept = [label for label in labels if label == "total" or at.get((label, "total")) != 0]
    return Table(
        caption=caption,
        columns=(
            Column("row", head),
            *(Column(label, column_names[label], "number") for label in shown),
        ),
        rows=tuple(
            {"code": label, "row": row_names.get(label, Text(label, label)),
             **{column: at.get((label, column), 0) for column in shown}}
            for label in kept
        ),
        name=f"resettlement-{name}",
        collapsed=len(kept) > tabular.LONG,
    )  # fmt: skip
