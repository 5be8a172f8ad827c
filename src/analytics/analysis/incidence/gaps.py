"""
Counts that say nothing: days left out, columns that stood still, zeros that mean "unknown".

All work on grids of cumulative counts (days, areas) that are on their right day already, and
turn what says nothing into NaN; ``increments`` then spreads the step over such a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics.analysis.incidence.corrections import Log

FloatArray = npt.NDArray[np.float64]

FROZEN_DAYS = 4  # days without a step that may be a column that stood still
FROZEN_CHANCE = 1e-4  # chance of that many quiet days below which they are not believed
BROKEN_SHARE = 0.5  # a breakdown that fell and holds less of the province is none


def complete_sum(grid: pd.DataFrame) -> pd.Series:
    """Sum over areas on days when no area that had begun is missing; else NaN."""
    there = grid.notna()
    lacking = ~there & (there.cummax()) & there[::-1].cummax()[::-1]
    return grid.sum(axis=1, min_count=1).mask(lacking.any(axis=1))


def empty_breakdowns(
    grid: pd.DataFrame, province: pd.Series, unassigned: pd.Series, log: Log
) -> pd.DataFrame:
    """
    Blank days on which the province's count is not broken down to areas at all.

    Parameters
    ----------
    grid : pandas.DataFrame
        Cumulative cases, days by areas.
    province : pandas.Series
        The province's own count, by day.
    unassigned : pandas.Series
        Cases of the province that no area has, by day.
    log : Log
        Each run of such days is noted there.

    Returns
    -------
    pandas.DataFrame
        The grid, missing on such days: areas sum to much less than the province's count, and fell.
    """
    total, province = complete_sum(grid), province.ffill()
    short = total + unassigned.fillna(0) < BROKEN_SHARE * province
    fell = (total == 0) | (total < total.cummax().shift(1).fillna(0))
    blank = (short & fell & (province > 0)).fillna(value=False)
    for first, last in _runs(blank):
        some = slice(first, last)
        log.add("not_broken_down", "", (first, last), amount=float(province.loc[some].max()),
                reason="zeros or remnants of a breakdown that was not made: taken as unknown",
                evidence=f"areas sum to {total.loc[some].min():.0f} to {total.loc[some].max():.0f} "
                f"where the province has {province.loc[some].min():.0f} to "
                f"{province.loc[some].max():.0f}")  # fmt: skip
    return grid.mask(blank, axis=0)


def false_zeros(grid: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Blank zeros between positive counts: a cumulative count does not empty and refill."""
    before = grid.cummax().shift(1).fillna(0) > 0
    after = grid[::-1].cummax()[::-1].shift(-1)
    level = grid.where(grid > 0).ffill().shift(1)
    wrong = (grid == 0) & before & (after >= level / 2)
    for adcode in grid.columns[wrong.any()]:
        for first, last in _runs(wrong[adcode]):
            log.add("false_zero", adcode, (first, last),
                    amount=float(level[adcode][first]),
                    reason="0 between positive cumulative counts: taken as unknown",
                    evidence=f"{level[adcode][first]:.0f} before, "
                    f"{after[adcode][last]:.0f} later")  # fmt: skip
    return grid.mask(wrong)


def dips(grid: pd.DataFrame, log: Log) -> pd.DataFrame:
    """
    Blank days on which a count fell and came back at once: cases struck off and restored.

    A fall of at least five cases and three times the usual day, back at its former level
    within three days.
    """
    values = grid.to_numpy(dtype=np.float64).copy()
    usual = grid.diff().clip(lower=0).rolling(15, center=True, min_periods=3).median()
    for column, adcode in enumerate(grid.columns):
        fall = -np.diff(values[:, column], prepend=np.nan)
        limit = np.maximum(5, 3 * usual[adcode].fillna(0).to_numpy())
        for at in np.flatnonzero(fall >= limit).tolist():
            level, ahead = values[at - 1, column], values[at + 1 : at + 4, column]
            back = np.flatnonzero(ahead >= level)
            if not back.size or values[at, column] == 0:
                continue
            last = at + int(back[0])
            log.add("dip", adcode, (grid.index[at], grid.index[last]), amount=float(fall[at]),
                    reason="struck off and restored: taken as unknown on these days",
                    evidence=f"{level:.0f}, then {values[at, column]:.0f}, and "
                    f"{values[last + 1, column]:.0f} on {grid.index[last + 1]:%Y-%m-%d}"
                    )  # fmt: skip
            values[at : last + 1, column] = np.nan
    return pd.DataFrame(values, index=grid.index, columns=grid.columns)


def frozen(grid: pd.DataFrame, log: Log) -> pd.DataFrame:
    """
    Blank the days a column stood still that its own steps do not let one believe.

    Notes
    -----
    With rate m, the smaller of the mean daily steps in the week before and the week after
    (the step that ends the run left out), n quiet days have the chance exp(-n m) in a Poisson
    process. A run less likely than 1e-4 whose last day releases at least half of n m at once
    is frozen: an epidemic that paused releases nothing.
    """
    return _blank(grid, _own_evidence, log)


