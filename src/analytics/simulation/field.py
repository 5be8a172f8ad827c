"""
A simulated field team: fills work lists in from the truth, with errors and delays of its own.

It works as people do, on the exported file alone: it reads a line, finds the person by phone,
number or name, asks, and writes down what it thinks it heard. Which answers were wrong is kept
with the truth, where no floor below looks.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.privacy import passwords
from analytics.simulation import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from analytics.study import Study

_SHEET = 0  # the list is the first sheet of the workbook


@dataclass(frozen=True)
class Habits:
    """
    How a team works.

    Parameters
    ----------
    error : float
        Chance that it says the contrary of what is true.
    unreachable, moved : float
        Chance that nobody is met, and that the person has gone to another county.
    delay : float
        Mean number of days until a line is done [days].
    null : bool
        Answers are tossed like a coin, whatever is true.
    """

    error: float = 0.05
    unreachable: float = 0.08
    moved: float = 0.02
    delay: float = 1.0
    null: bool = False


@dataclass(frozen=True)
class Filled:
    """
    What the team did with a list.

    Parameters
    ----------
    path : Path
        The filled copy.
    lines, answered, wrong : int
        Lines, questions answered, and answers that are not true.
    """

    path: Path
    lines: int
    answered: int
    wrong: int


def fill(
    study: Study,
    path: Path,
    folder: Path,
    day: date,
    seed: int,
    *,
    habits: Habits | None = None,
    password: str = "",
    asked: Truth | None = None,
) -> Filled:
    """
    Fill in what of a list is done by a day.

    Parameters
    ----------
    study : Study
        A simulated study.
    path : Path
        The exported workbook.
    folder : Path
        Where the filled copy goes, under the same name and password.
    day : date
        Lines whose delay has not passed by then are left empty.
    seed : int
        The team's own; a line has the same delay and the same answer whenever it is looked at.
    habits : Habits, optional
        How it works.
    password : str
        Opens the list, if it is under one.
    asked : Truth, optional
        Of that day, where it was read before.

    Returns
    -------
    Filled

    Raises
    ------
    VerificationError
        If the list does not open with the password.
    """
    import openpyxl

    how = habits or Habits()
    asked = asked or Truth(study, day)
    content = path.read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(passwords.unlock(content, password)))
    sheet = book.worksheets[_SHEET]
    columns = {str(cell.value).split()[-1]: int(cell.column or 0) for cell in sheet[1]}
    said: list[dict[str, Any]] = []
    for row in range(2, sheet.max_row + 1):
        line = {n: str(sheet.cell(row, place).value or "") for n, place in columns.items()}
        answers, entries = _answered(line, asked, how, seed, day)
        said += entries
        for name, value in answers.items():
            cell = sheet.cell(row, columns[name])
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stream = io.BytesIO()
    book.save(stream)
    filled = folder / path.name
    answered, salt = stream.getvalue(), passwords.salt_of(content)
    if salt:  # the list's own, so that one password is hashed once for all lists of a day
        answered = passwords.lock_workbook(answered, password, salt)
    filled.write_bytes(answered)
    _note(study, said, path.name, day)
    wrong = sum(entry["said"] != entry["true"] for entry in said)
    return Filled(filled, sheet.max_row - 1, len(said), wrong)


def chance(seed: int, *about: object) -> float:
    """Draw a number in [0, 1) that depends on the seed and what it is about, on nothing else."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *about))).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _answered(
    line: Mapping[str, str], asked: Truth, how: Habits, seed: int, day: date
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Cells to fill in of a line, and what was said and true of each question."""
    rows, asks = line["rows"].split(";"), line["asks"].split(";")
    first = rows[0]
    pushed = date.fromisoformat(str(line["due"])[:10]) - timedelta(days=1)
    wait = int(np.log(max(chance(seed, first, "delay"), 1e-12)) * -how.delay)
    if not line["rows"] or day < pushed + timedelta(days=wait):
        return {}, []
    met = chance(seed, first, "met")
    if met < how.unreachable:
        return _cells(rows, ["联系不上"] * len(rows), day, "none"), []
    if met < how.unreachable + how.moved and asks == ["contact"]:
        cells = _cells(rows, ["已转出"] * len(rows), day, "phone_call")
        return cells | {"moved_to": asked.another_county(chance(seed, first, "where"))}, []
    answers, entries = [], []
    for row, what in zip(rows, asks, strict=True):
        true = asked.of(line, what)
        if how.null:
            heard = chance(seed, row, "coin") < 0.5
        else:
            heard = true != (chance(seed, row, "error") < how.error)
        answers.append("属实" if heard else "不属实")
        entries.append({"row": row, "asks": what, "true": true, "said": heard})
    return _cells(rows, answers, day, "visit"), entries


def _cells(rows: list[str], answers: list[str], day: date, evidence: str) -> dict[str, Any]:
    verdicts = {f"verdict_{n}": said for n, said in enumerate(answers[: len(rows)], start=1)}
    return {**verdicts, "verified": day.isoformat(), "evidence": evidence}


class Truth:
    """What is true about people on a day, as the field can find it out by asking."""

    def __init__(self, study: Study, day: date) -> None:
        place = truth.folder(study)
        persons = pq.read_table(place / "persons.parquet")
        numbers = persons["person"].to_pylist()
        names, phones = persons["name"].to_pylist(), persons["phone"].to_pylist()
        self._number = dict(zip(persons["id_number"].to_pylist(), numbers, strict=True))
        self._called = dict(zip(zip(names, phones, strict=True), numbers, strict=True))
        self._phone, self._name = _unique(phones, numbers), _unique(names, numbers)
        self._resident = dict(zip(numbers, persons["resident"].to_pylist(), strict=True))
        self._counties = sorted({c for c in persons["county"].to_pylist() if c})
        infections = pq.read_table(place / "infections.parquet").to_pylist()
        early = [i for i in infections if i["date"] <= day.isoformat()]
        self._infected = {i["person"] for i in early}
        self._infectors = {i["infector"] for i in early if i["infector"] is not None}
        self._met = {i["person"] for i in early if i["infector"] is not None}
        self._records = {feed: self._people(place, feed)
                         for feed in ("contacts", "stranded", "assistance")}  # fmt: skip

    @staticmethod
    def _people(place: Path, feed: str) -> set[int]:
        path = place / "records" / f"{feed}.parquet"
        return (
            set(pq.read_table(path)["person"].drop_null().to_pylist()) if path.exists() else set()
        )

    def person(self, line: Mapping[str, str]) -> int | None:
        """Person of a line, by number, name and phone, or one alone; None if nobody is found."""
        number, name, phone = (str(line.get(n) or "") for n in ("number", "name", "phone"))
        found = self._number.get(number, self._called.get((name, phone)))
        if found is None:
            found = self._phone.get(phone, self._name.get(name))
        return found

    def of(self, line: Mapping[str, str], asks: str) -> bool:
        """Whether what is asked of a line is true."""
        if asks == "record_wrong":
            return True  # a row that broke its contract was spoilt on its way
        if asks == "same_person":
            return self._same(line)
        who = self.person(line)
        if who is None:
            return False
        about: dict[str, Callable[[], bool]] = {
            "infected": lambda: who in self._infected,
            "contact": lambda: who in self._met or who in self._records["contacts"],
            "traced": lambda: who in self._records["contacts"],
            "stranded": lambda: not self._resident[who],
            "needs": lambda: who in self._records["assistance"],
            "clustered": lambda: who in self._met or who in self._infectors,
            "code_wrong": lambda: who not in self._infected and who not in self._met,
        }
        return about[asks]()

    def another_county(self, at: float) -> str:
        """County somebody moved to."""
        return str(self._counties[int(at * len(self._counties))])

    def _same(self, line: Mapping[str, str]) -> bool:
        parts = [part.strip() for part in str(line.get("other") or "").split("·")]
        others = {self._number.get(part) for part in parts}
        others |= {self._called.get((name, phone)) for name in parts for phone in parts}
        others |= {self._name.get(part) for part in parts} if others == {None} else set()
        return self.person(line) in others - {None}


def _unique(values: list[str], persons: list[int]) -> dict[str, int]:
    """Persons by a value that only they have."""
    many = Counter(values)
    return {v: p for v, p in zip(values, persons, strict=True) if v and many[v] == 1}


def _note(study: Study, said: list[dict[str, Any]], name: str, day: date) -> None:
    """Keep what was true and what was said with the truth."""
    place = truth.folder(study) / "field"
    place.mkdir(mode=0o700, exist_ok=True)
    schema = pa.schema([("row", pa.string()), ("asks", pa.string()), ("true", pa.bool_()),
                        ("said", pa.bool_())])  # fmt: skip
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    pq.write_table(pa.Table.from_pylist(said, schema=schema),
                   place / f"{day.isoformat()}-{digest}.parquet")  # fmt: skip
