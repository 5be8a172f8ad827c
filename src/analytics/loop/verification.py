"""
Verification: filled lists come back by file drop, and what they say is taken in row by row.

Nothing is taken on trust: seal, team, version, words and dates of each line are checked. A
sound answer is added to what is known and never replaces another; a line with a fault is set
aside with its reason and stays open. What cannot be read at all changes nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analytics.engine import cycles
from analytics.errors import ContractError, VerificationError
from analytics.loop import ledger, seals, sheets, wording
from analytics.loop.sheets import ANSWERS, LABELS, LOCKED_END
from analytics.loop.worklists import sealed
from analytics.privacy import audit, disk, passwords, vault
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.study import Study

ROLE = "receiver"
REASONS: Mapping[str, str] = {
    "seal": "the seal does not hold: a locked cell was changed, moved or forged",
    "old_key": "sealed under keys that were rotated away: export the list anew",
    "wrong_team": "the line belongs to another team than the one that handed it in",
    "not_pushed": "no such row had been pushed by then",
    "verdict_missing": "something is filled in, but no verdict",
    "unknown_word": "the verdict is none of the four words",
    "unknown_evidence": "the evidence is none of the words offered",
    "date_missing": "the day of the check is missing",
    "not_a_date": "the day of the check is no date",
    "before_push": "the check is dated before the row was pushed",
    "in_the_future": "the check is dated after the day it was handed in",
    "moved_to_missing": "moved, but not where to",
    "unknown_county": "moved to a county that the study does not know",
}
_SUFFIXES = (".xlsx", ".csv", ".age")


@dataclass(frozen=True)
class Received:
    """
    What became of a returned file.

    Parameters
    ----------
    team : str
        List it is taken to come from; empty if no seal in it holds.
    lines : int
        Lines in it.
    answers : int
        Answers added.
    repeated : int
        Answers that were known before; they change nothing.
    empty : int
        Lines without an answer; their rows stay open.
    stale : int
        Answers, of those added, to an earlier version than the one out.
    aside : tuple of (int, str, str)
        Row of the sheet, column and reason of each line set aside.
    balance : dict
        Rows of the study afterwards: pushed = verified + outstanding + returned.
    """

    team: str
    lines: int
    answers: int
    repeated: int
    empty: int
    stale: int
    aside: tuple[tuple[int, str, str], ...]
    balance: dict[str, int]


@passwords.rounds_once()
def receive(
    study: Study,
    paths: Sequence[Path],
    ring: Ring,
    moment: datetime,
    *,
    password: str = "",
    team: str = "",
) -> list[Received | VerificationError]:
    """
    Take in filled lists.

    Parameters
    ----------
    study : Study
    paths : sequence of Path
        The files, ``.xlsx``, ``.csv`` or ``.csv.age``.
    ring : keys.Ring
    moment : datetime
        When they were handed in.
    password : str
        If they are under one.
    team : str
        Work list of the team that hands them in; without it, the one most lines of a file
        belong to.

    Returns
    -------
    list of Received or VerificationError
        For each file what became of it; an error where it is not ours, damaged, or opens with
        another password: such a file changes nothing. The same file again adds nothing. Originals
        are sealed in the vault, lists of what was set aside lie in the state's ``loop/aside``,
        without any value.

    Raises
    ------
    BusyError
        If another run holds the loop.
    """
    local = moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)
    with ledger.held(study):
        pushes, before = ledger.known(study, local)
        standing = ledger.standing(pushes, before)
        rows = _Pushed(study, standing)
        done: list[Received | VerificationError] = []
        fresh: list[pa.Table] = []
        for path in paths:
            try:
                one, added = _taken_in(study, path, ring, local, rows, password=password, team=team,
                                       before=pa.concat_tables([before, *fresh]))  # fmt: skip
            except VerificationError as error:
                done.append(error)
                continue
            done.append(one)
            fresh.append(added)
        every = pa.concat_tables([before, *fresh])
        ledger.append(study, "verifications", every.slice(before.num_rows), local)
        balance = ledger.balance(ledger.standing(pushes, every))
    return [replace(one, balance=balance) if isinstance(one, Received) else one for one in done]


@cycles.uncollected()
def _taken_in(
    study: Study, path: Path, ring: Ring, moment: datetime, pushed: _Pushed, *, password: str,
    team: str, before: pa.Table,
) -> tuple[Received, pa.Table]:  # fmt: skip
    """Take in one file: what became of it, and its answers that were not known before."""
    content = path.read_bytes()
    lines = _lines(path, passwords.unlock(content, password))
    digest = hashlib.sha256(content).hexdigest()
    judged = _Judged(pushed, moment.date(), lines[0] if lines else ())
    faults = _seals(study, ring, lines)
    handed_in_by = team or _majority(lines, faults)
    for line, fault in zip(lines, faults, strict=True):
        judged.take(line, handed_in_by, fault)
    added = _fresh(judged.answers, before)
    audit.record(
        study.state / "audit.jsonl", "worklist.receive", f"{handed_in_by or 'unknown'}",
        role=ROLE, counts={"lines": len(lines), "answers": added.num_rows,
                           "aside": len(judged.aside)},
    )  # fmt: skip
    _keep(study, path, digest, moment.date(), ring)
    _write_aside(study, digest, judged.aside)
    return _received(handed_in_by, lines, judged, added), added


def _received(
    team: str, lines: Sequence[Mapping[str, str]], judged: _Judged, added: pa.Table
) -> Received:
    """Say what became of a file, but for the balance."""
    versions = zip(
        added["row_version"].to_pylist(), added["latest_version"].to_pylist(), strict=True
    )
    stale = sum(version < latest for version, latest in versions)
    distinct = len({answer["answer"] for answer in judged.answers})
    return Received(
        team, len(lines), added.num_rows, distinct - added.num_rows, judged.empty, stale,
        tuple(judged.aside), {},
    )  # fmt: skip


def _lines(path: Path, content: bytes) -> list[dict[str, str]]:
    """Lines of a file in clear, with its kind found by content rather than by name."""
    suffix = ".xlsx" if content.startswith(b"PK") else ".csv"
    if not path.name.lower().endswith(_SUFFIXES):
        raise VerificationError(
            f"'{path.name}' is no work list", [f"its name ends in none of {', '.join(_SUFFIXES)}"]
        )
    try:
        return sheets.read(content, suffix)
    except ContractError as error:
        raise VerificationError(error.what, error.breaches, error.remedy) from error


def _number(column: str) -> int:
    """Place of a verdict among a line's."""
    return int(column.partition("_")[2])


