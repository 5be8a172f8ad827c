"""
What would move a unit one grade down, when at the earliest, and how grades hang on the rule.

Tables
------
MOVES
    One row per unit: adcode, heaviest (heaviest grade the evidence leaves), next (one grade
    lighter; empty where it is low), needs (what it takes, see ``NEEDS``), earliest (date of the
    first list that could show it; empty where the evidence sets none), low_by (date by which the
    unit is low for certain if all days are published and no case comes; empty if it is low).
SENSITIVITY
    One row per unit and other choice: adcode, window_days, cumulative_cutoff, grades (set, joined
    by "|"), likeliest, and changed_set, changed_likeliest (bool: against the rule's own choice).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.analysis.risk.panel import panel
from analytics.analysis.risk.rules import ORDER
from analytics.analysis.risk.sets import clusters_on
from analytics.analysis.risk.stable import trajectory

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty, GradingRule

NEEDS = (
    "",  # it is low: nothing is lighter
    "own_counts",  # its own counts are unknown: published, they may show it lighter at once
    "no_cluster_shown",  # showing that no cluster fell into the window lowers it at once
    "cluster_leaves",  # the last cluster found must leave the window
    "quiet",  # no new case until the last one has left the window
    "unforeseen",  # the rule's own tiers decide; nothing can be said beforehand
)


def moves(
    grades: pd.DataFrame,
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    rule: GradingRule,
    clusters: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Say for each unit what would move it one grade down, and when at the earliest.

    Parameters
    ----------
    grades : RISK table
        One day's grades by the rule.
    incidence : INCIDENCE table
        Rows after the grades' day are not looked at.
    units : UNITS table
    rule : GradingRule
    clusters : pandas.DataFrame, optional
        As in ``grade``.

    Returns
    -------
    MOVES table
        One row per unit, sorted by code.

    Notes
    -----
    A case of day X is in the window until X + window - 1, so a unit is low from the list as of
    X + window on. A day that took cases back, or was not published, may hide a new case
    and counts as one here; so does a step over unpublished days, on its last day.
    """
    as_of = pd.Timestamp(grades["as_of"].iloc[0])
    rows = grades.sort_values("adcode", ignore_index=True)
    heaviest = np.select([rows["may_be_high"], rows["may_be_medium"]], [2, 1], 0)
    lightest = np.select([rows["may_be_low"], rows["may_be_medium"]], [0, 1], 2)
    window = pd.Timedelta(days=rule.window_days)
    last = _last_case(incidence, units, as_of, rule.window_days).reindex(rows["adcode"])
    low_by = (last + window).where(heaviest > 0).reset_index(drop=True)
    ending = _last_cluster(clusters, units, as_of, rule.window_days).reindex(rows["adcode"])
    ending = (ending + window).reset_index(drop=True)
    choice = np.select(
        [
            heaviest == 0,
            rows["basis"].isin(["prefecture", "members", "none"]) & (lightest < heaviest),
            np.full(len(rows), bool(rule.tiers)),
            (heaviest == 2) & rows["cluster"].isna(),  # noqa: PLR2004 - high
            heaviest == 2,  # noqa: PLR2004 - high
        ],
        ["", "own_counts", "unforeseen", "no_cluster_shown", "cluster_leaves"],
        "quiet",
    )
    needs = pd.Series(choice, index=rows.index)
    now = pd.Series(as_of, index=rows.index)
    earliest = pd.Series(pd.NaT, index=rows.index, dtype=now.dtype)
    earliest = earliest.mask(needs.isin(["own_counts", "no_cluster_shown"]), now)
    earliest = earliest.mask(needs == "quiet", low_by)
    sooner = pd.concat([ending, low_by], axis=1).min(axis=1)
    earliest = earliest.mask(needs == "cluster_leaves", sooner)
    names = np.array([g.value for g in ORDER])
    return pd.DataFrame(
        {
            "adcode": rows["adcode"],
            "heaviest": names[heaviest],
            "next": pd.Series(names[np.maximum(heaviest - 1, 0)]).where(heaviest > 0),
            "needs": needs,
            "earliest": earliest,
            "low_by": low_by,
        }
    )


