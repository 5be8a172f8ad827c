"""What was published for a study: by whom, when, for which days, how much empty or set aside."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pandas as pd

from analytics.pool import deliveries, figures, staging
from analytics.privacy import disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from analytics.pool.archive import Entry
    from analytics.study import Study

QUARANTINE = ["file", "date", "row", "column", "reason"]
_FILES = {feed: name for name, feed in staging.FEEDS.items() if feed != "official_counts"}


def quarantined(study: Study, used: Sequence[Entry], strange: pd.DataFrame) -> pd.DataFrame:
    """
    List what was set aside of published deliveries, one row each, never what it holds.

    Parameters
    ----------
    study : Study
    used : sequence of Entry
        Deliveries of the department; a day's later edition stands for its earlier ones.
    strange : pandas.DataFrame
        Rows of areas that are not of this study: ``date``, and ``measure`` of counts.

    Returns
    -------
    pandas.DataFrame
        file, date, row (empty where the whole delivery was refused), column, reason.
    """
    latest = {(e.feed, e.date): e for e in sorted(used, key=lambda e: e.delivered)}
    found = [pd.DataFrame(columns=QUARANTINE)]
    found += [_rejected(study, e) for e in latest.values() if e.quarantined or e.refused]
    if len(strange):
        file = "official_" + strange["measure"].fillna("grades") + ".csv"
        outside = pd.DataFrame({"file": file, "date": strange["date"], "column": "region"})
        outside["row"] = pd.Series(pd.NA, index=outside.index, dtype="Int64")
        found.append(outside.assign(reason="not_of_this_study"))
    return pd.concat(found, ignore_index=True)[QUARANTINE]


def _rejected(study: Study, entry: Entry) -> pd.DataFrame:
    if entry.refused:
        whole = [(_FILES.get(entry.feed, entry.file), entry.date, pd.NA, "", entry.refused)]
        return pd.DataFrame(whole, columns=QUARANTINE)
    faults: pd.DataFrame = deliveries.rejects(study, [entry]).to_pandas()
    rows = faults.drop_duplicates("position")
    came = figures.original(study, entry)
    file = pd.Series(_FILES.get(entry.feed, entry.file), index=rows.index)
    if came is not None and "measure" in came:
        measure = came["measure"].reindex(rows["position"] - 1).set_axis(rows.index)
        file = ("official_" + measure + ".csv").fillna(file)
    named = rows.rename(columns={"position": "row"})
    return named.assign(file=file, date=pd.Timestamp(entry.date))[QUARANTINE]


def listed(
    study: Study,
    used: Sequence[Entry],
    counts: pd.DataFrame,
    grades: pd.DataFrame,
    quarantine: pd.DataFrame,
) -> pd.DataFrame:
    """
    List what was published: by whom, when, for which days, how much empty or set aside.

    Parameters
    ----------
    study : Study
        Its ``sources.toml`` names publisher, address and licence of each file.
    used : sequence of Entry
        Deliveries that figures came from.
    counts : OFFICIAL_COUNTS table
    grades : OFFICIAL_GRADES table
    quarantine : pandas.DataFrame
        Cells set aside, with their feed.

    Returns
    -------
    pandas.DataFrame
        One row per file, sorted by name; files of which nothing had arrived are left out.
    """
    path = study.folder / "sources.toml"
    register = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = {entry["file"]: entry for entry in register.get("table", [])}
    arrived: dict[str, date] = {}
    for entry in used:
        day = entry.delivered.date()
        arrived[entry.feed] = max(day, arrived.get(entry.feed, day))
    sums = {**staging.present(study), **staging.staged(study)}
    sums |= {p.name: disk.sha256(p) for p in study.folder.glob("re*.csv")}  # reference data
    sums.pop("study.toml", None)
    rows = []
    for file in sorted(sums):
        feed, entry = staging.FEEDS.get(file, ""), known.get(file, {})
        if feed and feed not in arrived:
            continue
        rows.append(
            {
                "file": file,
                "publisher": entry.get("publisher"),
                "retrieved": register.get("retrieved"),
                "delivered": arrived.get(feed),
                **_extent(file, counts, grades),
                "set_aside": int((quarantine["file"] == file).sum()),
                "verified": sums[file] == entry["sha256"] if "sha256" in entry else pd.NA,
            }
        )
    return pd.DataFrame(rows).astype(
        {"cells": "Int64", "unpublished": "Int64", "verified": "boolean"}
    )


def _extent(file: str, counts: pd.DataFrame, grades: pd.DataFrame) -> dict[str, object]:
    """First and last day of a file, its cells and how many of them are empty."""
    measure = file.removeprefix("official_").removesuffix(".csv")
    if measure in figures.MEASURES:
        days = counts["date"]
        cells: object = len(counts)
        unpublished: object = int(counts[measure].isna().sum())
    else:
        days, cells, unpublished = grades["as_of"], pd.NA, pd.NA
        if file != "official_grades.csv":
            days = days.iloc[:0]
    return {
        "first_date": days.min() if len(days) else pd.NaT,
        "last_date": days.max() if len(days) else pd.NaT,
        "cells": cells,
        "unpublished": unpublished,
    }
