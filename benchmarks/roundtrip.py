"""
A work list of 10,000 lines out and back, and 300,000 open rows listed, filtered and exported.

Out: names from the vault, sealed lines, locked workbook, password. Back: opened, every seal
checked, every answer judged and added to the archive. The peer writes and reads a sheet of the
same cells with openpyxl alone, without any of that. Seconds are of the processor, since others
may share the machine.
"""

from __future__ import annotations

import io
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

LINES = 10_000
OPEN = 300_000
PASSWORD = "benchmark only"
ROSTER = """
region = "420000"
nature = "simulated"
as_of = 2020-02-29
first_date = 2020-01-23
last_date = 2020-04-15
[title]
zh = "测试"
en = "Benchmark"
[region_name]
zh = "湖北省"
en = "Hubei"
[[duties]]
task = "trace"
who = { zh = "社区", en = "Communities" }
due = 20:00:00
team = "community"
purpose = "screening"
columns = ["name", "phone", "address"]
capacity = 1000000
"""
START = datetime.fromisoformat("2020-02-10T08:00:00+08:00")


def run() -> list[dict[str, object]]:
    """Rows: the round trip beside openpyxl; listing, filtering and exporting many open rows."""
    with _study() as (study, ring, folder):
        rows = round_trip(study, ring, folder)
    with _study() as (study, ring, folder):
        rows += many_open(study, ring, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [{"name": "roundtrip", "peak_memory_mb": peak, **row} for row in rows]


def round_trip(study: Any, ring: Any, folder: Path) -> list[dict[str, object]]:
    """Export 10,000 lines, let a team fill them in, and receive them."""
    from analytics.loop import push, verification, worklists

    _settle(study, ring, LINES)
    push.push(study, _findings(ring, LINES, ["420102"]), ring, START)
    out, (listed,) = _timed(lambda: worklists.export(
        study, ["420102.community.1"], ring, START + timedelta(hours=1), folder / "out",
        password=PASSWORD))  # fmt: skip
    filled = _fill(listed.path)
    back, (done,) = _timed(lambda: verification.receive(
        study, [filled], ring, START + timedelta(hours=9), password=PASSWORD))  # fmt: skip
    assert done.answers == LINES
    assert not done.aside
    peer, _ = _timed(lambda: _openpyxl(filled))
    what = f"{LINES:,} lines out and back, every seal checked, beside openpyxl's cells alone [s]"
    return [{"what": what, "ours": out + back, "peer": peer, "ratio": peer / (out + back)}]


def many_open(study: Any, ring: Any, folder: Path) -> list[dict[str, object]]:
    """300,000 open rows in 103 counties: listed, filtered, one county's list exported."""
    from analytics.loop import push, worklists

    _settle(study, ring, OPEN)
    counties = [c.split()[0] for c in worklists.counties(study)[:-1]]
    found = _findings(ring, OPEN, counties)
    pushed, done = _timed(lambda: push.push(study, found, ring, START))
    assert done.rows == OPEN
    now = START + timedelta(hours=1)
    listing, lists = _timed(lambda: worklists.summary(study, now))
    filtering, kept = _timed(lambda: worklists.rows(study, now, county=counties[0]))
    name = lists["list"][0].as_py()
    exporting, (listed,) = _timed(lambda: worklists.export(
        study, [name], ring, now, folder / "out", password=PASSWORD))  # fmt: skip
    assert lists.num_rows == len(counties)
    assert listed.lines == kept.num_rows
    spent = (("pushed", pushed), ("listed by list", listing), ("filtered by county", filtering),
             (f"one list of {listed.lines:,} lines exported", exporting))  # fmt: skip
    return [
        {"what": f"{OPEN:,} open rows: {what} [s]", "ours": seconds, "peer": None, "ratio": None}
        for what, seconds in spent
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    done = work()
    return time.process_time() - started, done


@contextmanager
def _study() -> Iterator[tuple[Any, Any, Path]]:
    from analytics import study as studies
    from analytics.privacy import keys

    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "data" / "bench").mkdir(parents=True)
        (folder / "data" / "bench" / "study.toml").write_text(ROSTER, encoding="utf-8")
        for name, at in (("ROOT", ""), ("HOME", "home"), ("KEYS", "keys")):
            os.environ[f"WORKBENCH_{name}"] = str(folder / at)
        os.environ["WORKBENCH_ROOT"] = str(folder)
        os.environ["WORKBENCH_KEYS"] = tempfile.mkdtemp()
        try:
            yield studies.load("bench"), keys.create("bench"), folder
        finally:
            os.environ.clear()
            os.environ.update(before)


def _settle(study: Any, ring: Any, people: int) -> None:
    from analytics.privacy import vault

    key = pa.array(range(people), pa.int64())
    number = [f"42990119800101{n:04d}"[:18] for n in range(people)]
    phone = [f"154{n:08d}" for n in range(people)]
    resolved = pa.table({
        "person": key, "number": number, "name": [f"某{n}" for n in range(people)],
        "birth": ["1980-01-01"] * people, "phone": phone, "county": ["420102"] * people,
        "address": [f"解放路{n * 7 % people}号" for n in range(people)],
    })  # fmt: skip
    stated = pa.table({"person": key, "id_number": number, "phone": phone,
                       "document": ["resident_id"] * people})  # fmt: skip
    for name, table in (("resolved", resolved), ("persons", stated)):
        vault.seal_table(study.state / "vault", table, f"linkage/{name}", date(2020, 2, 9), ring)


def _findings(ring: Any, people: int, counties: list[str]) -> pa.Table:
    from analytics.loop import persons

    keyed = persons.pseudonyms_of(pa.array(range(people), pa.int64()), ring, "screening")
    fixed = {"duty": "trace", "purpose": "screening", "subject_kind": "person", "asks": "contact",
             "rule": "same_carriage", "rule_version": "1", "reason_zh": "同车厢",
             "reason_en": "same carriage", "check_zh": "是否同车",
             "check_en": "same train?"}  # fmt: skip
    return pa.table({
        **{name: pa.repeat(pa.scalar(value), people) for name, value in fixed.items()},
        "county": [counties[n % len(counties)] for n in range(people)],
        "subject": keyed.combine_chunks(), "priority": pa.repeat(pa.scalar(3), people),
    })  # fmt: skip


def _fill(path: Path) -> Path:
    """Fill the list in as a team would; this is not timed."""
    import openpyxl

    from analytics.privacy import passwords

    book = openpyxl.load_workbook(io.BytesIO(passwords.unlock(path.read_bytes(), PASSWORD)))
    sheet = book.worksheets[0]
    columns = {str(c.value).split()[-1]: c.column for c in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, columns["verdict_1"]).value = "属实 confirmed"
        sheet.cell(row, columns["verified"]).value = date(2020, 2, 10)
    stream = io.BytesIO()
    book.save(stream)
    target = path.with_name("filled.xlsx")
    target.write_bytes(passwords.lock_workbook(stream.getvalue(), PASSWORD))
    return target


def _openpyxl(path: Path) -> int:
    """Write and read as many cells with openpyxl in its fastest way."""
    import openpyxl

    from analytics.loop import sheets
    from analytics.privacy import passwords

    rows = sheets.read(passwords.unlock(path.read_bytes(), PASSWORD), ".xlsx")
    started = openpyxl.Workbook(write_only=True)
    sheet = started.create_sheet("list")
    for row in rows:
        sheet.append(list(row.values()))
    stream = io.BytesIO()
    started.save(stream)
    book = openpyxl.load_workbook(io.BytesIO(stream.getvalue()), read_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))


if __name__ == "__main__":
    for line in run():
        print(line)
