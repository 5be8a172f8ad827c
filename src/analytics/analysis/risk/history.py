"""How much of the grading was certain, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from analytics.analysis.risk.grading import grade
from analytics.analysis.risk.units import units
from analytics.codes import RiskGrade
from analytics.study import GradingRule, Study


def certainty(
    incidence: pd.DataFrame,
    areas: pd.DataFrame,
    study: Study,
    rule: GradingRule,
    as_of: date,
    days: int = 8,
) -> pd.DataFrame:
    """
    Count units by certain grade on each of the last days, each as known by that day.

    Parameters
    ----------
    incidence : INCIDENCE table
    areas : AREAS table
    study : Study
        Says which units were graded on which day.
    rule : GradingRule
    as_of : date
        Last day.
    days : int
        Number of days [days].

    Returns
    -------
    pandas.DataFrame
        date, units, low, medium, high, undetermined [number of units].
    """
    rows = []
    for back in reversed(range(days)):
        day = as_of - timedelta(days=back)
        grades = grade(incidence, units(areas, study.unit_on(day)), rule, day)
        single = grades["grade"].value_counts()
        rows.append(
            {
                "date": pd.Timestamp(day),
                "units": len(grades),
                **{g.value: int(single.get(g.value, 0)) for g in RiskGrade},
                "undetermined": int((grades["size"] > 1).sum()),
            }
        )
    return pd.DataFrame(rows)
