"""
The national rule, applied to what is known.

A county is *low* with no confirmed case, or none new in the window; *medium* with a new case in
the window and at most 50 cumulative, or more than 50 without a cluster outbreak in the window;
*high* with more than 50 and a cluster outbreak in the window. Where the wording overlaps, low
comes first, and 50 or fewer with a cluster is medium.

Where a county's own counts or its clusters are unknown, the grade is the set of all grades that
the evidence leaves.

Tables
------
RISK
    One row per graded unit: as_of, adcode, name, name_en, unit_type, prefecture,
    prefecture_name, prefecture_name_en; may_be_low, may_be_medium, may_be_high (bool); grades
    (the set, light to severe, joined by "|"), size [grades in the set], grade (the single grade,
    else empty); basis (own, prefecture, whole_prefecture, members, none: whose counts were
    used); reason and doubts (codes, see ``REASONS`` and ``DOUBTS``); new_lower, new_upper,
    cumulative_lower, cumulative_upper [cases; empty = no bound known]; cluster (bool, empty =
    unknown); prefecture_new_lower, prefecture_new_upper, prefecture_cumulative [cases];
    redefined, retracted [cases], missing_days [days]; retrospective (bool).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.analysis.risk.evidence import evidence
from analytics.analysis.risk.rules import cells, low_has_no_case, possible
from analytics.analysis.risk.sets import clusters_on, unit_starts, whole, worst
from analytics.codes import RiskGrade

if TYPE_CHECKING:
    from analytics.study import GradingRule

REASONS = (
    "no_case",  # no confirmed case on record: low
    "no_new_case",  # none new in the window: low
    "few_cases",  # new cases, cumulative within the cut-off: medium
    "no_cluster",  # new cases, above the cut-off, no cluster: medium
    "cluster",  # new cases, above the cut-off, a cluster: high
    "cluster_unknown",  # new cases, above the cut-off, clusters unknown: medium or high
    "county_unknown",  # the prefecture had new cases; in which county is not published
    "few_in_prefecture",  # the same, and the prefecture's total is within the cut-off
    "new_unknown",  # gaps, retractions or a new definition hide whether there was a new case
    "no_counts",  # nothing was published for the unit or its prefecture
    "own_rule",  # graded by tiers of the study's own
)
DOUBTS = ("missing_days", "retraction", "definition_change")

_SUMS = ("redefined", "retracted", "missing_days")


def grade(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    rule: GradingRule,
    as_of: date,
    clusters: pd.DataFrame | None = None,
    later: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Grade each unit's risk as the national rule does, as far as the evidence goes.

    Parameters
    ----------
    incidence : INCIDENCE table
        Daily steps of counties or prefectures; a county's own rows come before its prefecture's.
    units : UNITS table
        Counties and the units they are graded in; with a column population [persons] if the
        rule asks for rates.
    rule : GradingRule
        Window [days] and cumulative cut-off [cases], or tiers of another rule.
    as_of : date
        Only what was known by 24:00 of this day is used.
    clusters : pandas.DataFrame, optional
        adcode (county), first_date, last_date, cluster (bool): an outbreak fell into the period,
        or the whole period was looked at and none found. Not given: unknown everywhere.
    later : pandas.DataFrame, optional
        adcode (county), confirmed, not_before (earliest day it may show): a later cumulative
        state. Its use makes the grades *retrospective*: they say what could not be known by
        ``as_of``. What the prefecture took back after ``as_of``, and what it added between
        ``not_before`` and ``as_of``, widens the bound.

    Returns
    -------
    RISK table
        One row per unit, sorted by code.

    Notes
    -----
    With bounds on new cases n and cumulative cases k, and cluster c in {yes, no, unknown}:
    low is possible iff n may be 0 or k is 0; medium iff n may be positive and not (k > cut-off for
    certain and c = yes); high iff n may be positive, k may exceed the cut-off and c is not no.
    A unit of several counties takes the worst grade of its members: g is possible iff one
    member may be g and every other may be g or lighter.

    References
    ----------
    State Council joint prevention and control mechanism, guiding opinions on prevention and
    control by zones and grades, 17 February 2020; as quoted by Xinhua, 29 February 2020.
    """
    bounds = evidence(incidence, as_of, rule.window_days).set_index("adcode")
    units = units.sort_values(["unit", "adcode"], ignore_index=True)
    counties = _bounded(units, bounds)
    counties["retrospective"] = later is not None
    if later is not None:
        counties = _limited(counties, later, incidence, as_of)
    window_end = pd.DatetimeIndex([pd.Timestamp(as_of)])
    seen = clusters_on(counties["adcode"], clusters, window_end, rule.window_days)[:, 0]
    counties["cluster"] = pd.array(seen, dtype="Float64").astype("boolean")
    counties = _possible(counties, rule)
    graded = _worst(counties, low_has_no_case=low_has_no_case(cells(rule)))
    graded["as_of"] = pd.Timestamp(as_of)
    return _explained(graded, rule)


