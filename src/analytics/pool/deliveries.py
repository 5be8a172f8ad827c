"""
The inbox, and what became of each delivery.

Departments drop ``inbox/<department>/<date>/<feed>[.<part>].<csv|xlsx|jsonl|parquet>[.gz]``.
A file is complete once ``<file>.done`` lies beside it, or once it has not changed for
`SETTLED` seconds; one dated later than tomorrow waits until then. What the workbench writes
itself (`tables.OWN`) is never taken from here. The marker may be empty or hold JSON:
``delivered`` (moment of arrival; else the marker's own time), ``rows`` and ``sha256``, which
are then checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analytics import tables
from analytics.errors import ContractError
from analytics.privacy.disk import make_private
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from analytics.pool.archive import Entry
    from analytics.study import Study

SETTLED = 60.0  # seconds without change after which a file without marker is whole
AHEAD = timedelta(days=1)  # a delivery from later than this waits until the clock is right
_NAME = re.compile(r"([a-z_0-9]+)(?:\.[A-Za-z0-9_-]{1,32})?\.(?:csv|xlsx|jsonl|parquet)(?:\.gz)?")
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", "~")
DONE = ".done"


@dataclass(frozen=True)
class Delivery:
    """
    One complete file in the inbox.

    Attributes
    ----------
    path : Path
    department, feed : str
    date : date
        Day it is for.
    delivered : datetime
        When it arrived, Asia/Shanghai.
    sha256 : str
    stated : dict
        What the marker states: ``rows``, ``sha256``.
    problem : str
        Why it cannot be read at all; empty where it can.
    stamp : tuple of int
        Size [bytes] and time of last change [ns] when it was hashed.
    """

    path: Path
    department: str
    feed: str
    date: date
    delivered: datetime
    sha256: str
    stated: dict[str, Any]
    problem: str = ""
    stamp: tuple[int, int] = (0, 0)

    @property
    def changed(self) -> bool:
        """Whether the file is no longer the one that was hashed: it is still being written."""
        return self.stamp != _stamp(self.path)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def waiting(study: Study) -> tuple[list[Delivery], list[Path]]:
    """
    Complete deliveries in the inbox, and files still arriving or out of place.

    Links, and files that lie elsewhere than the layout says, are not followed or read.
    """
    inbox = study.state / "inbox"
    complete, others = [], []
    for path in sorted(inbox.rglob("*")) if inbox.is_dir() else []:
        if path.is_symlink() or not path.is_file() or path.name.endswith(DONE):
            continue
        delivery = _delivery(inbox, path)
        if delivery is None:
            others.append(path)
        else:
            complete.append(delivery)
    return sorted(complete, key=lambda d: (d.delivered, str(d.path))), others


def _delivery(inbox: Path, path: Path) -> Delivery | None:
    marker = path.with_name(path.name + DONE)
    named = _NAME.fullmatch(path.name)
    places = path.relative_to(inbox).parts
    if len(places) != 3 or named is None or path.name.endswith(_UNFINISHED):  # noqa: PLR2004
        return None
    if not marker.is_file() and time.time() - path.stat().st_mtime < SETTLED:
        return None
    department, day, feed = places[0], places[1], named.group(1)
    try:
        contract, for_day = tables.contract(feed), date.fromisoformat(day)
    except (ContractError, ValueError):
        return None
    if contract.department != department or department in tables.OWN:
        return None
    stated, problem = _stated(marker)
    stamp = _stamp(path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if stated.get("sha256", digest) != digest:
        problem = "checksum"
    arrived = (marker if marker.is_file() else path).stat().st_mtime
    delivered = stated.get("delivered") or datetime.fromtimestamp(arrived, ZONE)
    if delivered > datetime.now(ZONE) + AHEAD:
        return None
    return Delivery(path, department, feed, for_day, delivered, digest, stated, problem, stamp)


def _stated(marker: Path) -> tuple[dict[str, Any], str]:
    text = marker.read_text(encoding="utf-8").strip() if marker.is_file() else ""
    if not text:
        return {}, ""
    try:
        said = dict(json.loads(text))
        if "delivered" in said:
            when = datetime.fromisoformat(said["delivered"])
            local = when.replace(tzinfo=ZONE) if when.tzinfo is None else when
            said["delivered"] = local.astimezone(ZONE)
        if "rows" in said:
            said["rows"] = int(said["rows"])
    except (ValueError, TypeError):
        return {}, "marker"
    return said, ""


def drop(
    study: Study,
    feed: str,
    day: date,
    content: bytes,
    *,
    suffix: str = ".csv",
    delivered: datetime | None = None,
    part: str = "",
) -> Path:
    """
    Put a delivery into the inbox, complete with its marker.

    Parameters
    ----------
    study : Study
    feed : str
    day : date
        Day the delivery is for.
    content : bytes
        The file.
    suffix : str
        ``.csv``, ``.xlsx``, ``.jsonl`` or ``.parquet``, also with ``.gz``.
    delivered : datetime, optional
        When it arrived; now without it.
    part : str
        Tells several files of one feed and day apart.
    """  # fmt: skip
    contract = tables.contract(feed)
    folder = study.state / "inbox" / contract.department / day.isoformat()
    make_private(folder)
    path = folder / f"{feed}{'.' + part if part else ''}{suffix}"
    arriving = path.with_name(path.name + ".tmp")
    arriving.write_bytes(content)
    arriving.replace(path)
    when = (delivered or datetime.now(ZONE)).isoformat()
    said = {"delivered": when, "sha256": hashlib.sha256(content).hexdigest()}
    path.with_name(path.name + DONE).write_text(json.dumps(said), encoding="utf-8")
    return path


def receipts(study: Study) -> list[dict[str, Any]]:
    """Receipts of all deliveries taken in, by name."""
    folder = study.state / "receipts"
    found = [json.loads(p.read_text(encoding="utf-8")) for p in folder.rglob("*.json")]
    return sorted(found, key=lambda receipt: (receipt["delivered"], receipt["name"]))


def rejects(study: Study, entries: Sequence[Entry], *, each: int | None = None) -> pa.Table:
    """
    Read the faults of deliveries.

    Parameters
    ----------
    study : Study
    entries : sequence of Entry
        Deliveries whose rows were checked; one without faults gives no row.
    each : int, optional
        Faults wanted, at most, per delivery and reason: the first ones; all without it.

    Returns
    -------
    pyarrow.Table
        ``delivery`` (its place in `entries`), ``position, column, reason``, in the order of
        deliveries and of rows in them.
    """
    import pyarrow as pa
    from pyarrow import csv

    kinds = {"position": pa.int64(), "column": pa.string(), "reason": pa.string()}
    said = csv.ConvertOptions(column_types=kinds, strings_can_be_null=False)
    found = [pa.schema({"delivery": pa.int64(), **kinds}).empty_table()]
    for number, entry in enumerate(entries):
        folder = study.state / "receipts" / entry.department / entry.date.isoformat()
        path = folder / f"{entry.file}.{entry.sha256[:12]}.rejects.csv"
        if not path.is_file():
            continue
        rows = csv.read_csv(path, convert_options=said).select(list(kinds))
        if each is not None and rows.num_rows > each:
            reasons = rows["reason"].to_pandas()
            rows = rows.filter(pa.array(reasons.groupby(reasons).cumcount() < each))
        place = pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows)
        found.append(rows.add_column(0, "delivery", place))
    return pa.concat_tables(found)
