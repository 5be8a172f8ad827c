"""Where each prefecture is heading: reproduction number, forecast fan and its track record."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.render import charts
from analytics.render.blocks import Chart, Column, Missing, Section, Table, Text
from analytics.render.numbers import listed, number, percent
from analytics.render.risk.words import places, rows

if TYPE_CHECKING:
    from analytics.analysis.incidence import Prospects

HORIZONS = (7, 14)
PAST_DAYS = 21
_BOUNDS = ["lower", "upper"]
TOO_FEW = Text("病例过少，无法估计", "too few cases to say")
PERFECT = Text("最佳基线无误差，无从相比", "the best baseline was never wrong: no ratio to it")
MODELS = {
    "zero": Text("零新增", "No case"),
    "repeated week": Text("重复上周", "Last week again"),
    "decaying week": Text("上周逐日衰减", "Last week, decaying"),
    "damped renewal": Text("阻尼更新模型", "Damped renewal model"),
}


def prospects(found: Prospects, areas: pd.DataFrame, as_of: date) -> Section:
    """
    Show reproduction numbers and the forecasts that earned their place.

    Parameters
    ----------
    found : Prospects
        ``incidence.prospects``.
    areas : AREAS table
    as_of : date
    """
    shown = [days for days in HORIZONS if found.shown(days)]
    table = found.reproduction
    estimated = table.dropna(subset=["mean"]) if len(table) else table.reindex(columns=_BOUNDS)
    growing = int((estimated["lower"] > 1).sum())
    maybe = int(((estimated["lower"] <= 1) & (estimated["upper"] > 1)).sum())
    title = Text(
        f"估计：再生数确定高于1的市州{growing}个，不能排除的{maybe}个（可估计的共{len(estimated)}个）",
        f"Estimate: the reproduction number is above 1 for certain in {growing} prefectures and "
        f"may be in {maybe}, of {len(estimated)} that allow an estimate",
    )
    if not len(estimated):
        title = Text(
            "病例过少或序列过短，无法估计再生数", "Too few cases or days to say where it is heading"
        )
    drawn = _largest(found, areas) if max(HORIZONS) in shown else ""
    fan = [_fan(found, areas, as_of, drawn)] if drawn else []
    others = set(areas["prefecture"]) - {drawn, *found.silent}
    ahead = [_ahead(found, areas, min(shown), others)] if shown and others else []
    return Section(
        title=title,
        paragraphs=(_told(found, shown), *_silent(found, areas)),
        charts=(*_numbers(estimated, areas), *fan, *ahead),
        tables=(_table(found, areas, shown), _track(found)),
        note=Text(
            "再生数按Cori等（2013）、近7日窗口、代际间隔均值4.7天估计；预测基于回补后的序列，"
            "不含截至日之后的任何数据。病例按报告日计，即时预测见下节。",
            "Reproduction number after Cori et al. (2013) over the last 7 days, serial interval "
            "4.7 days on average; forecasts start from the repaired series and know nothing "
            "after the as-of day. Cases are by day of report; the nowcast is in the next section.",
        ),
    )


def _numbers(estimated: pd.DataFrame, areas: pd.DataFrame) -> tuple[Chart, ...]:
    """Draw the reproduction number of each prefecture with its interval, the highest first."""
    named = places(areas)
    table = (
        estimated[estimated["adcode"].isin(areas["prefecture"])] if len(estimated) else estimated
    )
    if not len(table):
        return ()
    table = table.sort_values("mean", ascending=False)
    highest = table.iloc[0]
    name = named[str(highest["adcode"])]
    centre, least, most = (number(highest[part], 2) for part in ("mean", "lower", "upper"))
    return (
        charts.ranked_bars(
            [named[code] for code in table["adcode"]],
            table["mean"].round(2).tolist(),
            low=table["lower"].round(2).tolist(),
            high=table["upper"].round(2).tolist(),
            reference=(1.0, Text("1：持平", "1: steady")),
            label=Text("再生数（估计）", "R (estimate)"),
            title=Text(
                f"再生数最高的是{name.zh}：{centre.zh}（{least.zh}–{most.zh}）",
                f"Reproduction number highest in {name.en}: {centre.en} ({least.en}–{most.en})",
            ),
            alternative=Text(
                "各市州再生数及其95%区间，由高到低；区间全在1以下的，疫情在减弱。",
                "Reproduction number of each prefecture with its 95% interval, highest first; "
                "where all of the interval lies below 1 the epidemic is shrinking.",
            ),
        ),
    )


def _told(found: Prospects, shown: list[int]) -> Text:
    """Say which forecasts are shown, and why others are not."""
    if not len(found.track):
        return Text(
            "尚无足够的过往日期检验预测，故不列预测。",
            "No past forecast can be checked yet, so none is shown.",
        )
    hidden = [days for days in HORIZONS if days not in shown]
    if not shown:
        return Text(
            "过往检验中预测不优于简单基线，故不列预测。",
            "In past checks no forecast beat the simple baselines, so none is shown.",
        )
    known = Text("、".join(map(str, shown)), " and ".join(map(str, shown)))
    text = Text(
        f"{known.zh}天预测在过往检验中优于各简单基线，列于下表。",
        f"Forecasts for {known.en} days beat every simple baseline in past checks and are shown.",
    )
    if not hidden:
        return text
    other = Text("、".join(map(str, hidden)), " and ".join(map(str, hidden)))
    return Text(
        f"{text.zh}{other.zh}天预测未能做到，不列。",
        f"{text.en} Those for {other.en} days did not, and are not.",
    )


def _silent(found: Prospects, areas: pd.DataFrame) -> tuple[Text, ...]:
    """Name the prefectures that have fallen silent."""
    named = places(areas)
    names = [named[code] for code in found.silent if code in set(areas["prefecture"])]
    if not names:
        return ()
    few = listed(names)
    return (
        Text(
            f"近7日未公布、不作估计和预测的市州：{few.zh}。",
            f"Not published on the last 7 days, so neither estimated nor forecast: {few.en}.",
        ),
    )


def _largest(found: Prospects, areas: pd.DataFrame) -> str:
    """Prefecture with the largest forecast."""
    ahead = found.forecast[found.forecast["adcode"].isin(areas["prefecture"])]
    last = ahead[ahead["days"] == max(HORIZONS)].sort_values("q5", ascending=False)
    return str(last["adcode"].iloc[0])


def _ahead(found: Prospects, areas: pd.DataFrame, days: int, some: set[str]) -> Chart:
    """Draw what some prefectures may expect over some days, with intervals."""
    named = places(areas)
    table = found.forecast[
        (found.forecast["days"] == days) & found.forecast["adcode"].isin(some)
    ].sort_values(["q5", "q975"], ascending=False)
    quiet = int((table["q5"].round() == 0).sum())
    widest = table.sort_values("q975").iloc[-1]
    name, most = named[str(widest["adcode"])], number(float(widest["q975"]), 0)
    zh, en = ("其余市州", " the other") if some < set(areas["prefecture"]) else ("市州", "")
    return charts.ranked_bars(
        [named[code] for code in table["adcode"]],
        table["q5"].round().tolist(),
        low=table["q025"].round().tolist(),
        high=table["q975"].round().tolist(),
        label=Text("新增病例（预测）", "New cases (forecast)"),
        title=Text(
            f"预测：{zh}{len(table)}个中，未来{days}天中位数为0例的{quiet}个；上限最高的是{name.zh}：{most.zh}例",
            f"Forecast for{en} {len(table)} prefectures: in {quiet} the median is no new case in "
            f"{days} days; the highest bound is {most.en}, in {name.en}",
        ),
        alternative=Text(
            f"{zh}未来{days}天新增病例的预测中位数及95%区间，由高到低。",
            f"Median forecast of new cases in {days} days for{en} prefectures and its 95% "
            "interval, highest first.",
        ),
    )


def _fan(found: Prospects, areas: pd.DataFrame, as_of: date, code: str) -> Chart:
    """Draw a prefecture's cases added up, and the fan of its forecast."""
    ahead = found.forecast
    named = places(areas)[code]
    past = found.history[found.history["adcode"] == code].sort_values("date")["new"].tail(PAST_DAYS)
    start = pd.Timestamp(as_of) - timedelta(days=PAST_DAYS)
    run = past.cumsum().round().tolist()
    future = ahead[ahead["adcode"] == code].sort_values("days")
    dates = [
        (start + timedelta(days=step + 1 + PAST_DAYS - len(run))).date().isoformat()
        for step in range(len(run) + len(future))
    ]
    none: list[float | None] = [None] * (len(run) - 1)
    base = run[-1]

    def forecast(column: str) -> list[float | None]:
        return [base, *(base + future[column]).round().tolist()]

    week = ahead[(ahead["adcode"] == code) & (ahead["days"] == min(HORIZONS))].iloc[0]
    low, middle, high = (number(week[name]) for name in ("q025", "q5", "q975"))
    line = charts.Series(
        Text("累计新增", "New cases, added up"),
        [*run[:-1], *forecast("q5")],
        [*none, *forecast("q025")],
        [*none, *forecast("q975")],
        Text("95%区间", "95% interval"),
    )
    return charts.lines(
        dates,
        [line],
        breaks=[charts.Break(as_of.isoformat(), Text("其后为预测", "forecast from here"))],
        from_zero=False,
        title=Text(
            f"{named.zh}：未来7天估计新增{middle.zh}例（95%区间{low.zh}–{high.zh}）",
            f"{named.en}: an estimated {middle.en} new cases in 7 days "
            f"(95% interval {low.en}–{high.en})",
        ),
        alternative=Text(
            f"{named.zh}近{PAST_DAYS}日累计新增（回补后）及未来{max(HORIZONS)}天预测，区间随时间变宽。",
            f"New cases of {named.en} (repaired), added up over the last {PAST_DAYS} days, and "
            f"the forecast for {max(HORIZONS)} days, whose interval widens.",
        ),
    )


