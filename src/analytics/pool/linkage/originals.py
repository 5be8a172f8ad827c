"""Records of a study's people, read from the departments' sealed originals, each once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from analytics import tables
from analytics.errors import ArchiveError, ContractError
from analytics.pool import archive, intake, protection, reading, regions
from analytics.privacy import crosswalk, retention, vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import duckdb

    from analytics.pool.archive import Entry
    from analytics.pool.reading import Reading
    from analytics.privacy.keys import Ring
    from analytics.study import Study
    from analytics.tables import Contract

_VALUES = {
    "name": "name",
    "document": "document",
    "id_card": "id_number",
    "birth_date": "birth_date",
    "phone": "phone",
    "county": "county",
    "address": "address",
}
"""Column of a record to column of a contract."""
_ROWS_AT_ONCE = 500_000
_STATED = "linkage/stated"
"""Folder in the vault of what was read: one table per day of delivery, under that day's key."""
_SOURCES = ("pool", "tables")
"""Packages whose code decides what a row states."""


@dataclass(frozen=True)
class Originals:
    """
    What was read.

    Parameters
    ----------
    deliveries, purged, unreadable : int
        Sealed originals read, now or in an earlier run, those that were purged, and those that
        break today's contract.
    rows : int
        Sound rows in them.
    feeds : tuple of str
        Feeds whose rows name somebody by name or number, and are linked.
    """

    deliveries: int
    purged: int
    unreadable: int
    rows: int
    feeds: tuple[str, ...]


def collect(connection: duckdb.DuckDBPyConnection, study: Study, ring: Ring) -> Originals:
    """
    Make tables `stated` and `people` of every kept delivery that names persons.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`analytics.pool.linkage.workspace`; nothing is written elsewhere.
    study : Study
    ring : Ring
        The study's keys.

    Returns
    -------
    Originals
        Counts.

    Raises
    ------
    ArchiveError
        An original is missing or damaged: its people are not to be forgotten for that.
    KeyringError
        The ring is of another study.

    Notes
    -----
    `stated` has every sound row ever delivered, `key` being its name in the archive. `people`
    has the columns of `RECORD_COLUMNS`: for each feed one record a person, as told by the latest
    version of each row, without withdrawn ones.

    What an original states is sealed under the key of its day, as the original is, and goes
    with it. A later run reads new originals alone, as long as contracts, the code that reads
    them, names of regions and keys are what they were; else it reads all again.

    Within a feed rows are one person's if they
    state one number; without a number, if they state one name and phone; without both, each row
    stands alone. The feed stands as `department`, since a register, not an office, holds a
    person once.
    """
    connection.execute(intake.PLANNING)
    connection.execute(
        "create or replace temp table stated (feed varchar, key varchar, for_date date, "
        "delivered timestamptz, withdrawn boolean, "
        + ", ".join(f"{name} varchar" for name in _VALUES)
        + ", day date, former varchar[])"
    )
    held, named = study.state / "vault", _named(study)
    kept = [(e, contract) for e, contract in named if not retention.purged(held, _name(e))]
    places = regions.places(study)
    basis = _basis(study, ring, places)
    sound = _remembered(connection, held, ring, [e for e, _ in kept], basis)
    fresh = [(e, contract) for e, contract in kept if _mark(e) not in sound]
    for contract, group in _groups(fresh):
        found = [(e, one) for e in group if (one := _read(study, ring, e, contract))]
        sound |= dict.fromkeys(map(_mark, group), False) | {_mark(e): True for e, _ in found}
        if not found:
            continue
        dated = [(text, entry.delivered.date()) for entry, text in found]
        taken = intake.take_all(connection, dated, contract, places)
        for (entry, _), rows in zip(found, taken, strict=True):
            _state(connection, rows.accepted, entry, contract, study, ring)
    _remember(connection, held, ring, [e for e, _ in kept], {e.delivered.date() for e, _ in fresh},
              basis, sound)  # fmt: skip
    feeds = sorted({e.feed for e, contract in kept if _linkable(contract) and sound[_mark(e)]})
    _gather(connection, feeds)
    counted = connection.execute("select count(*) from stated").fetchone()
    assert counted is not None
    read = sum(sound[_mark(e)] for e, _ in kept)
    return Originals(read, len(named) - len(kept), len(kept) - read, int(counted[0]), tuple(feeds))


