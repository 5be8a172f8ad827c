"""
Reporting delays: the triangle of what was told when, and what has not been told yet.

A triangle is an array (..., days, delays): cases of a day, by the number of days until they
were reported; NaN where that day of reporting is still to come. Leading axes are areas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]

LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)


@dataclass(frozen=True)
class Nowcast:
    """
    What each day's count will be once everything is reported.

    Parameters
    ----------
    reported : array (..., days)
        Cases reported so far.
    complete : array (..., days)
        Share expected to be reported by now, between 0 and 1.
    mean : array (..., days)
        Expected final count.
    levels : tuple of float
        Probabilities of the quantiles.
    quantiles : array (..., days, levels)
        Quantiles of the final count; never below what is reported.
    total : array (..., levels)
        Quantiles of the final count of all incomplete days together.
    """

    reported: FloatArray
    complete: FloatArray
    mean: FloatArray
    levels: tuple[float, ...]
    quantiles: FloatArray
    total: FloatArray


def reporting_triangle(versions: npt.ArrayLike, delays: int) -> FloatArray:
    """
    Sort cases by day and delay, from successive versions of one series.

    Parameters
    ----------
    versions : array (..., versions, days)
        Row v is the series of daily cases as known on the evening of day v; one version a
        day, the first on the first day. NaN where the version says nothing; a missing version
        is a row of NaN, and what it would have told counts as told by the next.
    delays : int
        Longest delay [days] looked at; what comes later counts as told by then.

    Returns
    -------
    array (..., days, delays + 1)
        NaN where reporting day is still to come. Cases taken back later count as never told:
        a cumulative count is capped by the lowest one after it.

    Raises
    ------
    ParameterError
        If versions and days do not match, or there are negative cases.
    """
    known = np.asarray(versions, dtype=np.float64)
    if known.ndim < 2 or known.shape[-1] != known.shape[-2] or delays < 1:  # noqa: PLR2004
        raise ParameterError(
            "a reporting triangle needs one version a day, and a delay of a day or more",
            [f"versions have shape {known.shape}, longest delay is {delays}"],
        )
    if (known < 0).any():
        raise ParameterError("versions hold negative cases", [f"{int((known < 0).sum())} of them"])
    days = known.shape[-1]
    told = np.full((*known.shape[:-2], days, delays + 1), np.nan)
    for delay in range(delays + 1):
        length = days - delay
        if length > 0:
            told[..., :length, delay] = np.diagonal(known, -delay, axis1=-2, axis2=-1)
    last = known[..., -1, : max(days - delays, 0)]
    told[..., : last.shape[-1], -1] = np.where(
        np.isnan(last), told[..., : last.shape[-1], -1], last
    )
    future = (np.arange(days)[:, None] + np.arange(delays + 1)) >= days
    at = np.maximum.accumulate(np.where(np.isnan(told), 0, np.arange(delays + 1)), axis=-1)
    told = np.nan_to_num(np.take_along_axis(told, at, axis=-1), nan=0.0)
    capped = np.where(future, np.inf, told)
    capped = np.minimum.accumulate(capped[..., ::-1], axis=-1)[..., ::-1]
    steps = np.diff(np.where(future, 0, capped), axis=-1, prepend=0.0)
    triangle: FloatArray = np.where(future, np.nan, steps)
    return triangle


def nowcast(
    triangle: npt.ArrayLike,
    levels: tuple[float, ...] = LEVELS,
    *,
    window: int = 28,
    draws: int = 2000,
    seed: int = 0,
) -> Nowcast:
    """
    Estimate final counts from a reporting triangle, by a Bayesian chain ladder.

    Parameters
    ----------
    triangle : array (..., days, delays)
        See `reporting_triangle`. Areas share their delays, not their cases.
    levels : tuple of float
        Probabilities of the quantiles.
    window : int
        Days, counted back, of which delays are learned.
    draws, seed : int
        Draws from the posterior.

    Returns
    -------
    Nowcast
        Final counts with quantiles; days on which every delay has passed are as reported.

    Raises
    ------
    ParameterError
        If the triangle is too small or holds negative cases.

    Notes
    -----
    With N(t, d) the cases of day t told within d days, the chance to be told on day d if told
    by then is h_d = n(t, d) / N(t, d), and the share told within d days is [1]_::

        F(d) = prod_{j > d} (1 - h_j)

    h_d has a beta posterior, its counts divided by the overdispersion c (Pearson's chi-squared
    per degree of freedom, at least 1); a day's own F is beta distributed around it so that
    its variance is c times the binomial's. The rate of a day has a gamma prior with weight of
    one day and the mean of the week before (its cases told, and half a case, by the share of
    it that is told), so the untold cases are negative binomial [2]_: a day without a case so
    far still expects some. The largest quantile of an incomplete day
    is at least one case above what is reported.

    References
    ----------
    .. [1] Mack 1993, ASTIN Bulletin 23(2):213, doi:10.2143/AST.23.2.2005092.
    .. [2] Höhle & an der Heiden 2014, Biometrics 70(4):993, doi:10.1111/biom.12194.
    """
    n = np.asarray(triangle, dtype=np.float64)
    if n.ndim < 2 or n.shape[-1] < 2 or (n < 0).any():  # noqa: PLR2004
        raise ParameterError(
            "this is no reporting triangle", [f"shape {n.shape}, or cases below 0"]
        )
    days, delays = n.shape[-2:]
    random = np.random.default_rng(seed)
    told = np.isfinite(n)
    reported = np.where(told, n, 0).sum(axis=-1)
    share, dispersion = _shares(n.reshape(-1, days, delays)[:, -window:], draws, random)
    last = np.clip(told.sum(axis=-1) - 1, 0, delays - 1)
    complete = share.mean(axis=0)[last]
    size = np.maximum(reported / np.maximum(complete, 1e-3), 1)
    prior = _week_before(reported, complete)
    levels_of = np.repeat(reported[..., None], len(levels), axis=-1)
    mean = reported.copy()
    still = slice(max(days - delays + 1, 0), days)
    f = _around(share[:, last[..., still]], dispersion, size[..., still], random)
    rate = random.gamma(1 + reported[..., still], 1 / (1 / prior[..., still] + f))
    final = reported[..., still] + random.poisson(rate * (1 - f))
    mean[..., still] = final.mean(axis=0)
    levels_of[..., still, :] = _quantiles(final, levels, reported[..., still])
    total = _quantiles(final.sum(axis=-1), levels, reported[..., still].sum(axis=-1))
    return Nowcast(reported, complete, mean, tuple(levels), levels_of, total)


def _quantiles(final: FloatArray, levels: tuple[float, ...], reported: FloatArray) -> FloatArray:
    """Quantiles over draws (first axis); the largest leaves room for one untold case."""
    drawn = np.quantile(final, levels, axis=0, method="inverted_cdf")
    quantiles: FloatArray = np.moveaxis(drawn, 0, -1)
    top = int(np.argmax(levels))
    quantiles[..., top] = np.maximum(quantiles[..., top], reported + 1)
    return quantiles


def _shares(n: FloatArray, draws: int, random: np.random.Generator) -> tuple[FloatArray, float]:
    """Draws (draws, delays) of the share told within each delay, and the overdispersion."""
    delays = n.shape[-1]
    within = np.cumsum(np.where(np.isfinite(n), n, 0), axis=-1)
    seen = np.isfinite(n)
    new = np.where(seen, n, 0).sum(axis=(0, 1))
    total = np.where(seen, within, 0).sum(axis=(0, 1))
    hazard = (new + 0.5) / (total + 1)
    expected = within * hazard
    usable = seen & (expected >= 1) & (within - expected >= 1)
    usable[..., 0] = False
    spread = np.where(usable, (np.nan_to_num(n) - expected) ** 2, 0)
    pearson = spread / np.where(usable, expected * (1 - hazard), 1)
    degrees = usable.sum() - usable.any(axis=(0, 1)).sum()
    dispersion = max(1.0, float(pearson.sum() / degrees)) if degrees > 0 else 1.0
    h = random.beta(0.5 + new / dispersion, 0.5 + (total - new) / dispersion, (draws, delays))
    h[:, 0] = 1.0
    kept = np.cumprod((1 - h)[:, :0:-1], axis=1)[:, ::-1]
    return np.column_stack([kept, np.ones(draws)]), dispersion


def _around(
    share: FloatArray, dispersion: float, size: FloatArray, random: np.random.Generator
) -> FloatArray:
    """Draw a day's own share: beta around the common one, as wide as the overdispersion."""
    if dispersion <= 1:
        return share
    weight = np.maximum((size - 1) / (dispersion - 1) - 1, 0.5)
    inner = np.clip(share, 1e-6, 1 - 1e-6)
    drawn = random.beta(inner * weight, (1 - inner) * weight)
    return np.where(share >= 1, 1.0, np.clip(drawn, 1e-9, 1.0))


def _week_before(reported: FloatArray, complete: FloatArray) -> FloatArray:
    """Cases a day in the seven days before each (its own on the first): half a case more."""
    days = np.arange(reported.shape[-1])
    start = np.maximum(days - 7, 0)

    def week(values: FloatArray) -> FloatArray:
        total = np.cumsum(values, axis=-1)
        before = np.concatenate([np.zeros((*values.shape[:-1], 1)), total], axis=-1)
        week: FloatArray = before[..., days] - before[..., start]
        week[..., 0] = values[..., 0]
        return week

    mean: FloatArray = (week(reported) + 0.5) / np.maximum(week(complete), 1e-3)
    return mean
