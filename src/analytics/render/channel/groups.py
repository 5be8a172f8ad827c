"""Whom codes fall on: rates by group, and how many the field found wrong."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analytics.render.blocks import NOTHING, Column, Section, Table, Text
from analytics.render.channel.words import CODES, shown
from analytics.render.numbers import number, percent
from analytics.render.tabular import HIDDEN

_GROUPS = {
    "sex": {
        "female": Text("女", "women"),
        "male": Text("男", "men"),
        "unknown": Text("性别不详", "sex not on record"),
    },
    "age": {
        "0–17": Text("0–17岁", "aged 0–17"),
        "18–59": Text("18–59岁", "aged 18–59"),
        "60+": Text("60岁以上", "aged 60 and over"),
        "unknown": Text("年龄不详", "age not on record"),
    },
    "registered": {
        "here": Text("户籍在本省", "registered in the province"),
        "elsewhere": Text("户籍在外省", "registered elsewhere"),
        "unknown": Text("户籍不详", "place not on record"),
    },
}


def codes_by_group(found: Any) -> Section | None:
    """
    Compare codes between groups of people, and say how many the field found wrong.

    Parameters
    ----------
    found : records.Codes or None

    Returns
    -------
    Section or None
        None where there are no records. What is missing is said to be.
    """
    if found is None:
        return None
    tables = [_by_group(found.groups)] if len(found.groups) else []
    if len(found.wrong):
        tables.append(_found_wrong(found.wrong, found.unsettled))
    known = found.wrong.dropna(subset=["share"]) if len(found.wrong) else found.wrong
    said = [
        Text(
            f"{CODES[row['code']].zh}{percent(row['share']).zh}",
            f"{percent(row['share']).en} of {CODES[row['code']].en} codes",
        )
        for row in known.to_dict("records")
    ]
    title = (
        Text(
            f"核查发现有误：{'、'.join(text.zh for text in said)}",
            f"Found wrong when checked: {', '.join(text.en for text in said)}",
        )
        if said
        else _most_restricted(found.groups)
    )
    return Section(title=title, paragraphs=_lacking(found), tables=tuple(tables))


def _most_restricted(groups: pd.DataFrame) -> Text:
    """Name the group with most yellow and red codes, where one may be told apart."""
    known = groups.dropna(subset=["ratio"]) if len(groups) else groups
    if known.empty:
        return Text("健康码按人群：不便公布", "Codes by group may not be shown")
    row = known.sort_values("ratio").iloc[-1]
    group, times = _GROUPS[row["grouping"]][row["group"]], number(float(row["ratio"]), 1)
    return Text(
        f"黄码、红码最多的人群：{group.zh}，为全体的{times.zh}倍",
        f"Most yellow and red codes: {group.en}, {times.en} times the rate of all",
    )


def _lacking(found: Any) -> tuple[Text, ...]:
    """Say which of the two tables is missing, and why."""
    said = []
    if found.groups.empty:
        said.append(
            Text(
                "人数太少，按人群的比例不便公布。",
                "Too few persons: rates by group may not be shown.",
            )
        )
    if found.wrong.empty:
        said.append(
            Text(
                "尚无上门核查过的码，或数量太少不便公布：错码率不详，不是零。",
                "No code was checked in the field yet, or too few to be shown: how many are "
                "wrong is not known, which is not none.",
            )
        )
    return tuple(said)


def _by_group(groups: pd.DataFrame) -> Table:
    """Show rates of yellow and red codes by group."""
    entries = tuple(
        {
            "group": _GROUPS[row["grouping"]][row["group"]],
            "persons": shown(row["persons"]),
            "restricted": _share(row["restricted_rate"]),
            "red": _share(row["red_rate"]),
            "ratio": shown(row["ratio"], 2),
        }
        for row in groups.to_dict("records")
        if pd.isna(row["persons"]) or row["persons"]
    )
    return Table(
        caption=Text("黄码、红码比例，按人群", "Yellow and red codes by group"),
        columns=(
            Column("group", Text("人群", "Group")),
            Column("persons", Text("持码（人）", "With a code"), "number"),
            Column("restricted", Text("黄码或红码", "Yellow or red"), "number"),
            Column("red", Text("红码", "Red"), "number"),
            Column("ratio", Text("为全体的倍数", "Times that of all"), "number"),
        ),
        rows=entries,
        note=Text(
            "倍数：该人群黄码与红码比例除以比例可示人群的合计比例。比例不同不等于不公："
            "须看规则所依据的接触和旅行。",
            "Times: the group's rate of yellow or red over that of all groups whose rate may "
            "be shown. A difference alone is not unfair: look at what the rules rest on.",
        ),
        name="codes-by-group",
        collapsed=True,
    )  # fmt: skip


def _found_wrong(wrong: pd.DataFrame, unsettled: int | None) -> Table:
    """Show how many codes the field checked, and how many it found wrong."""
    return Table(
        caption=Text("上门核查发现的错码", "Codes the field found wrong"),
        columns=(
            Column("code", Text("健康码", "Code")),
            Column("verified", Text("已核实", "Settled"), "number"),
            Column("wrong", Text("有误", "Wrong"), "number"),
            Column("share", Text("错误率（95%区间）", "Share (95% interval)"), "number"),
        ),
        rows=tuple(
            {
                "code": CODES[row["code"]],
                **{name: shown(row[name]) for name in ("verified", "wrong")},
                "share": _between(row),
            }
            for row in wrong.to_dict("records")
        ),
        note=NOTHING
        if unsettled is None
        else Text(
            f"另有{number(unsettled).zh}个码未能核实。上门核查的是依规则所疑的码，错误率不代表全部的码。",
            f"{number(unsettled).en} more could not be settled. The field is sent where rules ask; "
            "the share does not speak for all codes.",
        ),
        name="codes-found-wrong",
    )  # fmt: skip


def _share(value: Any) -> Any:
    return HIDDEN if pd.isna(value) else percent(float(value))


def _between(row: Any) -> Any:
    if pd.isna(row["share"]):
        return HIDDEN
    share, low, high = (percent(float(row[name])) for name in ("share", "lower", "upper"))
    return Text(f"{share.zh}（{low.zh}–{high.zh}）", f"{share.en} ({low.en}–{high.en})")