def _named(study: Study) -> list[tuple[Entry, Contract]]:
    """Deliveries with sound rows that name persons, each content once, oldest first."""
    found: dict[tuple[str, str], tuple[Entry, Contract]] = {}
    for entry in archive.entries(study.state / "archive"):
        contract = tables.contract(entry.feed)
        if entry.part and contract.personal:
            found.setdefault((entry.feed, entry.mark), (entry, contract))
    return list(found.values())


def _name(entry: Entry) -> str:
    """Name of an original in the vault."""
    return f"{entry.department}/{entry.date.isoformat()}/{entry.feed}.{entry.sha256[:32]}"


def _mark(entry: Entry) -> str:
    """Name of a delivery's content, whenever and how often it came."""
    return f"{entry.feed}/{entry.mark}"


def _basis(study: Study, ring: Ring, places: tuple[pa.Table, tuple[str, str]]) -> str:
    """Digest of all, but the originals, that decides what they state."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        root = Path(str(files("analytics") / package))
        for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".toml"}):
            digest.update(path.read_bytes())
    names, patterns = places
    crosswalks = vault.names(study.state / "vault", crosswalk.FOLDER)
    said = (ring.fingerprint, ring.retired, crosswalks, patterns, names.to_pydict())
    digest.update(json.dumps(said, ensure_ascii=False).encode())
    return digest.hexdigest()


def _by_day(entries: list[Entry]) -> Iterator[tuple[date, list[Entry]]]:
    def day(entry: Entry) -> date:
        return entry.delivered.date()

    for each, group in groupby(sorted(entries, key=day), key=day):
        yield each, list(group)


def _remembered(
    connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, kept: list[Entry], basis: str
) -> dict[str, bool]:
    """Take over what earlier runs read: for each original whether it was sound."""
    known: dict[str, bool] = {}
    for day, group in _by_day(kept):
        name = f"{_STATED}/{day.isoformat()}"
        if not vault.holds(folder, name):
            continue
        stated = vault.unseal_table(folder, name, ring)
        said = json.loads(stated.schema.metadata[b"read"])
        if said["basis"] != basis or not set(said["sound"]) <= set(map(_mark, group)):
            continue
        gone = [_name(e) for e in group if not vault.holds(folder, _name(e))]
        if gone:
            raise ArchiveError(
                f"{len(gone)} originals are missing from the vault", gone,
                "restore the vault from its last backup; people are not forgotten for a lost file",
            )  # fmt: skip
        connection.register("_held", stated)
        connection.execute("insert into stated by name select * from _held")
        connection.unregister("_held")
        known |= said["sound"]
    return known


def _remember(
    connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, kept: list[Entry],
    days: set[date], basis: str, sound: dict[str, bool],
) -> None:  # fmt: skip
    """Seal what the originals of these days state, each day under its own key."""
    for day, group in _by_day(kept):
        if day not in days:
            continue
        rows = connection.execute("from stated where day = ?", [day]).to_arrow_table()
        marks = {mark: sound[mark] for mark in map(_mark, group)}
        said = json.dumps({"basis": basis, "sound": marks})
        rows = rows.replace_schema_metadata({"read": said})
        vault.seal_table(folder, rows, f"{_STATED}/{day.isoformat()}", day, ring, anew=True)


def _linkable(contract: Contract) -> bool:
    return bool({"name", "id_number"} & {c.name for c in contract.columns if c.kind != "text"})


def _groups(named: list[tuple[Entry, Contract]]) -> Iterator[tuple[Contract, list[Entry]]]:
    """Deliveries of one feed together, as many as are checked in one go."""
    by_feed: dict[str, tuple[Contract, list[Entry]]] = {}
    for entry, contract in named:
        by_feed.setdefault(contract.feed, (contract, []))[1].append(entry)
    for contract, entries in by_feed.values():
        group: list[Entry] = []
        for entry in entries:
            if group and sum(one.accepted for one in group) + entry.accepted > _ROWS_AT_ONCE:
                yield contract, group
                group = []
            group.append(entry)
        yield contract, group


def _read(study: Study, ring: Ring, entry: Entry, contract: Contract) -> Reading | None:
    """Read a sealed original again; None where it breaks today's contract as a whole."""
    with vault.unseal(study.state / "vault", _name(entry), ring) as stream:
        content = stream.read()
    try:
        return reading.read(Path(entry.file), contract, content)
    except ContractError:
        return None


