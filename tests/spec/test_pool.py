"""What the pool does with a department's files: behaviour in drawn tables."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from tests import pool_study

from analytics import engine, study, tables
from analytics.pool import archive, deliveries, intake, pooling, reading, regions
from analytics.study import ZONE


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    return pool_study.make(monkeypatch, tmp_path)


def drawn(table: str) -> list[list[str]]:
    """Cells of a drawn table, its heading first."""
    lines = [line for line in table.splitlines() if line.strip()]
    return [[cell.strip() for cell in line.strip().split("|")] for line in lines]


def csv(table: str) -> bytes:
    """File of a drawn table."""
    return "".join(",".join(row) + "\n" for row in drawn(table)).encode()


def deliver(chosen, table: str) -> None:
    """Drop files: rows of one part, day and moment of arrival are one file."""
    heading, *rows = drawn(table)
    files: dict[tuple[str, ...], list[list[str]]] = {}
    for row in rows:
        files.setdefault(tuple(row[:3]), []).append(row[3:])
    for (part, arrived, day), lines in files.items():
        content = "".join(",".join(line) + "\n" for line in [heading[3:], *lines])
        when = datetime.fromisoformat(arrived).replace(tzinfo=ZONE)
        deliveries.drop(
            chosen, "beds", date.fromisoformat(day), content.encode(), delivered=when, part=part
        )


def known(chosen, moment: str) -> list[list[str]]:
    """What was known by then: facility, date, beds."""
    connection = engine.connect()
    at = datetime.fromisoformat(moment).replace(tzinfo=ZONE)
    state = archive.as_of(chosen.state / "archive", at, connection)["beds"]
    rows = engine.rows(state.select("facility", "date", "beds"), connection).to_pylist()
    connection.disconnect()
    return sorted([r["facility"], r["date"].isoformat(), str(r["beds"])] for r in rows)


CORRECTED = """
    part | arrived          | for        | facility | date       | county | beds | withdrawn
    a    | 2020-02-01 20:00 | 2020-02-01 | first    | 2020-02-01 | 420102 | 10   |
    a    | 2020-02-01 20:00 | 2020-02-01 | second   | 2020-02-01 | 420102 | 20   |
    b    | 2020-02-02 09:00 | 2020-02-01 | first    | 2020-02-01 | 420102 | 11   |
    c    | 2020-02-03 09:00 | 2020-02-01 | first    | 2020-02-01 | 420102 | 10   |
    d    | 2020-02-04 09:00 | 2020-02-03 | second   | 2020-02-01 | 420102 | 21   |
    e    | 2020-02-05 09:00 | 2020-02-02 | second   | 2020-02-01 | 420102 | 22   |
    f    | 2020-02-06 09:00 | 2020-02-04 | first    | 2020-02-01 | 420102 |      | yes
