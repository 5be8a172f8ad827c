"""The health-code section: the rules in force, and codes by county where there are records."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from analytics.render import tabular
from analytics.render.blocks import NOTHING, Column, Section, Table, Text
from analytics.render.channel.words import CODES, no_records, shown
from analytics.render.numbers import day, listed, number, percent
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
_KINDS = {
    "registration": Text("申报登记", "registrations"),
    "screening": Text("四类人员", "the four types of personnel"),
    "exposure": Text("密切接触", "contacts"),
    "residence": Text("居住县风险等级", "risk grades of the county lived in"),
    "travel": Text("出行", "travel"),
    "declaration": Text("申报的发热", "fevers declared"),
    "declaration_gap": Text("申报中断", "gaps in declarations"),
    "test": Text("检测", "tests"),
    "quarantine": Text("隔离", "quarantine"),
    "recognised": Text("外省健康码", "codes of other provinces"),
}


def code_rules(rules: Any, as_of: date, found: Any = None) -> Section:
    """
    List the rules of the code, in the order they are tried, each with its source.

    Parameters
    ----------
    rules : health_code.Rules
    as_of : date
    found : records.Codes or None
        Says which kinds of records nobody delivered, so that their rules decide nothing.
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
    idle = listed([_KINDS[kind] for kind in found.idle]) if found and found.idle else None
    said = (
        Text(
            f"没有可依据的记录，相应规则不起作用：{idle.zh}。",
            f"No record was there of: {idle.en}. Rules on these decide nothing.",
        )
        if idle
        else NOTHING
    )
    return Section(title=title, tables=(table,), note=said)


def codes_by_area(found: Any, names: dict[str, Text], study: Study, rules: Any) -> Section:
    """
    Show codes by area, as far as they may leave; or say that there are no records.

    Parameters
    ----------
    found : records.Codes or None
        Released counts, and the sentence to print beside them.
    names : dict of str to Text
    study : Study
    rules : health_code.Rules
        Hold the words of the reasons.
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
        "Of those with a code: "
        + ", ".join(f"{CODES[c].en} {percent(int(v) / number_of).en}" for c, v in sums.items())
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
                **{code: shown(row.get(code)) for code in ("green", "yellow", "red", "none")},
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
        collapsed=len(entries) > tabular.LONG,
    )
    said, reasons = _reasons(found.reasons, rules)
    return Section(title=title, paragraphs=said, tables=(*reasons, table, *_appeals(found.appeals)))


def _reasons(reasons: pd.DataFrame, rules: Any) -> tuple[tuple[Text, ...], tuple[Table, ...]]:
    """Say what yellow and red codes rest on: the commonest reason of each, and all of them."""
    known = reasons.dropna(subset=["persons"]) if len(reasons) else reasons
    if known.empty:
        return (), ()
    words = {rule.id: rule.because for rule in rules.rule}
    first = known.sort_values("persons", ascending=False).drop_duplicates("code")
    said = [
        Text(
            f"{CODES[row['code']].zh}最多的原因：{words[row['rule']].zh}（{number(row['persons']).zh}人）。",
            f"Commonest reason for {CODES[row['code']].en}: {words[row['rule']].en} "
            f"({number(row['persons']).en} persons).",
        )
        for row in first.to_dict("records")
    ]
    entries = tuple(
        {
            "code": CODES[row["code"]],
            "because": Text(words[row["rule"]].zh, words[row["rule"]].en),
            "persons": shown(row["persons"]),
        }
        for row in reasons.sort_values(["code", "persons"], ascending=False).to_dict("records")
    )
    table = Table(
        caption=Text("黄码、红码的原因", "What yellow and red codes rest on"),
        columns=(
            Column("code", Text("健康码", "Code")),
            Column("because", Text("告知持码人的原因", "Reason the holder is told")),
            Column("persons", Text("人数", "Persons"), "number"),
        ),
        rows=entries,
        name="codes-by-rule",
        collapsed=True,
    )
    return (Text(" ".join(s.zh for s in said), " ".join(s.en for s in said)),), (table,)


def _appeals(appeals: pd.DataFrame) -> tuple[Table, ...]:
    """Show how appeals against codes stand; no table where none was filed."""
    if appeals.empty:
        return ()
    entries = tuple(
        {
            "state": APPEALS[str(row["state"])],
            "appeals": shown(row["appeals"]),
        }
        for row in appeals.to_dict("records")
    )
    columns = (
        Column("state", Text("状态", "Standing")),
        Column("appeals", Text("件数", "Appeals"), "number"),
    )
    caption = Text("健康码申诉的办理", "Appeals against codes")
    return (Table(caption=caption, columns=columns, rows=entries, name="code-appeals"),)
