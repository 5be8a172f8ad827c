"""The health-code section: the rules in force, and codes by county where there are records."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.channel.words import CODES, HIDDEN, no_records
from analytics.render.numbers import day, number, percent
from analytics.study import Study

APPEALS = {
    "pending": Text("待决定", "pending"),
    "overdue": Text("逾期未决定", "overdue"),
    "upheld": Text("按时，申诉成立", "upheld in time"),
    "refused": Text("按时，申诉不成立", "refused in time"),
    "upheld_late": Text("逾期后成立", "upheld late"),
    "refused_late": Text("逾期后不成立", "refused late"),
    "total": Text("合计", "All"),
}
_UNKNOWN = Text("登记信息不详", "not in the register")
_GROUPS = {
    "sex": {"female": Text("女", "women"), "male": Text("男", "men"), "unknown": _UNKNOWN},
    "age": {
        "0–17": Text("0–17岁", "aged 0–17"),
        "18–59": Text("18–59岁", "aged 18–59"),
        "60+": Text("60岁以上", "aged 60 and over"),
        "unknown": _UNKNOWN,
    },
    "registered": {
        "here": Text("户籍在本省", "registered in the province"),
        "elsewhere": Text("户籍在外省", "registered elsewhere"),
        "unknown": _UNKNOWN,
    },
}


def code_rules(rules: Any, as_of: date) -> Section:
    """
    List the rules of the code, in the order they are tried, each with its source.

    Parameters
    ----------
    rules : health_code.Rules
    as_of : date
    """
    force = rules.in_force(as_of)
    first = day(min(rule.first for rule in rules.rule))
    verified = sum(rule.verified for rule in force)
    title = (
        Text(
            f"健康码规则{len(force)}条在用，其中{verified}条有官方或新闻来源",
            f"{len(force)} rules of the health code are in force, {verified} with a source "
            "in print",
        )
        if force
        else Text(
            f"健康码规则尚未生效（首条自{first.zh}起）",
            f"No rule of the health code is in force yet (the first from {first.en})",
        )
    )
    entries = tuple(
        {
            "code": CODES[str(rule.code)],
            "because": Text(rule.because.zh, rule.because.en),
            "days": Text(f"{rule.days}天", f"{rule.days} days")
            if rule.days
            else Text("至记录解除", "until the record ends"),
            "todo": Text(rule.todo.zh, rule.todo.en),
            "rule": Text(f"{rule.id}（{rule.version}）", f"{rule.id} ({rule.version})"),
            "source": Text("有", "in print") if rule.verified else Text("待核实", "unverified"),
        }
        for rule in (force or rules.ordered)
    )
    table = Table(
        caption=Text("规则，按判定顺序", "Rules, in the order they are tried"),
        columns=(
            Column("code", Text("健康码", "Code")),
            Column("because", Text("告知持码人的原因", "Reason the holder is told")),
            Column("days", Text("持续", "Lasts"), phone=False),
            Column("todo", Text("应做什么", "What to do")),
            Column("rule", Text("规则（版本）", "Rule (version)"), phone=False),
            Column("source", Text("来源", "Source"), phone=False),
        ),
        rows=entries,
        note=Text(
            f"申诉电话12345，{rules.appeal_days}日内答复。规则内容校验值{rules.fingerprint[:12]}。",
            f"Appeals: call 12345, answered within {rules.appeal_days} days. Fingerprint of the "
            f"rules: {rules.fingerprint[:12]}.",
        ),
        name="health-code-rules",
        collapsed=True,
    )
    return Section(title=title, tables=(table,))


def codes_by_area(found: Any, names: dict[str, Text], study: Study) -> Section:
    """
    Show codes by area, as far as they may leave; or say that there are no records.

    Parameters
    ----------
    found : records.Codes or None
        Released counts, and the sentence to print beside them.
    names : dict of str to Text
    study : Study
    """
    if found is None:
        why = no_records(study)
        return Section(
            title=Text("本研究没有个人记录，不发健康码", "No records of persons, so no codes"),
            paragraphs=(
                Text(
                    f"{why.zh}有记录时，此处列出健康码、各人群的比例和核查发现的错码。",
                    f"{why.en} With them, codes, their rates by group and those found wrong stand "
                    "here.",
                ),
            ),
        )
    wide = found.table.pivot_table(
        index=found.by, columns="code", values="persons", aggfunc="first", dropna=False
    )
    total = found.table[(found.table[found.by] == found.root)].set_index("code")["persons"]
    held = total.drop(["total", "none"], errors="ignore")
    sums = {code: held.get(code) for code in ("green", "yellow", "red") if pd.notna(held.get(code))}
    number_of = sum(int(value) for value in sums.values())
    title = Text(
        "、".join(f"{CODES[c].zh}{percent(int(v) / number_of).zh}" for c, v in sums.items())
        if number_of
        else "健康码数量不便公布",
        ", ".join(f"{CODES[c].en} {percent(int(v) / number_of).en}" for c, v in sums.items())
        + " of those with a code"
        if number_of
        else "Counts of codes may not be shown",
    )
    order = [label for label in wide.index if label != found.root]
    entries = []
    for label in [found.root, *sorted(order)]:
        row = wide.loc[label]
        entries.append(
            {
                "area": names.get(str(label), Text(str(label), str(label)))
                if label != found.root
                else Text("合计", "All"),
                **{
                    code: HIDDEN if pd.isna(row.get(code)) else number(int(row[code]))
                    for code in ("green", "yellow", "red", "none")
                },
            }
        )
    table = Table(
        caption=Text("健康码，按现住地", "Codes, by place of residence"),
        columns=(
            Column("area", Text("地区", "Area")),
            *(Column(code, CODES[code], "number") for code in ("green", "yellow", "red", "none")),
        ),
        rows=tuple(entries),
        note=Text(found.statement["zh"], found.statement["en"]),
        name="codes-by-area",
        collapsed=len(entries) > 40,  # noqa: PLR2004 (two screens of a phone)
    )
    return Section(title=title, tables=(table, *_appeals(found.appeals)))


def _appeals(appeals: pd.DataFrame) -> tuple[Table, ...]:
    """Show how appeals against codes stand; no table where none was filed."""
    if appeals.empty:
        return ()
    entries = tuple(
        {
            "state": APPEALS[str(row["state"])],
            "appeals": HIDDEN if pd.isna(row["appeals"]) else number(int(row["appeals"])),
        }
        for row in appeals.to_dict("records")
    )
    columns = (
        Column("state", Text("状态", "Standing")),
        Column("appeals", Text("件数", "Appeals"), "number"),
    )
    caption = Text("健康码申诉的办理", "Appeals against codes")
    return (Table(caption=caption, columns=columns, rows=entries, name="code-appeals"),)


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
    tables = [
        made(table)
        for made, table in ((_by_group, found.groups), (_found_wrong, found.wrong))
        if len(table)
    ]
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
    return Section(title=title, paragraphs=_not_told(found), tables=tuple(tables))


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


def _not_told(found: Any) -> tuple[Text, ...]:
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
            "persons": _told(row["persons"]),
            "yellow": _share(row["yellow_rate"]),
            "red": _share(row["red_rate"]),
            "ratio": _told(row["ratio"], 2),
        }
        for row in groups.to_dict("records")
        if pd.isna(row["persons"]) or row["persons"]
    )
    return Table(
        caption=Text("黄码、红码比例，按人群", "Yellow and red codes by group"),
        columns=(
            Column("group", Text("人群", "Group")),
            Column("persons", Text("持码（人）", "With a code"), "number"),
            Column("yellow", Text("黄码", "Yellow"), "number"),
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


def _found_wrong(wrong: pd.DataFrame) -> Table:
    """Show how many codes the field checked, and how many it found wrong."""
    return Table(
        caption=Text("上门核查发现的错码", "Codes the field found wrong"),
        columns=(
            Column("code", Text("健康码", "Code")),
            Column("verified", Text("已核实", "Settled"), "number"),
            Column("wrong", Text("有误", "Wrong"), "number"),
            Column("share", Text("错误率（95%区间）", "Share (95% interval)"), "number"),
            Column("unsettled", Text("未能核实", "Not settled"), "number"),
        ),
        rows=tuple(
            {
                "code": CODES[row["code"]],
                **{name: _told(row[name]) for name in ("verified", "wrong", "unsettled")},
                "share": _between(row),
            }
            for row in wrong.to_dict("records")
        ),
        name="codes-found-wrong",
    )  # fmt: skip


def _told(value: Any, digits: int = 0) -> Any:
    return HIDDEN if pd.isna(value) else number(float(value), digits)


def _share(value: Any) -> Any:
    return HIDDEN if pd.isna(value) else percent(float(value))


def _between(row: Any) -> Any:
    if pd.isna(row["share"]):
        return HIDDEN
    share, low, high = (percent(float(row[name])) for name in ("share", "lower", "upper"))
    return Text(f"{share.zh}（{low.zh}–{high.zh}）", f"{share.en} ({low.en}–{high.en})")
