"""Blocks of pages made of pages: the day's digest, and what changed between two days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from analytics.render.blocks import (
    NOTHING,
    Block,
    Column,
    Decision,
    Decisions,
    Definition,
    Definitions,
    Lead,
    Masthead,
    Section,
    Table,
    Text,
)
from analytics.render.catalogue_page import REPORT_TITLES
from analytics.render.numbers import day as written_day
from analytics.study import Study

Stored = Mapping[str, Sequence[Mapping[str, Any]]]
_MOST_CELLS: Final = 60  # of one table that are listed; more are counted
_NONE: Final = Text("—", "—")
_STATUS: Final = {
    "draft": Text("草稿", "draft"), "reviewed": Text("已审核", "reviewed"),
    "issued": Text("已签发", "issued"),
}  # fmt: skip


def digest(
    study: Study, day: date, reports: Stored, failed: Sequence[str], wanted: Sequence[str]
) -> list[Block]:
    """
    Put a day's reports together on one page.

    Parameters
    ----------
    study : Study
    day : date
    reports : mapping of str to blocks
        Of each report there is, as its page was laid out from.
    failed : sequence of str
        Reports whose latest run failed.
    wanted : sequence of str
        Reports that a day should have.

    Returns
    -------
    list of Block
    """
    decisions = [
        Decision(*(_text(item[part]) for part in ("what", "who", "due")))
        for blocks in reports.values()
        for item in _first(blocks, "decisions").get("items", ())
    ]
    missing = [name for name in wanted if name not in reports]
    sections = [_report(name, blocks) for name, blocks in reports.items()]
    standing = _standing(reports, failed, missing)
    return [
        _masthead(study, day, Text("每日简报", "Daily digest")),
        Lead(_lead(len(reports), len(decisions), missing, failed)),
        Decisions(tuple(decisions)),
        *sections,
        standing,
        Definitions((
            Definition(Text("每日简报", "Daily digest"),
                       Text("由当日各报告的要点汇成；数字的定义见各报告。",
                            "Put together from the day's reports; each figure is defined in its "
                            "report.")),
        )),
    ]  # fmt: skip


def changes(study: Study, since: date, day: date, before: Stored, after: Stored) -> list[Block]:
    """
    Say what differs between the reports of two days.

    Parameters
    ----------
    study : Study
    since, day : date
    before, after : mapping of str to blocks
        Reports of both days.

    Returns
    -------
    list of Block
    """
    sections = []
    figures = came = went = 0
    for name, blocks in after.items():
        earlier = before.get(name)
        if earlier is None:
            continue
        moved = _figures(earlier, blocks)
        new, gone = _decisions(earlier, blocks)
        tables = [
            table for pair in _tables(earlier, blocks) if (table := _cells(*pair)) is not None
        ]
        figures, came, went = figures + len(moved), came + len(new), went + len(gone)
        listed = [*([_moved(name, moved)] if moved else []), *tables]
        said = tuple(
            Text(f"新增待决：{one.zh}", f"New for decision: {one.en}") for one in new
        ) + tuple(Text(f"不再待决：{one.zh}", f"No longer for decision: {one.en}") for one in gone)
        if listed or said:
            sections.append(Section(title=_title(name), paragraphs=said, tables=tuple(listed),
                                    page=_page(name)))  # fmt: skip
    first, last = written_day(since), written_day(day)
    nothing = not sections
    lead = Text(
        f"{first.zh}以来：{figures}个要点数字变化，新增待决事项{came}项，撤销{went}项。",
        f"Since {first.en}: {figures} headline figures changed; {came} decisions are new, {went} "
        "have gone.",
    )
    if nothing:
        lead = Text(f"{first.zh}至{last.zh}，各报告没有变化。",
                    f"Nothing changed in the reports from {first.en} to {last.en}.")  # fmt: skip
    alone = [_title(name) for name in after if name not in before]
    notices = tuple(
        Text(f"“{one.zh}”在{first.zh}没有页面，未作比较。",
             f"“{one.en}” had no page on {first.en} and is not compared.") for one in alone
    )  # fmt: skip
    title = Text(f"{first.zh}以来的变化", f"What changed since {first.en}")
    return [_masthead(study, day, title, notices), Lead(lead), *sections]


def _masthead(study: Study, day: date, title: Text, notices: tuple[Text, ...] = ()) -> Masthead:
    return Masthead(
        title=title, region=Text(study.region_name.zh, study.region_name.en),
        as_of=day.isoformat(), nature=study.nature, notices=notices,
    )  # fmt: skip


def _lead(reports: int, decisions: int, missing: Sequence[str], failed: Sequence[str]) -> Text:
    zh, en = [f"{decisions}项待决"], [f"{decisions} things need a decision"]
    if decisions == 1:
        en = ["1 thing needs a decision"]
    if not decisions:
        zh, en = ["今日无待决事项"], ["Nothing needs a decision today"]
    if failed:
        zh.append(f"{len(failed)}份报告生成失败")
        en.append(f"{len(failed)} reports failed")
    elif missing:
        zh.append(f"缺{len(missing)}份报告")
        en.append(f"{len(missing)} reports are missing")
    else:
        zh.append(f"{reports}份报告齐全")
        en.append(f"all {reports} reports are there")
    return Text(f"{'；'.join(zh)}。", f"{'; '.join(en)}.")


def _report(name: str, blocks: Sequence[Mapping[str, Any]]) -> Section:
    """Show what one report finds: its lead and its headline figures."""
    figures = _first(blocks, "headlines").get("figures", ())
    rows = tuple(
        {"figure": _of(_text(one["label"]), _text(one["denominator"])),
         "value": _text(one["value"]), "day": _text(one["day_change"]),
         "week": _text(one["week_change"])}
        for one in figures
    )  # fmt: skip
    columns = (
        Column("figure", Text("要点", "Figure")),
        Column("value", Text("数值", "Value"), "number"),
        Column("day", Text("较昨日", "On yesterday")),
        Column("week", Text("较上周", "On last week")),
    )
    kept = tuple(c for c in columns if any(_any(row[c.key]) for row in rows))
    title = _title(name)
    caption = Text(f"{title.zh}：要点", f"{title.en}: figures")
    table = Table(caption=caption, columns=kept, rows=rows, name=f"digest-{name}")
    said = _first(blocks, "lead").get("sentence")
    return Section(
        title=title,
        paragraphs=(_text(said),) if said else (),
        tables=(table,) if rows else (),
        page=_page(name),
    )


def _standing(reports: Stored, failed: Sequence[str], missing: Sequence[str]) -> Section:
    """Show how each report stands: its status, or that it failed or is missing."""
    rows = []
    for name in (*reports, *missing):
        status = _first(reports.get(name, ()), "masthead").get("status", "")
        state = _STATUS.get(status, Text("缺", "missing"))
        if name in failed:
            state = Text(f"{state.zh}；最近一次生成失败", f"{state.en}; the latest run failed")
        rows.append({"report": _title(name), "state": state})
    columns = (Column("report", Text("报告", "Report")), Column("state", Text("状态", "Standing")))
    return Section(
        title=Text("各报告的状态", "How the reports stand"),
        tables=(Table(caption=Text("报告", "Reports"), columns=columns, rows=tuple(rows),
                      name="digest-reports"),),
    )  # fmt: skip


def _figures(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[tuple[Text, Text, Text]]:
    """Headline figures whose value differs: label, then, now."""
    then = {one["label"]["en"]: one["value"] for one in _first(before, "headlines").get(
        "figures", ())}  # fmt: skip
    return [
        (_text(one["label"]), _text(then.get(one["label"]["en"], vars(_NONE))),
         _text(one["value"]))
        for one in _first(after, "headlines").get("figures", ())
        if then.get(one["label"]["en"]) != one["value"]
    ]  # fmt: skip


def _moved(name: str, moved: Sequence[tuple[Text, Text, Text]]) -> Table:
    title = _title(name)
    return Table(
        caption=Text(f"{title.zh}：要点数字", f"{title.en}: headline figures"),
        columns=(
            Column("figure", Text("要点", "Figure")),
            Column("then", Text("原来", "Then"), "number"),
            Column("now", Text("现在", "Now"), "number"),
        ),
        rows=tuple({"figure": label, "then": then, "now": now} for label, then, now in moved),
        name=f"changes-{name}",
    )


def _decisions(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> tuple[list[Text], list[Text]]:
    """Decisions that are new, and those that have gone."""
    old, now = (
        {item["what"]["en"]: _text(item["what"]) for item in _first(blocks, "decisions").get(
            "items", ())}
        for blocks in (before, after)
    )  # fmt: skip
    return [now[n] for n in now if n not in old], [old[n] for n in old if n not in now]


def _tables(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Tables of one name on both pages."""
    old = {table["name"]: table for table in _all_tables(before)}
    for table in _all_tables(after):
        if table["name"] in old:
            yield old[table["name"]], table