def frozen_beside(grid: pd.DataFrame, beside: pd.Series, log: Log) -> pd.DataFrame:
    """
    Blank the days a column stood still while another count of the same cases rose.

    Parameters
    ----------
    grid : pandas.DataFrame
        Cumulative cases, days by areas.
    beside : pandas.Series
        The other count, by day.
    log : Log

    Returns
    -------
    pandas.DataFrame
        The grid, missing on such days. Only a stand that the next number released counts, if the
        other rose on half its days and by one case a day at least.
    """

    def evidence(column: pd.Series, first: pd.Timestamp, last: pd.Timestamp, days: int) -> str:
        increase = beside.diff()[first:last].clip(lower=0)
        released = column[column.index > last].iloc[:1].sum() > column[last]
        moved = int((increase > 0).sum())
        if not released or 2 * moved < days or increase.sum() < days:
            return ""
        return f"the other count of the same cases rose on {moved} days, by {increase.sum():.0f}"

    return _blank(grid, evidence, log)


def _blank(
    grid: pd.DataFrame,
    evidence: Callable[[pd.Series, pd.Timestamp, pd.Timestamp, int], str],
    log: Log,
) -> pd.DataFrame:
    blank = pd.DataFrame(data=False, index=grid.index, columns=grid.columns)
    for adcode in grid.columns:
        column = grid[adcode].dropna()
        for first, last in _runs(column.diff().eq(0) & (column > 0)):
            days = int(((column.index >= first) & (column.index <= last)).sum())
            told = evidence(column, first, last, days) if days >= FROZEN_DAYS else ""
            if told:
                blank.loc[first:last, adcode] = True
                log.add("frozen", str(adcode), (first, last), amount=float(column[last]),
                        reason=f"stood at {column[last]:.0f} for {days} days: taken as unknown",
                        evidence=told)  # fmt: skip
    return grid.mask(blank)


def _own_evidence(column: pd.Series, first: pd.Timestamp, last: pd.Timestamp, days: int) -> str:
    """Why a run of quiet days is not believed; empty if it may be true."""
    steps = column.diff().clip(lower=0)
    before, after = steps[steps.index < first].iloc[-7:], steps[steps.index > last]
    if len(before) < 3 or len(after) < 4:  # noqa: PLR2004
        return ""
    released, after = float(after.iloc[0]), after.iloc[1:8]
    rate = min(before.mean(), after.mean())
    if np.exp(-rate * days) >= FROZEN_CHANCE or released < rate * days / 2:
        return ""
    return (
        f"{before.mean():.1f} a day before and {after.mean():.1f} after make {days} quiet days "
        f"less likely than {FROZEN_CHANCE:g}; then {released:.0f} at once"
    )


def missing(grid: pd.DataFrame, published: pd.DataFrame, log: Log) -> None:
    """
    List days inside an area's series on which nothing was published.

    Parameters
    ----------
    grid : pandas.DataFrame
        Days by areas; only its columns are read.
    published : pandas.DataFrame
        What was published, days by areas, missing where nothing was.
    log : Log
        Each run of such days is noted there; no number is changed.
    """
    for adcode in grid.columns:
        there = published[adcode].notna()
        if not there.any():
            continue
        inside = ~there & (there.cumsum() > 0) & (there[::-1].cumsum()[::-1] > 0)
        for first, last in _runs(inside):
            log.add("missing_days", adcode, (first, last),
                    amount=float((last - first).days + 1),
                    reason="no row: the step over the gap is spread over its days",
                    evidence="rows before and after, none between")  # fmt: skip


def increments(grid: pd.DataFrame, weights: pd.Series | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Daily steps of cumulative counts, positive steps over a gap spread over its days.

    Parameters
    ----------
    grid : pandas.DataFrame
        Cumulative counts (days, areas), NaN where unknown.
    weights : pandas.Series, optional
        New cases of the whole province by day: days of a gap share its step in proportion to
        them (evenly where they have none).

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        Steps [cases], summing to the last known count of each area, and where they are
        imputed (bool). A negative step over a gap stays on the gap's last day. The first
        count of an area is a step of its first day.
    """
    values = grid.to_numpy(dtype=np.float64)
    steps, imputed = np.zeros_like(values), np.zeros(values.shape, dtype=bool)
    share = np.zeros(len(grid)) if weights is None else weights.clip(lower=0).fillna(0).to_numpy()
    for column in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(values[:, column]))
        level, previous = 0.0, -1
        for day in known:
            step = values[day, column] - level
            gap = slice(previous + 1, day + 1)
            if previous >= 0 and day - previous > 1:
                imputed[gap, column] = True
                if step > 0:
                    steps[gap, column] = apportion(step, share[gap])
                    step = 0.0
            steps[day, column] += step
            level, previous = values[day, column], int(day)
    return (
        pd.DataFrame(steps, index=grid.index, columns=grid.columns),
        pd.DataFrame(imputed, index=grid.index, columns=grid.columns),
    )


def apportion(amount: float, weights: FloatArray) -> FloatArray:
    """
    Whole parts of an amount in proportion to weights, summing to it (largest remainders).

    Parameters
    ----------
    amount : float
        What is shared out, not negative; whole amounts get whole parts.
    weights : array
        Not negative; all zero means evenly.
    """
    total = weights.sum()
    fair = amount * (weights / total if total > 0 else np.full(len(weights), 1 / len(weights)))
    if amount % 1:
        return np.asarray(fair, dtype=np.float64)
    parts = np.floor(fair)
    left = round(amount - parts.sum())
    parts[np.argsort(parts - fair, kind="stable")[:left]] += 1
    return np.asarray(parts, dtype=np.float64)


def _runs(flags: pd.Series) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """First and last day of every run of true days."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags.to_numpy(dtype=bool), False]))
    return [
        (flags.index[first], flags.index[last - 1]) for first, last in edges.reshape(-1, 2).tolist()
    ]
