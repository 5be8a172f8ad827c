"""
A delivered file as a table of text: CSV, XLSX, JSON Lines or Parquet, also gzipped.

Nothing is interpreted here. Every cell becomes text under NFKC, trimmed, empty as null;
numbers keep all their digits, and a number that lost some says so by its exponent.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.errors import ContractError, WorkbenchError, interrupted
from analytics.pool.files import decoded, limit, refuse, unpacked, workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from analytics.tables import Contract

SUFFIXES = (".csv", ".xlsx", ".jsonl", ".parquet")
WITHDRAWN = "withdrawn"
POSITION = "_position"
_WITHDRAWN_LABEL = "撤回"
_MAX_COLUMNS = 500
_MAX_ROWS = 1_048_576  # of a sheet
_EXACT = 1e15  # Excel keeps 15 significant digits


@dataclass(frozen=True)
class Reading:
    """
    A file's rows as text.

    Attributes
    ----------
    rows : pyarrow.Table
        ``_position`` in the file, from 1, then the contract's columns and
        ``withdrawn``, all text.
    misread : pyarrow.Table
        ``position, column, reason`` of rows that could not be told apart into columns.
    absent : tuple of str
        Columns of the contract that the file does not have.
    ignored : int
        Columns of the file that the contract does not have.
    """

    rows: pa.Table
    misread: pa.Table
    absent: tuple[str, ...]
    ignored: int


def suffix(path: Path) -> str:
    """Kind of file by its name, ``.gz`` set aside; empty where unknown."""
    parts = [part.lower() for part in path.suffixes]
    if parts and parts[-1] == ".gz":
        parts.pop()
    return parts[-1] if parts and parts[-1] in SUFFIXES else ""


def read(path: Path, contract: Contract, content: bytes | None = None) -> Reading:
    """
    Read a delivered file.

    Parameters
    ----------
    path : Path
        The file, or its name alone.
    contract : Contract
        Contract of its feed.
    content : bytes, optional
        Its bytes, where it lies sealed and may not be written to disk in clear.

    Raises
    ------
    ContractError
        If the file as a whole is refused: empty, truncated, damaged, a bomb, in an unknown
        encoding or format, or without the contract's columns; ``unreadable`` where a library
        fails at it in a way nobody foresaw, so that no file holds up the others.
    """
    kind = suffix(path)
    if not kind:
        raise refuse("format", f"none of {', '.join(SUFFIXES)}, also with .gz")
    try:
        return _read(kind, unpacked(path, content), contract)
    except (WorkbenchError, OSError):
        raise
    except MemoryError as error:
        raise refuse("bomb", "larger than this machine's memory once it is read") from error
    except Exception as error:
        if interrupted(error):
            raise
        raise refuse("unreadable", f"not to be read ({type(error).__name__})") from error


def _read(kind: str, content: bytes, contract: Contract) -> Reading:
    if kind == ".csv":
        return _read_csv(decoded(content), contract)
    if kind == ".jsonl":
        return _read_json_lines(decoded(content), contract)
    if kind == ".xlsx":
        return _read_workbook(workbook(content), contract)
    return _read_parquet(content, contract)


def _heading(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFKC", text).strip().casefold()


def _matched(headings: Sequence[str], contract: Contract) -> list[str | None]:
    """Contract's column for each heading of a file, by name or Chinese label."""
    known = {_WITHDRAWN_LABEL: WITHDRAWN, WITHDRAWN: WITHDRAWN}
    for column in contract.columns:
        known[column.name] = known[_heading(column.label)] = column.name
    return [known.get(_heading(heading)) for heading in headings]


def _assigned(headings: Sequence[str], contract: Contract) -> list[str | None]:
    matched = _matched(headings, contract)
    present = [name for name in matched if name]
    missing = [c.name for c in contract.columns if c.required and c.name not in present]
    twice = sorted({name for name in present if present.count(name) > 1})
    if missing or twice or len(headings) > _MAX_COLUMNS:
        breaches = ["headings", *(f"column '{name}' is missing" for name in missing)]
        breaches += [f"column '{name}' comes twice" for name in twice]
        raise ContractError(
            f"the file's first row is not the heading of feed '{contract.feed}'",
            breaches,
            f"start from `workbench deliveries template {contract.feed}`",
        )
    return matched


