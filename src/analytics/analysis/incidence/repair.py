"""
From a published file of cumulative counts to incidence that can be trusted.

Nothing about a place is built in: what is wrong with a file is found from the file.

Tables
------
REPAIRED_COUNTS
    date, adcode, series (confirmed, recovered, deaths), cumulative [cases at 24:00, on the
    day they are of; empty where unknown]. The province is one of the areas.
REPAIRED_INCIDENCE
    date, adcode, series, published_step [cases; step of the cumulative count, empty where
    unknown], new [cases/day, never negative], moved [cases/day spread onto this day from a
    later jump, or off it], retracted [cases/day taken back from this day], imputed (bool),
    opening (bool: an area's first count, of cases of that day and all days before),
    lag_undecided (bool).
RESIDUAL
    date, series, province, areas, unassigned [cases], residual [province less areas less
    unassigned], lag [days; empty where undecided].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.analysis.incidence import areas as area
from analytics.analysis.incidence import gaps, lag, steps
from analytics.analysis.incidence.corrections import Log

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Repaired:
    """
    A repaired file.

    Parameters
    ----------
    counts : REPAIRED_COUNTS table
        What was published, each count on its own day.
    incidence : REPAIRED_INCIDENCE table
        What happened, as far as the file tells; an area's sum is its last count.
    corrections : CORRECTIONS table
        Every correction with its reason and evidence.
    residual : RESIDUAL table
        What the areas leave unexplained of their province.
    """

    counts: pd.DataFrame
    incidence: pd.DataFrame
    corrections: pd.DataFrame
    residual: pd.DataFrame


def repair(
    published: pd.DataFrame,
    regions: dict[str, str] | None = None,
    changes: Iterable[steps.Change] = (),
) -> Repaired:
    """
    Repair one province's published cumulative counts.

    Parameters
    ----------
    published : pandas.DataFrame
        date, provinceCode, city, cityCode, confirmed, cured, dead: one row per area and day,
        the province's own row without city.
    regions : dict of code to name, optional
        Region table of the province, to tell areas from pseudo-areas.
    changes : iterable of DefinitionChange
        Dated changes of definition known beforehand; others are looked for.

    Returns
    -------
    Repaired
        Counts on their day, repaired incidence, every correction, and what stays unexplained.

    Raises
    ------
    ContractError
        If columns are missing, dates unreadable, or several provinces mixed.

    Notes
    -----
    In this order: areas told from pseudo-areas, naming variants and double counts
    (`areas.read`); days without breakdown and false zeros blanked; reporting lag inferred per
    series and day, and areas' rows moved (`lag.detect`); columns that stood still blanked;
    steps over gaps spread; jumps of reporting spread back (`steps.spread`); retractions taken
    back (`steps.retract`). Sums are kept throughout.
    """
    log = Log()
    source = area.read(published, log, regions)
    log.names = {**source.names, source.code: "", "": ""}
    declared = tuple(changes)
    tables = [_series(source, series, declared, log) for series in area.SERIES.values()]
    counts, incidence, residual = (
        pd.concat([one[at] for one in tables], ignore_index=True) for at in range(3)
    )
    return Repaired(counts, incidence, log.table(), residual)


def repaired(
    counts: pd.DataFrame, changes: Iterable[steps.Change] = (), series: str = "confirmed"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Repair one published series of all areas: what happened, and every correction made.

    Parameters
    ----------
    counts : COUNTS table
        Cumulative counts [cases], one row per area and day.
    changes : iterable of DefinitionChange
        Dated changes of definition known beforehand; others are looked for.
    series : str
        Column of ``counts``: confirmed, recovered or deaths.

    Returns
    -------
    (REPAIRED_INCIDENCE table, CORRECTIONS table)
        As `dated` makes them.
    """
    return dated(grid(counts, series), changes, series)


def grid(counts: pd.DataFrame, series: str = "confirmed") -> pd.DataFrame:
    """
    Lay out one published series, days by areas, as `dated` reads it.

    Parameters
    ----------
    counts : COUNTS table
        One row per area and day.
    series : str
        Column of ``counts``.

    Returns
    -------
    pandas.DataFrame
        Cumulative counts [cases]: consecutive days by adcodes, NaN where unknown; an area
        without any count is left out.
    """
    rows = counts.assign(date=pd.to_datetime(counts["date"]))
    wide = rows.pivot_table(series, "date", "adcode", dropna=False).astype("float64")
    return wide.asfreq("D").dropna(axis="columns", how="all")


