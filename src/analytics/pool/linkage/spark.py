"""Candidate pairs and their weights on Spark, by Splink, under the same stored model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analytics.errors import ContractError, interrupted
from analytics.pool.linkage import scoring
from analytics.pool.linkage.training import quiet

if TYPE_CHECKING:
    import duckdb

    from analytics.pool.linkage.model import Model

_HAMMING = """
create or replace temporary function hamming(a string, b string) returns int return
abs(length(a) - length(b)) +
size(filter(sequence(1, length(a)), i -> substr(a, i, 1) <> substr(b, i, 1)))
"""


def compare(
    session: Any,
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    records: str,
    others: str | None,
    *,
    lowest: float = -5.0,
) -> pa.Table:
    """
    Weigh the candidate pairs on Spark; see :func:`analytics.pool.linkage.scoring.compare`.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        With Splink's jar of similarity functions on its class path, as
        :func:`analytics.engine.connect` puts it there.
    connection : duckdb.DuckDBPyConnection
        Holds the standard records.
    model : Model
    records : str
    others : str, optional
    lowest : float
        These four as there.

    Returns
    -------
    pyarrow.Table
        `left`, `right` (positions), `weight` [bits]. The same pairs and weights.

    Raises
    ------
    ContractError
        The records cannot be compared under this model; no value is shown.

    Notes
    -----
    Damerau's distance comes from the jar; Hamming's, which the jar lacks, is a function written in
    Spark's SQL. Spilled and shuffled files are encrypted by the session.
    """
    with quiet():
        try:
            return _compared(session, connection, model, (records, others), lowest)
        except Exception as error:
            if interrupted(error):
                raise
            # Spark's own carry SQL and values
            raise ContractError(
                "records cannot be compared on Spark under the stored model",
                [type(error).__name__],
                "train it anew: `workbench link --train`; see docs/linkage.md for Spark",
            ) from None


def _compared(
    session: Any,
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    tables: tuple[str, str | None],
    lowest: float,
) -> pa.Table:
    from splink import Linker
    from splink.backends.spark import SparkAPI

    session.sql(_HAMMING)
    opened: Any = SparkAPI
    api = opened(spark_session=session, break_lineage_method="persist")
    records, others = tables
    ours = api.register(_brought(session, connection, records))
    linker = Linker(ours, dict(model.settings), log_level=None, validate_settings=False)
    for column in scoring.FREQUENCIES:
        shares = connection.execute(f"from frequency_{column}").to_arrow_table()
        linker.table_management.register_term_frequency_lookup(
            api.register(session.createDataFrame(shares)), column
        )
    kept: Any = {"threshold_match_weight": lowest, "warning_mode": "never"}
    if others is None:
        made = linker.inference.predict_within(ours, **kept)
    else:
        theirs = api.register(_brought(session, connection, others))
        made = linker.inference.predict_between(ours, theirs, **kept)
    found = session.sql(
        f"select position_l as `left`, position_r as `right`, match_weight as weight "
        f"from {made.physical_name}"
    ).toArrow()
    for name in ("left", "right"):
        found = found.set_column(found.column_names.index(name), name, found[name].cast(pa.int64()))
    session.catalog.clearCache()
    return found


def _brought(session: Any, connection: duckdb.DuckDBPyConnection, records: str) -> Any:
    """Bring standard records and their keys to Spark; unsigned keys do not exist there."""
    return session.createDataFrame(
        connection.execute(
            f"select r.*, k.* exclude (position, source) replace "
            f"({', '.join(f'(k.{key} >> 1)::bigint as {key}' for key in scoring.KEYS)}) "
            f"from {records} r join {records}_keys k using (position)"
        ).to_arrow_table()
    )
