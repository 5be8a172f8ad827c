"""Map of the risk report: what grade each county has, or which ones are left."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from analytics.render import maps
from analytics.render.blocks import AreaMap, Column, Table, Text
from analytics.render.numbers import day, number
from analytics.render.risk.words import CATEGORIES, LABELS, UNIT, reason, rows
from analytics.study import GradingRule

if TYPE_CHECKING:
    import geopandas as gpd


def area_map(
    boundaries: gpd.GeoDataFrame,
    grades: pd.DataFrame,
    units: pd.DataFrame,
    distribution: pd.DataFrame,
    rule: GradingRule,
    as_of: date,
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
    as_of : date
    """
    words = {
        row.adcode: reason(row, rule.window_days, rule.cumulative_cutoff) for row in rows(grades)
    }
    sets = grades.set_index("adcode")["grades"]
    drawn = boundaries[["adcode", "geometry"]].merge(units, on="adcode", validate="1:1")
    drawn = drawn.rename(columns={"adcode": "code", "name": "name_zh", "prefecture": "parent"})
    drawn["category"] = drawn["unit"].map(sets)
    for language in ("zh", "en"):
        texts = {code: getattr(text, language) for code, text in words.items()}
        labels = drawn["category"].map(
            {key: getattr(text, language) for key, text in LABELS.items()}
        )
        mark = "：" if language == "zh" else ": "
        drawn[f"summary_{language}"] = labels + mark + drawn["unit"].map(texts)
    single, undecided = int((grades["size"] == 1).sum()), int((grades["size"] > 1).sum())
    unit = UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]
    used = [c for c in CATEGORIES if "|" not in c.key or (grades["grades"] == c.key).any()]
    when = day(as_of)
    return maps.area_map(
        drawn,
        used,
        title=Text(
            f"{len(grades)}{unit[0].zh}中{single}个等级可确定，{undecided}个未定",
            f"{single} of {len(grades)} {unit[1]} {'has' if single == 1 else 'have'} a certain "
            f"grade; {undecided} {'is' if undecided == 1 else 'are'} undetermined",
        ),
        alternative=_alternative(grades, when),
        note=Text(
            "斜线为等级未定，不代表任何一级：县级逐日新增和聚集性疫情未公开。图中单元按县（市、区）绘制，市城区各区同级。",
            "Hatching means undetermined and stands for no grade: daily county counts and clusters "
            "are not public. Counties are drawn, and the "
            "districts of one urban area share its grade.",
        ),
        table=distribution_table(distribution),
    )


def _alternative(grades: pd.DataFrame, when: Text) -> Text:
    counts = grades["grades"].value_counts()
    parts = [(c.label, int(counts[c.key])) for c in CATEGORIES if c.key in counts]
    return Text(
        f"截至{when.zh}的分级图：" + "，".join(f"{label.zh}{n}个" for label, n in parts) + "。",
        f"Map of grades as of {when.en}: "
        + ", ".join(f"{label.en} {n}" for label, n in parts)
        + ".",
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
