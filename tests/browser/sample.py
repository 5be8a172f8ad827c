"""A page that holds every kind of block, drawn from public facts and from two made-up areas."""

# ruff: noqa: E501 - sentences are kept whole
from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
from shapely.geometry import box

from analytics.render import charts, colours, maps
from analytics.render.blocks import (
    Block,
    Chart,
    Column,
    Decision,
    Decisions,
    Definition,
    Definitions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Missing,
    Section,
    Supplies,
    Table,
    Text,
    dumps,
)

# New confirmed cases of Hubei per day, 3 to 29 February 2020 (provincial health commission).
DAYS = tuple(f"2020-02-{day:02d}" for day in range(3, 30))
HUBEI = (
    2345,
    3156,
    2987,
    2447,
    2841,
    2147,
    2618,
    2097,
    1638,
    14840,
    4823,
    2420,
    1843,
    1933,
    1807,
    1693,
    349,
    411,
    220,
    630,
    398,
    499,
    401,
    409,
    318,
    423,
    570,
)
MADE = {
    "report": "risk_grading",
    "study": "hubei-2020",
    "verify": {
        "zh": "运行 make report 后比较文件的 SHA-256。",
        "en": "Run make report and compare the SHA-256 of the files.",
    },
    "parameters": {"as_of": "2020-02-29", "window_days": 14},
    "versions": {"epidemic-workbench": "0.1.0", "pandas": "3.1.1"},
    "inputs": {
        "official_confirmed.csv": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    },
}


def areas() -> gpd.GeoDataFrame:
    """Twelve square counties in three prefectures, one grade or set of grades each."""
    keys = [category.key for category in colours.GRADES]
    records, squares = [], []
    for position in range(12):
        column, row = position % 4, position // 4
        code = f"4201{position + 1:02d}" if column < 2 else f"4202{position + 1:02d}"
        key = keys[position % len(keys)]
        label = next(c.label for c in colours.GRADES if c.key == key)
        records.append(
            {
                "code": code,
                "name_zh": f"县{position + 1}",
                "name_en": f"County {position + 1}",
                "category": key,
                "summary_zh": f"{label.zh}，14 日内新增 {position} 例",
                "summary_en": f"{label.en}, {position} new cases in 14 days",
                "parent": f"{code[:4]}00",
            }
        )
        squares.append(
            box(112 + column * 0.5, 30 - row * 0.4, 112.5 + column * 0.5, 30.4 - row * 0.4)
        )
    return gpd.GeoDataFrame(records, geometry=squares, crs=4490)


