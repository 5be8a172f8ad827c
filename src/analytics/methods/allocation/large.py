"""
Provinces so large that the costs of every option at every site are too many to hold.

Prices climb over the nearest sites of each option, and every column is priced in passing
(`Columns.scan`); the linear programme is solved over the few that the prices find cheapest,
and grows until every column is priced within what is asked. What it sends whole stays; the
few it splits, and the room that is left, are a small province (`programme`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytics.errors import ParameterError, SolverError
from analytics.methods.allocation import programme
from analytics.methods.allocation.columns import Columns
from analytics.methods.allocation.prices import among, ascend, of_class
from analytics.methods.allocation.problem import (
    FAMILY,
    FEMALE,
    ISOLATION,
    MALE,
    Floats,
    Integers,
    Parties,
)
from analytics.methods.allocation.programme import Solution
from analytics.methods.allocation.rows import Rest, Rows
from analytics.methods.solver import open_highs, require_point

HELD = 60_000_000  # options times sites whose costs are held at once, half a gigabyte

_SMALL = 4_000_000  # options times sites of a rest that is searched as a whole
_NEAREST = 16  # sites of an option that prices climb over
_ROUNDS = (120, 60)  # steps over the nearest sites, then over those cheapest at the prices
_PER_OPTION = 3  # columns an option has in the linear programme at first, on average
_JOINING = 4  # columns an option may gain when priced anew
_PRICED = 0.25  # share of the gap allowed that pricing may leave open
_REST = 0.01  # gap allowed of what is left, at most: nobody is left out for want of a search
_CLOSE = 1e-6


@dataclass(frozen=True)
class _Point:
    """A point of the linear programme, parties (columns,), and what is proven beside it."""

    option: Integers
    site: Integers
    parties: Floats
    prices: Floats
    bound: float


def solve(columns: Columns, unplaced: float, seconds: float, tolerance: float) -> Solution:
    """
    Send parties of a province too large to hold the cost of every column.

    Parameters
    ----------
    columns : Columns
        Parties, sites and what sending costs.
    unplaced : float
        Cost of leaving a person without a place [km].
    seconds : float
        Time after which no more columns are priced.
    tolerance : float
        Relative gap that is good enough.

    Returns
    -------
    Solution
        Parties sent, with bounds.

    Raises
    ------
    ParameterError
        If fairness between groups is asked of so many.
    SolverError
        If a linear programme ended in any other state than optimal.
    """
    if columns.policy.fairness is not None:
        raise ParameterError(
            "fairness between groups cannot be asked of so many at once",
            [f"{columns.cells:,} costs of options at sites, {HELD:,} at most"],
            "leave fairness out, or place one prefecture after the other",
        )
    end = time.monotonic() + seconds
    point = _point(columns, unplaced, end, tolerance)
    whole = np.floor(point.parties + _CLOSE).astype(np.int64)
    stays = whole > 0
    option, site, sent = point.option[stays], point.site[stays], whole[stays]
    spent = float(columns.cost(option, site) @ sent)
    rest, options = _rest(columns, option, site, sent)
    if rest.parties.count.sum():
        left = max(end - time.monotonic(), 1.0)
        again = rest.cells > min(_SMALL, HELD) and rest.parties.count.sum() < sent.sum()
        share = tolerance * point.bound / _least(rest, unplaced) / 2
        found = (solve if again else programme.solve)(
            rest, unplaced, left, min(max(share, tolerance), _REST)
        )
        option = np.concatenate([option, options[found.option]])
        site, sent = np.concatenate([site, found.site]), np.concatenate([sent, found.parties])
        spent += found.upper
    return Solution(
        option, site, sent, spent, min(point.bound, spent), point.prices, columns.cells,
        len(point.option),
    )  # fmt: skip


def _point(columns: Columns, unplaced: float, end: float, tolerance: float) -> _Point:
    """Solve the linear programme over few columns, until every column is priced."""
    import highspy

    rows = Rows(columns.parties, columns.use, len(columns.limit), unplaced, columns.policy)
    bound, prices, near = _climb(columns, rows)
    option, site = _promising(columns, rows, prices, near)
    matrix, slack = rows.fixed()
    needless = _needless(columns)
    limit = np.where(needless, columns.use[:, 4] @ columns.parties.count[columns.parties.option],
                     columns.limit)  # fmt: skip
    model = open_highs()
    if not needless[:, 4].all():
        model.setOptionValue("solver", "ipm")
    model.passModel(rows.model(matrix, slack, Rest(columns.parties.count, limit, None)))
    join_option, join_site = option, site
    while True:
        cost = columns.cost(join_option, join_site)
        block = rows.columns(join_option, join_site, None)
        model.addCols(
            len(cost), cost, np.zeros(len(cost)), np.full(len(cost), highspy.kHighsInf),
            block.nnz, block.indptr[:-1].astype(np.int32), block.indices.astype(np.int32),
            block.data,
        )  # fmt: skip
        model.run()
        if not require_point(model, "the linear programme of the allocation"):
            raise SolverError("the linear programme of the allocation was cut short")
        value = float(model.getInfo().objective_function_value)
        solution = model.getSolution()
        dual = np.asarray(solution.row_dual)
        prices = np.maximum(-dual[rows.classes : rows.classes + limit.size].reshape(limit.shape), 0)
        least, near = columns.scan(prices, _JOINING)
        bound = max(bound, _bound(columns, rows, least, prices))
        join_option, join_site = _missing(columns, near, prices, dual[: rows.classes], option, site)
        done = bound >= value - _PRICED * tolerance * abs(value)
        if done or not len(join_option) or time.monotonic() > end:
            parties = np.asarray(solution.col_value)[len(slack) :]
            return _Point(option, site, parties, prices, bound)
        option = np.concatenate([option, join_option])
        site = np.concatenate([site, join_site])


def _climb(columns: Columns, rows: Rows) -> tuple[float, Floats, Integers]:
    """Climb with the prices of places: bound, prices, and the sites cheapest at them."""
    prices: Floats = np.zeros(columns.limit.shape)
    bound = 0.0
    options = np.arange(len(rows.use))[:, None]
    _, near = columns.scan(prices, _NEAREST)
    for turn, rounds in enumerate(_ROUNDS):
        cost = np.where(near >= 0, columns.cost(options, np.maximum(near, 0)), np.inf)
        cheapest = among(cost, np.maximum(near, 0), rows.use, len(prices))
        _, prices = ascend(
            cheapest, rows.use, columns.parties, rows.slack, columns.limit,
            start=prices if turn else None, rounds=rounds,
        )  # fmt: skip
        least, near = columns.scan(prices, _NEAREST)
        bound = max(bound, _bound(columns, rows, least, prices))
    return bound, prices, near


def _bound(columns: Columns, rows: Rows, least: Floats, prices: Floats) -> float:
    """Cost nothing can go below, by the Lagrangian at the prices (see `prices.ascend`)."""
    price, _ = of_class(least, columns.parties.option, rows.classes)
    placed = np.minimum(price, rows.slack) @ columns.parties.count
    return float(placed - (prices * columns.limit).sum())


def _promising(
    columns: Columns, rows: Rows, prices: Floats, near: Integers
) -> tuple[Integers, Integers]:
    """Columns to start from: of those cheapest at the prices, the cheapest for their class."""
    option, column = np.nonzero(near >= 0)
    site = near[option, column]
    reduced = columns.cost(option, site) + (rows.use[option] * prices[site]).sum(axis=1)
    owner = columns.parties.option[option]
    price, _ = of_class(reduced, owner, rows.classes)
    reduced -= price[owner]
    few = min(_PER_OPTION * len(rows.use), len(reduced))
    chosen = np.argpartition(reduced, few - 1)[:few] if few else np.empty(0, np.int64)
    chosen.sort()
    return option[chosen], site[chosen]


def _missing(
    columns: Columns, near: Integers, prices: Floats, worth: Floats,
    option: Integers, site: Integers,
) -> tuple[Integers, Integers]:  # fmt: skip
    """Columns that would lower the cost and are not yet there; `worth` of a party (classes,)."""
    candidate, column = np.nonzero(near >= 0)
    at = near[candidate, column]
    reduced = columns.cost(candidate, at) + (columns.use[candidate] * prices[at]).sum(axis=1)
    reduced -= worth[columns.parties.option[candidate]]
    width = len(columns.limit)
    new = (reduced < -_CLOSE) & ~np.isin(candidate * width + at, option * width + site)
    return candidate[new], at[new]


def _needless(columns: Columns) -> Any:
    """Limits that cannot bind, since the rooms of a site hold no more persons (sites, 5)."""
    room = columns.limit
    most = room[:, [MALE, FEMALE, ISOLATION]].sum(axis=1)
    most = most + columns.policy.family_room * room[:, FAMILY]
    needless = np.zeros(room.shape, bool)
    needless[:, 4] = room[:, 4] >= most
    return needless


def _rest(
    columns: Columns, option: Integers, site: Integers, sent: Integers
) -> tuple[Columns, Integers]:
    """Count what is left of parties and room; and which options they have."""
    parties = columns.parties
    gone = np.bincount(parties.option[option], sent, len(parties.count)).astype(np.int64)
    taken = columns.use[option] * sent[:, None]
    used = [np.bincount(site, one, len(columns.limit)) for one in taken.T]
    limit = columns.limit - np.stack(used, axis=1).astype(np.int64)
    kept = np.flatnonzero(parties.count > gone)
    options = np.flatnonzero(np.isin(parties.option, kept))
    few = Parties(
        party=np.empty(0, np.int64), of_class=np.empty(0, np.int64),
        count=(parties.count - gone)[kept],
        **{name: getattr(parties, name)[kept]
           for name in ("size", "origin", "group", "current", "needs")},
        option=np.searchsorted(kept, parties.option[options]),
        use=parties.use[options], shared=parties.shared[options],
    )  # fmt: skip
    return replace(columns, parties=few, limit=limit), options


def _least(rest: Columns, unplaced: float) -> float:
    """Cost the rest cannot go below: each to its cheapest site, as if it were alone."""
    least, _ = rest.scan(np.zeros(rest.limit.shape), 1)
    price, _ = of_class(least, rest.parties.option, len(rest.parties.count))
    slack = unplaced * rest.parties.size
    return max(float(np.minimum(price, slack) @ rest.parties.count), _CLOSE)
