"""
Infections carried out of a place by its travellers: expected, simulated, and held against counts.

Arrays name their axes in order; draws come first, then days, then routes. A route is whatever
the caller counts travellers by: a destination, or a destination and a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
_CELLS = 400_000  # cumulative rates held at once, to stay in the cache


@dataclass(frozen=True)
class Exports:
    """
    Infected travellers that arrive over each route, summarised over draws.

    Parameters
    ----------
    mean : array (days, routes)
        Mean number that arrive each day [persons/day], averaged over the prevalence's draws.
    levels : tuple of float
        Probabilities of the quantiles.
    total : array (levels, routes)
        Quantiles of the number over all days [persons].
    arrival_probability : array (routes,)
        Share of draws with at least one arrival.
    first_arrival : array (levels, routes)
        Quantiles of the first arrival's day, counted from 0 [days]; infinite where the
        draws of that quantile see no arrival.
    """

    mean: FloatArray
    levels: tuple[float, ...]
    total: FloatArray
    arrival_probability: FloatArray
    first_arrival: FloatArray


def infectious(
    incidence: npt.ArrayLike,
    ascertainment: npt.ArrayLike = 1.0,
    infectious_period: npt.ArrayLike = 7.0,
) -> FloatArray:
    """
    People who are infectious on each day, from the new cases that were found.

    Parameters
    ----------
    incidence : array (days,) or (draws, days)
        New cases found, by the day they became infectious [cases/day].
    ascertainment : float or array (draws,)
        Share of infections that are found, above 0 and at most 1.
    infectious_period : float or array (draws,)
        Mean time an infected person can travel and infect [days], exponentially distributed.

    Returns
    -------
    array (days,) or (draws, days)
        Infectious people at the end of each day.

    Raises
    ------
    ParameterError
        If a count is negative or not finite, or a share or period is impossible.

    Notes
    -----
    .. math:: I_t = I_{t-1} e^{-1/D} + c_t / a
    """
    found = np.asarray(incidence, dtype=np.float64)
    share = np.asarray(ascertainment, dtype=np.float64)
    period = np.asarray(infectious_period, dtype=np.float64)
    _refuse(
        "the infectious cannot be computed",
        [
            (~(np.isfinite(found) & (found >= 0)), "counts of new cases are negative or missing"),
            (~((share > 0) & (share <= 1)), "values of ascertainment lie outside (0, 1]"),
            (~(np.isfinite(period) & (period > 0)), "infectious periods are not above 0 days"),
        ],
    )
    started = found / share[..., None]
    kept = np.exp(-1 / period)
    shape = np.broadcast_shapes(started.shape[:-1], kept.shape)
    people = np.empty((*shape, found.shape[-1]))
    current = np.zeros(shape)
    for day in range(found.shape[-1]):
        current = current * kept + started[..., day]
        people[..., day] = current
    return people


def expected_exports(
    infectious: npt.ArrayLike,
    population: float,
    flow: npt.ArrayLike,
    *,
    missed: npt.ArrayLike = 1.0,
    relative_travel: float = 1.0,
) -> FloatArray:
    """
    Infected travellers to expect on each day and route.

    Parameters
    ----------
    infectious : array (days,) or (draws, days)
        Infectious people in the origin, as `infectious` gives.
    population : float
        People in the origin.
    flow : array (days, destinations) or (days, destinations, channels)
        Travellers leaving [persons/day].
    missed : array broadcastable to the flow
        Share of infected travellers whom the checks on a route let pass.
    relative_travel : float
        How readily the infected travel, against everybody else.

    Returns
    -------
    array (days, ...) or (draws, days, ...)
        Expected arrivals [persons/day], with the flow's axes last.

    Raises
    ------
    ParameterError
        If days differ, more are infectious than live there, or a flow or share is impossible.
    """
    people = np.asarray(infectious, dtype=np.float64)
    travellers = np.asarray(flow, dtype=np.float64)
    passing = np.asarray(missed, dtype=np.float64)
    if people.shape[-1] != travellers.shape[0]:
        days = (
            f"{people.shape[-1]} days of infectious people and {travellers.shape[0]} days of flow"
        )
        raise ParameterError(f"exports cannot be computed from {days}")
    _refuse(
        "exports cannot be computed",
        [
            (
                ~((people >= 0) & (people <= population)),
                "numbers of infectious people are not 0..population",
            ),
            (~(np.isfinite(travellers) & (travellers >= 0)), "flows are negative or missing"),
            (~((passing >= 0) & (passing <= 1)), "shares missed lie outside [0, 1]"),
            (~np.asarray(relative_travel >= 0), "value of relative travel is negative"),
        ],
    )
    risk = people * relative_travel / population
    routes = travellers * passing
    return risk[(...,) + (None,) * (routes.ndim - 1)] * routes


def simulate_exports(
    infectious: npt.ArrayLike,
    population: float,
    flow: npt.ArrayLike,
    *,
    dispersion: float = 0.0,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
) -> Exports:
    r"""
    Draw infected travellers by day and route, and summarise the draws.

    Parameters
    ----------
    infectious : array (draws, days)
        Infectious people in the origin, one plausible course a draw.
    population : float
        People in the origin.
    flow : array (days, routes)
        Travellers whom no check stops [persons/day]; multiply by the share missed before.
    dispersion : float
        Squared coefficient of variation of a route's true rate around the expected one;
        0 is a plain Poisson count.
    levels : sequence of float
        Probabilities of the quantiles.
    seed : int
        Seed of the generator.

    Returns
    -------
    Exports
        Means, quantiles and first arrivals.

    Raises
    ------
    ParameterError
        As `expected_exports` does, or for a negative dispersion.

    Notes
    -----
    A route's rate is multiplied by one gamma variate of mean 1 and variance `dispersion` a
    draw, then arrivals are a Poisson process over the days: a route's total is negative
    binomial with variance :math:`\mu + \alpha\mu^2`, and errors of a route persist over
    its days, as errors of a flow or of the travellers' risk do. The process is drawn by its
    first arrival, where the cumulative rate passes a unit exponential variate, and by the
    Poisson number that follows it: the same law as counts drawn day by day.
    """
    people = np.atleast_2d(np.asarray(infectious, dtype=np.float64))
    travellers = np.asarray(flow, dtype=np.float64)
    if travellers.ndim != 2:  # noqa: PLR2004 (days and routes)
        raise ParameterError(f"a flow of days and routes is needed, not of {travellers.ndim} axes")
    if dispersion < 0:
        raise ParameterError(f"a dispersion of {dispersion} is negative")
    expected_exports(people, population, travellers[:, :1])
    expected_exports(people[0], population, travellers)
    (draws, days), routes = people.shape, travellers.shape[1]
    generator = np.random.default_rng(seed)
    total = np.zeros((draws, routes))
    first = np.full((draws, routes), np.inf)
    rates = travellers / population
    step = max(1, _CELLS // max(1, days * routes))
    for start in range(0, draws, step):
        part = slice(start, start + step)
        hazard = np.cumsum(people[part, :, None] * rates, axis=1)
        waiting = generator.exponential(size=(hazard.shape[0], routes))
        if dispersion:
            frailty = generator.gamma(1 / dispersion, dispersion, waiting.shape)
        else:
            frailty = np.ones(waiting.shape)
        with np.errstate(divide="ignore", over="ignore"):
            day = (hazard < (waiting / frailty)[:, None, :]).sum(axis=1)
        arrived = day < days
        left = np.maximum(frailty * hazard[:, -1] - waiting, 0)
        total[part] = np.where(arrived, 1 + generator.poisson(left), 0)
        first[part] = np.where(arrived, day, np.inf)
    return Exports(
        rates * people.mean(axis=0)[:, None],
        tuple(levels),
        np.quantile(total, levels, axis=0),
        (total > 0).mean(axis=0),
        np.quantile(first, levels, axis=0, method="higher"),
    )


def effective_distance(flow: npt.ArrayLike, sources: npt.ArrayLike | None = None) -> FloatArray:
    r"""
    Effective distance along the most probable paths of travel.

    Parameters
    ----------
    flow : array (places, places)
        Travellers from row to column; the diagonal is not read.
    sources : array of int, optional
        Rows to start from; all, if left out.

    Returns
    -------
    array (sources, places)
        Effective distance; 0 to the source itself, infinite where no path leads.

    Raises
    ------
    ParameterError
        If the table is not square, or a flow is negative or missing.

    Notes
    -----
    A step from n to m, taken by the share :math:`P_{mn}` of those who leave n, is
    :math:`1 - \log P_{mn}` long; a distance is the shortest sum of steps.

    References
    ----------
    Brockmann & Helbing (2013), Science 342: 1337-1342, doi:10.1126/science.1245200.
    """
    travellers = np.array(flow, dtype=np.float64)
    if travellers.ndim != 2 or travellers.shape[0] != travellers.shape[1]:  # noqa: PLR2004
        raise ParameterError(f"a square table of flows is needed, not one of {travellers.shape}")
    np.fill_diagonal(travellers, 0.0)
    wrong = ~(np.isfinite(travellers) & (travellers >= 0))
    _refuse("effective distance is undefined", [(wrong, "flows are negative or missing")])
    row, column = np.nonzero(travellers)
    share = travellers[row, column] / travellers.sum(axis=1)[row]
    graph = sparse.csr_array((1 - np.log(share), (row, column)), shape=travellers.shape)
    start = None if sources is None else np.atleast_1d(np.asarray(sources, dtype=np.int64))
    distance: FloatArray = csgraph.dijkstra(graph, indices=start)
    return distance


def growing(rate: float, days: int) -> FloatArray:
    """
    Prevalence of an epidemic that grows exponentially, as a share of its last day's.

    Parameters
    ----------
    rate : float
        Growth rate [1/day]; with doubling time d it is log(2) / d.
    days : int
        Number of days.

    Returns
    -------
    array (days,)
        Weights, the last of them 1.
    """
    return np.exp(rate * np.arange(1 - days, 1, dtype=np.float64))


def uncut(listed: npt.ArrayLike, distance: npt.ArrayLike) -> FloatArray:
    r"""
    Estimate what a list of the most travelled places leaves out, day by day.

    Parameters
    ----------
    listed : array (days, places)
        Flow of each place [any unit]; 0 where the day's list does not reach down to it.
    distance : array (places,)
        Distance from the origin [km], above 0.

    Returns
    -------
    array (days, places)
        Listed flows as they are; others as distance lets expect, and never above the least
        flow listed that day.

    Raises
    ------
    ParameterError
        If fewer than two places are ever listed, or a distance is not above 0.

    Notes
    -----
    A gravity term, :math:`\log \sum_t f_{tp} = a - b \log d_p`, fitted by least squares over the
    places listed at all; without masses, since none are known of every place.
    """
    flows = np.asarray(listed, dtype=np.float64)
    away = np.asarray(distance, dtype=np.float64)
    known = flows.sum(axis=0)
    ever = known > 0
    _refuse(
        "a cut list cannot be completed",
        [
            (~(away > 0), "distances are not above 0"),
            (np.array([ever.sum() < 2]), "lists name fewer than two places"),  # noqa: PLR2004
        ],
    )
    slope, level = np.polyfit(np.log(away[ever]), np.log(known[ever]), 1)
    expected = np.exp(level + slope * np.log(away)) / len(flows)
    least = np.where(flows > 0, flows, np.inf).min(axis=1)
    most = np.where(np.isfinite(least), least, 0.0)[:, None]
    return np.where(flows > 0, flows, np.minimum(expected[None, :], most))


def _refuse(what: str, checks: list[tuple[npt.NDArray[np.bool_], str]]) -> None:
    """Raise one error that counts every impossible value."""
    breaches = [f"{int(wrong.sum()):,} {why}" for wrong, why in checks if wrong.any()]
    if breaches:
        raise ParameterError(what, breaches)