def _all_tables(blocks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for block in blocks:
        if block.get("kind") == "section":
            yield from (table for table in block.get("tables", ()) if table.get("name"))


def _cells(before: Mapping[str, Any], after: Mapping[str, Any]) -> Table | None:
    """Cells of a table that differ; None where none does, or rows cannot be told apart."""
    key = after["columns"][0]["key"]
    old = {_key(row.get(key)): row for row in before["rows"]}
    if len(old) < len(before["rows"]) or len({_key(r.get(key)) for r in after["rows"]}) < len(
        after["rows"]
    ):
        return None
    rows = [
        {"row": _shown(row.get(key)), "column": _text(column["label"]),
         "then": _shown(old[_key(row.get(key))].get(column["key"])),
         "now": _shown(row.get(column["key"]))}
        for row in after["rows"] if _key(row.get(key)) in old
        for column in after["columns"][1:]
        if old[_key(row.get(key))].get(column["key"]) != row.get(column["key"])
    ]  # fmt: skip
    names = {_key(row.get(key)) for row in after["rows"]}
    come = [_shown(row.get(key)) for row in after["rows"] if _key(row.get(key)) not in old]
    gone = [_shown(row.get(key)) for name, row in old.items() if name not in names]
    whole, new, left_out = Text("整行", "whole row"), Text("新增", "new"), Text("已无", "gone")
    rows += [{"row": one, "column": whole, "then": _NONE, "now": new} for one in come]
    rows += [{"row": one, "column": whole, "then": _NONE, "now": left_out} for one in gone]
    if not rows:
        return None
    many = Text(f"{len(rows)}处变化", f"{len(rows)} changes")
    left = len(rows) - _MOST_CELLS
    more = Text(f"另有{left}处，见原页。", f"{left} more: see the page.")
    caption = _text(after["caption"])
    return Table(
        caption=Text(f"{caption.zh}：{many.zh}", f"{caption.en}: {many.en}"),
        columns=(
            Column("row", _text(after["columns"][0]["label"])),
            Column("column", Text("项目", "Item")),
            Column("then", Text("原来", "Then")),
            Column("now", Text("现在", "Now")),
        ),
        rows=tuple(rows[:_MOST_CELLS]),
        name=f"changes-{after['name']}",
        note=more if left > 0 else NOTHING,
        collapsed=len(rows) > 10,  # noqa: PLR2004 - half a screen of a phone
    )


def _first(blocks: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    return next((block for block in blocks if block.get("kind") == kind), {})


def _title(name: str) -> Text:
    return REPORT_TITLES.get(name, Text(name, name.replace("_", " ")))


def _page(name: str) -> Text:
    return Text(f"{name}.zh.html", f"{name}.en.html")


def _text(said: Mapping[str, str]) -> Text:
    return Text(said["zh"], said["en"])


def _of(label: Text, of: Text) -> Text:
    """Label of a figure with what it is of."""
    if not _any(of):
        return label
    return Text(f"{label.zh}（{of.zh}）", f"{label.en} ({of.en})")


def _any(text: Text) -> bool:
    return bool(text.zh.strip("— ") or text.en.strip("— "))


def _key(value: Any) -> str:
    return str(value.get("en", value) if isinstance(value, Mapping) else value)


def _shown(value: Any) -> Any:
    """Show a stored cell: a text in both languages, a number, or a dash where there is none."""
    if isinstance(value, Mapping):
        return _text(value) if {"zh", "en"} <= set(value) else _NONE
    return _NONE if value is None else value
