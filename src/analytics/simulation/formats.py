"""Rows of text as the files departments send; the same rows give the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.tables.words import spoken

if TYPE_CHECKING:
    from analytics.tables import Contract

SUFFIXES = {
    "csv": ".csv", "csv.gz": ".csv.gz", "parquet": ".parquet", "jsonl": ".jsonl", "xlsx": ".xlsx",
    "gb18030": ".csv", "bom": ".csv", "utf16": ".csv",
}  # fmt: skip
_EPOCH = date(1899, 12, 30)
_ENCODINGS = {"gb18030": "gb18030", "bom": "utf-8-sig", "utf16": "utf-16"}


def file(table: pa.Table, contract: Contract, form: str, *, serials: bool = False) -> bytes:
    """
    Bytes of one delivery.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of the contract, as text.
    contract : Contract
        Of the feed.
    form : str
        One of `SUFFIXES`. Files in GB 18030 have Chinese headings and words.
    serials : bool
        Whether a workbook holds days as Excel's serial numbers.
    """
    if form in {"csv", "csv.gz"}:
        content = _csv(table)
        return gzip.compress(content, 1, mtime=0) if form == "csv.gz" else content
    if form in _ENCODINGS:
        chinese = _in_chinese(table, contract) if form == "gb18030" else table
        return _csv(chinese).decode("utf-8").encode(_ENCODINGS[form])
    if form == "jsonl":
        lines = [
            json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False)
            for row in table.to_pylist()
        ]
        return ("\n".join(lines) + "\n").encode()
    if form == "parquet":
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
        return sink.getvalue()
    return _workbook(table, contract, serials=serials)


def _csv(table: pa.Table) -> bytes:
    from pyarrow import csv

    sink = io.BytesIO()
    csv.write_csv(table, sink, csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def _in_chinese(table: pa.Table, contract: Contract) -> pa.Table:
    columns = []
    for column in contract.columns:
        values = table[column.name].combine_chunks()
        if column.kind in {"category", "document", "yes_no"}:
            coded = values.dictionary_encode()
            said = {"true": "是", "false": "否"}
            words = [said.get(word) or spoken(word) for word in coded.dictionary.to_pylist()]
            values = pa.array(words, pa.string()).take(coded.indices)
        columns.append(values)
    return pa.table(columns, names=[column.label for column in contract.columns])


def _workbook(table: pa.Table, contract: Contract, *, serials: bool) -> bytes:
    """Workbook of text cells, its days as text or as serial numbers; no clock in its bytes."""
    import openpyxl

    columns: list[list[Any]] = []
    for column in contract.columns:
        cells: list[Any] = table[column.name].to_pylist()
        if serials and column.kind == "date":
            days = pc.cast(table[column.name], pa.date32()).to_pylist()
            cells = [None if day is None else (day - _EPOCH).days for day in days]
        columns.append(cells)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(contract.feed[:31])
    sheet.append([column.label for column in contract.columns])
    for row in zip(*columns, strict=True):
        sheet.append(row)
    made, fixed = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(fixed, "w") as target:
        for part in source.namelist():
            content = source.read(part)
            if part == "docProps/core.xml":
                content = re.sub(
                    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2020-01-01T00:00:00Z", content
                )
            entry = zipfile.ZipInfo(part, (1980, 1, 1, 0, 0, 0))
            target.writestr(entry, content, zipfile.ZIP_DEFLATED, 1)
    return fixed.getvalue()
