"""Rows as the archive keeps them: pseudonyms for numbers, names and addresses left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.errors import KeyringError
from analytics.pool import archive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import duckdb

    from analytics.privacy.keys import Ring
    from analytics.tables import Column, Contract

USE = "archive"  # what pseudonyms in the archive are keyed for


def protect(
    connection: duckdb.DuckDBPyConnection,
    accepted: pa.Table,
    contract: Contract,
    mark: str,
    day: date,
    ring: Ring | None,
) -> pa.Table:
    """
    Make a delivery's part of the archive.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    accepted : pyarrow.Table
        Sound rows, as intake gives them.
    contract : Contract
    mark : str
        What rows of the delivery carry.
    day : date
        Day the delivery is for.
    ring : Ring, optional
        The study's keys.

    Returns
    -------
    pyarrow.Table
        As `archive.schema` says, ordered by content: one set of rows gives one part, in
        whatever order they came.

    Raises
    ------
    KeyringError
        If a column names persons and there is no key.
    """
    kept = _kept(accepted, (c for c in contract.columns if c.archived != "withheld"), ring)
    rows = pa.table({**kept, "withdrawn": accepted["withdrawn"]})
    connection.register("_kept", rows)
    try:
        named = connection.execute(
            f"SELECT {name_of(contract.key)} AS record, "  # noqa: S608
            f"{name_of([*kept, 'withdrawn'])} AS version, "
            "? AS delivery, ?::DATE AS for_date, * FROM _kept ORDER BY record, version",
            [mark, day],
        ).to_arrow_table()
    finally:
        connection.unregister("_kept")
    target = archive.schema(contract)
    return named.select(target.names).cast(target)


def keyed(accepted: pa.Table, contract: Contract, ring: Ring | None) -> pa.Table:
    """Natural keys of rows as the archive keeps them, from which `name_of` makes their names."""
    return pa.table(_kept(accepted, (contract[name] for name in contract.key), ring))


def name_of(columns: Iterable[str]) -> str:
    """Say in SQL what a row is called that has these values, as the archive keeps them."""
    said = [f"coalesce(\"{column}\"::VARCHAR, '\x1e')" for column in columns]
    return f"left(sha256(concat_ws('\x1f', {', '.join(said)})), 32)"


def _kept(
    accepted: pa.Table, columns: Iterable[Column], ring: Ring | None
) -> dict[str, pa.ChunkedArray]:
    return {
        column.name: _pseudonyms(accepted, column.name, ring)
        if column.archived == "pseudonym"
        else accepted[column.name]
        for column in columns
    }


def _pseudonyms(accepted: pa.Table, name: str, ring: Ring | None) -> Any:
    from analytics.privacy import pseudonyms

    if ring is None:
        raise KeyringError(f"column '{name}' names persons, and there is no key")
    values = pc.cast(accepted[name], pa.string())
    if name == "id_number":
        kinds = pc.cast(accepted["document"], pa.string())
        return pseudonyms.pseudonymise(values, ring, USE, kinds)
    return pseudonyms.key(values.combine_chunks(), ring, use_of(name))


def use_of(column: str) -> str:
    """Name what a column's pseudonyms are keyed for in the archive; phones of all columns agree."""
    if column == "id_number":
        return USE
    return f"{USE}:phone" if "phone" in column else f"{USE}:{column}"
