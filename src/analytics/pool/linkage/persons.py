"""The store of person keys: a night's records find their persons, and every change is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analytics.errors import ContractError
from analytics.methods import matching
from analytics.pool.linkage import decisions, scoring, spark
from analytics.pool.linkage.standard import Accepted, standardise

if TYPE_CHECKING:
    import duckdb

    from analytics.pool.linkage.model import Model

_MOST_DEPARTMENTS = 62  # bits of a positive integer


@dataclass(frozen=True)
class Night:
    """
    What a night's linkage did.

    Parameters
    ----------
    accepted, quarantined, unchanged, changed : int
        Records taken in, refused, delivered before in the same form, and corrected.
    persons, joined : int
        New person keys, and records that joined a person known before.
    merged, moved : int
        Person keys retired into an older one, and corrected records that changed person.
    review : int
        Pairs for clerical review.
    withheld : dict
        Blocking key to number of records not blocked on it, as too many share its value.
    """

    accepted: int
    quarantined: int
    unchanged: int
    changed: int
    persons: int
    joined: int
    merged: int
    moved: int
    review: int
    withheld: dict[str, int]


def link(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    model: Model,
    batch: str,
    *,
    decided: pa.Table | None = None,
    session: Any = None,
) -> Night:
    """
    Give each record its person key, in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`analytics.pool.linkage.workspace`.
    records : str
        Table or view with the columns of `RECORD_COLUMNS`.
    model : Model
        The stored model.
    batch : str
        Name of the delivery, for the record of events.
    decided : pyarrow.Table, optional
        What somebody found out about pairs: `department_left`, `record_left`, `department_right`,
        `record_right`, `together`; it goes before every weight. Records not held are passed over.
    session : pyspark.sql.SparkSession, optional
        Where to find and weigh the pairs, instead of here.

    Returns
    -------
    Night
        Counts. In the store, `RECORDS` holds each standard record with its `person`, `LINKS`
        each pair from the review band up with what was decided, and `LINKAGE_EVENTS` each
        person key that was retired and each corrected record that moved.

    Notes
    -----
    Records of one department never share a person. A person key never splits by itself: of a
    pair found to be two people, the second record leaves its key and is linked as a new one.
    Two keys join only along a link of at least the model's threshold; the older one stays.
    """
    taken = standardise(connection, records)
    connection.register("decided", decisions.DECIDED.empty_table() if decided is None else decided)
    unchanged, changed = _known(connection)
    first = _next(connection, "position")
    scoring.prepare(connection, "batch", "scored", first_position=first)
    known = _stored(connection)
    if known:
        connection.execute(
            "create or replace temp view kept as select * from store.main.RECORDS "
            "anti join superseded using (department, record)"
        )
        scoring.prepare(connection, "kept", "former")
    withheld = scoring.withhold(connection, "scored", "former" if known else None)
    scoring.count_frequencies(connection, "batch", *(["store.main.RECORDS"] if known else []))
    low = model.review[0]
    lowest = float(np.log2(low / (1 - low))) - 4
    compare = scoring.compare if session is None else partial(spark.compare, session)
    links = [compare(connection, model, "scored", None, lowest=lowest)]
    if known:
        links.append(compare(connection, model, "scored", "former", lowest=lowest))
    found, apart = decisions.ruled(connection, pa.concat_tables(links), first, known=known)
    _assign(connection, found, apart, model, first, known=known)
    connection.unregister("decided")
    return _commit(connection, model, (batch, first), taken, (unchanged, changed, withheld))


def review(connection: duckdb.DuckDBPyConnection, model: Model) -> pa.Table:
    """
    List the pairs somebody should look at; no personal value is in the list.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    model : Model
        Its band of probability.

    Returns
    -------
    pyarrow.Table
        LINKS rows inside the band, and strong links refused as a record of the same department or
        another proven number stood against them; the least certain first.
    """
    return connection.execute(
        "select * from store.main.LINKS where probability between ? and ? "
        "or decision = 'refused' order by abs(probability - 0.5), record_left, record_right",
        list(model.review),
    ).to_arrow_table()


def keys(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """
    Give the person key of each record.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.

    Returns
    -------
    pyarrow.Table
        `department`, `record`, `person`.
    """
    return connection.execute(
        "select department, record, person from store.main.RECORDS order by all"
    ).to_arrow_table()


def _stored(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "select count(*) from duckdb_tables() "
            "where database_name = 'store' and table_name = 'RECORDS'"
        ).fetchall()[0][0]
    )


def _next(connection: duckdb.DuckDBPyConnection, column: str) -> int:
    if not _stored(connection):
        return 0
    row = connection.execute(
        f"select coalesce(max({column}) + 1, 0) from store.main.RECORDS"
    ).fetchone()
    retired = connection.execute(
        "select coalesce(max(former) + 1, 0) from store.main.LINKAGE_EVENTS"
    ).fetchone()
    assert row is not None
    assert retired is not None
    return int(max(row[0], retired[0] if column == "person" else 0))


def _known(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Drop records delivered before in the same form; remember the person of corrected ones."""
    if not _stored(connection):
        connection.execute(
            "create or replace temp table superseded as "
            "select department, record, 0::bigint as person from batch limit 0"
        )
        return 0, 0
    columns = [row[0] for row in connection.execute("describe batch").fetchall()]
    same = " and ".join(f"b.{column} is not distinct from s.{column}" for column in columns)
    leaves = "(s.department, s.record) in (select (department, record) from leaving)"
    decisions.leaving(connection)
    connection.execute(
        "create or replace temp table superseded as "
        f"select s.department, s.record, s.person, not ({same}) as corrected "
        "from store.main.RECORDS s join batch b using (department, record) "
        f"where not ({same}) or {leaves}"
    )
    row = connection.execute(
        "delete from batch where (department, record) in (select (s.department, s.record) "
        "from store.main.RECORDS s join batch b using (department, record) "
        f"where {same} and not {leaves})"
    ).fetchone()
    changed = connection.execute("select count(*) from superseded where corrected").fetchone()
    assert row is not None
    assert changed is not None
    return int(row[0]), int(changed[0])


