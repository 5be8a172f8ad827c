"""
What deliveries state of persons, sealed under the key of the day they came in.

The pool notes it as it takes a delivery in, since it has checked the rows just then; linking takes
it over, and reads an original again only where nothing that still holds was noted. It goes with
its day's key, as the original does.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from analytics import tables
from analytics.errors import ArchiveError
from analytics.pool import listing, protection
from analytics.privacy import crosswalk, vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from analytics.pool.archive import Entry
    from analytics.pool.deliveries import Delivery
    from analytics.privacy.keys import Ring
    from analytics.study import Study
    from analytics.tables import Contract

    Places = tuple[pa.Table, tuple[str, str]]

VALUES = {
    "name": "name",
    "document": "document",
    "id_card": "id_number",
    "birth_date": "birth_date",
    "phone": "phone",
    "county": "county",
    "address": "address",
}
"""Column of a record to column of a contract."""
_FOLDER = "linkage/stated"
"""Folder in the vault: one table per day of delivery, and in a folder of the day what the pool
noted since that was made."""
_SOURCES = ("pool", "tables")
"""Packages whose code decides what a row states."""
_COLUMNS = ", ".join([
    "feed varchar", "key varchar", "for_date date", "delivered timestamptz", "withdrawn boolean",
    *(f"{name} varchar" for name in VALUES), "day date", "former varchar[]",
])  # fmt: skip


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table `stated`: a row per sound row, `key` being its name in the archive."""
    connection.execute(f"create or replace temp table stated ({_COLUMNS})")


def mark(entry: Entry) -> str:
    """Name of a delivery's content, whenever and how often it came."""
    return f"{entry.feed}/{entry.mark}"


def original(entry: Delivery | Entry) -> str:
    """Name of a delivery's original in the vault."""
    return listing.sealed_name(entry.department, str(entry.date), entry.feed, entry.sha256)


def basis(study: Study, ring: Ring, places: Places) -> str:
    """
    Digest all, but the originals, that decides what they state.

    Parameters
    ----------
    study : Study
    ring : Ring
    places : tuple
        `regions.places` of the study.
    """
    names, patterns = places
    crosswalks = vault.names(study.state / "vault", crosswalk.FOLDER)
    said = (_code(), ring.fingerprint, ring.retired, crosswalks, patterns, names.to_pydict())
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