def _state(
    connection: duckdb.DuckDBPyConnection,
    rows: pa.Table,
    entry: Entry,
    contract: Contract,
    study: Study,
    ring: Ring,
) -> None:
    """Add what sound rows state, with what the archive calls them now and called them before."""
    held = {column.name for column in contract.columns}
    values = ", ".join(
        f'"{column}"::varchar as {name}' if column in held else f"null::varchar as {name}"
        for name, column in _VALUES.items()
    )
    keyed = protection.keyed(rows, contract, ring)
    key = protection.name_of(f"_{column}" for column in contract.key)
    for column in contract.key:
        rows = rows.append_column(f"_{column}", keyed[column])
    generations = _former(keyed, contract, study, ring)
    for number, generation in enumerate(generations):
        for column, former in zip(contract.key, generation, strict=True):
            rows = rows.append_column(f"_{number}_{column}", former)
    before = ", ".join(
        f"if({' and '.join(f'_{number}_{name} is not null' for name in _hidden(contract))}, "
        f"{protection.name_of(f'_{number}_{name}' for name in contract.key)}, null)"
        for number in range(len(generations))
    )
    connection.register("_rows", rows)
    try:
        connection.execute(
            f"insert into stated select ?, {key}, ?::date, "
            f"?::timestamptz, withdrawn, {values}, ?::date, "
            f"[{before}]::varchar[] from _rows",
            [entry.feed, entry.date, entry.delivered, entry.delivered.date()],
        )
    finally:
        connection.unregister("_rows")


def _hidden(contract: Contract) -> list[str]:
    """Columns of a feed's key that the archive keeps under pseudonyms."""
    return [name for name in contract.key if contract[name].archived == "pseudonym"]


def _former(
    keyed: pa.Table, contract: Contract, study: Study, ring: Ring
) -> list[list[pa.ChunkedArray]]:
    """Columns of the key as the archive had them under each earlier generation of keys."""
    hidden = _hidden(contract)
    if not hidden or not ring.retired:
        return []
    earlier = {
        name: crosswalk.former(study.state / "vault", keyed[name], ring, protection.use_of(name))
        for name in hidden
    }
    return [
        [earlier[name][number] if name in earlier else keyed[name] for name in contract.key]
        for number in range(min(map(len, earlier.values())))
    ]


def _gather(connection: duckdb.DuckDBPyConnection, feeds: list[str]) -> None:
    """Make `known` (each row's record) of `stated`, and `people` of the latest rows."""
    order = "(for_date, delivered, key)"
    latest = ", ".join(f"arg_max({name}, {order}) as {name}" for name in _VALUES)
    connection.execute(
        "create or replace temp table known as select *, sha256(concat_ws(chr(31), feed, "
        "coalesce('n' || id_card, 'p' || name || chr(31) || phone, 'k' || key))) as record "
        "from stated where list_contains($feeds::varchar[], feed)",
        {"feeds": feeds},
    )
    connection.execute(
        "create or replace temp table aliases as "
        "select distinct feed, key, former from (select feed, key, unnest(former) as former "
        "from stated) where former is not null"
    )
    connection.execute(
        "create or replace temp table people as with present as (select * from known "
        "qualify row_number() over (partition by feed, key order by for_date desc, "
        "delivered desc, record) = 1) "
        f"select record, feed as department, {latest} from present where not withdrawn "
        "group by feed, record"
    )
