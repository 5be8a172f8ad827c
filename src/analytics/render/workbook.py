"""The tables of a page as one workbook: what the page shows, and nothing beside it."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from analytics.errors import ParameterError
from analytics.privacy import disk
from analytics.render.blocks import Block, Language
from analytics.render.cells import say
from analytics.render.wording import WORDS, word

_ORDER = ("map", "section", "supplies", "table")  # as tables come on the page
_UNFIT = re.compile(r"[\[\]:*?/\\'\x00-\x1f]+")  # in the name of a sheet
_LONGEST, _WIDEST = 31, 60  # signs of a sheet's name; of a column
_FIRST_ROW = 5  # title, as-of time, note, blank, heading
_HAN = "\u2e7f"  # signs beyond it are two wide


def save(blocks: Sequence[Block], path: str | Path, language: Language = "zh") -> None:
    """
    Write every table of some blocks, such as a page's, into a workbook on disk.

    Parameters
    ----------
    blocks : sequence of Block
        With the page's masthead among them, the workbook says as of when it is and whether
        persons are simulated.
    path : str or Path
        File to write, ending in ``.xlsx``, for its owner alone; one that stands there is
        replaced once the new one is whole.
    language : {"zh", "en"}
        Language of headings and words.

    Raises
    ------
    ParameterError
        If the folder does not exist, the name has another ending, or there is no table.
    PublicationError
        If the disk is full or refuses.
    """
    place = Path(path)
    shown = [block.to_json() for block in blocks]
    breaches = []
    if not place.parent.is_dir():
        breaches.append(f"the folder '{place.parent}' does not exist: make it, or name another")
    if place.suffix.lower() != ".xlsx":
        breaches.append(f"'{place.name}' does not end in .xlsx")
    if next(tables(shown), None) is None:
        breaches.append(f"none of {len(shown)} block(s) holds a table")
    if breaches:
        raise ParameterError(f"the workbook '{place}' cannot be written", breaches)
    disk.replace(place, write(shown, language))


def write(blocks: Sequence[Mapping[str, Any]], language: Language) -> bytes:
    """
    Write every table of a page into a workbook, a sheet for each.

    Parameters
    ----------
    blocks : sequence of mapping
        Blocks as JSON (``Block.to_json``), as the page is laid out from.
    language : {"zh", "en"}
        Language of headings and words.

    Returns
    -------
    bytes
        XLSX. The first sheet says what it is, as of when, and what each sheet holds. Numbers and
        dates are such; a missing value is an empty cell with its reason as a comment below the
        table. Text that a program could run stays text. The same arguments give the same bytes.
    """
    import xlsxwriter

    masthead = next((b for b in blocks if b.get("kind") == "masthead"), {})
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    title = say(masthead.get("title"), language) or _heading(blocks, language)
    book.set_properties({"title": title, "created": datetime(2020, 1, 1)})  # noqa: DTZ001
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "heading": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
    }
    front = book.add_worksheet(word("contents", language))
    told = _told(masthead, language)
    names: set[str] = {word("contents", language).casefold()}
    listed = []
    for number, table in enumerate(tables(blocks), start=1):
        caption = say(table.get("caption"), language)
        name = _sheet_name(number, caption, names)
        _fill(book.add_worksheet(name), table, (caption, told[0]), language, styles)
        listed.append((name, caption))
    front.set_column(0, 0, 34)
    front.set_column(1, 1, 80)
    front.write_string(0, 0, title, styles["title"])
    for row, line in enumerate(told, start=1):
        front.write_string(row, 0, line)
    for row, (name, caption) in enumerate(listed, start=len(told) + 2):
        front.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        front.write_string(row, 1, caption, styles["text"])
    book.close()
    return stream.getvalue()


def tables(blocks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Tables of a page, in the order in which they come on it."""
    for kind in _ORDER:
        for block in blocks:
            if block.get("kind") == kind:
                yield from _within(block)


