"""From the linear programme's point to whole parties: round, then look around, place by place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.errors import SolverError
from analytics.methods.allocation.problem import Floats, Integers

if TYPE_CHECKING:
    from analytics.methods.allocation.programme import Programme

_CLOSE = 1e-5
_PARTIES = 300  # parties let go at once, about
_FEW = 3_000  # parties up to which the whole is solved at once, by the caller
_COLUMNS = 8  # columns a party let go may choose from, on average
_SECONDS = 15.0  # longest time of one small programme
_PASSES = 10
_LITTLE = 0.1  # share of the gap a pass must close for another one
_COARSE = 2e-3  # relative gap of the first small programmes
_PROFILE = 200  # rows of the distances that tell which sites are near each other


def find(
    programme: Programme, point: Floats, reduced: Floats, bound: float, end: float,
    tolerance: float,
) -> tuple[Integers, float]:  # fmt: skip
    """
    Round the linear programme's point and improve it until its gap is as asked.

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
        Parties sent.
    cost : float
        Cost, parties without a place and unfairness included.

    Notes
    -----
    Whole parts stay; what the point splits, and what stands at a group of neighbouring
    sites, is solved anew as a small whole-number programme, group after group (large
    neighbourhood search: Shaw 1998, CP98, LNCS 1520:417-431). A group's answer is taken only
    if it costs no more.
    """
    sent = np.floor(point + _CLOSE).astype(np.int64)
    free = programme.parties.count - _sent(programme, sent)
    everyone = np.ones(programme.sites, bool)
    sent, cost = _again(programme, sent, free, everyone, reduced, 4 * _COLUMNS, _COARSE)
    rng = np.random.default_rng(0)
    for _ in range(_PASSES):
        before = cost
        for near in _groups(programme, rng):
            gap = cost - bound
            if gap <= tolerance * abs(cost) + _CLOSE or time.monotonic() > end:
                return sent, cost
            held = np.where(near[None, :], sent, 0)
            let_go = sent - held
            free = programme.parties.count - _sent(programme, let_go)
            fine = float(np.clip(gap / abs(cost) / 8, tolerance / 2, _COARSE))
            new, reached = _again(programme, let_go, free, near, reduced, _COLUMNS, fine, held)
            if reached <= cost + _CLOSE:
                sent, cost = new, reached
        if before - cost < _LITTLE * (before - bound):
            break  # a pass that found little: the whole programme goes on from here
    return sent, cost


def _sent(programme: Programme, sent: Integers) -> Integers:
    """Parties of each class that are sent somewhere."""
    many: Integers = np.bincount(
        programme.parties.option, sent.sum(axis=1), programme.classes
    ).astype(np.int64)
    return many


def _again(
    programme: Programme, stays: Integers, free: Integers, near: Any, reduced: Floats,
    columns: int, tolerance: float, start: Integers | None = None,
) -> tuple[Integers, float]:  # fmt: skip
    """Solve anew for parties let go at some sites; the others stay. Cost of the whole."""
    from analytics.methods.allocation.programme import Rest

    owner = programme.parties.option
    site = np.flatnonzero(near)
    option = np.flatnonzero(free[owner] > 0)
    limit = np.zeros_like(programme.limit)
    limit[site] = programme.limit[site] - (stays[:, site].T @ programme.use).astype(np.int64)
    block = reduced[np.ix_(option, site)].copy()
    for place in range(limit.shape[1]):
        block[programme.use[option, place][:, None] > limit[site, place][None, :]] = np.inf
    finite = np.isfinite(block)
    few = min(columns * max(int(free.sum()), 50), block.size) - 1
    width = float(np.partition(block, few, axis=None)[few]) if block.size else 0.0
    among = np.zeros(programme.cost.shape, bool)
    among[np.ix_(option, site)] = finite & (block <= width)
    if start is not None:
        among |= start > 0
    spent = programme.cost[stays > 0] @ stays[stays > 0]
    try:
        found = programme.whole(
            among, Rest(free, limit, programme.travelled(stays)), start, _SECONDS, tolerance
        )
    except SolverError:
        return stays, float("inf") if start is not None else float(spent + programme.slack @ free)
    return stays + found.sent, float(spent + found.cost)


def _groups(programme: Programme, rng: np.random.Generator) -> list[Any]:
    """Part the sites into groups of neighbours, each with about the same number of parties."""
    count = int(programme.parties.count.sum())
    size = max(1, round(programme.sites * _PARTIES / max(count, 1)))
    if count <= _FEW or size >= programme.sites:
        return []
    rows = rng.permutation(len(programme.distance))[:_PROFILE]
    profile = programme.distance[rows].T
    left = np.ones(programme.sites, bool)
    groups = []
    while left.any():
        seed = rng.choice(np.flatnonzero(left))
        far = np.where(left, ((profile - profile[seed]) ** 2).sum(axis=1), np.inf)
        near = np.zeros(programme.sites, bool)
        near[np.argsort(far, kind="stable")[: min(size, int(left.sum()))]] = True
        groups.append(near)
        left &= ~near
    return groups
