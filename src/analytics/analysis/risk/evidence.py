"""What published counts say about the window before one day: bounds, never guesses."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from analytics.analysis.risk.panel import panel


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
    known = panel(incidence, pd.DatetimeIndex([pd.Timestamp(as_of)]), window_days)
    columns = {
        "new_lower": known.new_lower,
        "new_upper": np.where(np.isinf(known.new_upper), np.nan, known.new_upper),
        "cumulative": known.cumulative,
        "redefined": known.redefined,
        "retracted": known.retracted,
        "missing_days": known.missing,
        "straddling": known.straddling,
    }
    table = pd.DataFrame({name: values[:, 0] for name, values in columns.items()})
    table.insert(0, "adcode", known.codes)
    return table.astype(dict.fromkeys(columns, "Int64"))
