"""
What the archive said on each evening: VERSIONS of a series, and what they allow.

Tables
------
SPELLS
    adcode, date (of the cases), since, until (days from and until which it was said; until is
    empty where it still is), new [cases].
VERSIONS
    As ``nowcast`` takes them.
COMPLETED
    RECENT of ``nowcast``: a row per area, the region's own last.
COMPLETED_DAYS
    Of the region: date, reported, median, lower, upper [cases/day], incomplete (bool).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from analytics.analysis.incidence.nowcast import nowcast, recent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    import ibis.expr.types as ir

LONGEST_DELAY = 14  # days after which a day counts as complete
LEAST_EVENINGS = LONGEST_DELAY + 7  # of the archive, to learn delays from
LEAST_LATE = 10  # cases told after their own day, to learn delays from
CLASS = "confirmed"  # clinical diagnoses came in a batch, with a change of definition
SHOWN_DAYS = LONGEST_DELAY + 7  # the incomplete ones, and the week that estimates lean on too
VERSIONS = ["version", "date", "adcode", "new"]
Reason = Literal["", "few_evenings", "nothing_late"]
Basis = Literal["onset", "report"]


@dataclass(frozen=True, eq=False)
class Completed:
    """
    Cases of recent days as they will stand once everything is told.

    Parameters
    ----------
    basis : {"onset", "report"}
        What day a case counts for.
    evenings : int
        Evenings on which the archive said something.
    late : int
        Cases told after the evening of their own day.
    missing : {"", "few_evenings", "nothing_late"}
        Why nothing is estimated; empty where it is.
    areas : COMPLETED table
    days : COMPLETED_DAYS table
    checked, inside : int
        Earlier estimates of areas whose outcome is known by now, and how many of these outcomes
        lie within their 95 % interval.
    """

    basis: Basis
    evenings: int
    late: int
    missing: Reason
    areas: pd.DataFrame
    days: pd.DataFrame
    checked: int = 0
    inside: int = 0


def onsets(history: ir.Table) -> ir.Table:
    """
    Count cases by county, onset, and the days on which they were said.

    Parameters
    ----------
    history : ibis.Table
        Versions of cases: reporting_county, classification, onset, since, until.

    Returns
    -------
    ibis.Table
        SPELLS by county, of confirmed cases with an onset.
    """
    counted = history.filter(history["classification"] == CLASS).drop_null(["onset"])
    keyed = counted.select(
        "since", "until", date="onset", adcode=counted["reporting_county"].cast("string")
    )
    return keyed.group_by("adcode", "date", "since", "until").agg(new=keyed.count())


def by_evening(spells: pd.DataFrame, parents: Mapping[str, str], as_of: date) -> pd.DataFrame:
    """
    Say what was known on each evening.

    Parameters
    ----------
    spells : SPELLS table
        Of cases that add up.
    parents : mapping of str to str
        Area of each code in ``spells``; what is of none is left out. Every area has its rows.
    as_of : date
        Last evening; what was said later is left out.

    Returns
    -------
    VERSIONS table
        From the first evening on, and of days from then on: when days before were told is not
        known.
    """
    table = spells.assign(area=spells["adcode"].map(dict(parents)))
    for name in ("date", "since", "until"):
        table[name] = pd.to_datetime(table[name])
    end = pd.Timestamp(as_of)
    table = table[table["area"].notna() & (table["since"] <= end)]
    if table.empty:
        return pd.DataFrame(columns=VERSIONS)
    calendar = pd.date_range(table["since"].min(), end, freq="D")
    table = table[(table["date"] >= calendar[0]) & (table["date"] <= end)]
    areas = sorted(set(parents.values()))
    size = len(calendar)
    said = np.zeros((len(areas), size + 1, size))
    place = pd.Index(areas).get_indexer(pd.Index(table["area"]))
    dated = calendar.get_indexer(pd.DatetimeIndex(table["date"]))
    since = np.maximum(calendar.get_indexer(pd.DatetimeIndex(table["since"])), dated)
    until = calendar.get_indexer(pd.DatetimeIndex(table["until"]))  # -1: it still stood
    until = np.maximum(np.where(until < 0, size, until), since)
    count = table["new"].to_numpy(dtype=np.float64)
    np.add.at(said, (place, since, dated), count)
    np.add.at(said, (place, until, dated), -count)
    known = np.cumsum(said, axis=1)[:, :size]
    at = np.nonzero(np.broadcast_to(np.tri(size, dtype=bool), known.shape))
    return pd.DataFrame(
        {
            "version": calendar[at[1]],
            "date": calendar[at[2]],
            "adcode": np.asarray(areas, dtype=object)[at[0]],
            "new": known[at],
        }
    )


def published(spells: pd.DataFrame, areas: Collection[str], as_of: date, region: str) -> Completed:
    """
    Estimate how many cases recent days will have, from published counts.

    Parameters
    ----------
    spells : SPELLS table
        With ``cumulative`` [cases] in place of ``new``; one spell of a day at a time.
    areas : collection of str
        Areas wanted.
    as_of : date
        Last evening.
    region : str
        Code of all areas together.

    Returns
    -------
    Completed
        A day's cases are what a version gives of it and of the day before; a retraction counts
        as none. Where every count stands as it did on its own evening, nothing is late.
    """
    table = spells[spells["adcode"].isin(list(areas)) & spells["cumulative"].notna()]
    dates = {name: pd.to_datetime(table[name]) for name in ("date", "since", "until")}
    table = table.assign(**dates)
    changed = (table["since"] > table["date"]) | table.duplicated(["adcode", "date"], keep=False)
    if not changed.any():
        days = int(table["since"].nunique())
        missing: Reason = "few_evenings" if days < LEAST_EVENINGS else "nothing_late"
        return Completed("report", days, 0, missing, pd.DataFrame(), pd.DataFrame())
    found = []
    for evening in pd.date_range(table["since"].min(), pd.Timestamp(as_of), freq="D"):
        stood = (table["since"] <= evening) & ~(table["until"] <= evening)
        now = table[stood & (table["date"] <= evening)]
        steps = now.pivot_table("cumulative", "date", "adcode").asfreq("D").diff().clip(lower=0)
        rows = steps.melt(ignore_index=False, value_name="new").dropna().reset_index()
        found.append(rows.assign(version=evening))
    return completed(pd.concat(found)[VERSIONS], region, "report")


def completed(versions: pd.DataFrame, region: str, basis: Basis = "onset") -> Completed:
    """
    Estimate how many cases recent days will have, as far as the versions allow.

    Parameters
    ----------
    versions : VERSIONS table
    region : str
        Code of all areas together.
    basis : {"onset", "report"}
        What day a case counts for.

    Returns
    -------
    Completed
        Of the last `LONGEST_DELAY` days. Nothing is estimated where there are fewer than
        `LEAST_EVENINGS` evenings, or fewer than `LEAST_LATE` cases were told late: there is
        then nothing to learn delays from.
    """
    evenings, late = int(versions["version"].nunique()), _late(versions)
    few = evenings < LEAST_EVENINGS
    if few or late < LEAST_LATE:
        missing: Reason = "few_evenings" if few else "nothing_late"
        return Completed(basis, evenings, late, missing, pd.DataFrame(), pd.DataFrame())
    checked, inside = _checked(versions, region)
    areas = recent(versions, LONGEST_DELAY, region)
    return Completed(basis, evenings, late, "", areas, _days(versions), checked, inside)


def _late(versions: pd.DataFrame) -> int:
    """Cases of the last version that their own evening did not tell of."""
    if versions.empty:
        return 0
    own = versions[versions["version"] == versions["date"]].set_index(["adcode", "date"])["new"]
    last = versions[versions["version"] == versions["version"].max()]
    last = last.set_index(["adcode", "date"])["new"]
    return int((last - own.reindex(last.index, fill_value=0)).clip(lower=0).sum())


def _days(versions: pd.DataFrame) -> pd.DataFrame:
    whole = versions.groupby(["version", "date"], as_index=False)["new"].sum()
    found = nowcast(whole.assign(adcode=""), LONGEST_DELAY, (0.025, 0.5, 0.975))
    named = found.rename(columns={"q025": "lower", "q5": "median", "q975": "upper"})
    columns = ["date", "reported", "median", "lower", "upper", "incomplete"]
    return named[columns].tail(SHOWN_DAYS).reset_index(drop=True)


def _checked(versions: pd.DataFrame, region: str, every: int = 3) -> tuple[int, int]:
    """Count earlier estimates whose outcome is known, and those that held it."""
    last = versions["version"].max()
    first = versions["version"].min() + pd.Timedelta(days=LEAST_EVENINGS - 1)
    outcome = versions[versions["version"] == last]
    checked = inside = 0
    for origin in pd.date_range(last - pd.Timedelta(days=LONGEST_DELAY), first, freq=f"-{every}D"):
        told = versions[versions["version"] <= origin]
        if _late(told) < LEAST_LATE:
            continue
        made = recent(told, LONGEST_DELAY, region).set_index("adcode")
        since = origin - pd.Timedelta(days=LONGEST_DELAY)
        window = outcome[(outcome["date"] > since) & (outcome["date"] <= origin)]
        final = window.groupby("adcode")["new"].sum()
        final[region] = final.sum()
        final = final.reindex(made.index)
        checked += len(made)
        inside += int(((made["lower"] <= final) & (final <= made["upper"])).sum())
    return checked, inside
