"""
The programme behind an allocation: columns priced until none is missing, then whole numbers.

The linear programme starts from near sites only, but after each solution every option at
every site is priced with its shadow prices, and columns that would lower the cost join. When
none is left its optimum bounds the whole programme from below. Columns whose reduced cost
exceeds a threshold then leave the whole-number programme; what they could have saved is kept
in the bound.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from analytics.errors import SolverError
from analytics.methods.allocation.problem import Floats, Integers, Parties, Policy
from analytics.methods.solver import open_highs, require_point

_NEAREST = 8
_JOINING = 4
_CLOSE = 1e-6
_PRICED = 0.25  # share of the gap allowed that pricing may leave open
_LARGE = 4_000  # options from which solutions come from the interior, not from warm starts
_PER_OPTION = 4  # columns an option keeps at first, on average
_WIDER = 3
_FIRST = 0.05  # first threshold of reduced costs, as a share of the gap allowed


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
        """Price, filter, and solve in whole numbers."""
        end = time.monotonic() + seconds
        bound, reduced, shadow = self._price(end, tolerance)
        most = min(_PER_OPTION * len(reduced), reduced.size) - 1
        few = float(np.partition(reduced, most, axis=None)[most])
        width = max(min(_FIRST * tolerance * abs(bound), few), _CLOSE)
        best: tuple[float, Floats, Integers, Integers] | None = None
        lower = bound
        for _ in range(_WIDER):
            option, site = np.nonzero(reduced <= width)
            try:
                reached, proven, point = self._whole(option, site, end, tolerance)
            except SolverError:
                if best is None:
                    raise
                break  # a wider programme ran out of time; the narrower one's answer stands
            lower = max(lower, min(proven, bound + width))
            if best is None or reached < best[0]:
                best = (reached, point, option, site)
            if best[0] - lower <= tolerance * abs(best[0]) + _CLOSE or time.monotonic() > end:
                break
            width = max(4 * width, 1.5 * (best[0] - bound))
        assert best is not None
        upper, point, option, site = best
        sent = np.flatnonzero(point > 0)
        return Solution(
            option[sent], site[sent], point[sent].astype(np.int64), upper, min(lower, upper),
            shadow, int(np.isfinite(self.cost).sum()), len(option),
        )  # fmt: skip

    def _price(self, end: float, tolerance: float) -> tuple[float, Floats, Floats]:
        """Solve the linear programme over every column; bound, reduced costs, shadow prices."""
        model = open_highs()
        model.setOptionValue("presolve", "off")
        model.passModel(self._frame())
        self._join(model, self._near())
        if len(self.parties.option) > _LARGE:
            model.setOptionValue("solver", "ipm")
        while True:
            model.run()
            if not require_point(model, "the linear programme of the allocation"):
                raise SolverError("the linear programme of the allocation was cut short")
            value = float(model.getInfo().objective_function_value)
            reduced, shadow = self._reduced(np.asarray(model.getSolution().row_dual))
            worst = np.zeros(self.classes)
            np.minimum.at(worst, self.parties.option, np.minimum(reduced.min(axis=1), 0))
            bound = value + float(worst @ self.parties.count)  # Farley's
            candidates = np.where(self.held | (reduced > -_CLOSE), np.inf, reduced)
            done = bound >= value - _PRICED * tolerance * abs(value)
            if done or not np.isfinite(candidates).any() or time.monotonic() > end:
                return bound, reduced - worst[self.parties.option][:, None], shadow
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

    def _near(self) -> Any:
        near = min(_NEAREST, self.sites)
        column = np.argpartition(self.cost, near - 1, axis=1)[:, :near]
        chosen = np.zeros(self.cost.shape, bool)
        np.put_along_axis(chosen, column, values=True, axis=1)
        return chosen & np.isfinite(self.cost)

    def _join(self, model: Any, chosen: Any) -> None:
        import highspy

        option, site = np.nonzero(chosen)
        self.held |= chosen
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
        return self._model(matrix, cost)

    def _model(self, matrix: sparse.csc_array, cost: Floats) -> Any:
        import highspy

        infinite = highspy.kHighsInf
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_, model.col_lower_ = cost, np.zeros(len(cost))
        model.col_upper_ = np.full(len(cost), infinite)
        count = self.parties.count.astype(float)
        rows, fair = self.limit.size, self.groups
        model.row_lower_ = np.concatenate([count, np.full(rows + fair, -infinite), np.zeros(fair)])
        model.row_upper_ = np.concatenate(
            [count, self.limit.ravel().astype(float), np.zeros(fair), np.full(fair, infinite)]
        )
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = matrix.indptr
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.data
        return model

    def _whole(
        self, option: Integers, site: Integers, end: float, tolerance: float
    ) -> tuple[float, float, Floats]:
        """Solve in whole numbers over some columns: cost, bound, parties per column."""
        import highspy

        fixed, cost = self._fixed()
        matrix = sparse.csc_array(sparse.hstack([fixed, self._columns(option, site)], format="csc"))
        programme = self._model(matrix, np.concatenate([cost, self.cost[option, site]]))
        kind = np.full(matrix.shape[1], highspy.HighsVarType.kInteger)
        kind[self.classes : len(cost)] = highspy.HighsVarType.kContinuous
        programme.integrality_ = list(kind)
        model = open_highs()
        model.setOptionValue("mip_rel_gap", 0.9 * tolerance)
        model.setOptionValue("time_limit", max(end - time.monotonic(), 1.0))
        model.passModel(programme)
        model.run()
        require_point(model, "the whole-number programme of the allocation")
        point = np.rint(np.asarray(model.getSolution().col_value)[len(cost) :])
        found = model.getInfo()
        return float(found.objective_function_value), float(found.mip_dual_bound), point
