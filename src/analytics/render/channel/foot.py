"""Foot of the channel report: what the words and assumptions are."""

from __future__ import annotations

from typing import Any

from analytics.render.blocks import Definition, Definitions, Text
from analytics.render.channel.words import STATUSES
from analytics.render.numbers import percent


def definitions(controls: Any, assumptions: Any) -> Definitions:
    """
    Explain the terms, methods and assumptions of the page.

    Parameters
    ----------
    controls : channel.whatif.Controls
    assumptions : channel.exports.Assumptions
    """
    low, high = (percent(each, 0) for each in assumptions.ascertainment)
    short, long = assumptions.infectious_period
    shares_zh = "；".join(
        f"{STATUSES[s].zh}放行{percent(controls.admitted[s], 0).zh}、"
        f"漏检{percent(controls.missed[s], 0).zh}"
        for s in STATUSES
    )
    shares_en = "; ".join(
        f"{STATUSES[s].en}: {percent(controls.admitted[s], 0).en} let through, "
        f"{percent(controls.missed[s], 0).en} of infections missed"
        for s in STATUSES
    )
    return Definitions(
        (
            Definition(
                Text("有传染性者", "Infectious"),
                Text(
                    f"由公布的新增确诊推算：发现率{low.zh}至{high.zh}，传染期{short:g}至{long:g}天，"
                    "在区间内均匀取值；未发现新增不等于没有感染者。病例定义变更之日的增量不作感染计。",
                    f"From published new cases: {low.en} to {high.en} of infections are found and "
                    f"last {short:g} to {long:g} days, drawn evenly; none found is not none there. "
                    "The step on a day of a changed definition is not counted as infections.",
                ),
                url="https://doi.org/10.1126/science.abb3221",
            ),
            Definition(
                Text("漏检率", "Missed"),
                Text(
                    "Quilty等（2020）的病程与行程：潜伏期平均5.2天，17%无症状，行程12小时；"
                    "每次测温误拦1%。",
                    "Course and journey of Quilty et al. (2020): 5.2 days of incubation, 17% "
                    "without symptoms, 12 hours on the way; each temperature check stops 1% for "
                    "nothing.",
                ),
                url="https://doi.org/10.2807/1560-7917.ES.2020.25.5.2000080",
            ),
            Definition(
                Text("管控状态的效果（设定）", "What a status does (assumed)"),
                Text(f"{shares_zh}。", f"{shares_en}."),
            ),
            Definition(
                Text("首例推迟", "First arrival later"),
                Text(
                    "首个有传染性者到达时间中位数与开放时之差。",
                    "Median time of the first infectious arrival, against open ways.",
                ),
            ),
            Definition(
                Text("健康码", "Health code"),
                Text(
                    "按带版本的规则由关联记录判定，红先于黄、黄先于绿；"
                    "每个码都有规则、依据和最早转码时间。",
                    "Told by versioned rules from linked records, red before yellow before green; "
                    "each code has its rule, its record and the earliest time it can change.",
                ),
            ),
        )
    )
