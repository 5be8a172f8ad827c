"""Sets of grades as arrays: counties' clusters, and units by the worst of their members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntegerArray = npt.NDArray[np.int64]


def clusters_on(
    codes: pd.Series, clusters: pd.DataFrame | None, days: pd.DatetimeIndex, window_days: int
) -> FloatArray:
    """
    Whether a cluster outbreak fell into the window of each day.

    Parameters
    ----------
    codes : Series (counties,)
    clusters : pandas.DataFrame or None
        adcode, first_date, last_date, cluster (bool): an outbreak fell into the period, or the
        whole period was looked at and none found.
    days : DatetimeIndex (days,)
        Last days of the windows.
    window_days : int
        Length of the window [days].

    Returns
    -------
    array (counties, days)
        1 yes, 0 no, nan unknown; an outbreak found outweighs a period without one.
    """
    answer = np.full((len(codes), len(days)), np.nan)
    if clusters is None or clusters.empty:
        return answer
    place = pd.Index(codes).get_indexer(pd.Index(clusters["adcode"]))
    last = days.to_numpy()[None, :]
    first = last - np.timedelta64(window_days - 1, "D")
    begins = pd.to_datetime(clusters["first_date"]).to_numpy()[:, None]
    ends = pd.to_datetime(clusters["last_date"]).to_numpy()[:, None]
    found = clusters["cluster"].to_numpy(dtype=bool)
    inside, covering = (begins >= first) & (ends <= last), (begins <= first) & (ends >= last)
    for value, rows, true in ((0.0, ~found, covering), (1.0, found, inside)):
        kept = rows & (place >= 0)
        seen = np.zeros(answer.shape, dtype=bool)
        np.logical_or.at(seen, place[kept], true[kept])
        answer[seen] = value
    return answer


def unit_starts(units: pd.DataFrame) -> IntegerArray:
    """First row of each unit in a UNITS table sorted by unit."""
    unit = units["unit"].to_numpy()
    return np.flatnonzero(np.r_[True, unit[1:] != unit[:-1]]) if len(unit) else np.zeros(0, int)


def worst(flags: BoolArray, starts: IntegerArray) -> BoolArray:
    """
    Grades a unit may have, when it takes the worst of its members'.

    Parameters
    ----------
    flags : array (counties, ..., 3)
        Grades each member may have.
    starts : array (units,)
        First member of each unit.

    Returns
    -------
    array (units, ..., 3)
        g is possible iff one member may be g and every other may be g or lighter.
    """
    lightest = np.maximum.reduceat(flags.argmax(axis=-1), starts, axis=0)
    some = np.logical_or.reduceat(flags, starts, axis=0)
    result: BoolArray = some & (lightest[..., None] <= np.arange(flags.shape[-1]))
    return result


def whole(units: pd.DataFrame, starts: IntegerArray) -> BoolArray:
    """Whether a unit holds several counties and all of its prefecture: its cases are theirs."""
    members = np.diff(np.r_[starts, len(units)])
    prefecture = units["prefecture"].to_numpy()[starts]
    total = units.groupby("prefecture").size().reindex(prefecture).to_numpy()
    result: BoolArray = (members > 1) & (members == total)
    return result
