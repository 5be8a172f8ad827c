"""Weights of many pairs at once, from whole arrays of what is known of their records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.methods import slips

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analytics.pool.linkage.conditions import Condition, Conditions, Level

    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Real = NDArray[np.float64]
    Known = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Pairs:
    """
    Pairs of rows of two sets of arrays.

    Parameters
    ----------
    ends : pair of array of int, shape (pairs,)
        Rows of the two records.
    known : pair of mapping
        What is known of the records on either side. A term is 63 bits of its value's hash, or -1;
        see :func:`rarity_of`, :func:`packed_of` and :func:`fits_of` for other names.
    answers : mapping, optional
        A distance's SQL to whether it holds; without, weights are bounded from above.
    """

    ends: tuple[Places, Places]
    known: tuple[Known, Known]
    answers: Mapping[str, Mask] | None = None
    _values: dict[tuple[int, str], NDArray[Any]] = field(
        default_factory=dict, init=False, repr=False
    )
    _masks: dict[tuple[str, bool, bool], Mask] = field(default_factory=dict, init=False, repr=False)

    def value(self, side: int, name: str) -> NDArray[Any]:
        """Give what is known of the records of one side, for each pair."""
        if (side, name) not in self._values:
            self._values[side, name] = np.take(self.known[side][name], self.ends[side])
        return self._values[side, name]

    def where(self, condition: Condition, *, wanted: bool = True, lenient: bool) -> Mask:
        """Tell where a condition is true, or false; a distance without answer holds if lenient."""
        key = (condition.sql, wanted, lenient and condition.dear)
        if key not in self._masks:
            self._masks[key] = _where(self, condition, wanted=wanted, lenient=lenient)
        return self._masks[key]


def rarity_of(column: str) -> str:
    """Name under which the rarity of a column's value is known: log2 of its share [bits]."""
    return f"rarity {column}"


def packed_of(column: str) -> str:
    """Name under which a short string is known, packed."""
    return f"packed {column}"


def fits_of(column: str) -> str:
    """Name under which is known whether a string is short and there."""
    return f"fits {column}"


def weights(conditions: Conditions, pairs: Pairs) -> tuple[Real, Mask]:
    """
    Weigh pairs.

    Parameters
    ----------
    conditions : Conditions
    pairs : Pairs

    Returns
    -------
    weight : array of float, shape (pairs,)
        Log2 odds [bits]; where distances have no answers, the most it can be.
    doubt : array of bool, shape (pairs,)
        Whether a distance decides.
    """
    total = np.full(len(pairs.ends[0]), conditions.prior)
    doubt = np.zeros(len(total), dtype=bool)
    for levels in conditions.comparisons:
        most, unsure = _most(levels, pairs)
        total += most
        doubt |= unsure
    return total, doubt


def places(levels: tuple[Level, ...], pairs: Pairs) -> NDArray[np.int8]:
    """
    Tell which level of a comparison each pair is of.

    Parameters
    ----------
    levels : tuple of Level
        One comparison.
    pairs : Pairs
        With answers.

    Returns
    -------
    array of int, shape (pairs,)
        Place of the level in the comparison.
    """
    place = np.zeros(len(pairs.ends[0]), dtype=np.int8)
    for number in range(len(levels) - 1, -1, -1):
        condition = levels[number].condition
        if condition is None:
            place[:] = number
        else:
            place[pairs.where(condition, lenient=False)] = number
    return place


def _most(levels: tuple[Level, ...], pairs: Pairs) -> tuple[Real, Mask]:
    """Weight of one comparison, the most of what distances without answers leave open."""
    most = np.zeros(len(pairs.ends[0]))
    unsure = np.zeros(len(most), dtype=bool)
    for level in reversed(levels):
        condition = level.condition
        here: Any = level.weight
        if level.rarity:
            here = level.weight - pairs.value(0, rarity_of(level.rarity))
        if condition is None:
            most[:] = here
            continue
        surely = pairs.where(condition, lenient=False)
        if condition.dear and pairs.answers is None:
            may = pairs.where(condition, lenient=True)
            np.maximum(most, here, out=most, where=may)
            unsure = (unsure | may) & ~surely
        else:
            unsure &= ~surely
        np.copyto(most, here, where=surely)
    return most, unsure


def _where(pairs: Pairs, condition: Condition, *, wanted: bool, lenient: bool) -> Mask:
    kind = condition.kind
    if kind in ("and", "or"):
        first, second = (
            pairs.where(part, wanted=wanted, lenient=lenient) for part in condition.parts
        )
        return first & second if (kind == "and") == wanted else first | second
    if kind == "not":
        return pairs.where(condition.parts[0], wanted=not wanted, lenient=lenient)
    if kind == "equal":
        first, second = (pairs.value(*term) for term in condition.terms)
        same = first == second if wanted else first != second
        return np.asarray(same & (first >= 0) & (second >= 0), dtype=np.bool_)
    true = _never_null(pairs, condition, lenient=lenient)
    return true if wanted else ~true


def _never_null(pairs: Pairs, condition: Condition, *, lenient: bool) -> Mask:
    if condition.kind == "constant":
        return pairs.where(condition.parts[0], lenient=lenient)
    if condition.kind == "constant":
        return np.full(len(pairs.ends[0]), condition.terms[0][1] == "True")
    if condition.kind in ("null", "flag"):
        value = pairs.value(*condition.terms[0])
        return value if condition.kind == "flag" else value < 0
    return _distance(pairs, condition, lenient=lenient)


def _distance(pairs: Pairs, condition: Condition, *, lenient: bool) -> Mask:
    if pairs.answers is not None:
        return pairs.answers[condition.sql]
    gate = np.ones(len(pairs.ends[0]), dtype=bool)
    for part in condition.parts:
        gate = pairs.where(part, lenient=lenient)
    if condition.limit is None:
        return gate if lenient else np.zeros_like(gate)
    return _near(pairs, condition, gate, lenient=lenient)


def _near(pairs: Pairs, condition: Condition, gate: Mask, *, lenient: bool) -> Mask:
    """Make a distance's test where both strings are short; elsewhere it may hold."""
    assert condition.limit is not None
    found = np.zeros_like(gate)
    asked = np.flatnonzero(gate)
    rows = [pairs.ends[side][asked] for side, _ in condition.terms]
    known = [pairs.known[side] for side, _ in condition.terms]
    column = condition.terms[0][1]
    left, right = (each[packed_of(column)][row] for each, row in zip(known, rows, strict=True))
    fit = known[0][fits_of(column)][rows[0]] & known[1][fits_of(column)][rows[1]]
    name, most = condition.limit
    if name == "hamming":
        near = slips.hamming(left, right) <= most
    elif most == 1:
        near = slips.one_slip(left, right)
    else:
        fit, near = np.zeros_like(fit), np.zeros_like(fit)
    found[asked] = np.where(fit, near, lenient)
    return found
