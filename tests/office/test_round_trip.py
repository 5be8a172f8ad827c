"""A work list through LibreOffice: values, locks and validation survive, and so does its seal."""

from __future__ import annotations

import io

import openpyxl
import pytest
from tests import loop_study as drawn

from analytics.loop import push, sheets, worklists
from analytics.privacy import passwords

FILL = """
Sub Fill(source As String, target As String, password As String)
  Dim opened(1) As New com.sun.star.beans.PropertyValue
  opened(0).Name = "Hidden" : opened(0).Value = True
  opened(1).Name = "Password" : opened(1).Value = password
  book = StarDesktop.loadComponentFromURL(ConvertToUrl(source), "_blank", 0, opened())
  sheet = book.Sheets.getByIndex(0)
  For column = 0 To 40
    heading = sheet.getCellByPosition(column, 0).String
    For row = 1 To 11
      cell = sheet.getCellByPosition(column, row)
      If Right(heading, 9) = "verdict_1" Then cell.String = "属实 confirmed"
      If Right(heading, 8) = "verified" Then cell.Formula = "2020-02-10"
      If Right(heading, 6) = "remark" Then cell.String = "=1+1"
    Next row
  Next column
  Dim saved(0) As New com.sun.star.beans.PropertyValue
  saved(0).Name = "FilterName" : saved(0).Value = "Calc MS Excel 2007 XML"
  book.storeToURL(ConvertToUrl(target), saved())
  book.close(True)
  StarDesktop.terminate()
End Sub
"""


@pytest.fixture
def exported(tmp_path, monkeypatch):
    study, ring = drawn.make(monkeypatch, tmp_path)
    push.push(study, drawn.findings(ring, range(22), county="420102"), ring, drawn.START)
    (listed,) = worklists.export(study, ["420102.community.1"], ring, drawn.hours(1),
                              tmp_path / "out", password=drawn.PASSWORD)  # fmt: skip
    return study, ring, listed


def opened(content: bytes):
    return openpyxl.load_workbook(io.BytesIO(content))[sheets.SHEET]


def locked(sheet, row: int, column: int) -> bool:
    """Whether a cell is locked: by itself, or by its column where it is left out of the file."""
    if (row, column) in sheet._cells:
        return bool(sheet.cell(row, column).protection.locked)
    for held in sheet.column_dimensions.values():
        if held.min <= column <= held.max:
            return bool(held.protection.locked)
    return True


def test_saved_anew_it_has_its_values_locks_and_validation(exported, convert, tmp_path):
    _, _, listed = exported
    content = passwords.unlock(listed.path.read_bytes(), drawn.PASSWORD)
    plain = tmp_path / "plain.xlsx"
    plain.write_bytes(content)
    saved = convert(plain, "xlsx")
    before, after = opened(content), opened(saved.read_bytes())
    assert [[c.value for c in row] for row in after.iter_rows(max_col=before.max_column)] == [
        [c.value for c in row] for row in before.iter_rows()
    ]
    assert after.protection.sheet
    before, after = opened(content), opened(saved.read_bytes())
    places = [(row, column) for row in range(1, 13) for column in range(1, 21)]
    free = {place for place in places if not locked(before, *place)}
    assert {column for _, column in free} == set(range(11, 16))
    assert {place for place in places if not locked(after, *place)} >= free
    assert {column for row, column in places if not locked(after, row, column)} == set(
        range(11, 16)
    )
    rules = {v.type for v in after.data_validations.dataValidation}
    assert rules == {"list", "date"}
    words = " ".join(str(v.formula1) for v in after.data_validations.dataValidation)
    assert all(word in words for word in ("属实 confirmed", "上门 visit"))
    assert after.page_setup.paperSize == before.page_setup.paperSize
    assert sheets.read(saved.read_bytes(), ".xlsx") == sheets.read(content, ".xlsx")


def test_opened_with_its_password_filled_in_and_saved_it_is_taken_in(exported, macro, tmp_path):
    study, ring, listed = exported
    target = tmp_path / "filled.xlsx"
    macro(FILL, str(listed.path), str(target), drawn.PASSWORD)
    done = drawn.receive(study, target, ring, drawn.hours(5), password=drawn.PASSWORD)
    assert (done.lines, done.aside, done.answers) == (listed.lines, (), listed.rows)
    lines = sheets.read(target.read_bytes(), ".xlsx")
    assert {line["remark"] for line in lines} == {"=1+1"}
