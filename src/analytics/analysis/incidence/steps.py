"""
Steps that are no epidemic growth: changed definitions, batches reported at once, retractions.

All work on daily steps of one series, keep its sum, and never leave a negative day behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.incidence.gaps import apportion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.analysis.incidence.corrections import Log

FloatArray = npt.NDArray[np.float64]

WEEK = 7
MANY = 0.4  # share of areas that jump on one day in a change of definition
SPAN = 14  # days a retraction reaches back at least


class Change(Protocol):
    """A dated change of definition, as a study declares it."""

    @property
    def day(self) -> object:
        """Day of the step."""

    @property
    def effect(self) -> str:
        """``adds`` cases, or ``removes`` them."""

    @property
    def series(self) -> Iterable[str]:
        """Series it touches."""

    @property
    def areas(self) -> Iterable[str]:
        """Areas it touches; none means all."""


@dataclass(frozen=True)
class Jump:
    """A step found or declared, to be spread."""

    day: pd.Timestamp
    kind: str
    evidence: str
    provisional: bool = False


def expected(steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """
    Say what neighbouring days lead one to expect: the larger of two weekly medians.

    Parameters
    ----------
    steps : array (days,)
        Daily steps [cases].

    Returns
    -------
    (array (days,), array (days,))
        Larger of the median of the seven days before and the seven days after (so growth
        and decline both count as expected), and how many days after there are.
    """
    series = pd.Series(np.maximum(steps, 0))
    before = series.rolling(WEEK, min_periods=3).median().shift(1)
    reverse = series[::-1]
    after = reverse.rolling(WEEK, min_periods=3).median().shift(1)[::-1]
    level = np.fmax(before.to_numpy(), after.to_numpy())
    follow = np.minimum(np.arange(len(steps))[::-1], WEEK).astype(np.float64)
    return np.nan_to_num(level, nan=np.inf), follow


def alone(steps: FloatArray) -> npt.NDArray[np.bool_]:
    """
    Find days whose step no outbreak explains by itself.

    More than four times the expected day, ten standard deviations of a Poisson day and 20
    cases. Where fewer than three days follow, what comes is unknown and growth may be steep:
    then also more than four times each of the three days before, and 50 cases.
    """
    level, follow = expected(steps)
    series = pd.Series(np.maximum(steps, 0))
    highest = series.rolling(3, min_periods=1).max().shift(1).to_numpy()
    open_end = np.where(follow < 3, 4 * highest + 50, 0)  # noqa: PLR2004
    found: npt.NDArray[np.bool_] = steps > np.fmax(4 * level + 10 * np.sqrt(level) + 20, open_end)
    found[:1] = False
    return found


def together(grid: pd.DataFrame) -> pd.Series:
    """Share of areas (with 2 or more expected cases) whose step is over twice the expected."""
    if grid.empty:
        return pd.Series(0.0, index=grid.index)
    levels = np.column_stack([expected(grid[name].to_numpy())[0] for name in grid.columns])
    able = np.isfinite(levels) & (levels >= 2)  # noqa: PLR2004
    high = able & (grid.to_numpy() > 2 * levels + 3 * np.sqrt(np.where(able, levels, 0)))
    count = able.sum(axis=1)
    share = np.where(count >= 4, high.sum(axis=1) / np.maximum(count, 1), 0.0)  # noqa: PLR2004
    return pd.Series(share, index=grid.index)


def jumps(
    steps: pd.Series, series: str, shared: pd.Series, declared: Iterable[Change]
) -> list[Jump]:
    """
    Find the steps of one area to be spread: declared ones, and those found by evidence.

    Parameters
    ----------
    steps : pandas.Series
        New cases by day; its name is the area's code.
    series : {"confirmed", "deaths", "recovered"}
    shared : pandas.Series
        Share of comparable areas that jump on each day.
    declared : iterable of Change
        Changes of definition that the study names.

    Returns
    -------
    list of Jump
        At most one a day; a step on the first day has nothing before it and is none.
    """
    found = {}
    values, many = steps.to_numpy(dtype=np.float64), shared.to_numpy() >= MANY
    level, follow = expected(values)
    joint = many & (values > 2 * level + 3 * np.sqrt(level))
    for at in np.flatnonzero(alone(values) | joint).tolist():
        day = steps.index[at]
        if not at:
            continue
        found[day] = Jump(
            day,
            "definition_change" if many[at] else "reporting_step",
            f"{values[at]:.0f} on one day where neighbouring days have {level[at]:.0f}; "
            f"{shared.iloc[at]:.0%} of comparable areas jump that day",
            provisional=bool(follow[at] < 3),  # noqa: PLR2004
        )
    for change in declared:
        day = pd.Timestamp(str(change.day))
        touched = not tuple(change.areas) or steps.name in tuple(change.areas)
        if series in tuple(change.series) and touched and day in steps.index[1:]:
            value = float(steps[day])
            if value > level[int(np.flatnonzero(steps.index == day)[0])]:
                found[day] = Jump(day, "definition_change", f"declared for {day:%Y-%m-%d}")
    return [found[day] for day in sorted(found)]


def spread(steps: pd.Series, jump: Jump, log: Log) -> tuple[pd.Series, float]:
    """
    Spread a jump's excess over the days before it, in proportion to their new cases.

    Parameters
    ----------
    steps : pandas.Series
        Daily steps [cases] of one area, by day; ``name`` is its adcode.
    jump : Jump
        Day to keep only what its neighbours lead one to expect.
    log : Log
        Takes the correction.

    Returns
    -------
    (pandas.Series, float)
        Steps with the same sum, and the number of cases moved. Multiplying the past by one
        factor leaves its growth, and so its reproduction number, as it was: the factor is the
        share of cases the old definition did not see. With no earlier case, nothing moves.
    """
    at = int(np.flatnonzero(steps.index == jump.day)[0])
    values = steps.to_numpy(dtype=np.float64, copy=True)
    level = expected(values)[0][at]
    excess = float(np.floor(values[at] - (level if np.isfinite(level) else 0)))
    past = np.maximum(values[:at], 0)
    decided = past.sum() > 0
    if excess <= 0:
        return steps, 0.0
    if decided:
        values[:at] += apportion(excess, past)
        values[at] -= excess
        reason = "no growth: excess spread over earlier days in proportion to their new cases"
    else:
        reason = "no growth, but no earlier case to spread the excess over: left on its day"
    if jump.provisional:
        reason += "; provisional, fewer than three days follow"
    log.add(jump.kind, str(steps.name), (jump.day, jump.day), amount=excess,
            reason=reason, evidence=jump.evidence, decided=bool(decided))  # fmt: skip
    moved = excess if decided else 0.0
    return pd.Series(values, index=steps.index, name=steps.name), moved


def retract(
    steps: pd.Series, falling: pd.Series, whole: frozenset[pd.Timestamp], log: Log
) -> tuple[pd.Series, FloatArray]:
    """
    Take negative steps back from the days they retract.

    Parameters
    ----------
    steps : pandas.Series
        Daily steps [cases] of one area; every running sum is at least 0.
    falling : pandas.Series
        Number of areas whose count fell that day, by day: evidence only.
    whole : frozenset of pandas.Timestamp
        Days of a declared change of definition, whose retraction reaches back to the start.
    log : Log
        Takes each retraction.

    Returns
    -------
    (pandas.Series, array)
        Steps without negative days and with the same sum, and the cases taken from each day.

    Notes
    -----
    A retraction of n cases is taken from the 14 days before it in proportion to their new
    cases; where these have fewer than n, the span grows until it holds n. One that a study
    declares as a change of definition is taken from all days before it.
    """
    values = steps.to_numpy(dtype=np.float64, copy=True)
    taken = np.zeros(len(values))
    for at in np.flatnonzero(values < 0).tolist():
        amount = -values[at]
        start = 0 if steps.index[at] in whole else max(0, at - SPAN)
        while start > 0 and values[start:at].sum() < amount:
            start -= 1
        part = _capped(amount, values[start:at])
        values[start:at] -= part
        taken[start:at] += part
        values[at] = 0.0
        log.add("retraction", str(steps.name), (steps.index[at], steps.index[at]),
                amount=amount, reason=f"taken back from {steps.index[start]:%Y-%m-%d} on, in "
                "proportion to the new cases of those days",
                evidence=f"the cumulative count fell by {amount:.0f}; "
                f"{falling[steps.index[at]]:.0f} area(s) fell that day")  # fmt: skip
    return pd.Series(values, index=steps.index, name=steps.name), taken


def _capped(amount: float, available: FloatArray) -> FloatArray:
    """Share an amount out in proportion to what is there, never more than is there."""
    part = np.minimum(apportion(amount, available), available)
    left = amount - part.sum()
    for at in np.argsort(part - available, kind="stable"):
        extra = min(left, available[at] - part[at])
        part[at] += extra
        left -= extra
    return part