def _assign(
    connection: duckdb.DuckDBPyConnection,
    links: pa.Table,
    apart: tuple[matching.Whole, matching.Whole],
    model: Model,
    first: int,
    *,
    known: bool,
) -> None:
    """Make `assigned` (position, person) for new records, `retired` and `weighed`."""
    left, right = links["left"].to_numpy(), links["right"].to_numpy()
    position, person, source, proven = _involved(connection, links, first, known=known)
    if len(source) and source.max() > _MOST_DEPARTMENTS:
        raise ContractError(
            "too many departments to link", [f"{source.max() + 1} departments"], "link by groups"
        )
    place_of = np.full(int(position.max(initial=0)) + 1, -1, dtype=np.int64)
    place_of[position] = np.arange(len(position))
    low, high, weight = place_of[left], place_of[right], links["weight"].to_numpy()
    known_place = np.append(place_of, -1)  # of positions beyond the last one: nowhere
    one, other = (known_place[np.minimum(each, len(place_of))] for each in apart)
    both = (one >= 0) & (other >= 0)
    exclusive = matching.exclusive_weight(low, high, weight, source, len(position))
    ends = (one[both], other[both])
    group, label = _joined(person, source, proven, (low, high, exclusive), ends, model)
    final = _keyed(person, label[group], _next(connection, "person"))
    old = person >= 0
    retired = pa.table({"former": person[old], "person": final[old]})
    weighed = {
        "left": left,
        "right": right,
        "weight": weight,
        "probability": matching.probability(exclusive),
        "together": final[low] == final[high],
    }
    connection.register("assigned", pa.table({"position": position[~old], "person": final[~old]}))
    connection.register("weighed", pa.table(weighed))
    connection.register("retired", retired.group_by(["former", "person"]).aggregate([]))


def _involved(
    connection: duckdb.DuckDBPyConnection, links: pa.Table, first: int, *, known: bool
) -> tuple[matching.Whole, matching.Whole, matching.Whole, matching.Whole]:
    """Position, person (or -1), source and proven identity of new records and touched persons.

    In the order of a hash, so that the order records came in decides nothing.
    """
    values = (
        "(hash(department) >> 1)::bigint as source, if(id_valid, (hash(id_card) >> 1)::bigint, -1) "
        "as proven, (hash(department, record) >> 1)::bigint as mark"
    )
    query = f"select rowid + {first} as position, -1::bigint as person, {values} from batch"
    if known:
        touched = (
            'select person from kept where position in (select "right" from links) '
            'or position in (select "left" from links)'
        )
        query += (
            f" union all select position, person, {values} from kept where person in ({touched})"
        )
    connection.register("links", links)
    try:
        rows = connection.sql(query).to_arrow_table()
    finally:
        connection.unregister("links")
    order = np.argsort(rows["mark"].to_numpy(), kind="stable")
    position, person, source, proven = (
        rows[name].to_numpy()[order] for name in ("position", "person", "source", "proven")
    )
    return position, person, np.unique(source, return_inverse=True)[1], proven


