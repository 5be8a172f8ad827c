"""
What published counts say about the window before a day: bounds, never guesses.

A window of 14 days is D-13 ... D; it is known in full only if the count of D-14 and of every
day in it was published. A positive step inside it is a new case for certain, unless the day's
definition of a case changed. A negative step is net: cases were taken back, and how many were
new that day is unknown. A step of zero is read as no new case. A step over
unpublished days that began before the window may lie outside it.
"""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

COLUMNS = (
    "adcode",
    "new_lower",
    "new_upper",
    "cumulative",
    "redefined",
    "retracted",
    "missing_days",
    "straddling",
)


def evidence(incidence: pd.DataFrame, as_of: date, window_days: int = 14) -> pd.DataFrame:
    """
    Bounds on each area's new cases in the window, from what was known by a day.

    Parameters
    ----------
    incidence : INCIDENCE table
        Daily steps; rows after ``as_of`` are not looked at.
    as_of : date
        Last day of the window.
    window_days : int
        Length of the window [days].

    Returns
    -------
    pandas.DataFrame
        One row per area: adcode; new_lower and new_upper [cases, empty = no bound is known];
        cumulative [cases at 24:00 of ``as_of``, empty = not published]; redefined [cases added on
        days of a definition change]; retracted [cases]; missing_days [unpublished days of the
        window]; straddling [cases in steps that began before the window].
    """
    table = incidence.assign(date=pd.to_datetime(incidence["date"]))
    table = table[table["date"] <= pd.Timestamp(as_of)]
    codes = pd.Index(sorted(incidence["adcode"].unique()), name="adcode")
    baseline = pd.Timestamp(as_of - timedelta(days=window_days))
    window = table[(table["date"] > baseline) & table["published"]].copy()
    window["starts"] = window["date"] - pd.to_timedelta(window["days"].astype("float64"), unit="D")
    inside = (window["starts"] >= baseline).astype(bool)
    sure = inside & ~window["definition_change"].astype(bool)

    def summed(column: str, rows: pd.Series) -> pd.Series:
        return window[rows].groupby("adcode")[column].sum().reindex(codes, fill_value=0)

    columns = pd.DataFrame(
        {
            "new_lower": summed("new", sure),
            "redefined": summed("new", inside & ~sure),
            "retracted": summed("retracted", inside),
            "straddling": summed("new", ~inside),
            "missing_days": window_days
            - window.groupby("adcode")["date"].nunique().reindex(codes, fill_value=0),
        }
    ).astype("Int64")
    first = window[window["days"].isna()].groupby("adcode").size().reindex(codes, fill_value=0)
    unbounded = (
        (columns["missing_days"] > 0)
        | (columns["retracted"] > 0)
        | (~inside).groupby(window["adcode"]).any().reindex(codes, fill_value=False)
        | (first > 0)
    )
    columns["new_upper"] = (columns["new_lower"] + columns["redefined"]).mask(unbounded)
    today = table[table["date"] == pd.Timestamp(as_of)].set_index("adcode")["cumulative"]
    columns["cumulative"] = today.reindex(codes).astype("Int64")
    return columns.reset_index()[list(COLUMNS)]