def blocks() -> list[Block]:
    """One block of every kind, sections with everything a section may hold."""
    drawn = areas()
    grades = {category.key: category.label for category in colours.GRADES}
    return [
        Masthead(
            Text("湖北省疫情风险分级评估", "Graded assessment of epidemic risk, Hubei"),
            Text("湖北省", "Hubei Province"),
            "2020-02-29",
            "real",
            "reviewed",
            3,
            notices=(
                Text(
                    "县级每日病例未公开：未定者给出证据允许的等级范围。",
                    "Daily counts of counties are not public: where a grade is open, the set that the evidence leaves is given.",
                ),
            ),
            errata=(
                Text(
                    "2月27日天门新增由 4 例更正为 5 例。",
                    "Tianmen, 27 Feb: 4 new cases corrected to 5.",
                ),
            ),
        ),
        Lead(
            Text(
                "全省新增确诊 570 例，较昨日多 147 例，其中 565 例在武汉；武汉以外仅 5 例，12 个市州可研究有序解除管控。",
                "570 new confirmed cases, 147 more than yesterday, 565 of them in Wuhan; only 5 elsewhere, so controls in 12 prefectures can be reviewed.",
            )
        ),
        Headlines(
            (
                Headline(
                    Text("累计确诊", "Cumulative confirmed"),
                    Text("66907", "66,907"),
                    Text("较昨日 +570", "+570 on yesterday"),
                    Text("较上周 +2821", "+2,821 on last week"),
                    Text("每10万人 115.8", "115.8 per 100,000"),
                    tuple(map(float, HUBEI[10:])),
                    Text(
                        "近17日每日新增由 4823 降至 570",
                        "Daily new cases fell from 4,823 to 570 in 17 days",
                    ),
                ),
                Headline(
                    Text("当日新增", "New today"),
                    Text("570", "570"),
                    Text("较昨日 +147", "+147 on yesterday"),
                    Text("较上周 −60", "−60 on last week"),
                    Text("武汉占 99.1%", "Wuhan: 99.1%"),
                    (423, None, 570),
                    Text("上升", "Rising"),
                ),
                Headline(
                    Text("武汉累计", "Wuhan cumulative"),
                    Text("49122", "49,122"),
                    Text("较昨日 +565", "+565 on yesterday"),
                    Text("较上周 +3462", "+3,462 on last week"),
                    Text("每10万人 394.6", "394.6 per 100,000"),
                ),
                Headline(
                    Text("14日无新增的市州", "Prefectures quiet for 14 days"),
                    Text("0 / 17", "0 / 17"),
                    Text("与昨日相同", "same as yesterday"),
                    Text("与上周相同", "same as last week"),
                    Text("共 17 个市州", "of 17 prefectures"),
                ),
            )
        ),
        Decisions(
            (
                Decision(
                    Text(
                        "确认 12 个市州是否进入分级管控。",
                        "Confirm whether 12 prefectures move to graded control.",
                    ),
                    Text("省指挥部", "Provincial command"),
                    Text("3月1日18时", "1 Mar, 18:00"),
                ),
                Decision(
                    Text(
                        "向黄石索取 2 月 27 日县级明细。",
                        "Ask Huangshi for its county breakdown of 27 Feb.",
                    ),
                    Text("省卫健委", "Health commission"),
                    Text("3月1日12时", "1 Mar, 12:00"),
                ),
            )
        ),
        maps.area_map(
            drawn,
            colours.GRADES,
            title=Text(
                "三分之一的县为低风险，四分之一尚未定级",
                "A quarter of counties are low risk; five are open",
            ),
            alternative=Text(
                "东部县为低风险，西部县未定。",
                "Counties in the east are low, those in the west are open.",
            ),
            note=Text("斜线为未定等级。", "Hatched: undetermined."),
            table=Table(
                Text("各县等级", "Grades by county"),
                (
                    Column("name", Text("县", "County")),
                    Column("grade", Text("等级", "Grade"), "grade"),
                    Column("recent", Text("14日新增", "New, 14 days"), "number"),
                ),
                tuple(
                    {
                        "code": row.code,
                        "name": Text(row.name_zh, row.name_en),
                        "grade": grades[row.category],
                        "recent": k,
                    }
                    for k, row in enumerate(drawn.itertuples())
                ),
                name="grades",
            ),
        ),
        Section(
            Text(
                "2 月 12 日的跳升来自诊断口径，不是疫情高峰",
                "The step of 12 Feb is a change of definition, not a peak",
            ),
            paragraphs=(
                Text(
                    "当日计入临床诊断病例 13,332 例。",
                    "On that day 13,332 clinically diagnosed cases were counted.",
                ),
            ),
            charts=(
                charts.epidemic_curve(
                    DAYS,
                    charts.Series(Text("新增确诊", "New confirmed"), HUBEI),
                    title=Text(
                        "2 月 18 日起每日新增低于 700 例", "Below 700 a day since 18 February"
                    ),
                    alternative=Text(
                        "柱形自 2 月 4 日的 3156 例降至 29 日的 570 例；12 日为口径变更，截断显示。",
                        "Bars fall from 3,156 on 4 Feb to 570 on 29 Feb; 12 Feb, a change of definition, is cut.",
                    ),
                    breaks=(
                        charts.Break(
                            "2020-02-12",
                            Text(
                                "2月12日：14840 例，含临床诊断，口径变更，不可与前后比较",
                                "12 Feb: 14,840 including clinical diagnoses; changed definition, not comparable",
                            ),
                        ),
                    ),
                    lines=(
                        charts.Series(
                            Text("七日中位数", "Seven-day median"),
                            [None] * 3 + list(HUBEI[3:-3]) + [None] * 3,
                            low=[None] * 3 + [v * 0.8 for v in HUBEI[3:-3]] + [None] * 3,
                            high=[None] * 3
                            + [v * 1.1 if v < 9000 else 5000 for v in HUBEI[3:-3]]
                            + [None] * 3,
                            band=Text("90% 区间", "90% interval"),
                        ),
                    ),
                ),
            ),
            tables=(_wide_table(),),
            note=Text("数据：省卫健委每日通报。", "Data: the health commission's daily bulletins."),
        ),
        Section(
            Text("各市州同尺比较：武汉之外已近于零", "On one scale, all but Wuhan are near zero"),
            charts=(_multiples(), _reproduction(), _ranking()),
        ),
        Supplies(
            Table(
                Text("各部门数据到达情况", "Deliveries"),
                (
                    Column("who", Text("部门", "Department")),
                    Column("when", Text("到达", "Arrived"), "date"),
                    Column("what", Text("情况", "State")),
                ),
                (
                    {
                        "who": Text("省卫健委", "Health commission"),
                        "when": "2020-03-01",
                        "what": Text("按时", "on time"),
                    },
                    {
                        "who": Text("民航", "Civil aviation"),
                        "when": None,
                        "what": Text("未到", "missing"),
                    },
                ),
            )
        ),
        Definitions(
            (
                Definition(
                    Text("低风险", "Low risk"),
                    Text(
                        "无确诊病例或 14 日内无新增。", "No confirmed case, or none new in 14 days."
                    ),
                ),
                Definition(
                    Text("来源", "Source"),
                    Text("湖北省卫生健康委员会", "Hubei Provincial Health Commission"),
                    "http://wjw.hubei.gov.cn/",
                ),
            )
        ),
    ]


