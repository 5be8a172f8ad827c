"""
One day's grades with all that says how they hold up.

Tables
------
CHANGED
    One row per unit that differs from the day before: adcode, and grades, likeliest, stabilised
    of both days, each as ``…_before`` and ``…_now``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.analysis.risk.outlook import moves, sensitivity
from analytics.analysis.risk.probability import probability
from analytics.analysis.risk.rules import ORDER
from analytics.analysis.risk.stable import Trajectory, trajectory

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty, GradingRule

DAYS = 28  # that the stabilised grade looks back


@dataclass(frozen=True, eq=False)
class Assessment:
    """
    How one day's grades hold up.

    Parameters
    ----------
    probability : PROBABILITY table
        By counts alone: no official list is used.
    stabilised : Series
        Advisory grade by adcode.
    changed : CHANGED table
    moves : MOVES table
    sensitivity : SENSITIVITY table
    """

    probability: pd.DataFrame
    stabilised: pd.Series
    changed: pd.DataFrame
    moves: pd.DataFrame
    sensitivity: pd.DataFrame


def assess(
    grades: pd.DataFrame,
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    rule: GradingRule,
    uncertainty: GradeUncertainty,
    clusters: pd.DataFrame | None = None,
) -> Assessment:
    """
    Say how likely a day's grades are, what is stable, what changed and what would change them.

    Parameters
    ----------
    grades : RISK table
        One day's grades by the same rule, units and clusters.
    incidence : INCIDENCE table
        Rows after the grades' day are not looked at.
    units : UNITS table
    shares : SHARES table
    rule : GradingRule
    uncertainty : GradeUncertainty
    clusters : pandas.DataFrame, optional
        As in ``grade``.

    Returns
    -------
    Assessment
    """
    as_of = pd.Timestamp(grades["as_of"].iloc[0])
    days = pd.date_range(as_of - pd.Timedelta(days=DAYS - 1), as_of)
    path = trajectory(incidence, units, shares, rule, uncertainty, days, clusters)
    names = np.array([g.value for g in ORDER])
    return Assessment(
        probability(grades, incidence, units, shares, rule, uncertainty, clusters=clusters),
        pd.Series(names[path.stabilised[:, -1]], index=path.codes),
        changed(path),
        moves(grades, incidence, units, rule, clusters),
        sensitivity(incidence, units, shares, rule, uncertainty, as_of.date()),
    )


def changed(path: Trajectory) -> pd.DataFrame:
    """
    Set the last two days of a trajectory side by side where they differ.

    Parameters
    ----------
    path : Trajectory
        Of two days or more.

    Returns
    -------
    CHANGED table
    """
    names = np.array([g.value for g in ORDER])
    columns: dict[str, object] = {"adcode": path.codes}
    for name, at in (("before", -2), ("now", -1)):
        columns[f"grades_{name}"] = ["|".join(names[row]) for row in path.possible[:, at]]
        columns[f"likeliest_{name}"] = names[path.chance[:, at].argmax(axis=1)]
        columns[f"stabilised_{name}"] = names[path.stabilised[:, at]]
    table = pd.DataFrame(columns)
    differs = [
        table[f"{name}_before"] != table[f"{name}_now"]
        for name in ("grades", "likeliest", "stabilised")
    ]
    return table[np.logical_or.reduce(differs)].reset_index(drop=True)
