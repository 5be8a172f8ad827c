"""
Daily new cases from published cumulative counts.

A published count is what an office said on the day; its step from the last published day is
new cases less retractions. A negative step is kept as a retraction, a step over unpublished
days is marked with the days it spans, and a step on the day of a definition change is
marked as one of reporting.

Tables
------
COUNTS
    date, adcode, one column per series (confirmed, deaths, recovered); cumulative at 24:00,
    empty where nothing was published.
INCIDENCE
    date, adcode; published (bool), cumulative [cases], step [cases since the last published
    day, negative where cases were retracted, empty on the first], days [days the step spans],
    new [positive part of step], retracted [negative part, as a positive number],
    definition_change (bool). One row per area and day of the series' range.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.study import DefinitionChange

COLUMNS = (
    "date",
    "adcode",
    "published",
    "cumulative",
    "step",
    "days",
    "new",
    "retracted",
    "definition_change",
)


def daily(
    counts: pd.DataFrame,
    definition_changes: Iterable[DefinitionChange] = (),
    series: str = "confirmed",
) -> pd.DataFrame:
    """
    Daily steps of one published cumulative series.

    Parameters
    ----------
    counts : COUNTS table
        Cumulative counts [cases], one row per area and day, in any order.
    definition_changes : iterable of DefinitionChange
        Days whose steps are steps of reporting.
    series : str
        Column of ``counts``: confirmed, deaths or recovered.

    Returns
    -------
    INCIDENCE table
        Sorted by area and day, without gaps between the first and last day of ``counts``.
    """
    columns = list(COLUMNS)
    if counts.empty:
        return pd.DataFrame(columns=columns)
    days = pd.to_datetime(counts["date"])
    calendar = pd.date_range(days.min(), days.max(), freq="D")
    grid = (
        counts.assign(date=days)
        .pivot_table(index="date", columns="adcode", values=series, aggfunc="last", dropna=False)
        .reindex(calendar)
        .astype("float64")
        .sort_index(axis="columns")
    )
    previous = grid.ffill().shift(1)
    number = pd.DataFrame(
        np.arange(len(calendar), dtype="float64")[:, None].repeat(grid.shape[1], axis=1),
        index=grid.index,
        columns=grid.columns,
    )
    spanned = number - number.where(grid.notna()).ffill().shift(1)
    index = pd.MultiIndex.from_product([grid.columns, grid.index], names=["adcode", "date"])
    columnwise = {
        "cumulative": grid,
        "step": grid - previous,
        "days": spanned.where(grid.notna()),
    }
    long = pd.DataFrame(
        {name: table.to_numpy().ravel(order="F") for name, table in columnwise.items()},
        index=index,
        dtype="Int64",
    ).reset_index()
    long["published"] = long["cumulative"].notna()
    long["new"] = long["step"].clip(lower=0)
    long["retracted"] = (-long["step"]).clip(lower=0)
    long["definition_change"] = _changed(long, definition_changes, series).astype(bool)
    return long[columns]


def _changed(
    steps: pd.DataFrame, definition_changes: Iterable[DefinitionChange], series: str
) -> pd.Series:
    """Whether a step spans a definition change of its area, in the direction of its effect."""
    flagged = pd.Series(False, index=steps.index)  # noqa: FBT003 - a column of no
    for change in definition_changes:
        if series not in change.series:
            continue
        after = (steps["date"] - pd.Timestamp(change.day)).dt.days
        inside = (after >= 0) & (after < steps["days"].fillna(0)).astype(bool)
        here = steps["adcode"].isin(change.areas) if change.areas else True
        part = "new" if change.effect == "adds" else "retracted"
        flagged |= inside & here & (steps[part].fillna(0) > 0)
    return flagged


def total(incidence: pd.DataFrame) -> pd.DataFrame:
    """
    Sum over areas per day.

    Returns
    -------
    pandas.DataFrame
        date, cumulative [cases: of each area what it published last], new, retracted, step
        [cases: of the areas that published that day], definition_change (bool: it added cases),
        struck_off (bool: it removed cases), published and areas [number of areas], days [that
        the longest step of theirs spans].
    """
    if incidence.empty:
        names = ["cumulative", "new", "retracted", "step", "definition_change", "struck_off"]
        return pd.DataFrame(columns=["date", *names, "published", "areas", "days"])
    changed = incidence["definition_change"]
    flagged = incidence.assign(
        cumulative=incidence.groupby("adcode")["cumulative"].ffill(),
        definition_change=changed & (incidence["new"].fillna(0) > 0),
        struck_off=changed & (incidence["retracted"].fillna(0) > 0),
    )
    summed = flagged.groupby("date", sort=True).agg(
        cumulative=("cumulative", "sum"),
        new=("new", "sum"),
        retracted=("retracted", "sum"),
        step=("step", "sum"),
        definition_change=("definition_change", "any"),
        struck_off=("struck_off", "any"),
        published=("published", "sum"),
        areas=("adcode", "size"),
        days=("days", "max"),
    )
    return summed.fillna({"days": 1}).reset_index()


def recency(incidence: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """
    Days since the last new case of each area, as known by a day.

    Returns
    -------
    pandas.DataFrame
        adcode, last_case (date of the last positive step, empty if none is on record),
        days_since [days], certain (bool: every day since was published, and none of them took
        cases back, so no new case can hide there; and the step was not a definition change).
    """
    known = incidence[pd.to_datetime(incidence["date"]) <= pd.Timestamp(as_of)]
    codes = pd.Index(sorted(incidence["adcode"].unique()), name="adcode")
    positive = known[known["new"].fillna(0) > 0]
    last = positive.groupby("adcode")["date"].max().reindex(codes)
    after = known[~(known["date"] <= known["adcode"].map(last))]
    clean = after["published"] & (after["retracted"].fillna(0) == 0) & (after["days"] == 1)
    doubtful = set(after.loc[~clean.fillna(value=False).astype(bool), "adcode"])
    changed = set(
        positive.loc[positive["definition_change"], ["adcode", "date"]].apply(tuple, axis=1)
    )
    latest = known["date"].max() if len(known) else pd.NaT
    late = pd.isna(latest) or latest < pd.Timestamp(as_of)
    return pd.DataFrame(
        {
            "adcode": codes,
            "last_case": last.to_numpy(),
            "days_since": (pd.Timestamp(as_of) - last).dt.days.astype("Int64").to_numpy(),
            "certain": [
                not late and code not in doubtful and (code, last[code]) not in changed
                for code in codes
            ],
        }
    )


def changes(incidence: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """
    Set a day's new cases beside the day before and the same day a week before.

    Returns
    -------
    pandas.DataFrame
        One row per area: adcode; cumulative, new, retracted [cases] on ``as_of``; new_day_before,
        new_week_before, cumulative_week_before [cases]. Empty where not published.
    """
    table = incidence.assign(date=pd.to_datetime(incidence["date"])).set_index(["date", "adcode"])
    codes = pd.Index(sorted(incidence["adcode"].unique()), name="adcode")

    def on(day: date, column: str) -> pd.Series:
        at = pd.Timestamp(day)
        if at not in table.index.get_level_values("date"):
            return pd.Series(pd.NA, index=codes, dtype="Int64")
        return table.xs(at, level="date")[column].reindex(codes)

    before, week = as_of - timedelta(days=1), as_of - timedelta(days=7)
    return pd.DataFrame(
        {
            "cumulative": on(as_of, "cumulative"),
            "new": on(as_of, "new"),
            "retracted": on(as_of, "retracted"),
            "new_day_before": on(before, "new"),
            "new_week_before": on(week, "new"),
            "cumulative_week_before": on(week, "cumulative"),
        }
    ).reset_index()
