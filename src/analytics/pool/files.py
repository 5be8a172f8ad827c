"""Bytes of a delivered file: decompressed under limits, decoded, refused when not whole."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING
from xml.parsers import expat

from analytics.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 << 30  # of one file once decompressed
MAX_RATIO = 200  # decompressed to compressed, beyond the first MIN_BYTES
MIN_BYTES = 16 << 20
_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def refuse(reason: str, what: str) -> ContractError:
    """Error that sends the whole file to quarantine; `reason` is the short word for it."""
    return ContractError(f"the file is {what}", (reason,), "ask the department to send it again")


def limit(size: int, packed: int) -> None:
    """
    Refuse what grows out of proportion.

    Parameters
    ----------
    size : int
        Bytes once unpacked.
    packed : int
        Bytes as delivered.

    Raises
    ------
    ContractError
        If the file is a bomb.
    """
    if size > MAX_BYTES or (size > MIN_BYTES and size > MAX_RATIO * max(packed, 1)):
        raise refuse("bomb", f"larger than {MAX_BYTES} bytes or {MAX_RATIO} times its packed size")


def unpacked(path: Path, content: bytes | None = None) -> bytes:
    """
    Whole content of a file, decompressed where its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes, optional
        Its bytes, where it lies sealed and only its name is known.

    Raises
    ------
    ContractError
        If the file is empty, cut off, fails its checksum, or unpacks beyond the limits.
    """
    packed = path.stat().st_size if content is None else len(content)
    if packed == 0:
        raise refuse("empty", "empty")
    if path.suffix.lower() != ".gz":
        limit(packed, packed)
        return path.read_bytes() if content is None else content
    plain = io.BytesIO()
    try:
        with gzip.open(path if content is None else io.BytesIO(content)) as stream:
            while chunk := stream.read(_CHUNK):
                plain.write(chunk)
                limit(plain.tell(), packed)
    except EOFError as error:
        raise refuse("truncated", "cut off before its end") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise refuse("damaged", "damaged: its checksum or packing does not hold") from error
    if not plain.tell():
        raise refuse("empty", "empty")
    return plain.getvalue()


def decoded(content: bytes) -> bytes:
    """
    Text of a file as UTF-8 without byte-order mark.

    UTF-8, UTF-8 with mark, UTF-16 with or without mark, and GB 18030 are recognised.

    Raises
    ------
    ContractError
        If the bytes are none of them, or hold NUL characters.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _transcoded(content, encoding)
    head = content[:4096]
    if head[1::2].count(0) > len(head) // 8:
        return _transcoded(content, "utf-16-le")
    if head[0::2].count(0) > len(head) // 8:
        return _transcoded(content, "utf-16-be")
    if b"\0" in content:
        raise refuse("damaged", "damaged: it holds NUL bytes")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _transcoded(content, "gb18030")
    return content


def _transcoded(content: bytes, encoding: str) -> bytes:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise refuse("encoding", "neither UTF-8, UTF-16 nor GB 18030 throughout") from error
    if "\0" in text:
        raise refuse("damaged", "damaged: it holds NUL characters")
    return text.encode("utf-8")


_AT = rb"([A-Za-z]{0,3})([1-9][0-9]{0,6})"
_PLACE = re.compile(_AT)
_PLACED = re.compile(
    rb"<(?:c|row|[\w.-]+:(?:c|row))(?=[\s/>])(?:\s(?:[^>]*?\s)??r\s*=\s*[\"']" + _AT + rb"[\"'])?"
)
_ROWS, _COLUMNS = 1_048_576, 16_384  # of any sheet; ECMA-376
# whatever zipfile and its decompressors raise on a spoilt archive
_UNSOUND = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip


def workbook(content: bytes, *, most_cells: int | None = None) -> io.BytesIO:
    """
    Content of an XLSX file, checked before any XML in it is parsed.

    Parameters
    ----------
    content : bytes
    most_cells : int, optional
        For readers that lay a sheet out whole: the most cells of the rectangle that a sheet's
        cells span. One cell far off makes a small file as large as memory.

    Raises
    ------
    ContractError
        If it is no sound zip archive, unpacks beyond the limits, names paths outside
        itself, or any part declares a document type (external entities); if a sheet spans more
        than `most_cells`, or is then no well-formed XML.
    """
    stream = io.BytesIO(content)
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            limit(sum(part.file_size for part in parts), len(content))
            if any(".." in part.filename or part.filename.startswith("/") for part in parts):
                raise refuse("damaged", "an archive that names paths outside itself")
            for part in parts:
                _without_entities(archive, part)
            if most_cells is not None:
                for part in parts:
                    _within(archive.read(part), most_cells)
    except _UNSOUND as error:
        reason = "truncated" if "not a zip" in str(error).lower() else "damaged"
        raise refuse(reason, "no sound XLSX workbook") from error
    stream.seek(0)
    return stream


def _within(content: bytes, most_cells: int) -> None:
    """Refuse a sheet whose cells lie too far apart, or where no sheet has any."""
    if b"sheetData" not in content.replace(b"\0", b""):
        return
    try:
        expat.ParserCreate().Parse(content, True)  # noqa: FBT003 (its way to say: the last part)
        letters, digits = _placed(content)
        sure = b"\0" not in content and b"" not in digits
        rows, columns = _span(letters, digits) if sure else _walked(content)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise refuse("damaged", "a sheet that is no XML") from error
    if rows > _ROWS or columns > _COLUMNS:
        raise refuse("damaged", "a cell that lies beyond any sheet")
    if rows * columns > most_cells:
        raise refuse("bomb", f"a sheet of {rows:,} × {columns:,} cells")


def _placed(content: bytes) -> tuple[set[bytes], set[bytes]]:
    """Places of cells and rows, as letters and digits; empty where one does not state its place."""
    places = _PLACED.findall(content)
    return {place for place, _ in places}, {place for _, place in places}


def _span(letters: set[bytes], digits: set[bytes]) -> tuple[int, int]:
    """Rows and columns that some places, as letters and digits, span."""
    return max(map(int, digits), default=0), max(map(_column, letters), default=0)


def _walked(content: bytes) -> tuple[int, int]:
    """Rows and columns of a sheet whose cells or rows do not all state their place."""
    rows, columns, row, column = 0, 0, 0, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal rows, columns, row, column
        tag, place = name.rpartition(":")[2], attributes.get("r")
        if tag not in ("row", "c"):
            return
        found = _PLACE.fullmatch(place.encode()) if place else None
        if place and not found:
            raise refuse("damaged", "a cell that lies nowhere")
        if tag == "row":
            row, column = int(found[2]) if found else row + 1, 0
        elif found:
            row, column = int(found[2]), _column(found[1])
        else:
            column += 1
        rows, columns = max(rows, row), max(columns, column)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(content, True)  # noqa: FBT003
    return rows, columns


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _without_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    tail = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            seen = (tail + chunk).replace(b"\0", b"")
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise refuse("entities", "a workbook that declares document types or entities")
            tail = chunk[-32:]