def _keyed(person: matching.Whole, label: matching.Whole, first: int) -> matching.Whole:
    """Person key of each record: its group's oldest, or a new one."""
    heads, place = np.unique(label, return_inverse=True)
    kept = np.full(len(heads), np.iinfo(np.int64).max)
    old = person >= 0
    np.minimum.at(kept, place[old], person[old])
    fresh = kept == np.iinfo(np.int64).max
    kept[fresh] = first + np.arange(int(fresh.sum()))
    keys: matching.Whole = kept[place]
    return keys


def _joined(
    person: matching.Whole,
    source: matching.Whole,
    proven: matching.Whole,
    weighed: tuple[matching.Whole, matching.Whole, matching.Real],
    apart: tuple[matching.Whole, matching.Whole],
    model: Model,
) -> tuple[matching.Whole, matching.Whole]:
    """Position of each record's group (a known person, or the record alone), and group labels."""
    old = person >= 0
    persons, place = np.unique(person[old], return_inverse=True)
    group = np.empty(len(person), dtype=np.int64)
    group[old] = place
    group[~old] = len(persons) + np.arange(int((~old).sum()))
    mask = np.zeros(len(persons) + int((~old).sum()), dtype=np.int64)
    identity = np.full(len(mask), -1, dtype=np.int64)
    np.bitwise_or.at(mask, group, np.int64(1) << source)
    np.maximum.at(identity, group, proven)
    left, right, weight = weighed
    strong = matching.probability(weight) >= model.threshold
    label, _ = matching.one_to_one(
        group[left[strong]],
        group[right[strong]],
        weight[strong],
        mask,
        identity,
        (group[apart[0]], group[apart[1]]),
    )
    return group, label


def _commit(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    place: tuple[str, int],
    taken: Accepted,
    known: tuple[int, int, dict[str, int]],
) -> Night:
    """Write keys, links and events in one transaction; `place` is batch and first position."""
    batch, first = place
    connection.execute("begin")
    try:
        _write(connection, model, batch, first)
        counts = connection.execute(
            "select (select count(distinct person) from assigned "
            "where person not in (select person from retired)), "
            "(select count(*) from assigned where person in (select person from retired)), "
            "(select count(*) from retired where former <> person), "
            "(select count(*) from store.main.LINKAGE_EVENTS where batch = $1 and event = 'moved'),"
            "(select count(*) from store.main.LINKS where batch = $1 "
            "and (probability between $2 and $3 or decision = 'refused'))",
            [batch, *model.review],
        ).fetchone()
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    assert counts is not None
    persons, joined, merged, moved, unsure = (int(count) for count in counts)
    unchanged, changed, withheld = known
    return Night(
        taken.accepted,
        taken.quarantined,
        unchanged,
        changed,
        persons,
        joined,
        merged,
        moved,
        unsure,
        withheld,
    )


def _write(connection: duckdb.DuckDBPyConnection, model: Model, batch: str, first: int) -> None:
    new = (
        f"select assigned.position, batch.*, assigned.person from batch "
        f"join assigned on assigned.position = batch.rowid + {first}"
    )
    if not _stored(connection):
        connection.execute(f"create table store.main.RECORDS as {new} limit 0")
    connection.execute(
        "delete from store.main.RECORDS where (department, record) in "
        "(select (department, record) from superseded)"
    )
    connection.execute(
        "update store.main.RECORDS set person = retired.person from retired "
        "where RECORDS.person = retired.former and retired.former <> retired.person"
    )
    connection.execute(f"insert into store.main.RECORDS {new}")
    connection.execute(
        "insert into store.main.LINKAGE_EVENTS "
        "select $1, 'merged', null, null, person, former, null from retired "
        "where former <> person union all "
        "select $1, 'moved', s.department, s.record, r.person, s.person, null "
        "from superseded s join store.main.RECORDS r using (department, record) "
        "left join retired t on t.former = s.person "
        "where r.person <> coalesce(t.person, s.person)",
        [batch],
    )
    connection.execute(
        "insert into store.main.LINKS select $1, l.record, l.department, r.record, r.department, "
        "w.weight, w.probability, case when w.together then 'linked' "
        "when w.probability >= $2 then 'refused' else 'apart' end from weighed w "
        'join store.main.RECORDS l on l.position = w."left" '
        'join store.main.RECORDS r on r.position = w."right" where w.probability >= $3',
        [batch, model.threshold, model.review[0]],
    )
