"""
What a place exports: prevalence from counts, importations by destination, with intervals.

Where nobody counted travellers, everything is said for 10,000 of them: which share goes where
is public, how many go is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.errors import ParameterError
from analytics.methods import importation

FloatArray = npt.NDArray[np.float64]
LEVELS = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class Assumptions:
    """
    What public counts do not say about an origin's infected.

    Parameters
    ----------
    ascertainment : (float, float)
        Least and most likely share of infections that are found; uniform between. Li et al.
        (2020), Science 368: 489-493, doi:10.1126/science.abb3221: 65 % after 24 January (their
        95 % interval 60-69); lower values stand for the weeks before.
    infectious_period : (float, float)
        Least and most likely mean time an infected person travels and infects [days]; uniform.
    relative_travel : float
        How readily the infected travel, against everybody else.
    """

    ascertainment: tuple[float, float] = (0.3, 0.69)
    infectious_period: tuple[float, float] = (3.0, 7.0)
    relative_travel: float = 1.0

    def __post_init__(self) -> None:
        low, high = self.ascertainment
        short, long = self.infectious_period
        if not (0 < low <= high <= 1 and 0 < short <= long and self.relative_travel >= 0):
            raise ParameterError(f"these assumptions are impossible: {self}")


def prevalence(
    new_cases: pd.Series,
    residents: float,
    as_of: date,
    assumptions: Assumptions | None = None,
    *,
    draws: int = 1_000,
    seed: int = 0,
) -> FloatArray:
    """
    Share of a place's residents who are infectious at the end of a day, as draws.

    Parameters
    ----------
    new_cases : Series
        New confirmed cases by day [cases/day]; a missing day is filled by the days around it,
        a negative count (a retraction) is taken as none.
    residents : float
        People who live there.
    as_of : date
        Later days are not looked at.
    assumptions : Assumptions, optional
    draws : int
    seed : int

    Returns
    -------
    array (draws,)
        Share, with the uncertainty of counts (gamma, with half a case added: none found
        is not none there), ascertainment and period.

    Raises
    ------
    ParameterError
        If no day was counted, or nobody lives there.
    """
    held = assumptions or Assumptions()
    by_day = new_cases.astype("float64").copy()
    by_day.index = pd.to_datetime(by_day.index)
    by_day = by_day[by_day.index <= pd.Timestamp(as_of)].clip(lower=0)
    if by_day.notna().sum() == 0 or not residents > 0:
        raise ParameterError("prevalence needs a day that was counted and residents above 0")
    span = pd.date_range(by_day.index.min(), as_of, freq="D")
    counts = by_day.reindex(span).interpolate(limit_direction="both").to_numpy()
    generator = np.random.default_rng(seed)
    found = generator.uniform(*held.ascertainment, draws)
    period = generator.uniform(*held.infectious_period, draws)
    spread = 0.5 / counts.size
    drawn = generator.gamma(np.maximum(counts + spread, 1e-9), 1.0, (draws, counts.size))
    people = importation.infectious(drawn, found, period)[:, -1]
    return np.minimum(people * held.relative_travel / residents, 1.0)


def importations(
    shares: pd.Series, prevalence: FloatArray, *, travellers: float = 10_000, missed: float = 1.0
) -> pd.DataFrame:
    """
    Expect infected arrivals at each destination, for a number of travellers who leave.

    Parameters
    ----------
    shares : Series
        Share of the travellers by destination; their sum may be below 1.
    prevalence : array (draws,)
        Share of the travellers who are infectious.
    travellers : float
        Who leave.
    missed : float
        Share of the infected whom checks let pass.

    Returns
    -------
    pandas.DataFrame
        destination, share, travellers, mean, lower, upper [infected arrivals; the interval
        holds 95 % of what may be seen: uncertain prevalence and chance], none [probability that
        nobody infected arrives], most to fewest.
    """
    size = travellers * shares.to_numpy(np.float64)
    rates = prevalence[:, None] * size * missed
    lower, upper = _predicted(rates)
    table = pd.DataFrame(
        {
            "destination": shares.index.to_numpy(),
            "share": shares.to_numpy(np.float64),
            "travellers": size,
            "mean": rates.mean(axis=0),
            "lower": lower,
            "upper": upper,
            "none": np.exp(-rates).mean(axis=0),
        }
    )
    return table.sort_values(["mean", "destination"], ascending=[False, True], ignore_index=True)


def total(prevalence: FloatArray, *, travellers: float = 10_000, missed: float = 1.0) -> FloatArray:
    """
    Quantiles of all infected among a number of travellers.

    Parameters
    ----------
    prevalence : array (draws,)
    travellers : float
    missed : float
        As for `importations`.

    Returns
    -------
    array (4,)
        Mean, and quantiles 2.5 %, 50 % and 97.5 % of what may be seen.
    """
    rates = prevalence * travellers * missed
    drawn = np.random.default_rng(1).poisson(rates)
    return np.concatenate([[rates.mean()], np.quantile(drawn, LEVELS)])


def _predicted(rates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """2.5 % and 97.5 % of Poisson counts whose rates are uncertain."""
    drawn = np.random.default_rng(1).poisson(rates)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return np.asarray(low), np.asarray(high)


def new_cases(counts: pd.DataFrame, area: str) -> pd.Series:
    """
    Derive new confirmed cases of an area by day from cumulative counts.

    Parameters
    ----------
    counts : COUNTS table
        date, adcode, confirmed [cumulative, empty = not published].
    area : str

    Returns
    -------
    Series
        By day; an unpublished day shares its step evenly with the days before it.
    """
    own = counts[counts["adcode"] == area].set_index("date")["confirmed"].astype("float64")
    if own.empty:
        return own
    whole = own.reindex(pd.date_range(own.index.min(), own.index.max(), freq="D"))
    steps = whole.interpolate().diff()
    first = whole.index[0] - timedelta(days=1)
    steps.iloc[0] = whole.iloc[0] if pd.notna(whole.iloc[0]) else 0.0
    return steps.rename_axis("date")[lambda s: s.index > first]
