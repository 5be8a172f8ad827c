"""Headline figures of the risk report, each with its changes, denominator and trend."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from analytics.render.blocks import Headline, Headlines, Text
from analytics.render.numbers import change, number, percent
from analytics.render.risk.words import (
    DAY_BEFORE,
    UNIT,
    WEEK_BEFORE,
    at,
    comparable,
    on,
    partly,
    spanned,
)

TREND_DAYS = 14


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
    cases = at(confirmed, as_of, "cumulative")
    figures = [
        headline(
            confirmed,
            as_of,
            "new",
            Text("新增确诊", "New cases"),
            _rate(confirmed, as_of, "new", residents),
        ),
        headline(
            confirmed,
            as_of,
            "cumulative",
            Text("累计确诊", "Cumulative cases"),
            _rate(confirmed, as_of, "cumulative", residents),
        ),
    ]
    labels = {
        "deaths": Text("累计死亡", "Cumulative deaths"),
        "recovered": Text("治愈出院", "Recovered"),
    }
    for series, label in labels.items():
        if series in totals and not pd.isna(at(totals[series], as_of, "cumulative")):
            figures.append(
                headline(
                    totals[series], as_of, "cumulative", label, _share(totals[series], as_of, cases)
                )
            )
    figures.append(_certain(certainty))
    return Headlines(tuple(figures))


def headline(
    totals: pd.DataFrame, as_of: date, column: str, label: Text, denominator: Text
) -> Headline:
    """One figure of a series with its changes and the trend of its last days."""
    now = at(totals, as_of, column)
    day_before = _comparable(totals, as_of, as_of - timedelta(days=1), column)
    week_before = _comparable(totals, as_of, as_of - timedelta(days=7), column)
    for note in (partly(totals, as_of), spanned(totals, as_of) if column == "new" else None):
        if note is not None:
            denominator = Text(f"{note.zh}；{denominator.zh}", f"{note.en}; {denominator.en}")
    trend = [
        _trend_value(totals, as_of - timedelta(days=back), column)
        for back in reversed(range(TREND_DAYS))
    ]
    return Headline(
        label=label,
        value=number(now),
        day_change=change(now - day_before, *DAY_BEFORE),
        week_change=change(now - week_before, *WEEK_BEFORE),
        denominator=denominator,
        trend=tuple(trend),
        trend_summary=_trend_words(trend),
    )


def _comparable(totals: pd.DataFrame, as_of: date, when: date, column: str) -> Any:
    """Figure of an earlier day; missing where new cases cannot be compared."""
    if column == "new" and not comparable(totals, as_of, when):
        return pd.NA
    return at(totals, when, column)


def _trend_value(totals: pd.DataFrame, when: date, column: str) -> float | None:
    """Value of a day for the small trend; a day of changed definition is left out of new cases."""
    row = on(totals, when)
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
    value = at(totals, as_of, column)
    if not residents or pd.isna(value):
        return Text("无人口数据", "no population figures")
    rate = number(float(value) / residents * 100_000, 2)
    return Text(f"每10万居民{rate.zh}例", f"{rate.en} per 100,000 people")


def _share(totals: pd.DataFrame, as_of: date, cases: Any) -> Text:
    value = at(totals, as_of, "cumulative")
    if pd.isna(cases) or not cases:
        return Text("累计确诊未公布", "cumulative cases not published")
    share = percent(float(value) / float(cases))
    return Text(f"占累计确诊{share.zh}", f"{share.en} of all cases")


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
        day_change=change(since(1), *DAY_BEFORE),
        week_change=change(since(7), *WEEK_BEFORE),
        denominator=Text(
            f"共{all_units.zh}个分级单元，{open_units.zh}个等级未定",
            f"of {all_units.en} units; {open_units.en} undetermined",
        ),
        trend=tuple(trend),
        trend_summary=Text(
            f"近8日末为{number(now['low']).zh}", f"{number(now['low']).en} at the end of 8 days"
        ),
    )