def _within(part: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, Mapping):
        if "columns" in part and "rows" in part:
            yield part
        else:
            for each in part.values():
                yield from _within(each)
    elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
        for each in part:
            yield from _within(each)


def _heading(blocks: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Title of blocks without a masthead: the first one's own."""
    first = next(iter(blocks), {})
    return say(first.get("title", first.get("caption")), language)


def _told(masthead: Mapping[str, Any], language: Language) -> list[str]:
    """As-of time, status, nature and version, each a line; an invented province says so first."""
    if not masthead:
        return [word("no_masthead", language)]
    lines = [
        f"{word('as_of', language)} {masthead.get('as_of', '')} {word('by_midnight', language)}"
    ]
    if masthead.get("nature") == "simulated":
        lines[0] += f" · {word('simulated_banner', language)}"
    for key in ("status", "nature"):
        said = str(masthead.get(key, ""))
        lines.append(f"{word(key, language)}: {word(said, language) if said in WORDS else said}")
    lines.append(f"{word('version', language)}: {masthead.get('version', '')}")
    return lines


def _sheet_name(number: int, caption: str, taken: set[str]) -> str:
    name = f"{number} {_UNFIT.sub(' ', caption)}"[:_LONGEST].strip()
    taken.add(name.casefold())  # the number keeps names apart
    return name


def _fill(
    page: Any, table: Mapping[str, Any], said: tuple[str, str], language: Language,
    styles: Mapping[str, Any],
) -> None:  # fmt: skip
    """Title, as-of time and note; heading; rows; reasons of missing values."""
    columns, rows = list(table["columns"]), list(table["rows"])
    page.write_string(0, 0, said[0], styles["title"])
    page.write_string(1, 0, said[1])
    page.write_string(2, 0, say(table.get("note"), language))
    widths = [_width(say(column["label"], language)) for column in columns]
    for place, column in enumerate(columns):
        page.write_string(_FIRST_ROW - 1, place, say(column["label"], language), styles["heading"])
    reasons: dict[str, int] = {}
    for row, cells in enumerate(rows, start=_FIRST_ROW):
        for place, column in enumerate(columns):
            shown = _write(page, (row, place), cells.get(column["key"]), column, language, styles)
            widths[place] = max(widths[place], _width(shown))
            value = cells.get(column["key"])
            if isinstance(value, Mapping) and "reason" in value:
                reason = say(value["reason"], language)
                reasons[reason] = reasons.get(reason, 0) + 1
    for place, width in enumerate(widths):
        page.set_column(place, place, min(width, _WIDEST) + 2)
    page.freeze_panes(_FIRST_ROW, 1)
    if rows:
        page.autofilter(_FIRST_ROW - 1, 0, _FIRST_ROW - 1 + len(rows), len(columns) - 1)
    for row, (reason, count) in enumerate(reasons.items(), start=_FIRST_ROW + len(rows) + 1):
        page.write_string(row, 0, f"{word('empty_cells', language, count=count)}: {reason}")


def _write(
    page: Any, at: tuple[int, int], value: Any, column: Mapping[str, Any], language: Language,
    styles: Mapping[str, Any],
) -> str:  # fmt: skip
    """Write one cell as what it is; gives what stands in it."""
    if value is None or (isinstance(value, Mapping) and "reason" in value):
        return ""
    if isinstance(value, bool):
        page.write_boolean(*at, value)
        return str(value)
    if isinstance(value, int | float):
        if math.isfinite(value):
            page.write_number(*at, value)
            return f"{value:.6g}"
        return ""
    text = say(value, language)
    if column.get("role") == "date":
        try:
            page.write_datetime(*at, date.fromisoformat(text), styles["date"])
        except ValueError:
            page.write_string(*at, text)
        return text
    page.write_string(*at, text)
    return text


def _width(text: str) -> int:
    return sum(2 if sign > _HAN else 1 for sign in text)
