"""
Time-varying reproduction number from the renewal equation, for many areas at once.

The last axis of every array is time, one entry a day; leading axes are areas. Days are
counted from 1, so a window from ``t_start`` to ``t_end`` has both of its ends in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analytics.errors import ParameterError
from analytics.methods.serial_interval import (
    SerialInterval,
    UncertainSerialInterval,
    gamma_weights,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
_CELLS = 2_000_000  # numbers held at once while mixtures are inverted


@dataclass(frozen=True)
class Reproduction:
    """
    Posterior of the reproduction number, per area and window.

    Parameters
    ----------
    t_start, t_end : array (windows,)
        First and last day of each window, counted from 1.
    mean, std : array (..., windows)
        Posterior mean and standard deviation; NaN where there is no estimate.
    levels : tuple of float
        Probabilities of the quantiles.
    quantiles : array (..., windows, levels)
        Posterior quantiles.
    """

    t_start: IntArray
    t_end: IntArray
    mean: FloatArray
    std: FloatArray
    levels: tuple[float, ...]
    quantiles: FloatArray


def windows(days: int, length: int = 7) -> tuple[IntArray, IntArray]:
    """
    Sliding windows over a series: the first starts on day 2, the last ends on the last day.

    Parameters
    ----------
    days : int
        Length of the series.
    length : int
        Length of each window [days].

    Returns
    -------
    (array, array)
        First and last day of each window, counted from 1; empty if the series is too short.
    """
    if length < 1:
        raise ParameterError(f"a window of {length} days holds no day")
    t_start = np.arange(2, days - length + 2, dtype=np.int64)
    return t_start, t_start + length - 1


def infectivity(cases: npt.ArrayLike, weights: npt.ArrayLike) -> FloatArray:
    """
    Overall infectivity: past cases, each weighted by how infectious it is today.

    Parameters
    ----------
    cases : array (..., days)
        Local and imported cases together [cases/day].
    weights : array (intervals,)
        Discrete serial interval, from 0 days on.

    Returns
    -------
    array (..., days)
        The first day, which has no past, is NaN.
    """
    cases = np.asarray(cases, dtype=np.float64)
    days = cases.shape[-1]
    total: FloatArray = cases @ _lags(np.asarray(weights, dtype=np.float64), days)
    total[..., :1] = np.nan
    return total


def reproduction_number(
    local: npt.ArrayLike,
    interval: SerialInterval | UncertainSerialInterval | npt.ArrayLike,
    *,
    imported: npt.ArrayLike | None = None,
    window: int | tuple[npt.ArrayLike, npt.ArrayLike] = 7,
    prior: tuple[float, float] = (5.0, 5.0),
    levels: tuple[float, ...] = LEVELS,
    draws: int = 500,
    seed: int = 0,
) -> Reproduction:
    """
    Reproduction number by area and window, as EpiEstim's ``estimate_R`` computes it.

    Parameters
    ----------
    local : array (days,) or (..., days)
        Cases infected in the area [cases/day]. Those of the first day count as imported,
        having no one before them.
    interval : SerialInterval, UncertainSerialInterval or array (intervals,)
        Serial interval; an array holds the probability of 0, 1, ... days.
    imported : array like `local`, optional
        Cases infected elsewhere: they infect, but were not infected here.
    window : int or (t_start, t_end)
        Length of sliding windows [days], or the windows' ends, counted from day 1.
    prior : (float, float)
        Mean and standard deviation of the gamma prior.
    levels : tuple of float
        Probabilities of the quantiles.
    draws, seed : int
        Serial intervals drawn where the interval is uncertain.

    Returns
    -------
    Reproduction
        A window that ends at or before the mean serial interval has no estimate: NaN.

    Raises
    ------
    ParameterError
        If counts are negative, unknown or of two shapes, a window leaves the series or starts
        before day 2, or the prior, a level or the interval is impossible.

    Notes
    -----
    With prior Gamma(a, b) and infectivity L_s, the posterior over a window is [1]_, [2]_::

        Gamma(a + sum_s I_s(local), 1 / (1 / b + sum_s L_s))

    An uncertain interval gives an equal mixture of such posteriors over its draws. EpiEstim
    samples from the mixture; here its moments and quantiles are computed from it directly.

    References
    ----------
    .. [1] Cori et al. 2013, Am J Epidemiol 178(9):1505, doi:10.1093/aje/kwt133.
    .. [2] Thompson et al. 2019, Epidemics 29:100356, doi:10.1016/j.epidem.2019.100356.
    """
    own, cases = _counts(local, imported)
    days = cases.shape[-1]
    t_start, t_end = _ends(window, days)
    shape_prior, scale_prior = _prior(prior, levels)
    day = np.arange(1, days + 1)[:, None]
    inside = ((day >= t_start) & (day <= t_end)).astype(np.float64)
    shape = shape_prior + own @ inside
    if isinstance(interval, UncertainSerialInterval):
        sampled = interval.draw(draws, seed)
        weights = gamma_weights(*sampled, days)
        means = np.maximum(weights @ np.arange(days), sampled[0])
        pressure = np.stack([cases @ (_lags(one, days) @ inside) for one in weights], axis=-1)
        scale = 1 / (1 / scale_prior + pressure)
        scale[..., t_end[:, None] <= means] = np.nan
        return Reproduction(t_start, t_end, *_mixture(shape, scale, levels))
    weights = _one_interval(interval, days)
    scale = 1 / (1 / scale_prior + cases @ (_lags(weights, days) @ inside))
    known = t_end > weights @ np.arange(weights.size)
    shape[..., ~known] = np.nan
    unit = _unit_quantiles(shape, levels)
    return Reproduction(
        t_start,
        t_end,
        mean=shape * scale,
        std=np.sqrt(shape) * scale,
        levels=levels,
        quantiles=unit * scale[..., None],
    )


def _lags(weights: FloatArray, days: int) -> FloatArray:
    """Matrix (days, days) that turns cases into infectivity; day 1 gets none."""
    padded = np.zeros(max(days, weights.size))
    padded[: weights.size] = weights
    lag = np.arange(days)[None, :] - np.arange(days)[:, None]
    lagged: FloatArray = np.where(lag >= 0, padded[np.abs(lag)], 0.0)
    return lagged


def _counts(local: npt.ArrayLike, imported: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Local cases without those of day 1, and all cases."""
    own = np.array(local, dtype=np.float64)
    other = np.zeros_like(own) if imported is None else np.asarray(imported, dtype=np.float64)
    if own.ndim == 0 or own.shape != other.shape:
        raise ParameterError(
            "cases are not series of one shape",
            [f"local cases have shape {own.shape}, imported cases {other.shape}"],
        )
    wrong = {
        "fewer than 0": int((own < 0).sum() + (other < 0).sum()),
        "no finite number of": int((~np.isfinite(own)).sum() + (~np.isfinite(other)).sum()),
    }
    breaches = [f"{count} day(s) have {what} cases" for what, count in wrong.items() if count]
    if breaches:
        raise ParameterError(
            "a reproduction number needs every day's incidence",
            breaches,
            "fill gaps and split retractions back over the days they retract first",
        )
    cases = own + other
    own[..., :1] = 0.0
    return own, cases


