"""Rows as the archive keeps them: pseudonyms for numbers, names and addresses left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.errors import KeyringError
from analytics.pool import archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    import duckdb

    from analytics.privacy.keys import Ring
    from analytics.tables import Column, Contract

USE = "archive"  # what pseudonyms in the archive are keyed for


def protect(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[tuple[pa.Table, str, date]],
    contract: Contract,
    ring: Ring | None,
) -> list[pa.Table]:
    """
    Make deliveries' parts of the archive.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    files : sequence of tuple
        Of each delivery of the feed: sound rows, as intake gives them; what its rows carry
        as their mark; the day it is for.
    contract : Contract
    ring : Ring, optional
        The study's keys.

    Returns
    -------
    list of pyarrow.Table
        As `archive.schema` says, ordered by content: one set of rows gives one part, in
        whatever order they came and whatever else was made together with it.

    Raises
    ------
    KeyringError
        If a column names persons and there is no key.
    """
    accepted = pa.concat_tables([rows for rows, _, _ in files])
    lengths = [rows.num_rows for rows, _, _ in files]
    kept = _kept(accepted, (c for c in contract.columns if c.archived != "withheld"), ring)
    place = pa.array(np.repeat(np.arange(len(files)), lengths))
    rows = pa.table({**kept, "withdrawn": accepted["withdrawn"], "_file": place})
    connection.register("_kept", rows)
    try:
        named = connection.execute(
            f"SELECT {name_of(contract.key)} AS record, "  # noqa: S608
            f"{name_of([*kept, 'withdrawn'])} AS version, "
            "* EXCLUDE (_file) FROM _kept ORDER BY _file, record, version"
        ).to_arrow_table()
    finally:
        connection.unregister("_kept")
    target = archive.schema(contract)
    parts, first = [], 0
    for (_, mark, day), length in zip(files, lengths, strict=True):
        own = named.slice(first, length)
        own = own.append_column("delivery", pa.repeat(pa.scalar(mark), length))
        own = own.append_column("for_date", pa.repeat(pa.scalar(day, pa.date32()), length))
        parts.append(own.select(target.names).cast(target).combine_chunks())
        first += length
    return parts


def keyed(accepted: pa.Table, contract: Contract, ring: Ring | None) -> pa.Table:
    """
    Give the natural keys of rows as the archive keeps them; `name_of` makes rows' names of them.

    Parameters
    ----------
    accepted : pyarrow.Table
        Rows of the contract, as delivered.
    contract : Contract
    ring : Ring or None
        Keys of the pseudonyms; None where the feed names nobody.

    Returns
    -------
    pyarrow.Table
        Columns of the contract's key, as many rows.
    """
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