def dated(
    counts: pd.DataFrame, changes: Iterable[steps.Change] = (), series: str = "confirmed"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Repair cumulative counts that are on their day already.

    Parameters
    ----------
    counts : pandas.DataFrame
        Cumulative counts [cases] of one series: consecutive days by adcodes, NaN where unknown.
    changes : iterable of DefinitionChange
        Dated changes of definition known beforehand; others are looked for.
    series : str
        confirmed, recovered or deaths: which declared changes are meant.

    Returns
    -------
    (REPAIRED_INCIDENCE table, CORRECTIONS table)
        As `repair` makes them, without anything that needs the province's own row.
    """
    log = Log(series=series)
    grid = gaps.false_zeros(counts, log)
    gaps.missing(grid, counts, log)
    grid = gaps.dips(gaps.frozen(grid, log), log)
    new, imputed = gaps.increments(grid, None)
    incidence = _incidence(counts, new, imputed, steps.together(new), tuple(changes), log)
    return incidence.assign(lag_undecided=False, series=series), log.table()


def _series(
    source: area.Published, series: str, changes: tuple[steps.Change, ...], log: Log
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One series from published grid to tables of counts, incidence and residual."""
    log.series = series
    own = source.province[[series]].rename(columns={series: source.code})
    province, grid, other, lags = _located(source, series, own, log)
    gaps.missing(province, own, log)
    counts = pd.concat([province, grid], axis=1)
    known = pd.DataFrame(
        {"province": own[source.code], "areas": gaps.complete_sum(grid), "unassigned": other}
    )
    grid = gaps.dips(gaps.frozen(grid, log), log)
    province = gaps.dips(province, log)
    weights = gaps.increments(province, None)[0][source.code]
    new, imputed = gaps.increments(pd.concat([province, grid], axis=1), weights)
    shared = steps.together(new.drop(columns=source.code))
    incidence = _incidence(counts, new, imputed, shared, changes, log)
    undecided = incidence["date"].map(lags["lag"].isna())
    incidence["lag_undecided"] = undecided & incidence["adcode"].ne(source.code)
    explained = known["areas"] + known["unassigned"].fillna(0)
    known["residual"] = known["province"] - explained
    known["lag"] = lags["lag"]
    long = counts.rename_axis("date").reset_index()
    long = long.melt("date", var_name="adcode", value_name="cumulative")
    residual = known.rename_axis("date").reset_index()
    return (
        long.assign(series=series),
        incidence.assign(series=series),
        residual.assign(series=series),
    )


def _located(
    source: area.Published, series: str, own: pd.DataFrame, log: Log
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.DataFrame]:
    """Province, areas and unassigned, blanked where they say nothing, on their days; the lags."""
    stamped = source.areas[series]
    for wrong in (stamped, own):
        _unusable(wrong, log)
    province = gaps.false_zeros(own, log)
    other = source.unassigned[series]
    grid = gaps.empty_breakdowns(stamped, province[source.code], other, log)
    province, grid = _still(province, gaps.false_zeros(grid, log), log)
    total = gaps.complete_sum(grid)
    lags = lag.detect(province[source.code], total.add(other, fill_value=0).where(total.notna()))
    _note_lags(lags, log)
    by = lag.applied(lags)
    grid = lag.move(grid, by)
    gaps.missing(grid, lag.move(stamped, by), log)
    return province, grid, lag.move(other.to_frame(), by).iloc[:, 0], lags


def _incidence(
    counts: pd.DataFrame,
    new: pd.DataFrame,
    imputed: pd.DataFrame,
    shared: pd.Series,
    changes: tuple[steps.Change, ...],
    log: Log,
) -> pd.DataFrame:
    """Spread jumps, take retractions back, and say for every day what was done."""
    rows = []
    falling = (new < 0).sum(axis=1)
    whole = frozenset(pd.Timestamp(str(change.day)) for change in changes)
    for adcode in new.columns:
        start = new[adcode].rename(adcode)
        current = start
        for jump in steps.jumps(start, log.series, shared, changes):
            current, _ = steps.spread(current, jump, log)
        moved = current - start
        final, taken = steps.retract(current, falling, whole, log)
        published = counts[adcode]
        rows.append(
            pd.DataFrame(
                {
                    "date": new.index,
                    "adcode": adcode,
                    "published_step": published.diff().to_numpy(),
                    "new": final.to_numpy(),
                    "moved": moved.to_numpy(),
                    "retracted": taken,
                    "imputed": imputed[adcode].to_numpy(),
                    "opening": (new.index == published.first_valid_index()) & (published > 0),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _still(
    province: pd.DataFrame, grid: pd.DataFrame, log: Log
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blank what stood still in the province, or in all areas, while the other rose."""
    total = gaps.complete_sum(grid)
    whole = gaps.frozen_beside(total.rename("").to_frame(), province.iloc[:, 0], log)
    province = gaps.frozen_beside(province, total, log)
    return province, grid.mask(whole[""].isna() & total.notna(), axis=0)


def _unusable(grid: pd.DataFrame, log: Log) -> None:
    """Say so where a column holds nothing at all."""
    if grid.size and not (grid.fillna(0) > 0).to_numpy().any():
        log.add("unusable_column", "", (grid.index[0], grid.index[-1]), amount=0.0,
                reason="0 or empty throughout: nothing to repair, nothing to learn",
                evidence="no positive count in any row", decided=False)  # fmt: skip


def _note_lags(lags: pd.DataFrame, log: Log) -> None:
    """List every period with a lag other than 0, and every one that is undecided."""
    periods = lag.periods(lags)
    found = periods["lag"].fillna(0).ne(0).cummax()
    for run, late in zip(periods.to_dict("records"), found, strict=True):
        decided = not pd.isna(run["lag"])
        quiet = not run["mismatch"] and not run["mismatch_as_stamped"]
        if not late and (decided or quiet):
            continue
        if decided:
            reason = f"areas' rows stamped {run['lag']} day(s) late against the province: moved"
            reason = reason if run["lag"] else "no lag from here on: rows stand as stamped"
        elif quiet:
            reason = "undecided: nothing moved that could tell one lag from another; no effect"
        else:
            reason = "undecided: rows stand on the likeliest day, or as published if none is"
        log.add("reporting_lag", "", (run["first_date"], run["last_date"]),
                amount=float(run["lag"]) if decided else np.nan, decided=decided, reason=reason,
                evidence=f"equal to the province on {run['exact']} of {run['days']} days so, on "
                f"{run['exact_as_stamped']} as stamped; mismatch {run['mismatch']:.0f} against "
                f"{run['mismatch_as_stamped']:.0f}")  # fmt: skip
