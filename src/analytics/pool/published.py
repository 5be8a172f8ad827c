"""
Published figures of a study: read as they stand, unsound cells set aside and counted.

Files in the study's folder (all but ``official_confirmed.csv`` may be absent):

``official_confirmed.csv``, ``official_deaths.csv``, ``official_recovered.csv``
    date, then one column per area code; or date, adcode, value. Cumulative at 24:00, empty = not
    published.
``official_grades.csv``
    as_of, unit, adcode, unit_type, grade, rank.
``population.csv``
    adcode, name, pop_2020, households_2020, pct_65plus; counties, prefectures and the province.
``county_cumulative.csv``
    adcode, name, confirmed: a later state, for retrospective use only.
``wuhan_outflow_share.csv``
    adcode, city, province, mean_share.
``regions.csv``
    adcode, name, name_en, level, parent; where absent, names come with the boundaries and the
    English pages show the Chinese names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analytics import codes
from analytics.errors import StudyError
from analytics.pool import boundaries, supplies
from analytics.pool.cells import QUARANTINE, code, count, day, quarantined

if TYPE_CHECKING:
    from analytics.study import Study

SERIES = ("confirmed", "deaths", "recovered")


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
        file, line, column, reason: what was set aside.
    supplies : pandas.DataFrame
        file, publisher, retrieved, first_date, last_date, cells, unpublished, set_aside,
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


def read(study: Study) -> Published:
    """
    Read all published figures of a study.

    Raises
    ------
    StudyError
        If the study has no confirmed counts, or a file lacks a column it must have.
    """
    if not (study.folder / "official_confirmed.csv").is_file():
        raise StudyError(
            f"study '{study.name}' has no official_confirmed.csv",
            remedy="put the cumulative confirmed counts beside its study.toml",
        )
    places = areas(study)
    known = set(places["adcode"]) | set(places["prefecture"])
    bad: list[pd.DataFrame] = []
    series = {
        name: _series(study, f"official_{name}.csv", name, known, bad)
        for name in SERIES
        if (study.folder / f"official_{name}.csv").is_file()
    }
    counts = pd.concat(series.values(), axis="columns").reindex(columns=list(SERIES))
    counts = counts.astype("Int64").reset_index().sort_values(["date", "adcode"])
    grades = _grades(study, known, bad)
    quarantine = pd.concat([pd.DataFrame(columns=QUARANTINE), *bad], ignore_index=True)
    return Published(
        areas=places,
        counts=counts.reset_index(drop=True),
        grades=grades,
        population=population(study),
        county_cumulative=_county_cumulative(study),
        outflow=_table(study, "wuhan_outflow_share.csv", ("adcode", "mean_share")),
        quarantine=quarantine,
        supplies=supplies.listed(study, series, grades, quarantine),
    )


def areas(study: Study) -> pd.DataFrame:
    """
    Read the counties of a study's region and the prefectures they lie in.

    Returns
    -------
    AREAS table
        adcode, name, name_en, prefecture, prefecture_name, prefecture_name_en, district.
    """
    path = study.folder / "regions.csv"
    names = pd.read_csv(path, dtype=str) if path.is_file() else boundaries.names(study)
    label = names.drop_duplicates("adcode").set_index("adcode")
    counties = names[names["level"].isin(["county", "direct"])]
    prefecture = counties["adcode"].map(codes.prefecture_of)
    frame = pd.DataFrame(
        {
            "adcode": counties["adcode"],
            "name": counties["name"],
            "name_en": counties["name_en"],
            "prefecture": prefecture,
            "prefecture_name": prefecture.map(label["name"]),
            "prefecture_name_en": prefecture.map(label["name_en"]),
            "district": counties["adcode"].map(codes.is_district).astype(bool),
        }
    )
    return frame.sort_values("adcode").reset_index(drop=True)


def population(study: Study) -> pd.DataFrame:
    """
    Read census figures under the study period's codes, with nobody lost.

    Units without boundaries are added to the county that absorbs them. Residents counted
    for a prefecture or the province but for no unit below it stay there as ``unassigned``.

    Returns
    -------
    pandas.DataFrame
        adcode, level (province, prefecture, county), population, households, aged_65, unassigned.
    """
    raw = _table(study, "population.csv", ("adcode", "pop_2020"))
    columns = ["adcode", "level", "population", "households", "aged_65", "unassigned"]
    if raw.empty:
        return pd.DataFrame(columns=columns)
    raw = raw.reindex(columns=["adcode", "pop_2020", "households_2020", "pct_65plus"])
    raw["adcode"] = raw["adcode"].replace(study.regions.recode).replace(study.regions.absorbed)
    raw["population"] = raw["pop_2020"].astype("int64")
    raw["households"] = raw["households_2020"].astype("float64")
    raw["aged_65"] = raw["pct_65plus"].astype("float64") / 100 * raw["population"]
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


def _series(
    study: Study, file: str, name: str, known: set[str], bad: list[pd.DataFrame]
) -> pd.Series:
    """One cumulative series by date and area; what cannot be used goes to ``bad``."""
    raw = pd.read_csv(study.folder / file, dtype=str, keep_default_na=False)
    raw.insert(0, "line", range(2, len(raw) + 2))
    if "date" not in raw:
        raise StudyError(f"'{file}' of study '{study.name}' has no column 'date'")
    tidy = "adcode" in raw
    if tidy:
        value = name if name in raw else "value"
        if value not in raw:
            raise StudyError(f"'{file}' of study '{study.name}' has no column '{name}'")
        cells = raw[["line", "date", "adcode", value]].rename(columns={value: "text"})
    else:
        cells = raw.melt(["line", "date"], var_name="adcode", value_name="text")
    cells["column"] = value if tidy else cells["adcode"]
    cells["adcode"] = cells["adcode"].map(code).replace(study.regions.recode)
    cells["date"] = day(cells["date"])
    cells["value"] = count(cells["text"])
    written = cells["text"].str.strip() != ""
    reasons = {
        "the date cannot be read": cells["date"].isna() & written,
        "the area is not of this study": ~cells["adcode"].isin(known) & written,
        "not a count of whole persons": cells["value"].isna() & written,
    }
    cells["reason"] = ""
    for reason, where in reasons.items():
        cells["reason"] = cells["reason"].mask(where & (cells["reason"] == ""), reason)
    key = ["date", "adcode"]
    stated = cells[written & (cells["reason"] == "")]
    contradicts = stated.groupby(key)["value"].transform("nunique") > 1
    repeated = stated.duplicated(key) & ~contradicts
    cells.loc[contradicts.index[contradicts], "reason"] = (
        "two different values for one day and area"
    )
    cells.loc[repeated.index[repeated], "reason"] = "repeated; the value was taken once"
    bad.append(quarantined(cells[cells["reason"] != ""], file))
    sound = (cells["reason"] == "") & cells["date"].notna() & cells["adcode"].isin(known)
    kept = cells[sound].sort_values("value", na_position="last").drop_duplicates(key)
    return kept.set_index(key)["value"].rename(name).sort_index()


def _grades(study: Study, known: set[str], bad: list[pd.DataFrame]) -> pd.DataFrame:
    """Official lists; rows of unknown areas, days or grades go to ``bad``."""
    columns = ["as_of", "unit", "adcode", "unit_type", "grade", "rank"]
    raw = _table(study, "official_grades.csv", ("as_of", "adcode", "unit_type", "grade"))
    if raw.empty:
        return pd.DataFrame(columns=columns)
    raw = raw.reindex(columns=columns)
    raw["line"] = range(2, len(raw) + 2)
    raw["adcode"] = raw["adcode"].map(code).replace(study.regions.recode)
    raw["as_of"] = day(raw["as_of"])
    raw["rank"] = count(raw["rank"].fillna(""))
    key = ["as_of", "adcode", "unit_type"]
    raw["column"], raw["reason"] = "grade", ""
    reasons = {
        "the date cannot be read": raw["as_of"].isna(),
        "the area is not of this study": ~raw["adcode"].isin(known),
        "not a grade": ~raw["grade"].isin(list(codes.RiskGrade)),
        "listed more than once": raw.duplicated(key, keep=False),
    }
    for reason, where in reasons.items():
        raw["reason"] = raw["reason"].mask(where & (raw["reason"] == ""), reason)
    bad.append(quarantined(raw[raw["reason"] != ""], "official_grades.csv"))
    return raw.loc[raw["reason"] == "", columns].reset_index(drop=True)


def _county_cumulative(study: Study) -> pd.DataFrame:
    """Read a later state of the counties, with the earliest day it may show."""
    raw = _table(study, "county_cumulative.csv", ("adcode", "confirmed"))
    if raw.empty or study.county_state is None:
        return pd.DataFrame(columns=["adcode", "confirmed", "not_before"])
    return pd.DataFrame(
        {
            "adcode": raw["adcode"].replace(study.regions.recode),
            "confirmed": count(raw["confirmed"].fillna("")),
            "not_before": pd.Timestamp(study.county_state.not_before),
        }
    )


def _table(study: Study, file: str, needed: tuple[str, ...]) -> pd.DataFrame:
    """Read one file as text, empty if the study has none."""
    path = study.folder / file
    if not path.is_file():
        return pd.DataFrame(columns=list(needed))
    table = pd.read_csv(path, dtype=str)
    lacking = [f"column '{name}' is missing" for name in needed if name not in table]
    if lacking:
        raise StudyError(f"'{file}' of study '{study.name}' lacks columns", lacking)
    return table
