"""
What linkage errors do to capture histories, and how to take it back.

A history is a number: bit j says that list j holds the person. Cells are ordered
1 .. 2**lists - 1; the history 0 (on no list) is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ParameterError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LinkageError:
    """
    How often the linkage of the lists errs.

    Parameters
    ----------
    missed : float
        Probability that a record is not linked to its person's first record, though it
        should be; it then stands alone, as one person more.
    false : float
        Probability that a record standing alone is linked to some other person who is not
        on its list; the two then count as one person.

    Raises
    ------
    ParameterError
        If a rate is below 0, or 0.5 and above.
    """

    missed: float = 0.0
    false: float = 0.0

    def __post_init__(self) -> None:
        wrong = [
            f"{name} is {rate}"
            for name, rate in (("missed", self.missed), ("false", self.false))
            if not 0 <= rate < 0.5  # noqa: PLR2004
        ]
        if wrong:
            raise ParameterError("linkage error rates lie in [0, 0.5)", wrong)


def distort(seen: Floats, error: LinkageError) -> Floats:
    r"""
    Build the matrix that turns true histories into the ones a linkage with errors shows.

    Parameters
    ----------
    seen : array (cells,)
        Histories as linked; they tell whom a false link is likely to hit.
    error : LinkageError
        Rates of missed and false links.

    Returns
    -------
    array (cells, cells)
        Column: true history; row: history shown; entry: expected persons shown.

    Notes
    -----
    A person on lists :math:`j_1 < \dots < j_k` loses each record but the first
    independently with the rate of missed links; a lone record on list j merges with the
    rate of false links into a person whose history lacks j, drawn in proportion to the
    histories seen. With two lists this is the model of Ding and Fienberg (1994); several
    lists as Di Consiglio and Tuoto (2018) chain it.
    """
    lists = (len(seen) + 1).bit_length() - 1
    missing = np.zeros((len(seen), len(seen)))
    for history in range(1, len(seen) + 1):
        for lost, probability in _losses(history, lists, error.missed):
            kept = history & ~sum(1 << j for j in lost)
            missing[kept - 1, history - 1] += probability
            for j in lost:
                missing[(1 << j) - 1, history - 1] += probability
    merging = np.eye(len(seen))
    cells = np.arange(1, len(seen) + 1)
    for j in range(lists):
        hit = np.flatnonzero(~(cells >> j) & 1)
        share = seen[hit] / max(float(seen[hit].sum()), 1e-300)
        alone = (1 << j) - 1
        merging[alone, alone] -= error.false
        merging[hit, alone] -= error.false * share
        merging[(cells[hit] | 1 << j) - 1, alone] += error.false * share
    shown: Floats = merging @ missing
    return shown


def shuffle(true: Integers, error: LinkageError, rng: np.random.Generator) -> Integers:
    """
    Draw the histories a linkage with errors shows.

    Parameters
    ----------
    true : array (replicates, cells)
        Persons by true history.
    error : LinkageError
        Rates of missed and false links.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    array (replicates, cells)
        Persons by history shown.
    """
    cells = np.arange(1, true.shape[1] + 1)
    lists = (true.shape[1] + 1).bit_length() - 1
    shown = np.zeros_like(true)
    for history in cells:
        losses = _losses(int(history), lists, error.missed)
        drawn = rng.multinomial(true[:, history - 1], [p for _, p in losses])
        for column, (lost, _) in enumerate(losses):
            shown[:, (history & ~sum(1 << j for j in lost)) - 1] += drawn[:, column]
            for j in lost:
                shown[:, (1 << j) - 1] += drawn[:, column]
    if error.false == 0:
        return shown
    for j in range(lists):
        hit, alone = np.flatnonzero(~(cells >> j) & 1), (1 << j) - 1
        merged = rng.binomial(shown[:, alone], error.false)
        total = shown[:, hit].sum(axis=1, keepdims=True)
        share = np.where(total > 0, shown[:, hit] / np.maximum(total, 1), 1 / len(hit))
        drawn = np.minimum(rng.multinomial(merged, share), shown[:, hit])
        shown[:, alone] -= drawn.sum(axis=1)
        shown[:, hit] -= drawn
        shown[:, (cells[hit] | 1 << j) - 1] += drawn
    return shown


def restore(seen: Floats, error: LinkageError) -> Floats:
    """
    Estimate the true histories behind those seen, none negative.

    Parameters
    ----------
    seen : array (cells,)
        Persons by history as linked.
    error : LinkageError
        Rates of missed and false links.

    Returns
    -------
    array (cells,)
        Expected persons by true history, by non-negative least squares.
    """
    from scipy.optimize import nnls

    if error == LinkageError():
        return seen.copy()
    scale = 1 / np.sqrt(seen + 1)
    true: Floats = nnls(distort(seen, error) * scale[:, None], seen * scale)[0]
    return true


def _losses(history: int, lists: int, missed: float) -> list[tuple[tuple[int, ...], float]]:
    """Which records a person may lose (never the first), with probabilities."""
    later = [j for j in range(lists) if history >> j & 1][1:]
    return [
        (lost, missed ** len(lost) * (1 - missed) ** (len(later) - len(lost)))
        for size in range(len(later) + 1)
        for lost in combinations(later, size)
    ]
