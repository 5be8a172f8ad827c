"""A cell far off makes a small workbook as large as memory: it is refused before it is laid out."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import openpyxl
import pytest

from analytics.errors import ContractError
from analytics.loop import sheets

SHEET = "xl/worksheets/sheet1.xml"
COLUMNS = ("place", "priority", "due", "reason", "check", *sheets.LOCKED_END)


def exported(lines=3):
    rows = [tuple(f"{name} {n}" for name in COLUMNS) for n in range(1, lines + 1)]
    days = (date(2020, 2, 1), date(2020, 4, 1))
    return sheets.write_xlsx(sheets.Sheet("list", COLUMNS, rows, 1, *days, ("420102",)))


def with_sheet(book, change):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(stream, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            new.writestr(part, change(content) if part == SHEET else content)
    return stream.getvalue()


def added(cells):
    return lambda sheet: sheet.replace(b"</sheetData>", cells + b"</sheetData>")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (added(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "bomb"),
        (added(b"<row r='1048576'><c a='&gt;>' r='XFD1048576'><v>1</v></c></row>"), "bomb"),
        (added(b'<row r="1048000"><c><v>1</v></c></row>'), "bomb"),
        (added(b'<row r="9"><c r="XFE9"><v>1</v></c></row>'), "damaged"),
        (added(b'<row r="9"><c r="ZZZZZZZ9"><v>1</v></c></row>'), "damaged"),
        (added(b'<row r="9"><c r="&#90;9"><v>1</v></c></row>'), "damaged"),
        (added(b'<row r="0"/>'), "damaged"),
        (added(b"<row"), "damaged"),
    ],
)
@pytest.mark.fault(
    "a returned list with a cell far off",
    "loop",
    "refused before the sheet is laid out; the process lives",
)
def test_far_cells_are_refused_before_they_cost_memory(change, reason):
    with pytest.raises(ContractError) as refused:
        sheets.read(with_sheet(exported(), change), ".xlsx")
    assert refused.value.breaches == (reason,)


@pytest.mark.parametrize(
    "change",
    [
        lambda sheet: sheet,
        added(b'<row><c t="inlineStr"><is><t>4</t></is></c></row>'),
    ],
    ids=["as exported", "cells that state no place"],
)
def test_other_sheets_are_read(change):
    assert len(sheets.read(with_sheet(exported(), change), ".xlsx")) >= 3


def test_what_openpyxl_saves_is_read():
    book, stream = openpyxl.load_workbook(io.BytesIO(exported(40))), io.BytesIO()
    book.save(stream)
    assert len(sheets.read(stream.getvalue(), ".xlsx")) == 40