def _table(found: Prospects, areas: pd.DataFrame, shown: list[int]) -> Table:
    """One row per prefecture: reproduction number, and forecasts that are shown."""
    named = places(areas)
    ahead = found.forecast.set_index(["adcode", "days"]) if len(found.forecast) else found.forecast
    entries = []
    for row in rows(found.reproduction) if len(found.reproduction) else []:
        if row.adcode not in set(areas["prefecture"]):
            continue
        entry: dict[str, Any] = {
            "code": row.adcode,
            "prefecture": named[row.adcode],
            "cases": round(row.cases),
            "reproduction": _between(row.mean, row.lower, row.upper, 2),
        }
        for days in shown:
            told = ahead.loc[(row.adcode, days)]
            entry[f"ahead_{days}"] = _between(told["q5"], told["q025"], told["q975"], 0)
        entries.append(entry)
    return Table(
        caption=Text(
            "各市州再生数与短期预测（估计）", "Reproduction number and short forecast (estimates)"
        ),
        columns=(
            Column("prefecture", Text("市州", "Prefecture")),
            Column("cases", Text("近7日新增（回补后）", "New in 7 days (repaired)"), "number"),
            Column(
                "reproduction", Text("再生数（95%区间）", "Reproduction number (95%)"), "number"
            ),
            *(
                Column(
                    f"ahead_{days}",
                    Text(f"未来{days}天新增（95%区间）", f"New in the next {days} days (95%)"),
                    "number",
                )
                for days in shown
            ),
        ),
        rows=tuple(entries),
        name="prospects",
        collapsed=True,
    )


