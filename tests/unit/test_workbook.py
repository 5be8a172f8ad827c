"""The tables of a page as a workbook: read back with another program's reader."""

from __future__ import annotations

import io

import openpyxl
import pytest

from analytics.errors import ParameterError
from analytics.render import workbook
from analytics.render.blocks import Column, Masthead, Missing, Section, Table, Text
from analytics.render.wording import WORDS

MASTHEAD = {
    "kind": "masthead", "title": {"zh": "标题", "en": "Title"}, "as_of": "2020-02-29",
    "status": "draft", "nature": "simulated", "version": "3",
}  # fmt: skip


def section(*tables):  # noqa: ANN002
    return Section(title=Text("节", "Section"), tables=tables).to_json()


def table(rows, caption="Counts: by [area]/day?"):
    columns = (
        Column("area", Text("地区", "Area")),
        Column("day", Text("日期", "Day"), role="date"),
        Column("cases", Text("病例", "Cases"), role="number"),
    )
    return Table(Text(f"{caption}表", caption), columns, tuple(rows), note=Text("注", "Note"))


def opened(content):
    return openpyxl.load_workbook(io.BytesIO(content))


def cells(sheet):
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_numbers_dates_and_text_are_what_they_are():
    gap = Missing(Text("少于十人", "fewer than ten"))
    rows = [
        {"area": Text("武汉", "Wuhan"), "day": "2020-02-29", "cases": 12.5},
        {"area": "=1+1", "day": "unknown", "cases": gap},
        {"area": "http://a.example", "day": None, "cases": None},
    ]
    book = opened(workbook.write([MASTHEAD, section(table(rows))], "en"))
    title, told, note, _, heading, *body = cells(book.worksheets[1])
    assert title[0] == "Counts: by [area]/day?"
    assert "2020-02-29" in told[0]
    assert WORDS["simulated_banner"].en in told[0]
    assert note[0] == "Note"
    assert heading == ["Area", "Day", "Cases"]
    assert [str(value) for value in body[0]] == ["Wuhan", "2020-02-29 00:00:00", "12.5"]
    assert body[1] == ["=1+1", "unknown", None]
    assert book.worksheets[1]["A7"].data_type == "s"
    assert body[2] == ["http://a.example", None, None]
    assert body[-1][0] == "1 cells empty: fewer than ten"


def test_each_table_has_a_sheet_in_the_order_of_the_page_and_the_front_names_them():
    blocks = [section(table([], "same"), table([], "same")), MASTHEAD]
    book = opened(workbook.write(blocks, "zh"))
    assert book.sheetnames == ["说明", "1 same表", "2 same表"]
    front = cells(book.worksheets[0])
    assert front[0][0] == "标题"
    assert [row[0] for row in front[-2:]] == ["1 same表", "2 same表"]


def test_same_blocks_same_bytes():
    blocks = [MASTHEAD, section(table([{"area": "a", "day": "2020-01-01", "cases": 1}]))]
    assert workbook.write(blocks, "zh") == workbook.write(blocks, "zh")


def test_long_captions_make_names_that_programs_open():
    book = opened(workbook.write([MASTHEAD, section(table([], "长" * 60))], "zh"))
    assert max(map(len, book.sheetnames)) <= 31


def test_a_block_is_saved_as_the_page_offers_it(tmp_path):
    rows = [{"area": "=1+1", "day": "2020-02-29", "cases": 12}]
    shown = Section(title=Text("节", "Section"), tables=(table(rows),))
    head = Masthead(Text("标题", "Title"), Text("湖北", "Hubei"), "2020-02-29", "simulated")
    shown.to_xlsx(tmp_path / "a.xlsx", "en", head)
    assert (tmp_path / "a.xlsx").read_bytes() == workbook.write(
        [head.to_json(), shown.to_json()], "en"
    )
    workbook.save([shown, head], tmp_path / "b.xlsx", "en")
    assert (tmp_path / "b.xlsx").read_bytes() == (tmp_path / "a.xlsx").read_bytes()


def test_a_table_alone_is_saved_and_says_that_its_masthead_is_missing(tmp_path):
    gap = Missing(Text("少于十人", "fewer than ten"))
    rows = [{"area": "=1+1", "day": "2020-02-29", "cases": gap}]
    table(rows).to_xlsx(tmp_path / "a.xlsx")
    front, sheet = opened((tmp_path / "a.xlsx").read_bytes()).worksheets
    assert cells(front)[0][0] == "Counts: by [area]/day?表"
    assert cells(front)[1][0] == cells(sheet)[1][0] == WORDS["no_masthead"].zh
    assert [str(value) for value in cells(sheet)[5]] == ["=1+1", "2020-02-29 00:00:00", "None"]
    assert sheet["A6"].data_type == "s"
    assert cells(sheet)[-1][0] == "空白 1 格: 少于十人"


def test_a_workbook_that_cannot_be_written_says_all_that_lacks(tmp_path):
    bare = Section(title=Text("节", "Section"))
    with pytest.raises(ParameterError) as refused:
        bare.to_xlsx(tmp_path / "none" / "a.csv")
    assert len(refused.value.breaches) == 3
    assert "none' does not exist" in refused.value.breaches[0]
    assert "does not end in .xlsx" in refused.value.breaches[1]


def test_a_table_shows_itself_in_a_notebook():
    bundle = table([{"area": "<b>", "day": None, "cases": 1}])._repr_mimebundle_()
    assert "<caption" in bundle["text/html"]
    assert "&lt;b&gt;" in bundle["text/html"]
