"""
The official curve as infections: what the simulated province is calibrated to.

Cumulative counts are made whole (gaps, retractions), steps of definition are spread back
over the days whose cases they count, and reports are taken back to infections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.simulation.draws import FloatArray

if TYPE_CHECKING:
    from datetime import date

    from analytics.simulation.scenario import Epidemic
    from analytics.study import DefinitionChange

_LONGEST = 45  # days from infection to report


def reports(
    counts: pd.DataFrame,
    prefectures: list[str],
    days: pd.DatetimeIndex,
    changes: tuple[DefinitionChange, ...],
    doubling: float,
) -> FloatArray:
    """
    Smooth daily reports by prefecture.

    Parameters
    ----------
    counts : COUNTS table
        date, adcode, confirmed [cumulative persons].
    prefectures : list of str
        Order of the result's rows.
    days : DatetimeIndex
        Days of the result; those before the first count get its cases by exponential growth.
    changes : tuple of DefinitionChange
        Days whose step is one of reporting.
    doubling : float
        Doubling time before the first count [days].

    Returns
    -------
    array (prefectures, days)
        Reported cases [persons/day]; each row adds up to the last cumulative count.
    """
    new, first = _daily(counts, prefectures)
    for change in changes:
        excess = _excess(new, change)
        before = new[new.index < pd.Timestamp(change.day)]
        new.loc[before.index] += before / before.sum().where(before.sum() > 0, 1.0) * excess
        new.loc[new.index == pd.Timestamp(change.day)] -= excess
    smooth = new.rolling(7, center=True, min_periods=1).mean()
    smooth *= (new.sum() / smooth.sum().where(smooth.sum() > 0, 1.0)).to_numpy()
    grid = smooth.reindex(days, fill_value=0.0)
    age = (new.index[0] - days).days.to_numpy().astype(np.float64)
    growth = np.where(age >= 0, 0.5 ** (age / doubling), 0.0)
    grid = grid + growth[:, None] / growth.sum() * first.to_numpy()
    result: FloatArray = grid.to_numpy().T
    return result


def held_back(counts: pd.DataFrame, prefectures: list[str], change: DefinitionChange) -> FloatArray:
    """
    Share of the cases before a change of definition that are counted on its day only [1].

    Parameters
    ----------
    counts : COUNTS table
        date, adcode, confirmed [cumulative persons].
    prefectures : list of str
        Order of the result.
    change : DefinitionChange

    Returns
    -------
    array (prefectures,)
        Zero where the day shows no step.
    """
    new, first = _daily(counts, prefectures)
    excess = _excess(new, change)
    before = new[new.index < pd.Timestamp(change.day)].sum() + first + excess
    share: FloatArray = (excess / before.where(before > 0, 1.0)).to_numpy()
    return share


def _daily(counts: pd.DataFrame, prefectures: list[str]) -> tuple[pd.DataFrame, pd.Series[float]]:
    """Give new cases by day and prefecture, made whole where they gap; and the first count."""
    wide = counts.pivot_table(index="date", columns="adcode", values="confirmed", aggfunc="last")
    wide = wide.reindex(columns=prefectures).astype("float64")
    wide = wide.reindex(pd.date_range(wide.index.min(), wide.index.max()))
    whole = wide.interpolate(limit_area="inside").ffill().fillna(0.0)
    whole = whole[::-1].cummin()[::-1]
    new = whole.diff()
    new.iloc[0] = 0.0
    return new, whole.iloc[0]


def _excess(new: pd.DataFrame, change: DefinitionChange) -> pd.Series[float]:
    """Cases of a change's day above what the days around it have, by prefecture [persons]."""
    day, nothing = pd.Timestamp(change.day), pd.Series(0.0, index=new.columns)
    if change.effect != "adds" or "confirmed" not in change.series or day not in new.index:
        return nothing
    place = int(new.index.get_indexer(pd.DatetimeIndex([day]))[0])
    around = [at for at in range(place - 3, place + 6) if 0 <= at < len(new) and at != place]
    step = new.iloc[place] - new.iloc[around].median()
    touched = np.array([not change.areas or area in change.areas for area in new.columns])
    some = touched & (step > 0) & (new.iloc[:place].sum() > 0)
    return step.where(some, nothing)


def onset_to_report(rule: Epidemic, onset: date | np.datetime64) -> float:
    """Mean delay from onset to report [days] of cases that fall ill on a day."""
    turn = np.datetime64(rule.report_delay_turn)
    since = (np.datetime64(onset) - turn) / np.timedelta64(1, "D")
    share = float(1 / (1 + np.exp(-float(since) / 4)))
    return rule.report_delay_early + share * (rule.report_delay_late - rule.report_delay_early)


def _weights(mean: float, sd: float) -> FloatArray:
    shape, size = (mean / sd) ** 2, sd**2 / mean
    edges = np.arange(_LONGEST + 1) - 0.5
    weights = np.diff(stats.gamma.cdf(np.maximum(edges, 0), shape, scale=size))
    result: FloatArray = weights / weights.sum()
    return result


def delays(rule: Epidemic, days: pd.DatetimeIndex) -> FloatArray:
    """
    Chance that an infection of one day (row) is reported on another (column).

    Incubation and onset-to-report are independent; the second shortens with time.
    """
    size = len(days)
    matrix = np.zeros((size, size))
    incubation = _weights(rule.incubation_mean, rule.incubation_sd)
    for at in range(size):
        mean = onset_to_report(rule, (days[at] + pd.Timedelta(days=5)).to_datetime64())
        both = np.convolve(incubation, _weights(mean, mean * 0.6))
        last = min(size, at + both.size)
        matrix[at, at:last] = both[: last - at]
    return matrix


def infections(reported: FloatArray, delay: FloatArray, rounds: int = 30) -> FloatArray:
    """
    Infections whose reports, delayed, are those seen.

    Parameters
    ----------
    reported : array (areas, days)
        Reports [persons/day].
    delay : array (days, days)
        Chance of report by day of infection and of report.
    rounds : int
        Iterations.

    Notes
    -----
    Richardson-Lucy iteration, E <- E * (D (y / (E D))) / (D 1), which keeps infections
    above zero and leaves the last days, whose reports are still to come, near their start
    (Goldstein et al. 2009, doi:10.1073/pnas.0902958106).
    """
    seen = delay.sum(axis=1)
    lag = round(float((delay * (np.arange(len(delay)) - np.arange(len(delay))[:, None]))[0].sum()))
    guess = np.roll(reported, -lag, axis=1)
    guess[:, -lag:] = reported[:, -1:]
    guess = np.maximum(guess, 1e-9)
    for _ in range(rounds):
        expected = np.maximum(guess @ delay, 1e-12)
        guess = guess * ((reported / expected) @ delay.T) / np.maximum(seen, 1e-12)
    return guess