def _bounded(units: pd.DataFrame, bounds: pd.DataFrame) -> pd.DataFrame:
    """Bounds of each county: its own where published, else what its prefecture's leave."""
    prefecture = bounds.reindex(units["prefecture"]).reset_index(drop=True)
    own = bounds.reindex(units["adcode"]).reset_index(drop=True)
    table = units.reset_index(drop=True).copy()
    has_own = table["adcode"].isin(bounds.index)
    has_any = has_own | table["prefecture"].isin(bounds.index)
    table["basis"] = np.select([has_own, has_any], ["own", "prefecture"], "none")
    table["new_lower"] = own["new_lower"].where(has_own, 0).fillna(0).astype("Int64")
    table["new_upper"] = own["new_upper"].where(has_own, prefecture["new_upper"])
    table["cumulative_lower"] = own["cumulative"].where(has_own, 0).fillna(0).astype("Int64")
    table["cumulative_upper"] = own["cumulative"].where(has_own, prefecture["cumulative"])
    for column in _SUMS:
        table[column] = own[column].where(has_own, prefecture[column])
    table["prefecture_new_lower"] = prefecture["new_lower"]
    table["prefecture_new_upper"] = prefecture["new_upper"]
    table["prefecture_cumulative"] = prefecture["cumulative"]
    return table


def _limited(
    counties: pd.DataFrame, later: pd.DataFrame, incidence: pd.DataFrame, as_of: date
) -> pd.DataFrame:
    """Cumulative upper bounds lowered to a later state, allowing for what moved between."""
    state = later.dropna(subset=["confirmed"]).set_index("adcode")
    days, known_by = pd.to_datetime(incidence["date"]), pd.Timestamp(as_of)
    struck_off = incidence[days > known_by].groupby("adcode")["retracted"].sum()
    not_before = pd.to_datetime(state["not_before"]).min()
    between = (days > not_before) & (days <= known_by)
    added = incidence[between].groupby("adcode")["new"].sum()
    moved = struck_off.add(added, fill_value=0)
    slack = counties["prefecture"].map(moved).fillna(0).astype("Int64")
    limit = counties["adcode"].map(state["confirmed"]).astype("Int64") + slack
    bound = counties["cumulative_upper"]
    lower = (counties["basis"] != "own") & limit.notna() & (bound.isna() | (limit < bound))
    return counties.assign(
        cumulative_upper=bound.mask(lower.fillna(value=False).astype(bool), limit)
    )


def _possible(counties: pd.DataFrame, rule: GradingRule) -> pd.DataFrame:
    """Grades that bounds and clusters leave open for each county."""
    bounds = {
        name: counties[name].to_numpy(dtype="float64", na_value=np.inf)
        for name in ("new_lower", "new_upper", "cumulative_lower", "cumulative_upper")
    }
    residents = None
    if "population" in counties:
        residents = counties["population"].to_numpy(dtype="float64", na_value=np.nan)
    flags = possible(
        cells(rule),
        (bounds["new_lower"], bounds["new_upper"]),
        (bounds["cumulative_lower"], bounds["cumulative_upper"]),
        counties["cluster"].to_numpy(dtype="float64", na_value=np.nan),
        residents,
    )
    return counties.assign(**{f"may_be_{g}": flags[:, at] for at, g in enumerate(RiskGrade)})