"""


@pytest.mark.parametrize(
    ("moment", "first", "second"),
    [
        pytest.param("2020-02-01 19:59", None, None, id="nothing has come"),
        pytest.param("2020-02-01 20:00", "10", "20", id="a delivery counts from its moment"),
        pytest.param("2020-02-02 08:59", "10", "20", id="a correction does not reach back"),
        pytest.param("2020-02-02 09:00", "11", "20", id="a correction replaces one row only"),
        pytest.param("2020-02-03 09:00", "11", "20", id="a file sent again undoes nothing"),
        pytest.param("2020-02-04 09:00", "11", "21", id="a later day speaks last"),
        pytest.param("2020-02-05 09:00", "11", "21", id="an earlier day, told later, does not"),
        pytest.param("2020-02-06 09:00", None, "21", id="what is withdrawn is gone"),
    ],
)
@pytest.mark.parametrize("runs", [1, 2])
def test_what_was_known_when(chosen, runs, moment, first, second):
    """One run or several, whatever has come since: a time node stays as it was."""
    lines = CORRECTED.strip().splitlines()
    for half in [lines[1:]] if runs == 1 else [lines[4:], lines[1:4]]:
        deliver(chosen, "\n".join([lines[0], *half]))
        pooling.run(chosen)
    expected = [
        [name, "2020-02-01", beds] for name, beds in (("first", first), ("second", second)) if beds
    ]
    assert known(chosen, moment) == expected


@pytest.mark.parametrize(
    ("rows", "accepted", "quarantined", "duplicates", "reasons"),
    [
        pytest.param(
            "A | 2020-01-30 | 420102 | 7", 1, 0, 0, {}, id="a sound row",
        ),
        pytest.param(
            "A | 2020-01-30 | 420102 | 7\nA | 2020-01-30 | 420102 | 7", 1, 0, 1, {},
            id="a row twice, word for word",
        ),
        pytest.param(
            "A | 2020-01-30 | 420102 | 7\nA | 2020/1/30 | 江岸区 | ７", 1, 0, 1, {},
            id="a row twice, written otherwise",
        ),
        pytest.param(
            "A | 2020-01-30 | 420102 | 7\nA | 2020-01-30 | 420102 | 8", 2, 0, 0, {},
            id="one key, two versions",
        ),
        pytest.param(
            "A | 03/04/2020 | 420102 | x\nB | 2020-01-30 | 420102 | 7", 1, 1, 0,
            {"beds: not_a_whole_number": 1, "date: ambiguous_date": 1},
            id="a bad row tells every reason, a good one goes on",
        ),
        pytest.param(
            "A | 2020-01-30 | 420102\nB | 2020-01-30 | 420102 | 7", 1, 1, 0,
            {"row: wrong_number_of_cells": 1}, id="a row of too few cells",
        ),
        pytest.param(
            " | 2020-01-30 | 火星 | -1\n | 2020-01-30 | 火星 | -1", 0, 2, 0,
            {"beds: out_of_range": 2, "county: unknown_region": 2, "facility: missing": 2},
            id="bad rows are no duplicates",
        ),
    ],
)  # fmt: skip
def test_every_row_is_accounted_for(chosen, rows, accepted, quarantined, duplicates, reasons):
    content = csv("facility | date | county | beds\n" + rows)
    deliveries.drop(chosen, "beds", date(2020, 2, 1), content)
    (entry,) = pooling.run(chosen).added
    (receipt,) = deliveries.receipts(chosen)
    assert (entry.accepted, entry.quarantined, entry.duplicates) == (
        accepted, quarantined, duplicates,
    )  # fmt: skip
    assert receipt["rows"] == len(rows.splitlines()) == accepted + quarantined + duplicates
    assert receipt["reasons"] == reasons


# what is said, and what it is taken for; behind a question mark, why it is refused
DIRT = """
    column    | said                 | taken
    reported  | 2020-02-03           | 2020-02-03
    reported  | 2020年2月3日          | 2020-02-03
    reported  | ２０２０－０２－０３  | 2020-02-03
    reported  | 43864                | 2020-02-03
    reported  | 03/04/2020           | ? ambiguous_date
    reported  | 2020-02-30           | ? not_a_date
    reported  | 2021-01-01           | ? in_the_future
    name      | NA                   | NA
    county    | 江岸区               | 420102
    county    | 武汉市江岸区         | 420102
    county    | 监利县               | 421023
    county    | 421088               | 421023
    county    | 鼓楼区               | ? unknown_region
    age       | ４２                 | 42
    age       | 42.0                 | 42
    age       | 42.5                 | ? not_a_whole_number
    id_number | 11010519491231002X   | 11010519491231002X
    id_number | 11010519491231002x   | 11010519491231002X
    id_number | １１０１０５４９１２３１００２ | 11010519491231002X
    id_number | 110105194912310021   | ? check_digit
    id_number | 110105194902300020   | ? birth_date_in_number
    id_number | 1.10105194912310E+17 | ? digits_lost
    id_number | H12345678            | H12345678
    id_number | E12345678            | E12345678
    phone     | +86 138-1234-5678    | 13812345678
    phone     | 12345                | ? not_a_phone_number
    sex       | 女                   | female
    sex       | x                    | ? unknown_word
    imported  | 是                   | True
