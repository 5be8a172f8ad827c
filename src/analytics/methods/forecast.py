"""
Short forecasts of new cases per area; ``backtest`` decides which of them may be shown.

Histories are arrays (areas, days) of daily new cases up to the day of the forecast; forecasts
are arrays (areas, horizons, levels) of quantiles of the cases summed over the next 7, 14, ...
days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial.hermite_e import hermegauss
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods import scoring
from analytics.methods.serial_interval import SerialInterval

FloatArray = npt.NDArray[np.float64]
Model = Callable[[FloatArray, tuple[int, ...], FloatArray], FloatArray]

HORIZONS = (7, 14)
LEVELS = np.array([0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975])
NISHIURA = SerialInterval(4.7, 2.9)
WEEK = 7
SHORTEST = 14  # days of history that a forecast tried on the past needs
LEAST_WEIGHT = 1e-3  # of the best combination's: less is not worth its time
NODES, DAMPING_NODES = 7, 3  # of the quadrature


def zero(history: FloatArray, horizons: tuple[int, ...], levels: FloatArray) -> FloatArray:
    """Predict no case at all: the baseline of an epidemic that is over."""
    return np.zeros((_history(history, horizons).shape[0], len(horizons), len(levels)))


def decaying_week(
    history: FloatArray,
    horizons: tuple[int, ...],
    levels: FloatArray,
    decay: float = 0.9,
    dispersion: float = 1.0,
) -> FloatArray:
    """
    Predict the last week's daily mean, falling by a constant factor: the strong baseline.

    Parameters
    ----------
    history : array (areas, days)
        Daily new cases.
    horizons : tuple of int
        Days to sum over.
    levels : array (levels,)
        Probabilities of the quantiles.
    decay : float
        Factor from one day to the next; 1 repeats the week.
    dispersion : float
        Size k of the negative binomial distribution of the sum: variance m + m^2 / k.

    Returns
    -------
    array (areas, horizons, levels)
        Quantiles of the cases summed over each horizon.
    """
    week = _history(history, horizons)[:, -WEEK:].mean(axis=1)
    days = np.array([(decay ** np.arange(1, horizon + 1)).sum() for horizon in horizons])
    mean = np.maximum(week[:, None] * days, 1e-12)
    share = dispersion / (dispersion + mean)
    quantiles: FloatArray = stats.nbinom.ppf(np.asarray(levels), dispersion, share[..., None])
    return np.maximum(quantiles, 0)


@dataclass(frozen=True)
class Damping:
    """
    Choices of the damped renewal forecast: wide ranges, which the past weighs, and round numbers.

    Parameters
    ----------
    interval : SerialInterval
        Mean 4.7 and standard deviation 2.9 days (Nishiura, Linton & Akhmetzhanov 2020, Int J
        Infect Dis 93:284, doi:10.1016/j.ijid.2020.02.060).
    windows : tuple of int
        Days of which the reproduction number is estimated.
    damping : tuple of float
        Factors on the reproduction number from one day to the next.
    spread : tuple of float
        Log standard deviations of an area's departure from the estimate.
    past : tuple of int
        Days ago from which every combination of the three is tried on the days since.
    prior_cases : float
        Weight [cases] of all areas' common reproduction number in each area's own.
    damping_spread : float
        Standard deviation of the damping.
    cluster, dispersion : float
        Variance of cases about their expectation m: cluster m + m^2 / dispersion.
    arrivals, arrivals_shape : float
        Cases a day from elsewhere: gamma distributed over areas with this shape, mean `arrivals`
        times the square root of the area's cases so far.
    most : float
        Upper bound of a reproduction number.
    """

    interval: SerialInterval = NISHIURA
    windows: tuple[int, ...] = (3, 7, 14)
    damping: tuple[float, ...] = (0.7, 0.8, 0.9)
    spread: tuple[float, ...] = (0.1, 0.3, 0.5)
    past: tuple[int, ...] = (3, 7, 14)
    prior_cases: float = 20.0
    damping_spread: float = 0.05
    cluster: float = 3.0
    dispersion: float = 10.0
    arrivals: float = 0.01
    arrivals_shape: float = 0.03
    most: float = 3.0


def damped_renewal(
    history: FloatArray,
    horizons: tuple[int, ...],
    levels: FloatArray,
    choices: Damping | None = None,
) -> FloatArray:
    """
    Predict by the renewal equation with a reproduction number that goes on falling.

    Parameters
    ----------
    history : array (areas, days)
        Daily new cases, repaired: a jump of reporting would be carried on as growth.
    horizons : tuple of int
        Days to sum over, ascending.
    levels : array (levels,)
        Probabilities of the quantiles.
    choices : Damping, optional
        Everything chosen.

    Returns
    -------
    array (areas, horizons, levels)
        Quantiles of the cases summed over each horizon.

    Raises
    ------
    ParameterError
        If the history has negative or unknown days, or fewer than seven.

    Notes
    -----
    Cases expected h days ahead in area i [1]_::

        m_ih = R_i d^h sum_s w_s m_i,h-s + a_i

    R_i has its posterior (Cori et al. 2013) with a prior centred on the areas' common number,
    spread further; d is the damping, a_i are arrivals. Both are integrated over by
    Gauss-Hermite quadrature; the sum's quantiles are those of the negative binomial distribution
    with its mean and variance. Combinations of window, damping and spread are averaged quantile by
    quantile (Vincent averaging). What each would have said on T days of the `past` of the days
    since has mean weighted interval scores S_t over the n areas, on the scale of square roots; its
    weight is the product over t of S_t^(-n / T), a geometric mean of likelihoods of n exponential
    scores of unknown mean. A day from which the history is too short to try says nothing, so
    that little is learned from little. Nothing but the history is used.

    References
    ----------
    .. [1] Nouvellet et al. 2018, Epidemics 22:3, doi:10.1016/j.epidem.2017.02.012.
    """
    cases, c = _history(history, horizons), choices or Damping()
    weights = _learned_weights(cases, c)
    kept = weights > LEAST_WEIGHT * weights.max()
    mean, variance = (moment[kept] for moment in _moments(cases, horizons, c))
    quantiles = _negative_binomial(mean, variance, np.asarray(levels))
    averaged = np.einsum("m,mahl->ahl", weights[kept] / weights[kept].sum(), quantiles)
    rising: FloatArray = np.maximum.accumulate(averaged, axis=1)
    return rising


def _learned_weights(cases: FloatArray, c: Damping) -> FloatArray:
    """Weights (combinations,) by how well each would have forecast the last days; they sum to 1."""
    logs = np.zeros(len(c.windows) * len(c.spread) * len(c.damping))
    for back in c.past:
        if cases.shape[1] - back >= SHORTEST:
            quantiles = _negative_binomial(*_moments(cases[:, :-back], (back,), c), LEVELS)
            came = np.sqrt(cases[:, -back:].sum(axis=1))
            score = scoring.weighted_interval_score(came, np.sqrt(quantiles[:, :, 0]), LEVELS)
            logs -= len(cases) / len(c.past) * np.log(score.mean(axis=1) + 1e-9)
    weights = np.exp(logs - logs.max())
    summing: FloatArray = weights / weights.sum()
    return summing


def _moments(
    cases: FloatArray, horizons: tuple[int, ...], c: Damping
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance (combinations, areas, horizons) of the cases summed over each horizon."""
    weights = c.interval.weights(cases.shape[1] + max(horizons) + 1)
    node, share = hermegauss(NODES)
    turn, part = hermegauss(DAMPING_NODES)
    each = np.outer(share / share.sum(), part / part.sum())
    fall = np.clip(np.add.outer(c.damping, c.damping_spread * turn), 0.5, 1).ravel()
    arrivals = c.arrivals * np.sqrt(cases.sum(axis=1) + 1)
    from_elsewhere = np.outer(arrivals, horizons) ** 2 / c.arrivals_shape
    means, variances = [], []
    for window in c.windows:
        number, error = _estimates(cases, weights, c, window)
        spread = np.sqrt(error[:, None] + np.square(c.spread))
        r = number[:, None] * np.exp(spread[..., None] * node).reshape(len(cases), -1)
        ahead = _expected(cases, weights, np.minimum(r, c.most), fall, arrivals, max(horizons))
        summed = ahead.cumsum(axis=-1)[..., np.asarray(horizons) - 1]
        summed = summed.reshape(
            len(cases), len(c.spread), NODES, len(c.damping), DAMPING_NODES, len(horizons)
        )
        mean, square = (
            np.einsum("asndkh,nk->sdah", power, each).reshape(-1, len(cases), len(horizons))
            for power in (summed, summed**2)
        )
        means.append(mean)
        variances.append(
            c.cluster * mean + square / c.dispersion + square - mean**2 + from_elsewhere
        )
    return np.concatenate(means), np.concatenate(variances)


