"""
Reproduction numbers of areas, day by day, from repaired incidence.

Tables
------
REPRODUCTION
    date [last day of the window], adcode, cases [in the window], mean, lower, upper [95 %
    posterior interval]; empty where the window, or the week before it, held too few cases to
    say, or the series is too short.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.methods import forecast, renewal
from analytics.methods.serial_interval import SerialInterval, UncertainSerialInterval

LEAST_DAYS = 14  # of history that an estimate needs
LEAST_CASES = 1  # in the window and in the week before it, for an estimate to mean anything
LEVELS = (0.025, 0.975)


def reproduction(
    incidence: pd.DataFrame,
    interval: SerialInterval | UncertainSerialInterval = forecast.NISHIURA,
    window: int = 7,
) -> pd.DataFrame:
    """
    Estimate the reproduction number of each area over sliding windows.

    Parameters
    ----------
    incidence : REPAIRED_INCIDENCE table
        ``date``, ``adcode`` and ``new`` [cases/day] are read; an unknown day counts as none.
    interval : SerialInterval or UncertainSerialInterval
        Days from a case to those it infects; what is unsure of it widens the interval.
    window : int
        Length of the windows [days].

    Returns
    -------
    REPRODUCTION table
        One row per area and day.

    Notes
    -----
    After Cori et al. 2013 (doi:10.1093/aje/kwt133), serial interval of Nishiura et al. 2020 (mean
    4.7, standard deviation 2.9 days) unless another is given.
    """
    cases = incidence.pivot_table("new", "adcode", "date", dropna=False).fillna(0.0)
    found = renewal.reproduction_number(cases.to_numpy(), interval, window=window, levels=LEVELS)
    values = np.full((*cases.shape, 3), np.nan)
    values[:, found.t_end - 1] = np.dstack([found.mean, found.quantiles])
    inside = cases.T.rolling(window, min_periods=1).sum().T
    before = cases.T.rolling(7).sum().shift(window).T
    enough = (inside >= LEAST_CASES) & (before >= LEAST_CASES)
    enough.iloc[:, : LEAST_DAYS - 1] = False
    values = np.where(enough.to_numpy()[..., None], values, np.nan)
    table = inside.T.melt(ignore_index=False, value_name="cases").reset_index()
    table[["mean", "lower", "upper"]] = values.reshape(-1, 3)
    return table
