"""
Faults of daily practice, put into sound rows at stated rates.

Rates are shares of cells, drawn independently per row; a changed phone is drawn once per
person and department, so that one department goes on using the old number. Cells a contract
requires are never blanked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics import tables
from analytics.simulation import names
from analytics.simulation.draws import BoolArray, IntArray, stream
from analytics.simulation.world import Rows

if TYPE_CHECKING:
    from analytics.simulation.scenario import Dirt

_WIDE = 0xFEE0  # from a digit to its full-width form
_NEW = 10**8  # first place of the phone numbers people changed to


def soil(rows: Rows, rates: Dirt, persons: int, seed: int) -> Rows:
    """
    Put faults into a feed's rows.

    Parameters
    ----------
    rows : Rows
        Sound rows.
    rates : Dirt
        Shares of cells.
    persons : int
        Persons of the province.
    seed : int
        Same seed, same faults.
    """
    contract = tables.contract(rows.feed)
    table, about = rows.table, rows.person
    generator = stream(seed, "dirt", rows.feed)
    size = about.size

    def draw(rate: float) -> BoolArray:
        return generator.random(size) < rate

    held = {column.name for column in contract.columns}
    if "phone" in held and rates.changed_phone and (about >= 0).any():
        changed = stream(seed, "phones", contract.department).random(persons) < rates.changed_phone
        mine = (about >= 0) & changed[np.maximum(about, 0)]
        table = _put(table, "phone", mine, names.phones(_NEW + about[mine]))
    if "name" in held and "id_number" in held:
        table = _edit(table, "name", draw(rates.name_error), _misspell, generator)
    if "id_number" in held:
        table = _edit(table, "id_number", draw(rates.old_id), _shorten, generator)
        table = _edit(table, "id_number", draw(rates.id_error), _mistype, generator)
        table = _edit(table, "id_number", draw(rates.full_width), _widen, generator)
    if "phone" in held:
        table = _edit(table, "phone", draw(rates.phone_error), _mistype, generator)
        table = _edit(table, "phone", draw(rates.full_width), _widen, generator)
    missing = {
        "id_number": rates.id_missing.get(contract.department, 0.0),
        "phone": rates.phone_missing,
        "address": rates.address_missing,
    }
    for name, rate in missing.items():
        gone = draw(rate)
        if name in held and not contract[name].required:
            table = _put(table, name, gone, pa.nulls(int(gone.sum()), pa.string()))
    return Rows(rows.feed, rows.day, about, table)


def _put(table: pa.Table, name: str, where: BoolArray, values: Any) -> pa.Table:
    column = pc.replace_with_mask(table[name].combine_chunks(), pa.array(where), values)
    return table.set_column(table.column_names.index(name), name, column)


def _edit(
    table: pa.Table, name: str, where: BoolArray, change: Any, generator: np.random.Generator
) -> pa.Table:
    """Change the texts of some rows as matrices of characters."""
    column = table[name].combine_chunks()
    where = where & ~column.is_null().to_numpy(zero_copy_only=False)
    if not where.any():
        return table
    some = column.filter(pa.array(where)).to_numpy(zero_copy_only=False).astype("U")
    letters = np.ascontiguousarray(some).view(np.uint32).reshape(some.size, -1).copy()
    changed = change(letters, generator)
    texts = np.ascontiguousarray(changed).view(f"U{changed.shape[1]}").reshape(-1)
    return _put(table, name, where, pa.array(texts, pa.string()))


def _length(letters: Any) -> IntArray:
    found: IntArray = (letters > 0).sum(axis=1)
    return found


def _mistype(letters: Any, generator: np.random.Generator) -> Any:
    """One wrong digit, or two neighbouring ones swapped; the first three stay."""
    size, row = _length(letters), np.arange(len(letters))
    at = 3 + (generator.random(row.size) * np.maximum(size - 4, 1)).astype(np.int64)
    at = np.minimum(at, size - 2)
    digit = letters[row, at]
    turn = generator.integers(1, 10, row.size)
    numeric = (digit >= ord("0")) & (digit <= ord("9"))
    other = np.where(numeric, ord("0") + (digit.astype(np.int64) - ord("0") + turn) % 10, digit)
    swap = generator.random(row.size) < 0.4
    after = letters[row, at + 1]
    swap &= after != digit
    letters[row, at] = np.where(swap, after, other)
    letters[row, at + 1] = np.where(swap, digit, after)
    return letters


def _misspell(letters: Any, generator: np.random.Generator) -> Any:
    """One character after the first replaced by another of its kind."""
    size, row = _length(letters), np.arange(len(letters))
    at = np.minimum(1 + (generator.random(row.size) * (size - 1)).astype(np.int64), size - 1)
    latin = letters[:, 0] < 128
    given = np.array([ord(c) for c in names.MALE + names.FEMALE], dtype=np.uint32)
    small = np.array([ord(c) for c in "aeiounrs"], dtype=np.uint32)
    letters[row, at] = np.where(
        latin,
        small[generator.integers(0, small.size, row.size)],
        given[generator.integers(0, given.size, row.size)],
    )
    return letters


def _widen(letters: Any, _: np.random.Generator) -> Any:
    digits = (letters >= ord("0")) & (letters <= ord("9"))
    return np.where(digits, letters + np.uint32(_WIDE), letters).astype(np.uint32)


def _shorten(letters: Any, _: np.random.Generator) -> Any:
    """Resident numbers of people born before 2000 in the 15-digit form; others stay."""
    if letters.shape[1] < 18:
        return letters
    century = (letters[:, 6] == ord("1")) & (letters[:, 7] == ord("9")) & (_length(letters) == 18)
    century &= (letters[:, 0] >= ord("1")) & (letters[:, 0] <= ord("9"))
    old = np.zeros_like(letters)
    old[:, :6], old[:, 6:15] = letters[:, :6], letters[:, 8:17]
    return np.where(century[:, None], old, letters)
