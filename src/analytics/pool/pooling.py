"""One run of the pool: every complete delivery in the inbox goes into the archive, or aside."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from analytics import tables
from analytics.errors import ArchiveError, ContractError, KeyringError
from analytics.pool import (
    archive,
    deliveries,
    intake,
    protection,
    reading,
    receipts,
    regions,
    statements,
)
from analytics.pool.deliveries import DONE
from analytics.privacy import keys
from analytics.privacy.disk import make_private

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from analytics.pool.archive import Entry
    from analytics.pool.deliveries import Delivery
    from analytics.privacy.keys import Ring
    from analytics.privacy.retention import Tombstone
    from analytics.study import Study

_NEVER = datetime.max.replace(tzinfo=UTC)
_GROUP_BYTES = 1 << 24  # of files that are taken in together
_GROUP = 4096  # that many at most
_PACKED = 8  # text in a packed file, against its size


@dataclass(frozen=True)
class Outcome:
    """Entries added, deliveries known before, and files left in the inbox."""

    added: tuple[Entry, ...]
    repeated: int
    waiting: int


def run(
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
    and leaves the inbox. Small ones go through these steps together. Killed at any moment,
    a second run ends in the same state.

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
    ArchiveError
        If deliveries name persons and came on a day that was purged; likewise.
    """
    folder = study.state / "archive"
    added: list[Entry] = []
    done = repeated = 0
    with archive.writing(folder, wait_seconds=wait_seconds), _connected() as connection:
        _clear(study.state / "inbox")
        complete, others = deliveries.waiting(study)
        if departments is not None:
            complete = [d for d in complete if d.department in departments]
        listed = archive.entries(folder)
        complete = _in_turn(complete, listed)
        gone = {each.period for each in keys.destroyed(ring)} if ring else set()
        late = [d for d in complete if _personal(d) and d.delivered.date() in gone]
        able = [
            d for d in complete if not _personal(d) or (ring and d.delivered.date() not in gone)
        ]
        places = regions.places(study) if able else None
        told = archive.told(listed)
        for group in _groups(able):
            fresh = [delivery for delivery in group if _news(delivery, told)]
            judged: dict[Path, intake.Intake | str] = {}
            for batch in _by_feed(fresh):
                judged |= _judged(connection, batch, places, checker)
                if progress:
                    progress(done + len(judged), len(able))
            changed = {delivery.path for delivery in group if delivery.changed}
            others += changed
            kept = [delivery for delivery in group if delivery.path not in changed]
            found = [(d, judged[d.path]) for d in fresh if d.path not in changed]
            added += _taken(study, connection, found, ring, places)
            _put_away(study, kept, ring)
            done, repeated = done + len(group), repeated + len(kept) - len(found)
            if progress and len(fresh) < len(group):
                progress(done, len(able))
    _refuse_keyless(study, [d for d in complete if ring is None and _personal(d)])
    _refuse_purged(study, late)
    return Outcome(tuple(added), repeated, len(others))


def _refuse_keyless(study: Study, left: list[Delivery]) -> None:
    if left:
        raise KeyringError(
            f"{len(left)} deliveries name persons, and study '{study.name}' has no key",
            sorted({f"{d.department}: {d.feed}" for d in left}),
            f"`workbench keys create --study {study.name}`; they wait in the inbox until then",
        )


def _refuse_purged(study: Study, left: list[Delivery]) -> None:
    if left:
        raise ArchiveError(
            f"{len(left)} deliveries name persons, and what study '{study.name}' was told on "
            "their days was purged",
            sorted({f"{d.department}: {d.feed}, {d.delivered.date()}" for d in left}),
            "they wait in the inbox: remove them, or have them delivered anew",
        )


def _personal(delivery: Delivery) -> bool:
    return tables.contract(delivery.feed).personal


def _groups(coming: Iterable[Delivery]) -> Iterator[list[Delivery]]:
    """Deliveries in their order, as many at a time as are to be held in memory."""
    group: list[Delivery] = []
    size = 0
    for delivery in coming:
        own = delivery.path.stat().st_size
        own *= 1 if delivery.path.suffix in {".csv", ".jsonl"} else _PACKED
        if group and (size + own > _GROUP_BYTES or len(group) == _GROUP):
            yield group
            group, size = [], 0
        group.append(delivery)
        size += own
    if group:
        yield group


