"""
What an attacker can prove from everything published: linear programmes over HiGHS.

The attacker knows every published sum, now and earlier, that persons are counted in whole
numbers and never below zero, and how cells nest. The unknowns are groups of persons: the
finest parts any release tells apart. Everything the attack claims in favour of a release
is a witness, a table of whole numbers that reproduces every published sum, checked by
integer arithmetic; the solver is only trusted when it speaks against the release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analytics.errors import DisclosureError, SolverError
from analytics.methods.solver import open_highs

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_UNLIMITED = np.iinfo(np.int64).max // 4
_CLOSE = 1e-6
_NODES, _SECONDS = 50, 3.0  # of one search for a whole-number table, before it is given up
_CONTRADICTION = (
    "the figures contradict those released earlier: no table fits them all",
    (),
    "name the earlier releases this one corrects, or mend the figures",
)


@dataclass(frozen=True)
class Knowledge:
    """
    Published sums: ``lower <= sums @ groups <= upper``.

    ``sums`` is a (published, groups) matrix of zeros and ones; equal limits mean an exact
    figure, unequal ones a rounded figure. Rows that hold minus ones too, between limits of zero,
    say that two sums are equal.
    """

    sums: sparse.csr_array
    lower: Integers
    upper: Integers


@dataclass(frozen=True)
class Verdict:
    """
    What the attacker cannot exclude about each questioned sum.

    ``low`` and ``high`` are values that witnesses attain: the attacker's own interval
    contains them. ``small`` marks sums proven to stay below their floor and ``ceiling``
    says the value they are proven not to exceed; ``exact`` marks sums proven to have one
    value only. ``programmes`` counts the linear programmes solved. ``given_up``: a search took
    too long, and what it sought counts as proven.
    """

    low: Integers
    high: Integers
    ceiling: Integers
    small: Mask
    exact: Mask
    programmes: int
    given_up: bool = False


def attack(
    known: Knowledge, questions: sparse.csr_array, floor: Integers, varied: Mask | None = None
) -> Verdict:
    r"""
    Try to prove each questioned sum small or exact.

    Parameters
    ----------
    known : Knowledge
        Everything published.
    questions : (questions, groups) matrix of zeros and ones
        Sums the attacker is curious about.
    floor : (questions,) int
        Value each sum must be able to reach, else it is proven small.
    varied : (questions,) bool, optional
        Sums whose exactness is in question too; all unless given.

    Returns
    -------
    Verdict
        A sum known to be zero is exact and small; whether zeros matter is the caller's say.

    Raises
    ------
    DisclosureError
        If no table fits what was published (figures contradict each other).
    SolverError
        If HiGHS ends in a state that proves nothing.

    Notes
    -----
    One programme raises many sums at once, :math:`\\max \\sum_q \\min(q^\\top z, f_q)` over
    :math:`z \\ge 0` and the published sums; sums that reach their floor leave the objective.
    Only a sum that reaches its floor in no such witness gets a programme of its own, whose
    optimum bounds it from above.
    """
    search = _Search(known, questions, floor, varied)
    return search.run()


class _GivenUpError(Exception):
    """A search for a whole-number table took too long."""


class _Search:
    """State of one attack: the warm programme and the witnesses' extremes."""

    def __init__(
        self,
        known: Knowledge,
        questions: sparse.csr_array,
        floor: Integers,
        varied: Mask | None,
    ) -> None:
        self.known, self.questions, self.floor = known, sparse.csr_array(questions), floor
        count = questions.shape[0]
        self.low = np.full(count, _UNLIMITED)
        self.high = np.full(count, -1)
        self.ceiling = np.full(count, _UNLIMITED)
        self.varied = np.ones(count, bool) if varied is None else varied
        self.small, self.exact = np.zeros(count, bool), np.zeros(count, bool)
        self.programmes, self.given_up = 0, False
        fixed, value = _settle(known)
        self.base, self.open = np.where(fixed, value, 0), np.flatnonzero(~fixed)
        self.shift = self.questions @ self.base
        asked = sparse.csr_array(self.questions[:, self.open])
        self.settled = np.diff(asked.indptr) == 0
        self.low[self.settled] = self.high[self.settled] = self.shift[self.settled]
        self.model = self._programme()

    def run(self) -> Verdict:
        """Raise, vary, and report."""
        settled = self.settled
        self.exact |= settled
        self.small |= settled & (self.shift < self.floor)
        self.ceiling[settled] = self.shift[settled]
        self._solve(np.zeros(self.width))
        self._raise_all()
        self._vary_all()
        return Verdict(
            self.low, self.high, self.ceiling, self.small, self.exact, self.programmes,
            self.given_up,
        )  # fmt: skip

    @property
    def width(self) -> int:
        return len(self.open) + len(self.floor)

    def _programme(self) -> Any:
        """Build groups still open, then one capped copy of every question."""
        import highspy

        known, count, shift = self.known, len(self.floor), self.shift
        rest = known.sums @ self.base
        inner = sparse.csr_array(known.sums[:, self.open])
        kept = np.flatnonzero(np.diff(inner.indptr) > 0)
        told = np.diff(inner.indptr) == 0
        if ((known.lower > rest) | (known.upper < rest))[told].any():
            raise DisclosureError(*_CONTRADICTION)
        asked = sparse.csr_array(self.questions[:, self.open])
        rows = sparse.csr_array(
            sparse.block_array(
                [[inner[kept], None], [asked, -sparse.eye_array(count)]], format="csr"
            )
        )
        programme = highspy.HighsLp()
        programme.num_col_, programme.num_row_ = self.width, rows.shape[0]
        programme.col_cost_ = np.zeros(self.width)
        programme.col_lower_ = np.concatenate(
            [np.zeros(len(self.open)), np.full(count, -highspy.kHighsInf)]
        )
        top = np.full(self.width, highspy.kHighsInf)
        top[len(self.open) :] = self.floor
        programme.col_upper_ = top
        programme.row_lower_ = np.concatenate([(known.lower - rest)[kept], -shift]).astype(float)
        programme.row_upper_ = np.concatenate(
            [(known.upper - rest)[kept].astype(float), np.full(count, highspy.kHighsInf)]
        )
        programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        programme.a_matrix_.start_ = rows.indptr
        programme.a_matrix_.index_ = rows.indices
        programme.a_matrix_.value_ = rows.data.astype(float)
        programme.sense_ = highspy.ObjSense.kMaximize
        model = open_highs()
        model.passModel(programme)
        return model

    def _solve(self, cost: NDArray[np.float64]) -> float:
        """Maximise a cost; note the witness found."""
        import highspy

        model = self.model
        model.changeColsCost(self.width, np.arange(self.width, dtype=np.int32), cost)
        model.run()
        self.programmes += 1
        state = model.getModelStatus()
        if state == highspy.HighsModelStatus.kInfeasible:
            raise DisclosureError(*_CONTRADICTION)
        if state in (
            highspy.HighsModelStatus.kUnbounded,
            highspy.HighsModelStatus.kUnboundedOrInfeasible,
        ):
            return float("inf")
        if state not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty):
            raise SolverError(f"the attack ended as {model.modelStatusToString(state)}")
        point = np.asarray(model.getSolution().col_value)
        self._witness(point[: len(self.open)])
        return float(model.getInfo().objective_function_value)

    def _witness(self, point: NDArray[np.float64]) -> None:
        """Take a point as witness if, in whole numbers, it fits everything published."""
        table = self.base.copy()
        table[self.open] = np.rint(point).astype(np.int64)
        sums = self.known.sums @ table
        fits = (sums >= self.known.lower) & (sums <= self.known.upper)
        if (table >= 0).all() and fits.all():
            asked = self.questions @ table
            self.low, self.high = np.minimum(self.low, asked), np.maximum(self.high, asked)

    def _cost(self, chosen: Integers, sign: float, *, capped: bool) -> NDArray[np.float64]:
        cost = np.zeros(self.width)
        if capped:
            cost[len(self.open) + chosen] = sign
        else:
            cost[: len(self.open)] = sign * self.questions[chosen][:, self.open].sum(axis=0)
        return cost

    def _raise_all(self) -> None:
        """Raise every sum to its floor, many at a time; bound the ones that stay below."""
        waiting = np.flatnonzero((self.high < self.floor) & ~self.settled)
        while len(waiting):
            self._solve(self._cost(waiting, 1.0, capped=True))
            still = waiting[(self.high < self.floor)[waiting]]
            if len(still) > 0.7 * len(waiting):
                break
            waiting = still
        for question in np.flatnonzero((self.high < self.floor) & ~self.settled):
            if self.high[question] < self.floor[question]:
                self._settle_one(int(question))

    def _settle_one(self, question: int) -> None:
        one = np.array([question])
        waiting = np.flatnonzero((self.high < self.floor) & ~self.settled & ~self.small)
        self._solve(self._cost(waiting, 1.0, capped=True) + self._cost(one, 99.0, capped=True))
        if self.high[question] >= self.floor[question]:
            return
        best = self._solve(self._cost(one, 1.0, capped=True))
        if self.high[question] >= self.floor[question]:
            return
        if best < self.floor[question] - _CLOSE or not self._whole(question):
            self.small[question] = True
            self.ceiling[question] = min(int(best + _CLOSE), int(self.floor[question]) - 1)

    def _whole(self, question: int) -> bool:
        """Look for a whole-number witness where the programme's optimum was fractional."""
        table = self._table(self.questions[[question]], int(self.floor[question]), _UNLIMITED)
        if table is not None:
            asked = self.questions @ table
            self.low, self.high = np.minimum(self.low, asked), np.maximum(self.high, asked)
        return bool(self.high[question] >= self.floor[question])

    def _table(self, row: sparse.csr_array, lower: int, upper: int) -> Integers | None:
        """
        Find a whole-number table with one sum inside limits, unless a search was given up.

        What is then not shown to be protected counts as not protected: more is hidden, never
        less.
        """
        if self.given_up:
            return None
        try:
            return _integral(self.known, row, lower, upper)
        except _GivenUpError:
            self.given_up = True
            return None

    def _vary_all(self) -> None:
        """Look for a second value of every sum that showed only one so far."""
        single = np.flatnonzero((self.low >= self.high) & ~self.settled & self.varied)
        if len(single):
            self._solve(self._cost(single, -1.0, capped=False))
        for question in np.flatnonzero((self.low >= self.high) & ~self.settled & self.varied):
            if self.low[question] < self.high[question]:
                continue
            one = np.array([question])
            for sign in (-1.0, 1.0):
                if self.low[question] >= self.high[question]:
                    best = self._solve(self._cost(one, sign, capped=False))
                    if not np.isfinite(best):
                        self.high[question] = max(self.high[question], self.low[question] + 1)
            if self.low[question] >= self.high[question]:
                self.exact[question] = not self._second(int(question))

    def _second(self, question: int) -> bool:
        """Look for a whole-number witness of another value."""
        value, row = int(self.low[question]), self.questions[[question]]
        for lower, upper in ((value + 1, _UNLIMITED), (-_UNLIMITED, value - 1)):
            if (table := self._table(row, lower, upper)) is not None:
                asked = self.questions @ table
                self.low, self.high = np.minimum(self.low, asked), np.maximum(self.high, asked)
                return True
        return False


