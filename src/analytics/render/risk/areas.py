"""Map of the risk report: what grade each county has, or which ones are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analytics.render import maps
from analytics.render.blocks import AreaMap, Category, Column, Table, Text
from analytics.render.numbers import day, number
from analytics.render.risk.chances import all_chances
from analytics.render.risk.words import CATEGORIES, LIKELIEST, UNIT, reason, rows
from analytics.study import GradingRule

if TYPE_CHECKING:
    import geopandas as gpd

    from analytics.analysis.risk import Assessment


def area_map(
    boundaries: gpd.GeoDataFrame,
    grades: pd.DataFrame,
    units: pd.DataFrame,
    distribution: pd.DataFrame,
    rule: GradingRule,
    assessment: Assessment,
) -> AreaMap:
    """
    Draw each county in the grades of its unit; what is undetermined is hatched.

    Parameters
    ----------
    boundaries : GeoDataFrame
        adcode, geometry of the counties.
    grades : RISK table
    units : UNITS table
    distribution : pandas.DataFrame
        ``risk.prefectures`` of the grades.
    rule : GradingRule
    assessment : Assessment
        Of the same day: a unit whose grade is open is striped by its likeliest grade.
    """
    words = {
        row.adcode: reason(row, rule.window_days, rule.cumulative_cutoff) for row in rows(grades)
    }
    table = grades.merge(assessment.probability.drop(columns="as_of"), on="adcode")
    table["category"] = table["grade"].fillna(table["likeliest"] + "?")
    table["category"] = table["category"].astype(str)
    sets = table.set_index("adcode")["category"]
    likely = {row.adcode: all_chances(row) for row in rows(table[table["size"] > 1])}
    for code, text in likely.items():
        words[code] = Text(
            f"{text.zh}（估计）。{words[code].zh}", f"{text.en} (estimate). {words[code].en}"
        )
    drawn = boundaries[["adcode", "geometry"]].merge(units, on="adcode", validate="1:1")
    drawn = drawn.rename(columns={"adcode": "code", "name": "name_zh", "prefecture": "parent"})
    drawn["category"] = drawn["unit"].map(sets)
    for language in ("zh", "en"):
        texts = {code: getattr(text, language) for code, text in words.items()}
        labels = drawn["category"].map(
            {one.key: getattr(one.label, language) for one in (*CATEGORIES, *LIKELIEST)}
        )
        mark = "：" if language == "zh" else ": "
        drawn[f"summary_{language}"] = labels + mark + drawn["unit"].map(texts)
    single, undecided = int((grades["size"] == 1).sum()), int((grades["size"] > 1).sum())
    unit = UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]
    used = [c for c in CATEGORIES if "|" not in c.key]
    used += [c for c in LIKELIEST if (drawn["category"] == c.key).any()]
    when = day(grades["as_of"].iloc[0].date())
    return maps.area_map(
        drawn,
        used,
        title=Text(
            f"{len(grades)}{unit[0].zh}中{single}个等级可确定，{undecided}个未定",
            f"{single} of {len(grades)} {unit[1]} {'has' if single == 1 else 'have'} a certain "
            f"grade; {undecided} {'is' if undecided == 1 else 'are'} undetermined",
        ),
        alternative=_alternative(table["category"], used, when, unit),
        note=_note(merged=unit is UNIT["urban_area"], counties=len(drawn)),
        table=distribution_table(distribution),
    )


def _alternative(
    categories: pd.Series, used: Sequence[Category], when: Text, unit: tuple[Text, str]
) -> Text:
    counts = categories.value_counts()
    parts = [(c.label, int(counts[c.key])) for c in used if c.key in counts]
    return Text(
        f"截至{when.zh}的分级图，按{unit[0].zh.removeprefix('个')}计："
        + "；".join(f"{label.zh}：{n}个" for label, n in parts)
        + "。",
        f"Map of grades as of {when.en}, by {unit[0].en}: "
        + "; ".join(f"{label.en[0].lower()}{label.en[1:]}: {n}" for label, n in parts)
        + ".",
    )


def _note(*, merged: bool, counties: int) -> Text:
    """Say what stripes mean, and what the legend counts."""
    base = Text(
        "斜线表示等级未定，不代表任何一级；越深则估计最可能的等级越重。"
        "县级逐日新增和聚集性疫情未公开。",
        "Stripes mean undetermined and stand for no grade; the darker, the heavier the grade that "
        "is likeliest by estimate. Daily county counts and clusters are not public.",
    )
    if not merged:
        return base
    return Text(
        f"{base.zh}图例数字为图上县（市、区）数（共{counties}个）；市城区各区合为一个分级单元、同级，"
        "故多于上文的单元数。",
        f"{base.en} The legend counts the {counties} counties drawn; the districts of one urban "
        "area are one graded unit with one grade, so it counts more than the units above.",
    )


def distribution_table(distribution: pd.DataFrame) -> Table:
    """Show how many units of each prefecture have which grade, as certain as it is."""
    columns = (
        Column("prefecture", Text("市州", "Prefecture")),
        Column("units", Text("单元", "Units"), "number"),
        Column("low", Text("低", "Low"), "number"),
        Column("medium", Text("中", "Medium"), "number"),
        Column("high", Text("高", "High"), "number"),
        Column("undecided", Text("未定", "Undetermined"), "number"),
        Column("bounds", Text("低至少／高至多", "Low at least / high at most")),
    )
    entries = []
    for row in rows(distribution):
        least, most = number(row.low_at_least), number(row.high_at_most)
        entries.append(
            {
                "code": row.prefecture,
                "prefecture": Text(row.prefecture_name, row.prefecture_name_en),
                "units": int(row.units),
                "low": int(row.low),
                "medium": int(row.medium),
                "high": int(row.high),
                "undecided": int(row.units - row.low - row.medium - row.high),
                "bounds": Text(f"{least.zh}／{most.zh}", f"{least.en} / {most.en}"),
            }
        )
    return Table(
        caption=Text("各市州分级单元的等级分布", "Grades of each prefecture's units"),
        columns=columns,
        rows=tuple(entries),
        note=Text(
            "末列由市州合计推得：新增N例则至多N个单元有新增；累计K例则超过界值的单元数受其限制。"
            "省直辖单位只计一次。",
            "The last column follows from prefecture totals: with N new cases at most N units have "
            "one; units above the cut-off cannot outnumber what the total allows. Units directly "
            "under the province count once.",
        ),
        name="grades-by-prefecture",
    )
