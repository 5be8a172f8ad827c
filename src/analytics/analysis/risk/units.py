"""
The units that are graded, and the prefectures they add up to.

Tables
------
AREAS
    One row per county: adcode, name, name_en, prefecture (code), prefecture_name,
    prefecture_name_en, district (bool: urban district of a prefecture-level city).
UNITS
    One row per county and the unit it is graded in: unit (code of a county, or of the
    prefecture whose urban area it is), unit_name, unit_name_en, unit_type (county, urban_area),
    and the columns of AREAS.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

from analytics.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd


def units(areas: pd.DataFrame, unit: Literal["county", "urban_area"]) -> pd.DataFrame:
    """
    Assign each county to the unit that official lists grade.

    Parameters
    ----------
    areas : AREAS table
    unit : str
        county: each county by itself; urban_area: the districts of a prefecture-level city
        together, every other county by itself.

    Returns
    -------
    UNITS table
        As many rows as ``areas``, sorted by unit and county.
    """
    merged = areas["district"].astype(bool) & (unit == "urban_area")
    return (
        areas.assign(
            unit=areas["adcode"].mask(merged, areas["prefecture"]),
            unit_name=areas["name"].mask(merged, areas["prefecture_name"] + "城区"),
            unit_name_en=areas["name_en"].mask(merged, areas["prefecture_name_en"] + " urban area"),
            unit_type=merged.map({True: "urban_area", False: "county"}),
        )
        .sort_values(["unit", "adcode"])
        .reset_index(drop=True)
    )


def unit_of(units: pd.DataFrame, county: str, probability: pd.DataFrame) -> str:
    """
    Find the unit that a county is graded in.

    Parameters
    ----------
    units : UNITS table
    county : str
        Code of a county or of a unit; empty for the unit whose expected grade is heaviest.
    probability : pandas.DataFrame
        ``adcode`` and ``expected_grade`` of each unit.

    Raises
    ------
    ParameterError
        If the study has no such county; the nearest code is suggested.
    """
    if not county:
        first = probability.sort_values(["expected_grade", "adcode"], ascending=[False, True])
        return str(first["adcode"].iloc[0])
    found = units.loc[(units["adcode"] == county) | (units["unit"] == county), "unit"]
    if found.empty:
        near = difflib.get_close_matches(county, sorted(units["adcode"]), n=1, cutoff=0)
        raise ParameterError(
            f"there is no county '{county}' in the study",
            remedy=f"a code of six digits, such as {', '.join(near)}",
        )
    return str(found.iloc[0])


def prefectures(grades: pd.DataFrame, cumulative_cutoff: int = 50) -> pd.DataFrame:
    """
    Distribution of grade sets of each prefecture's units.

    The prefecture's own figures narrow it further: with N new cases in the window at most N
    units have one, and with K cumulative cases at most ⌊K / (cut-off + 1)⌋ exceed the cut-off.

    Parameters
    ----------
    grades : RISK table
        One row per graded unit; a prefecture-level unit that is itself one graded unit
        stands here once.
    cumulative_cutoff : int
        Cumulative cases above which a cluster makes an area high [cases].

    Returns
    -------
    pandas.DataFrame
        One row per prefecture: prefecture, prefecture_name, prefecture_name_en, units; low,
        medium, high [units of that single grade]; low_medium, medium_high, low_high (low, medium
        or high) [units of that set]; low_at_least, high_at_most [units].
    """
    sets = {
        "low": "low",
        "medium": "medium",
        "high": "high",
        "low_medium": "low|medium",
        "medium_high": "medium|high",
        "low_high": "low|medium|high",
    }
    keys = ["prefecture", "prefecture_name", "prefecture_name_en"]
    flags = grades.assign(**{name: grades["grades"] == value for name, value in sets.items()})
    flags["units"] = 1
    flags["not_low"] = grades["new_upper"].isna() | (grades["new_upper"] > 0)
    flags["may_be_high"] = grades["may_be_high"]
    counted = flags.groupby(keys, sort=True)[["units", *sets, "not_low", "may_be_high"]].sum()
    bounds = grades.groupby(keys, sort=True)[
        ["prefecture_new_upper", "prefecture_cumulative"]
    ].first()
    new, cumulative = bounds["prefecture_new_upper"], bounds["prefecture_cumulative"]
    most_new = new.fillna(counted["units"]).astype("int64")
    most_high = (cumulative // (cumulative_cutoff + 1)).fillna(counted["units"]).astype("int64")
    counted["low_at_least"] = counted["units"] - counted["not_low"].clip(upper=most_new)
    counted["high_at_most"] = counted["may_be_high"].clip(upper=most_new).clip(upper=most_high)
    return counted.drop(columns=["not_low", "may_be_high"]).astype("int64").reset_index()
