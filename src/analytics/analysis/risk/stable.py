"""
Grades of many days at once, and the stabilised grade: advisory, beside the legal one.

Tables
------
TRAJECTORY
    One row per unit and day: date, adcode, may_be_low, may_be_medium, may_be_high (bool),
    p_low, p_medium, p_high, grade (the single grade that the evidence leaves, else empty),
    stabilised (grade).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.risk.chances import counts, county_chances, unit_chances
from analytics.analysis.risk.panel import Panel, panel
from analytics.analysis.risk.rules import ORDER, cells, low_has_no_case, possible
from analytics.analysis.risk.sets import clusters_on, unit_starts, whole, worst

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty, GradingRule

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntegerArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """
    Grades of units over days.

    Parameters
    ----------
    codes : array (units,)
        Codes of the units, sorted.
    days : DatetimeIndex (days,)
    possible : array (units, days, 3)
        Whether the evidence leaves low, medium and high.
    chance : array (units, days, 3)
        How likely each is.
    stabilised : array (units, days)
        Advisory grade, 0 (low) to 2 (high).
    """

    codes: npt.NDArray[np.object_]
    days: pd.DatetimeIndex
    possible: BoolArray
    chance: FloatArray
    stabilised: IntegerArray

    def table(self) -> pd.DataFrame:
        """Lay all out as a TRAJECTORY table, by unit and day."""
        names = np.array([g.value for g in ORDER])
        index = pd.MultiIndex.from_product([self.codes, self.days], names=["adcode", "date"])
        flags = self.possible.reshape(-1, len(ORDER))
        frame = pd.DataFrame(flags, columns=[f"may_be_{g}" for g in ORDER], index=index)
        chance = self.chance.reshape(-1, len(ORDER))
        frame[[f"p_{g}" for g in ORDER]] = chance
        single = flags.sum(axis=1) == 1
        frame["grade"] = pd.Series(names[flags.argmax(axis=1)], index=index).where(single)
        frame["stabilised"] = names[self.stabilised.ravel()]
        return frame.reset_index()[["date", "adcode", *frame.columns]]


def trajectory(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    rule: GradingRule,
    uncertainty: GradeUncertainty,
    days: pd.DatetimeIndex,
    clusters: pd.DataFrame | None = None,
) -> Trajectory:
    """
    Grade every unit on every day, each as known by that day.

    Parameters
    ----------
    incidence : INCIDENCE table
    units : UNITS table
        The same units on all days.
    shares : SHARES table
    rule : GradingRule
        Its ``rise_at``, ``fall_below`` and ``hold_days`` stabilise.
    uncertainty : GradeUncertainty
    days : DatetimeIndex
        Consecutive days.
    clusters : pandas.DataFrame, optional
        As in ``grade``.

    Returns
    -------
    Trajectory
        For each day the sets of ``grade`` and the chances of ``probability`` without a list.
    """
    units = units.sort_values(["unit", "adcode"], ignore_index=True)
    starts, table = unit_starts(units), cells(rule)
    seen = panel(incidence, days, rule.window_days)
    found = clusters_on(units["adcode"], clusters, days, rule.window_days)
    people = units["population"].to_numpy(dtype="float64") if "population" in units else None
    left = possible(
        table, *_bounds(seen, units), found, None if people is None else people[:, None]
    )
    left = worst(left, starts)
    if low_has_no_case(table):
        prefecture = units["prefecture"].iloc[starts]
        new = seen.at(prefecture, seen.new_lower, 0.0) > 0
        left[..., 0] &= ~(whole(units, starts)[:, None] & new)
    chance, _ = county_chances(counts(seen, units, shares), table, uncertainty, found, people)
    each = unit_chances(chance, starts, left)
    codes = units["unit"].to_numpy(dtype=object)[starts]
    return Trajectory(codes, days, left, each, stabilise(each, rule))


def _bounds(
    seen: Panel, units: pd.DataFrame
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Bounds on new and cumulative cases of each county, as ``grade`` has them."""
    own = units["adcode"].isin(seen.codes).to_numpy(dtype=bool)[:, None]
    mine, theirs = units["adcode"], units["prefecture"]
    lower = np.where(own, seen.at(mine, seen.new_lower, 0.0), 0.0)
    upper = np.where(
        own, seen.at(mine, seen.new_upper, np.inf), seen.at(theirs, seen.new_upper, np.inf)
    )
    total = np.where(
        own, seen.at(mine, seen.cumulative, np.nan), seen.at(theirs, seen.cumulative, np.nan)
    )
    least = np.where(own, np.nan_to_num(total), 0.0)
    return (lower, upper), (least, np.where(np.isnan(total), np.inf, total))


def stabilise(chance: FloatArray, rule: GradingRule) -> IntegerArray:
    """
    Advisory grade with hysteresis: quick to rise, slow to fall.

    Parameters
    ----------
    chance : array (units, days, 3)
        Probability of each grade on consecutive days.
    rule : GradingRule
        Rises on the day the chance of a heavier grade reaches ``rise_at``; falls once it has been
        below ``fall_below`` on ``hold_days`` days in a row.

    Returns
    -------
    array (units, days)
        Grade, 0 to 2. Before anything raised or lowered it, it is what the first day makes
        likelier than not.

    Notes
    -----
    Each of the two cuts has its own latch (Schmitt trigger). More cases raise the chance of a
    heavier grade on every day, so the stabilised grade never falls by them.
    """
    heavier = np.cumsum(chance[..., :0:-1], axis=-1)[..., ::-1]  # (medium or high, high)
    # sums of probabilities are rounded, lest the last digit decide
    heavier = np.round(heavier, 9)
    rising, below = heavier >= rule.rise_at, heavier < rule.fall_below
    run = np.cumsum(below, axis=1)
    shift = ((0, 0), (rule.hold_days, 0), (0, 0))
    falling = run - np.pad(run, shift)[:, : run.shape[1]] >= rule.hold_days
    day = np.arange(1, chance.shape[1] + 1)[None, :, None]
    rose = np.maximum.accumulate(np.where(rising, day, 0), axis=1)
    fell = np.maximum.accumulate(np.where(falling, day, 0), axis=1)
    start = heavier[:, :1] >= 0.5  # noqa: PLR2004 - likelier than not
    state = np.where((rose == 0) & (fell == 0), start, rose > fell)
    result: IntegerArray = state.sum(axis=-1)
    return result