def _estimates(
    cases: FloatArray, weights: FloatArray, c: Damping, window: int
) -> tuple[FloatArray, FloatArray]:
    """Each area's reproduction number, and the squared relative error of its estimate."""
    days = cases.shape[1]
    now = slice(days - min(window, days), days)
    lag = np.arange(days)[None, now] - np.arange(days)[:, None]
    force = (cases @ np.where(lag > 0, weights[np.abs(lag)], 0.0)).sum(axis=1)
    new = cases[:, now].sum(axis=1)
    common = (new.sum() + 1) / (force.sum() + 1)
    return (c.prior_cases + new) / (c.prior_cases / common + force), 1 / (c.prior_cases + new)


def _expected(
    cases: FloatArray,
    weights: FloatArray,
    number: FloatArray,
    fall: FloatArray,
    arrivals: FloatArray,
    days: int,
) -> FloatArray:
    """Expect cases (areas, numbers, falls, days): the past's share once, then day by day."""
    length = cases.shape[1]
    lag = np.arange(days)[None, :] + length - np.arange(length)[:, None]
    past = cases @ weights[lag]
    ahead = np.zeros((*number.shape, len(fall), days))
    for day in range(days):
        recent = ahead[..., :day] @ weights[1 : day + 1][::-1]
        pressure = past[:, day, None, None] + recent
        damped = number[:, :, None] * fall ** (day + 1)
        ahead[..., day] = damped * pressure + arrivals[:, None, None]
    return ahead


def _negative_binomial(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> FloatArray:
    """Quantiles (..., levels) of the negative binomial distribution of a mean and a variance."""
    mean = np.maximum(mean, 1e-9)
    size = mean**2 / np.maximum(variance - mean, 1e-9 * mean)
    share = size / (size + mean)
    quantiles: FloatArray = stats.nbinom.ppf(levels, size[..., None], share[..., None])
    return np.maximum(quantiles, 0)


def _history(history: FloatArray, horizons: tuple[int, ...]) -> FloatArray:
    cases = np.asarray(history, dtype=np.float64)
    wrong = {
        "it is not (areas, days) with seven days or more": cases.ndim != 2  # noqa: PLR2004
        or cases.shape[-1] < WEEK,
        "it has negative or unknown days": not (cases >= 0).all(),
        "a horizon is less than a day": min(horizons, default=0) < 1,
    }  # fmt: skip
    breaches = [rule for rule, broken in wrong.items() if broken]
    if breaches:
        raise ParameterError(
            "nothing can be forecast from this history", breaches, "repair it first"
        )
    return cases
