"""Published figures of a study, read from its archive as they were known at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analytics import codes, engine
from analytics.errors import ArchiveError
from analytics.pool import archive, supplies
from analytics.pool.areas import areas
from analytics.pool.figures import MEASURES as SERIES
from analytics.study import ZONE, moment

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.study import Study

_FEEDS = ("official_counts", "official_grades", "population", "outflow_shares", "county_cumulative")


@dataclass(frozen=True)
class Published:
    """
    All published figures of a study.

    Attributes
    ----------
    areas : AREAS table
        One row per county, with its prefecture.
    counts : COUNTS table
        date, adcode, confirmed, deaths, recovered [cumulative, empty = not published].
    grades : OFFICIAL_GRADES table
        Official lists, dated.
    population : pandas.DataFrame
        adcode, level, population, households [number], aged_65 [estimate from the percentage],
        unassigned [residents of a prefecture or province in none of the rows below it].
    county_cumulative : pandas.DataFrame
        adcode, confirmed, not_before: a later state.
    outflow : pandas.DataFrame
        adcode, city, province, mean_share [of all who left Wuhan].
    quarantine : pandas.DataFrame
        file, date, row, column, reason: what was set aside, and where it stood in the
        delivery of that day.
    supplies : pandas.DataFrame
        file, publisher, retrieved, delivered, first_date, last_date, cells, unpublished, set_aside,
        verified (bool; empty where no sha256 is on record).
    """

    areas: pd.DataFrame
    counts: pd.DataFrame
    grades: pd.DataFrame
    population: pd.DataFrame
    county_cumulative: pd.DataFrame
    outflow: pd.DataFrame
    quarantine: pd.DataFrame
    supplies: pd.DataFrame

    def residents(self, region: str) -> float | None:
        """Residents of a region [persons]; None where the census table lacks it."""
        rows = self.population.loc[self.population["adcode"] == region, "population"]
        return float(rows.iloc[0]) if len(rows) else None


def read(study: Study, at: datetime | None = None, *, retrospective: bool = False) -> Published:
    """
    Read the published figures of a study as they were known at a moment.

    Parameters
    ----------
    study : Study
    at : datetime, optional
        Nothing delivered later is used; all that was ever delivered without it. Without zone,
        Asia/Shanghai is meant.
    retrospective : bool
        Whether the counties' later state is read besides, though it was not known yet.

    Returns
    -------
    Published

    Raises
    ------
    ArchiveError
        If no official counts of the study have been pooled.
    """
    folder = study.state / "archive"
    listed = [entry for entry in archive.entries(folder) if entry.department == "published"]
    if not any(entry.feed == "official_counts" for entry in listed):
        raise ArchiveError(
            f"the archive of study '{study.name}' holds no official counts",
            remedy=f"run `workbench pool --study {study.name}`; it takes in "
            "official_confirmed.csv beside study.toml",
        )
    when = max(entry.delivered for entry in listed) if at is None else at
    when = when.replace(tzinfo=ZONE) if when.tzinfo is None else when
    later = when
    if retrospective and study.county_state is not None:
        later = max(when, moment(study.county_state.not_before))
    tables = _known(study, when, later)
    used = [e for e in listed if e.delivered <= (later if e.feed == "county_cumulative" else when)]
    places = areas(study)
    home = set(places["adcode"]) | set(places["prefecture"])
    inside = {
        feed: tables[feed]["region"].isin(home) for feed in ("official_counts", "official_grades")
    }
    counts = _counts(tables["official_counts"][inside["official_counts"]])
    grades = _grades(tables["official_grades"][inside["official_grades"]])
    strange = pd.concat([tables[feed][~kept] for feed, kept in inside.items()])
    quarantine = supplies.quarantined(study, used, strange)
    return Published(
        areas=places,
        counts=counts,
        grades=grades,
        population=_population(study, tables["population"]),
        county_cumulative=_county_cumulative(study, tables["county_cumulative"]),
        outflow=_outflow(tables["outflow_shares"]),
        quarantine=quarantine,
        supplies=supplies.listed(study, used, counts, grades, quarantine),
    )


def mobility(study: Study, at: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Read the mobility indices of a study as they were known at a moment.

    Parameters
    ----------
    study : Study
    at : datetime
        Nothing delivered later is used.

    Returns
    -------
    MOBILITY_SHARES and MOBILITY_SCALE tables
        Without rows where none were brought (`workbench data fetch`).
    """
    shares, scale = _brought(study, at, "mobility_shares", "mobility_scale")
    for table in (shares, scale):
        table["date"] = pd.to_datetime(table["date"]).astype("datetime64[us]")
    return shares, scale


