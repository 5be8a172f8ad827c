"""From the linear programme's point to whole parties: households first, then single persons."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.methods.allocation.problem import Floats, Integers
from analytics.methods.solver import OutOfTime, require_point

if TYPE_CHECKING:
    from analytics.methods.allocation.programme import Programme

_CLOSE = 1e-5
_WIDTHS = (1, 4)  # how wide to look, one after the other
_OF_SEVERAL, _OF_ONE = 10, 4  # columns an option may choose from, on average
_FEW = 50  # options to whom at least so many columns belong
_ALL = 3_000  # parties up to which nothing is held and the caller searches the whole at once


def find(
    programme: Programme, point: Floats, reduced: Floats, bound: float, end: float,
    tolerance: float,
) -> tuple[Integers, float]:  # fmt: skip
    """
    Round the linear programme's point to whole parties.

    Parameters
    ----------
    programme : Programme
        Costs, room and parties.
    point, reduced : array (options, sites)
        Solution of the linear programme and reduced costs.
    bound : float
        Its lower bound.
    end : float
        Moment (monotonic clock) to stop at.
    tolerance : float
        Relative gap that is good enough.

    Returns
    -------
    sent : array (options, sites)
        Parties sent; nobody where there are few, since all are searched over at once.
    cost : float
        Cost, parties without a place and unfairness included.

    Notes
    -----
    Households that the point sends whole stay where it sends them. Those it splits, few, and
    all single persons are solved anew over the columns of least reduced cost: single persons
    make room for households almost for nothing, and once the households stand they are a
    flow (`flow`), so only the split households are searched over
    (relaxation induced neighbourhood: Danna, Rothberg and Le Pape 2005, Mathematical
    Programming 102:71-90).
    """
    if int(programme.parties.count.sum()) <= _ALL:
        return np.zeros(point.shape, np.int64), float(programme.slack @ programme.parties.count)
    owner = programme.parties.option
    several = (programme.parties.size > 1)[owner]
    stays = np.where(several[:, None], np.floor(point + _CLOSE), 0).astype(np.int64)
    rest = programme.rest(stays)
    open_ = np.where(rest.count[owner][:, None] > 0, reduced, np.inf)
    for place in range(rest.limit.shape[1]):
        open_[programme.use[:, place][:, None] > rest.limit[:, place][None, :]] = np.inf
    spent = float(programme.cost[stays > 0] @ stays[stays > 0])
    best, cost = stays, spent + float(programme.slack @ rest.count)
    for width in _WIDTHS:
        among = np.zeros(programme.cost.shape, bool)
        for kind, columns in ((several, _OF_SEVERAL), (~several, _OF_ONE)):
            options = max(int(np.isfinite(open_[kind]).any(axis=1).sum()), _FEW)
            among[kind] = _least(open_[kind], width * columns * options)
        try:
            found = programme.whole(among, rest, None, end - time.monotonic(), tolerance / 2)
        except OutOfTime:
            continue  # out of time without a point
        if spent + found.cost < cost:
            best, cost = stays + found.sent, spent + found.cost
        if cost - bound <= tolerance * abs(cost) + _CLOSE or time.monotonic() > end:
            break
    return best, cost


def flow(model: Any, point: Floats, stand: Integers) -> tuple[Floats, float]:
    """
    Send single persons anew, households standing still.

    Parameters
    ----------
    model : highspy.Highs
        A whole-number programme that was solved; it becomes a linear one.
    point : array (columns,)
        Its point, whole in `stand`.
    stand : array of int
        Columns of households.

    Returns
    -------
    point : array (columns,)
        A vertex, so whole in every column.
    cost : float
        Its cost.

    Raises
    ------
    SolverError
        If the flow ended in any other state than optimal or feasible.

    Notes
    -----
    Class, then pool of a site, then staff of a site: the limits single persons meet are nested,
    so their rows are those of a network and vertices are whole (Hoffman and Kruskal 1956,
    Linear Inequalities and Related Systems, 223-246).
    """
    import highspy

    model.changeColsIntegrality(
        len(point), np.arange(len(point), dtype=np.int32),
        np.full(len(point), int(highspy.HighsVarType.kContinuous), np.uint8),
    )  # fmt: skip
    whole = np.rint(point[stand])
    model.changeColsBounds(len(stand), stand.astype(np.int32), whole, whole)
    model.setOptionValue("solver", "simplex")
    model.setOptionValue("time_limit", np.inf)  # a point is at hand; to make it whole is short
    model.run()
    require_point(model, "the flow of single persons")
    vertex = np.asarray(model.getSolution().col_value)
    return vertex, float(model.getInfo().objective_function_value)


def _least(reduced: Floats, many: int) -> np.ndarray:
    """Mark the columns of least reduced cost."""
    if not reduced.size:
        return np.zeros(reduced.shape, bool)
    few = min(many, reduced.size) - 1
    width = float(np.partition(reduced, few, axis=None)[few])
    least: np.ndarray = np.isfinite(reduced) & (reduced <= width)
    return least
