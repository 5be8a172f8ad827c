"""A study with a duty roster and invented people in its vault, and teams that fill lists in."""

from __future__ import annotations

import io
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import pyarrow as pa

from analytics import study as studies
from analytics.errors import VerificationError
from analytics.loop import persons, sheets, verification
from analytics.privacy import keys, vault

ROOT = Path(__file__).resolve().parents[1]
START = datetime(2020, 2, 10, 8, tzinfo=studies.ZONE)
COUNTIES = ("420102", "420103", "421083")
PASSWORD = "a long enough one"
LOOP = """
[[duties]]
task = "trace_contacts"
who = { zh = "社区", en = "Communities" }
due = 20:00:00
team = "community"
purpose = "screening"
columns = ["name", "phone", "address"]
teams = 2
capacity = %(capacity)d
sample = %(sample)d
escalates = { zh = "区指挥部", en = "District command" }

[[duties]]
task = "stranded"
who = { zh = "社区", en = "Communities" }
due = 20:00:00
team = "community"
purpose = "resettlement"
columns = ["name", "phone"]
teams = 2
capacity = %(capacity)d

[[duties]]
task = "records"
who = { zh = "数据组", en = "Records office" }
due = 18:00:00
team = "records"
purpose = "statistics"
columns = ["name", "number", "birth"]
capacity = %(capacity)d
days = 2

[[duties]]
task = "adjudication"
who = { zh = "复核组", en = "Reviewers" }
due = 20:00:00
team = "review"
purpose = "screening"
columns = ["name", "phone", "address", "number"]
capacity = %(capacity)d
"""