def grades(study: Study, at: datetime) -> pd.DataFrame:
    """
    Read the official lists of risk grades as they were known at a moment.

    Parameters
    ----------
    study : Study
    at : datetime
        Nothing delivered later is used.

    Returns
    -------
    OFFICIAL_GRADES table
        Without rows where no list was published.
    """
    (table,) = _brought(study, at, "official_grades")
    return table


def hotels(study: Study, at: datetime) -> pd.DataFrame:
    """
    Read which hotels elsewhere were known to take the province's people.

    Parameters
    ----------
    study : Study
    at : datetime
        Nothing delivered later is used.

    Returns
    -------
    HOTELS_ELSEWHERE table
        Without rows where none were brought (`workbench data fetch`).
    """
    (table,) = _brought(study, at, "hotels_elsewhere")
    return table


def _brought(study: Study, at: datetime, *feeds: str) -> list[pd.DataFrame]:
    """Rows of published feeds as known at a moment."""
    connection = engine.connect()
    try:
        known = archive.as_of(study.state / "archive", at, connection, feeds=feeds)
        return [engine.collect(known[feed], connection).drop(columns="record") for feed in feeds]
    finally:
        connection.disconnect()


def _known(study: Study, when: datetime, later: datetime) -> dict[str, pd.DataFrame]:
    """Rows of every feed at a moment; of the counties' later state at its own."""
    connection = engine.connect()
    try:
        known = archive.as_of(study.state / "archive", when, connection, feeds=_FEEDS)
        if later != when:
            known |= archive.as_of(
                study.state / "archive", later, connection, feeds=("county_cumulative",)
            )
        return {feed: engine.collect(known[feed], connection) for feed in _FEEDS}
    finally:
        connection.disconnect()


def _counts(rows: pd.DataFrame) -> pd.DataFrame:
    # a pivot table would drop the cells that are empty
    cells = rows.set_index(["date", "region", "measure"])["cumulative"]
    wide = cells.unstack("measure")  # noqa: PD010
    wide = wide.reindex(columns=list(SERIES)).astype("Int64")
    wide = wide.rename_axis(index=["date", "adcode"], columns=None).reset_index()
    wide["date"] = pd.to_datetime(wide["date"]).astype("datetime64[us]")
    return wide.sort_values(["date", "adcode"], ignore_index=True)


def _grades(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.rename(columns={"date": "as_of", "region": "adcode"})
    rows["as_of"] = pd.to_datetime(rows["as_of"]).astype("datetime64[us]")
    columns = ["as_of", "unit", "adcode", "unit_type", "grade", "rank"]
    return rows[columns].sort_values(["as_of", "adcode", "unit_type"], ignore_index=True)


def _population(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """
    Census figures under the study period's codes, with nobody lost.

    Units without boundaries are added to the county that absorbs them. Residents counted
    for a prefecture or the province but for no unit below it stay there as ``unassigned``.
    """
    columns = ["adcode", "level", "population", "households", "aged_65", "unassigned"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    raw = pd.DataFrame(
        {
            "adcode": rows["region"].replace(study.regions.absorbed),
            "population": rows["residents"].astype("int64"),
            "households": rows["households"].astype("float64"),
        }
    )
    raw["aged_65"] = rows["share_65"].astype("float64") / 100 * raw["population"]
    table = raw.groupby("adcode")[["population", "households", "aged_65"]].sum().reset_index()
    county = ~table["adcode"].str.endswith("00")
    province = table["adcode"].str.endswith("0000")
    table["level"] = county.map({True: "county", False: "prefecture"}).mask(province, "province")
    below = table[county]
    in_prefecture = below.groupby(below["adcode"].map(codes.prefecture_of))["population"].sum()
    upper = table[~province & ~county]
    direct = below[below["adcode"].map(codes.prefecture_of) == below["adcode"]]
    in_province = upper["population"].sum() + direct["population"].sum()
    listed = table["adcode"].map(in_prefecture).mask(province, in_province).fillna(0)
    table["unassigned"] = (table["population"] - listed).where(~county, 0).astype("int64")
    return table[columns]


def _county_cumulative(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Counties' later state, with the earliest day it may show."""
    if rows.empty or study.county_state is None:
        return pd.DataFrame(columns=["adcode", "confirmed", "not_before"])
    return pd.DataFrame(
        {
            "adcode": rows["region"],
            "confirmed": rows["confirmed"],
            "not_before": pd.Timestamp(study.county_state.not_before),
        }
    ).sort_values("adcode", ignore_index=True)


def _outflow(rows: pd.DataFrame) -> pd.DataFrame:
    """Destinations, the largest share first."""
    named = rows.rename(columns={"region": "adcode", "share": "mean_share"})
    columns = ["adcode", "city", "province", "mean_share"]
    return named[columns].sort_values(
        ["mean_share", "adcode"], ascending=[False, True], ignore_index=True
    )
