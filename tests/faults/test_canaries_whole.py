"""
Made-up identities go through the whole product; no file outside vault and keys tells any.

Deliveries in several formats are pooled, linked and reported on, and a report is made to fail amid
the records. What is spilt meanwhile is caught while it lies on disk.
Everything is searched as it stands and unpacked: gzip, zip, Parquet, Arrow, base64, numbers in
binary.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import logging
import os
import re
import shutil
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import nbformat
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from nbformat.v4 import new_code_cell
from tests import pool_study
from tests.made_up_people import records
from typer.testing import CliRunner

from analytics import errors, study, tables
from analytics.cli import app
from analytics.pool import deliveries, templates
from analytics.privacy import keys, vault
from analytics.reporting import run
from analytics.simulation import formats, province, truth

DAY = date(2020, 2, 20)
MORE = {
    "resident_register": ("police", {}),
    "cases": ("health", {"case_number": "C", "reporting_county": "420102",
                         "classification": "confirmed", "reported": "2020-02-19"}),
    "community_registration": ("government", {"registration_number": "G",
                                              "registered": "2020-02-19"}),
}  # fmt: skip
AMID = """
import traceback
from analytics import engine, study as studies
from analytics.pool import archive
held = studies.load(parameters.study)
known = archive.as_of(held.state / "archive", held.as_of, engine.connect())
rows = [table.to_pandas() for feed, table in known.items()]
raise RuntimeError(f"stopped amid {sum(map(len, rows))} rows: {rows}")
"""
_WORDS = re.compile(rb"[A-Za-z0-9+/]{20,}={0,2}")
_MOST = 40_000_000  # bytes of an unpacked part


@dataclass(frozen=True)
class Canaries:
    """Identity numbers in both forms and phones; names of three signs or more."""

    numbers: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, numbers: list, phones: list, names: list) -> Canaries:
        ids = {one for one in numbers if one and len(one) == 18}
        short = {one[:6] + one[8:17] for one in ids}
        called = {one for one in names if one and len(one) >= 3 and one[0] > "\u4e00"}
        return cls(frozenset(ids | short | {one for one in phones if one}), frozenset(called))

    def told_by(self, content: bytes) -> set[str]:
        """Canaries that some bytes tell."""
        found: set[str] = set()
        for text in unpacked(content):
            for plain in (text, text.replace(b"\0", b"")):
                digits = re.findall(rb"(?<![0-9a-f])[0-9]{11}(?![0-9a-f])", plain)
                for length in (15, 18):
                    digits += re.findall(rb"(?=([0-9]{%d}))" % (length - 1), plain)
                    digits += re.findall(rb"(?=([0-9]{%d}[0-9Xx]))" % (length - 1), plain)
                found |= {one.decode().upper() for one in digits} & self.numbers
            for code in ("utf-8", "gb18030", "utf-16-le"):
                with contextlib.suppress(UnicodeDecodeError):
                    found |= self._called(text.decode(code, "ignore"))
            if len(text) % 8 == 0:
                for kind in ("<i8", "<f8"):
                    values = np.frombuffer(text, kind)
                    whole = values[(values > 1e10) & (values < 1e18)]
                    found |= set(whole.astype(np.int64).astype(str).tolist()) & self.numbers
        return found

    def _called(self, text: str) -> set[str]:
        found: set[str] = set()
        for signs in re.findall("[\u4e00-\u9fff]{3,}", text):
            for size in (3, 4):
                found |= {signs[at : at + size] for at in range(len(signs) - size + 1)} & self.names
        return found


def unpacked(content: bytes, depth: int = 0):
    """Bytes as they stand, and everything packed in them."""
    yield content
    if depth == 3:
        return
    parts: list[bytes] = []
    with contextlib.suppress(OSError, EOFError, ValueError, zipfile.BadZipFile, pa.ArrowInvalid):
        if content[:2] == b"\x1f\x8b":
            parts.append(gzip.decompress(content)[:_MOST])
        elif content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                parts += [packed.read(name)[:_MOST] for name in packed.namelist()]
        elif content[:4] == b"PAR1":
            parts += columns(pq.read_table(io.BytesIO(content)))
        elif content[:6] == b"ARROW1":
            parts += columns(pa.ipc.open_file(content).read_all())
    for word in _WORDS.findall(content):
        with contextlib.suppress(ValueError):
            parts.append(base64.b64decode(word[: len(word) // 4 * 4]))
    for part in parts:
        yield from unpacked(part, depth + 1)


def columns(table: pa.Table) -> list[bytes]:
    return [
        "\n".join(map(str, column.to_pylist())).encode()
        for column in table.columns
        if not pa.types.is_boolean(column.type)
    ]


@contextlib.contextmanager
def catching(folder: Path, into: Path):
    """Copy whatever lies in a folder of spilt files while something runs."""
    into.mkdir()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for path in list(folder.rglob("*")) if folder.exists() else ():
                with contextlib.suppress(OSError):
                    if path.is_file() and 0 < path.stat().st_size < _MOST:
                        shutil.copyfile(path, into / f"{path.name}.{time.monotonic_ns()}")
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that anything writes lies below one folder, temporary files too."""
    for name in ("home", "keys", "temporary", "work"):
        (tmp_path / name).mkdir(mode=0o700)
    root = study.root()
    monkeypatch.setenv("WORKBENCH_ROOT", str(root))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def command(*arguments: str) -> str:
    found = CliRunner().invoke(app, arguments)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def through(place: Path, chosen: study.Study, caplog, *, memory: int, day: str) -> str:
    """Pool, link, report and fail; what was said meanwhile."""
    caplog.set_level(logging.DEBUG)
    said = [command("pool", "--study", chosen.name)]
    assert not [path for path in (chosen.state / "inbox").rglob("*") if path.is_file()]
    spill = chosen.state / "linkage" / "spill"
    with catching(spill, place / "caught"):
        said.append(command("link", "--train", "--study", chosen.name, "--memory", str(memory)))
    said += [command("deliveries", "list", "--study", chosen.name)]
    for feed in MORE:
        templates.write_template(tables.contract(feed), place / "work" / f"{feed}.xlsx")
    ordered = run.orders(
        [], {"study": chosen.name}, [day], languages=("zh", "en"), output=place / "reports"
    )
    for order in ordered:
        made = run.make(order)
        assert made.error is None, made.error
    said.append(failed(place, ordered[-1]))
    return "\n".join([*said, caplog.text])


