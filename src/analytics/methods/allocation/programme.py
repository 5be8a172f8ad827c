"""
The programme behind an allocation: columns priced until none is missing, then whole numbers.

The linear programme starts from the columns that the Lagrangian dual finds cheapest
(`prices`), but after each solution every option at every site is priced with its shadow
prices, and columns that would lower the cost join. When none is left its optimum bounds the
whole programme from below. A large point is rounded (`rounding`). The whole-number programme
is searched over few columns first and then bounded over all that may be better: none whose
reduced cost exceeds the gap. Only households of several persons are searched over; single
persons are a flow beside them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from analytics.errors import SolverError
from analytics.methods.allocation import rounding
from analytics.methods.allocation.columns import Columns
from analytics.methods.allocation.prices import ascend, everywhere
from analytics.methods.allocation.problem import Floats, Integers
from analytics.methods.allocation.rows import Rest, Rows
from analytics.methods.solver import OutOfTime, open_highs, require_point

_JOINING = 4
_CLOSE = 1e-6
_PRICED = 0.25  # share of the gap allowed that pricing may leave open
_LARGE = 4_000  # options from which solutions come from the interior, not from warm starts
_PER_OPTION = 4  # columns an option starts with, on average
_WHOLE = 30_000  # columns of a whole-number programme at most
_EVERY = 10**6  # columns an option: all of them, as far as they are within the gap
# columns an option, and whether better points are searched for or only the bound
_STAGES = ((5, True), (_EVERY, False), (10, True), (_EVERY, False), (_EVERY, True))


@dataclass(frozen=True)
class Solution:
    """
    Parties of each class sent to each site, with what is proven.

    Parameters
    ----------
    option, site, parties : array (sent,)
        Option, site and number of parties.
    upper, lower : float
        Cost reached, and cost no allocation can go below [person-km].
    shadow : array (sites, 5)
        What one place more would save [person-km]: pools, then staff.
    priced, kept : int
        Columns priced, and columns left in the whole-number programme.
    """

    option: Integers
    site: Integers
    parties: Integers
    upper: float
    lower: float
    shadow: Floats
    priced: int
    kept: int


@dataclass(frozen=True)
class Whole:
    """Parties sent (options, sites) by a whole-number programme, its cost and its bound."""

    sent: Integers
    cost: float
    bound: float


def solve(columns: Columns, unplaced: float, seconds: float, tolerance: float) -> Solution:
    """
    Send parties where the costs of every option at every site can be held at once.

    Parameters
    ----------
    columns : Columns
        Parties, sites and what sending costs.
    unplaced : float
        Cost of leaving a person without a place [km].
    seconds : float
        Time after which the best answer so far is taken.
    tolerance : float
        Relative gap that is good enough.

    Returns
    -------
    Solution
        Parties sent, with bounds.

    Raises
    ------
    SolverError
        If the linear programme ended in any other state than optimal.
    """
    return Programme(columns, unplaced).solve(seconds, tolerance)


class Programme:
    """One allocation's columns and rows, growing as columns are priced."""

    def __init__(self, columns: Columns, unplaced: float) -> None:
        self.columns, self.cost = columns, columns.dense()
        self.parties, self.limit = columns.parties, columns.limit
        parties = self.parties
        self.distance = columns.distance[parties.origin[parties.option]]
        self.rows = Rows(parties, columns.use, len(self.limit), unplaced, columns.policy)
        self.use, self.slack, self.groups = self.rows.use, self.rows.slack, self.rows.groups
        self.classes, self.sites = self.rows.classes, self.rows.sites
        self.held = np.zeros(self.cost.shape, bool)
        self.option = np.empty(0, np.int64)
        self.site = np.empty(0, np.int64)

    def solve(self, seconds: float, tolerance: float) -> Solution:
        """Price, round, filter, and solve in whole numbers."""
        end = time.monotonic() + seconds
        bound, reduced, shadow, point = self._price(end, tolerance)
        sent, upper = rounding.find(self, point, reduced, bound, end, tolerance)
        lower, kept = bound, int(self.held.sum())
        rest = self.rest(np.zeros_like(sent))
        for columns, search in _STAGES:
            if upper - lower <= tolerance * abs(upper) + _CLOSE or time.monotonic() > end:
                break
            few = min(columns * len(reduced), _WHOLE, reduced.size) - 1
            width = float(np.partition(reduced, few, axis=None)[few])
            width = max(min(width, upper - bound), _CLOSE)  # nothing better goes beyond the gap
            among = (reduced <= width) | (sent > 0)
            kept = int(among.sum())
            try:
                found = self.whole(
                    among, rest, sent if sent.any() else None, end - time.monotonic(),
                    0.9 * tolerance, search=search,
                )  # fmt: skip
            except OutOfTime:
                break  # out of time without a point: the one before stands
            outside = np.isfinite(self.cost) & ~among
            beyond = bound + np.min(reduced[outside], initial=np.inf)
            lower = max(lower, min(found.bound, beyond))
            if found.cost < upper:
                sent, upper = found.sent, found.cost
        option, site = np.nonzero(sent)
        return Solution(
            option, site, sent[option, site].astype(np.int64), upper, min(lower, upper),
            shadow, int(np.isfinite(self.cost).sum()), kept,
        )  # fmt: skip

    def _price(self, end: float, tolerance: float) -> tuple[float, Floats, Floats, Floats]:
        """Solve the linear programme over every column: bound, reduced costs, prices, point."""
        model = open_highs()
        model.setOptionValue("presolve", "off")
        model.passModel(self._frame())
        self._join(model, self._promising())
        if len(self.parties.option) > _LARGE:
            model.setOptionValue("solver", "ipm")
            model.setOptionValue("presolve", "on")
        while True:
            model.run()
            if not require_point(model, "the linear programme of the allocation"):
                raise SolverError("the linear programme of the allocation was cut short")
            value = float(model.getInfo().objective_function_value)
            solution = model.getSolution()
            reduced, shadow = self._reduced(np.asarray(solution.row_dual))
            worst = np.zeros(self.classes)
            np.minimum.at(worst, self.parties.option, np.minimum(reduced.min(axis=1), 0))
            bound = value + float(worst @ self.parties.count)  # Farley's
            candidates = np.where(self.held | (reduced > -_CLOSE), np.inf, reduced)
            done = bound >= value - _PRICED * tolerance * abs(value)
            if done or not np.isfinite(candidates).any() or time.monotonic() > end:
                point: Floats = np.zeros(self.cost.shape)
                tail = len(solution.col_value) - len(self.option)
                point[self.option, self.site] = np.asarray(solution.col_value)[tail:]
                return bound, reduced - worst[self.parties.option][:, None], shadow, point
            joining = min(_JOINING, self.sites)
            column = np.argpartition(candidates, joining - 1, axis=1)[:, :joining]
            chosen = np.zeros(self.held.shape, bool)
            np.put_along_axis(chosen, column, values=True, axis=1)
            self._join(model, chosen & np.isfinite(candidates))

    def _reduced(self, dual: Floats) -> tuple[Floats, Floats]:
        count, rows = self.classes, self.sites * 5
        prices = dual[count : count + rows].reshape(self.sites, 5)
        saved = self.cost - dual[: self.classes][self.parties.option][:, None]
        saved -= self.use @ prices.T
        if self.groups:
            most, least = np.split(dual[count + rows :], 2)
            group = self.parties.group[self.parties.option]
            size = self.parties.size[self.parties.option]
            saved -= self.distance * (size * (most + least)[group])[:, None]
        return saved, -prices

    def _promising(self) -> Any:
        """Columns to start from: those cheapest at the prices of the Lagrangian dual."""
        _, prices = ascend(
            everywhere(self.cost, self.use), self.use, self.parties, self.slack, self.limit
        )
        reduced = self.cost + self.use @ prices.T
        least = np.full(self.classes, np.inf)
        np.minimum.at(least, self.parties.option, reduced.min(axis=1))
        reduced -= np.where(np.isfinite(least), least, 0.0)[self.parties.option][:, None]
        few = min(_PER_OPTION * len(reduced), reduced.size) - 1
        width = float(np.partition(reduced, few, axis=None)[few])
        return (reduced <= width) & np.isfinite(self.cost)

    def _join(self, model: Any, chosen: Any) -> None:
        import highspy

        option, site = np.nonzero(chosen)
        self.held |= chosen
        self.option = np.concatenate([self.option, option])
        self.site = np.concatenate([self.site, site])
        matrix = self.rows.columns(option, site, self.distance[option, site])
        model.addCols(
            len(option), self.cost[option, site], np.zeros(len(option)),
            np.full(len(option), highspy.kHighsInf), matrix.nnz,
            matrix.indptr[:-1].astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        )  # fmt: skip

    def _frame(self) -> Any:
        """Build the programme with its fixed columns only."""
        matrix, cost = self.rows.fixed()
        return self.rows.model(matrix, cost, Rest(self.parties.count, self.limit, None))

    def rest(self, stays: Integers) -> Rest:
        """Count what is left of parties and room beside those that stay (options, sites)."""
        owner = self.parties.option
        gone = np.bincount(owner, stays.sum(axis=1), self.classes).astype(np.int64)
        limit = self.limit - (stays.T @ self.use).astype(np.int64)
        travelled = None
        if self.groups:
            far = (self.distance * stays).sum(axis=1) * self.parties.size[owner]
            travelled = np.bincount(self.parties.group[owner], far, self.groups).astype(float)
        return Rest(self.parties.count - gone, limit, travelled)

    def whole(
        self, among: Any, rest: Rest, start: Integers | None, seconds: float, gap: float, *,
        search: bool = True,
    ) -> Whole:  # fmt: skip
        """
        Solve in whole numbers over some columns.

        Parameters
        ----------
        among : array (options, sites) of bool
            Columns to choose from.
        rest : Rest
            Parties and room of this programme; the whole programme's, or part of them.
        start : array (options, sites), optional
            A point to start from, within `among`.
        seconds, gap : float
            Time, and relative gap that is good enough.
        search : bool
            Whether to look for better points by small programmes within this one; otherwise
            the bound is what is wanted, and comes sooner.

        Raises
        ------
        OutOfTime
            If no feasible point was found in time.
        SolverError
            If the solver ended in any other state, or its point does not cost what it says.
        """
        import highspy

        option, site = np.nonzero(among)
        fixed, cost = self.rows.fixed()
        sending = self.rows.columns(option, site, self.distance[option, site])
        matrix = sparse.csc_array(sparse.hstack([fixed, sending], format="csc"))
        every = np.concatenate([cost, self.cost[option, site]])
        programme = self.rows.model(matrix, every, rest)
        whole = self._searched(option, len(cost))
        kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
        programme.integrality_ = list(kinds[whole.astype(int)])
        model = open_highs()
        model.setOptionValue("mip_rel_gap", gap)
        model.setOptionValue("time_limit", max(seconds, 1.0))
        if not search:
            model.setOptionValue("mip_heuristic_effort", 0.0)
            for way in ("rins", "rens", "root_reduced_cost"):
                model.setOptionValue(f"mip_heuristic_run_{way}", "false")
        model.passModel(programme)
        if start is not None:  # the fair mean, and what exceeds it, follow from the parties
            left = rest.count - np.bincount(
                self.parties.option[option], start[option, site], self.classes
            )
            begun = np.concatenate([np.arange(self.classes), np.arange(len(cost), len(whole))])
            value = np.concatenate([left, start[option, site]]).astype(float)
            model.setSolution(len(begun), begun.astype(np.int32), value)
            # HiGHS 1.16 loses columns that its presolve takes out of a programme with a start
            model.setOptionValue("presolve", "off")
        model.run()
        require_point(model, "the whole-number programme of the allocation")
        found = model.getInfo()
        reached, bound = float(found.objective_function_value), float(found.mip_dual_bound)
        point = np.asarray(model.getSolution().col_value)
        if not self.groups and (np.abs(point - np.rint(point)) > _CLOSE).any():
            point, reached = rounding.flow(model, point, np.flatnonzero(whole))
        if abs(every @ point - reached) > 1e-6 * reached:
            raise SolverError("the whole-number programme's point does not cost what it says")
        sent: Integers = np.zeros(self.cost.shape, np.int64)
        sent[option, site] = np.rint(point[len(cost) :])
        return Whole(sent, reached, bound)

    def _searched(self, option: Integers, fixed: int) -> Any:
        """Columns that must be whole of themselves; single persons become so as a flow."""
        several = (self.parties.size > 1) | (self.groups > 0)
        rest = np.zeros(fixed - self.classes, bool)
        return np.concatenate([several, rest, several[self.parties.option[option]]])