def _ends(
    window: int | tuple[npt.ArrayLike, npt.ArrayLike], days: int
) -> tuple[IntArray, IntArray]:
    if isinstance(window, int | np.integer):
        return windows(days, int(window))
    given = [np.atleast_1d(np.asarray(end, dtype=np.float64)) for end in window]
    if given[0].shape != given[1].shape or given[0].ndim != 1:
        raise ParameterError("windows need as many first days as last days")
    first, last = given
    rules = {
        f"start before day 2 or end after day {days}": (first < 2) | (last > days),  # noqa: PLR2004
        "end before they start": last < first,
        "do not start and end on whole days": (first % 1 != 0) | (last % 1 != 0),
    }
    breaches = [f"{int(wrong.sum())} window(s) {rule}" for rule, wrong in rules.items()
                if wrong.any()]  # fmt: skip
    if breaches:
        raise ParameterError("windows do not fit the series", breaches)
    return first.astype(np.int64), last.astype(np.int64)


def _prior(prior: tuple[float, float], levels: tuple[float, ...]) -> tuple[float, float]:
    mean, std = prior
    if not (0 < mean < np.inf and 0 < std < np.inf):
        raise ParameterError(f"prior mean {mean} and standard deviation {std} must be above 0")
    if not all(0 <= level <= 1 for level in levels):
        raise ParameterError(f"quantile levels {levels} must lie between 0 and 1")
    return (mean / std) ** 2, std**2 / mean


