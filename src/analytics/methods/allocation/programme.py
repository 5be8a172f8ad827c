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
from analytics.methods.allocation.prices import ascend
from analytics.methods.allocation.problem import Floats, Integers, Parties, Policy
from analytics.methods.solver import open_highs, require_point

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
class Rest:
    """
    Parties and room a whole-number programme is about.

    Parameters
    ----------
    count : array (classes,)
        Parties of each class.
    limit : array (sites, 5)
        Room.
    travelled : array (groups,), optional
        Person-kilometres of those that are not part of it, for fairness.
    """

    count: Integers
    limit: Integers
    travelled: Floats | None


@dataclass(frozen=True)
class Whole:
    """Parties sent (options, sites) by a whole-number programme, its cost and its bound."""

    sent: Integers
    cost: float
    bound: float


class Programme:
    """One allocation's columns and rows, growing as columns are priced."""

    def __init__(
        self, parties: Parties, cost: Floats, distance: Floats, limit: Integers,
        unplaced: float, policy: Policy,
    ) -> None:  # fmt: skip
        self.parties, self.cost, self.distance = parties, cost, distance
        self.limit, self.policy = limit, policy
        self.classes, self.sites = len(parties.count), len(limit)
        size = parties.size[parties.option]
        self.use = np.column_stack([parties.use, size]).astype(float)
        self.slack = unplaced * parties.size.astype(float)
        self.groups = int(parties.group.max()) + 1 if policy.fairness is not None else 0
        self.persons = np.bincount(
            parties.group, parties.size * parties.count, minlength=max(self.groups, 1)
        )[: self.groups]
        self.held = np.zeros(cost.shape, bool)
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
            except SolverError:
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
            self.cost, self.use, self.parties.option, self.parties.count, self.slack, self.limit
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
        matrix = sparse.csc_array(self._columns(option, site))
        model.addCols(
            len(option), self.cost[option, site], np.zeros(len(option)),
            np.full(len(option), highspy.kHighsInf), matrix.nnz,
            matrix.indptr[:-1].astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        )  # fmt: skip

    def _columns(self, option: Integers, site: Integers) -> sparse.coo_array:
        """Rows by columns: classes, then limits site by site, then fairness."""
        count, places = len(option), np.arange(len(option))
        owner = self.parties.option[option]
        of, pool = np.nonzero(self.use[option])
        row = [owner, self.classes + site[of] * 5 + pool]
        column = [places, of]
        value = [np.ones(count), self.use[option][of, pool]]
        if self.groups:
            base = self.classes + self.sites * 5
            travelled = self.distance[option, site] * self.parties.size[owner]
            for shift in (0, self.groups):
                row.append(base + shift + self.parties.group[owner])
                column.append(places)
                value.append(travelled)
        height = self.classes + self.sites * 5 + 2 * self.groups
        return sparse.coo_array(
            (np.concatenate(value), (np.concatenate(row), np.concatenate(column))),
            shape=(height, count),
        )

    def _fixed(self) -> tuple[sparse.csc_array, Floats]:
        """Columns always there: unplaced parties; the fair mean, and what exceeds it."""
        height = self.classes + self.sites * 5 + 2 * self.groups
        blocks = [sparse.eye_array(height, self.classes, format="csc")]
        cost = [self.slack]
        if self.groups:
            ratio = self.policy.fairness or 1.0
            base, g = self.classes + self.sites * 5, np.arange(self.groups)
            mean = sparse.coo_array(
                (
                    np.concatenate([-ratio * self.persons, -1.0 * self.persons]),
                    (np.concatenate([base + g, base + self.groups + g]), np.zeros(2 * len(g), int)),
                ),
                shape=(height, 1),
            )
            over = sparse.coo_array((-np.ones(len(g)), (base + g, g)), shape=(height, len(g)))
            blocks += [mean, over]
            cost += [np.zeros(1), np.full(len(g), self.policy.fairness_price)]
        return sparse.csc_array(sparse.hstack(blocks, format="csc")), np.concatenate(cost)

    def _frame(self) -> Any:
        """Build the programme with its fixed columns only."""
        matrix, cost = self._fixed()
        return self._model(matrix, cost, Rest(self.parties.count, self.limit, None))

    def _model(self, matrix: sparse.csc_array, cost: Floats, rest: Rest) -> Any:
        import highspy

        infinite = highspy.kHighsInf
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_, model.col_lower_ = cost, np.zeros(len(cost))
        model.col_upper_ = np.full(len(cost), infinite)
        count = rest.count.astype(float)
        rows, fair = self.limit.size, self.groups
        gone = np.zeros(fair) if rest.travelled is None else rest.travelled
        model.row_lower_ = np.concatenate([count, np.full(rows + fair, -infinite), -gone])
        model.row_upper_ = np.concatenate(
            [count, rest.limit.ravel().astype(float), -gone, np.full(fair, infinite)]
        )
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = matrix.indptr
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.data
        return model

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
        SolverError
            If no feasible point was found in time.
        """
        import highspy

        option, site = np.nonzero(among)
        fixed, cost = self._fixed()
        matrix = sparse.csc_array(sparse.hstack([fixed, self._columns(option, site)], format="csc"))
        programme = self._model(matrix, np.concatenate([cost, self.cost[option, site]]), rest)
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
        if abs(np.concatenate([cost, self.cost[option, site]]) @ point - reached) > 1e-6 * reached:
            raise SolverError("the whole-number programme's point does not cost what it says")
        sent: Integers = np.zeros(self.cost.shape, np.int64)
        sent[option, site] = np.rint(point[len(cost) :])
        return Whole(sent, reached, bound)

    def _searched(self, option: Integers, fixed: int) -> Any:
        """Columns that must be whole of themselves; single persons become so as a flow."""
        several = (self.parties.size > 1) | (self.groups > 0)
        rest = np.zeros(fixed - self.classes, bool)
        return np.concatenate([several, rest, several[self.parties.option[option]]])
