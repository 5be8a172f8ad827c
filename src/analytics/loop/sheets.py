"""A work list as a file that people fill in: XLSX for screen, phone and paper, or CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from analytics.errors import ContractError
from analytics.loop import wording
from analytics.loop.seals import plain, plain_column
from analytics.pool.files import decoded, workbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHEET, GUIDE, NOTICE, WORDS = "核查清单", "填写说明 How to", "告知书 Notice", "words"
LABELS: Mapping[str, str] = {
    "place": "序号", "priority": "优先级", "due": "时限", "name": "姓名", "number": "证件号码",
    "birth": "出生日期", "phone": "电话", "county": "现住县", "address": "地址",
    "other": "另一条记录", "subject": "记录", "reason": "原因", "check": "核查事项",
    "language": "告知语言", "verdict": "结论", "verified": "核查日期", "evidence": "依据",
    "moved_to": "转往", "remark": "备注", "list": "清单", "list_version": "清单版本",
    "line": "行人", "rows": "行编号", "asks": "问题", "seal": "校验码",
}  # fmt: skip
ANSWERS = ("verified", "evidence", "moved_to", "remark")
LOCKED_END = ("list", "list_version", "line", "rows", "asks", "seal")
_WIDTHS: Mapping[str, float] = {
    "place": 6, "priority": 6, "due": 13, "name": 11, "number": 22, "birth": 13, "phone": 15,
    "county": 10, "address": 30, "other": 30, "subject": 30, "reason": 34, "check": 34,
    "language": 8, "verdict": 16, "verified": 14, "evidence": 14, "moved_to": 16, "remark": 24,
}  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "'", "\t")
_TEXT_SIZE, _HEADING_SIZE = 14, 13  # points: read at arm's length on paper
_LINE_HEIGHT = 19  # points
_WRAPPED = ("name", "address", "other", "subject", "reason", "check")
_WIDE = re.compile("[\u2e80-\U0010ffff]")  # characters that take two columns of type
_MOST_CELLS = 5_000_000  # of a returned sheet: some hundred thousand lines
_SERIAL_START = date(1899, 12, 30)


@dataclass(frozen=True)
class Sheet:
    """
    A work list laid out: locked columns with their values, and the cells left free.

    Parameters
    ----------
    title : str
        Heading of the printed page.
    columns : tuple of str
        Locked columns in order, those of `LOCKED_END` last.
    lines : list of tuple of str
        Values of the locked columns.
    questions : int
        Verdicts that a line can need.
    first_day, last_day : date
        Days that a check can have.
    counties : tuple of str
        Where people can have moved: ``420102 江岸区``.
    list, version : str, int
        The work list and its version.
    """

    title: str
    columns: tuple[str, ...]
    lines: list[tuple[str, ...]]
    questions: int
    first_day: date
    last_day: date
    counties: tuple[str, ...]
    list: str = ""
    version: int = 1

    @property
    def free(self) -> tuple[str, ...]:
        """Columns to fill in."""
        verdicts = (f"verdict_{n}" for n in range(1, self.questions + 1))
        return (*verdicts, *ANSWERS)

    @property
    def order(self) -> tuple[str, ...]:
        """All columns as they stand, from left to right."""
        seen = tuple(name for name in self.columns if name not in LOCKED_END)
        return (*seen, *self.free, *LOCKED_END)


def heading(name: str) -> str:
    """Heading of a column: Chinese, then the name by which it is found again."""
    stem, _, number = name.partition("_") if name.startswith("verdict_") else (name, "", "")
    return f"{LABELS[stem]}{number} {name}"


def write_csv(sheet: Sheet) -> bytes:
    """Write a work list as CSV (UTF-8 with mark); text that a program could run is quoted by '."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([heading(name) for name in sheet.order])
    blank = [""] * len(sheet.free)
    ends = len(LOCKED_END)
    for line in sheet.lines:
        writer.writerow([*map(inert, line[:-ends]), *blank, *map(inert, line[-ends:])])
    return stream.getvalue().encode("utf-8-sig")