def _between(middle: float, low: float, high: float, digits: int) -> Text | Missing:
    if pd.isna(middle):
        return Missing(TOO_FEW)
    centre, least, most = (number(value, digits) for value in (middle, low, high))
    return Text(f"{centre.zh}（{least.zh}–{most.zh}）", f"{centre.en} ({least.en}–{most.en})")


def _track(found: Prospects) -> Table:
    """Show what past forecasts were worth, the baselines beside them."""
    entries = [
        {
            "days": int(row.days),
            "model": MODELS.get(row.model, Text(row.model, row.model)),
            "origins": int(row.origins),
            "score": float(row.score),
            "ratio": float(row.ratio) if math.isfinite(row.ratio) else Missing(PERFECT),
            "coverage": percent(row.coverage, 0),
            "shown": Text("基线", "baseline")
            if row.baseline
            else Text("列出", "shown")
            if row.shown
            else Text("不列", "not shown"),
        }
        for row in rows(found.track)
    ]
    left_out = int(found.track["left_out"].max()) if len(found.track) else 0
    spans = Text(
        f"结果跨越病例定义变更的起点不计（最多{left_out}个），另取更早的起点。" if left_out else "",
        f" Past days whose outcome spans a change of case definition are left out (at most "
        f"{left_out}), earlier ones taken instead."
        if left_out
        else "",
    )
    return Table(
        caption=Text("过往预测的检验", "Track record of past forecasts"),
        columns=(
            Column("days", Text("预测天数", "Days ahead"), "number"),
            Column("model", Text("方法", "Method")),
            Column("origins", Text("检验次数", "Past days"), "number"),
            Column("score", Text("区间评分", "Score"), "number", decimals=1),
            Column("ratio", Text("与最佳基线之比", "Ratio to best baseline"), "number", decimals=2),
            Column("coverage", Text("95%区间覆盖", "Inside 95%"), "number"),
            Column("shown", Text("是否列出", "On this page")),
        ),
        rows=tuple(entries),
        note=Text(
            "加权区间评分（Bracher等，2021），各市州各起点平均，越小越好；起点均只用当时所知。"
            f"{spans.zh}",
            "Weighted interval score (Bracher et al., 2021), mean over prefectures and past days; "
            "smaller is better. Each past forecast knew only what was known on its day."
            f"{spans.en}",
        ),
        name="track-record",
        collapsed=True,
    )
