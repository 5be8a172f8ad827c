"""First screen of the risk report: masthead, lead, headline figures and decisions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from analytics.render.blocks import (
    Decision,
    Decisions,
    Headline,
    Headlines,
    Lead,
    Masthead,
    Text,
)
from analytics.render.numbers import change, counted, day, listed, number, percent
from analytics.render.risk.words import UNIT, name, places, rows
from analytics.study import Study

DAY_BEFORE = Text("前一日", "the day before")
WEEK_BEFORE = Text("上周同日", "the same day a week before")
TREND_DAYS = 14
NAMES_AT_MOST = 8


def masthead(study: Study, as_of: date, *, retrospective: bool = False) -> Masthead:
    """Head the page: title, region, as-of day, nature of the figures, and what to know first."""
    notices = [
        Text(
            "县级逐日新增和聚集性疫情未公开，证据不足以定级的以“可能等级”列出。",
            "Daily county counts and clusters are not public: where evidence does not decide, "
            "the grades it leaves are listed.",
        )
    ]
    if retrospective:
        notices.insert(
            0,
            Text(
                "回溯：本页使用了截至日之后才公布的县级累计数，不代表当日所知。",
                "Retrospective: county totals published after the as-of day are used here; "
                "this was "
                "not known on the day.",
            ),
        )
    return Masthead(
        title=Text("疫情风险分级评估", "Epidemic risk grading"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
        notices=tuple(notices),
    )


def lead(
    study: Study,
    as_of: date,
    totals: pd.DataFrame,
    latest: pd.DataFrame,
    grades: pd.DataFrame,
    areas: pd.DataFrame,
) -> Lead:
    """
    Say in one sentence what changed and what it asks of the reader.

    Parameters
    ----------
    study : Study
    as_of : date
    totals : pandas.DataFrame
        ``incidence.total`` of the confirmed series.
    latest : pandas.DataFrame
        ``incidence.changes`` of the confirmed series on ``as_of``.
    grades : RISK table
    areas : AREAS table
    """
    when, unit = day(as_of), _unit(grades)
    open_units = counted(int((grades["size"] > 1).sum()), *unit)
    low = counted(int((grades["grade"] == "low").sum()), *unit)
    happened = _happened(study, totals, latest, areas, as_of)
    if (grades["size"] > 1).any():
        ask = Text(
            f"{low.zh}可确定为低风险；{open_units.zh}须补报县级疫情和聚集性疫情后才能定级。",
            f"{low.en} certain to be low risk; {open_units.en} cannot be graded until county "
            "counts "
            "and clusters are reported.",
        )
    else:
        ask = Text(
            f"{low.zh}为低风险，全部单元等级均已确定。",
            f"{low.en} low risk, and every unit has a certain grade.",
        )
    return Lead(Text(f"{when.zh}，{happened.zh}{ask.zh}", f"On {when.en}, {happened.en} {ask.en}"))


def _happened(
    study: Study, totals: pd.DataFrame, latest: pd.DataFrame, areas: pd.DataFrame, as_of: date
) -> Text:
    """Say what the day brought: new cases, a change of definition, or nothing known."""
    region = Text(study.region_name.zh, study.region_name.en)
    row = _on(totals, as_of)
    if row is None or row["published"] == 0:
        return Text("当日疫情数据尚未公布。", "the day's figures are not yet published.")
    new = number(row["new"])
    if row["definition_change"]:
        return Text(
            f"{region.zh}累计数因病例定义变更等增加{new.zh}例，不代表当日疫情增长。",
            f"{new.en} cases were added to the count of {region.en}, when the definition of a case "
            "changed: not growth of the epidemic.",
        )
    if row["new"] == 0:
        return Text(f"{region.zh}无新增确诊。", f"{region.en} had no new case.")
    before = _on(totals, as_of - timedelta(days=1))
    moved = change(row["new"] - before["new"] if before is not None else pd.NA, DAY_BEFORE)
    largest = latest.sort_values("new", ascending=False, kind="stable").iloc[0]
    where = places(areas)[str(largest["adcode"])]
    share = number(largest["new"])
    return Text(
        f"{region.zh}新增确诊{new.zh}例，{moved.zh}，其中{where.zh}{share.zh}例。",
        f"{region.en} had {new.en} new cases, {moved.en}; {share.en} of them in {where.en}.",
    )


def headlines(
    as_of: date,
    totals: dict[str, pd.DataFrame],
    certainty: pd.DataFrame,
    residents: float | None,
) -> Headlines:
    """
    Give new, cumulative, deaths, recovered and certainly low, each with changes and denominator.

    Parameters
    ----------
    as_of : date
    totals : dict of str to pandas.DataFrame
        ``incidence.total`` by series (confirmed, deaths, recovered).
    certainty : pandas.DataFrame
        ``risk.certainty`` of the last eight days.
    residents : float or None
        Residents of the region [persons].
    """
    confirmed = totals["confirmed"]
    cases = _at(confirmed, as_of, "cumulative")
    figures = [
        _headline(
            confirmed,
            as_of,
            "new",
            Text("新增确诊", "New cases"),
            _rate(confirmed, as_of, "new", residents),
        ),
        _headline(
            confirmed,
            as_of,
            "cumulative",
            Text("累计确诊", "Cumulative cases"),
            _rate(confirmed, as_of, "cumulative", residents),
        ),
    ]
    labels = {
        "deaths": Text("累计死亡", "Cumulative deaths"),
        "recovered": Text("累计治愈出院", "Recovered and discharged"),
    }
    for series, label in labels.items():
        if series in totals and not pd.isna(_at(totals[series], as_of, "cumulative")):
            figures.append(
                _headline(
                    totals[series], as_of, "cumulative", label, _share(totals[series], as_of, cases)
                )
            )
    figures.append(_certain(certainty))
    return Headlines(tuple(figures))


def decisions(
    study: Study, grades: pd.DataFrame, compared: pd.DataFrame, set_aside: int = 0
) -> Decisions:
    """
    List what needs a decision, computed from the grades, the comparison and what was set aside.

    Who and by when come from the study's duties; where it names none, the page says so.
    """
    items = []
    undecided = grades[grades["size"] > 1]
    if len(undecided):
        units = counted(len(undecided), *_unit(grades))
        places = undecided["prefecture"].nunique()
        items.append(
            _decision(
                study,
                "county_counts",
                Text(
                    f"请{places}个市州上报各县逐日新增和聚集性疫情，以便{units.zh}定级。",
                    f"Have {places} prefectures report daily county counts and clusters, so that "
                    f"{units.en} can be graded.",
                ),
            )
        )
    apart = compared[compared["disagreement"].isin(["lighter", "heavier"])]
    if len(apart):
        few = [name(row) for row in rows(apart.head(NAMES_AT_MOST))]
        units = counted(len(apart), *_unit(grades))
        names = listed(few)
        more = Text("等", " and others") if len(apart) > len(few) else Text("", "")
        items.append(
            _decision(
                study,
                "official_list",
                Text(
                    f"复核与官方名单不一致的{units.zh}：{names.zh}{more.zh}。",
                    f"Review {units.en} where the official list differs: {names.en}{more.en}.",
                ),
            )
        )
    if set_aside:
        items.append(
            _decision(
                study,
                "data_quality",
                Text(
                    f"核对未能采用的{set_aside}个数据。",
                    f"Check {set_aside} published values that could not be used.",
                ),
            )
        )
    return Decisions(tuple(items))


def _decision(study: Study, task: str, what: Text) -> Decision:
    duty = next((duty for duty in study.duties if duty.task == task), None)
    if duty is None:
        return Decision(
            what,
            who=Text("本研究未设值守名单", "no duty roster in this study"),
            due=Text("未定", "not set"),
        )
    due = f"{duty.due:%H:%M}"
    return Decision(
        what, Text(duty.who.zh, duty.who.en), Text(f"每日{due}前", f"by {due} each day")
    )


def _headline(
    totals: pd.DataFrame, as_of: date, column: str, label: Text, denominator: Text
) -> Headline:
    """One figure of a series with its changes and the trend of its last days."""
    now = _at(totals, as_of, column)
    day_before = _at(totals, as_of - timedelta(days=1), column)
    week_before = _at(totals, as_of - timedelta(days=7), column)
    trend = [
        _trend_value(totals, as_of - timedelta(days=back), column)
        for back in reversed(range(TREND_DAYS))
    ]
    return Headline(
        label=label,
        value=number(now),
        day_change=change(now - day_before, DAY_BEFORE),
        week_change=change(now - week_before, WEEK_BEFORE),
        denominator=denominator,
        trend=tuple(trend),
        trend_summary=_trend_words(trend),
    )


def _trend_value(totals: pd.DataFrame, when: date, column: str) -> float | None:
    """Value of a day for the small trend; a day of changed definition is left out of new cases."""
    row = _on(totals, when)
    if row is None or pd.isna(row[column]) or (column == "new" and row["definition_change"]):
        return None
    return float(row[column])


def _trend_words(trend: list[float | None]) -> Text:
    known = [value for value in trend if value is not None]
    if not known:
        return Text("近14日未公布", "not published in the last 14 days")
    first, last = number(known[0]), number(known[-1])
    words = (
        Text("上升", "up")
        if known[-1] > known[0]
        else Text("下降", "down")
        if known[-1] < known[0]
        else Text("持平", "unchanged")
    )
    return Text(
        f"近{TREND_DAYS}日由{first.zh}{words.zh}至{last.zh}"
        if first != last
        else f"近{TREND_DAYS}日首尾持平（{last.zh}）",
        f"{words.en} from {first.en} to {last.en} in {TREND_DAYS} days",
    )


def _rate(totals: pd.DataFrame, as_of: date, column: str, residents: float | None) -> Text:
    value = _at(totals, as_of, column)
    if not residents or pd.isna(value):
        return Text("无人口数据", "no population figures")
    rate = number(float(value) / residents * 100_000, 2)
    return Text(
        f"每10万常住人口{rate.zh}例（2020年普查）", f"{rate.en} per 100,000 residents (2020 census)"
    )


def _share(totals: pd.DataFrame, as_of: date, cases: Any) -> Text:
    value = _at(totals, as_of, "cumulative")
    if pd.isna(cases) or not cases:
        return Text("累计确诊未公布", "cumulative cases not published")
    share = percent(float(value) / float(cases))
    return Text(f"占累计确诊{share.zh}", f"{share.en} of cumulative cases")


def _certain(certainty: pd.DataFrame) -> Headline:
    """Units certainly low, as a headline; days that graded other units are not compared."""
    now = certainty.iloc[-1]
    same = certainty["units"] == now["units"]

    def since(back: int) -> Any:
        comparable = len(certainty) > back and same.iloc[-1 - back]
        return now["low"] - certainty["low"].iloc[-1 - back] if comparable else pd.NA

    unit = UNIT["county"]
    all_units, open_units = number(now["units"]), number(now["undetermined"])
    trend = [
        float(low) if alike else None for low, alike in zip(certainty["low"], same, strict=True)
    ]
    return Headline(
        label=Text(f"可确定为低风险的{unit[0].zh.removeprefix('个')}", "Certainly low risk"),
        value=number(now["low"]),
        day_change=change(since(1), DAY_BEFORE),
        week_change=change(since(7), WEEK_BEFORE),
        denominator=Text(
            f"共{all_units.zh}个分级单元，其中{open_units.zh}个等级未定",
            f"of {all_units.en} graded units, {open_units.en} undetermined",
        ),
        trend=tuple(trend),
        trend_summary=Text(
            f"近8日末为{number(now['low']).zh}", f"{number(now['low']).en} at the end of 8 days"
        ),
    )


def _unit(grades: pd.DataFrame) -> tuple[Text, str]:
    return UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]


def _on(totals: pd.DataFrame, when: date) -> pd.Series | None:
    rows = totals[totals["date"] == pd.Timestamp(when)]
    return None if rows.empty else rows.iloc[0]


def _at(totals: pd.DataFrame, when: date, column: str) -> Any:
    row = _on(totals, when)
    return pd.NA if row is None or row["published"] == 0 else row[column]
