"""Cases of recent days by area: told so far, and expected once everything is told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.render import charts
from analytics.render.blocks import Chart, Column, Missing, Section, Table, Text
from analytics.render.numbers import day, number, percent
from analytics.render.risk.people import SUPPRESSED
from analytics.render.risk.words import places, rows

if TYPE_CHECKING:
    from analytics.analysis.incidence import Completed
    from analytics.study import Study

_DAYS = {
    "onset": Text("近14日发病的病例", "cases with onset in the last 14 days"),
    "report": Text("近14日报告的病例", "cases reported for the last 14 days"),
}
_BY_DAY = {
    "onset": Text("按发病日期：已报与估计", "By day of onset: told, and expected"),
    "report": Text("按报告日期：已报与估计", "By day of report: told, and expected"),
}
_BAND = Text("95%区间", "95% interval")


def recent_cases(found: Completed, areas: pd.DataFrame, study: Study, as_of: date) -> Section:
    """
    Show the nowcast of each prefecture, or say why there is none.

    Parameters
    ----------
    found : incidence.Completed
        As far as it may leave: a count or an estimate that may not is empty.
    areas : AREAS table
    study : Study
    as_of : date
    """
    if found.missing:
        return _none(found)
    whole = found.areas.set_index("adcode").loc[study.region]
    subject = _DAYS[found.basis]
    if pd.isna(whole["median"]):
        known = int(found.areas["median"].notna().sum())
        title = Text(
            f"即时预测：{subject.zh}，{known}个市州可列估计，其余为保护个人不列",
            f"Nowcast, {subject.en}: estimates of {known} prefectures; others are not shown, to "
            "protect persons",
        )
    else:
        told, likely = number(whole["reported"]), number(whole["median"])
        low, high = number(whole["lower"]), number(whole["upper"])
        title = Text(
            f"即时预测：{subject.zh}已报{told.zh}例，估计最终{likely.zh}例"
            f"（95%区间{low.zh}–{high.zh}）",
            f"Nowcast, {subject.en}: {told.en} told so far, an estimated {likely.en} in the end "
            f"(95% interval {low.en}–{high.en})",
        )
    drawn = found.days[found.days["incomplete"]].dropna(subset=["reported", "median"])
    is_drawn = bool((drawn["reported"] > 0).any())
    return Section(
        title=title,
        paragraphs=_checked(found),
        charts=(_curve(found, as_of),) if is_drawn else (),
        tables=(_table(found, areas, study),),
        note=_note(found),
    )


def _none(found: Completed) -> Section:
    """Say why nothing is estimated."""
    evenings, late = number(found.evenings), number(found.late)
    if found.missing == "few_evenings":
        why = Text(
            f"归档库只有{evenings.zh}天的版本，不足以得知病例报告的延迟。",
            f"The archive has versions of {evenings.en} days: too few to learn how late cases "
            "are told.",
        )
    elif found.late:
        why = Text(
            f"归档库{evenings.zh}天的版本中，当日之后补报的只有{late.zh}例，不足以得知报告的延迟。",
            f"In {evenings.en} days of versions {late.en} cases were told after their own day: too "
            "few to learn how late cases are told.",
        )
    else:
        why = Text(
            f"归档库中{evenings.zh}天的公布数都只有一个版本，当日公布后未再补报，"
            "无从得知报告的延迟。",
            f"Each count of {evenings.en} days has one version in the archive and was never "
            "completed later: there is nothing to learn delays from.",
        )
    return Section(
        title=Text("未作即时预测", "No nowcast is made"),
        paragraphs=(
            Text(
                f"{why.zh}公布数不含已发病而尚未上报的病例，最近几日应视为不完整，而不是零。",
                f"{why.en} Published counts leave out those who are ill and not yet reported: take "
                "the last days as incomplete, not as zero.",
            ),
        ),
        note=Text(
            "有逐例发病日期并逐日报送的病例记录，或同一日公布数的多个版本时，本页按市州列出即时预测。",
            "Where records of cases with their onset come day by day, or a day's count has several "
            "versions, this page gives an estimate for each prefecture.",
        ),
    )


def _between(row: Any) -> Text:
    middle, low, high = (number(row[name]) for name in ("median", "lower", "upper"))
    return Text(f"{middle.zh}（{low.zh}–{high.zh}）", f"{middle.en} ({low.en}–{high.en})")


def _checked(found: Completed) -> tuple[Text, ...]:
    """Say how often earlier estimates held."""
    if not found.checked:
        return (
            Text(
                "尚无最终数可用于检验此前的估计。",
                "No earlier estimate can be checked yet: its outcome is not known.",
            ),
        )
    made, held = number(found.checked), number(found.inside)
    share = percent(found.inside / found.checked, 0)
    return (
        Text(
            f"检验：此前作出的{made.zh}个估计，{held.zh}个（{share.zh}）的95%区间含最终数。",
            f"Track record: of {made.en} earlier estimates, the 95% interval of {held.en} "
            f"({share.en}) held the final count.",
        ),
    )


def _note(found: Completed) -> Text:
    hidden = (
        Text(
            "按发病日期计确诊病例，无发病日期者除外。人数过少者经披露控制，连同由其得出的估计不列。",
            " Confirmed cases by onset; those without one are left out. Counts too small to be "
            "shown are left out with the estimates that follow from them.",
        )
        if found.basis == "onset"
        else Text("", "")
    )
    return Text(
        "由归档库各日版本得知病例在发生后多少天才报告，据此估计尚未报告的病例"
        f"（链梯法，Mack，1993；Höhle与an der Heiden，2014）。{hidden.zh}",
        "Each day's version in the archive shows how many days after the event cases are told; the "
        "untold ones are estimated from that (chain ladder: Mack, 1993; Höhle and an der Heiden, "
        f"2014).{hidden.en}",
    )


def _curve(found: Completed, as_of: date) -> Chart:
    days, when = found.days, day(as_of)
    dates = [one.date().isoformat() for one in days["date"]]
    told = charts.series_of(days, Text("已报", "told"), "reported", digits=0)
    estimated = charts.series_of(
        days, Text("估计", "expected"), "median", "lower", "upper",
        digits=0, band=_BAND,
    )  # fmt: skip
    return charts.lines(
        dates,
        [estimated, told],
        title=_BY_DAY[found.basis],
        alternative=Text(
            f"截至{when.zh}，越近的日期，估计与已报告相差越大，区间越宽。",
            f"As of {when.en}: the nearer the day, the further the estimate lies above "
            "what is told, and the wider its interval.",
        ),
    )


def _table(found: Completed, areas: pd.DataFrame, study: Study) -> Table:
    """One row per prefecture, the province last."""
    named = {**places(areas), study.region: Text(study.region_name.zh, study.region_name.en)}
    entries = [
        {
            "code": row.adcode,
            "prefecture": named[row.adcode],
            "reported": SUPPRESSED if pd.isna(row.reported) else int(row.reported),
            "estimate": SUPPRESSED if pd.isna(row.median) else _between(row._asdict()),
            "complete": SUPPRESSED
            if pd.isna(row.complete)
            else percent(float(row.complete), 0)
            if row.reported
            else Missing(Text("尚无报告", "none told yet")),
        }
        for row in rows(found.areas)
    ]
    return Table(
        caption=Text("各市州近14日病例的即时预测", "Nowcast of each prefecture, last 14 days"),
        columns=(
            Column("prefecture", Text("市州", "Prefecture")),
            Column("reported", Text("已报告", "Told so far"), "number"),
            Column("estimate", Text("估计最终（95%区间）", "Estimated in the end (95%)"), "number"),
            Column("complete", Text("已报比例（估计）", "Share told (estimate)"), "number"),
        ),
        rows=tuple(entries),
        name="nowcast",
        collapsed=True,
    )
