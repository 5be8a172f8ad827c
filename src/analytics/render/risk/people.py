"""
Screening, cases by age and severity, beds and tests: shown where a study has their tables.

Tables
------
Counts of persons come here released: a count that may not be shown is empty.

SCREENING_TOTALS
    category (see ``CATEGORIES``), persons, day_before [persons].
CASES_BY_AGE
    age_group (text, in order), then one column of persons per severity or sex, named as in
    ``GROUPS``.
BEDS
    ward (general, intensive), beds, occupied.
TESTS
    date, tested, positive [persons].
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import number, percent
from analytics.render.risk.words import rows

SUPPRESSED = Missing(
    Text("人数过少，为保护个人不予公布", "not shown: so few persons could be recognised")
)
CATEGORIES = {
    "confirmed": Text("确诊患者", "Confirmed"),
    "suspected": Text("疑似患者", "Suspected"),
    "fever": Text("不能排除感染的发热患者", "Fever, infection not excluded"),
    "close_contact": Text("密切接触者", "Close contacts"),
    "asymptomatic": Text("无症状感染者", "Asymptomatic"),
    "recovered": Text("治愈", "Recovered"),
    "dead": Text("死亡", "Dead"),
}
GROUPS = {
    "female": Text("女", "Female"),
    "male": Text("男", "Male"),
    "mild": Text("轻型", "Mild"),
    "ordinary": Text("普通型", "Moderate"),
    "severe": Text("重型", "Severe"),
    "critical": Text("危重型", "Critical"),
}
WARDS = {
    "general": Text("普通床位", "General beds"),
    "intensive": Text("重症床位", "Intensive care"),
}


def people(
    screening: pd.DataFrame | None = None,
    by_age: pd.DataFrame | None = None,
    beds: pd.DataFrame | None = None,
    tests: pd.DataFrame | None = None,
) -> Section | None:
    """
    Show what is known of persons, as far as tables of it are handed in.

    Parameters
    ----------
    screening : SCREENING_TOTALS table, optional
    by_age : CASES_BY_AGE table, optional
    beds : BEDS table, optional
    tests : TESTS table, optional

    Returns
    -------
    Section or None
        None where there is no table at all: the page then says nothing.
    """
    tables = [
        table
        for table in (
            None if screening is None else _screening(screening),
            None if by_age is None else _by_age(by_age),
            None if beds is None else _beds(beds),
            None if tests is None else _tests(tests),
        )
        if table is not None
    ]
    if not tables:
        return None
    return Section(
        title=_finding(screening, beds),
        tables=tuple(tables),
        note=Text(
            "人数经披露控制后公布；“—”为不予公布或未知，不是零。",
            "Counts of persons are shown after disclosure control; “—” is not shown or not known, "
            "never zero.",
        ),
    )


def _finding(screening: pd.DataFrame | None, beds: pd.DataFrame | None) -> Text:
    """Say the most pressing of it in a sentence."""
    if screening is not None:
        four = screening[screening["category"].isin(list(CATEGORIES)[:4])]
        if four["persons"].notna().all():
            total = number(four["persons"].sum())
            return Text(f"四类人员共{total.zh}人", f"{total.en} persons of the four types")
    if beds is not None and beds[["beds", "occupied"]].notna().all(axis=None):
        share = percent(float(beds["occupied"].sum()) / max(float(beds["beds"].sum()), 1), 0)
        return Text(f"床位使用率{share.zh}", f"{share.en} of beds are occupied")
    return Text("人员筛查、病例构成与救治", "Screening, cases and care")


def _count(value: Any) -> int | Missing:
    return SUPPRESSED if pd.isna(value) else int(value)


def _screening(screening: pd.DataFrame) -> Table:
    entries = [
        {
            "category": CATEGORIES[row.category],
            "persons": _count(row.persons),
            "change": _count(row.persons - row.day_before),
        }
        for row in rows(screening)
    ]
    return Table(
        caption=Text("筛查分类", "Screening"),
        columns=(
            Column("category", Text("类别", "Category")),
            Column("persons", Text("人数", "Persons"), "number"),
            Column("change", Text("较前一日", "On day before"), "number"),
        ),
        rows=tuple(entries),
        name="screening",
    )


def _by_age(by_age: pd.DataFrame) -> Table:
    groups = [column for column in GROUPS if column in by_age]
    entries = [
        {
            "age_group": str(row.age_group),
            **{group: _count(getattr(row, group)) for group in groups},
        }
        for row in rows(by_age)
    ]
    return Table(
        caption=Text("确诊病例的年龄与构成", "Confirmed cases by age"),
        columns=(
            Column("age_group", Text("年龄", "Age")),
            *(Column(group, GROUPS[group], "number") for group in groups),
        ),
        rows=tuple(entries),
        name="cases-by-age",
    )


def _beds(beds: pd.DataFrame) -> Table:
    entries = [
        {
            "ward": WARDS[row.ward],
            "beds": _count(row.beds),
            "occupied": _count(row.occupied),
            "share": SUPPRESSED
            if pd.isna(row.occupied) or pd.isna(row.beds) or not row.beds
            else percent(float(row.occupied) / float(row.beds), 0),
        }
        for row in rows(beds)
    ]
    return Table(
        caption=Text("床位", "Beds"),
        columns=(
            Column("ward", Text("病区", "Ward")),
            Column("beds", Text("床位", "Beds"), "number"),
            Column("occupied", Text("已用", "Occupied"), "number"),
            Column("share", Text("使用率", "Share"), "number"),
        ),
        rows=tuple(entries),
        name="beds",
    )


def _tests(tests: pd.DataFrame) -> Table:
    entries = [
        {
            "date": pd.Timestamp(row.date).date().isoformat(),
            "tested": _count(row.tested),
            "positive": _count(row.positive),
            "share": SUPPRESSED
            if pd.isna(row.positive) or pd.isna(row.tested) or not row.tested
            else percent(float(row.positive) / float(row.tested)),
        }
        for row in rows(tests.sort_values("date", ascending=False))
    ]
    return Table(
        caption=Text("核酸检测", "Tests"),
        columns=(
            Column("date", Text("日期", "Date"), "date"),
            Column("tested", Text("检测人数", "Tested"), "number"),
            Column("positive", Text("阳性", "Positive"), "number"),
            Column("share", Text("阳性率", "Share positive"), "number"),
        ),
        rows=tuple(entries),
        name="tests",
        collapsed=True,
    )
