"""A study's persons, linked in memory and sealed in its vault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from analytics.pool.linkage import originals, persons, resolution, reviewing, training
from analytics.pool.linkage.model import Model
from analytics.pool.linkage.standard import standardise
from analytics.pool.linkage.workspace import workspace
from analytics.privacy import vault
from analytics.study import ZONE

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from analytics.pool.linkage.originals import Originals
    from analytics.pool.linkage.persons import Night
    from analytics.privacy.keys import Ring
    from analytics.study import Study

_FOLDER = "linkage"
_STORE = {"records": "RECORDS", "links": "LINKS", "events": "LINKAGE_EVENTS"}
_PERSONS = """
select distinct r.person, k.id_card as id_number, k.document, k.phone
from known k join store.main.RECORDS r on r.department = k.feed and r.record = k.record
union all
select distinct null::bigint as person, id_card as id_number, document, phone
from stated anti join known using (feed)
"""
_ROWS = """
with latest as (
    select feed, key, record from known
    qualify row_number() over (partition by feed, key
        order by for_date desc, delivered desc, record) = 1
), held as (
    select distinct k.feed, k.key, k.record, k.phone, r.person
    from known k join store.main.RECORDS r on r.department = k.feed and r.record = k.record
), owners as (
    select phone, min(person) as person from held where phone is not null
    group by phone having count(distinct person) = 1
), found as (
    select distinct feed, key as record, person from latest join held using (feed, key, record)
    union all
    select distinct feed, key, person
    from stated anti join known using (feed) join owners using (phone)
)
from found
union
select feed, former, person from found join aliases using (feed) where aliases.key = found.record
order by all
"""


@dataclass(frozen=True)
class Linked:
    """
    What linking a study did.

    Parameters
    ----------
    originals : Originals
        What was read.
    night : Night
        What became of it.
    persons, dropped : int
        Person keys in use, and records that no kept delivery holds any more.
    trained : bool
        Whether a model was trained.
    """

    originals: Originals
    night: Night
    persons: int
    dropped: int
    trained: bool


def link_study(
    study: Study,
    ring: Ring,
    *,
    train: bool = False,
    memory_limit_mb: int = 6144,
    threshold: float | None = None,
    decided: pa.Table | None = None,
) -> Linked:
    """
    Link the people of all kept deliveries, and seal the result in the vault.

    Parameters
    ----------
    study : Study
    ring : Ring
        The study's keys.
    train : bool
        Train a model first and store it; else the stored one is used.
    memory_limit_mb : int
        Limit of the engine.
    threshold : float, optional
        Probability from which a pair is linked, instead of the model's.
    decided : pyarrow.Table, optional
        What was found out about pairs; see :func:`analytics.pool.linkage.link`.

    Returns
    -------
    Linked
        Counts.

    Raises
    ------
    ContractError
        There is no stored model, or too little to train one on.
    KeyringError
        The ring does not open the vault.

    Notes
    -----
    In the vault, all under the day's key: `linkage/records`, `linkage/links`,
    `linkage/events`, from which the next run goes on; `linkage/persons` (`person`,
    `id_number`, `document`, `phone`: everything ever stated of a person, from which a rotation's
    crosswalk is made; `person` is null where only a phone is known); `linkage/rows` (whose each
    row of the archive is: `feed`, `record`, `person`; a row that names by phone alone is that
    phone's one person's, and nobody's where several share it); `linkage/resolved` and
    `linkage/lineage`; `linkage/review`. The model, in `linkage/model.json`, holds no value of
    a person.
    """
    folder = study.state / _FOLDER
    with workspace(folder, memory_limit_mb=memory_limit_mb) as connection:
        read = originals.collect(connection, study, ring)
        _restore(connection, study.state / "vault", ring)
        dropped = _forget(connection)
        model = _model(connection, folder / "model.json", train=train)
        batch = datetime.now(ZONE).isoformat(timespec="seconds")
        if threshold is not None:
            model = replace(model, threshold=threshold)
        night = persons.link(connection, "people", model, batch, decided=decided)
        resolution.resolve(connection)
        _seal(connection, study.state / "vault", ring, model)
        counted = connection.execute(
            "select count(distinct person) from store.main.RECORDS"
        ).fetchone()
    assert counted is not None
    return Linked(read, night, int(counted[0]), dropped, train)


def _model(connection: duckdb.DuckDBPyConnection, path: Path, *, train: bool) -> Model:
    if not train:
        return Model.load(path)
    standardise(connection, "people")
    model = training.train(connection)
    model.save(path)
    return model


def _restore(connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring) -> None:
    for name, table in _STORE.items():
        if not vault.holds(folder, f"{_FOLDER}/{name}"):
            continue
        connection.register("_sealed", vault.unseal_table(folder, f"{_FOLDER}/{name}", ring))
        connection.execute(f"create or replace table store.main.{table} as from _sealed")
        connection.unregister("_sealed")


def _forget(connection: duckdb.DuckDBPyConnection) -> int:
    """Drop records, and their links, that no kept delivery holds any more."""
    held = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = 'store' and table_name = 'RECORDS'"
    ).fetchone()
    if held == (0,):
        return 0
    gone = connection.execute(
        "delete from store.main.RECORDS where (department, record) not in "
        "(select (department, record) from people)"
    ).fetchone()
    for side in ("left", "right"):
        connection.execute(
            f"delete from store.main.LINKS where (department_{side}, record_{side}) not in "
            "(select (department, record) from people)"
        )
    return int(gone[0]) if gone else 0


def _seal(connection: duckdb.DuckDBPyConnection, folder: Path, ring: Ring, model: Model) -> None:
    queries = {name: f"from store.main.{table}" for name, table in _STORE.items()}
    queries |= {
        "persons": _PERSONS,
        "rows": _ROWS,
        "resolved": "from persons",
        "lineage": "from lineage",
    }
    made = {name: connection.execute(query).to_arrow_table() for name, query in queries.items()}
    made["review"] = reviewing.reasoned(connection, model, persons.review(connection, model))
    today = datetime.now(ZONE).date()
    for name, table in made.items():
        vault.seal_table(folder, table, f"{_FOLDER}/{name}", today, ring, anew=True)