def _wide_table() -> Table:
    columns = (
        Column("name", Text("市州", "Prefecture")),
        Column("day", Text("最近病例", "Last case"), "date"),
        *(Column(f"n{k}", Text(f"数值{k}", f"Figure {k}"), "number") for k in range(7)),
    )
    unpublished = Missing(Text("未公布", "not published"))
    return Table(
        Text("逐市州数字", "Figures by prefecture"),
        columns,
        (
            {
                "name": Text("武汉", "Wuhan"),
                "day": "2020-02-29",
                **{f"n{k}": 49122 - k for k in range(7)},
            },
            {
                "name": Text("天门", "Tianmen"),
                "day": "2020-02-27",
                "n0": -5,
                "n1": 0,
                "n2": None,
                "n3": unpublished,
                "n4": 0.25,
                "n5": 1234.5,
                "n6": 7,
            },
        ),
        note=Text("负数为核减。", "Negative: retracted."),
        name="prefectures",
    )


def _multiples() -> Chart:
    names = (
        ("武汉", "Wuhan"),
        ("孝感", "Xiaogan"),
        ("黄冈", "Huanggang"),
        ("荆州", "Jingzhou"),
        ("随州", "Suizhou"),
    )
    return charts.small_multiples(
        DAYS,
        [
            charts.Series(Text(*name), [round(v / (k * 3 + 1.2)) for v in HUBEI])
            for k, name in enumerate(names)
        ],
        title=Text("各市州每日新增", "New cases a day"),
        alternative=Text("五个小图同一尺度。", "Five panels on one scale."),
        breaks=(charts.Break("2020-02-12", Text("", "")),),
    )


def _reproduction() -> Chart:
    middle = [2.4 - 0.06 * k for k in range(len(DAYS))]
    return charts.lines(
        DAYS,
        [
            charts.Series(
                Text("湖北", "Hubei"),
                middle,
                [v - 0.3 for v in middle],
                [v + 0.3 for v in middle],
                Text("95% 区间", "95% interval"),
            ),
            charts.Series(Text("武汉", "Wuhan"), [v + 0.1 for v in middle]),
        ],
        title=Text("再生数已低于 1（估计）", "Reproduction number below 1 (estimate)"),
        alternative=Text("由 2.4 降至 0.84。", "From 2.4 down to 0.84."),
        reference=(1.0, Text("1：不再增长", "1: no growth")),
    )


def _ranking() -> Chart:
    return charts.ranked_bars(
        [Text("武汉", "Wuhan"), Text("孝感", "Xiaogan"), Text("神农架", "Shennongjia")],
        [394.6, 81.5, None],
        label=Text("每10万人累计确诊", "Cumulative per 100,000"),
        alternative=Text("武汉最高。", "Wuhan is highest."),
        title=Text("武汉为孝感的 4.8 倍", "Wuhan is 4.8 times Xiaogan"),
    )


def as_json(parts: list[Block] | None = None) -> list[dict[str, Any]]:
    """Blocks as a stored notebook holds them."""
    return [json.loads(dumps(block)) for block in (parts or blocks())]
