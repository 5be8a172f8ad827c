"""Records of a study's people, read from the departments' sealed originals, each once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analytics import tables
from analytics.errors import ContractError
from analytics.pool import archive, intake, reading, regions, statements
from analytics.pool.statements import mark
from analytics.privacy import retention, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from analytics.pool.archive import Entry
    from analytics.pool.reading import Reading
    from analytics.privacy.keys import Ring
    from analytics.study import Study
    from analytics.tables import Contract

_ROWS_AT_ONCE = 500_000


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

    What an original states was noted when the pool took it in, or by an earlier run, as
    :mod:`analytics.pool.statements` says. An original is read again where contracts, the code
    that reads them, names of regions or keys are no longer what they were then.

    Within a feed rows are one person's if they
    state one number; without a number, if they state one name and phone; without both, each row
    stands alone. The feed stands as `department`, since a register, not an office, holds a
    person once.
    """
    connection.execute(intake.PLANNING)
    statements.begin(connection)
    held, named = study.state / "vault", _named(study)
    kept = [(e, c) for e, c in named if not retention.purged(held, statements.original(e))]
    entries, places = [e for e, _ in kept], regions.places(study)
    basis = statements.basis(study, ring, places)
    sound, pieces = statements.take_over(connection, held, ring, entries, basis)
    fresh = [(e, contract) for e, contract in kept if mark(e) not in sound]
    for contract, group in _groups(fresh):
        found = [(e, one) for e in group if (one := _read(study, ring, e, contract))]
        sound |= dict.fromkeys(map(mark, group), False) | {mark(e): True for e, _ in found}
        if not found:
            continue
        dated = [(text, entry.delivered.date()) for entry, text in found]
        taken = intake.take_all(connection, dated, contract, places)
        for (entry, _), rows in zip(found, taken, strict=True):
            statements.add(connection, rows.accepted, entry, study, ring)
    days = {e.delivered.date() for e, _ in fresh}
    anew = {day: pieces.get(day, []) for day in days | pieces.keys()}
    statements.keep(connection, held, ring, entries, anew, basis, sound)
    feeds = sorted({e.feed for e, contract in kept if _linkable(contract) and sound[mark(e)]})
    _gather(connection, feeds)
    counted = connection.execute("select count(*) from stated").fetchone()
    assert counted is not None
    read = sum(sound[mark(e)] for e, _ in kept)
    return Originals(read, len(named) - len(kept), len(kept) - read, int(counted[0]), tuple(feeds))


def _named(study: Study) -> list[tuple[Entry, Contract]]:
    """Deliveries with sound rows that name persons, each content once, as it was told first."""
    found: dict[str, tuple[Entry, Contract]] = {}
    for entry in archive.entries(study.state / "archive"):
        contract = tables.contract(entry.feed)
        if entry.part and contract.personal:
            held = found.get(mark(entry))
            if held is None or entry.delivered < held[0].delivered:
                found[mark(entry)] = entry, contract
    return list(found.values())


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
    with vault.unseal(study.state / "vault", statements.original(entry), ring) as stream:
        content = stream.read()
    try:
        return reading.read(Path(entry.file), contract, content)
    except ContractError:
        return None


def _gather(connection: duckdb.DuckDBPyConnection, feeds: list[str]) -> None:
    """Make `known` (each row's record) of `stated`, and `people` of the latest rows."""
    order = "(for_date, delivered, key)"
    latest = ", ".join(f"arg_max({name}, {order}) as {name}" for name in statements.VALUES)
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
