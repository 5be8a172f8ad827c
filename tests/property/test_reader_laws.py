"""Whatever bytes come in, a reader gives rows or refuses the file whole; it never hangs."""

from __future__ import annotations

import gzip
import io
import os
import signal
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import tables
from analytics.errors import ContractError
from analytics.pool import reading

CONTRACT = tables.contract("beds")
HEADING = ("facility", "date", "county", "beds", "occupied")
ROW = ("同济医院", "2020-02-01", "420102", "12", "3")
SECONDS = 20  # for one file of a few kilobytes, on a busy machine
REASONS = {
    "empty", "truncated", "damaged", "bomb", "encoding", "format", "headings", "quotes", "entities",
}  # fmt: skip
CALM = settings(
    deadline=None,
    max_examples=int(os.environ.get("WORKBENCH_FUZZ_EXAMPLES", "60")),
    suppress_health_check=list(HealthCheck),
)


class Hung(BaseException):
    """A reader took too long; no `except Exception` may swallow it."""


def sheet():
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for line in (HEADING, *[ROW] * 5):
        book.active.append(line)
    book.save(stream)
    return stream.getvalue()


def parquet():
    stream = io.BytesIO()
    pq.write_table(pa.table({name: [cell] * 5 for name, cell in zip(HEADING, ROW, strict=True)}),
                   stream, write_page_checksum=True)  # fmt: skip
    return stream.getvalue()


CSV = "".join(",".join(line) + "\n" for line in (HEADING, *[ROW] * 5)).encode()
LINE = "{" + ",".join(f'"{n}":"{c}"' for n, c in zip(HEADING, ROW, strict=True)) + "}\n"
SOUND = {
    "beds.csv": CSV,
    "beds.jsonl": LINE.encode() * 5,
    "beds.xlsx": sheet(),
    "beds.parquet": parquet(),
    "beds.csv.gz": gzip.compress(CSV, mtime=0),
}


def outcome(name, content):
    """Reason of refusal, or the number of rows; anything else fails here."""

    def hung(*_: object) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(SECONDS)
    reason = ""
    try:
        found = reading.read(Path(name), CONTRACT, content)
    except ContractError as refused:
        reason = refused.breaches[0]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    if reason:
        assert reason in REASONS
        return reason
    assert found.rows.column_names == [
        "_position",
        *(c.name for c in CONTRACT.columns),
        "withdrawn",
    ]
    found.rows.validate(full=True)
    return found.rows.num_rows + found.misread.num_rows


@pytest.mark.parametrize("name", SOUND)
def test_the_files_to_be_spoilt_are_sound(name):
    assert outcome(name, SOUND[name]) == 5


@pytest.mark.parametrize("name", SOUND)
@CALM
@given(content=st.binary(max_size=4000))
@pytest.mark.fault(
    "any bytes as a delivery",
    "deliveries",
    "read, or the whole file set aside; never a crash or a hang",
)
def test_any_bytes_are_read_or_refused_whole(name, content):
    outcome(name, content)


FLIP = st.tuples(st.just("flip"), st.integers(0), st.integers(1, 255))
CUT = st.tuples(st.just("cut"), st.integers(0), st.just(0))
PUT = st.tuples(
    st.just("put"),
    st.integers(0),
    st.sampled_from(
        [b"\0", b'"', b"\n", b"\r", b",", b"\xff\xfe", b"{", b"PAR1", b"PK\3\4", b"]]>"]
    ),
)
TWICE = st.tuples(st.just("twice"), st.integers(0), st.integers(1, 200))


def spoilt(content, changes):
    changed = bytearray(content)
    for how, place, what in changes:
        at = place % max(len(changed), 1)
        if how == "flip" and changed:
            changed[at] ^= what
        elif how == "cut":
            del changed[at:]
        elif how == "put":
            changed[at:at] = what
        elif how == "twice":
            changed[at:at] = changed[at : at + what]
    return bytes(changed)


@pytest.mark.parametrize("name", SOUND)
@CALM
@given(changes=st.lists(st.one_of(FLIP, CUT, PUT, TWICE), min_size=1, max_size=6))
def test_a_spoilt_file_is_read_or_refused_whole(name, changes):
    outcome(name, spoilt(SOUND[name], changes))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"])
@CALM
@given(changes=st.lists(st.one_of(FLIP, CUT, PUT, TWICE), min_size=1, max_size=6))
def test_a_workbook_spoilt_inside_is_read_or_refused_whole(part, changes):
    """Zip and checksums hold; only the XML inside is not what it should be."""
    outcome("beds.xlsx", repacked(part, lambda body: spoilt(body, changes)))


