"""What tables of all reports share: hidden cells, columns of numbers, rows as mappings, folding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.render.blocks import NOTHING, Column, Missing, Table, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

HIDDEN = Missing(Text("为保护个人不予列示", "not shown, to protect the persons counted"))
"""In place of a count that may not leave: it would tell on somebody."""
LONG = 40
"""Rows, two screens of a phone; a longer table is folded until somebody opens it."""


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as mappings from column to value."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def numbers(*named: tuple[str, str, str]) -> tuple[Column, ...]:
    """
    Head columns of numbers.

    Parameters
    ----------
    *named : tuple of str
        Key of the column, its heading in Chinese and in English.
    """
    return tuple(Column(key, Text(zh, en), "number") for key, zh, en in named)


def listing(
    name: str, caption: Text, columns: Sequence[Column], rows: Sequence[dict[str, Any]],
    note: Text = NOTHING,
) -> Table:  # fmt: skip
    """
    Put a table together that is folded where it is `LONG`.

    Parameters
    ----------
    name : str
        In the page's workbook.
    caption : Text
    columns : sequence of Column
    rows : sequence of dict
        Values by key of the column.
    note : Text, optional
        Under the table.
    """
    return Table(
        caption=caption,
        columns=tuple(columns),
        rows=tuple(rows),
        note=note,
        name=name,
        collapsed=len(rows) > LONG,
    )
