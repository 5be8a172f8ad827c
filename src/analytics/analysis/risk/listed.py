"""
What an earlier official list tells of today's grades.

A county that was low on the list had no new case in the window then, so that only the days since
can have brought one; a high one had a cluster, which stays in the window for some days more.
Both windows share days: cases are split into those of the earlier window only, of both,
and of the later one only, and the two grades have a joint distribution.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.risk.chances import CUTS, Counts, counts
from analytics.analysis.risk.panel import panel
from analytics.analysis.risk.rules import ORDER, Cells, turning_points
from analytics.analysis.risk.sets import unit_starts
from analytics.errors import ParameterError
from analytics.methods import downscaling

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty

FloatArray = npt.NDArray[np.float64]
NEVER = np.inf  # rate of an event that no number of cases avoids


def conditioned(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    table: Cells,
    uncertainty: GradeUncertainty,
    earlier: pd.DataFrame,
    when: tuple[pd.Timestamp, int],
) -> FloatArray:
    """
    Cumulative chances of units' grades on a day, given an earlier list.

    Parameters
    ----------
    incidence : INCIDENCE table
    units : UNITS table
        Sorted by unit.
    shares : SHARES table
    table : Cells
        The rule.
    uncertainty : GradeUncertainty
    earlier : OFFICIAL_GRADES table
        One list, of a day before.
    when : tuple
        The day, and the rule's window [days].

    Returns
    -------
    array (units, 3)
        Cumulative chances of low, medium or lower, any. A list that grades the districts of a
        city together speaks of them together; a grade it does not give changes nothing.

    Raises
    ------
    ParameterError
        If the rule's grades turn on more than whether there was a case and a cluster: their
        joint distribution is not known then.
    """
    listed_on = pd.Timestamp(earlier["as_of"].iloc[0])
    segments = _segments(incidence, units, shares, (listed_on, *when))
    joint = _joint(segments, table, uncertainty)
    grades = earlier.set_index("adcode")["grade"].map({g.value: at for at, g in enumerate(ORDER)})
    starts = unit_starts(units)
    by_county: FloatArray = np.asarray(grades.reindex(units["adcode"]), dtype=np.float64)
    together = np.multiply.reduceat(_posterior(joint, by_county, uncertainty), starts, axis=0)
    # the list speaks of the unit itself, where it has no counties of it
    codes = units["unit"].to_numpy()[starts]
    by_unit: FloatArray = np.asarray(grades.reindex(codes), dtype=np.float64)
    several = np.diff(np.r_[starts, len(units)]) > 1
    by_unit = np.where(several, by_unit, np.nan)
    merged = np.multiply.reduceat(joint, starts, axis=0)
    return np.where(np.isnan(by_unit)[:, None], together, _posterior(merged, by_unit, uncertainty))


def _segments(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    when: tuple[pd.Timestamp, pd.Timestamp, int],
) -> tuple[list[Counts], list[Counts]]:
    """Cases of the earlier window only, of both, of the later only; and totals on both days."""
    listed_on, as_of, window = when
    shared = window - (as_of - listed_on).days

    def seen(day: pd.Timestamp, days: int) -> Counts:
        return counts(panel(incidence, pd.DatetimeIndex([day]), days), units, shares)

    before, now = seen(listed_on, window), seen(as_of, window)
    both = seen(listed_on, shared) if shared > 0 else None
    if both is None:
        both = replace(now, sure=0 * now.sure, expected=0 * now.expected)
    parts = [
        replace(
            whole,
            sure=np.maximum(whole.sure - both.sure, 0),
            expected=np.maximum(whole.expected - both.expected, 0),
        )
        for whole in (before, now)
    ]
    return [parts[0], both, parts[1]], [before, now]


def _rates(table: Cells, mark: float) -> tuple[tuple[int, ...], FloatArray]:
    """Rate of the event that lifts an area above each cut: any case, a cluster, or none."""
    if len(table.rate) > 1 or (len(table.new) > 1 and table.new[1:] != (1,)):
        raise ParameterError(
            "an earlier list cannot be used with this rule",
            ["its grades turn on how many new cases there were"],
            "leave the list out",
        )
    starts, points = turning_points(table)
    rates = np.zeros((len(starts), CUTS))
    for cell, cut in product(range(len(starts)), range(CUTS)):
        with_cluster, without = (float(limit[0]) for limit in points[cell][cut])
        rates[cell, cut] = 0.0 if np.isinf(with_cluster) else mark if np.isinf(without) else 1.0
        if with_cluster == 0:
            rates[cell, cut] = NEVER
    return starts, rates


def _joint(
    known: tuple[list[Counts], list[Counts]], table: Cells, uncertainty: GradeUncertainty
) -> FloatArray:
    """Cumulative joint chances (counties, 3, 3) of the grade then and the grade now."""
    segments, days = known
    starts, rates = _rates(table, uncertainty.cluster_rate)
    first = segments[0]
    own = first.own[:, None]
    nodes, weights = downscaling.share_nodes(first.share, first.spread)
    joint = np.zeros((len(first.own), CUTS + 1, CUTS + 1))
    for at, weight in enumerate(weights):
        share = nodes[:, at, None]
        reached = [_reached(day, share, starts, own) for day in days]
        for then, now in product(range(len(starts)), repeat=2):
            part = weight * _both(reached, then, now)
            for a, b in product(range(CUTS + 1), repeat=2):
                pair = (
                    rates[then, a] if a < CUTS else 0.0,
                    rates[now, b] if b < CUTS else 0.0,
                )
                joint[:, a, b] += part * _avoided(segments, share, pair, uncertainty)
    joint[~first.known] = np.outer((1, 2, 3), (1, 2, 3)) / 9
    return joint


def _reached(
    day: Counts, share: FloatArray, starts: tuple[int, ...], own: npt.NDArray[np.bool_]
) -> FloatArray:
    """Chance (counties, cells + 1) that cumulative cases reach each cell, 1 and 0 at the ends."""
    columns = [np.ones(len(share))]
    for start in starts[1:]:
        exact = (day.total >= start).astype(np.float64)
        columns.append(np.where(own, exact, downscaling.reaches(share * day.total, start))[:, 0])
    return np.column_stack([*columns, np.zeros(len(share))])


def _both(reached: list[FloatArray], then: int, now: int) -> FloatArray:
    """Chance to lie in one cell then and in one now: as counts only grow, as alike as can be."""
    before, after = reached[0], np.maximum(reached[0], reached[1])
    low = np.maximum(before[:, then + 1], after[:, now + 1])
    high = np.minimum(before[:, then], after[:, now])
    shared: FloatArray = np.maximum(high - low, 0)
    return shared


def _avoided(
    segments: list[Counts],
    share: FloatArray,
    pair: tuple[float, float],
    uncertainty: GradeUncertainty,
) -> FloatArray:
    """Chance that neither window holds its event."""
    if NEVER in pair:
        return np.zeros(len(share))
    each = (pair[0], max(pair), pair[1])
    mean, sure = np.zeros(share.shape), np.ones(share.shape)
    for rate, part in zip(each, segments, strict=True):
        mean = mean + rate * share * part.expected
        sure = sure * (1 - rate) ** part.sure
    avoided = downscaling.none(mean, uncertainty.window_dispersion) * sure
    result: FloatArray = avoided[:, 0]
    return result


def _posterior(joint: FloatArray, grade: FloatArray, uncertainty: GradeUncertainty) -> FloatArray:
    """Cumulative chances (..., 3) now, given the grade then; nan says nothing."""
    error = uncertainty.list_error
    each = np.diff(np.diff(joint, axis=1, prepend=0), axis=2, prepend=0)
    each = np.maximum(each, 0)
    given = np.full((len(grade), CUTS + 1), error / (CUTS + 1))
    seen = ~np.isnan(grade)
    given[seen, grade[seen].astype(int)] += 1 - error
    given[~seen] = 1
    weighted = (each * given[:, :, None]).sum(axis=1)
    total = weighted.sum(axis=1, keepdims=True)
    result: FloatArray = np.cumsum(weighted / np.where(total > 0, total, 1), axis=1)
    return result
