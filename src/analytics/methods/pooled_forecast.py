"""
A forecast learned from all areas' own past together, by scikit-learn's Poisson regression.

Shapes are those of ``methods.forecast``; the backtest decides whether it may be shown.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from analytics.methods import forecast

FloatArray = npt.NDArray[np.float64]

LOOK_BACK = 21  # days of past origins to learn from
DECAY = 0.9  # weight of an origin against the one a day later
SHORTEST = 28  # days of history that an origin needs
SIZES = (0.1, 3.0)  # bounds of the negative binomial size
MOST = 3.0  # times the last week, at most
PENALTY = 0.1


def pooled_poisson(
    history: FloatArray, horizons: tuple[int, ...], levels: FloatArray
) -> FloatArray:
    """
    Predict by a Poisson regression of the coming cases on lags, pooled over areas and past days.

    Parameters
    ----------
    history : array (areas, days)
        Daily new cases, repaired.
    horizons : tuple of int
        Days to sum over.
    levels : array (levels,)
        Probabilities of the quantiles.

    Returns
    -------
    array (areas, horizons, levels)
        Quantiles of the cases summed over each horizon; those of ``forecast.decaying_week``
        where the history is too short to learn from.

    Raises
    ------
    ParameterError
        If the history has negative or unknown days, or fewer than seven.

    Notes
    -----
    For every area and past origin the ratio of the next h days' cases to the last week's (plus a
    half) is regressed, with the last week's as weight, on logs of the area's last days, week and
    weeks before and on the trend of all areas; no origin is used whose outcome was not known.
    The quantiles are negative binomial with the size that fits the regression's residuals.
    """
    fallback = forecast.decaying_week(history, horizons, levels)
    cases = np.asarray(history, dtype=np.float64)
    quantiles = np.empty_like(fallback)
    for at, horizon in enumerate(horizons):
        found = _learned(cases, horizon)
        if found is None:
            quantiles[:, at] = fallback[:, at]
        else:
            mean, size = found
            share = size / (size + np.maximum(mean, 1e-9))
            quantiles[:, at] = stats.nbinom.ppf(np.asarray(levels), size, share[:, None])
    return np.maximum.accumulate(np.maximum(quantiles, 0), axis=1)


def _learned(cases: FloatArray, horizon: int) -> tuple[FloatArray, float] | None:
    """Mean of each area's coming cases and the size of their distribution; None if too short."""
    from sklearn.linear_model import PoissonRegressor

    areas, days = cases.shape
    origins = [
        days - back for back in range(horizon, horizon + LOOK_BACK) if days - back >= SHORTEST
    ]
    if not origins or not cases[:, SHORTEST:].any():
        return None
    lags = np.concatenate([_lags(cases[:, :origin]) for origin in origins])
    came = np.concatenate([cases[:, o : o + horizon].sum(axis=1) for o in origins])
    weight = np.repeat([DECAY ** (days - horizon - o) for o in origins], areas)
    centre, scale = lags.mean(axis=0), lags.std(axis=0) + 1e-9
    week, now = np.expm1(lags[:, 0]) + 0.5, _lags(cases)
    model = PoissonRegressor(alpha=PENALTY, max_iter=1000)
    model.fit((lags - centre) / scale, came / week, sample_weight=weight * week)
    fitted = model.predict((lags - centre) / scale) * week
    base = np.expm1(now[:, 0]) + 0.5
    ahead = np.minimum(model.predict((now - centre) / scale), MOST * horizon / forecast.WEEK) * base
    excess = (weight * ((came - fitted) ** 2 - fitted)).sum() / (weight * fitted**2).sum()
    return ahead, float(1 / np.clip(excess, 1 / SIZES[1], 1 / SIZES[0]))


def _lags(cases: FloatArray) -> FloatArray:
    """Take logs of an area's recent cases, and of the trend of all areas (areas, 6)."""
    total = cases.sum(axis=0)
    weeks = np.log((total[-7:].sum() + 1) / (total[-14:-7].sum() + 1))
    days = np.log((total[-3:].sum() / 3 + 0.5) / (total[-7:-3].sum() / 4 + 0.5))
    own = [cases[:, -7:], cases[:, -14:-7], cases[:, -3:], cases[:, -28:-14]]
    logs = [np.log1p(part.sum(axis=1)) for part in own]
    return np.column_stack([*logs, np.full(len(cases), weeks), np.full(len(cases), days)])
