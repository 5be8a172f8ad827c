"""
What published counts say about the window before each of many days, for all areas at once.

A window of 14 days is D-13 ... D; it is known in full only if the count of D-14 and of every
day in it was published. A positive step inside it is a new case for certain, unless the day's
definition of a case changed. A negative step is net: cases were taken back, and how many were
new that day is unknown. A step of zero is read as no new case. A step over
unpublished days that began before the window may lie outside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntegerArray = npt.NDArray[np.int64]

WEEK = 7
DOUBT = 0.05  # cases expected at least in a window that may hold one
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Panel:
    """
    Evidence by area and day, arrays (areas, days); nothing of a later day is in it.

    Parameters
    ----------
    codes : Index (areas,)
        Codes, sorted.
    days : DatetimeIndex (days,)
        Last days of the windows.
    new_lower, new_upper : array
        Bounds on new cases in the window [cases]; infinite where no upper bound is known.
    expected : array
        Cases of the window, as far as one can say [cases]: a step over unpublished days is spread
        over them; a retraction and the step after it are taken together, net, but not below 0; an
        unpublished day, or a retraction that is the last step, counts as the week before it; a
        day on which a new definition added cases, no more than that. Never below
        ``DOUBT`` where a new case cannot be ruled out.
    cumulative : array
        Cases at 24:00 [cases]; nan where not published.
    latest : array
        The last published cumulative count by then [cases]; 0 before the first.
    redefined, retracted, straddling : array
        Cases added by a change of definition, taken back, and in steps begun before the window.
    missing : array
        Unpublished days of the window.
    """

    codes: pd.Index
    days: pd.DatetimeIndex
    new_lower: FloatArray
    new_upper: FloatArray
    expected: FloatArray
    cumulative: FloatArray
    latest: FloatArray
    redefined: FloatArray
    retracted: FloatArray
    straddling: FloatArray
    missing: FloatArray

    def at(self, codes: pd.Series | pd.Index, values: FloatArray, absent: float) -> FloatArray:
        """Rows of one of the arrays for other codes; a value where a code is not of the panel."""
        place = self.codes.get_indexer(pd.Index(codes))
        rows = np.full((len(place), values.shape[1]), absent)
        rows[place >= 0] = values[place[place >= 0]]
        return rows


@dataclass(frozen=True, eq=False)
class _Steps:
    """Published steps on a grid of areas and days."""

    published: npt.NDArray[np.bool_]
    new: FloatArray
    retracted: FloatArray
    span: FloatArray  # days the step spans; nan on the first
    changed: npt.NDArray[np.bool_]
    cumulative: FloatArray


def panel(incidence: pd.DataFrame, days: pd.DatetimeIndex, window_days: int = 14) -> Panel:
    """
    Evidence of many days at once, each from what was known by it.

    Parameters
    ----------
    incidence : INCIDENCE table
        Daily steps; for a day no later row is looked at.
    days : DatetimeIndex
        Last days of the windows, in order.
    window_days : int
        Length of the window [days].

    Returns
    -------
    Panel
    """
    codes = pd.Index(sorted(incidence["adcode"].unique()), name="adcode")
    first = min(pd.to_datetime(incidence["date"]).min(), days[0]) if len(incidence) else days[0]
    calendar = pd.date_range(first - pd.Timedelta(days=window_days), days[-1], freq="D")
    steps = _grid(incidence, codes, calendar)
    rows, columns = np.nonzero(steps.published)
    span = steps.span[rows, columns]
    # a step is wholly inside the window for this many days from its own on
    inside = np.where(np.isnan(span), 0, np.clip(window_days - span + 1, 0, window_days))
    whole = np.full(len(rows), window_days)

    def summed(values: FloatArray, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Sum over steps, each counted from one day of its life in the window to another."""
        return _alive(
            values, rows, columns + begin.astype(int), columns + end.astype(int), steps.new.shape
        )

    new, back = steps.new[rows, columns], steps.retracted[rows, columns]
    changed = steps.changed[rows, columns]
    none = np.zeros(len(rows))
    lower = summed(np.where(changed, 0, new), none, inside)
    redefined = summed(np.where(changed, new, 0), none, inside)
    retracted = summed(back, none, inside)
    straddling, astride = summed(new, inside, whole), summed(none + 1, inside, whole)
    missing = window_days - summed(none + 1, none, whole)
    unbounded = (missing > 0) | (retracted > 0) | (astride > 0)
    upper = np.where(unbounded, np.inf, lower + redefined)
    expected = np.where(upper > 0, np.maximum(_expected(steps, window_days), DOUBT), 0)
    at = calendar.get_indexer(days)
    latest = _filled(np.where(steps.published, steps.cumulative, np.nan), 0.0)
    return Panel(
        codes,
        days,
        lower[:, at],
        upper[:, at],
        expected[:, at],
        steps.cumulative[:, at],
        latest[:, at],
        redefined[:, at],
        retracted[:, at],
        straddling[:, at],
        missing[:, at],
    )


