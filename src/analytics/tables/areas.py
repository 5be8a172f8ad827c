"""Area-level tables that analyses take and give: regions, days, grades."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import RiskGrade
from analytics.tables import columns as col

_FROM = "workbench"
_EVIDENCE = ("exact", "certain", "interval", "unknown")


class REGIONS(pa.DataFrameModel):
    """One region of the administrative hierarchy in a stated period."""

    region: col.Text = col.region("地区", "code", required=True)
    name: col.Text = col.text("名称", "full name", required=True)
    level: col.Text = col.category(
        "级别", "level", ("province", "prefecture", "county"), required=True
    )
    parent: col.Text = col.region("上级", "region one level up")

    class Config:
        metadata = col.about(_FROM, "行政区划", key=("region",))


class CUMULATIVE(pa.DataFrameModel):
    """Cumulative counts of one region by 24:00 of one day."""

    date: col.Date = col.date("日期", "counted by 24:00 of this day", required=True)
    region: col.Text = col.region("地区", "region", required=True)
    confirmed: col.Integer = col.integer(
        "累计确诊", "cumulative confirmed", unit="persons", minimum=0
    )
    deaths: col.Integer = col.integer("累计死亡", "cumulative deaths", unit="persons", minimum=0)
    recovered: col.Integer = col.integer(
        "累计治愈", "cumulative recovered", unit="persons", minimum=0
    )

    class Config:
        metadata = col.about(_FROM, "累计数", key=("date", "region"))


class INCIDENCE(pa.DataFrameModel):
    """New cases of one region on one day; negative where counts were retracted."""

    date: col.Date = col.date("日期", "day counted", required=True)
    region: col.Text = col.region("地区", "region", required=True)
    confirmed: col.Integer = col.integer("新增确诊", "new confirmed", unit="persons/day")

    class Config:
        metadata = col.about(_FROM, "新增数", key=("date", "region"))


class GRADES_OFFICIAL(pa.DataFrameModel):
    """Official grade of one unit by one list."""

    date: col.Date = col.date("日期", "in force as of 24:00 of this day", required=True)
    unit: col.Text = col.text("单元", "unit as printed", required=True)
    region: col.Text = col.region("地区", "county, or prefecture of an urban area")
    grade: col.Text = col.category("风险等级", "official grade", RiskGrade, required=True)
    rank: col.Integer = col.integer("位次", "place in the list", minimum=1)

    class Config:
        metadata = col.about(_FROM, "官方等级", key=("date", "unit"))


class RISK(pa.DataFrameModel):
    """Grade of one county, or the set the evidence leaves, with the numbers behind it."""

    region: col.Text = col.region("地区", "county", required=True)
    recent: col.Integer = col.integer("近期新增", "new confirmed in the window", unit="persons")
    cumulative: col.Integer = col.integer("累计确诊", "cumulative confirmed", unit="persons")
    grade: col.Text = col.category("风险等级", "grade where one is left", RiskGrade)
    grades: col.Text = col.code("可能等级", "grades left by the evidence, ; between", required=True)
    evidence: col.Text = col.category("依据类型", "how much is known", _EVIDENCE)

    class Config:
        metadata = col.about(_FROM, "风险分级", key=("region",))
