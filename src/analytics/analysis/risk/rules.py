"""
A grading rule as a table: which grade each combination of evidence earns.

New cases of the window, their rate and cumulative cases are cut where the rule's criteria cut
them; with a cluster or without, every combination of cells has one grade, 0 (low) to 2
(high). Sets of grades and their probabilities are both read from this one table, so that a
rule of another province or country is data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analytics.codes import RiskGrade
from analytics.errors import StudyError

if TYPE_CHECKING:
    from analytics.study import Criterion, GradingRule

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntegerArray = npt.NDArray[np.int64]

ORDER = tuple(RiskGrade)
PER = 100_000.0


@dataclass(frozen=True, eq=False)
class Cells:
    """
    Grade of each cell.

    Parameters
    ----------
    new : tuple of int
        Lower ends of the cells of new cases [cases], the first 0.
    rate : tuple of float
        Lower ends of the cells of new cases per 100,000, the first 0.
    cumulative : tuple of int
        Lower ends of the cells of cumulative cases [cases], the first 0.
    grade : array (new, rate, cumulative, 2)
        Grade without and with a cluster, 0 to 2.
    """

    new: tuple[int, ...]
    rate: tuple[float, ...]
    cumulative: tuple[int, ...]
    grade: IntegerArray


@lru_cache(maxsize=64)
def cells(rule: GradingRule) -> Cells:
    """
    Lay a rule out as its table of cells.

    Raises
    ------
    StudyError
        If a combination has no grade, or a worse one has a lighter grade.
    """
    criteria = [criterion for tier in rule.ladder() for criterion in tier.any]
    new = {0} | {c.new_at_least for c in criteria if c.new_at_least is not None}
    new |= {c.new_at_most + 1 for c in criteria if c.new_at_most is not None}
    rate = {0.0} | {c.rate_at_least for c in criteria if c.rate_at_least is not None}
    rate |= {c.rate_below for c in criteria if c.rate_below is not None}
    total = {0} | {c.cumulative_at_least for c in criteria if c.cumulative_at_least is not None}
    total |= {c.cumulative_at_most + 1 for c in criteria if c.cumulative_at_most is not None}
    news, rates, totals = tuple(sorted(new)), tuple(sorted(rate)), tuple(sorted(total))
    grade = np.full((len(news), len(rates), len(totals), 2), -1, dtype=np.int64)
    for i, j, k, c in product(*map(range, grade.shape)):
        grade[i, j, k, c] = _graded(rule, news[i], rates[j], totals[k], cluster=bool(c))
    _check(grade)
    return Cells(news, rates, totals, grade)


def _graded(rule: GradingRule, new: int, rate: float, cumulative: int, *, cluster: bool) -> int:
    for tier in rule.ladder():
        if any(_fits(c, new, rate, cumulative, cluster=cluster) for c in tier.any):
            return ORDER.index(tier.grade)
    return -1


def _fits(c: Criterion, new: int, rate: float, cumulative: int, *, cluster: bool) -> bool:
    return (
        (c.new_at_least is None or new >= c.new_at_least)
        and (c.new_at_most is None or new <= c.new_at_most)
        and (c.rate_at_least is None or rate >= c.rate_at_least)
        and (c.rate_below is None or rate < c.rate_below)
        and (c.cumulative_at_least is None or cumulative >= c.cumulative_at_least)
        and (c.cumulative_at_most is None or cumulative <= c.cumulative_at_most)
        and (c.cluster is None or c.cluster == cluster)
    )


def _check(grade: IntegerArray) -> None:
    lacking = int((grade < 0).sum())
    lighter = sum(int((np.diff(grade, axis=axis) < 0).sum()) for axis in range(grade.ndim))
    breaches = []
    if lacking:
        breaches.append(f"{lacking} of {grade.size} combinations of evidence have no grade")
    elif lighter:
        breaches.append(f"{lighter} worse combination(s) of evidence have a lighter grade")
    if breaches:
        raise StudyError("the grading rule does not hold together", breaches)


def low_has_no_case(table: Cells) -> bool:
    """Whether one new case in the window is enough to be above low, as in China's rule."""
    return table.new[1:2] == (1,) and bool((table.grade[1:, :, 1:] > 0).all())


