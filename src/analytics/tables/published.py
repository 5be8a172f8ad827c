"""Feeds of the department ``published``: figures anybody may read."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa

from analytics.codes import RiskGrade
from analytics.tables import columns as col

_FROM = "published"


def _edition() -> Any:
    return col.integer("版次", "edition of the published file; empty for the first", minimum=2)


class OFFICIAL_COUNTS(pa.DataFrameModel):
    """One cumulative count of one region as the health commission published it."""

    date: col.Date = col.date("日期", "counted by 24:00 of this day", required=True)
    region: col.Text = col.region("地区", "prefecture-level unit or province", required=True)
    measure: col.Text = col.category(
        "指标", "what is counted", ("confirmed", "deaths", "recovered"), required=True
    )
    cumulative: col.Integer = col.integer(
        "累计", "cumulative count; empty where not published", unit="persons", minimum=0
    )
    edition: col.Integer = _edition()

    class Config:
        metadata = col.about(_FROM, "官方累计数", key=("date", "region", "measure"))


class OFFICIAL_GRADES(pa.DataFrameModel):
    """One unit on one official list of risk grades."""

    date: col.Date = col.date("日期", "in force as of 24:00 of this day", required=True)
    unit: col.Text = col.text("单元", "unit as printed", required=True)
    region: col.Text = col.region("地区", "county, or prefecture of an urban area")
    unit_type: col.Text = col.category("单元类型", "what the unit is", ("county", "urban_area"))
    grade: col.Text = col.category("风险等级", "official grade", RiskGrade, required=True)
    rank: col.Integer = col.integer("位次", "place in the printed list, from 1", minimum=1)
    edition: col.Integer = _edition()

    class Config:
        metadata = col.about(_FROM, "官方风险等级", key=("date", "unit"))


class POPULATION(pa.DataFrameModel):
    """Residents of one region at the census."""

    region: col.Text = col.region("地区", "county, prefecture or province", required=True)
    name: col.Text = col.text("名称", "name as printed", required=True)
    residents: col.Integer = col.integer(
        "常住人口", "residents", unit="persons", minimum=0, required=True
    )
    households: col.Integer = col.integer("户数", "households", unit="households", minimum=0)
    share_65: col.Number = col.number(
        "65岁及以上占比", "residents aged 65 and above", unit="%", minimum=0, maximum=100
    )
    edition: col.Integer = _edition()

    class Config:
        metadata = col.about(_FROM, "人口普查", key=("region",))


class COUNTY_CUMULATIVE(pa.DataFrameModel):
    """Cumulative confirmed cases of one county in a later, undated state."""

    region: col.Text = col.region("地区", "county", required=True)
    name: col.Text = col.text("名称", "name as printed", required=True)
    confirmed: col.Integer = col.integer(
        "累计确诊", "cumulative confirmed; empty where not published", unit="persons", minimum=0
    )
    edition: col.Integer = _edition()

    class Config:
        metadata = col.about(_FROM, "县级累计确诊", key=("region",))


class OUTFLOW_SHARES(pa.DataFrameModel):
    """Mean share of people leaving Wuhan by destination."""

    region: col.Text = col.region("目的地", "destination prefecture", required=True)
    city: col.Text = col.text("城市", "destination as printed", required=True)
    province: col.Text = col.text("省份", "province as printed")
    share: col.Number = col.number(
        "占比", "mean share of all leaving", unit="1", minimum=0, maximum=1, required=True
    )
    edition: col.Integer = _edition()

    class Config:
        metadata = col.about(_FROM, "武汉流出占比", key=("region",))


class MOBILITY_SHARES(pa.DataFrameModel):
    """Share of one day's travellers to or from an origin, by place."""

    date: col.Date = col.date("日期", "day of travel", required=True)
    origin: col.Text = col.region("起点", "region whose travellers are shared out", required=True)
    direction: col.Text = col.category("方向", "into or out of it", ("in", "out"), required=True)
    region: col.Text = col.region("地区", "place at the other end", required=True)
    share: col.Number = col.number(
        "占比", "share of all travellers", unit="1", minimum=0, maximum=1, required=True
    )

    class Config:
        metadata = col.about(_FROM, "迁徙占比", key=("date", "origin", "direction", "region"))


class MOBILITY_SCALE(pa.DataFrameModel):
    """Index of how many travelled into or out of a region in a day."""

    date: col.Date = col.date("日期", "day of travel", required=True)
    origin: col.Text = col.region("地区", "region", required=True)
    direction: col.Text = col.category("方向", "into or out of it", ("in", "out"), required=True)
    scale: col.Number = col.number(
        "规模指数", "location-based index", unit="index", minimum=0, required=True
    )

    class Config:
        metadata = col.about(_FROM, "迁徙规模指数", key=("date", "origin", "direction"))


class HOTELS_ELSEWHERE(pa.DataFrameModel):
    """Hotels outside the province that are known to take its people."""

    region: col.Text = col.region("地区", "prefecture or province", required=True)
    hotels: col.Integer = col.integer(
        "酒店数", "hotels known to take them", unit="hotels", minimum=0, required=True
    )

    class Config:
        metadata = col.about(_FROM, "接待本省旅客的酒店", key=("region",))