def inert(value: str) -> str:
    """Text that no program would run, as CSV may hold it."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def write_xlsx(sheet: Sheet) -> bytes:
    """Write a work list as XLSX: locked cells, dropdowns, date checks, A4, both languages."""
    import xlsxwriter

    from analytics.loop.line_sheet import LineSheet

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    book.set_properties({"title": sheet.title, "created": datetime(2020, 1, 1)})  # noqa: DTZ001
    styles = _styles(book)
    page = book.add_worksheet(SHEET, LineSheet)
    _lay_out(page, sheet, styles)
    _fill(page, sheet, styles)
    _check(page, sheet)
    _guide(book, sheet, styles)
    words = book.add_worksheet(WORDS)
    for row, county in enumerate(sheet.counties):
        words.write_string(row, 0, county)
    words.hide()
    page.activate()
    book.close()
    return stream.getvalue()


def _styles(book: Any) -> dict[str, Any]:
    base = {"font_size": _TEXT_SIZE, "num_format": "@", "text_wrap": True, "valign": "top",
            "border": 1, "border_color": "#808080"}  # fmt: skip
    return {
        "locked": book.add_format({**base, "bg_color": "#F2F2F2", "quote_prefix": True}),
        "free": book.add_format({**base, "bg_color": "#FFF9DB", "locked": False}),
        "date": book.add_format(
            {**base, "bg_color": "#FFF9DB", "locked": False, "num_format": "yyyy-mm-dd"}
        ),
        "heading": book.add_format(
            {**base, "bold": True, "font_size": _HEADING_SIZE, "bg_color": "#D9D9D9"}
        ),
        "text": book.add_format({"font_size": _TEXT_SIZE, "text_wrap": True, "valign": "top"}),
        "title": book.add_format({"font_size": 18, "bold": True}),
    }


def _lay_out(page: Any, sheet: Sheet, styles: dict[str, Any]) -> None:
    """Columns, print set-up, protection."""
    for place, name in enumerate(sheet.order):
        stem = name.partition("_")[0] if name.startswith("verdict_") else name
        hidden = {"hidden": True} if name in LOCKED_END else {}
        free = styles["date" if name == "verified" else "free"] if name in sheet.free else None
        page.set_column(place, place, _WIDTHS.get(stem, 12), free, hidden)
    seen = len(sheet.order) - len(LOCKED_END)
    page.freeze_panes(1, min(2, seen))
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    page.repeat_rows(0)
    page.print_area(0, 0, max(1, len(sheet.lines)), seen - 1)
    page.set_header(f"&L&12{sheet.title.replace('&', '&&')}&R&12&P / &N")
    page.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})
    page.autofilter(0, 0, max(1, len(sheet.lines)), seen - 1)


def _fill(page: Any, sheet: Sheet, styles: dict[str, Any]) -> None:
    for place, name in enumerate(sheet.order):
        page.write_string(0, place, heading(name), styles["heading"])
    layouts = [_cells(sheet, styles, needed) for needed in range(sheet.questions + 1)]
    asked = sheet.columns.index("rows")
    wide = [(n, _WIDTHS[name]) for n, name in enumerate(sheet.columns) if name in _WRAPPED]
    page.write_lines(1, (
        (line, _LINE_HEIGHT * max(2, *(_written_lines(line[n], w) for n, w in wide)),
         layouts[line[asked].count(";") + 1])
        for line in sheet.lines
    ))  # fmt: skip


def _cells(sheet: Sheet, styles: dict[str, Any], needed: int) -> list[tuple[Any, bool]]:
    """Style of each cell of a line that needs so many verdicts, and whether it holds a text."""
    spare = {f"verdict_{n}" for n in range(needed + 1, sheet.questions + 1)}
    cells = []
    for name in sheet.order:
        if name in LOCKED_END:
            cells.append((None, True))
        elif name in sheet.free and name not in spare:
            cells.append((styles["date" if name == "verified" else "free"], False))
        else:
            cells.append((styles["locked"], name not in spare))
    return cells


def _written_lines(text: str, width: float) -> int:
    """Lines that a text takes in a column: phones do not work out the height of a row."""
    lines = 0
    for part in text.split("\n"):
        cells = len(part) + (0 if part.isascii() else len(_WIDE.findall(part)))
        lines += max(1, -(-int(cells * 1.25) // int(width)))  # large type takes a quarter more
    return lines


def _check(page: Any, sheet: Sheet) -> None:
    """Dropdowns and the check of dates, over all lines."""
    last = max(1, len(sheet.lines))
    first_free = len(sheet.columns) - len(LOCKED_END)
    stop = {"error_type": "stop", "error_title": "请从下拉单中选择 Choose from the list"}
    lists: dict[str, Any] = {"evidence": wording.options(wording.EVIDENCE)}
    if sheet.counties:
        lists["moved_to"] = f"={WORDS}!$A$1:$A${len(sheet.counties)}"
    for place, name in enumerate(sheet.free, start=first_free):
        source = wording.options(wording.VERDICTS) if name.startswith("verdict_") else None
        source = source or lists.get(name)
        if source:
            rule = {"validate": "list", "source": source, **stop}
            page.data_validation(1, place, last, place, rule)
        elif name == "verified":
            page.data_validation(1, place, last, place, {
                "validate": "date", "criteria": "between",
                "minimum": sheet.first_day, "maximum": sheet.last_day,
                "error_title": "日期 date",
                "error_message": f"{sheet.first_day} … {sheet.last_day}",
            })  # fmt: skip


def _guide(book: Any, sheet: Sheet, styles: dict[str, Any]) -> None:
    guide = book.add_worksheet(GUIDE)
    guide.set_column(0, 0, 90)
    guide.set_paper(9)
    guide.write_string(0, 0, sheet.title, styles["title"])
    row = 1
    for zh, en in wording.INSTRUCTIONS:
        guide.write_string(row, 0, f"{row}. {zh}\n{en}", styles["text"])
        row += 1
    guide.protect("")
    notice = book.add_worksheet(NOTICE)
    notice.set_column(0, 0, 90)
    notice.set_paper(9)
    row = 0
    for sentences in wording.NOTICES.values():
        for sentence in sentences:
            notice.write_string(row, 0, sentence, styles["text"])
            row += 1
        row += 1
    notice.protect("")


def read(content: bytes, suffix: str) -> list[dict[str, str]]:
    """
    Read a returned list.

    Parameters
    ----------
    content : bytes
        The file, in clear.
    suffix : str
        ``.xlsx`` or ``.csv``.

    Returns
    -------
    list of dict
        For each row that is not blank its cells by column name, and ``position``, its row in
        the sheet (the heading is 1). Dates are ISO 8601.

    Raises
    ------
    ContractError
        If it is no such file, or columns are missing or come twice; all are listed.
    """
    table = _cells_xlsx(content) if suffix == ".xlsx" else _cells_csv(content)
    if not table:
        raise ContractError("the returned file has no heading", ["heading"])
    columns = list(zip_longest(*table[1:], fillvalue=""))
    names = [cell.split()[-1] if cell.split() else "" for cell in map(_text, table[0])]
    columns += [("",) * (len(table) - 1)] * (len(names) - len(columns))
    known = {*LABELS, *(name for name in names if is_verdict(name))}
    wanted = ("place", "verdict_1", *ANSWERS, *LOCKED_END)
    breaches = [f"column '{name}' is missing" for name in wanted if name not in names]
    breaches += [f"column '{n}' comes twice" for n in sorted(known) if names.count(n) > 1]
    if breaches:
        raise ContractError(
            "the returned file is no work list of ours", breaches, "send the file that was exported"
        )
    held = {n: _texts(column) for n, column in zip(names, columns, strict=False) if n in known}
    return [
        {**dict(zip(held, said, strict=True)), "position": str(position)}
        for position, said in enumerate(zip(*held.values(), strict=True), start=2)
        if any(said)
    ]


def is_verdict(name: str) -> bool:
    """Whether a column is one of a line's verdicts."""
    stem, _, number = name.partition("_")
    return stem == "verdict" and number.isdecimal() and len(number) < 3  # noqa: PLR2004


