"""Cells of a table as a page shows them: digits, dates, unknowns with their reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics.render.blocks import Language
from analytics.render.numbers import day, written

PHONE_COLUMNS = 7


@dataclass(frozen=True)
class Cell:
    """
    One cell: what is read, and what the download holds where that differs.

    Parameters
    ----------
    text : str
        As shown.
    role : str
        Its column's role; one of text, number, date, grade.
    raw : str or None
        Machine-readable value for the download; None: same as the text.
    mark : str
        Letter of the footnote that says why the value is missing.
    unknown : bool
        Whether there is no value.
    swatch : mapping or None
        Legend entry of a grade.
    """

    text: str
    role: str
    raw: str | None = None
    mark: str = ""
    unknown: bool = False
    swatch: Mapping[str, Any] | None = None


def say(text: object, language: Language) -> str:
    """Words of a text in one language; a plain string is the same in both."""
    if isinstance(text, Mapping):
        return str(text[language])
    return "" if text is None else str(text)


def spelled(value: str, language: Language) -> str:
    """Write an ISO date as people do: 2020年2月29日, 29 Feb 2020; other text stays as it is."""
    try:
        text = day(date.fromisoformat(value))
    except ValueError:
        return value
    return text.zh if language == "zh" else text.en


def present(
    table: Mapping[str, Any], language: Language, swatches: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """
    Lay out a table block for the template.

    Parameters
    ----------
    table : mapping
        A ``Table`` as JSON.
    language : {"zh", "en"}
        Language of the page.
    swatches : mapping
        Legend entries of the page's maps by their label in this language.

    Returns
    -------
    dict
        ``columns`` (each with ``beyond``: not shown on a phone), ``rows`` (lists of `Cell`),
        ``reasons`` (footnotes, letter to text), ``unknown`` (whether any cell is unknown without
        a reason) and ``beyond`` (how many columns a phone does not show).
    """
    reasons: dict[str, str] = {}
    columns = [
        {**column, "beyond": n >= PHONE_COLUMNS or not column.get("phone", True)}
        for n, column in enumerate(table["columns"])
    ]
    rows = [
        [_cell(row.get(column["key"]), column, language, swatches, reasons) for column in columns]
        for row in table["rows"]
    ]
    return {
        "columns": columns,
        "rows": rows,
        "reasons": {mark: reason for reason, mark in reasons.items()},
        "unknown": any(cell.unknown and not cell.mark for row in rows for cell in row),
        "beyond": sum(column["beyond"] for column in columns),
    }


def _cell(
    value: object,
    column: Mapping[str, Any],
    language: Language,
    swatches: Mapping[str, Mapping[str, Any]],
    reasons: dict[str, str],
) -> Cell:
    role = column.get("role", "text")
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Cell("—", role, raw="", unknown=True)
    if isinstance(value, Mapping) and "reason" in value:
        reason = say(value["reason"], language)
        mark = reasons.setdefault(reason, _letter(len(reasons)))
        return Cell("—", role, raw="", mark=mark, unknown=True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = written(value, language, column.get("decimals"))
        return Cell(text, role, raw=repr(value))
    text = say(value, language)
    if role == "date":
        return Cell(spelled(text, language), role, raw=text)
    return Cell(text, role, swatch=swatches.get(text) if role == "grade" else None)


def _letter(position: int) -> str:
    """Footnote mark: a to z, then aa, ab, and so on."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def spark(trend: Sequence[float | None]) -> dict[str, Any] | None:
    """
    Small trend as SVG polylines in a box of 100 by 28; an unknown value breaks the line.

    Returns
    -------
    dict or None
        ``lines`` (points of each unbroken stretch) and ``last`` (the last known point);
        None where fewer than two values are known.
    """
    known = [value for value in trend if value is not None and math.isfinite(value)]
    if len(known) < 2:  # noqa: PLR2004 - a line needs two points
        return None
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    lines: list[list[str]] = [[]]
    last = ""
    for position, value in enumerate(trend):
        if value is None or not math.isfinite(value):
            lines.append([])
            continue
        last = f"{2 + 94 * position / (len(trend) - 1):.1f},{25 - 22 * (value - low) / span:.1f}"
        lines[-1].append(last)
    x, y = last.split(",")
    return {
        "lines": [" ".join(line) for line in lines if line],
        "x": x,
        "y": y,
        "zero": f"{25 - 22 * (0 - low) / span:.1f}",
    }
