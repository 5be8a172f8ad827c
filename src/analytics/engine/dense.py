"""
Counting by a key of few values: one array cell per key, where a hash table thrashes.

Fifty million trips fall on millions of cells of origin, destination, day and channel. A hash
table of them fits no cache, so that each row costs a miss and, beyond the memory limit, a spill;
an array addressed by the key's position costs one addition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

MOST_CELLS = 16_000_000
"""128 MB of counts; a key with more possible values is left to the engine's hash table."""
ROWS_AT_ONCE = 1_000_000


@ibis.udf.scalar.builtin(name="list_position")  # type: ignore[untyped-decorator]
def _position(values: list[str], value: str) -> int:  # type: ignore[empty-body,unused-ignore]
    """Place of a text among some, from 1; DuckDB looks each dictionary entry up once."""


def count(table: ir.Table, by: Sequence[str], connection: Any) -> pa.Table | None:
    """
    Count rows by key in an array over all possible keys.

    Parameters
    ----------
    table : ibis.Table
        DuckDB's. It is read once for each column of the key and once for the count.
    by : sequence of str
        Columns of text or dates.
    connection : ibis.BaseBackend
        DuckDB's.

    Returns
    -------
    pyarrow.Table or None
        Columns `by` and ``count`` (int64), one row per key that occurs, sorted by key with gaps
        first; None where a column is neither text nor date or the cells would be too many.
    """
    if not all(table[key].type().is_string() or table[key].type().is_date() for key in by):
        return None
    found = {key: table.select(key).distinct().to_pyarrow()[key].combine_chunks() for key in by}
    values = {key: _run(column.drop_null().sort()) for key, column in found.items()}
    shape = [len(column) + 1 for column in values.values()]
    if np.prod(shape, dtype=float) > MOST_CELLS:
        return None
    cell: Any = 0
    for key, size in zip(by, shape, strict=True):
        cell = cell * size + _place(table[key], values[key]).fill_null(0)
    counts = np.zeros(np.prod(shape, dtype=int), dtype=np.int64)
    cells = table.select(cell=cell.cast("int32"))
    for batch in connection.to_pyarrow_batches(cells, chunk_size=ROWS_AT_ONCE):
        np.add.at(counts, batch["cell"].to_numpy(), 1)
    found_cells = np.flatnonzero(counts)
    parts = [
        _rows(found_cells[start : start + ROWS_AT_ONCE // 4], counts, values)
        for start in range(0, max(len(found_cells), 1), ROWS_AT_ONCE // 4)
    ]
    return pa.Table.from_batches(parts)


def _rows(cells: Any, counts: Any, values: dict[str, pa.Array]) -> pa.RecordBatch:
    """Keys of some cells, and their counts."""
    columns: dict[str, Any] = {}
    rest = cells
    for key, known in reversed(values.items()):
        rest, place = np.divmod(rest, len(known) + 1)
        # place 0 is a gap
        index = pa.array(place - 1, pa.int32(), mask=place == 0)
        columns[key] = pa.DictionaryArray.from_arrays(index, known)
    in_order = {key: columns[key] for key in values}
    return pa.RecordBatch.from_pydict(in_order | {"count": counts[cells]})


def _run(column: pa.Array) -> pa.Array:
    """Texts as they are; of dates every day from the first to the last, so that place is age."""
    if not pa.types.is_date(column.type) or not len(column):
        return column
    days = column.cast(pa.int32()).to_numpy()
    return pa.array(np.arange(days[0], days[-1] + 1), pa.int32()).cast(column.type)


def _place(column: Any, values: pa.Array) -> Any:
    """Place among the values, from 1; null for a gap."""
    if not len(values):
        return ibis.null("int64")
    if pa.types.is_date(values.type):
        return column.delta(ibis.literal(values[0].as_py()), unit="day") + 1
    return _position(ibis.array(values.to_pylist()), column)