def _cells_xlsx(content: bytes) -> Sequence[Sequence[Any]]:
    import python_calamine

    stream = workbook(content, most_cells=_MOST_CELLS)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(stream)
        if SHEET not in book.sheet_names:
            raise ContractError(
                "the returned workbook has no work list", [f"sheet '{SHEET}' is missing"]
            )
        rows: Sequence[Sequence[Any]] = book.get_sheet_by_name(SHEET).to_python(
            skip_empty_area=False
        )
    except python_calamine.CalamineError as error:
        raise ContractError("the returned file is no sound XLSX workbook", ["damaged"]) from error
    return rows


def _cells_csv(content: bytes) -> Sequence[Sequence[Any]]:
    text = decoded(content).decode()
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ContractError("the returned file is no sound CSV", ["quotes"]) from error
    return [[_bare(cell) for cell in row] for row in rows]


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _texts(column: Sequence[Any]) -> list[str]:
    return plain_column(column if set(map(type, column)) <= {str} else [*map(_text, column)])


def _text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return plain(cell)


def day(said: str) -> date | None:
    """Day of what was written as a date: ISO 8601, 2020/2/10, 2020年2月10日, or a serial day."""
    match = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0?0:00(?::00)?)?", said)
    try:
        if match:
            return date(*map(int, match.groups()))
        if re.fullmatch(r"[34]\d{4}", said):
            return _SERIAL_START + timedelta(days=int(said))
    except ValueError:
        return None
    return None
