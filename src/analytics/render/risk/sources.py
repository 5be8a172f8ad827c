"""Foot of the risk report: who delivered what, and what the words mean."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Definition, Definitions, Missing, Supplies, Table, Text
from analytics.render.numbers import day, number
from analytics.render.risk.words import rows
from analytics.study import GradeUncertainty, GradingRule, Study


def supplies(
    table: pd.DataFrame,
    as_of: date,
    *,
    retrospective: bool = False,
    unused: Collection[str] = ("wuhan_outflow_share.csv",),
) -> Supplies:
    """
    List which file came from whom, how far it reaches, and what was empty or set aside.

    Parameters
    ----------
    table : pandas.DataFrame
        ``published.read(...).supplies``.
    as_of : date
        Nothing of a later day was used.
    retrospective : bool
        Whether the counties' later state was used.
    unused : collection of str
        Files the report does not read.
    """
    left_out = {*unused} | (set() if retrospective else {"county_cumulative.csv"})
    table = table[~table["file"].isin(left_out)]
    columns = (
        Column("file", Text("文件", "File")),
        Column("publisher", Text("发布单位", "Publisher"), phone=False),
        Column("used", Text("采用至", "Used up to"), "date"),
        Column("unpublished", Text("空缺", "Empty cells"), "number", phone=False),
        Column("set_aside", Text("未采用", "Set aside"), "number", phone=False),
        Column("verified", Text("校验", "Checked")),
    )
    entries = []
    for row in rows(table):
        dated = not pd.isna(row.last_date)
        late = dated and row.last_date.date() < as_of
        entries.append(
            {
                "file": row.file,
                "publisher": Missing(Text("来源未登记", "no source on record"))
                if pd.isna(row.publisher)
                else row.publisher,
                "used": min(row.last_date.date(), as_of).isoformat()
                if dated
                else Missing(Text("不按日", "not by day")),
                "unpublished": Missing(Text("不适用", "does not apply"))
                if pd.isna(row.unpublished)
                else int(row.unpublished),
                "set_aside": int(row.set_aside),
                "verified": _verified(row.verified, late=late),
            }
        )
    when = day(as_of)
    return Supplies(
        Table(
            caption=Text("采用的公开数据", "Published figures used"),
            columns=columns,
            rows=tuple(entries),
            note=Text(
                f"只采用截至{when.zh}24时的数据。空缺指未公布或未分列，不是零。",
                f"Only figures known by 24:00 of {when.en} are used. Empty means not published "
                "or not broken down, never zero.",
            ),
            name="supplies",
        )
    )


def _verified(verified: Any, *, late: bool) -> Text:
    if pd.isna(verified):
        text = Text("无校验值", "no checksum on record")
    elif verified:
        text = Text("与登记一致", "as registered")
    else:
        text = Text("与登记不符", "differs from the register")
    more = Text("；早于截至日", "; ends before the as-of day") if late else Text("", "")
    return Text(text.zh + more.zh, text.en + more.en)


def definitions(study: Study, rule: GradingRule, as_of: date) -> Definitions:
    """Explain the rule, the sets, the scores and the sources behind the page."""
    items = _rule(rule) + _chances(rule, study.grade_uncertainty) + _scores()
    items += [
        Definition(
            Text(
                f"病例定义变更（{day(c.day).zh}）", f"Change of case definition ({day(c.day).en})"
            ),
            Text(f"{c.note.zh}。依据：{c.source}。", f"{c.note.en}. Source: {c.source}."),
        )
        for c in study.definition_changes
        if c.day <= as_of
    ]
    if study.regions.source:
        items.append(
            Definition(
                Text("行政区划代码", "Division codes"),
                Text(
                    "各表代码按研究设定统一到研究时期，人口不增不减；详见研究设定。",
                    "Codes of all tables are brought to the study period without losing "
                    f"anyone. {study.regions.source}.",
                ),
            )
        )
    return Definitions(tuple(items))


def _rule(rule: GradingRule) -> list[Definition]:
    """Explain how grades are given, and what is listed where evidence does not decide."""
    window, cutoff = rule.window_days, rule.cumulative_cutoff
    return [
        Definition(
            Text("分级规则", "The rule"),
            Text(
                f"低风险：无确诊病例或连续{window}天无新增。"
                f"中风险：{window}天内有新增且累计不超过{cutoff}例，"
                f"或累计超过{cutoff}例而{window}天内无聚集性疫情。"
                f"高风险：累计超过{cutoff}例且{window}天内有聚集性疫情。"
                "文字重叠处低风险优先；不超过界值而有聚集性疫情的为中风险。",
                f"Low: no confirmed case, or none new in {window} days. Medium: new within "
                f"{window} days and at most "
                f"{cutoff} cumulative, or above {cutoff} without a cluster outbreak within "
                f"{window} days. High: above "
                f"{cutoff} with a cluster outbreak within {window} days. Where the wording "
                "overlaps low comes first; "
                "within the cut-off a cluster is medium.",
            ),
        ),
        Definition(
            Text("可能等级", "Grades left"),
            Text(
                "已公布的证据不能排除的全部等级。新增只计正数；当日有核减，则当日新增未知；"
                "未公布之日亦为未知；聚集性疫情未公布即未知，不作“无”。",
                "All grades that published evidence does not rule out. New counts positive "
                "steps only; on a day of "
                "retraction, and on an unpublished day, new is unknown; clusters unpublished "
                "are unknown, never none.",
            ),
        ),
        Definition(
            Text("每10万居民", "Per 100,000"),
            Text(
                "分母为2020年人口普查常住人口。",
                "Divided by the residents counted in the 2020 census.",
            ),
        ),
        Definition(
            Text("窗口期", "Window"),
            Text(
                f"截至日D及其前{window - 1}天，即D−{window - 1}至D；各日以24时为准。",
                f"The as-of day D and the {window - 1} days before it, D−{window - 1} to D, "
                "each by 24:00.",
            ),
        ),
    ]


def _chances(rule: GradingRule, doubt: GradeUncertainty) -> list[Definition]:
    """Explain how likely grades are said to be, and the stabilised grade."""
    rate, spread = number(doubt.cluster_rate, 2), number(doubt.share_spread, 2)
    lean, size = number(doubt.density_elasticity, 2), number(doubt.window_dispersion, 1)
    return [
        Definition(
            Text("各等级的可能性", "Chance of a grade"),
            Text(
                f"县级份额按人口×密度^{lean.zh}，其对数几率的标准差{spread.zh}；"
                f"窗口期新增服从负二项分布（离散参数{size.zh}），累计服从泊松分布；"
                f"每例引发聚集性疫情的比率{rate.zh}。核减与其次日合并计净数，"
                "定义变更之日的新增不超过此前一周的日均。市城区取最重的区。",
                f"A county's share follows residents × density^{lean.en}, the standard deviation "
                f"of its log-odds is {spread.en}; new cases in the window are negative binomial "
                f"(size {size.en}), cumulative ones Poisson; {rate.en} cluster outbreaks begin "
                "per case. A retraction and the day after it count together, net; a day of a "
                "changed definition counts no more than the week before it. An urban area takes "
                f"its worst district. {doubt.source}".strip(),
            ),
        ),
        Definition(
            Text("稳定等级", "Stabilised grade"),
            Text(
                f"仅供参考，不替代法定等级：升级即时（可能性≥{rule.rise_at:.0%}），"
                f"降级须连续{rule.hold_days}天低于{rule.fall_below:.0%}，以免反复。",
                f"Advice beside the legal grade: it rises at once (chance {rule.rise_at:.0%} or "
                f"more) and falls after {rule.hold_days} days below {rule.fall_below:.0%}, so that "
                "grades do not flap.",
            ),
        ),
    ]


def _scores() -> list[Definition]:
    """Explain how agreement with the official list is scored."""
    return [
        Definition(
            Text("得分", "Score"),
            Text(
                "官方等级在可能等级之内得1/集合大小，否则得0；"
                "平均后减1/3再除以2/3（Zaffalon等，2012）。",
                "A set that holds the official grade earns 1 / its size, else 0; the mean less "
                "1/3, divided by 2/3 "
                "(Zaffalon et al., 2012).",
            ),
            url="https://doi.org/10.1016/j.ijar.2012.06.022",
        ),
        Definition(
            Text("分级概率评分", "Ranked probability score"),
            Text(
                "将集合视为均匀分布，低｜中、中｜高两处累积概率与官方等级之差的平方和除以2，"
                "越小越好；"
                "技巧为1减其与“全部等级”评分之比（Epstein，1969）。",
                "The set as a uniform distribution: squared differences of cumulative "
                "probability from the list's grade "
                "at the cuts low | medium and medium | high, summed and halved; smaller is "
                "better. Skill is 1 less its "
                "ratio to that of the full set (Epstein, 1969).",
            ),
        ),
    ]
