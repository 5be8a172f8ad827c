"""
The archive: what every department said, and when; nothing in it is ever changed.

Rows lie in Parquet parts named by their SHA-256; the manifest lists deliveries, one JSON
line each, chained by hash. Writing a part changes nothing until its line is appended: a
process killed at any moment leaves the archive as it was or with some deliveries more, each
of them whole. A torn last line and parts nobody lists are swept away by the next
writer. What was known at a moment follows from the manifest's delivery times alone, so that
the order in which files were taken in, how they were split, and how often they came change
nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import tables
from analytics.errors import ArchiveError, BusyError
from analytics.pool.listing import part_path
from analytics.privacy import disk
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import ibis.expr.types as ir

    from analytics.tables import Contract

_START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """
    One delivery as the manifest lists it.

    Attributes
    ----------
    feed, department : str
    date : date
        Day the delivery is for.
    file : str
        Its name in the inbox.
    sha256 : str
        Of the file as delivered.
    delivered : datetime
        When it arrived.
    part : str
        SHA-256 of the part with its accepted rows; empty where there are none.
    accepted, quarantined, duplicates : int
        Rows.
    refused : str
        Why the file was quarantined whole; empty where it was not.
    """

    feed: str
    department: str
    date: date
    file: str
    sha256: str
    delivered: datetime
    part: str
    accepted: int
    quarantined: int
    duplicates: int
    refused: str = ""

    @property
    def name(self) -> str:
        """Name of the delivery: ``department/date/file``."""
        return f"{self.department}/{self.date.isoformat()}/{self.file}"

    @property
    def mark(self) -> str:
        """What rows of this delivery carry: its day and content, not when it came."""
        return f"{self.date.isoformat()}:{self.sha256[:32]}"


@contextlib.contextmanager
def writing(folder: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """
    Hold the archive for writing, swept of what a killed writer left.

    Parameters
    ----------
    folder : Path
        The archive's folder.
    wait_seconds : float
        How long to wait for another writer [s].

    Raises
    ------
    BusyError
        If another process is writing.
    """
    from filelock import FileLock, Timeout

    disk.make_private(folder)
    try:
        with FileLock(folder / "lock", timeout=wait_seconds):
            _sweep(folder)
            yield
    except Timeout as error:
        raise BusyError(
            "another process is writing to the archive", remedy="wait until it has ended"
        ) from error


def entries(folder: Path) -> tuple[Entry, ...]:
    """
    List all deliveries, in the order taken in.

    Raises
    ------
    ArchiveError
        If a line of the manifest was changed, removed or moved.
    """
    return tuple(entry for entry, _ in _lines(folder))


def _lines(folder: Path) -> tuple[tuple[Entry, str], ...]:
    path = folder / "manifest.jsonl"
    return _parsed(path.read_bytes()) if path.is_file() else ()


@lru_cache(maxsize=2)  # by its content: a day's steps ask many times for one manifest
def _parsed(manifest: bytes) -> tuple[tuple[Entry, str], ...]:
    before, found = _START, []
    for place, line in enumerate(manifest.split(b"\n")[:-1], start=1):
        try:
            said = json.loads(line)
            own = said.pop("hash")
        except (ValueError, KeyError, AttributeError) as error:
            raise _broken(place) from error
        if said.pop("previous", "") != before or own != _hash(said, before):
            raise _broken(place)
        said["date"] = date.fromisoformat(said["date"])
        said["delivered"] = datetime.fromisoformat(said["delivered"])
        found.append((Entry(**said), own))
        before = own
    return tuple(found)


def _broken(place: int) -> ArchiveError:
    return ArchiveError(
        "the archive's manifest was changed",
        [f"line {place} does not follow from the line before it"],
        "restore the archive from its last backup; `workbench archive verify` names the rest",
    )


def _hash(said: dict[str, Any], before: str) -> str:
    text = json.dumps(said | {"previous": before}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _sweep(folder: Path) -> None:
    path = folder / "manifest.jsonl"
    if path.is_file():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
    listed = {entry.part for entry in entries(folder)}
    for part in (folder / "parts").glob("*/*"):
        if part.stem not in listed or part.suffix != ".parquet":
            part.unlink()


def write_parts(folder: Path, feed: str, tables_: Sequence[pa.Table]) -> list[str]:
    """
    Write parts of a feed, durable before they have their names.

    Parameters
    ----------
    folder : Path
        The archive.
    feed : str
    tables_ : sequence of pyarrow.Table
        A part each.

    Returns
    -------
    list of str
        SHA-256 of each part, in order: its name, see `listing.part_path`. Nothing refers to a part
        until `append` lists it.
    """
    place = folder / "parts" / feed
    disk.make_private(place)
    written = [place / f"writing-{os.getpid()}-{number}" for number in range(len(tables_))]
    for path, rows in zip(written, tables_, strict=True):
        pq.write_table(rows, path, compression="zstd", write_page_checksum=True)
    digests = []
    for path in written:
        with path.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
            os.fsync(stream.fileno())
    for path, digest in zip(written, digests, strict=True):
        path.replace(part_path(folder, feed, digest))
    disk.sync(place)
    return digests


def append(folder: Path, added: Sequence[Entry]) -> None:
    """List deliveries, in their order: from now on they are part of what is known."""
    path = folder / "manifest.jsonl"
    before, lines = _last_hash(path), []
    for entry in added:
        said = asdict(entry) | {
            "date": entry.date.isoformat(),
            "delivered": entry.delivered.isoformat(),
        }
        own = _hash(said, before)
        lines.append(json.dumps(said | {"previous": before, "hash": own}, ensure_ascii=False))
        before = own
    left = "".join(f"{line}\n" for line in lines).encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    disk.sync(folder)


def _last_hash(path: Path) -> str:
    if not path.is_file() or path.stat().st_size == 0:
        return _START
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        line = stream.read().rstrip(b"\n").rpartition(b"\n")[2]
    return str(json.loads(line)["hash"])


def told(listed: Iterable[Entry]) -> dict[tuple[str, str], datetime]:
    """When each feed's delivery, known by day and content, was first told."""
    first: dict[tuple[str, str], datetime] = {}
    for entry in listed:
        mark = (entry.feed, entry.mark)
        first[mark] = min(entry.delivered, first.get(mark, entry.delivered))
    return first