def repacked(part, change):
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(SOUND["beds.xlsx"])) as old,
        zipfile.ZipFile(stream, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return stream.getvalue()


@pytest.mark.parametrize("place", range(0, len(SOUND["beds.parquet"]), 97))
@pytest.mark.fault("flipped byte in Parquet", "deliveries", "refused by page checksums")
def test_a_flipped_byte_in_parquet_is_never_read_as_if_nothing_were(place):
    """Refused, or the bit meant nothing and every cell is as it was."""
    content = spoilt(SOUND["beds.parquet"], [("flip", place, 0x40)])
    try:
        found = reading.read(Path("beds.parquet"), CONTRACT, content)
    except ContractError:
        return
    sound = reading.read(Path("beds.parquet"), CONTRACT, SOUND["beds.parquet"])
    shared = set(HEADING) - set(found.absent)
    assert found.rows.select(sorted(shared)).equals(sound.rows.select(sorted(shared)))


SHEET = "xl/worksheets/sheet1.xml"
CELLS = b'<row r="7"><c r="A7" t="inlineStr"><is><t>x</t></is></c></row>'


@pytest.mark.fault("XLSX with a false dimension", "deliveries", "every row read")
def test_what_a_sheet_says_of_its_own_size_loses_no_row():
    """Programs other than Excel write a dimension that leaves rows out."""
    small = repacked(SHEET, lambda body: body.replace(b'ref="A1:E6"', b'ref="A1"'))
    assert outcome("beds.xlsx", small) == 5


@pytest.mark.fault("XLSX with row 99,999,999,999", "deliveries", "refused in a second")
def test_a_row_number_beyond_any_sheet_is_refused_not_counted_up_to():
    far = CELLS.replace(b'r="7"', b'r="99999999999"').replace(b"A7", b"A99999999999")
    beyond = repacked(SHEET, lambda body: body.replace(b"</sheetData>", far + b"</sheetData>"))
    assert outcome("beds.xlsx", beyond) == "damaged"


def packed(**columns):  # noqa: ANN003
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


WORD = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, pa.int32()), pa.array(["A" * 2000]))
REST = {"date": ["2020-02-01"], "county": ["420102"], "beds": [1]}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("beds.parquet", packed(facility=pa.nulls(50_000_000)), "bomb"),
        ("beds.parquet", packed(facility=WORD, date=WORD, county=WORD, beds=WORD), "bomb"),
        ("beds.parquet", packed(facility=[[["x"]]], **REST), "damaged"),
        ("beds.csv.gz", gzip.compress(bytes(1 << 26), mtime=0), "bomb"),
        ("beds.csv.gz", gzip.compress(gzip.compress(CSV), mtime=0), "damaged"),
        ("beds.csv", CSV.replace(b"occupied", b"x" * 200_000), "headings"),
        ("beds.csv", b",".join([b"x"] * 100_000) + b"\n", "headings"),
        ("beds.xlsx", repacked("xl/workbook.xml", lambda b: b"<!DOCTYPE x [<!ENTITY e SYSTEM "
                               b"'file:///etc/passwd'>]>" + b), "entities"),
        ("beds.xlsx", repacked("docProps/core.xml", lambda _: bytes(1 << 26)), "damaged"),
    ],
)  # fmt: skip
@pytest.mark.fault("gzip bomb", "deliveries", "refused before it unpacks")
@pytest.mark.fault("Parquet bomb", "deliveries", "refused before it is spelled out")
@pytest.mark.fault("XLSX with external entities", "deliveries", "refused before any XML is parsed")
def test_known_attacks_are_refused_by_their_name(name, content, reason):
    assert outcome(name, content) == reason


@pytest.mark.fault("zip bomb", "deliveries", "refused before it unpacks")
def test_a_zip_bomb_is_refused_before_it_unpacks():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in zipfile.ZipFile(io.BytesIO(SOUND["beds.xlsx"])).namelist():
            bomb.writestr(name, b"")
        with bomb.open("xl/media/image.png", "w", force_zip64=True) as member:
            for _ in range(64):
                member.write(bytes(1 << 22))
    assert outcome("beds.xlsx", stream.getvalue()) == "bomb"


@pytest.mark.fault(
    "path traversal in a zip member", "deliveries", "refused; nothing is unpacked to disk"
)
def test_members_that_lead_out_of_a_workbook_are_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as book:
        book.writestr("../../etc/cron.d/x", b"* * * * * root id")
    assert outcome("beds.xlsx", stream.getvalue()) == "damaged"


def test_line_ends_of_the_oldest_programs_are_read():
    assert outcome("beds.csv", CSV.replace(b"\n", b"\r")) == 5
