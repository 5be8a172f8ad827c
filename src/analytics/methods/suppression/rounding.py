"""Rounding a table to multiples of a base, at random cell by cell or with sums kept."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from analytics.errors import DisclosureError

Integers = NDArray[np.int64]


def random_rounding(values: Integers, base: int, key: bytes, cells: Sequence[str]) -> Integers:
    """
    Round every cell up or down at random without bias, the same way each time.

    Parameters
    ----------
    values : (cells,) int
        Counts, not negative.
    base : int
        Base, at least 2.
    key : bytes
        Secret that draws the roundings: who knows it could undo them.
    cells : sequence of str
        What each cell is (population, day, place ...): one name, one rounding.

    Returns
    -------
    (cells,) int
        Neighbouring multiples of the base; multiples stay as they are.

    Notes
    -----
    A count with remainder r goes up with probability r / base, so its expectation is kept
    (Hundepool et al. 2012, section 5.4.2). The draw is HMAC-SHA-256 of the cell's name.
    """
    return (values // base + _draws(key, cells, base, values % base)) * base


def controlled_rounding(
    values: Integers, sums: sparse.csr_array, base: int, key: bytes, cells: Sequence[str]
) -> Integers:
    """
    Round all cells to neighbouring multiples so that the margins stay true sums.

    Parameters
    ----------
    values : (cells,) int
        Counts, not negative.
    sums : (sums, cells) matrix
        Additivity of the table: ``sums @ values`` is zero.
    base : int
        What counts become multiples of.
    key : bytes
        Secret of the draw that says which of the possible roundings is taken.
    cells : sequence of str
        Names of the cells, which the draw is made from.

    Returns
    -------
    (cells,) int
        Rounded cells with ``sums @ rounded`` zero, each less than one base from its value.

    Raises
    ------
    DisclosureError
        If the table has no such rounding (possible in three dimensions).

    Notes
    -----
    Zero-restricted controlled rounding (Cox 1987, *JASA* 82, 520-524): always possible for
    tables that are a circulation. Cells drawn to go up earn more for going up.
    """
    down, remainder = values // base, values % base
    wanted = _draws(key, cells, base, remainder)
    answer = milp(
        np.where(wanted > 0, -1.0, 1.0),
        constraints=LinearConstraint(sums, -(sums @ down), -(sums @ down)),
        integrality=np.ones(len(values)),
        bounds=Bounds(0, (remainder > 0).astype(float)),
    )
    if answer.x is None:
        raise DisclosureError(
            f"the table of {len(values)} cells has no controlled rounding to base {base}",
            remedy="use random rounding, or suppression",
        )
    steps: Integers = np.rint(answer.x).astype(np.int64)
    return (down + steps) * base


def _draws(key: bytes, cells: Sequence[str], base: int, remainder: Integers) -> Integers:
    """1 where a cell's keyed draw falls under its remainder."""
    draws = [
        int.from_bytes(hmac.digest(key, name.encode(), hashlib.sha256)[:8], "big") for name in cells
    ]
    return np.array(
        [d * base < int(r) << 64 for d, r in zip(draws, remainder, strict=True)], np.int64
    )
