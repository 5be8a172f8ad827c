"""Records of a study's people, read again from the departments' sealed originals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from analytics import tables
from analytics.errors import ContractError
from analytics.pool import archive, intake, protection, reading, regions
from analytics.privacy import crosswalk, retention, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass(frozen=True)
class Originals:
    """
    What was read again.

    Parameters
    ----------
    deliveries, purged, unreadable : int
        Sealed originals read, those that were purged, and those that break today's contract.
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
    version of each row, without withdrawn ones. Within a feed rows are one person's if they
    state one number; without a number, if they state one name and phone; without both, each row
    stands alone. The feed stands as `department`, since a register, not an office, holds a
    person once.
    """
    connection.execute(intake.PLANNING)
    connection.execute(
        "create or replace temp table stated (feed varchar, key varchar, for_date date, "
        "delivered timestamptz, withdrawn boolean, "
        + ", ".join(f"{name} varchar" for name in _VALUES)
        + ")"
    )
    connection.execute(
        "create or replace temp table aliases (feed varchar, key varchar, former varchar)"
    )
    read, purged, unreadable, feeds = 0, 0, 0, set()
    places = regions.places(study)
    for contract, group in _groups(_named(study)):
        kept = [e for e in group if not retention.purged(study.state / "vault", _name(e))]
        purged += len(group) - len(kept)
        files = [(entry, found) for entry in kept if (found := _read(study, ring, entry, contract))]
        unreadable += len(kept) - len(files)
        if not files:
            continue
        dated = [(found, entry.delivered.date()) for entry, found in files]
        taken = intake.take_all(connection, dated, contract, places)
        for (entry, _), one in zip(files, taken, strict=True):
            _state(connection, one.accepted, entry, contract, ring)
            _alias(connection, one.accepted, contract, study, ring)
        read += len(files)
        if _linkable(contract):
            feeds.add(contract.feed)
    _gather(connection, sorted(feeds))
    counted = connection.execute("select count(*) from stated").fetchone()
    assert counted is not None
    return Originals(read, purged, unreadable, int(counted[0]), tuple(sorted(feeds)))


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
    ring: Ring,
) -> None:
    held = {column.name for column in contract.columns}
    values = ", ".join(
        f'"{column}"::varchar as {name}' if column in held else f"null::varchar as {name}"
        for name, column in _VALUES.items()
    )
    keyed = protection.keyed(rows, contract, ring)
    key = protection.name_of(f"_{column}" for column in contract.key)
    for column in contract.key:
        rows = rows.append_column(f"_{column}", keyed[column])
    connection.register("_rows", rows)
    try:
        connection.execute(
            f"insert into stated select ?, {key}, ?::date, "
            f"?::timestamptz, withdrawn, {values} from _rows",
            [entry.feed, entry.date, entry.delivered],
        )
    finally:
        connection.unregister("_rows")


def _alias(
    connection: duckdb.DuckDBPyConnection,
    rows: pa.Table,
    contract: Contract,
    study: Study,
    ring: Ring,
) -> None:
    """Note what the archive calls rows that it took in under earlier keys."""
    hidden = [name for name in contract.key if contract[name].archived == "pseudonym"]
    if not hidden or not ring.retired:
        return
    keyed = protection.keyed(rows, contract, ring)
    earlier = [
        crosswalk.former(study.state / "vault", keyed[name], ring, protection.use_of(name))
        for name in hidden
    ]
    present = protection.name_of(contract.key)
    former = protection.name_of(f"_{name}" for name in contract.key)
    for generation in zip(*earlier, strict=False):
        named = keyed.rename_columns([f"_{name}" for name in contract.key])
        for name, values in zip(hidden, generation, strict=True):
            named = named.set_column(contract.key.index(name), f"_{name}", values)
        both = pa.table({**_columns(keyed), **_columns(named)})
        connection.register("_both", both)
        try:
            connection.execute(
                f"insert into aliases select distinct ?, {present}, {former} from _both "
                f"where {' and '.join(f'_{name} is not null' for name in hidden)}",
                [contract.feed],
            )
        finally:
            connection.unregister("_both")


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


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
        "create or replace temp table people as with present as (select * from known "
        "qualify row_number() over (partition by feed, key order by for_date desc, "
        "delivered desc, record) = 1) "
        f"select record, feed as department, {latest} from present where not withdrawn "
        "group by feed, record"
    )
