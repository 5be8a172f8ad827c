"""What intake accepts, what it refuses and why: one case a row."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics import study, tables
from analytics.errors import ContractError
from analytics.pool import intake, reading, regions

DAY = date(2020, 3, 1)


@pytest.fixture(scope="module")
def places():
    chosen = study.load("hubei-2020")
    return regions.places(chosen)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def take(tmp_path, connection, places, feed, content, name="x.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    contract = tables.contract(feed)
    return intake.take(connection, reading.read(path, contract), contract, places, DAY)


def faults(taken):
    return sorted((r["position"], r["column"], r["reason"]) for r in taken.rejected.to_pylist())


BEDS = "facility,date,county,beds\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-02-03", date(2020, 2, 3)),
        ("2020/2/3", date(2020, 2, 3)),
        ("2020.02.03", date(2020, 2, 3)),
        ("2020年2月3日", date(2020, 2, 3)),
        ("20200203", date(2020, 2, 3)),
        ("２０２０－０２－０３", date(2020, 2, 3)),
        ("43864", date(2020, 2, 3)),
        ("2020-02-03 08:30", date(2020, 2, 3)),
        ("03/04/2020", "ambiguous_date"),
        ("3-4-20", "ambiguous_date"),
        ("2020-02-30", "not_a_date"),
        ("2020-03-02", "in_the_future"),
        ("1820-01-01", "too_early"),
        ("", "missing"),
        ("不详", "missing"),
    ],
)
def test_dates(tmp_path, connection, places, written, expected):
    taken = take(tmp_path, connection, places, "beds", f"{BEDS}A,{written},420102,1\n")
    if isinstance(expected, str):
        assert faults(taken) == [(1, "date", expected)]
    else:
        assert taken.accepted["date"].to_pylist() == [expected]


# 11010519491231002X is the worked example of GB 11643-1999.
@pytest.mark.parametrize(
    ("document", "number", "expected"),
    [
        ("", "11010519491231002X", ("resident_id", "11010519491231002X")),
        ("", "11010519491231002x", ("resident_id", "11010519491231002X")),
        ("", "１１０１０５１９４９１２３１００２Ｘ", ("resident_id", "11010519491231002X")),
        ("", "110105491231002", ("resident_id", "11010519491231002X")),
        ("居民身份证", "110105 19491231 002X", ("resident_id", "11010519491231002X")),
        ("", "110105194912310021", "check_digit"),
        ("", "110105194902300020", "birth_date_in_number"),
        ("", "1.10105194912310E+17", "digits_lost"),
        ("", "420102199001011000", "digits_lost"),
        ("", "H12345678", ("mainland_permit_hk_mo", "H12345678")),
        ("mainland_permit_tw", "12345678", ("mainland_permit_tw", "12345678")),
        ("passport", "E12345678", ("passport", "E12345678")),
        ("", "USA123456789012", ("permanent_resident", "USA123456789012")),
        ("passport", "11010519491231002X", "not_of_this_document"),
        ("", "4201********1234", "not_a_document_number"),
        ("", "", (None, None)),
    ],
)
def test_identity_documents(tmp_path, connection, places, document, number, expected):
    text = f"test_number,county,method,sampled,document,id_number\n1,420102,核酸,2020-02-01 08:00,{document},{number}\n"  # noqa: E501
    taken = take(tmp_path, connection, places, "tests", text)
    if isinstance(expected, str):
        assert faults(taken) == [(1, "id_number", expected)]
    else:
        row = taken.accepted.to_pylist()[0]
        assert (row["document"], row["id_number"]) == expected


def test_check_characters_agree_with_python_stdnum(tmp_path, connection, places):
    """Every check character is accepted or refused as python-stdnum does."""
    from stdnum.cn import ric

    numbers = [f"42010219900307{n:03d}{c}" for n in range(0, 999, 37) for c in "0123456789X"]
    text = "case_number,reporting_county,classification,reported,id_number\n" + "".join(
        f"{n},420102,确诊病例,2020-02-01,{number}\n" for n, number in enumerate(numbers)
    )
    taken = take(tmp_path, connection, places, "cases", text)
    expected = sorted(number for number in numbers if ric.is_valid(number))
    assert sorted(taken.accepted["id_number"].to_pylist()) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("13812345678", "13812345678"),
        ("+86 138-1234-5678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("+852 6123 4567", "+85261234567"),
        ("027-87654321", "02787654321"),
        ("+4915112345678", "+4915112345678"),
        ("12345", None),
        ("1.38123E+10", None),
    ],
)
def test_phones(tmp_path, connection, places, written, expected):
    text = f"call_number,called,phone\n1,2020-02-01 08:00,{written}\n"
    taken = take(tmp_path, connection, places, "hotline", text)
    assert taken.accepted["phone"].to_pylist() == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("420102", "420102"), ("江岸区", "420102"), ("武汉市江岸区", "420102"), ("武汉", "420100"),
        ("湖北省", "420000"), ("恩施州", "422800"), ("监利县", "421023"), ("421088", "421023"),
        ("南京市鼓楼区", "320106"), ("鼓楼区", None), ("420199", None), ("火星", None),
    ],
)  # fmt: skip
def test_regions(tmp_path, connection, places, written, expected):
    taken = take(tmp_path, connection, places, "beds", f"{BEDS}A,2020-02-01,{written},1\n")
    assert taken.accepted["county"].to_pylist() == ([expected] if expected else [])
    if not expected:
        assert faults(taken) == [(1, "county", "unknown_region")]


def test_a_missing_county_is_read_off_the_address(tmp_path, connection, places):
    text = (
        "case_number,reporting_county,classification,reported,address\n"
        "1,420102,suspected,2020-02-01,湖北省武汉市江岸区解放大道1号\n"
        "2,420102,suspected,2020-02-01,解放大道1号\n"
    )
    taken = take(tmp_path, connection, places, "cases", text)
    assert taken.accepted.sort_by("_position")["county"].to_pylist() == ["420102", None]


def test_na_is_a_surname(tmp_path, connection, places):
    text = "case_number,reporting_county,classification,reported,name\n1,420102,suspected,2020-02-01,NA\n"  # noqa: E501
    assert take(tmp_path, connection, places, "cases", text).accepted["name"].to_pylist() == ["NA"]


def test_every_fault_of_a_row_is_named(tmp_path, connection, places):
    taken = take(tmp_path, connection, places, "beds", f"{BEDS},03/04/2020,火星,-1\n")
    assert faults(taken) == [
        (1, "beds", "out_of_range"),
        (1, "county", "unknown_region"),
        (1, "date", "ambiguous_date"),
        (1, "facility", "missing"),
    ]


def test_dates_out_of_order(tmp_path, connection, places):
    text = "case_number,reporting_county,classification,reported,onset\n1,420102,suspected,2020-02-01,2020-02-03\n"  # noqa: E501
    assert faults(take(tmp_path, connection, places, "cases", text)) == [
        (1, "onset", "after_reported")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_encodings_and_chinese_headings(tmp_path, connection, places, encoding):
    text = "医疗机构,日期,所在县,床位\n同济医院,2020-02-01,江岸区,12\n"
    taken = take(tmp_path, connection, places, "beds", text.encode(encoding))
    assert taken.accepted["facility"].to_pylist() == ["同济医院"]


def test_formats_say_the_same(tmp_path, connection, places):
    """CSV, JSON Lines, XLSX and Parquet, packed or not, give the same rows."""
    rows = [{"facility": "A", "date": "2020-02-01", "county": "420102", "beds": 3}] * 2
    rows += [{"facility": "B", "date": "2020-02-01", "county": "420102", "beds": 4}]
    csv = BEDS + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    book = openpyxl.Workbook()
    for line in [list(rows[0]), *(list(row.values()) for row in rows)]:
        book.active.append(line)
    sheet, parquet = io.BytesIO(), io.BytesIO()
    book.save(sheet)
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    files = {
        "x.csv": csv.encode(),
        "x.csv.gz": gzip.compress(csv.encode()),
        "x.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "x.xlsx": sheet.getvalue(),
        "x.parquet": parquet.getvalue(),
    }
    for name, content in files.items():
        taken = take(tmp_path, connection, places, "beds", content, name)
        said = sorted(
            zip(
                taken.accepted["facility"].to_pylist(),
                taken.accepted["beds"].to_pylist(),
                strict=True,
            )
        )
        assert (name, said, taken.duplicates) == (name, [("A", 3), ("B", 4)], 1)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        (420102199003070003, None),
        ("11010519491231002X", "11010519491231002X"),
        (110105491231002, "11010519491231002X"),
        (4.20102199003071e17, None),
    ],
)
def test_numbers_in_sheets_keep_their_digits_or_are_refused(
    tmp_path, connection, places, cell, kept
):
    book = openpyxl.Workbook()
    book.active.append(
        ["case_number", "reporting_county", "classification", "reported", "id_number"]
    )
    book.active.append(["1", "420102", "suspected", "2020-02-01", cell])
    sheet = io.BytesIO()
    book.save(sheet)
    taken = take(tmp_path, connection, places, "cases", sheet.getvalue(), "x.xlsx")
    assert taken.accepted["id_number"].to_pylist() == ([kept] if kept else [])


def _sheet(part: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", part)
    return content.getvalue()


GOOD = (BEDS + "".join(f"A{n},2020-02-01,420102,1\n" for n in range(2000))).encode()
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("x.csv", GOOD[:-9], "truncated"),
        ("x.csv.gz", PACKED[:-20], "truncated"),
        ("x.csv.gz", PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "damaged"),
        ("x.csv.gz", gzip.compress(BEDS.encode() + b"A" * (64 << 20), mtime=0), "bomb"),
        ("x.csv", BEDS.encode() + b"A,\0,1,2\n", "damaged"),
        ("x.csv", BEDS.encode() + b"A,\xff\xfe,1,2\n", "encoding"),
        ("x.csv", b"a,b\n1,2\n", "headings"),
        ("x.csv", (BEDS + 'A,2020-02-01,420102,"1\nB,2020-02-01,420102,2\n').encode(), "truncated"),
        ("x.pdf", b"x", "format"),
        ("x.parquet", b"PAR1 not at all", "truncated"),
        ("x.xlsx", b"PK not at all", "truncated"),
        ("x.xlsx", _sheet(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'), "entities"),  # noqa: E501
        ("x.xlsx", _sheet(b" " * (64 << 20)), "bomb"),
    ],
)  # fmt: skip
def test_files_refused_whole(tmp_path, connection, places, name, content, reason):
    with pytest.raises(ContractError) as refused:
        take(tmp_path, connection, places, "beds", content, name)
    assert refused.value.breaches[0] == reason


def test_a_flipped_bit_in_parquet_is_found(tmp_path, connection, places):
    path = tmp_path / "y.parquet"
    rows = pa.table(
        {
            "facility": [f"A{n}" for n in range(500)],
            "date": ["2020-02-01"] * 500,
            "county": ["420102"] * 500,
            "beds": list(range(500)),
        }
    )
    pq.write_table(rows, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[content.index(b"A300")] ^= 4
    with pytest.raises(ContractError):
        take(tmp_path, connection, places, "beds", bytes(content), "x.parquet")


def test_rows_that_cannot_be_split_are_counted(tmp_path, connection, places):
    taken = take(
        tmp_path,
        connection,
        places,
        "beds",
        f"{BEDS}A,2020-02-01,420102,1\nB,2020\nC,2020-02-01,420102,1\n",
    )
    assert (taken.rows, taken.accepted.num_rows, taken.quarantined) == (3, 2, 1)
    assert faults(taken) == [(2, "", "wrong_number_of_cells")]
