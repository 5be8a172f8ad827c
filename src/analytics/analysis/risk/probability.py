"""
How likely each grade is, where county counts or clusters are not published.

The rule's set of grades stays what it is; this says how likely each grade in it is, from the
prefecture's new cases in the window, its cumulative cases, and the county's share of both.

Tables
------
PROBABILITY
    One row per graded unit: as_of, adcode, p_low, p_medium, p_high [sum to 1; 0 for a grade
    that the evidence rules out], expected_grade [0 low to 2 high], likeliest (grade), above_cutoff
    [chance that cumulative cases exceed the rule's highest cut in a member], listed (bool: an
    earlier official list was used).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.analysis.risk.chances import counts, county_chances, unit_chances, within
from analytics.analysis.risk.listed import conditioned
from analytics.analysis.risk.panel import panel
from analytics.analysis.risk.rules import ORDER, cells
from analytics.analysis.risk.sets import clusters_on, unit_starts

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty, GradingRule


def probability(
    grades: pd.DataFrame,
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    rule: GradingRule,
    uncertainty: GradeUncertainty,
    *,
    clusters: pd.DataFrame | None = None,
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Give each unit's grades a probability.

    Parameters
    ----------
    grades : RISK table
        The same day's sets of grades, by the same rule, units and clusters; its as-of is used,
        and nothing of a later day is looked at.
    incidence : INCIDENCE table
    units : UNITS table
    shares : SHARES table
        If made with a later state of the counties, the result is retrospective as they are.
    rule : GradingRule
    uncertainty : GradeUncertainty
    clusters : pandas.DataFrame, optional
        As in ``grade``.
    earlier : OFFICIAL_GRADES table, optional
        One official list of a day before, as evidence; not used where clusters are given.

    Returns
    -------
    PROBABILITY table
        One row per unit, sorted by code.

    Notes
    -----
    County i of a prefecture with N new cases in the window and K cumulative ones, by its
    uncertain share s_i (logit-normal), given the share::

        new n_i ~ NegBin(mean s_i N, size k),   cumulative ~ Poisson(s_i K),
        a cluster in the window: with chance 1 - (1 - c)^n_i

    c is the number of outbreaks begun per case. A day on which a new definition added cases,
    or cases were taken back, counts towards N no more than the week before it; towards
    K it counts in full. Shares are integrated over by Gauss-Hermite quadrature; the worst of a
    unit's members is taken as if they were independent given the prefecture. A sure count of
    its own leaves a county only the cluster to be uncertain of.
    """
    day = pd.DatetimeIndex([grades["as_of"].iloc[0]])
    units = units.sort_values(["unit", "adcode"], ignore_index=True)
    table, starts = cells(rule), unit_starts(units)
    known = counts(panel(incidence, day, rule.window_days), units, shares)
    found = clusters_on(units["adcode"], clusters, day, rule.window_days)
    people = units["population"].to_numpy(dtype="float64") if "population" in units else None
    chance, above = county_chances(known, table, uncertainty, found, people)
    ordered = grades.set_index("adcode").loc[units["unit"].to_numpy()[starts]]
    left = ordered[[f"may_be_{g}" for g in ORDER]].to_numpy(dtype=bool)
    listed = earlier is not None and len(earlier) > 0 and bool(np.isnan(found).all())
    if listed and earlier is not None:
        when = (day[0], rule.window_days)
        each = within(
            conditioned(incidence, units, shares, table, uncertainty, earlier, when), left
        )
    else:
        each = unit_chances(chance[:, 0], starts, left)
    frame = pd.DataFrame({f"p_{g}": each[:, at] for at, g in enumerate(ORDER)})
    frame.insert(0, "as_of", day[0])
    frame.insert(1, "adcode", ordered.index)
    frame["expected_grade"] = each @ np.arange(len(ORDER))
    frame["likeliest"] = np.array([g.value for g in ORDER])[each.argmax(axis=1)]
    frame["above_cutoff"] = 1 - np.multiply.reduceat(1 - above[:, 0], starts)
    frame["listed"] = listed
    return frame.sort_values("adcode", ignore_index=True)
