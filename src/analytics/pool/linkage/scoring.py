"""Candidate pairs and their weights under a stored model, night after night."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from analytics.errors import ContractError
from analytics.methods import slips
from analytics.pool.linkage import conditions, standard, weighing
from analytics.pool.linkage import model as definition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

FREQUENCIES = ("name", "county")
KEYS = tuple(f"block_{name}" for name in definition.BLOCKING_KEYS)
CAP = 60
"""A key shared by more records than this says nothing about persons and is not blocked on."""

_CHUNK = 1 << 16  # pairs whose columns stay in the processor's cache


def prepare(
    connection: duckdb.DuckDBPyConnection, records: str, into: str, *, first_position: int = 0
) -> None:
    """
    Give standard records their positions and blocking keys.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `records`.
    records : str
        Table of :func:`analytics.pool.linkage.standardise`, or records that have a `position`.
    into : str
        View to make: `position`, the standard columns and what comparing needs of them. Beside
        it the view `<into>_placed`: `position` and the standard columns only; and the table
        `<into>_keys`: `position`, `source`, `block_*`.
    first_position : int
        Position of the first record.
    """
    columns = {row[0] for row in connection.execute(f"describe {records}").fetchall()}
    placed = records
    if "position" not in columns:
        placed = f"(select rowid + {first_position} as position, * from {records})"
    connection.execute(f"create or replace temp view {into}_placed as select * from {placed}")
    described = standard.described(f"{into}_placed")
    connection.execute(f"create or replace temp view {into} as {described}")
    keys = ", ".join(
        f"if({sql} is null, null, hash({sql})) as block_{name}"
        for name, sql in definition.BLOCKING_KEYS.items()
    )
    connection.execute(
        f"create or replace temp table {into}_keys as "
        f"select position, hash(department) as source, {keys} from {into}"
    )


def count_frequencies(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    """
    Count how common each name and county is, into tables `frequency_name` and `frequency_county`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the tables.
    *tables : str
        Standard records, the night's and the store's together.
    """
    for column in FREQUENCIES:
        together = " union all ".join(f"select {column} from {table}" for table in tables)
        connection.execute(
            f"create or replace temp table frequency_{column} as select {column}, "
            f"count(*) / sum(count(*)) over () as tf_{column} from ({together}) "
            f"where {column} is not null group by {column}"
        )


def withhold(
    connection: duckdb.DuckDBPyConnection, records: str, others: str | None = None
) -> dict[str, int]:
    """
    Clear keys that too many records share, and count the records concerned.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the tables.
    records : str
        View of :func:`prepare`, whose table of keys is changed in place.
    others : str, optional
        The store's records, whose use of a key counts too.

    Returns
    -------
    dict
        Key to number of records of `records` that are not blocked on it any more.
    """
    counted = {}
    for name in definition.BLOCKING_KEYS:
        key, own = f"block_{name}", f"{records}_keys"
        both = f"select {key} from {own} where {key} is not null"
        if others:
            both += f" union all select {key} from {others}_keys semi join {own} using ({key})"
        common = f"select {key} from ({both}) group by {key} having count(*) > {CAP}"
        row = connection.execute(
            f"update {own} set {key} = null where {key} in ({common})"
        ).fetchone()
        counted[name] = int(row[0]) if row else 0
    return counted


def compare(
    connection: duckdb.DuckDBPyConnection,
    model: definition.Model,
    records: str,
    others: str | None,
    *,
    lowest: float = -5.0,
) -> pa.Table:
    """
    Weigh the candidate pairs within `records`, or between `records` and `others`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the tables.
    model : Model
        The stored model.
    records, others : str
        Views of :func:`prepare`; see also :func:`count_frequencies`.
    lowest : float
        Pairs of lower weight are left out [bits].

    Returns
    -------
    pyarrow.Table
        `left`, `right` (positions), `weight` [bits].

    Raises
    ------
    ContractError
        The records cannot be compared under this model; no value is shown.

    Notes
    -----
    The same weights as Splink's `predict`, from the same stored conditions. Values are compared
    as 63 bits of their hash. Edit distances are computed only of pairs that they decide and
    that may still reach `lowest`.
    """
    compiled = conditions.compiled(model.settings)
    left, right = _candidates(connection, records, others)
    try:
        ends, known = _ends(connection, compiled, (records, others), left, right)
        kept, weight, doubt = _bounded(connection, compiled, ends, known, lowest)
        left, right, unsure = left[kept], right[kept], np.flatnonzero(doubt)
        if len(unsure):
            sides = (records, others or records)
            answers = _answers(connection, compiled, sides, left[unsure], right[unsure])
            ends = (ends[0][kept][unsure], ends[1][kept][unsure])
            weight[unsure], _ = weighing.weights(compiled, weighing.Pairs(ends, known, answers))
    except duckdb.Error as error:
        raise ContractError(
            "records cannot be compared under the stored model",
            [type(error).__name__],
            "train it anew: `workbench link --train`",
        ) from None
    enough = weight >= lowest
    return pa.table({"left": left[enough], "right": right[enough], "weight": weight[enough]})


def paired(
    connection: duckdb.DuckDBPyConnection,
    compiled: conditions.Conditions,
    sides: tuple[str, str | None],
    left: Whole,
    right: Whole,
) -> weighing.Pairs:
    """
    Pairs of records with everything answered.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the tables; see also :func:`count_frequencies`.
    compiled : Conditions
    sides : (str, str or None)
        Views of :func:`prepare`; one, or two to pair across.
    left, right : array of int
        Positions.

    Returns
    -------
    Pairs
    """
    ends, known = _ends(connection, compiled, sides, left, right)
    both = (sides[0], sides[1] or sides[0])
    return weighing.Pairs(ends, known, _answers(connection, compiled, both, left, right))


def _ends(
    connection: duckdb.DuckDBPyConnection,
    compiled: conditions.Conditions,
    sides: tuple[str, str | None],
    left: Whole,
    right: Whole,
) -> tuple[tuple[Whole, Whole], tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]]:
    """Rows of both records of each pair, and what is known of them."""
    if sides[1] is None:
        row, known = _known(connection, sides[0], compiled, left, right)
        return (row[left], row[right]), (known, known)
    row, known = _known(connection, sides[0], compiled, left)
    other, theirs = _known(connection, sides[1], compiled, right)
    return (row[left], other[right]), (known, theirs)


def _candidates(
    connection: duckdb.DuckDBPyConnection, records: str, others: str | None
) -> tuple[Whole, Whole]:
    """Pairs that agree on a key, each once: by the first rule that finds it."""
    order = "<>" if others else "<"
    found = []
    for place, key in enumerate(KEYS):
        earlier = "".join(f" and (l.{one} = r.{one}) is not true" for one in KEYS[:place])
        found.append(
            connection.sql(
                f'select l.position::bigint as "left", r.position::bigint as "right" '
                f"from {records}_keys l join {others or records}_keys r "
                f"on l.{key} = r.{key} and l.source {order} r.source where true{earlier}"
            ).to_arrow_table()
        )
    pairs = pa.concat_tables(found)
    return pairs["left"].to_numpy(), pairs["right"].to_numpy()


def _known(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    compiled: conditions.Conditions,
    *positions: Whole,
) -> tuple[Whole, dict[str, NDArray[Any]]]:
    """Give rows by position, and what is known of the records at these positions."""
    seen = np.zeros(max((int(each.max()) + 1 for each in positions if len(each)), default=0), bool)
    for each in positions:
        seen[each] = True
    involved = pa.table({"position": np.flatnonzero(seen)})
    rarities = {level.rarity for levels in compiled.comparisons for level in levels}
    rarities &= set(FREQUENCIES)
    asked = {sql: f"if({sql} is null, -1, (hash({sql}) >> 1)::bigint)" for sql in compiled.terms}
    asked |= {sql: f"coalesce({sql}, false)" for sql in compiled.flags}
    asked |= {weighing.rarity_of(one): f"coalesce(log2(tf_{one}), 0)" for one in rarities}
    asked |= {weighing.packed_of(one): one for one in conditions.SHORT}
    listed = ", ".join(f"{sql} as c{number}" for number, sql in enumerate(asked.values()))
    joins = " ".join(f"left join frequency_{one} using ({one})" for one in FREQUENCIES)
    connection.register("_involved", _in_parts(involved))
    try:
        found = connection.sql(
            f"select position, {listed} from ({_of(records, '_involved')}) {joins}"
        ).to_arrow_table()
    finally:
        connection.unregister("_involved")
    row = np.full(len(seen), -1, dtype=np.int64)
    row[found["position"].to_numpy()] = np.arange(found.num_rows)
    known: dict[str, NDArray[Any]] = {}
    for name, column in zip(asked, found.columns[1:], strict=True):
        if pa.types.is_string(column.type):
            known |= _packed(name, column.combine_chunks())
        else:
            known[name] = column.to_numpy()
    return row, known


def _in_parts(table: pa.Table) -> pa.Table:
    """Cut into parts that DuckDB's threads can share; of one part only one thread reads."""
    return pa.Table.from_batches(table.to_batches(max_chunksize=_CHUNK // 4), table.schema)


def _packed(name: str, texts: pa.StringArray) -> dict[str, NDArray[Any]]:
    """Strings packed, and whether each is there, short and plain."""
    column = name.removeprefix(weighing.packed_of(""))
    there, starts, content = texts.buffers()
    del there
    ends = np.frombuffer(starts, dtype=np.int32)[texts.offset :][: len(texts) + 1]
    packed, fits = slips.pack(ends, np.frombuffer(content or b"", dtype=np.uint8))
    fits &= texts.is_valid().to_numpy(zero_copy_only=False)
    return {name: packed, weighing.fits_of(column): fits}


def _of(records: str, wanted: str) -> str:
    """Write the SQL of the records at some positions; nothing is computed of others."""
    return standard.described(f"{records}_placed semi join {wanted} using (position)")


def _bounded(
    connection: duckdb.DuckDBPyConnection,
    compiled: conditions.Conditions,
    ends: tuple[Whole, Whole],
    known: tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]],
    lowest: float,
) -> tuple[Whole, NDArray[np.float64], NDArray[np.bool_]]:
    """Pairs that may reach the lowest weight, the most they weigh, and whether that is sure."""

    def weigh(start: int) -> tuple[Whole, NDArray[np.float64], NDArray[np.bool_]]:
        part = slice(start, start + _CHUNK)
        pairs = weighing.Pairs((ends[0][part], ends[1][part]), known)
        weight, doubt = weighing.weights(compiled, pairs)
        kept = np.flatnonzero(weight >= lowest)
        return kept + start, weight[kept], doubt[kept]

    (threads,) = connection.execute("select current_setting('threads')::integer").fetchall()[0]
    starts = range(0, max(len(ends[0]), 1), _CHUNK)
    with ThreadPoolExecutor(int(threads)) as pool:
        parts = list(pool.map(weigh, starts))
    kept, weight, doubt = (np.concatenate(each) for each in zip(*parts, strict=True))
    return kept, weight, doubt


