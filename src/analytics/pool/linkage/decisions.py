"""What somebody found out about pairs of records, and how it goes before every weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analytics.methods import matching

if TYPE_CHECKING:
    import duckdb

DECIDED = pa.schema(
    [
        ("department_left", pa.string()),
        ("record_left", pa.string()),
        ("department_right", pa.string()),
        ("record_right", pa.string()),
        ("together", pa.bool_()),
    ]
)
"""Pairs that somebody looked into: one person, or two."""


def leaving(connection: duckdb.DuckDBPyConnection) -> None:
    """
    Make the table `leaving` (`department`, `record`): records that do not stay with their person.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store and `decided`, a table of the schema `DECIDED`. Of a stored pair that
        shares a person and was found to be two, the second record leaves.
    """
    connection.execute(
        "create or replace temp table leaving as select distinct r.department, r.record "
        "from decided d join store.main.RECORDS l "
        "on l.department = d.department_left and l.record = d.record_left "
        "join store.main.RECORDS r on r.department = d.department_right "
        "and r.record = d.record_right where not d.together and l.person = r.person"
    )


def ruled(
    connection: duckdb.DuckDBPyConnection, links: pa.Table, first: int, *, known: bool
) -> tuple[pa.Table, tuple[matching.Whole, matching.Whole]]:
    """
    Links as somebody decided on them, and the pairs that are two people.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `decided`, the night's `batch` and, if `known`, the `kept` records of the store.
    links : pyarrow.Table
        `left`, `right` (positions), `weight` [bits].
    first : int
        Position of the batch's first record.
    known : bool
        Whether there is a store.

    Returns
    -------
    links : pyarrow.Table
        Without pairs decided on; those found to be one person are there with a certain weight,
        unless they share a person already.
    apart : pair of array of int
        Positions of the pairs found to be two people.
    """
    places = f"select department, record, rowid + {first} as position, null as person from batch"
    if known:
        places += " union all select department, record, position, person from kept"
    decided = connection.sql(
        f"with place as ({places}) select l.position::bigint as one, r.position::bigint as other, "
        "d.together, coalesce(l.person = r.person, false) as held from decided d "
        "join place l on l.department = d.department_left and l.record = d.record_left "
        "join place r on r.department = d.department_right and r.record = d.record_right"
    ).to_arrow_table()
    if not decided.num_rows:
        return links, (np.empty(0, np.int64), np.empty(0, np.int64))
    one, other = decided["one"].to_numpy(), decided["other"].to_numpy()
    together = decided["together"].to_numpy()
    left, right = links["left"].to_numpy(), links["right"].to_numpy()
    size = int(max(each.max(initial=0) for each in (one, other, left, right))) + 1
    pairs = np.minimum(left, right) * size + np.maximum(left, right)
    ruled = np.minimum(one, other) * size + np.maximum(one, other)
    joins = together & ~decided["held"].to_numpy()
    made = pa.table({
        "left": one[joins], "right": other[joins],
        "weight": np.full(int(joins.sum()), matching.CERTAIN),
    })  # fmt: skip
    open_links = links.filter(pa.array(~np.isin(pairs, ruled)))
    return pa.concat_tables([open_links, made]), (one[~together], other[~together])