def possible(
    table: Cells,
    new: tuple[FloatArray, FloatArray],
    cumulative: tuple[FloatArray, FloatArray],
    cluster: FloatArray,
    population: FloatArray | None = None,
) -> BoolArray:
    """
    Grades that bounds on the evidence leave open.

    Parameters
    ----------
    table : Cells
    new, cumulative : pair of arrays (...)
        Lower and upper bound [cases]; infinite where no upper bound is known.
    cluster : array (...)
        1 a cluster, 0 none, nan unknown.
    population : array (...), optional
        Residents; without them a rate may be anything.

    Returns
    -------
    array (..., 3)
        Whether low, medium and high are possible.
    """
    shape = np.broadcast_shapes(new[0].shape, cumulative[0].shape, cluster.shape)
    left = np.zeros((*shape, len(ORDER)), dtype=bool)
    with_cluster = (cluster != 0, cluster != 1)
    none, endless = np.zeros(1), np.full(1, np.inf)
    fewest = [none if population is None else cases_at(r, population) for r in table.rate]
    limit = [endless if population is None else most for most in (*fewest[1:], endless)]
    most_new = [*(float(n) for n in table.new[1:]), np.inf]
    for i, j, k in product(*map(range, table.grade.shape[:3])):
        low = np.maximum(np.maximum(fewest[j], table.new[i]), new[0])
        inside = (low < np.minimum(limit[j], most_new[i])) & (low <= new[1])
        top = np.inf if k + 1 == len(table.cumulative) else table.cumulative[k + 1]
        bottom = np.maximum(table.cumulative[k], cumulative[0])
        inside = inside & (bottom < top) & (bottom <= cumulative[1])
        for c in (0, 1):
            left[..., table.grade[i, j, k, c]] |= inside & with_cluster[1 - c]
    return left


def cases_at(rate: float, population: FloatArray | None) -> FloatArray:
    """Fewest cases whose rate per 100,000 reaches one."""
    if rate == 0 or population is None:
        return np.zeros(1) if rate == 0 else np.full(1, np.nan)
    return np.asarray(np.ceil(rate * population / PER - 1e-9), dtype=np.float64)


def turning_points(
    table: Cells, population: FloatArray | None = None
) -> tuple[tuple[int, ...], list[list[tuple[FloatArray, FloatArray]]]]:
    """
    Fewest new cases that lift an area above low, and above medium, with a cluster and without.

    Parameters
    ----------
    table : Cells
    population : array (areas,), optional
        Residents, for a rule of rates.

    Returns
    -------
    tuple of int
        Lower ends of the cells of cumulative cases that differ [cases], the first 0.
    list of lists of pairs of arrays
        For each of these cells and each of the two cuts: fewest new cases above the cut with a
        cluster, and without; infinite where there are none.

    Raises
    ------
    StudyError
        If the rule needs rates, and residents are unknown.
    """
    if population is None and len(table.rate) > 1:
        raise StudyError("the grading rule needs rates, and residents are unknown")
    ends = [cases_at(r, population) for r in table.rate]
    points: list[list[tuple[FloatArray, FloatArray]]] = []
    starts: list[int] = []
    size = len(table.cumulative)
    for k, start in enumerate(table.cumulative):
        levels = []
        for cut in range(len(ORDER) - 1):
            pair = [np.full(1, np.inf), np.full(1, np.inf)]
            for i, j, c in product(range(len(table.new)), range(len(ends)), (0, 1)):
                # no more new cases than cumulative ones: such a cell is the next one's
                at = max(k, *(n for n in range(size) if table.cumulative[n] <= table.new[i]))
                if table.grade[i, j, at, c] > cut:
                    fewest = np.maximum(float(table.new[i]), ends[j])
                    pair[1 - c] = np.minimum(pair[1 - c], fewest)
            levels.append((pair[0], pair[1]))
        if not points or not _same(points[-1], levels):
            starts.append(start)
            points.append(levels)
    return tuple(starts), points


def _same(
    one: list[tuple[FloatArray, FloatArray]], other: list[tuple[FloatArray, FloatArray]]
) -> bool:
    return all(
        np.array_equal(a, b)
        for pair, twin in zip(one, other, strict=True)
        for a, b in zip(pair, twin, strict=True)
    )