def _seals(study: Study, ring: Ring, lines: Sequence[Mapping[str, str]]) -> list[str]:
    """Fault of each line's seal; empty where it holds."""
    if not lines:
        return []
    columns = [name for name in lines[0] if name in LABELS and name not in (*ANSWERS, *LOCKED_END)]
    names = (*columns, *LOCKED_END[:-1])
    written = ([line[name] for name in names] for line in lines)
    expected = seals.seal(study.name, ring, sealed(columns, written))
    return [
        seals.fault(ring, line["seal"], value) for line, value in zip(lines, expected, strict=True)
    ]


def _majority(lines: Sequence[Mapping[str, str]], faults: Sequence[str]) -> str:
    """List that most lines with a sound seal belong to; empty if there is none."""
    sound = (line["list"] for line, fault in zip(lines, faults, strict=True) if not fault)
    teams = Counter(sound)
    return min(teams, key=lambda team: (-teams[team], team), default="")


class _Pushed:
    """What lines are judged against: rows pushed, the latest version of each question, counties."""

    def __init__(self, study: Study, standing: pa.Table) -> None:
        names = ("row", "question", "row_version", "list", "team", "county", "pushed")
        self.rows = {row["row"]: row for row in standing.select(names).to_pylist()}
        self.latest: dict[str, int] = {}
        for row in self.rows.values():
            latest = self.latest.get(row["question"], 0)
            self.latest[row["question"]] = max(latest, row["row_version"])
        self.counties = frozenset(_known_counties(study))


