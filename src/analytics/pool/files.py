"""Bytes of a delivered file: decompressed under limits, decoded, refused when not whole."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from typing import TYPE_CHECKING

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


def workbook(content: bytes) -> io.BytesIO:
    """
    Content of an XLSX file, checked before any XML in it is parsed.

    Raises
    ------
    ContractError
        If it is no sound zip archive, unpacks beyond the limits, names paths outside
        itself, or any part declares a document type (external entities).
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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        reason = "truncated" if "not a zip" in str(error).lower() else "damaged"
        raise refuse(reason, "no sound XLSX workbook") from error
    stream.seek(0)
    return stream


def _without_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    tail = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            seen = (tail + chunk).replace(b"\0", b"")
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise refuse("entities", "a workbook that declares document types or entities")
            tail = chunk[-32:]