def normalised(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Text under NFKC, trimmed, empty as null."""
    if not pc.all(pc.string_is_ascii(column), min_count=0).as_py():
        column = pc.utf8_normalize(column, form="NFKC")
    column = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)


def _reading(
    columns: Iterable[pa.ChunkedArray | pa.Array],
    matched: Sequence[str | None],
    contract: Contract,
    positions: pa.Array,
    misread: Sequence[tuple[int, str]] = (),
) -> Reading:
    found = {n: normalised(c) for n, c in zip(matched, columns, strict=True) if n}
    names = [column.name for column in contract.columns]
    nothing = pa.nulls(len(positions), pa.string())
    rows = {name: found.get(name, nothing) for name in (*names, WITHDRAWN)}
    return Reading(
        rows=pa.table({POSITION: positions, **rows}),
        misread=pa.table(
            {
                "position": pa.array([row for row, _ in misread], pa.int64()),
                "column": pa.array([""] * len(misread), pa.string()),
                "reason": pa.array([reason for _, reason in misread], pa.string()),
            }
        ),
        absent=tuple(name for name in names if name not in found),
        ignored=sum(name is None for name in matched),
    )


def _read_csv(content: bytes, contract: Contract) -> Reading:
    from pyarrow import csv as arrow_csv

    if b"\n" not in content:  # line ends as the oldest programs write them
        content = content.replace(b"\r", b"\n")
    line = content.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    try:
        splits = [(next(csv.reader([line], delimiter=d), []), d) for d in ",\t;|"]
    except csv.Error as error:
        raise refuse("headings", "without a heading: its first line is no row") from error
    headings, delimiter = max(
        splits, key=lambda split: sum(n is not None for n in _matched(split[0], contract))
    )
    matched = _assigned(headings, contract)
    wrong: list[Any] = []

    def set_aside(row: Any) -> str:
        wrong.append(row)
        return "skip"

    names = [str(place) for place in range(len(headings))]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise refuse("empty", "a heading without rows") from error
        raise refuse("truncated", "cut off inside a quoted cell, or not a CSV") from error
    last_row = [column[-1].as_py() for column in table.columns] if table.num_rows else []
    if content.count(b'"') % 2 and any("\n" in cell for cell in last_row):
        raise refuse("truncated", "cut off inside a quoted cell")
    total = table.num_rows + len(wrong)
    last = wrong and wrong[-1].number == total + 1
    if last and wrong[-1].actual_columns < len(headings) and not content.endswith((b"\n", b"\r")):
        raise refuse("truncated", "cut off in the middle of a row")
    if any("\n" in row.text.rstrip("\r\n") for row in wrong):
        raise refuse("quotes", "not to be told apart into rows: a quotation mark stands alone")
    misread = [(row.number - 1, "wrong_number_of_cells") for row in wrong]
    positions = np.delete(np.arange(1, total + 1), [row - 1 for row, _ in misread])
    return _reading(table.columns, matched, contract, pa.array(positions, pa.int64()), misread)


def _read_json_lines(content: bytes, contract: Contract) -> Reading:
    import duckdb

    whole = pa.array([content.decode("utf-8")], pa.large_string())
    lines = pc.utf8_trim_whitespace(pc.list_flatten(pc.split_pattern(whole, "\n")))
    lines = lines.filter(pc.not_equal(lines, ""))
    if not len(lines):
        raise refuse("empty", "empty")
    table = pa.table({"row": pa.array(np.arange(1, len(lines) + 1)), "line": lines})
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        connection.register("lines", table)
        sound = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
        bad = connection.sql(f"SELECT row FROM lines WHERE NOT {sound} ORDER BY row")  # noqa: S608
        misread = [(row, "not_json") for (row,) in bad.fetchall()]
        if misread and misread[-1][0] == len(lines) and not content.endswith(b"\n"):
            raise refuse("truncated", "cut off in the middle of a row")
        keys = connection.sql(
            f"SELECT DISTINCT unnest(json_keys(line)) FROM lines WHERE {sound}"  # noqa: S608
        ).fetchall()
        headings = sorted(key for (key,) in keys)
        matched = _assigned(headings, contract)
        paths = ['$."' + heading.replace('"', '\\"') + '"' for heading in headings]
        picks = ", ".join(f"json_extract_string(line, ?) AS c{n}" for n in range(len(paths)))
        good = connection.execute(
            f"SELECT row, {picks} FROM lines WHERE {sound} ORDER BY row",  # noqa: S608
            paths,
        ).to_arrow_table()
    columns = [good.column(place + 1) for place in range(len(headings))]
    return _reading(columns, matched, contract, good.column("row"), misread)


def _read_workbook(stream: io.BytesIO, contract: Contract) -> Reading:
    import openpyxl

    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its size need not be true
        first = next(sheet.iter_rows(max_row=1, max_col=_MAX_COLUMNS + 1, values_only=True), ())
        headings = [_cell(value) for value in first]
        while headings and not headings[-1]:
            headings.pop()
        matched = _assigned(headings, contract)
        rows = [
            [_cell(value) for value in row]
            for row in _within(sheet.iter_rows(min_row=2, max_col=len(headings), values_only=True))
            if any(value is not None for value in row)
        ]
    except ContractError:
        raise
    except Exception as error:
        raise refuse("damaged", f"no sound XLSX workbook ({type(error).__name__})") from error
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    columns = columns or [pa.array([], pa.string()) for _ in headings]
    return _reading(columns, matched, contract, pa.array(np.arange(1, len(rows) + 1)))


def _within(rows: Iterable[Any]) -> Iterator[Any]:
    """Rows of a sheet, refused beyond the last that a sheet can have: its numbers are false."""
    for place, row in enumerate(rows, start=2):
        if place > _MAX_ROWS:
            raise refuse("damaged", f"a workbook with a row beyond number {_MAX_ROWS}")
        yield row


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, (str, int)):
        return str(value)
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _read_parquet(content: bytes, contract: Contract) -> Reading:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            pa.BufferReader(content),
            page_checksum_verification=True,
            read_dictionary=_texts(content),
        )
        limit(4 * file.metadata.num_rows * file.metadata.num_columns, len(content))
        table = file.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = "damaged" if content[-4:] == b"PAR1" else "truncated"
        raise refuse(reason, "no sound Parquet file") from error
    matched = _assigned(table.column_names, contract)
    limit(sum(map(_spelled_out, table.columns)), len(content))
    try:
        columns = [
            _text(column) if name else column
            for column, name in zip(table.columns, matched, strict=True)
        ]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise refuse("damaged", "a Parquet file with a column that has no text form") from error
    return _reading(columns, matched, contract, pa.array(np.arange(1, table.num_rows + 1)))


def _texts(content: bytes) -> list[str]:
    """Columns of text, which stay as packed as they came until their size is known."""
    import pyarrow.parquet as pq

    schema = pq.read_schema(pa.BufferReader(content))
    kinds = (pa.types.is_string, pa.types.is_large_string)
    return [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]


def _spelled_out(column: pa.ChunkedArray) -> int:
    """Bytes of a column of words once each is written out."""
    if not pa.types.is_dictionary(column.type):
        return 0
    sizes = (
        pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0
        for chunk in column.chunks
        if len(chunk.dictionary)
    )
    return sum(sizes)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _EXACT))
        digits = pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.string())
        finite = pc.if_else(pc.is_finite(column), column, None)
        return pc.coalesce(digits, finite.cast(pa.string()))
    if pa.types.is_timestamp(kind) and kind.tz:
        local = pc.local_timestamp(column.cast(pa.timestamp("us", "Asia/Shanghai")))
        return local.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    return column.cast(pa.string())