def _by_feed(group: Iterable[Delivery]) -> list[list[Delivery]]:
    feeds: dict[str, list[Delivery]] = {}
    for delivery in group:
        feeds.setdefault(delivery.feed, []).append(delivery)
    return list(feeds.values())


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
        connection.execute(intake.PLANNING)
        yield connection


def _news(delivery: Delivery, told: dict[tuple[str, str], datetime]) -> bool:
    """Whether a delivery's content is new for its day, or was told sooner; remembers it."""
    mark = (delivery.feed, _entry(delivery, None, "").mark)
    if told.get(mark, _NEVER) <= delivery.delivered:
        return False
    told[mark] = delivery.delivered
    return True


def _judged(
    connection: duckdb.DuckDBPyConnection, batch: list[Delivery], places: Any, checker: Any
) -> dict[Path, intake.Intake | str]:
    """Check deliveries of one feed together, or say why a file is refused whole."""
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


def _taken(
    study: Study,
    connection: duckdb.DuckDBPyConnection,
    judged: list[tuple[Delivery, intake.Intake | str]],
    ring: Ring | None,
    places: Any,
) -> list[Entry]:
    """Write parts, notes of persons and receipts, then list the deliveries: now they are known."""
    folder = study.state / "archive"
    taken = {d.path: said for d, said in judged if not isinstance(said, str)}
    parts: dict[Path, str] = {}
    filled = [d for d, _ in judged if d.path in taken and taken[d.path].accepted.num_rows]
    for batch in _by_feed(filled):
        contract = tables.contract(batch[0].feed)
        files = [(taken[d.path].accepted, _entry(d, None, "").mark, d.date) for d in batch]
        rows = protection.protect(connection, files, contract, ring)
        digests = archive.write_parts(folder, contract.feed, rows)
        parts |= {d.path: digest for d, digest in zip(batch, digests, strict=True)}
    entries = []
    for delivery, said in judged:
        became, refused = taken.get(delivery.path), said if isinstance(said, str) else ""
        entries.append(_entry(delivery, became, parts.get(delivery.path, ""), refused))
    if ring is not None:
        told = zip(entries, judged, strict=True)
        personal = [(e, taken[d.path].accepted) for e, (d, _) in told if e.part and _personal(d)]
        if personal:
            statements.note(connection, study, ring, personal, places)
    if entries:
        became_of = [taken.get(delivery.path) for delivery, _ in judged]
        receipts.write(study, zip(entries, became_of, strict=True))
        archive.append(folder, entries)
    return entries


def _entry(delivery: Delivery, taken: intake.Intake | None, part: str, refused: str = "") -> Entry:
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
    names = sorted({statements.original(e) for e in listed if tables.contract(e.feed).personal})
    found = (retention.purged(study.state / "vault", name, ring) for name in names)
    return [stone for stone in found if stone is not None]


def _put_away(study: Study, group: list[Delivery], ring: Ring | None) -> None:
    """Seal originals that name persons, keep the others in clear; clear the inbox of both."""
    personal = [delivery for delivery in group if _personal(delivery)]
    if personal:
        from analytics.privacy import vault

        assert ring is not None
        originals = [(d.path, statements.original(d), d.delivered.date()) for d in personal]
        vault.seal_all(study.state / "vault", originals, ring)
    for delivery in group:
        if not _personal(delivery):
            kept = study.state / "originals" / delivery.department / delivery.date.isoformat()
            make_private(kept)
            delivery.path.replace(kept / f"{delivery.sha256[:32]}.{delivery.path.name}")
        delivery.path.with_name(delivery.path.name + DONE).unlink(missing_ok=True)


def _clear(inbox: Path) -> None:
    """Remove markers whose file has gone, as a killed run leaves them."""
    for marker in inbox.rglob(f"*{DONE}"):
        if not marker.with_name(marker.name.removesuffix(DONE)).exists():
            marker.unlink()
