"""
The audit log: who read what, in which role, for which purpose; appended, chained, never edited.

One entry a line of JSON. Each entry carries its number, the digest of the line before it and
its own digest; the newest digest (the head) is put in every report's manifest. So an edit,
a deletion, a reordering and a cut end are found, and where they are.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from analytics.errors import AuditError, ParameterError
from analytics.privacy import disk
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from analytics.codes import Purpose

_START = "0" * 64
_LARGEST_COUNT = 10**10  # below any mobile number
_WORD = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_ACTOR = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=-]*(/[A-Za-z0-9][A-Za-z0-9._:=-]*)*")
_NAME_LENGTH = 240
_ANCHOR = re.compile(r"audit:([0-9]{1,12}):([0-9a-f]{64})(?![0-9a-f])")
_DIGEST_WORD = re.compile(
    r"(?<![A-Za-z0-9])([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})(?![A-Za-z0-9])"
)
_PERSONAL = re.compile(
    r"[0-9]{9}"  # ID, phone and card numbers
    r"|(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{7,8}(?![A-Za-z0-9])"  # passports and permits
)


@dataclass(frozen=True)
class Head:
    """Where the log stands: how many entries, and the digest of the last one."""

    entries: int
    digest: str

    def __str__(self) -> str:
        """As it stands in a manifest, where :func:`anchors` finds it again."""
        return f"audit:{self.entries}:{self.digest}"


@dataclass(frozen=True)
class Verified:
    """
    Result of a verification that found the chain whole.

    Attributes
    ----------
    head : Head
        Where the log stands.
    torn_bytes : int
        Bytes after the last whole line: an entry whose writer died before it was
        acknowledged. The next writer keeps them aside.
    """

    head: Head
    torn_bytes: int


def impersonal(name: str) -> bool:
    """
    Whether a name may stand in clear: ASCII words with slashes, no number of a person.

    Names of deliveries, tables and files pass; IDs, phones, passports and Chinese names do not.
    """
    fits = len(name) <= _NAME_LENGTH and _NAME.fullmatch(name) is not None
    return fits and _PERSONAL.search(_DIGEST_WORD.sub("", name)) is None


def record(
    log: Path,
    action: str,
    object_: str,
    *,
    role: str,
    purpose: Purpose | None = None,
    counts: Mapping[str, int] | None = None,
    actor: str = "",
) -> Head:
    """
    Append an entry; it is on disk when this returns.

    Parameters
    ----------
    log : Path
        The log, made if there is none.
    action : str
        What was done: a lower-case word, as ``read`` or ``keys.rotate``.
    object_ : str
        To what: name of a delivery, table, report or study; see :func:`impersonal`.
    role : str
        In which role, a lower-case word.
    purpose : Purpose, optional
        For which purpose.
    counts : mapping of str to int, optional
        How many rows, persons, files.
    actor : str, optional
        Account that did it; by default the one this process runs under.

    Raises
    ------
    AuditError
        If the entry could hold a personal value, or the log does not end as it should.
    BusyError
        If another writer holds the log for ten seconds.
    """
    entry = {
        "action": action,
        "object": object_,
        "role": role,
        "purpose": None if purpose is None else str(purpose),
        "counts": dict(counts or {}),
        "actor": actor or _account(),
    }
    _check(entry)
    disk.make_private(log.parent)
    with disk.locked(log.with_name(log.name + ".lock")):
        return _append(log, entry)


def head(log: Path) -> Head:
    """
    Where the log stands, for a manifest; reads its last line only.

    Raises
    ------
    AuditError
        If the last whole line is no entry.
    """
    if not log.exists():
        return Head(0, _START)
    with log.open("rb") as stream:
        return _last(log, stream)[0]


def anchors(folder: Path) -> tuple[Head, ...]:
    """
    Heads that stand, as ``audit:<entries>:<digest>``, in a folder's JSON files at any depth.

    Raises
    ------
    ParameterError
        If there is no such folder: silence would look like agreement.
    """
    if not folder.is_dir():
        raise ParameterError(f"there is no folder '{folder}'")
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.json")))
    found = {Head(int(m[1]), m[2]) for text in texts for m in _ANCHOR.finditer(text)}
    return tuple(sorted(found, key=lambda anchor: anchor.entries))


def verify(log: Path, anchors: Iterable[Head] = ()) -> Verified:
    """
    Check the whole chain, and that the log once stood where manifests say it stood.

    Parameters
    ----------
    log : Path
    anchors : iterable of Head
        Heads taken before, from manifests kept elsewhere. Without one, a cut end and a
        log rewritten from some line to its end cannot be told from an honest log.

    Raises
    ------
    AuditError
        If anything was edited, deleted, reordered or cut; every place is listed by line.
    """
    breaches: list[str] = []
    wanted = sorted(set(anchors), key=lambda anchor: anchor.entries)
    digests: dict[int, str] = {0: _START}
    at_stake = {anchor.entries for anchor in wanted}
    before, number, torn, line = _START, 0, 0, 0
    for line, (text, whole) in enumerate(_lines(log), start=1):
        if not whole:
            torn = len(text)
            break
        entry = _parsed(text)
        if entry is None:
            breaches.append(f"line {line}: is no entry, or was edited")
            number, before = number + 1, ""
            continue
        breaches += _links(line, entry, number, before)
        number, before = entry["number"], entry["digest"]
        if number in at_stake:
            digests[number] = before
    breaches += _unanchored(wanted, digests, number)
    if breaches:
        raise AuditError(
            f"the audit log '{log}' was changed:",
            breaches,
            "keep the file as evidence; lines before the first one named are sound",
        )
    return Verified(Head(number, before), torn)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"uid-{os.getuid()}"


def _links(line: int, entry: dict[str, Any], number: int, before: str) -> list[str]:
    """Compare an entry with the one before it; `before` is empty if that one is unreadable."""
    missing = entry["number"] - number - 1
    if missing > 0:
        return [f"before line {line}: {missing} entries are missing (from number {number + 1})"]
    if missing < 0:
        return [f"line {line}: entry {entry['number']} stands after entry {number}"]
    if number == 0 and entry["previous"] != _START:
        return [f"line {line}: does not begin a log"]
    if before and entry["previous"] != before:
        return [f"line {line - 1}: was rewritten; line {line} remembers another"]
    return []


def _unanchored(anchors: list[Head], digests: dict[int, str], last: int) -> list[str]:
    breaches = []
    sound = 0
    for anchor in anchors:
        if anchor.entries > last:
            lost = anchor.entries - last
            breaches.append(
                f"after line {last}: the end was cut; a manifest saw {anchor.entries} entries, "
                f"{lost} more"
            )
            break
        if digests.get(anchor.entries) != anchor.digest:
            breaches.append(
                f"lines {sound + 1}-{anchor.entries}: rewritten; entry {anchor.entries} is not "
                "the one a manifest saw"
            )
            break
        sound = anchor.entries
    return breaches


def _check(entry: dict[str, Any]) -> None:
    breaches = []
    if not _WORD.fullmatch(entry["action"]):
        breaches.append("action: is no lower-case word")
    if not _WORD.fullmatch(entry["role"]):
        breaches.append("role: is no lower-case word")
    if not _ACTOR.fullmatch(entry["actor"]) or _PERSONAL.search(entry["actor"]):
        breaches.append("actor: is no account name")
    if not impersonal(entry["object"]):
        breaches.append("object: is no name of a delivery, table or report")
    for position, (what, count) in enumerate(entry["counts"].items(), start=1):
        if not _WORD.fullmatch(what) or _PERSONAL.search(what):
            breaches.append(f"count {position}: its name is no lower-case word")
        if isinstance(count, bool) or not isinstance(count, int):
            breaches.append(f"count {position}: is no whole number")
        elif not 0 <= count < _LARGEST_COUNT:
            breaches.append(f"count {position}: lies outside 0 to {_LARGEST_COUNT - 1:,}")
    if breaches:
        raise AuditError(
            "an audit entry was refused, since it could hold a personal value",
            breaches,
            "name things, not people: deliveries, tables, reports, and counts",
        )


def _append(log: Path, entry: dict[str, Any]) -> Head:
    new = not log.exists()
    descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        if new:
            disk.sync(log.parent)
        last, torn = _last(log, stream)
        if torn:
            last = _repair(log, stream, last, torn)
        return _write(stream, entry, last)


def _write(stream: BinaryIO, entry: dict[str, Any], last: Head) -> Head:
    number = last.entries + 1
    moment = datetime.now(ZONE).isoformat(timespec="milliseconds")
    body = entry | {"number": number, "at": moment, "previous": last.digest}
    digest = _digest(body)
    stream.seek(0, os.SEEK_END)
    stream.write(_canonical(body | {"digest": digest}) + b"\n")
    stream.flush()
    os.fsync(stream.fileno())
    return Head(number, digest)


def _repair(log: Path, stream: BinaryIO, last: Head, torn: bytes) -> Head:
    """Keep a torn line aside, cut it off and say so in the log."""
    aside = log.with_name(f"{log.name}.torn-{last.entries + 1}-{secrets.token_hex(4)}")
    disk.replace(aside, torn)
    stream.seek(0, os.SEEK_END)
    stream.truncate(stream.tell() - len(torn))
    os.fsync(stream.fileno())
    said = {
        "action": "audit.repair",
        "object": aside.name,
        "role": "system",
        "purpose": None,
        "counts": {"bytes": len(torn)},
        "actor": _account(),
    }
    return _write(stream, said, last)


def _last(log: Path, stream: BinaryIO) -> tuple[Head, bytes]:
    """Head of the last whole line, and what stands after it."""
    size = stream.seek(0, os.SEEK_END)
    length = 4096
    while True:
        start = max(0, size - length)
        stream.seek(start)
        *whole, torn = stream.read().split(b"\n")
        if len(whole) > 1 or start == 0:
            break
        length *= 2
    if not whole:
        return Head(0, _START), torn
    entry = _parsed(whole[-1])
    if entry is None:
        raise AuditError(
            f"the last line of the audit log '{log}' is no entry",
            remedy="`workbench audit verify` says where it was changed",
        )
    return Head(entry["number"], entry["digest"]), torn


def _lines(log: Path) -> Iterator[tuple[bytes, bool]]:
    """Lines without their ends, and whether each has one."""
    if not log.exists():
        return
    with log.open("rb") as stream:
        for line in stream:
            yield line.removesuffix(b"\n"), line.endswith(b"\n")


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Entry of a line if its own digest holds and it is written as we write."""
    try:
        entry = json.loads(line)
        said = entry.pop("digest")
        number, previous = entry["number"], entry["previous"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    sound = isinstance(number, int) and isinstance(previous, str) and said == _digest(entry)
    entry["digest"] = said
    return entry if sound and _canonical(entry) == line else None


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _canonical(body: dict[str, Any]) -> bytes:
    """JSON as RFC 8785 orders and spaces it; all strings are ASCII, all numbers integers."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