def as_of(
    folder: Path, moment: datetime, connection: Any, *, feeds: Collection[str] | None = None
) -> dict[str, ir.Table]:
    """
    Say what was known at a moment, feed by feed.

    Parameters
    ----------
    folder : Path
        The archive's folder.
    moment : datetime
        Deliveries that arrived later are left out; without zone, Asia/Shanghai is meant.
    connection : ibis backend
        As `engine.connect` gives.
    feeds : collection of str, optional
        Feeds asked for; all without it.

    Returns
    -------
    dict of str to ibis.Table
        For each feed one row per natural key: the version of the latest day it was delivered
        for, and among those the one first told last. Withdrawn rows are gone. A feed never
        delivered has no rows. Columns as in the contract, less those withheld, and
        ``record``, the name of the row's natural key.

    Notes
    -----
    Within one day, a row that says what an earlier one said counts when it was first said:
    a file sent twice does not undo the correction in between. Two versions told at the same
    moment are ordered by their content.
    """
    local = moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)
    known = [entry for entry in entries(folder) if entry.part and entry.delivered <= local]
    return {
        contract.feed: _state(
            folder, contract, [e for e in known if e.feed == contract.feed], connection
        )
        for contracts in tables.departments().values()
        for contract in contracts
        if feeds is None or contract.feed in feeds
    }


def _state(folder: Path, contract: Contract, known: list[Entry], connection: Any) -> ir.Table:
    import ibis

    columns = ["record", *(c.name for c in contract.columns if c.archived != "withheld")]
    if not known:
        return ibis.memtable(schema(contract).empty_table()).select(*columns)
    paths = sorted({str(part_path(folder, e.feed, e.part)) for e in known})
    rows = connection.read_parquet(paths)
    first_told = {mark: when for (_, mark), when in told(known).items()}
    listing = pa.table(
        {
            "delivery": list(first_told),
            "_told": pa.array(
                [when.replace(tzinfo=None) for when in first_told.values()], pa.timestamp("us")
            ),
        }
    )
    dated = rows.join(ibis.memtable(listing), "delivery")
    first = dated.mutate(
        _first=dated["_told"].min().over(group_by=["record", "for_date", "version"])
    )
    latest = ibis.window(
        group_by="record",
        order_by=[first["for_date"].desc(), first["_first"].desc(), first["version"].desc()],
    )
    ranked = first.mutate(_place=ibis.row_number().over(latest))
    return ranked.filter((ranked["_place"] == 0) & ~ranked["withdrawn"]).select(*columns)


_TYPES = {
    "date": pa.date32(),
    "moment": pa.timestamp("us"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "yes_no": pa.bool_(),
}


def schema(contract: Contract) -> pa.Schema:
    """Columns of a part: names of row, version and delivery, then what is archived."""
    own = [
        pa.field(c.name, _TYPES.get(c.kind, pa.string()))
        for c in contract.columns
        if c.archived != "withheld"
    ]
    return pa.schema(
        [
            pa.field("record", pa.string()),
            pa.field("version", pa.string()),
            pa.field("delivery", pa.string()),
            pa.field("for_date", pa.date32()),
            pa.field("withdrawn", pa.bool_()),
            *own,
        ]
    )


def verify(folder: Path) -> list[str]:
    """
    Hash every part again.

    Returns
    -------
    list of str
        What is damaged or missing, part by part, with the deliveries it holds.

    Raises
    ------
    ArchiveError
        If the manifest itself was changed.
    """
    damage = []
    held: dict[tuple[str, str], list[str]] = {}
    for entry in entries(folder):
        if entry.part:
            held.setdefault((entry.feed, entry.part), []).append(entry.name)
    for (feed, part), deliveries in sorted(held.items()):
        path = part_path(folder, feed, part)
        if not path.is_file():
            damage.append(f"part {feed}/{part[:12]} is missing ({', '.join(deliveries)})")
            continue
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != part:
                damage.append(f"part {feed}/{part[:12]} is damaged ({', '.join(deliveries)})")
    return damage