def _last_case(
    incidence: pd.DataFrame, units: pd.DataFrame, as_of: pd.Timestamp, window_days: int
) -> pd.Series:
    """Last day of each unit on which a new case is known, or cannot be ruled out."""
    days = pd.date_range(as_of - pd.Timedelta(days=window_days - 1), as_of)
    seen = panel(incidence, days, 1)
    maybe = seen.new_upper > 0
    back = maybe[:, ::-1].argmax(axis=1)
    some = pd.Series(maybe.any(axis=1), index=seen.codes)
    found = pd.Series(as_of - pd.to_timedelta(back, unit="D"), index=seen.codes).where(some)
    codes = units["adcode"].where(units["adcode"].isin(seen.codes), units["prefecture"])
    last = codes.map(found).where(codes.isin(seen.codes), as_of)
    return last.groupby(units["unit"]).max()


def _last_cluster(
    clusters: pd.DataFrame | None, units: pd.DataFrame, as_of: pd.Timestamp, window_days: int
) -> pd.Series:
    """First day of the last cluster outbreak of each unit that lies in the window."""
    empty = pd.Series(pd.NaT, index=units["unit"].unique(), dtype="datetime64[us]")
    if clusters is None or clusters.empty:
        return empty
    day = pd.DatetimeIndex([as_of])
    each = [
        clusters_on(clusters["adcode"].iloc[[at]], clusters.iloc[[at]], day, window_days)[0, 0] == 1
        for at in range(len(clusters))
    ]
    inside = clusters[each]
    begins = pd.to_datetime(inside["first_date"]).astype("datetime64[us]")
    of_unit = inside["adcode"].map(units.set_index("adcode")["unit"])
    return empty.combine_first(begins.groupby(of_unit).max()).reindex(empty.index)


def sensitivity(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    rule: GradingRule,
    uncertainty: GradeUncertainty,
    as_of: date,
    windows: Sequence[int] = (7, 10, 14, 21, 28),
    cutoffs: Sequence[int] = (20, 50, 100),
) -> pd.DataFrame:
    """
    Grade with other windows and cut-offs, and say which units change.

    Parameters
    ----------
    incidence : INCIDENCE table
    units : UNITS table
    shares : SHARES table
    rule : GradingRule
        Compared with; left out of the result itself.
    uncertainty : GradeUncertainty
    as_of : date
    windows : sequence of int
        Windows [days].
    cutoffs : sequence of int
        Cumulative cut-offs [cases]; without effect on a rule with tiers of its own.

    Returns
    -------
    SENSITIVITY table
        Sorted by window, cut-off and unit.
    """
    day = pd.DatetimeIndex([pd.Timestamp(as_of)])
    names = np.array([g.value for g in ORDER])

    def graded(choice: GradingRule) -> pd.DataFrame:
        found = trajectory(incidence, units, shares, choice, uncertainty, day)
        sets = ["|".join(names[row]) for row in found.possible[:, 0]]
        likeliest = names[found.chance[:, 0].argmax(axis=1)]
        return pd.DataFrame({"adcode": found.codes, "grades": sets, "likeliest": likeliest})

    own = graded(rule)
    tables = []
    for window in windows:
        for cutoff in cutoffs:
            if (window, cutoff) == (rule.window_days, rule.cumulative_cutoff):
                continue
            choice = rule.model_copy(update={"window_days": window, "cumulative_cutoff": cutoff})
            other = graded(choice).assign(window_days=window, cumulative_cutoff=cutoff)
            other["changed_set"] = (other["grades"] != own["grades"]).astype(bool)
            other["changed_likeliest"] = (other["likeliest"] != own["likeliest"]).astype(bool)
            tables.append(other)
    return pd.concat(tables, ignore_index=True) if tables else own.iloc[:0]
