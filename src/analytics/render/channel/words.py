"""Words of the channel report: provinces, statuses, plans of checks, codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analytics.render.blocks import Missing, Text
from analytics.render.numbers import number, written
from analytics.render.tabular import HIDDEN
from analytics.render.wording import PROVINCES
from analytics.study import Study

ELSEWHERE = Text("未列出的其他地方", "all places not listed")
NOT_DELIVERED = Missing(Text("这些天没有报送", "nothing delivered of these days"))
STATUSES = {
    "open": Text("开放", "open"),
    "checked": Text("查验", "checked"),
    "permit_only": Text("凭证通行", "permit only"),
    "closed": Text("关闭", "closed"),
}
PLANS = {
    "exit": Text("仅出发测温", "temperature on leaving"),
    "both": Text("出发、到达均测温", "temperature on leaving and arriving"),
    "code_few": Text("测温＋健康码（知晓少数暴露）", "temperature and code, few exposures known"),
    "code_most": Text("测温＋健康码（知晓多数暴露）", "temperature and code, most exposures known"),
}
REQUIREMENTS = {
    "green_code": Text("绿码", "green code"),
    "negative_test": Text("核酸检测阴性", "negative test"),
    "point_to_point": Text("点对点运输", "point-to-point transport"),
}
CODES = {
    "green": Text("绿码", "green"),
    "yellow": Text("黄码", "yellow"),
    "red": Text("红码", "red"),
    "none": Text("无码", "no code"),
}


def no_records(study: Study) -> Text:
    """Why a study holds no linked records of persons."""
    if study.nature == "real":
        return Text(
            "本研究只含公开数据，各部门没有报送个人记录。",
            "This study holds public figures only: departments delivered no records of persons.",
        )
    return Text(
        "个人记录尚未关联：请先运行 workbench link。",
        "Records of persons are not linked yet: run `workbench link`.",
    )


def places(areas: pd.DataFrame) -> dict[str, Text]:
    """Names of the study's prefectures, of all provinces, and of the rest, by code."""
    names = dict(PROVINCES)
    for row in areas.drop_duplicates("prefecture").to_dict("records"):
        names[str(row["prefecture"])] = Text(row["prefecture_name"], row["prefecture_name_en"])
    return names | {"elsewhere": ELSEWHERE}


def named(code: object, names: Mapping[str, Text]) -> Text:
    """Name of a place, or its code where no name is known."""
    return names.get(str(code), Text(str(code), str(code)))


def small(value: float) -> Text:
    """Write an expected number in two digits that count: 16, 5.4, 0.73; nothing is 0."""
    if value and abs(value) < 0.01:  # noqa: PLR2004
        return Text("<0.01", "<0.01")
    digits = 0 if not value or abs(value) >= 9.95 else 1 if abs(value) >= 0.995 else 2  # noqa: PLR2004
    return number(value, digits)


def interval(lower: float, upper: float, digits: int = 0) -> Text:
    """Write an interval: 3–15."""
    low, high = number(lower, digits), number(upper, digits)
    return Text(f"{low.zh}–{high.zh}", f"{low.en}–{high.en}")


def of(travellers: int) -> Text:
    """Say of how many travellers: 每10000名离开者, of 10,000 people leaving."""
    zh, en = written(travellers, "zh"), written(travellers, "en")
    return Text(f"每{zh}名离开者", f"of {en} people leaving")


def shown(value: Any, digits: int = 0) -> Text | Missing:
    """Write a count that left through the gate, or say that it is hidden."""
    return HIDDEN if pd.isna(value) else number(float(value), digits)
