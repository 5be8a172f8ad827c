"""
How probabilities of grades agree with an official list, beside simple baselines.

Tables
------
FORECASTS
    adcode, p_low, p_medium, p_high; a PROBABILITY table is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.analysis.risk.chances import counts, unit_chances
from analytics.analysis.risk.panel import panel
from analytics.analysis.risk.rules import ORDER
from analytics.analysis.risk.sets import unit_starts
from analytics.methods.scoring import ranked_probability_score

if TYPE_CHECKING:
    import numpy.typing as npt

    from analytics.study import GradingRule

_COLUMNS = [f"p_{g}" for g in ORDER]
_RANK = {g.value: at for at, g in enumerate(ORDER)}


@dataclass(frozen=True)
class ProbabilityScores:
    """Agreement of probabilities with one official list, in figures."""

    units: int  # units on both sides
    accuracy: float  # share of units whose likeliest grade is the list's
    ranked_probability_score: float  # 0 perfect; sum over the two cuts, halved
    spearman: float  # of the expected grade with the list's order of severity


def severity(official: pd.DataFrame) -> pd.Series:
    """
    Place of each unit in a list's order of severity.

    Parameters
    ----------
    official : OFFICIAL_GRADES table
        One list: rank is the place within its grade, light to severe, empty where not printed.

    Returns
    -------
    Series
        By adcode; units of a grade without printed order share its middle place.
    """
    grade = official["grade"].map(_RANK).astype("float64")
    rank = official["rank"].astype("Float64").astype("float64")
    size = grade.map(grade.value_counts())
    within = rank.fillna((size + 1) / 2) / (size + 1)
    return pd.Series((grade + within).to_numpy(), index=official["adcode"].to_numpy())


def score_probabilities(forecasts: pd.DataFrame, official: pd.DataFrame) -> ProbabilityScores:
    """
    Score probabilities of grades by one official list.

    Parameters
    ----------
    forecasts : FORECASTS table
    official : OFFICIAL_GRADES table
        One list.

    Returns
    -------
    ProbabilityScores
        Over units on both sides; nan where there is none.

    Notes
    -----
    Ranked probability score (Epstein 1969, J. Appl. Meteorology 8:985): half the sum over the
    cuts low | medium | high of the squared difference between the cumulative probability and
    the list's 0 or 1. Spearman's correlation is of the expected grade with ``severity``.
    """
    chance, grade, place = _aligned(forecasts, official)
    if not len(grade):
        return ProbabilityScores(0, np.nan, np.nan, np.nan)
    expected = chance @ np.arange(chance.shape[1])
    varied = np.ptp(expected) > 0 and np.ptp(place) > 0
    return ProbabilityScores(
        units=len(grade),
        accuracy=float((chance.argmax(axis=1) == grade).mean()),
        ranked_probability_score=float(ranked_probability_score(grade, chance).mean()),
        spearman=float(stats.spearmanr(expected, place).statistic) if varied else np.nan,
    )


def reliability(
    pairs: list[tuple[pd.DataFrame, pd.DataFrame]],
    edges: tuple[float, ...] = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1),
) -> pd.DataFrame:
    """
    Set how often a grade came beside how likely it was said to be.

    Parameters
    ----------
    pairs : list of tuples
        Probabilities, and the official list they are held against.
    edges : tuple of float
        Ends of the classes of probability.

    Returns
    -------
    pandas.DataFrame
        grade, lower, upper [class of probability], units, said [mean probability], came [share
        of units], least, most [95 % interval of came, Wilson 1927, JASA 22:209].
    """
    parts = []
    for forecasts, official in pairs:
        chance, grade, _ = _aligned(forecasts, official)
        for at, name in enumerate(ORDER):
            came = (grade == at).astype(float)
            parts.append(pd.DataFrame({"grade": name.value, "said": chance[:, at], "came": came}))
    table = pd.concat(parts, ignore_index=True)
    place = np.clip(np.searchsorted(edges, table["said"], side="right") - 1, 0, len(edges) - 2)
    table["lower"], table["upper"] = np.array(edges)[place], np.array(edges)[place + 1]
    table["grade"] = pd.Categorical(table["grade"], [g.value for g in ORDER])
    grouped = table.groupby(["grade", "lower", "upper"], observed=True)
    found = grouped.agg(units=("said", "size"), said=("said", "mean"), came=("came", "mean"))
    number, share, z = found["units"], found["came"], stats.norm.ppf(0.975)
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * np.sqrt(share * (1 - share) / number + (z / number) ** 2 / 4)
    return found.assign(least=centre - half, most=centre + half).reset_index()


def baselines(
    incidence: pd.DataFrame,
    units: pd.DataFrame,
    shares: pd.DataFrame,
    rule: GradingRule,
    official: pd.DataFrame,
    earlier: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """
    Forecast an official list by simple means, to stand beside the probabilities.

    Parameters
    ----------
    incidence : INCIDENCE table
    units : UNITS table
    shares : SHARES table
    rule : GradingRule
        China's, or another's window and cut-off.
    official : OFFICIAL_GRADES table
        The list; its date is used, and its own commonest grade for the first baseline.
    earlier : OFFICIAL_GRADES table, optional
        The list before it.

    Returns
    -------
    dict of str to FORECASTS table
        majority: the list's commonest grade everywhere (it knows the list). prefecture: the rule
        on the prefecture's counts, a cluster wherever there was a new case. poisson: the same
        rule on Poisson counts with the prefecture's counts by share. last_list: the grades of the
        list before, where given; the worst of its districts for a unit it does not have.
    """
    units = units.sort_values(["unit", "adcode"], ignore_index=True)
    day = pd.DatetimeIndex([official["as_of"].iloc[0]])
    seen = panel(incidence, day, rule.window_days)
    starts = unit_starts(units)
    codes = units["unit"].to_numpy()[starts]

    def forecast(chance: npt.NDArray[np.float64]) -> pd.DataFrame:
        return pd.DataFrame(chance, columns=_COLUMNS).assign(adcode=codes)

    def worst(cumulative: npt.NDArray[np.float64]) -> pd.DataFrame:
        open_to_all = np.ones((len(starts), len(ORDER)), dtype=bool)
        return forecast(unit_chances(cumulative, starts, open_to_all))

    common = int(official["grade"].map(_RANK).mode().iloc[0])
    found = {"majority": forecast(np.eye(len(ORDER))[np.full(len(starts), common)])}
    new = seen.at(units["prefecture"], seen.new_lower, 0.0)[:, 0]
    total = seen.at(units["prefecture"], seen.latest, 0.0)[:, 0]
    cutoff = rule.cumulative_cutoff
    rank = np.where(new == 0, 0, np.where(total > cutoff, 2, 1))
    found["prefecture"] = worst((rank[:, None] <= np.arange(2)).astype(float))
    known = counts(seen, units, shares)
    lower = known.share * np.where(known.own, known.sure[:, 0], new)
    none = np.where(known.own, lower == 0, np.exp(-lower))
    above = stats.poisson.sf(cutoff, known.share * known.total[:, 0])
    above = np.where(known.own, known.total[:, 0] > cutoff, above)
    found["poisson"] = worst(np.column_stack([none, 1 - above * (1 - none)]))
    if earlier is not None and len(earlier):
        ranks = earlier.set_index("adcode")["grade"].map(_RANK)
        own = pd.Series(codes).map(ranks)
        members = units["adcode"].map(ranks).groupby(units["unit"]).max().reindex(codes)
        grade = own.fillna(pd.Series(members.to_numpy())).fillna(common).astype(int)
        found["last_list"] = forecast(np.eye(len(ORDER))[grade.to_numpy()])
    return found


def _aligned(
    forecasts: pd.DataFrame, official: pd.DataFrame
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Probabilities, official grades and places in the order, of units on both sides."""
    table = official.assign(
        rank_of_grade=official["grade"].map(_RANK),
        place=severity(official).to_numpy(),
    ).merge(forecasts[["adcode", *_COLUMNS]], on="adcode")
    return (
        table[_COLUMNS].to_numpy(dtype="float64"),
        table["rank_of_grade"].to_numpy(dtype="int64"),
        table["place"].to_numpy(dtype="float64"),
    )