@cache
def _code() -> str:
    """Digest the code of this process that decides what a row states."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        root = Path(str(files("analytics") / package))
        for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".toml"}):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def note(
    connection: duckdb.DuckDBPyConnection, study: Study, ring: Ring,
    taken: Sequence[tuple[Entry, pa.Table]], places: Places,
) -> None:  # fmt: skip
    """
    Seal what deliveries that were just checked state of persons.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where to work; what is made there is removed again.
    study : Study
    ring : Ring
    taken : sequence of (Entry, pyarrow.Table)
        Deliveries that name persons, and their sound rows as `intake.take` gives them.
    places : tuple
        `regions.places` of the study, by which they were checked.
    """
    begin(connection)
    try:
        for entry, rows in taken:
            add(connection, rows, entry, study, ring)
        on = basis(study, ring, places)
        for day, group in by_day([entry for entry, _ in taken]):
            told = sorted(f"{mark(entry)} {entry.delivered.isoformat()}" for entry in group)
            name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]
            _seal(connection, study.state / "vault", ring, f"{_FOLDER}/{day}/{name}", group,
                  on, dict.fromkeys(map(mark, group), True))  # fmt: skip
    finally:
        connection.execute("drop table stated")


def take_over(
    connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, kept: list[Entry], on: str
) -> tuple[dict[str, bool], dict[date, list[str]]]:
    """
    Add to `stated` what was noted of kept deliveries.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `stated`.
    folder : Path
        The vault.
    ring : Ring
    kept : list of Entry
        Deliveries that name persons, whose originals were not purged; each content as it was
        told first.
    on : str
        What :func:`basis` is today.

    Returns
    -------
    dict of str to bool
        Mark of each delivery taken over to whether its original was sound.
    dict of date to list of str
        Days of which the pool noted something, and the names of these pieces.

    Raises
    ------
    ArchiveError
        An original is missing: its people are not to be forgotten for that.
    """
    known: dict[str, bool] = {}
    pieces = _pieces(folder)
    for day, group in by_day(kept):
        whole = f"{_FOLDER}/{day}"
        for name in ([whole] if vault.holds(folder, whole) else []) + pieces.get(day, []):
            stated = vault.unseal_table(folder, name, ring)
            said = json.loads(stated.schema.metadata[b"read"])
            new = {one: when for one, when in _told(group).items() if one not in known}
            if said["basis"] != on or not said["told"].items() <= new.items():
                continue
            _present(folder, group)
            connection.register("_noted", stated)
            connection.execute("insert into stated by name select * from _noted")
            connection.unregister("_noted")
            known |= said["sound"]
    return known, pieces


def keep(
    connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, kept: list[Entry],
    anew: Mapping[date, Sequence[str]], on: str, sound: Mapping[str, bool],
) -> None:  # fmt: skip
    """
    Seal what the originals of some days state, one table a day, in the place of its pieces.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `stated`.
    folder : Path
        The vault.
    ring : Ring
    kept : list of Entry
    anew : mapping of date to sequence of str
        Days to seal, and the pieces each takes the place of. What the pool noted meanwhile
        stays for the next run.
    on : str
        What :func:`basis` is today.
    sound : mapping of str to bool
        Mark of every kept delivery to whether its original is sound.
    """
    for day, group in by_day(kept):
        if day in anew:
            marks = {one: sound[one] for one in map(mark, group)}
            _seal(connection, folder, ring, f"{_FOLDER}/{day}", group, on, marks)
    for name in (name for pieces in anew.values() for name in pieces):
        if vault.holds(folder, name):  # a purge may have taken it
            vault.discard(folder, name)


def add(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, entry: Entry, study: Study, ring: Ring
) -> None:
    """
    Add to `stated` what sound rows state, and what the archive calls them now and called them once.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `stated`.
    rows : pyarrow.Table
        As `intake.take` gives them.
    entry : Entry
        Their delivery.
    study : Study
    ring : Ring
    """
    contract = tables.contract(entry.feed)
    held = {column.name for column in contract.columns}
    values = ", ".join(
        f'"{column}"::varchar as {name}' if column in held else f"null::varchar as {name}"
        for name, column in VALUES.items()
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
            f"insert into stated select ?, {key}, ?::date, "  # noqa: S608 - names of columns
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


def by_day(entries: list[Entry]) -> Iterator[tuple[date, list[Entry]]]:
    """Deliveries by the day they came in, which is their key's."""

    def day(entry: Entry) -> date:
        return entry.delivered.date()

    for each, group in groupby(sorted(entries, key=day), key=day):
        yield each, list(group)


def _told(group: Iterable[Entry]) -> dict[str, str]:
    """Mark of each delivery to the moment it was told."""
    return {mark(entry): entry.delivered.isoformat() for entry in group}


def _pieces(folder: Path) -> dict[date, list[str]]:
    """Names of what the pool noted, by day."""
    found: dict[date, list[str]] = {}
    for name in vault.names(folder, _FOLDER):
        day, _, piece = name.removeprefix(f"{_FOLDER}/").partition("/")
        if piece:
            found.setdefault(date.fromisoformat(day), []).append(name)
    return found


def _present(folder: Path, group: list[Entry]) -> None:
    gone = [original(e) for e in group if not vault.holds(folder, original(e))]
    if gone:
        raise ArchiveError(
            f"{len(gone)} originals are missing from the vault", gone,
            "restore the vault from its last backup; people are not forgotten for a lost file",
        )  # fmt: skip


def _seal(
    connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, name: str,
    group: Sequence[Entry], on: str, sound: Mapping[str, bool],
) -> None:  # fmt: skip
    day = group[0].delivered.date()
    rows = connection.execute("from stated where day = ?", [day]).to_arrow_table()
    said = json.dumps({"basis": on, "told": _told(group), "sound": sound})
    vault.seal_table(
        folder, rows.replace_schema_metadata({"read": said}), name, day, ring, anew=True
    )
