"""Candidate pairs and their weights under a stored model, night after night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from analytics.errors import ContractError
from analytics.pool.linkage import model as definition

if TYPE_CHECKING:
    import duckdb

FREQUENCIES = ("name", "county")
CAP = 60
"""A key shared by more records than this says nothing about persons and is not blocked on."""


def prepare(
    connection: duckdb.DuckDBPyConnection, records: str, into: str, *, first_position: int = 0
) -> None:
    """
    Give standard records their positions and blocking keys.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `records` and, if there is one, the store.
    records : str
        Table of :func:`analytics.pool.linkage.standardise`.
    into : str
        Table to make: `position`, the standard columns and `block_*`.
    first_position : int
        Position of the first record; the others follow by department and record, so that the
        order they came in changes nothing.
    """
    keys = ", ".join(
        f"if({sql} is null, null, hash({sql})) as block_{name}"
        for name, sql in definition.BLOCKING_KEYS.items()
    )
    connection.execute(
        f"create or replace temp table {into} as "
        f"select row_number() over (order by department, record) - 1 + {first_position} "
        f"as position, {records}.*, {keys} "
        f"from {records}"
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
        Table of :func:`prepare`, changed in place.
    others : str, optional
        The store's records, whose use of a key counts too.

    Returns
    -------
    dict
        Key to number of records of `records` that are not blocked on it any more.
    """
    counted = {}
    for name in definition.BLOCKING_KEYS:
        key = f"block_{name}"
        both = f"select {key} from {records} where {key} is not null"
        if others:
            both += f" union all select {key} from {others} semi join {records} using ({key})"
        row = connection.execute(
            f"update {records} set {key} = null where {key} in "
            f"(select {key} from ({both}) group by {key} having count(*) > {CAP})"
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
        Tables of :func:`prepare`; see also :func:`count_frequencies`.
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
    """
    from splink import DuckDBAPI, Linker

    from analytics.pool.linkage.training import quiet

    with quiet():
        try:
            api = DuckDBAPI(connection=connection)
            ours = api.register(records)
            linker = Linker(ours, dict(model.settings), log_level=None, validate_settings=False)
            for column in FREQUENCIES:
                linker.table_management.register_term_frequency_lookup(
                    api.register(f"frequency_{column}"), column
                )
            if others is None:
                made = linker.inference.predict_within(
                    ours, threshold_match_weight=lowest, warning_mode="never"
                )
            else:
                made = linker.inference.predict_between(
                    ours,
                    api.register(others),
                    threshold_match_weight=lowest,
                    warning_mode="never",
                )
            found = connection.execute(
                'select position_l as "left", position_r as "right", match_weight as weight '
                f"from {made.physical_name}"
            ).to_arrow_table()
            made.drop_table_from_database_and_remove_from_cache()
        except Exception as error:  # noqa: BLE001 - Splink's own carry SQL and values
            raise ContractError(
                "records cannot be compared under the stored model",
                [type(error).__name__],
                "train it anew: `workbench link --train`",
            ) from None
    return found