def _one_interval(interval: SerialInterval | npt.ArrayLike, days: int) -> FloatArray:
    if isinstance(interval, SerialInterval):
        return interval.weights(days)
    weights = np.asarray(interval, dtype=np.float64)
    rules = {
        "it is not one series": weights.ndim != 1 or weights.size == 0,
        "it has a chance of 0 days": weights.size > 0 and weights.flat[0] != 0,
        "it has chances below 0 or unknown": not (weights >= 0).all(),
        "its chances do not sum to 1 within 0.01": not abs(weights.sum() - 1) <= 0.01,  # noqa: PLR2004
    }
    breaches = [rule for rule, broken in rules.items() if broken]
    if breaches:
        raise ParameterError("this is no distribution of a serial interval", breaches)
    return weights


def _unit_quantiles(shape: FloatArray, levels: tuple[float, ...]) -> FloatArray:
    """Quantiles of Gamma(shape, 1): each distinct shape once, for counts repeat."""
    distinct, where = np.unique(shape, return_inverse=True)
    inverse = special.gammaincinv(distinct[:, None], np.asarray(levels))
    quantiles: FloatArray = inverse[where.reshape(shape.shape)]
    return quantiles


def _mixture(
    shape: FloatArray, scale: FloatArray, levels: tuple[float, ...]
) -> tuple[FloatArray, FloatArray, tuple[float, ...], FloatArray]:
    """Moments and quantiles of equal mixtures of Gamma(shape, scale_j); NaN draws left out."""
    known = ~np.isnan(scale)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        first = np.where(known, scale, 0).sum(axis=-1) / count
        second = np.where(known, scale**2, 0).sum(axis=-1) / count
    mean = shape * first
    std = np.sqrt(np.maximum(shape * second + shape**2 * (second - first**2), 0))
    flat = scale.reshape(-1, scale.shape[-1])
    shapes = shape.reshape(-1)
    quantiles = np.full((shapes.size, len(levels)), np.nan)
    rows = np.flatnonzero(known.any(axis=-1).reshape(-1))
    for some in np.array_split(rows, max(1, -(-rows.size * flat.shape[1] // _CELLS))):
        for at, level in enumerate(levels):
            quantiles[some, at] = _invert(shapes[some], flat[some], level)
    return mean, std, levels, quantiles.reshape(*shape.shape, len(levels))


def _invert(shape: FloatArray, scale: FloatArray, level: float) -> FloatArray:
    """Newton's method inside a bracket: a mixture's quantile lies among its members'."""
    unit = special.gammaincinv(shape, level)
    low: FloatArray = unit * np.nanmin(scale, axis=1)
    high: FloatArray = unit * np.nanmax(scale, axis=1)
    if not 0 < level < 1 or not shape.size:
        return high
    value, a = (low + high) / 2, shape[:, None]
    for _ in range(60):
        x = value[:, None] / scale
        excess = np.nanmean(special.gammainc(a, x), axis=1) - level
        low, high = np.where(excess < 0, value, low), np.where(excess > 0, value, high)
        logs = special.xlogy(a - 1, x) - x - special.gammaln(a) - np.log(scale)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            step = value - excess / np.nanmean(np.exp(logs), axis=1)
        inside = (step > low) & (step < high)
        renewed = np.where(inside, step, (low + high) / 2)
        done = np.abs(renewed - value) <= 1e-13 * np.abs(value)
        value = renewed
        if done.all():
            break
    return value
