"""
Chances of grades, as arrays: of each county, and of units by the worst of their members.

A chance is cumulative over the two cuts: of being low, and of being medium or lower. It comes
from sure new cases (the county's own, published), expected ones (a share of the prefecture's),
cumulative cases, and a small chance that each new case began a cluster. With the share
fixed, a case more raises both kinds of count, so that it never makes a lighter grade likelier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.risk.panel import Panel
from analytics.analysis.risk.rules import Cells, turning_points
from analytics.methods import downscaling

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntegerArray = npt.NDArray[np.int64]
CUTS = 2


@dataclass(frozen=True, eq=False)
class Counts:
    """
    What is known of counties' cases on each day, arrays (counties, days) unless said otherwise.

    Parameters
    ----------
    own : array (counties,)
        Whether the county's own counts are known: published, or its prefecture's if it is all
        of it.
    known : array (counties,)
        Whether anything is published for it or its prefecture.
    sure : array
        New cases in the window for certain [cases].
    expected : array
        Further new cases of the window, of the county or of its prefecture [cases].
    total : array
        Cumulative cases, of the county or of its prefecture [cases].
    share, spread : array (counties,)
        Share of the prefecture's cases, and standard deviation of its logit.
    """

    own: BoolArray
    known: BoolArray
    sure: FloatArray
    expected: FloatArray
    total: FloatArray
    share: FloatArray
    spread: FloatArray

    def some(self, rows: BoolArray) -> Counts:
        """Keep only some counties."""
        return replace(self, **{name: values[rows] for name, values in vars(self).items()})


def counts(panel: Panel, units: pd.DataFrame, shares: pd.DataFrame) -> Counts:
    """Cases of each county of a UNITS table, its own or a share of its prefecture's."""
    share = units["adcode"].map(shares.set_index("adcode")["share"]).to_numpy(dtype="float64")
    spread = units["adcode"].map(shares.set_index("adcode")["spread"]).to_numpy(dtype="float64")
    listed = units["adcode"].isin(panel.codes).to_numpy(dtype=bool)
    codes = units["adcode"].where(listed, units["prefecture"])
    own = listed | (share == 1)
    known = codes.isin(panel.codes).to_numpy(dtype=bool)
    lower, expected = (panel.at(codes, values, 0.0) for values in (panel.new_lower, panel.expected))
    return Counts(
        own=own & known,
        known=known,
        sure=np.where(own[:, None], lower, 0),
        expected=np.where(own[:, None], np.maximum(expected - lower, 0), expected),
        total=panel.at(codes, panel.latest, 0.0),
        share=np.where(own, 1.0, share),
        spread=np.where(own, 0.0, spread),
    )


