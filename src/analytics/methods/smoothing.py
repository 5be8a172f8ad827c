"""
Rates of small areas, steadied by what other areas show: empirical Bayes, global and local.

Arrays are (areas,); rates are cases per 100,000 persons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PER = 100_000.0


@dataclass(frozen=True)
class SmoothedRates:
    """
    Smoothed rates with their intervals.

    Parameters
    ----------
    raw : array (areas,)
        Cases per 100,000.
    rate : array (areas,)
        Smoothed rate per 100,000, the posterior mean.
    low, high : array (areas,)
        Ends of the central posterior interval, per 100,000.
    weight : array (areas,)
        Weight of the area's own rate: 1 leaves it as it is, 0 puts the reference in its place.
    """

    raw: FloatArray
    rate: FloatArray
    low: FloatArray
    high: FloatArray
    weight: FloatArray


def empirical_bayes(
    cases: npt.ArrayLike,
    population: npt.ArrayLike,
    neighbours: npt.ArrayLike | None = None,
    coverage: float = 0.95,
) -> SmoothedRates:
    """
    Shrink each area's rate towards that of all areas, or of its neighbourhood.

    Parameters
    ----------
    cases : array (areas,)
        Counted cases.
    population : array (areas,)
        Persons, above 0.
    neighbours : array (areas, areas), optional
        True or positive where two areas adjoin; the area itself always belongs to its
        neighbourhood. Without it every area is compared with all (global smoothing).
    coverage : float
        Of the interval.

    Returns
    -------
    SmoothedRates
        Rates per 100,000 with their intervals.

    Raises
    ------
    ParameterError
        If counts are negative or unknown, a population is not positive, or shapes differ.

    Notes
    -----
    Marshall's moment estimator [1]_. With O cases among P persons, m = sum O / sum P over the
    reference areas, S = sum P (O/P - m)^2 / sum P and mean population p::

        A = max(S - m / p, 0),   weight = A / (A + m / P),   rate = m + weight (O/P - m)

    This is the posterior mean of a gamma prior with mean m and variance A and a Poisson count,
    whose quantiles give the interval. Where A is 0 the data show no difference between areas
    beyond chance: every rate is m, and the interval is that of m itself, the reference's own
    count with a flat prior.

    References
    ----------
    .. [1] Marshall 1991, J R Stat Soc C 40(2):283, doi:10.2307/2347593.
    """
    count, persons = _checked(cases, population)
    reference = _reference(neighbours, count.size)
    total, people = reference @ count, reference @ persons
    mean = total / people
    raw = count / persons
    size = people / reference.sum(axis=1)
    spread = (reference @ (persons * raw**2) - 2 * mean * total + mean**2 * people) / people
    between = np.maximum(spread - mean / size, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(mean > 0, between / (between + mean / persons), 0.0)
        shape = np.where(between > 0, mean**2 / between + count, total + 1)
        exposure = np.where(between > 0, mean / between + persons, people)
    ends = special.gammaincinv(shape[:, None], [(1 - coverage) / 2, (1 + coverage) / 2])
    low, high = (ends / exposure[:, None]).T
    rate = mean + weight * (raw - mean)
    return SmoothedRates(raw * PER, rate * PER, np.minimum(low, rate) * PER, high * PER, weight)


def spatial(
    cases: npt.ArrayLike,
    population: npt.ArrayLike,
    neighbours: npt.ArrayLike,
    coverage: float = 0.95,
) -> SmoothedRates:
    """
    Rate of each area together with its neighbours: all cases over all persons.

    Parameters
    ----------
    cases, population : array (areas,)
        Counted cases; persons, above 0.
    neighbours : array (areas, areas)
        True or positive where two areas adjoin; the area itself is always counted.
    coverage : float
        Of the exact Poisson interval [1]_.

    Returns
    -------
    SmoothedRates
        `weight` is the area's own share of the persons counted.

    References
    ----------
    .. [1] Garwood 1936, Biometrika 28(3/4):437, doi:10.1093/biomet/28.3-4.437.
    """
    count, persons = _checked(cases, population)
    reference = _reference(neighbours, count.size)
    total, people = reference @ count, reference @ persons
    low = special.gammaincinv(np.maximum(total, 1e-300), (1 - coverage) / 2)
    high = special.gammaincinv(total + 1, (1 + coverage) / 2)
    low = np.where(total > 0, low, 0)
    scale = PER / people
    raw = count / persons * PER
    return SmoothedRates(raw, total * scale, low * scale, high * scale, persons / people)


def spillover(incidence: npt.ArrayLike, weights: npt.ArrayLike) -> FloatArray:
    """
    Pressure on each area from the others: their incidence, weighted.

    Parameters
    ----------
    incidence : array (..., areas)
        Cases, or rates, of each area.
    weights : array (areas, areas)
        Row i holds what area i takes from the others: adjacency, or the share of its arrivals
        that come from each. Not negative; the diagonal is left out.

    Returns
    -------
    array (..., areas)
        Mean of the others' incidence by weight; 0 for an area that takes from none.
    """
    matrix = np.array(weights, dtype=np.float64)
    values = np.asarray(incidence, dtype=np.float64)
    size = values.shape[-1]
    if matrix.shape != (size, size) or not (matrix >= 0).all():
        raise ParameterError(
            "weights do not fit the areas",
            [f"{size} areas, weights of shape {matrix.shape}, which must be 0 or more"],
        )
    np.fill_diagonal(matrix, 0)
    total = matrix.sum(axis=1)
    pressure: FloatArray = values @ matrix.T / np.where(total > 0, total, 1)
    return pressure


def _checked(cases: npt.ArrayLike, population: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    count = np.asarray(cases, dtype=np.float64)
    persons = np.asarray(population, dtype=np.float64)
    breaches = []
    if count.ndim != 1 or count.shape != persons.shape or not count.size:
        breaches.append(f"cases have shape {count.shape}, population {persons.shape}")
    else:
        wrong = int((~(count >= 0)).sum()), int((~(persons > 0)).sum())
        if wrong[0]:
            breaches.append(f"{wrong[0]} area(s) have negative or unknown cases")
        if wrong[1]:
            breaches.append(f"{wrong[1]} area(s) have no population above 0")
    if breaches:
        raise ParameterError("rates cannot be smoothed", breaches)
    return count, persons


def _reference(neighbours: npt.ArrayLike | None, areas: int) -> FloatArray:
    """Areas each one is compared with, itself among them, as a 0-1 matrix."""
    if neighbours is None:
        return np.ones((areas, areas))
    matrix = np.asarray(neighbours, dtype=np.float64)
    if matrix.shape != (areas, areas):
        raise ParameterError(f"{areas} areas, but neighbours have shape {matrix.shape}")
    reference: FloatArray = ((matrix > 0) | np.eye(areas, dtype=bool)).astype(np.float64)
    return reference
