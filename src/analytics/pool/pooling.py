"""One run of the pool: every complete delivery in the inbox goes into the archive, or aside."""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from analytics import tables
from analytics.errors import ContractError, KeyringError
from analytics.pool import archive, deliveries, intake, listing, protection, reading, regions
from analytics.pool.deliveries import DONE
from analytics.privacy.disk import make_private

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from analytics.pool.archive import Entry
    from analytics.pool.deliveries import Delivery
    from analytics.privacy.keys import Ring
    from analytics.privacy.retention import Tombstone
    from analytics.study import Study
    from analytics.tables import Contract

_NEVER = datetime.max.replace(tzinfo=UTC)
_SMALL = 1 << 16  # up to this size [bytes] files of a feed are checked together
_BATCH = 256  # that many at most


@dataclass(frozen=True)
class Outcome:
    """Entries added, deliveries known before, and files left in the inbox."""

    added: tuple[Entry, ...]
    repeated: int
    waiting: int


def run(  # noqa: C901 - one path, told in order
    study: Study,
    ring: Ring | None = None,
    progress: Callable[[int, int], None] | None = None,
    checker: Any = None,
    *,
    departments: Collection[str] | None = None,
    wait_seconds: float = 0,
) -> Outcome:
    """
    Take every complete delivery of the inbox into the archive.

    Each is checked row by row; its accepted rows become one part with persons under
    pseudonyms; receipt and reject list are written; the original is sealed in the vault
    and leaves the inbox. Killed at any moment, a second run ends in the same state.

    Parameters
    ----------
    study : Study
    ring : Ring, optional
        The study's keys. Without them deliveries that name persons stay where they are.
    progress : callable, optional
        Told how many of how many deliveries are done.
    checker : ibis backend, optional
        Where rows are checked, as `engine.connect` gives; DuckDB in this process without it.
    departments : collection of str, optional
        Whose deliveries to take in; all departments' without it.
    wait_seconds : float
        How long to wait for another run that is writing [s].

    Raises
    ------
    BusyError
        If another run is writing.
    KeyringError
        If deliveries name persons and there is no key; all others are taken in first.
    """
    folder = study.state / "archive"
    added, repeated, keyless = [], 0, []
    with archive.writing(folder, wait_seconds=wait_seconds), _connected() as connection:
        _clear(study.state / "inbox")
        complete, others = deliveries.waiting(study)
        if departments is not None:
            complete = [d for d in complete if d.department in departments]
        listed = archive.entries(folder)
        complete = _in_turn(complete, listed)
        coming: dict[str, deque[Delivery]] = {}
        for delivery in complete:
            coming.setdefault(delivery.feed, deque()).append(delivery)
        judged: dict[Path, intake.Intake | str] = {}
        places = regions.places(study) if complete else None
        told = archive.told(listed)
        for place, delivery in enumerate(complete, start=1):
            contract = tables.contract(delivery.feed)
            if contract.personal and ring is None:
                keyless.append(delivery)
                continue
            known = _told(delivery, told) <= delivery.delivered
            if delivery.path not in judged:
                if known:
                    coming[delivery.feed].popleft()
                else:
                    judged |= _judged(connection, coming[delivery.feed], places, checker)
            verdict = judged.pop(delivery.path, "")
            if delivery.changed:
                others.append(delivery.path)
                continue
            if known:
                repeated += 1
            else:
                entry = _taken(study, connection, delivery, verdict, ring)
                archive.append(folder, entry)
                told[entry.feed, entry.mark] = entry.delivered
                added.append(entry)
            _put_away(study, delivery, contract, ring)
            if progress:
                progress(place, len(complete))
    if keyless:
        raise KeyringError(
            f"{len(keyless)} deliveries name persons, and study '{study.name}' has no key",
            sorted({f"{d.department}: {d.feed}" for d in keyless}),
            f"`workbench keys create --study {study.name}`; they wait in the inbox until then",
        )
    return Outcome(tuple(added), repeated, len(others))


def _in_turn(complete: list[Delivery], listed: Collection[Entry]) -> list[Delivery]:
    """
    Put deliveries in order of arrival, none before what the archive already holds of its feed.

    A moment that is read off a file's date alone goes wrong with the clock; what lies in the
    inbox now came after what an earlier run took in, or that run would have seen it.
    """
    latest: dict[str, datetime] = {}
    for entry in listed:
        latest[entry.feed] = max(entry.delivered, latest.get(entry.feed, entry.delivered))
    arrived = [
        delivery
        if "delivered" in delivery.stated
        else replace(
            delivery,
            delivered=max(delivery.delivered, latest.get(delivery.feed, delivery.delivered)),
        )
        for delivery in complete
    ]
    return sorted(arrived, key=lambda d: (d.delivered, str(d.path)))


@contextlib.contextmanager
def _connected() -> Any:
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        yield connection


def _told(delivery: Delivery, told: dict[tuple[str, str], datetime]) -> datetime:
    """When a delivery's content was first told for its day; never comes last."""
    return told.get((delivery.feed, _entry(delivery, None, "", "").mark), _NEVER)


