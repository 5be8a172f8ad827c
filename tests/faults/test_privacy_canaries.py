"""Ten thousand made-up identities go through the privacy floor; no file holds any of them."""

from __future__ import annotations

import base64
import logging
import re
import traceback
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from analytics.codes import Purpose
from analytics.errors import WorkbenchError
from analytics.privacy import audit, crosswalk, keys, pseudonyms, purposes, retention, vault
from analytics.tables import RESIDENT_REGISTER, read

COUNT = 10_000
IDS = [f"420102{1950 + n % 50}0{1 + n % 9}1{n % 10}{n // 10:03d}{n % 10}" for n in range(COUNT)]
PHONES = [f"139{n * 7919 % 10**8:08d}" for n in range(COUNT)]
NAMES = [f"甄金雀{n}" for n in range(COUNT)]
DAY = date(2020, 2, 29)


def numbers_in(content: bytes) -> set[str]:
    """Every identity or phone number that stands in some bytes, plain, UTF-16 or base64."""
    words = re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", content)
    decoded = [base64.b64decode(word[: len(word) // 4 * 4]) for word in words]
    found = set()
    for text in (content, content.replace(b"\0", b""), *decoded):
        # A phone within hexadecimal digits would be chance; an ID there would not.
        phones = re.findall(rb"(?<![0-9a-f])[0-9]{11}(?![0-9a-f])", text)
        old, new = (re.findall(rb"(?=([0-9]{%d}))" % length, text) for length in (15, 18))
        found.update(run.decode() for run in (*phones, *old, *new))
    return found


CANARIES = {*IDS, *PHONES, *(number[:6] + number[8:17] for number in IDS)}
NAME = "甄金雀"


def tells(content: bytes) -> bool:
    names = any(NAME.encode(code) in content for code in ("utf-8", "gb18030", "utf-16-le"))
    return names or bool(numbers_in(content) & CANARIES)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return tmp_path


def test_the_search_finds_what_it_seeks():
    hiding = [
        IDS[7].encode(),
        b"x" + IDS[1].encode(),
        PHONES[9].encode("utf-16-le"),
        NAMES[5].encode("gb18030"),
        base64.b64encode(f"xx{IDS[3]}yyyyyyyy".encode()),
    ]
    for hidden in hiding:
        assert tells(b"\x01" + hidden + b"\x02")
    assert not tells(b"420102199901010000 and 13000000001")


@pytest.mark.fault(
    "10,000 canaries through the privacy floor",
    "keys",
    "in no file, log or traceback, nor in base64",
)
def test_no_file_log_or_traceback_holds_a_canary(place, caplog):
    caplog.set_level(logging.DEBUG)
    ring = keys.create("wuhan")
    register = pa.table({"document": pa.nulls(COUNT, pa.string()), "id_number": IDS, "name": NAMES,
                         "phone": PHONES, "county": ["420102"] * COUNT})  # fmt: skip
    inbox = place / "register.csv"
    lines = zip(IDS, NAMES, PHONES, strict=True)
    inbox.write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    folder, log = place / "vault", place / "audit.jsonl"
    vault.seal(folder, inbox, "public_security/register.csv", DAY, ring)
    vault.seal_table(folder, register, "linkage/persons", DAY, ring)
    contract = read(RESIDENT_REGISTER).columns
    shown = []
    for purpose in Purpose:
        roles = {"tester": frozenset({purpose})}
        reader = purposes.Reader("tester", purpose)
        view = purposes.project(register, "register", contract, reader, ring, log, roles=roles)
        with pa.ipc.new_file(str(place / f"{purpose}.arrow"), view.schema) as writer:
            writer.write_table(view)
    new = crosswalk.rotate(folder, ring, *crosswalk.persons(register))
    for refused in (
        lambda: vault.seal(folder, inbox, NAMES[0], DAY, new),
        lambda: vault.seal(folder, place / IDS[0], "x", DAY, new),
        lambda: vault.unseal(folder, f"register/{IDS[1]}", new),
        lambda: audit.record(log, "read", PHONES[2], role="clerk", counts={"rows": int(IDS[2])}),
        lambda: audit.record(log, "read", "x", role="clerk", counts={NAMES[3]: 1}, actor=NAMES[4]),
        lambda: purposes.project(register, "register", contract,
                                 purposes.Reader(NAMES[5], Purpose.TRAVEL), new, log),
        lambda: pseudonyms.pseudonymise(pa.array([float(PHONES[6])]), new, "travel"),
    ):  # fmt: skip
        with pytest.raises(WorkbenchError) as caught:
            refused()
        shown.append("".join(traceback.format_exception_only(caught.value)))
    retention.purge(folder, date(2020, 3, 1), new)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path.name for path in files if tells(path.read_bytes())] == []
    assert not tells("\n".join(shown).encode())
    assert not tells(caplog.text.encode())
