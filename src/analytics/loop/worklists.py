"""Work lists: what a team has to check, listed, filtered, and exported for it to fill in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine import cycles
from analytics.errors import ParameterError
from analytics.loop import ledger, persons, roster, seals, sheets
from analytics.loop.sheets import LOCKED_END, Sheet
from analytics.privacy import audit, disk, passwords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.study import Study

ROLE = "dispatcher"
OUTSIDE = "990000"  # stands for every place outside the province
_LATEST_DAYS = 60  # days after the export that a check can be dated
UNNAMED = ("place", "priority", "due", "subject", "reason", "check", "language")
"""Locked columns of a line that names nobody, those of its end left out."""
Form = Literal["xlsx", "csv"]
_Sides = dict[tuple[str, str], dict[int, dict[str, Any]]]  # details by purpose and subject, side

_LINES = """
with open as (
    select * from standing
    where list in (select unnest($lists)) and status = 'outstanding' and current
), why as (
    select p.row, string_agg(p.reason_zh || ' ' || p.reason_en, chr(10)
            order by p.priority, p.rule, p.rule_version) as reason,
        arg_min(p.check_zh || ' ' || p.check_en, (p.priority, p.rule)) as "check"
    from pushes p join open using (row) group by p.row
), told as (
    select o.*, w.reason, w."check", row_number() over (partition by list, line
        order by o.priority, o.due, o.row) as place, count(*) over (partition by list, line) as many
    from open o join why w using (row)
), latest as (select list, max(list_version) as list_version from standing group by list)
select list, any_value(l.list_version) as list_version, line,
    min(priority)::varchar as priority, strftime(min(due), '%Y-%m-%d %H:%M') as due,
    string_agg(if(many > 1, place || '. ', '') || reason, chr(10) order by place) as reason,
    string_agg(if(many > 1, place || '. ', '') || "check", chr(10) order by place) as "check",
    string_agg(row, ';' order by place) as rows, string_agg(asks, ';' order by place) as asks,
    list(distinct duty) as duties,
    arg_min(purpose, place) as purpose, arg_min(subject, place) as subject,
    arg_min(subject_kind, place) as subject_kind