def _judged(
    connection: duckdb.DuckDBPyConnection, coming: deque[Delivery], places: Any, checker: Any
) -> dict[Path, intake.Intake | str]:
    """Check the next delivery of a feed, small ones that follow with it; or say why not."""
    batch = [coming.popleft()]
    while coming and len(batch) < _BATCH and _small(batch[0]) and _small(coming[0]):
        batch.append(coming.popleft())
    contract = tables.contract(batch[0].feed)
    found: dict[Path, intake.Intake | str] = {}
    sound = []
    for delivery in batch:
        try:
            if delivery.problem:
                found[delivery.path] = delivery.problem
            else:
                sound.append((delivery, reading.read(delivery.path, contract)))
        except ContractError as error:
            found[delivery.path] = error.breaches[0]
    if sound:
        files = [(read, delivery.delivered.date()) for delivery, read in sound]
        for (delivery, _), taken in zip(
            sound, intake.take_all(connection, files, contract, places, checker), strict=True
        ):
            same = delivery.stated.get("rows", taken.rows) == taken.rows
            found[delivery.path] = taken if same else "rows"
    return found


def _small(delivery: Delivery) -> bool:
    return delivery.path.suffix != ".gz" and delivery.path.stat().st_size <= _SMALL


def _taken(
    study: Study,
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    verdict: intake.Intake | str,
    ring: Ring | None,
) -> Entry:
    contract = tables.contract(delivery.feed)
    taken = None if isinstance(verdict, str) else verdict
    refused, part = verdict if isinstance(verdict, str) else "", ""
    if taken is not None and taken.accepted.num_rows:
        mark = _entry(delivery, None, "", "").mark
        rows = protection.protect(connection, taken.accepted, contract, mark, delivery.date, ring)
        part = archive.write_part(study.state / "archive", delivery.feed, rows)
    entry = _entry(delivery, taken, part, refused)
    _write_receipt(study, entry, taken)
    return entry


def _entry(delivery: Delivery, taken: intake.Intake | None, part: str, refused: str) -> Entry:
    return archive.Entry(
        feed=delivery.feed,
        department=delivery.department,
        date=delivery.date,
        file=delivery.path.name,
        sha256=delivery.sha256,
        delivered=delivery.delivered,
        part=part,
        accepted=taken.accepted.num_rows if taken else 0,
        quarantined=taken.quarantined if taken else 0,
        duplicates=taken.duplicates if taken else 0,
        refused=refused,
    )


def _write_receipt(study: Study, entry: Entry, taken: intake.Intake | None) -> None:
    folder = study.state / "receipts" / entry.department / entry.date.isoformat()
    make_private(folder)
    stem = f"{entry.file}.{entry.sha256[:12]}"
    rejected = taken.rejected if taken else None
    reasons: dict[str, int] = {}
    if rejected is not None:
        counts = rejected.group_by(["column", "reason"]).aggregate([("position", "count")])
        for row in counts.to_pylist():
            reasons[f"{row['column'] or 'row'}: {row['reason']}"] = row["position_count"]
        _replace(folder / f"{stem}.rejects.csv", _csv(rejected))
    receipt = {
        "name": entry.name,
        "department": entry.department,
        "feed": entry.feed,
        "date": entry.date.isoformat(),
        "delivered": entry.delivered.isoformat(),
        "sha256": entry.sha256,
        "refused": entry.refused,
        "rows": entry.accepted + entry.quarantined + entry.duplicates,
        "accepted": entry.accepted,
        "quarantined": entry.quarantined,
        "duplicates": entry.duplicates,
        "reasons": dict(sorted(reasons.items())),
    }
    text = json.dumps(receipt, ensure_ascii=False, indent=1) + "\n"
    _replace(folder / f"{stem}.json", text.encode())


def _csv(rejected: pa.Table) -> bytes:
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(rejected.sort_by([("position", "ascending"), ("column", "ascending")]), sink)
    return bytes(sink.getvalue())


def _replace(path: Path, content: bytes) -> None:
    arriving = path.with_name(f".{path.name}")
    arriving.write_bytes(content)
    with arriving.open("rb") as stream:
        os.fsync(stream.fileno())
    arriving.replace(path)


def sealed(delivery: Delivery | Entry) -> str:
    """Name in the vault of the original of a delivery that names persons."""
    day = delivery.date.isoformat()
    return listing.sealed_name(delivery.department, day, delivery.feed, delivery.sha256)


def purged(study: Study, ring: Ring | None = None) -> list[Tombstone]:
    """
    Tombstones of deliveries in the archive whose originals were purged, by name.

    Parameters
    ----------
    study : Study
    ring : Ring, optional
        Also tells of originals whose keys are gone but that have no tombstone yet.

    Raises
    ------
    ArchiveError
        If a tombstone is not readable.
    """
    from analytics.privacy import retention

    listed = archive.entries(study.state / "archive")
    names = sorted({sealed(e) for e in listed if tables.contract(e.feed).personal})
    found = (retention.purged(study.state / "vault", name, ring) for name in names)
    return [stone for stone in found if stone is not None]


def _put_away(study: Study, delivery: Delivery, contract: Contract, ring: Ring | None) -> None:
    """Seal the original where it names persons, keep it in clear where not; clear the inbox."""
    if contract.personal:
        from analytics.privacy import vault

        assert ring is not None
        day = delivery.delivered.date()
        vault.seal(study.state / "vault", delivery.path, sealed(delivery), day, ring)
    else:
        kept = study.state / "originals" / delivery.department / delivery.date.isoformat()
        make_private(kept)
        delivery.path.replace(kept / f"{delivery.sha256[:32]}.{delivery.path.name}")
    delivery.path.with_name(delivery.path.name + DONE).unlink(missing_ok=True)


def _clear(inbox: Path) -> None:
    """Remove markers whose file has gone, as a killed run leaves them."""
    for marker in inbox.rglob(f"*{DONE}"):
        if not marker.with_name(marker.name.removesuffix(DONE)).exists():
            marker.unlink()