"""  # GB 11643-1999, annex: 11010519491231002X is its worked example


@pytest.fixture(scope="module")
def taken_in():
    """Of each drawn cell, alone in an otherwise sound row of a case: value or reason."""
    _, *cells = drawn(DIRT)
    sound = {"reporting_county": "420102", "classification": "确诊病例", "reported": "2020-02-03"}
    names = [column.name for column in tables.contract("cases").columns]
    lines = [",".join(names)]
    for place, (column, said, _) in enumerate(cells):
        row = sound | {"case_number": str(place), column: said}
        lines.append(",".join(row.get(name, "") for name in names))
    content = ("\n".join(lines) + "\n").encode()
    contract = tables.contract("cases")
    places = regions.places(study.load("hubei-2020"))
    read = reading.read(Path("cases.csv"), contract, content)
    with duckdb.connect() as connection:
        taken = intake.take(connection, read, contract, places, date(2020, 3, 1))
    found = {row["_position"]: row for row in taken.accepted.to_pylist()}
    reasons: dict[int, list[str]] = {}
    for fault in taken.rejected.to_pylist():
        reasons.setdefault(fault["position"], []).append(f"{fault['column']}: {fault['reason']}")
    return found, reasons


@pytest.mark.parametrize(("place", "cell"), list(enumerate(drawn(DIRT)[1:], start=1)))
def test_dirt_is_read_or_refused(taken_in, place, cell):
    column, _, expected = cell
    found, reasons = taken_in
    if expected.startswith("?"):
        assert reasons[place] == [f"{column}: {expected[2:]}"]
    else:
        assert str(found[place][column]) == expected


WHOLE = csv("""
    facility | date       | county | beds
    协和     | 2020-01-30 | 420102 | 7
    同济     | 2020-01-30 | 420102 | 8
""")


@pytest.mark.parametrize(
    ("suffix", "content", "refused"),
    [
        pytest.param(".csv", WHOLE, "", id="UTF-8"),
        pytest.param(".csv", WHOLE.decode().encode("utf-8-sig"), "", id="byte-order mark"),
        pytest.param(".csv", WHOLE.decode().encode("gb18030"), "", id="GB 18030"),
        pytest.param(".csv", WHOLE.decode().encode("utf-16"), "", id="UTF-16"),
        pytest.param(".csv.gz", gzip.compress(WHOLE), "", id="gzipped"),
        pytest.param(".csv", b"", "empty", id="nothing in it"),
        pytest.param(".csv", WHOLE[:-15], "truncated", id="cut off in a row"),
        pytest.param(".csv.gz", gzip.compress(WHOLE)[:-6], "truncated", id="gzip cut off"),
        pytest.param(".csv.gz", gzip.compress(bytes((16 << 20) + 1)), "bomb", id="bomb"),
        pytest.param(".parquet", WHOLE, "truncated", id="not what its name says"),
        pytest.param(".csv", b"facility,beds\nA,7\n", "headings", id="a column is missing"),
    ],
)
def test_files_are_read_or_refused_whole(chosen, suffix, content, refused):
    """Of a file refused whole nothing is taken in, and it is kept beside its receipt."""
    deliveries.drop(chosen, "beds", date(2020, 2, 1), content, suffix=suffix)
    (entry,) = pooling.run(chosen).added
    assert (entry.refused, entry.accepted) == (refused, 0 if refused else 2)
    kept = list((chosen.state / "originals").rglob(f"*beds{suffix}"))
    assert [path.read_bytes() for path in kept] == [content]
    if not refused:
        assert [row[0] for row in known(chosen, "2099-01-01")] == ["协和", "同济"]
