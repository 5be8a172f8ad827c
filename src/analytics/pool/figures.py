"""
The published figures of a study as deliveries of the department ``published``.

The study's files are wide tables for readers; `stage` lays them into the inbox feed by
feed, cumulative counts day by day with the moment each was known, and `counts`, `grades`
and `population` read them back from the archive.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.engine import collect
from analytics.pool import archive, deliveries
from analytics.study import moment

if TYPE_CHECKING:
    from datetime import datetime

    import ibis.expr.types as ir

    from analytics.study import Study

MEASURES = ("confirmed", "deaths", "recovered")


def stage(study: Study) -> int:
    """
    Lay the study's published figures into the inbox.

    A count of day D arrives at 24:00 of D, a list of grades at 24:00 of its day; undated
    tables (census, outflow) arrive before the study begins, the later state of county counts
    when ``county_state`` says. Figures already in the archive are left out.

    Returns
    -------
    int
        Deliveries made.
    """
    held = {(e.feed, e.date) for e in archive.entries(study.state / "archive") if not e.refused}
    made = 0
    for feed, day, rows in _feeds(study):
        if (feed, day) not in held:
            content = rows.to_csv(index=False).encode()
            deliveries.drop(study, feed, day, content, delivered=moment(day))
            made += 1
    return made


def _feeds(study: Study) -> list[tuple[str, date, pd.DataFrame]]:
    before = study.first_date - timedelta(days=1)
    found = [("official_counts", day, rows) for day, rows in _counts(study)]
    if (lists := _file(study, "official_grades.csv")) is not None:
        lists = lists.rename(columns={"as_of": "date", "adcode": "region"})
        found += [("official_grades", _day(day), rows) for day, rows in lists.groupby("date")]
    undated = (
        ("population", "population.csv", before, {
            "adcode": "region", "pop_2020": "residents", "households_2020": "households",
            "pct_65plus": "share_65"}),
        ("outflow_shares", "wuhan_outflow_share.csv", before,
         {"adcode": "region", "mean_share": "share"}),
    )  # fmt: skip
    for feed, name, day, names in undated:
        if (rows := _file(study, name)) is not None:
            found.append((feed, day, rows.rename(columns=names)))
    rows = _file(study, "county_cumulative.csv")
    if rows is not None and study.county_state is not None:
        day = study.county_state.not_before
        found.append(("county_cumulative", day, rows.rename(columns={"adcode": "region"})))
    return found


def _counts(study: Study) -> list[tuple[date, pd.DataFrame]]:
    series = []
    for measure in MEASURES:
        rows = _file(study, f"official_{measure}.csv")
        if rows is None:
            continue
        if "adcode" in rows.columns:
            long = rows.rename(columns={"adcode": "region", "value": "cumulative"})
        else:
            long = rows.melt("date", var_name="region", value_name="cumulative")
        long = long.assign(measure=measure)[long["cumulative"].notna() & (long["cumulative"] != "")]
        series.append(long[["date", "region", "measure", "cumulative"]])
    if not series:
        return []
    both = pd.concat(series).sort_values(["date", "region", "measure"])
    return [(_day(day), rows) for day, rows in both.groupby("date")]


def _day(text: Any) -> date:
    return date.fromisoformat(str(text))


def _file(study: Study, name: str) -> pd.DataFrame | None:
    path = study.folder / name
    return pd.read_csv(path, dtype="str", keep_default_na=False) if path.is_file() else None


def counts(known: dict[str, ir.Table], connection: Any) -> pd.DataFrame:
    """
    Cumulative counts as they were known.

    Parameters
    ----------
    known : dict
        As `archive.as_of` gives.
    connection : ibis backend

    Returns
    -------
    COUNTS table
        ``date, adcode, confirmed, deaths, recovered``, empty where not published.
    """
    rows = collect(known["official_counts"], connection)
    wide = rows.pivot_table(
        index=["date", "region"], columns="measure", values="cumulative", aggfunc="first"
    )
    wide = wide.reindex(columns=list(MEASURES)).astype("Int64").reset_index()
    wide.columns.name = None
    wide = wide.rename(columns={"region": "adcode"})
    return wide.sort_values(["date", "adcode"], ignore_index=True)


def grades(known: dict[str, ir.Table], connection: Any) -> pd.DataFrame:
    """Official lists as they were known: ``as_of, unit, adcode, unit_type, grade, rank``."""
    rows = collect(known["official_grades"], connection)
    rows = rows.rename(columns={"date": "as_of", "region": "adcode"})
    columns = ["as_of", "unit", "adcode", "unit_type", "grade", "rank"]
    return rows[columns].sort_values(["as_of", "unit"], ignore_index=True)


def record(study: Study, at: datetime, connection: Any) -> dict[str, ir.Table]:
    """Everything known at a moment; short for `archive.as_of` of the study's own archive."""
    return archive.as_of(study.state / "archive", at, connection)
