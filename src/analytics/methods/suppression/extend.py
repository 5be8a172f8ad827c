"""
Hide further cells where a released set of tables would still tell, for any shape of table.

Slower than the circulation of ``network`` and not claimed to be the fewest; used for tables
of three dimensions or two hierarchies, and where earlier releases bind the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from analytics.methods.suppression.attack import Integers, Knowledge, Mask

_NOTICEABLE = 1e-6


@dataclass(frozen=True)
class Cells:
    """A table's cells over groups, their values, and which may be hidden at what cost."""

    sums: sparse.csr_array
    values: Integers
    hidden: Mask
    candidate: Mask
    weight: np.ndarray


def extend(
    cells: Cells,
    earlier: Knowledge,
    question: sparse.csr_array,
    goal: int,
    *,
    upward: bool = True,
) -> Mask | None:
    r"""
    Hide the cells that let one questioned sum reach a goal with least disturbance.

    Parameters
    ----------
    cells : Cells
        The table about to be released.
    earlier : Knowledge
        What no hiding can take back.
    question : (1, groups) matrix
        The sum an attacker proves too much about.
    goal : int
        Value it must be able to reach.
    upward : bool
        Whether to reach it from below.

    Returns
    -------
    (cells,) bool or None
        Hidden cells, a superset of those hidden before; None if no hiding suffices.

    Notes
    -----
    :math:`\\min \\sum_i w_i (u_i + d_i)` with :math:`M_i z = v_i + u_i - d_i` over published
    candidates, :math:`M_i z = v_i` over published others, :math:`z \\ge 0`, earlier sums kept
    and :math:`q^\\top z \\ge g`; the cells with :math:`u_i + d_i > 0` are hidden (the linear
    relaxation of Kelly, Golden and Assad 1992, Networks 22, 397-417).
    """
    shown = ~cells.hidden
    firm, soft = np.flatnonzero(shown & ~cells.candidate), np.flatnonzero(shown & cells.candidate)
    groups, count = cells.sums.shape[1], len(soft)
    equal, known = _firm(cells, earlier, firm, soft)
    kept = earlier.lower == earlier.upper
    loose = earlier.sums[~kept]
    sign = -1 if upward else 1
    below = sparse.csr_array(sparse.vstack([sign * question, loose, -loose]))
    most = np.concatenate([[sign * goal], earlier.upper[~kept], -earlier.lower[~kept]])
    price = cells.weight[soft] / np.clip(cells.values[soft], 1, max(goal, 1))
    answer = linprog(
        np.concatenate([np.zeros(groups), price, price]),
        A_ub=sparse.hstack([below, sparse.csr_array((below.shape[0], 2 * count))], format="csr"),
        b_ub=most,
        A_eq=equal,
        b_eq=known,
        method="highs",
    )
    if answer.status != 0:
        return None
    moved = answer.x[groups : groups + count] + answer.x[groups + count :] > _NOTICEABLE
    hidden = cells.hidden.copy()
    hidden[soft[moved]] = True
    return hidden


def _firm(
    cells: Cells, earlier: Knowledge, firm: Integers, soft: Integers
) -> tuple[sparse.csr_array, Integers]:
    """Exact figures over groups and the rises and falls of the cells that may be hidden."""
    count = len(soft)
    identity = sparse.eye_array(count)
    kept = earlier.lower == earlier.upper
    equal = sparse.block_array(
        [
            [cells.sums[firm], sparse.csr_array((len(firm), 2 * count))],
            [cells.sums[soft], sparse.hstack([-identity, identity])],
            [earlier.sums[kept], sparse.csr_array((int(kept.sum()), 2 * count))],
        ],
        format="csr",
    )
    known = np.concatenate([cells.values[firm], cells.values[soft], earlier.lower[kept]])
    return sparse.csr_array(equal), known