def _grid(incidence: pd.DataFrame, codes: pd.Index, calendar: pd.DatetimeIndex) -> _Steps:
    dates = pd.to_datetime(incidence["date"]).to_numpy(dtype="datetime64[D]")
    known = dates <= calendar[-1].to_datetime64()
    row = codes.get_indexer(pd.Index(incidence["adcode"]))[known]
    column = ((dates[known] - calendar[0].to_datetime64().astype("datetime64[D]")) / DAY).astype(
        int
    )
    shape = (len(codes), len(calendar))

    def spread(name: str, absent: float) -> FloatArray:
        values = np.full(shape, absent)
        values[row, column] = incidence[name].to_numpy(dtype="float64", na_value=np.nan)[known]
        return values

    published = spread("published", 0.0) > 0
    counted = {name: np.nan_to_num(spread(name, 0.0)) for name in ("new", "retracted")}
    return _Steps(
        published,
        np.where(published, counted["new"], 0.0),
        np.where(published, counted["retracted"], 0.0),
        spread("days", np.nan),
        spread("definition_change", 0.0) > 0,
        spread("cumulative", np.nan),
    )


def _alive(
    values: FloatArray,
    rows: IntegerArray,
    begin: IntegerArray,
    end: IntegerArray,
    shape: tuple[int, int],
) -> FloatArray:
    """Sum of values over those alive on each day, from ``begin`` until before ``end``."""
    change = np.zeros((shape[0], shape[1] + 1))
    np.add.at(change, (rows, np.minimum(begin, shape[1])), values)
    np.add.at(change, (rows, np.minimum(end, shape[1])), -values)
    alive: FloatArray = np.rint(np.cumsum(change, axis=1))[:, :-1]
    return alive


def _expected(steps: _Steps, window_days: int) -> FloatArray:
    """Say how many cases the window that ends on each day of the grid is expected to hold."""
    first = steps.published & np.isnan(steps.span)
    span = np.where(first, 1.0, np.nan_to_num(steps.span, nan=1.0))
    clean = steps.published & ~steps.changed & (steps.retracted == 0)
    usual = _week_mean(np.where(clean & ~first, steps.new, 0), np.where(clean, span, 0))
    before = np.pad(usual, ((0, 0), (1, 0)))[:, :-1] * span
    lump = np.where(clean, np.maximum(steps.new - _just_retracted(steps), 0), 0)
    lump = np.where(steps.changed & (steps.new > 0), np.minimum(steps.new, before), lump)
    lump = np.where(first, np.nan_to_num(steps.cumulative), lump)
    lump = np.where(steps.published, lump, 0)
    day = np.arange(lump.shape[1], dtype=np.float64)
    last = _filled(np.where(steps.published, day, np.nan), -1.0)
    coming = _filled(np.where(steps.published, day, np.nan)[:, ::-1], np.inf)[:, ::-1]
    rate = _filled(np.where(steps.published, lump / span, np.nan)[:, ::-1], 0.0)[:, ::-1]
    rate = np.where(np.isfinite(coming), rate, 0)
    starts = _filled(np.where(steps.published, day - span, np.nan)[:, ::-1], np.inf)[:, ::-1]
    even = np.cumsum(np.where(day[None] > starts, rate, 0), axis=1)
    lumps = np.cumsum(lump, axis=1)
    shift = ((0, 0), (window_days, 0))
    base = np.pad(even, shift)[:, : -window_days or None]
    closed = np.pad(coming, shift)[:, : -window_days or None] <= day
    unsure = day - last + (_filled(np.where(steps.published, steps.retracted, np.nan), 0) > 0)
    trailing = np.where(last >= 0, np.minimum(unsure, window_days), 0)
    expected: FloatArray = np.where(closed, lumps - base, 0) + trailing * usual
    return np.maximum(expected, 0)


def _just_retracted(steps: _Steps) -> FloatArray:
    """Cases taken back by the published step before each one."""
    back = _filled(np.where(steps.published, steps.retracted, np.nan), 0.0)
    return np.pad(back, ((0, 0), (1, 0)))[:, :-1]


def _week_mean(cases: FloatArray, days: FloatArray) -> FloatArray:
    """Mean cases a day of the clean steps of the last seven days; 0 where there was none."""

    def week(values: FloatArray) -> FloatArray:
        total = np.cumsum(values, axis=1)
        return total - np.pad(total, ((0, 0), (WEEK, 0)))[:, :-WEEK]

    span = week(days)
    mean: FloatArray = np.where(span > 0, week(cases) / np.maximum(span, 1), 0)
    return mean


def _filled(values: FloatArray, absent: float) -> FloatArray:
    """Last known value up to each day."""
    place = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    np.maximum.accumulate(place, axis=1, out=place)
    filled = np.take_along_axis(values, place, axis=1)
    return np.where(np.isnan(filled), absent, filled)