def failed(place: Path, order: run.Order) -> str:
    """Make a report stop amid the records it read, its values in the error; what is said of it."""
    root = place / "failing"
    shutil.copytree(study.root() / "data", root / "data", ignore=shutil.ignore_patterns("state"))
    (root / "notebooks").mkdir()
    notebook = nbformat.read(order.notebook, 4)
    notebook.cells.insert(-1, new_code_cell(AMID, id="amid"))
    nbformat.write(notebook, root / "notebooks" / order.notebook.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_ROOT", str(root))
        made = run.make(replace(order, again=True, output=place / "failed"))
    assert isinstance(made.error, errors.RunError)
    (kept,) = (place / "failed").rglob("*.failed.ipynb")
    assert "stopped amid" in kept.read_text(encoding="utf-8")
    return str(made.error)


def found_in(place: Path, chosen: study.Study, said: str, canaries: Canaries) -> dict[str, int]:
    """Files that tell canaries, with how many; none should."""
    closed = (chosen.state / "vault", place / "keys")
    files = [
        path
        for path in place.rglob("*")
        if path.is_file() and not any(path.is_relative_to(one) for one in closed)
    ]
    assert len(files) > 20
    told = {str(path.relative_to(place)): canaries.told_by(path.read_bytes()) for path in files}
    told["what was said"] = canaries.told_by(said.encode())
    return {name: len(each) for name, each in told.items() if each}


def delivered(people: pa.Table, feed: str) -> pa.Table:
    """A department's records as its feed has them, the last rows unsound."""
    department, more = MORE[feed]
    rows = people.filter(pc.equal(people["department"], department))
    if feed == "resident_register":
        rows = rows.filter(pc.is_valid(rows["id_card"]))
    columns = {"id_number" if name == "id_card" else name: rows[name] for name in rows.column_names}
    kept = ("id_number", "name", "birth_date", "phone", "county", "address")
    table = pa.table({name: columns[name] for name in kept})
    for name, value in more.items():
        number = pc.binary_join_element_wise(value, rows["record"], "")
        table = table.append_column(
            name, number if len(value) == 1 else pa.array([value] * len(rows))
        )
    unsound = [True] * 7 + [False] * (len(table) - 7)
    births = pc.if_else(pa.array(unsound), "2020-13-41", table["birth_date"])
    return table.set_column(2, "birth_date", births)


@pytest.mark.fault(
    "500 canaries through the whole command", "publication", "the same, on each change"
)
def test_five_hundred_identities_leave_no_trace(place, monkeypatch, caplog):
    chosen = pool_study.make(monkeypatch, place)
    pool_study.with_published(place / "home")
    keys.create(chosen.name)
    people = records(500, seed=41)
    for feed, form in zip(MORE, (".csv", ".xlsx", ".jsonl"), strict=True):
        table, contract = delivered(people, feed), tables.contract(feed)
        deliveries.drop(
            chosen, feed, DAY, encoded(table, contract, form), suffix=form,
            delivered=datetime(2020, 2, 20, 9, tzinfo=study.ZONE),
        )  # fmt: skip
    sent = people.filter(pc.not_equal(people["department"], "telecom"))
    canaries = Canaries.of(*(sent[name].to_pylist() for name in ("id_card", "phone", "name")))
    assert len(canaries.numbers) > 1000
    said = through(place, chosen, caplog, memory=500, day="2020-02-29")
    assert " quarantined" in said
    assert found_in(place, chosen, said, canaries) == {}
    assert "linkage/persons" in vault.names(chosen.state / "vault")


def encoded(table: pa.Table, contract: tables.Contract, form: str) -> bytes:
    """Write a delivery as a department does."""
    empty = pa.nulls(table.num_rows, pa.string())
    whole = {
        column.name: table[column.name].cast(pa.string())
        if column.name in table.column_names
        else empty
        for column in contract.columns
    }
    return formats.file(pa.table(whole), contract, form.removeprefix("."))


@pytest.mark.slow
@pytest.mark.fault(
    "10,000 canaries through the whole command",
    "publication",
    "in no page, manifest, log, message or spilled file; packed data searched too",
)
def test_ten_thousand_identities_of_all_feeds_leave_no_trace(place, caplog):
    chosen = study.load("hubei-2020-simulated")
    keys.create(chosen.name)
    province.simulate(chosen, 10_000, 43, date(2020, 2, 19), date(2020, 2, 20), dirt="easy")
    contracts = [each for held in tables.departments().values() for each in held]
    sent = {each.feed for each in contracts if each.personal}
    came = {path.name.split(".")[0] for path in (chosen.state / "inbox").rglob("*.done")}
    assert len(sent & came) >= len(sent) - 2
    persons = pq.read_table(truth.folder(chosen) / "persons.parquet")
    shutil.rmtree(truth.folder(chosen))
    canaries = Canaries.of(*(persons[name].to_pylist() for name in ("id_number", "phone", "name")))
    assert len(canaries.numbers) > 20_000
    said = through(place, chosen, caplog, memory=1024, day="2020-02-20")
    assert found_in(place, chosen, said, canaries) == {}


def test_the_search_unpacks_what_hides_an_identity():
    number, phone, name = "42010219800101123X", "13912345678", "欧阳静"
    canaries = Canaries.of([number], [phone], [name])
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("sheet.xml", f"<c>{name}</c>")
    stored = io.BytesIO()
    pq.write_table(pa.table({"x": [int(phone)]}), stored, compression="zstd")
    array = np.array([1.0, float(phone)]).tobytes()
    hiding = {
        "plain": f"a{number}b".encode(),
        "wide": f"tel {phone} ".encode("utf-16-le"),
        "old form": (number[:6] + number[8:17]).encode(),
        "gb": f"某{name}某".encode("gb18030"),
        "gzip": gzip.compress(number.encode(), mtime=0),
        "zip": book.getvalue(),
        "parquet": stored.getvalue(),
        "array in a page": b'{"bdata":"' + base64.b64encode(array) + b'"}',
        "gzip in base64": base64.b64encode(gzip.compress(b"{}" * 9 + name.encode(), mtime=0)),
    }
    missed = [where for where, content in hiding.items() if not canaries.told_by(content)]
    assert missed == []
    assert not canaries.told_by(b"42010219800101123 and 13912345679 " + os.urandom(4096))


def test_nothing_of_ours_spills_in_clear():
    """A DuckDB of ours writes nothing beside memory, or encrypts it."""
    sources = Path(study.__file__).parent.rglob("*.py")
    opened = [
        (path.name, line.strip())
        for path in sources
        for line in path.read_text(encoding="utf-8").splitlines()
        if "duckdb.connect(" in line and 'temp_directory": ""' not in line
    ]
    assert {name for name, _ in opened} <= {"workspace.py", "__init__.py"}, opened
