"""
Reporting lag between the rows of areas and the row of their province.

A file may stamp its areas' rows a day (or more) later than the province's, for some of its
series and some of its time. The lag is inferred as a hidden Markov chain over days; where
the evidence allows no answer, there is none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

LAGS = (0, -2, -1, 1, 2, 3)
STAY = 0.95  # chance that tomorrow's lag is today's
FIRST_ZERO = 0.5  # chance that a file starts without lag
CONFIDENCE = 0.95  # below this posterior probability a lag is undecided
EXACT, WORST, SLOPE = 1.5, -2.5, 16 / 3


def detect(province: pd.Series, areas: pd.Series) -> pd.DataFrame:
    """
    Days by which the areas' rows are stamped late, day by day.

    Parameters
    ----------
    province : pandas.Series
        Cumulative count of the province's own row, indexed by consecutive days.
    areas : pandas.Series
        Sum of the areas' cumulative counts, by the day they are stamped with.

    Returns
    -------
    pandas.DataFrame
        Indexed by day: lag [days; empty if undecided], likeliest [days] and its probability,
        unlike (probability that no lag makes the two alike), residual_as_stamped,
        residual [cases; province less areas, as stamped and at the likeliest lag].

    Notes
    -----
    If the areas of day t + k belong to the province's day t, their difference r is near 0;
    at a wrong lag it is near the number of new cases s. Each lag k scores per day
    max(-2.5, 1.5 - 16/3 |r| / s), a bounded log-likelihood ratio against "no lag fits"
    (score 0), with s the median step of the province over seven days, at least 1. Days on
    which all lags agree (nothing moved) leave all equally likely. Posterior probabilities
    come from the forward-backward algorithm [1]_ with a chance of 0.95 to keep the lag
    overnight.

    References
    ----------
    .. [1] Rabiner 1989, Proc IEEE 77(2):257, doi:10.1109/5.18626.
    """
    total, stamped = province.to_numpy(dtype=np.float64), areas.to_numpy(dtype=np.float64)
    residuals = np.stack([total - _moved(stamped, lag) for lag in LAGS], axis=1)
    step = province.diff().abs().rolling(7, center=True, min_periods=1).median()
    scale = np.maximum(step.fillna(1).to_numpy(dtype=np.float64), 1)
    scores = np.maximum(WORST, EXACT - SLOPE * np.abs(residuals) / scale[:, None])
    scores = np.column_stack([np.nan_to_num(scores, nan=0.0), np.zeros(len(total))])
    posterior = _posterior(scores)
    likeliest = posterior[:, :-1].argmax(axis=1)
    chance = posterior[np.arange(len(total)), likeliest]
    lags = pd.array(np.array(LAGS)[likeliest], dtype="Int64")
    lags[chance < CONFIDENCE] = pd.NA
    return pd.DataFrame(
        {
            "lag": lags,
            "likeliest": np.array(LAGS)[likeliest],
            "probability": chance,
            "unlike": posterior[:, -1],
            "residual_as_stamped": residuals[:, 0],
            "residual": residuals[np.arange(len(total)), likeliest],
        },
        index=province.index,
    )


def applied(lags: pd.DataFrame) -> npt.NDArray[np.int64]:
    """
    Days by which to move, for every day.

    Where undecided: the likeliest lag if it is likelier than not, else 0, as published.
    """
    likely = lags["likeliest"].where(lags["probability"] > 1 / 2, 0)
    return likely.to_numpy().astype(np.int64)


def move(grid: pd.DataFrame, by: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Rows of a grid of stamped days, put on the day they are of; NaN beyond the ends."""
    source = np.arange(len(grid)) + by
    inside = (source >= 0) & (source < len(grid))
    moved = grid.to_numpy(dtype=np.float64)[np.clip(source, 0, len(grid) - 1)]
    moved[~inside] = np.nan
    return pd.DataFrame(moved, index=grid.index, columns=grid.columns)


def periods(lags: pd.DataFrame) -> pd.DataFrame:
    """List runs of one lag: first_date, last_date, lag (empty if undecided), days, and evidence."""
    lag = lags["lag"]
    run = (lag.astype("float64").fillna(99).diff().fillna(0) != 0).cumsum()
    rows = []
    for _, some in lags.groupby(run.to_numpy()):
        alike = some["residual"].abs() <= some["residual_as_stamped"].abs()
        rows.append(
            {
                "first_date": some.index[0],
                "last_date": some.index[-1],
                "lag": some["lag"].iloc[0],
                "days": len(some),
                "exact": int((some["residual"] == 0).sum()),
                "exact_as_stamped": int((some["residual_as_stamped"] == 0).sum()),
                "nearer": int(alike.sum()),
                "mismatch": float(some["residual"].abs().sum()),
                "mismatch_as_stamped": float(some["residual_as_stamped"].abs().sum()),
            }
        )
    return pd.DataFrame(rows)


def _moved(stamped: FloatArray, lag: int) -> FloatArray:
    moved = np.full_like(stamped, np.nan)
    if abs(lag) >= len(stamped):
        return moved
    if lag >= 0:
        moved[: len(stamped) - lag] = stamped[lag:]
    else:
        moved[-lag:] = stamped[:lag]
    return moved


def _posterior(scores: FloatArray) -> FloatArray:
    """Forward-backward over (days, states) log scores."""
    days, states = scores.shape
    likelihood = np.exp(scores)
    change = np.full((states, states), (1 - STAY) / (states - 1))
    np.fill_diagonal(change, STAY)
    start = np.full(states, (1 - FIRST_ZERO) / (states - 1))
    start[0] = FIRST_ZERO
    forward, backward = np.empty((days, states)), np.ones((days, states))
    belief = start
    for day in range(days):
        belief = (belief @ change if day else start) * likelihood[day]
        belief = belief / belief.sum()
        forward[day] = belief
    for day in range(days - 2, -1, -1):
        ahead = change @ (likelihood[day + 1] * backward[day + 1])
        backward[day] = ahead / ahead.sum()
    both = forward * backward
    posterior: FloatArray = both / both.sum(axis=1, keepdims=True)
    return posterior