def _answers(
    connection: duckdb.DuckDBPyConnection,
    compiled: conditions.Conditions,
    sides: tuple[str, str],
    left: Whole,
    right: Whole,
) -> dict[str, NDArray[np.bool_]]:
    """Make the distances of these pairs, from no more columns than they need."""
    asked = ", ".join(
        f"coalesce({conditions.of_sides(sql)}, false) as c{number}"
        for number, sql in enumerate(compiled.distances)
    )
    named = sorted(set(re.findall(r"\b(\w+)_[lr]\b", " ".join(compiled.distances))))
    ends = {"_first": np.unique(left), "_second": np.unique(right)}
    for name, side in zip(ends, sides, strict=True):
        connection.register("_asked", _in_parts(pa.table({"position": ends[name]})))
        connection.execute(
            f"create or replace temp table {name} as select position, {', '.join(named)} "
            f"from ({_of(side, '_asked')})"
        )
        connection.unregister("_asked")
    pairs = pa.table({"l": left, "r": right, "n": np.arange(len(left))})
    connection.register("_pairs", _in_parts(pairs))
    # as written: the pairs, in their parts, look up two hash tables; so all threads have work
    connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        found = connection.sql(
            f"select n, {asked} from _pairs join _first l on l.position = _pairs.l "
            "join _second r on r.position = _pairs.r"
        ).to_arrow_table()
        connection.execute("drop table _first; drop table _second")
    finally:
        connection.execute("set disabled_optimizers = ''")
        connection.unregister("_pairs")
    order = np.argsort(found["n"].to_numpy())
    return {
        sql: found[f"c{number}"].to_numpy()[order] for number, sql in enumerate(compiled.distances)
    }
