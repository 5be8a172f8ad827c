"""
How a set of grades agrees with an official list.

Tables
------
OFFICIAL_GRADES
    as_of (24:00 of the day), unit (name as printed), adcode, unit_type (county, urban_area),
    grade, rank (place in the printed order, light to severe; empty where not known).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.codes import RiskGrade

if TYPE_CHECKING:
    from datetime import date

_ORDER = [g.value for g in RiskGrade]


@dataclass(frozen=True)
class Scores:
    """Agreement of a day's grade sets with the official list, in figures."""

    units: int  # units on both sides
    unmatched: int  # units on one side only
    contained: int  # official grade lies in our set
    single: int  # our set is a single grade
    single_right: int  # ... and it is the official one
    mean_size: float  # grades per set
    discounted_accuracy: float  # mean of 1/|set| where contained
    skill: float  # 0: the full set everywhere, 1: every grade alone and right
    ranked_probability_score: float  # of the uniform distribution over the set
    ranked_probability_skill: float  # 0: the full set everywhere, 1: perfect


def in_force(official: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """
    Latest official list that stood by a day.

    Parameters
    ----------
    official : OFFICIAL_GRADES table
    as_of : date
        Lists of later days are not looked at.

    Returns
    -------
    OFFICIAL_GRADES table
        Rows of one list; empty if none stood yet.
    """
    days = pd.to_datetime(official["as_of"])
    past = days[days <= pd.Timestamp(as_of)]
    return official[days == past.max()] if len(past) else official.iloc[:0]


def list_date(official: pd.DataFrame) -> date | None:
    """As-of day of one official list; None where the list is empty."""
    return pd.Timestamp(official["as_of"].iloc[0]).date() if len(official) else None


def agreement(grades: pd.DataFrame, official: pd.DataFrame) -> pd.DataFrame:
    """
    Compare a day's grade sets with one official list, unit by unit.

    Parameters
    ----------
    grades : RISK table
        One day's grade sets.
    official : OFFICIAL_GRADES table
        One list, see ``in_force``.

    Returns
    -------
    AGREEMENT table
        The columns of RISK with official (grade, empty where the list lacks the unit),
        contained (bool), credit (1/|set| where contained, else 0), ranked_probability_score,
        and disagreement (lighter: ours is lighter than the list's; heavier; not_listed;
        not_graded; empty where the list's grade is in our set).

    Notes
    -----
    Credit is the discounted accuracy of Zaffalon et al.: a set earns what a uniform draw from
    it would on average. The ranked probability score of the uniform distribution over
    the set is ½ Σ_{j=1,2} (F_j − O_j)², F and O the cumulative probabilities of the set and of
    the list's grade over the two cuts low | medium | high.

    References
    ----------
    Zaffalon, Corani and Mauá (2012), Evaluating credal classifiers by utility-discounted
    predictive accuracy, Int. J. Approximate Reasoning 53(8), doi:10.1016/j.ijar.2012.06.022.
    Epstein (1969), A scoring system for probability forecasts of ranked categories, J. Appl.
    Meteorology 8(6). Gneiting and Raftery (2007), Strictly proper scoring rules, prediction,
    and estimation, JASA 102(477), doi:10.1198/016214506000001437.
    """
    listed = official[["adcode", "unit_type", "unit", "grade"]].rename(
        columns={"grade": "official", "unit": "printed_name"}
    )
    table = grades.merge(listed, on=["adcode", "unit_type"], how="outer", validate="1:1")
    ours = np.column_stack([table[f"may_be_{g}"].eq(other=True) for g in _ORDER]).astype(float)
    theirs = np.column_stack([table["official"].eq(g) for g in _ORDER]).astype(float)
    both = ours.any(axis=1) & theirs.any(axis=1)
    size = np.where(ours.any(axis=1), ours.sum(axis=1), np.nan)
    hit = (ours * theirs).any(axis=1)
    cuts = (ours / size[:, None]).cumsum(axis=1)[:, :-1] - theirs.cumsum(axis=1)[:, :-1]
    table["contained"] = hit
    table["credit"] = np.where(both, hit / size, np.nan)
    table["ranked_probability_score"] = np.where(both, (cuts**2).sum(axis=1) / 2, np.nan)
    heaviest = np.where(ours.any(axis=1), 2 - ours[:, ::-1].argmax(axis=1), -1)
    table["disagreement"] = np.select(
        [hit, ~theirs.any(axis=1), ~ours.any(axis=1), heaviest < theirs.argmax(axis=1)],
        ["", "not_listed", "not_graded", "lighter"],
        "heavier",
    )
    return table.sort_values("adcode").reset_index(drop=True)


def score(compared: pd.DataFrame) -> Scores:
    """
    Sum up an agreement so that returning every grade for every unit earns nothing.

    Parameters
    ----------
    compared : AGREEMENT table

    Returns
    -------
    Scores
        Figures over the units on both sides; nan where there is none.

    Notes
    -----
    skill = (mean credit − 1/3) / (1 − 1/3). The ranked probability skill is 1 − S / S_all, S the
    mean score, S_all that of the full set for the same list. Both are 0 for the full set
    everywhere, 1 for single right grades, and negative for confident error.
    """
    both = compared[compared["credit"].notna()]
    single = both["size"] == 1
    everything = both["official"].map({"low": 5 / 18, "medium": 1 / 9, "high": 5 / 18})
    credit = both["credit"].mean()
    ranked = both["ranked_probability_score"].mean()
    return Scores(
        units=len(both),
        unmatched=len(compared) - len(both),
        contained=int(both["contained"].sum()),
        single=int(single.sum()),
        single_right=int((single & both["contained"]).sum()),
        mean_size=float(both["size"].mean()),
        discounted_accuracy=float(credit),
        skill=float((credit - 1 / 3) / (2 / 3)),
        ranked_probability_score=float(ranked),
        ranked_probability_skill=float(1 - ranked / everything.mean()) if len(both) else np.nan,
    )