class _Judged:
    """Lines of a file judged so far: sound answers, lines set aside, lines left empty."""

    def __init__(self, pushed: _Pushed, today: date, columns: Iterable[str]) -> None:
        self.answers: list[dict[str, Any]] = []
        self.aside: list[tuple[int, str, str]] = []
        self.empty = 0
        self._today = today
        self._verdicts = sorted(filter(sheets.is_verdict, columns), key=_number)
        self._rows, self._latest = pushed.rows, pushed.latest
        self._counties = pushed.counties

    def take(self, line: Mapping[str, str], team: str, fault: str) -> None:
        """Judge one line, whose seal has this fault or none."""
        position = int(line["position"])
        verdicts = [line[name] for name in self._verdicts]
        filled = [said for said in (*verdicts, *(line[name] for name in ANSWERS)) if said]
        if fault:
            self.aside.append((position, "seal", fault))
        elif line["list"] != team:
            self.aside.append((position, "list", "wrong_team"))
        elif not filled:
            self.empty += 1
        elif not any(verdicts):
            self.aside.append((position, "verdict_1", "verdict_missing"))
        else:
            self._answer(position, line, line["rows"].split(";"), verdicts)

    def _answer(
        self, position: int, line: Mapping[str, str], rows: list[str], verdicts: list[str]
    ) -> None:
        faults: list[tuple[str, str]] = []
        if any(verdicts[len(rows) :]):
            faults.append((f"verdict_{len(rows) + 1}", "unknown_word"))
        evidence = wording.understood(line["evidence"], wording.EVIDENCE)
        if line["evidence"] and evidence is None:
            faults.append(("evidence", "unknown_evidence"))
        sound = []
        for number, (name, said) in enumerate(zip(rows, verdicts, strict=False), start=1):
            if not said:
                continue
            row = self._rows.get(name)
            verdict = wording.understood(said, wording.VERDICTS)
            if verdict is None:
                faults.append((f"verdict_{number}", "unknown_word"))
            elif row is None:
                faults.append(("rows", "not_pushed"))
            else:
                faults += self._circumstances(line, verdict, row)
                sound.append((row, verdict))
        if faults:
            self.aside += [(position, column, reason) for column, reason in dict.fromkeys(faults)]
            return
        self.answers += [self._said(line, row, verdict, evidence) for row, verdict in sound]

    def _circumstances(
        self, line: Mapping[str, str], verdict: str, row: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """Faults of the day of the check, and of the county somebody moved to."""
        faults = []
        day = sheets.day(line["verified"])
        if not line["verified"]:
            faults.append(("verified", "date_missing"))
        elif day is None:
            faults.append(("verified", "not_a_date"))
        elif day < row["pushed"].date():
            faults.append(("verified", "before_push"))
        elif day > self._today:
            faults.append(("verified", "in_the_future"))
        if verdict == "moved":
            if not line["moved_to"]:
                faults.append(("moved_to", "moved_to_missing"))
            elif line["moved_to"].split()[0] not in self._counties:
                faults.append(("moved_to", "unknown_county"))
        return faults

    def _said(
        self, line: Mapping[str, str], row: Mapping[str, Any], verdict: str, evidence: str | None
    ) -> dict[str, Any]:
        moved_to = line["moved_to"].split()[0] if verdict == "moved" else None
        day = sheets.day(line["verified"])
        parts = "\x1f".join(map(str, (row["row"], verdict, moved_to, day, evidence)))
        return {
            "answer": hashlib.sha256(parts.encode()).hexdigest()[:24],
            "row": row["row"],
            "question": row["question"],
            "row_version": row["row_version"],
            "list": row["list"],
            "team": row["team"],
            "county": row["county"],
            "verdict": verdict,
            "moved_to": moved_to,
            "verified": day,
            "evidence": evidence,
            "remarked": bool(line["remark"]),
            "latest_version": self._latest[row["question"]],
        }


def _known_counties(study: Study) -> set[str]:
    from analytics.loop.worklists import counties

    return {entry.split()[0] for entry in counties(study)}


def _fresh(answers: list[dict[str, Any]], before: pa.Table) -> pa.Table:
    """Answers not known before, each once."""
    schema = ledger.empty("verifications").schema
    said = pa.Table.from_pylist(answers, schema=schema)
    kept: pa.Table = ledger.query(
        "select * from said where answer not in (select answer from before) "
        "qualify row_number() over (partition by answer order by remarked desc) = 1 "
        "order by answer", said=said, before=before,
    )  # fmt: skip
    return kept.select(schema.names).cast(schema)


def _keep(study: Study, path: Path, digest: str, day: date, ring: Ring) -> None:
    """Seal the original, remarks and all, once."""
    name = f"loop/returns/{day.isoformat()}/{digest[:32]}"
    held = study.state / "vault"
    if not vault.holds(held, name):
        vault.seal(held, path, name, day, ring, keep=True)


def _write_aside(study: Study, digest: str, aside: list[tuple[int, str, str]]) -> None:
    """Write which rows were set aside and why: positions, columns and reasons, no value."""
    folder = study.state / "loop" / "aside"
    disk.make_private(folder)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["position", "column", "reason"])
    writer.writerows(sorted(aside))
    disk.replace(folder / f"{digest[:32]}.csv", stream.getvalue().encode())
