"""A contract as departments get it: XLSX template, Frictionless Table Schema, dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics import tables
from analytics.tables.words import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.tables import Column, Contract

ROWS = 2000  # rows of a template that are prepared for typing
_TYPES = {
    "date": "date",
    "moment": "datetime",
    "integer": "integer",
    "number": "number",
    "yes_no": "boolean",
}


def table_schema(contract: Contract) -> dict[str, Any]:
    """
    Contract as a Frictionless Table Schema.

    References
    ----------
    Frictionless Data, Table Schema, https://specs.frictionlessdata.io/table-schema/
    """
    return {
        "name": contract.feed,
        "title": contract.label,
        "description": contract.meaning,
        "department": contract.department,
        "fields": [_field(column) for column in contract.columns],
        "primaryKey": list(contract.key),
        "missingValues": [""],
    }


def _field(column: Column) -> dict[str, Any]:
    limits: dict[str, Any] = {"required": column.required}
    if column.choices:
        limits["enum"] = list(column.choices)
    if column.minimum is not None:
        limits["minimum"] = column.minimum
    if column.maximum is not None:
        limits["maximum"] = column.maximum
    said = {
        "name": column.name,
        "type": _TYPES.get(column.kind, "string"),
        "title": column.label,
        "description": column.meaning,
        "constraints": limits,
        "identifies": column.identifies,
        "archived": column.archived,
        "purposes": sorted(column.purposes),
    }
    optional = {"unit": column.unit, "reference": column.reference}
    return said | {key: value for key, value in optional.items() if value}


def write_template(contract: Contract, path: Path) -> None:
    """
    Write an empty XLSX for a feed: Chinese headings, text cells, word lists, notes.

    Numbers of documents and phones are kept as text, so that the program that fills the
    sheet in cannot round them.
    """
    import openpyxl
    from openpyxl.comments import Comment
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = contract.label[:31]
    sheet.freeze_panes = "A2"
    for place, column in enumerate(contract.columns, start=1):
        cell = sheet.cell(1, place, column.label)
        cell.font = Font(bold=column.required)
        cell.comment = Comment(f"{column.name}: {column.meaning} {column.unit}".strip(), "")
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(12, 2 * len(column.label) + 4)
        sheet.column_dimensions[letter].number_format = "@"
        for row in range(2, ROWS + 2):
            sheet.cell(row, place).number_format = "@"
        options = [spoken(word) for word in column.choices]
        if column.kind == "yes_no":
            options = ["是", "否"]
        if options and sum(map(len, options)) + len(options) < 250:  # noqa: PLR2004 - Excel's limit
            choice = DataValidation(
                type="list", formula1=f'"{",".join(options)}"', allow_blank=True
            )
            choice.add(f"{letter}2:{letter}{ROWS + 1}")
            sheet.add_data_validation(choice)
    notes = book.create_sheet("说明")
    notes.append(["列", "名称", "含义", "单位", "必填", "可填"])
    for column in contract.columns:
        words = "、".join(spoken(word) for word in column.choices)
        must = "是" if column.required else ""
        notes.append([column.label, column.name, column.meaning, column.unit, must, words])
    book.save(path)


def dictionary() -> str:
    """Write the data dictionary of all feeds and area tables, as ``data/README.md`` holds it."""
    lines = [
        "# Data dictionary",
        "",
        "Written by `workbench deliveries template --dictionary`; do not edit by hand.",
        "",
        "**Required** columns are bold, key columns marked *key*.",
        "*Identifies*: what a column tells about who somebody is; *kept*: what the archive keeps.",
    ]
    for department, contracts in tables.departments().items():
        lines += ["", f"## Department `{department}`"]
        for contract in contracts:
            lines += _section(contract)
    lines += ["", "## Area tables"]
    for model in tables.AREAS:
        lines += _section(tables.read(model))
    return "\n".join(lines) + "\n"


def _section(contract: Contract) -> list[str]:
    purposes = sorted({purpose for column in contract.columns for purpose in column.purposes})
    lines = [
        "",
        f"### `{contract.feed}` {contract.label}",
        "",
        f"{contract.meaning}. Purposes: {', '.join(purposes) or 'none'}.",
        "",
        "| column | 名称 | meaning | kind | unit | values | identifies | kept |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for column in contract.columns:
        name = f"**{column.name}**" if column.required else column.name
        name += " *key*" if column.name in contract.key else ""
        values = "; ".join(column.choices) or column.reference
        if column.minimum is not None or column.maximum is not None:
            low = "" if column.minimum is None else f"{column.minimum:g}"
            high = "" if column.maximum is None else f"{column.maximum:g}"
            values = f"{low} to {high}".strip()
        cells = (
            name, column.label, column.meaning, column.kind, column.unit, values,
            column.identifies, column.archived,
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return lines
