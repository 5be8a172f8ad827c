"""
Cases by age and severity, beds and tests: shown where a study has their tables.

Tables
------
Counts of persons come here released: a count that may not be shown is empty.

CASES_BY_AGE
    age_group (text, in order), then one column of persons per severity or sex, named as in
    ``GROUPS``.
BEDS
    ward (general, intensive), beds, occupied.
TESTS
    date (or first and last of several), tested, positive [persons].
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import percent
from analytics.render.risk.words import rows

SUPPRESSED = Missing(
    Text("人数过少，为保护个人不予公布", "not shown: so few persons could be recognised")
)
GROUPS = {
    "female": Text("女", "Female"),
    "male": Text("男", "Male"),
    "mild": Text("轻型", "Mild"),
    "ordinary": Text("普通型", "Moderate"),
    "severe": Text("重型", "Severe"),
    "critical": Text("危重型", "Critical"),
}
UNKNOWN = Text("不详", "not known")
WARDS = {
    "general": Text("普通床位", "General beds"),
    "intensive": Text("重症床位", "Intensive care"),
}


def people(
    by_age: pd.DataFrame | None = None,
    beds: pd.DataFrame | None = None,
    tests: pd.DataFrame | None = None,
) -> Section | None:
    """
    Show what is known of persons, as far as tables of it are handed in.

    Parameters
    ----------
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
            None if by_age is None else _by_age(by_age),
            None if beds is None else _beds(beds),
            None if tests is None else _tests(tests),
        )
        if table is not None
    ]
    if not tables:
        return None
    return Section(
        title=_finding(beds, tests),
        tables=tuple(tables),
        note=Text(
            "人数经披露控制后公布；“—”为不予公布或未知，不是零。",
            "Counts of persons are shown after disclosure control; “—” is not shown or not known, "
            "never zero.",
        ),
    )


def unlinked() -> Section:
    """Say what a page lacks that has no records of persons, and what to ask for."""
    return Section(
        title=Text(
            "未列：病例构成、床位与重症、检测阳性率、四类人员、聚集性疫情",
            "Not shown: severity, beds and intensive care, tests, the four types, clusters",
        ),
        paragraphs=(
            Text(
                "截至当日没有经关联和筛查的逐人记录，公开通报也不含这些内容；未列不等于没有。"
                "卫生健康部门逐日报送病例、检测、密切接触者和床位，经关联和筛查后即可列出。",
                "As of this day there are no linked and screened records of persons, and "
                "published notices do not say it: not shown does not mean none. It can be shown "
                "once health departments deliver cases, tests, contacts and beds day by day, and "
                "these are linked and screened.",
            ),
        ),
    )


def _finding(beds: pd.DataFrame | None, tests: pd.DataFrame | None) -> Text:
    """Say the most pressing of it in a sentence: beds by ward, and how many tests are positive."""
    parts = []
    for row in rows(beds) if beds is not None else ():
        if not (pd.isna(row.beds) or pd.isna(row.occupied)) and row.beds:
            share, ward = percent(float(row.occupied) / float(row.beds), 0), WARDS[row.ward]
            parts.append(
                Text(f"{ward.zh}使用率{share.zh}", f"{ward.en.lower()} {share.en} occupied")
            )
    known = tests.dropna(subset=["tested", "positive"]) if tests is not None else pd.DataFrame()
    if len(known) and known["tested"].sum():
        share = percent(float(known["positive"].sum()) / float(known["tested"].sum()))
        parts.append(Text(f"核酸检测阳性率{share.zh}", f"{share.en} of tests positive"))
    if not parts:
        return Text("病例构成与救治", "Cases and care")
    english = ", ".join(part.en for part in parts)
    return Text("，".join(part.zh for part in parts), english[:1].upper() + english[1:])


def _count(value: Any) -> int | Missing:
    return SUPPRESSED if pd.isna(value) else int(value)


def _by_age(by_age: pd.DataFrame) -> Table:
    groups = [column for column in GROUPS if column in by_age]
    entries = [
        {
            "age_group": UNKNOWN if row.age_group == "unknown" else str(row.age_group),
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
            "date": str(row.date),
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
            Column("date", Text("日期", "Date")),
            Column("tested", Text("检测人数", "Tested"), "number"),
            Column("positive", Text("阳性", "Positive"), "number"),
            Column("share", Text("阳性率", "Share positive"), "number"),
        ),
        rows=tuple(entries),
        name="tests",
        collapsed=len(entries) > 1,
    )