def _worst(counties: pd.DataFrame, *, low_has_no_case: bool) -> pd.DataFrame:
    """Units of one county as they are; units of several, graded by their worst member."""
    rank = counties.assign(members=1)
    starts = unit_starts(counties)
    names = [f"may_be_{g}" for g in RiskGrade]
    flags = worst(counties[names].to_numpy(dtype=bool), starts)
    keep = ["unit_type", "prefecture", "prefecture_name", "prefecture_name_en", "retrospective"]
    keep += ["prefecture_new_lower", "prefecture_new_upper", "prefecture_cumulative"]
    grouped = rank.groupby("unit", sort=True)
    units = grouped.agg(
        name=("unit_name", "first"),
        name_en=("unit_name_en", "first"),
        members=("members", "sum"),
        basis=("basis", "first"),
        **{column: (column, "first") for column in keep},
        **{column: (column, "max") for column in ("new_lower", "cumulative_lower", *_SUMS)},
    )
    for column in ("new_upper", "cumulative_upper"):
        largest, unknown = grouped[column].max(), grouped[column].apply(lambda c: c.isna().any())
        units[column] = largest.mask(unknown)
    units["cluster"] = grouped["cluster"].apply(_any_known).astype("boolean")
    units[names] = flags
    units.loc[units["members"] > 1, "basis"] = "members"
    new = (units["prefecture_new_lower"] > 0).fillna(value=False).astype(bool)
    counted = whole(counties, starts) & new & low_has_no_case
    # every county of the prefecture is in this unit: its new cases are the unit's
    units["new_lower"] = units["new_lower"].mask(counted, units["prefecture_new_lower"])
    units["basis"] = units["basis"].mask(counted, "whole_prefecture")
    units["may_be_low"] &= ~counted
    return units.reset_index().rename(columns={"unit": "adcode"})


def _any_known(members: pd.Series) -> bool | None:
    """Whether a member had a cluster: yes if one did, no if none did, else unknown."""
    if members.fillna(value=False).any():
        return True
    return None if members.isna().any() else False


def _explained(graded: pd.DataFrame, rule: GradingRule) -> pd.DataFrame:
    """Write out the sets, the reason that left them and what makes new cases doubtful."""
    cutoff = rule.cumulative_cutoff
    flags = graded[[f"may_be_{g}" for g in RiskGrade]].to_numpy()
    names = np.array([g.value for g in RiskGrade])
    graded["grades"] = ["|".join(names[row]) for row in flags]
    graded["size"] = flags.sum(axis=1)
    graded["grade"] = graded["grades"].where(graded["size"] == 1)
    quiet = (graded["new_upper"] == 0).fillna(value=False)
    new = graded["new_lower"] > 0
    few = (graded["cumulative_upper"] <= cutoff).fillna(value=False)
    elsewhere = (graded["prefecture_new_lower"] > 0).fillna(value=False) & graded["basis"].isin(
        ["prefecture", "members"]
    )
    graded["reason"] = np.select(
        [
            graded["basis"] == "none",
            graded["basis"].notna() & bool(rule.tiers),
            (graded["cumulative_upper"] == 0).fillna(value=False),
            quiet,
            ~new & elsewhere & few,
            ~new & elsewhere,
            ~new,
            few,
            graded["grades"] == "high",
            (~graded["cluster"]).fillna(value=False),
        ],
        [
            "no_counts",
            "own_rule",
            "no_case",
            "no_new_case",
            "few_in_prefecture",
            "county_unknown",
            "new_unknown",
            "few_cases",
            "cluster",
            "no_cluster",
        ],
        "cluster_unknown",
    )
    causes = {
        "missing_days": graded["missing_days"],
        "retraction": graded["retracted"],
        "definition_change": graded["redefined"],
    }
    marks = [np.where(amount.fillna(0) > 0, name, "") for name, amount in causes.items()]
    graded["doubts"] = ["+".join(filter(None, row)) for row in zip(*marks, strict=True)]
    first = ["as_of", "adcode", "name", "name_en", "unit_type"]
    others = [c for c in graded.columns if c not in first]
    return graded[first + others].sort_values("adcode").reset_index(drop=True)
