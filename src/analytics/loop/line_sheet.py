"""A worksheet of many lines of text, written out as they come rather than held cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BETWEEN = "\x00"  # in no text that a cell can hold


class LineSheet(Worksheet):  # type: ignore[misc]  # xlsxwriter's classes are untyped
    """
    Worksheet of `xlsxwriter` with one way more to write.

    Its own `write_string` makes an object of every cell and an entry of every text, which is
    half the time of a list of ten thousand lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def write_lines(
        self, start: int, lines: Iterable[tuple[Sequence[str], float, Sequence[tuple[Any, bool]]]]
    ) -> None:
        """
        Write lines below those written cell by cell.

        Parameters
        ----------
        start : int
            Row of the first, from 0.
        lines : iterable of tuple
            Of each line its texts from left to right, without control characters or space at
            their ends; its height [points]; and of each cell of it, from the first column on,
            its format or None, and whether it takes the next text or stays blank. Lines alike
            share one such layout.
        """
        laid: dict[int, str] = {}
        row, widest = start, 0
        for row, (texts, height, cells) in enumerate(lines, start=start):
            pattern = laid.get(id(cells))
            if pattern is None:
                pattern = laid[id(cells)] = _pattern(cells)
                widest = max(widest, len(cells))
            said = escape(_BETWEEN.join(texts)).split(_BETWEEN)
            self._lines.append(pattern.format(row + 1, height, *said))
        if widest:
            self._check_dimensions(row, widest - 1)

    def _write_rows(self) -> None:
        super()._write_rows()
        self.fh.write("".join(self._lines))


def _pattern(cells: Sequence[tuple[Any, bool]]) -> str:
    """Row of such cells, open for its number {0}, its height {1} and its texts."""
    parts, place = ['<row r="{0}" ht="{1:g}" customHeight="1">'], 2
    for column, (style, filled) in enumerate(cells):
        styled = f' s="{style._get_xf_index()}"' if style else ""  # noqa: SLF001 (as its writer)
        parts.append(f'<c r="{xl_col_to_name(column)}{{0}}"{styled}')
        parts.append(f' t="inlineStr"><is><t>{{{place}}}</t></is></c>' if filled else "/>")
        place += filled
    return "".join((*parts, "</row>"))