def make(monkeypatch, folder: Path, *, people: int = 60, capacity: int = 100, sample: int = 0):
    """Give a study of this name a roster, keys and people of its own."""
    root = folder / "root"
    place = root / "data" / "hubei-2020"
    place.mkdir(parents=True)
    own = ROOT / "data" / "hubei-2020"
    shutil.copy(own / "regions.csv", place)
    text = (own / "study.toml").read_text(encoding="utf-8")
    (place / "study.toml").write_text(
        text + LOOP % {"capacity": capacity, "sample": sample}, encoding="utf-8"
    )
    monkeypatch.setenv("WORKBENCH_ROOT", str(root))
    monkeypatch.setenv("WORKBENCH_HOME", str(folder / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
    study = studies.load("hubei-2020")
    ring = keys.create(study.name)
    settle(study, ring, people)
    return study, ring


def settle(study, ring, people: int) -> None:
    """Put invented people into the vault, as linkage would."""
    key = pa.array(range(people), pa.int64())
    number = [f"42990119800101{n:04d}" for n in range(people)]
    name = ["=1+1", "+86", "-2", "@SUM(A1)", "'t", "_x0041_b", *(f"某{n}" for n in range(people))]
    address = [f"解放路{(n * 7) % people + 1}号" for n in range(people)]
    phone = [f"154{n:08d}" for n in range(people)]
    resolved = pa.table({
        "person": key, "name": name[:people], "number": number,
        "birth": ["1980-01-01"] * people, "phone": phone,
        "county": [COUNTIES[n % 3] for n in range(people)], "address": address,
    })  # fmt: skip
    stated = pa.table({
        "person": key, "id_number": number, "phone": phone,
        "document": ["passport" if n % 10 == 9 else "resident_id" for n in range(people)],
    })  # fmt: skip
    records = pa.table({
        "department": ["cases"] * people, "record": [f"{n:064x}" for n in range(people)],
        "person": key, "name": name[:people], "id_card": number, "birth": ["1980-01-01"] * people,
        "phone": phone, "county": resolved["county"], "address": address,
    })  # fmt: skip
    for label, table in (("resolved", resolved), ("persons", stated), ("records", records)):
        vault.seal_table(study.state / "vault", table, f"linkage/{label}", date(2020, 2, 9), ring)


def subject(ring, person: int, purpose: str = "screening") -> str:
    """Pseudonym of an invented person."""
    return persons.pseudonyms_of(pa.array([person], pa.int64()), ring, purpose)[0].as_py()


def findings(ring, people, *, rule: str = "met_case", duty: str = "trace_contacts", asks="contact",
             purpose: str = "screening", priority: int = 3, county=None) -> pa.Table:  # fmt: skip
    """Findings about invented people."""
    people = list(people)
    keyed = persons.pseudonyms_of(pa.array(people, pa.int64()), ring, purpose).to_pylist()
    many = len(people)
    return pa.table({
        "duty": [duty] * many, "purpose": [purpose] * many,
        "county": [county or COUNTIES[n % 3] for n in people],
        "subject": pa.array(keyed, pa.string()), "subject_kind": ["person"] * many,
        "asks": [asks] * many, "rule": [rule] * many, "rule_version": ["1"] * many,
        "score": pa.array([0.5 + n % 10 / 20 for n in people], pa.float64()),
        "department": ["health"] * many, "reason_zh": ["=同车"] * many,
        "reason_en": ["same carriage"] * many, "check_zh": ["是否同车"] * many,
        "check_en": ["same carriage?"] * many, "priority": pa.array([priority] * many, pa.int64()),
        "due": pa.nulls(many, pa.timestamp("us")),
    })  # fmt: skip


def hours(number: float) -> datetime:
    """Moment some hours after the start."""
    return START + timedelta(hours=number)


def receive(study, path: Path, ring, moment: datetime, **options: str):
    """Take one filled list in, or raise what is wrong with it."""
    (done,) = verification.receive(study, [path], ring, moment, **options)
    if isinstance(done, VerificationError):
        raise done
    return done


def fill(path: Path, answer, *, password: str = PASSWORD, into: Path | None = None,
         edit=None) -> Path:  # fmt: skip
    """
    Fill in a list as a team would; `answer` gives cells by column for each line, or None.

    `edit` may do anything to the sheet before it is saved.
    """
    from analytics.privacy import passwords

    book = openpyxl.load_workbook(io.BytesIO(passwords.unlock(path.read_bytes(), password)))
    sheet = book[sheets.SHEET]
    columns = {str(c.value).split()[-1]: c.column for c in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        line = {name: sheet.cell(row, place).value for name, place in columns.items()}
        for name, value in (answer(line) or {}).items():
            sheet.cell(row, columns[name]).value = value
    if edit:
        edit(sheet, columns)
    stream = io.BytesIO()
    book.save(stream)
    target = into or path.with_name(f"filled-{path.name}")
    target.write_bytes(passwords.lock_workbook(stream.getvalue(), password))
    return target


def records(count: int, *, first: int = 0) -> pa.Table:
    """Findings about rows of deliveries: nobody is named, so that no password is needed."""
    return pa.table({
        "duty": ["records"] * count, "purpose": ["statistics"] * count,
        "county": [COUNTIES[n % 3] for n in range(first, first + count)],
        "subject": [f"health/2020-02-09/cases.csv/{n}" for n in range(first, first + count)],
        "subject_kind": ["record"] * count, "asks": ["record_wrong"] * count,
        "rule": ["quarantine"] * count, "rule_version": ["1"] * count,
        "reason_zh": ["日期有误"] * count, "reason_en": ["bad date"] * count,
        "check_zh": ["核对"] * count, "check_en": ["look it up"] * count,
        "priority": pa.array([3] * count, pa.int64()),
    })  # fmt: skip


def fill_csv(path: Path, answer, into: Path) -> Path:
    """Fill in a CSV list; a line for which `answer` gives "delete" is left out."""
    import csv

    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    names = [cell.split()[-1] for cell in rows[0]]
    kept = [rows[0]]
    for row in rows[1:]:
        said = answer(dict(zip(names, row, strict=True)))
        if said != "delete":
            changed = dict(zip(names, row, strict=True)) | (said or {})
            kept.append([changed[name] for name in names])
    with into.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(kept)
    return into