def _settle(known: Knowledge) -> tuple[Mask, Integers]:
    """Settle groups by zeros and lone unknowns, without any programme."""
    plain = np.flatnonzero(known.sums.multiply(known.sums < 0).sum(axis=1) == 0)
    known = Knowledge(known.sums[plain], known.lower[plain], known.upper[plain])
    sums, groups = known.sums, known.sums.shape[1]
    fixed, value = np.zeros(groups, bool), np.zeros(groups, np.int64)
    while True:
        rest = known.upper - sums @ np.where(fixed, value, 0)
        loose = sums @ (~fixed).astype(np.int64)
        firm = known.lower == known.upper
        empty = (rest == 0) & (loose > 0)
        zero = (sums[np.flatnonzero(empty)].sum(axis=0) > 0) & ~fixed
        lone = np.flatnonzero((loose == 1) & firm & ~empty)
        places = sparse.coo_array(sums[lone])
        unknown = ~fixed[places.col]
        fixed_before = int(fixed.sum())
        fixed[zero] = True
        value[places.col[unknown]] = rest[lone][places.row[unknown]]
        fixed[places.col[unknown]] = True
        if (value < 0).any():
            raise DisclosureError(*_CONTRADICTION)
        if int(fixed.sum()) == fixed_before:
            return fixed, value


def _integral(known: Knowledge, row: sparse.csr_array, lower: int, upper: int) -> Integers | None:
    """Find a whole-number table with one sum inside limits; None if there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    width = known.sums.shape[1]
    limit = float(_UNLIMITED)
    answer = milp(
        np.zeros(width),
        constraints=[
            LinearConstraint(known.sums, known.lower, known.upper),
            LinearConstraint(
                row,
                -np.inf if lower <= -limit else lower,
                np.inf if upper >= limit else upper,
            ),
        ],
        integrality=np.ones(width),
        bounds=Bounds(0, np.inf),
        options={"node_limit": _NODES, "time_limit": _SECONDS},
    )
    if answer.status == 2:  # noqa: PLR2004  infeasible, proven
        return None
    if answer.status == 1 and answer.x is None:
        raise _GivenUpError
    if answer.x is None:
        raise SolverError(f"looking for a whole-number table: {answer.message}")
    table: Integers = np.rint(answer.x).astype(np.int64)
    sums = known.sums @ table
    asked = int((row @ table)[0])
    held = (sums >= known.lower) & (sums <= known.upper)
    if not (held.all() and (table >= 0).all() and lower <= asked <= upper):
        raise SolverError("looking for a whole-number table: the answer breaks the figures")
    return table
