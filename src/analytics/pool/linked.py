"""Records of a study's people, each with its person, as one purpose may see them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analytics import engine, tables
from analytics.codes import Purpose
from analytics.errors import ArchiveError
from analytics.pool import archive, versions
from analytics.privacy import pseudonyms, purposes, vault
from analytics.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import ibis.expr.types as ir
    import pyarrow as pa

    from analytics.privacy.keys import Ring
    from analytics.privacy.purposes import Reader
    from analytics.study import Study
    from analytics.tables import Contract

PERSON = Column(
    name="person",
    label="人员",
    meaning="pseudonym of the person for this purpose; empty where linked to nobody yet",
    kind="code",
    unit="",
    identifies="none",
    archived="pseudonym",
    purposes=frozenset(Purpose),
    reference="",
    required=False,
    choices=(),
    minimum=None,
    maximum=None,
    future=False,
)
"""Column that `read` adds to every feed that names persons."""
_ROWS = "linkage/rows"

_STOOD = ("since", "until")  # days from and until which a version stood


def read(
    study: Study,
    at: datetime,
    reader: Reader,
    ring: Ring,
    connection: Any,
    *,
    feeds: Iterable[str] | None = None,
) -> dict[str, ir.Table]:
    """
    Read what was known at a moment, as one purpose may see it.

    Parameters
    ----------
    study : Study
    at : datetime
        Deliveries that arrived later are left out; without zone, Asia/Shanghai is meant.
    reader : Reader
        Who reads, in which role, for which purpose.
    ring : Ring
        The study's keys.
    connection : ibis backend
        As `engine.connect` gives.
    feeds : iterable of str, optional
        Feeds wanted; by default all of which the purpose may see a column.

    Returns
    -------
    dict of str to ibis.Table
        For each feed the columns of its contract that the purpose may see; where the feed
        names persons also `PERSON`. Numbers of documents and phones, and the numbers that
        departments give to a person's rows (a case, a ticket), are under this purpose's
        pseudonyms, the same from feed to feed.

    Raises
    ------
    ArchiveError
        If the study's people were never linked, or the result was purged.
    PurposeError
        If the role may not ask for the purpose, or a wanted feed has nothing for it; all
        reasons are in the audit log.

    Notes
    -----
    Who is who follows the latest linkage, also for an earlier moment: a link found today
    joins yesterday's records too.
    """
    wanted = _seen(reader.purpose) if feeds is None else tuple(feeds)
    known = archive.as_of(study.state / "archive", at, connection, feeds=wanted)
    persons = _persons(study, ring)
    log = study.state / "audit.jsonl"
    views = {}
    for feed in wanted:
        contract = tables.contract(feed)
        rows = engine.rows(known[feed], connection)
        columns = contract.columns
        if contract.personal:
            rows = _numbered(_with_person(rows, feed, persons), contract, reader.purpose, ring)
            columns = (*columns, replace(PERSON, purposes=_purposes(contract)))
        views[feed] = purposes.project(rows, feed, columns, reader, ring, log)
    return {feed: _table(view) for feed, view in views.items()}


def history(
    study: Study,
    at: datetime,
    reader: Reader,
    ring: Ring,
    connection: Any,
    *,
    feed: str,
    wanted: Iterable[str],
) -> ir.Table:
    """
    Read every version of a feed's rows, as one purpose may see it, without its persons.

    Parameters
    ----------
    study : Study
    at : datetime
        Deliveries that arrived later are left out.
    reader : Reader
    ring : Ring
    connection : ibis backend
    feed : str
    wanted : iterable of str
        Columns wanted.

    Returns
    -------
    ibis.Table
        The columns wanted, and the days ``since`` and ``until`` of `versions.history`.

    Raises
    ------
    PurposeError
        If the role may not ask for the purpose, or a column is not for it.
    """
    rows = engine.rows(versions.history(study.state / "archive", at, connection, feed), connection)
    days = [replace(PERSON, name=name, kind="date", archived="clear") for name in _STOOD]
    columns = (*tables.contract(feed).columns, *days)
    log = study.state / "audit.jsonl"
    view = purposes.project(rows, feed, columns, reader, ring, log, wanted=(*wanted, *_STOOD))
    return _table(view)


def _seen(purpose: Purpose) -> tuple[str, ...]:
    contracts = [each for held in tables.departments().values() for each in held]
    return tuple(each.feed for each in contracts if purpose in _purposes(each))


def _purposes(contract: Contract) -> frozenset[Purpose]:
    """Purposes that may see any column the archive keeps."""
    none: frozenset[Purpose] = frozenset()
    return none.union(*(c.purposes for c in contract.columns if c.archived != "withheld"))


def holds(study: Study) -> bool:
    """Whether the study's people were ever linked, and the result is still held."""
    return vault.holds(study.state / "vault", _ROWS)


def _persons(study: Study, ring: Ring) -> pa.Table:
    if not holds(study):
        raise ArchiveError(
            f"the people of study '{study.name}' were never linked",
            remedy=f"run `workbench link --train --study {study.name}`",
        )
    return vault.unseal_table(study.state / "vault", _ROWS, ring)


def _with_person(rows: pa.Table, feed: str, persons: pa.Table) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    own = persons.filter(pc.equal(persons["feed"], feed))
    place = pc.index_in(rows["record"], value_set=pseudonyms.flat(own["record"]))
    return rows.append_column("person", own["person"].cast(pa.string()).take(place))


def _numbered(rows: pa.Table, contract: Contract, purpose: Purpose, ring: Ring) -> pa.Table:
    """Put departments' numbers of a person's rows under the purpose's own pseudonyms."""
    for column in contract.columns:
        source = _numbers(contract, column)
        if source:
            values = pseudonyms.flat(rows[column.name])
            hidden = pseudonyms.key(values, ring, f"{purpose}:{source}")
            rows = rows.set_column(rows.column_names.index(column.name), column.name, hidden)
    return rows


def _numbers(contract: Contract, column: Column) -> str:
    """Name the feed and column whose personal numbers a column holds; empty for another kind."""
    if column.kind != "code":
        return ""
    if column.name in contract.key:
        return f"{contract.feed}.{column.name}"
    feed = column.reference.partition(".")[0]
    referred = {each.feed: each for held in tables.departments().values() for each in held}
    return column.reference if feed in referred and referred[feed].personal else ""


def _table(view: pa.Table) -> ir.Table:
    import ibis

    return ibis.memtable(view)