def county_chances(
    known: Counts,
    table: Cells,
    uncertainty: GradeUncertainty,
    cluster: FloatArray,
    population: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """
    Chance of each county to be low, and to be medium or lower.

    Parameters
    ----------
    known : Counts
    table : Cells
        The rule.
    uncertainty : GradeUncertainty
    cluster : array (counties, days)
        1 a cluster in the window, 0 none, nan unknown.
    population : array (counties,), optional
        Residents, for a rule of rates.

    Returns
    -------
    array (counties, days, 2)
        Cumulative chances; 1/3 and 2/3 where nothing is published.
    array (counties, days)
        Chance of cumulative cases in the rule's highest cell.
    """
    chance = np.empty((*known.sure.shape, CUTS))
    chance[:] = (1 / 3, 2 / 3)
    above = np.zeros(known.sure.shape)
    for rows in (known.own, known.known & ~known.own):
        if rows.any():
            people = None if population is None else population[rows]
            chance[rows], above[rows] = _chances(
                known.some(rows), table, uncertainty, cluster[rows], people
            )
    return chance, above


def _chances(
    known: Counts,
    table: Cells,
    uncertainty: GradeUncertainty,
    cluster: FloatArray,
    population: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """Chances of counties that all have their own counts, or none of them."""
    starts, points = turning_points(table, population)
    own = bool(known.own.any())
    nodes, weights = downscaling.share_nodes(
        known.share, known.spread, 1 if own else downscaling.NODES
    )
    chance, above = np.zeros((*known.sure.shape, CUTS)), np.zeros(known.sure.shape)
    for at, weight in enumerate(weights):
        share = nodes[:, at, None]
        lighter = _lighter(known, share, points, uncertainty, cluster)
        reached = [weight * np.ones(known.sure.shape)]
        reached += [weight * _reaches(known, share, start, own=own) for start in starts[1:]]
        for cell, level in enumerate(lighter):
            last = cell + 1 == len(starts)
            part = reached[cell] if last else reached[cell] - reached[cell + 1]
            for cut in range(CUTS):
                chance[..., cut] += part * level[cut]
        above += reached[-1] if len(starts) > 1 else 0
    return np.clip(chance, 0, 1), above


def _reaches(known: Counts, share: FloatArray, start: int, *, own: bool) -> FloatArray:
    """Chance that cumulative cases reach a cell."""
    if own:
        return (known.total >= start).astype(np.float64)
    return downscaling.reaches(share * known.total, start)


def _lighter(
    known: Counts,
    share: FloatArray,
    points: list[list[tuple[FloatArray, FloatArray]]],
    uncertainty: GradeUncertainty,
    cluster: FloatArray,
) -> list[list[FloatArray]]:
    """Chance to be within each cut, given the cell of cumulative cases and the share."""
    mean, found = share * known.expected, ~np.isnan(cluster)
    asked = bool(found.any())
    made: dict[bytes, FloatArray] = {}

    def fewer(limit: FloatArray, mark: float) -> FloatArray:
        key = limit.tobytes() + np.float64(mark).tobytes()
        if key not in made:
            made[key] = _fewer(known.sure, mean, limit, uncertainty.window_dispersion, mark)
        return made[key]

    rate = uncertainty.cluster_rate
    levels = []
    for cell in points:
        level = []
        for with_cluster, without in cell:
            chance = fewer(with_cluster, 0) + fewer(without, rate) - fewer(with_cluster, rate)
            if asked:
                sure = np.where(cluster == 1, fewer(with_cluster, 0), fewer(without, 0))
                chance = np.where(found, sure, chance)
            level.append(chance)
        levels.append(level)
    return levels


def _fewer(
    sure: FloatArray, mean: FloatArray, limit: FloatArray, dispersion: float, mark: float
) -> FloatArray:
    """Chance of fewer cases than a limit, sure ones among them, and of no marked one."""
    unmarked = (1 - mark) ** sure if mark and sure.any() else 1.0
    if np.isinf(limit).all() or (limit <= 0).all():
        rest = downscaling.fewer(mean, dispersion, limit[0], mark)
    elif (limit == 1).all():
        rest = np.where(sure > 0, 0.0, downscaling.none(mean, dispersion))
    else:
        rest = downscaling.fewer(mean, dispersion, limit[:, None] - sure, mark)
    result: FloatArray = rest * unmarked
    return result


def unit_chances(cumulative: FloatArray, starts: IntegerArray, left: BoolArray) -> FloatArray:
    """
    Chance of each grade for units that take their worst member's, within what is possible.

    Parameters
    ----------
    cumulative : array (counties, ..., 2)
        Chance of each county to be low, and to be medium or lower.
    starts : array (units,)
        First member of each unit.
    left : array (units, ..., 3)
        Grades that the evidence leaves.

    Returns
    -------
    array (units, ..., 3)
        Probabilities, which sum to 1.
    """
    worst = np.multiply.reduceat(cumulative, starts, axis=0)
    return within(np.concatenate([worst, np.ones((*worst.shape[:-1], 1))], axis=-1), left)


def within(cumulative: FloatArray, left: BoolArray) -> FloatArray:
    """
    Turn cumulative chances into probabilities, none to what the evidence rules out.

    What would go to a lighter grade than is possible goes to the lightest that is, and to a
    heavier one to the heaviest; so more cases never make a lighter grade likelier, as dividing
    by what is left would.
    """
    lightest = left.argmax(axis=-1)[..., None]
    heaviest = left.shape[-1] - 1 - left[..., ::-1].argmax(axis=-1)[..., None]
    grade = np.arange(left.shape[-1])
    kept = np.where(grade < lightest, 0.0, np.where(grade >= heaviest, 1.0, cumulative))
    each = np.maximum(np.diff(kept, axis=-1, prepend=0), 0)
    gap = np.where(left, 0.0, each)  # a grade between two possible ones: the heavier has its share
    each = np.where(left, each, 0.0)
    each[..., -1] += gap.sum(axis=-1)
    result: FloatArray = each / each.sum(axis=-1, keepdims=True)
    return result