from (select * exclude (list_version) from told) join latest l using (list)
group by list, line
"""


@dataclass(frozen=True)
class Exported:
    """
    What an export wrote.

    Parameters
    ----------
    path : Path
    list : str
        Work list.
    version : int
        Its version.
    lines, rows : int
        Lines in it, and rows behind them.
    named : bool
        Whether it names people, and so is under a password.
    """

    path: Path
    list: str
    version: int
    lines: int
    rows: int
    named: bool


def summary(
    study: Study, moment: datetime, *, county: str = "", team: str = "", duty: str = ""
) -> pa.Table:
    """
    List the work lists, and how far each has come.

    Parameters
    ----------
    study : Study
    moment : datetime
        As known then.
    county, team, duty : str
        Only these; empty for all.

    Returns
    -------
    pyarrow.Table
        One row per list, most overdue first: ``list``, ``county``, ``team``, ``version``,
        ``lines`` open, ``pushed``, ``verified``, ``outstanding``, ``returned`` and
        ``overdue`` [rows], ``due`` (next deadline of an open row).
    """
    return ledger.query(
        """
        select list, any_value(county) as county, any_value(team) as team,
            max(list_version) as version,
            count(distinct line) filter (status = 'outstanding') as lines, count(*) as pushed,
            count(*) filter (status in ('confirmed', 'refuted')) as verified,
            count(*) filter (status = 'outstanding') as outstanding,
            count(*) filter (status in ('unreachable', 'moved', 'adjudication')) as returned,
            count(*) filter (status = 'outstanding' and due < $now::timestamp) as overdue,
            min(due) filter (status = 'outstanding') as due
        from standing
        where ($county = '' or starts_with(county, rtrim($county, '0'))) and
            ($team = '' or team = $team) and ($duty = '' or duty = $duty)
        group by list order by overdue desc, list
        """,
        {"now": moment.replace(tzinfo=None), "county": county, "team": team, "duty": duty},
        standing=ledger.rows(study, moment),
    )


def rows(
    study: Study, moment: datetime, *, status: str = "outstanding", **filters: str
) -> pa.Table:
    """
    List rows, the most urgent first; nobody is named.

    Parameters
    ----------
    study : Study
    moment : datetime
        As known then.
    status : str
        One of `ledger.STATUSES`; empty for all.
    **filters : str
        Columns of PUSHES and the value wanted: ``county``, ``list``, ``duty``, ``asks``.

    Returns
    -------
    pyarrow.Table
        As :func:`ledger.rows`, without subjects and lines.

    Raises
    ------
    ParameterError
        If there is no such column to filter by.
    """
    standing = ledger.rows(study, moment).drop_columns(["subject", "line"])
    unknown = sorted(set(filters) - set(standing.column_names))
    if unknown:
        raise ParameterError("rows cannot be filtered by these", unknown)
    for name, value in {"status": status, **filters}.items():
        if value:
            standing = standing.filter(pc.equal(standing[name].cast(pa.string()), value))
    return standing.sort_by([("priority", "ascending"), ("due", "ascending")])


@passwords.rounds_once()
def export(
    study: Study,
    names: Sequence[str],
    ring: Ring,
    moment: datetime,
    folder: Path,
    *,
    form: Form = "xlsx",
    password: str = "",
    progress: Callable[[Exported], None] | None = None,
) -> list[Exported]:
    """
    Write lists' open lines as files for their teams.

    Parameters
    ----------
    study : Study
    names : sequence of str
        The work lists.
    ring : keys.Ring
        Opens the vault, where alone people have names.
    moment : datetime
        As known then.
    folder : Path
        Where to write ``<list>.v<version>.<form>``.
    form : {"xlsx", "csv"}
        CSV that names people leaves under age (``.csv.age``).
    password : str
        Needed where a list names people.
    progress : callable, optional
        Told of each list as it is written.

    Returns
    -------
    list of Exported
        Lines are in the order of their addresses. The export is in the audit log, by team
        and duty.

    Raises
    ------
    ParameterError
        If there is no such list, or nothing in it is open; all are named, nothing is written.
    KeyringError
        If people are named and there is no password of at least eight characters.
    SetupError
        If a CSV would name people and age is not installed.
    """
    done, salt = [], passwords.fresh_salt()
    for sheet, lines, named in lay_out(study, names, ring, moment):
        content = sheets.write_xlsx(sheet) if form == "xlsx" else sheets.write_csv(sheet)
        suffix: str = form
        if named:
            passwords.strong(password)
            if form == "xlsx":
                content = passwords.lock_workbook(content, password, salt)
            else:
                content, suffix = passwords.lock_age(content, password), "csv.age"
        path = folder / f"{sheet.list}.v{sheet.version}.{suffix}"
        log(study, sheet.list, lines, named=named)
        disk.make_private(folder)
        disk.replace(path, content)
        many = sum(held.count(";") + 1 for held in lines["rows"].to_pylist())
        done.append(Exported(path, sheet.list, sheet.version, lines.num_rows, many, named))
        if progress:
            progress(done[-1])
    return done


def lay_out(
    study: Study, names: Sequence[str], ring: Ring, moment: datetime, *, naming: bool = True
) -> Iterator[tuple[Sheet, pa.Table, bool]]:
    """
    Lay out lists' open lines as sheets, sealed line by line.

    Parameters
    ----------
    study : Study
    names : sequence of str
        The work lists.
    ring : keys.Ring
    moment : datetime
        As known then.
    naming : bool
        Whether people are named as far as the duties behind their line need it.

    Yields
    ------
    Sheet, pyarrow.Table, bool
        The sheet, its lines in the order of their addresses; the lines behind it, for
        :func:`log`; whether anybody is named.

    Raises
    ------
    ParameterError
        If there is no such list, or nothing in it is open; all are named.
    """
    pushes, answered = ledger.known(study, moment)
    standing = ledger.standing(pushes, answered)
    every = ledger.query(_LINES, {"lists": list(names)}, standing=standing, pushes=pushes)
    lacking = sorted(set(names) - set(every["list"].to_pylist()))
    if lacking:
        raise ParameterError(
            "these lists have no open line", lacking, "`workbench worklists list` names the lists"
        )
    found = persons.details(study, ring, every.select(["purpose", "subject", "subject_kind"]))
    sides: _Sides = {}
    for one in found.to_pylist():
        sides.setdefault((one["purpose"], one["subject"]), {})[one["side"]] = one
    places = counties(study)
    for name in dict.fromkeys(names):
        lines = every.filter(pc.equal(every["list"], name))
        sheet, named = _sheet(study, ring, lines, sides, moment.date(), places, naming=naming)
        yield sheet, lines, named


def log(study: Study, name: str, lines: pa.Table, *, named: bool) -> None:
    """
    Note in the audit log that a list leaves, once for each duty in it; call it before it does.

    Parameters
    ----------
    study : Study
    name : str
        Of the list.
    lines : pyarrow.Table
        Its lines with ``duties``, a list each.
    named : bool
        Whether it names people.
    """
    duties = [duty for held in lines["duties"].to_pylist() for duty in held]
    known = roster.duties(study)
    for duty in sorted(set(duties)):
        audit.record(
            study.state / "audit.jsonl", "worklist.export", f"{name}/{duty}", role=ROLE,
            purpose=known[duty].purpose if duty in known else None,
            counts={"lines": duties.count(duty), "named": int(named)},
        )  # fmt: skip


@cycles.uncollected()
def _sheet(
    study: Study, ring: Ring, lines: pa.Table, sides: _Sides, day: date, places: tuple[str, ...],
    *, naming: bool,
) -> tuple[Sheet, bool]:  # fmt: skip
    """Lines of one list as a sheet, and whether anybody is named in it."""
    known = roster.duties(study)
    name, version = lines["list"][0].as_py(), int(lines["list_version"][0].as_py())
    told = [
        _told(line, sides.get((line["purpose"], line["subject"]), {}), _needed(known, line))
        for line in lines.to_pylist()
    ]
    told.sort(key=lambda line: (*_street(line["address"]), line["line"]))
    seen = ("place", "priority", "due", *persons.DETAILS, "other", "subject", "reason", "check",
            "language")  # fmt: skip
    always = ("place", "priority", "due", "reason", "check")
    columns = tuple(
        column for column in seen if column in always or any(line.get(column) for line in told)
    )
    columns = columns if naming else UNNAMED
    for place, line in enumerate(told, start=1):
        line |= {"place": str(place), "list_version": str(version)}
    written = list(zip(*(
        seals.plain_column([line.get(column) or "" for line in told])
        for column in (*columns, *LOCKED_END[:-1])
    ), strict=True))  # fmt: skip
    marks = seals.seal(study.name, ring, sealed(columns, written))
    sheet = Sheet(
        title=f"{study.title.zh} {name} v{version} · {day}",
        columns=(*columns, *LOCKED_END),
        lines=[(*values, mark) for values, mark in zip(written, marks, strict=True)],
        questions=max(line["rows"].count(";") + 1 for line in told),
        first_day=study.first_date,
        last_day=day + timedelta(days=_LATEST_DAYS),
        counties=places,
        list=name,
        version=version,
    )
    return sheet, any(column in columns for column in persons.DETAILS)


def sealed(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """Values of each line as its seal covers them: named, so that none can change its column."""
    names = (*columns, *LOCKED_END[:-1])
    order = sorted(range(len(names)), key=names.__getitem__)
    for values in lines:
        yield [f"{names[place]}={values[place]}" for place in order]


def _needed(known: dict[str, Any], line: dict[str, Any]) -> set[str]:
    """Details that the duties behind a line need of its person."""
    return {column for duty in line["duties"] if duty in known for column in known[duty].columns}


def _told(
    line: dict[str, Any], sides: dict[int, dict[str, Any]], needed: set[str]
) -> dict[str, Any]:
    """One line as its team may see it."""
    one, other = sides.get(1, {}), sides.get(2)
    shown = {detail: one.get(detail) or "" for detail in persons.DETAILS if detail in needed}
    if other:
        shown["other"] = " · ".join(str(other[d]) for d in persons.DETAILS
                                    if d in needed and other.get(d))  # fmt: skip
    if line["subject_kind"] == "record":
        shown["subject"] = line["subject"]
    if one:
        shown["language"] = one.get("language") or ""
    return {**line, "address": "", **shown}


def _street(address: str) -> tuple[bool, list[tuple[int, str]]]:
    """Order of an address along its street: numbers as numbers, unknown ones last."""
    parts = re.findall(r"\d+|\D+", address)
    return not address, [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]


def counties(study: Study) -> tuple[str, ...]:
    """Where somebody can have moved: counties of the study by code and name, and outside it."""
    from analytics.pool import regions

    known = regions.known(study)
    own = known[(known["level"] == "county") & known["region"].str.startswith(study.region[:2])]
    listed = sorted(zip(own["region"], own["name"], strict=True))
    return (*(f"{code} {name}" for code, name in listed), f"{OUTSIDE} 省外 outside")
