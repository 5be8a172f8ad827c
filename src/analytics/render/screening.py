"""Screening on a page: persons by category and area, as released, and how tracing does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.render.blocks import Column, Missing, Section, Table, Text
from analytics.render.numbers import number, percent
from analytics.render.tabular import HIDDEN, listing

if TYPE_CHECKING:
    from analytics.privacy.release import Released
    from analytics.study import Study

CATEGORIES = {
    "confirmed": Text("确诊病例", "confirmed"),
    "suspected": Text("疑似病例", "suspected"),
    "fever": Text("不能排除的发热", "fever not excluded"),
    "close_contact": Text("密切接触者", "close contacts"),
    "asymptomatic": Text("无症状感染者", "asymptomatic"),
    "recovered": Text("治愈", "recovered"),
    "dead": Text("死亡", "dead"),
    "total": Text("合计", "total"),
}
INDICATORS = {
    "traced_in_24_hours": Text("24 小时内追踪到的密切接触者", "contacts told within 24 hours"),
    "followed_to_end": Text("观察期满的密切接触者中完成随访", "contacts followed to the end"),
    "cases_known_as_contacts": Text(
        "新确诊病例中原为密切接触者", "new cases that were known contacts"
    ),
    "lost": Text("失访的密切接触者", "contacts lost"),
}
_UNKNOWN = Text("居住地不详", "residence not known")


def names(areas: pd.DataFrame, study: Study) -> dict[str, Text]:
    """Name the province, its prefectures and counties, by code."""
    known = {study.region: Text(study.region_name.zh, study.region_name.en)}
    for row in areas.to_dict("records"):
        known[str(row["prefecture"])] = Text(row["prefecture_name"], row["prefecture_name_en"])
    return known | {
        str(r["adcode"]): Text(r["name"], r["name_en"]) for r in areas.to_dict("records")
    }


def section(
    released: Released, names: Mapping[str, Text], indicators: pd.DataFrame | None = None
) -> Section:
    """
    Show screening totals that have passed the disclosure gate.

    Parameters
    ----------
    released : Released
        Of totals by ``county`` and ``category``, by `analysis.screening.spec`.
    names : mapping of str to Text
        Areas to name, by code; a row without any person is left out.
    indicators : INDICATORS table, optional
        Shown with numerator and denominator hidden where either side is fewer than the
        threshold.

    Returns
    -------
    Section
        Title by the four types, one table of areas, one of indicators.
    """
    cells = released.table
    root = released.spec.dimensions[0].labels[-1]
    whole = cells[cells["county"] == root].set_index("category")
    tables = [_areas(released, root, names)]
    if indicators is not None:
        tables.append(_tracing(indicators, released.spec.threshold))
    return Section(
        title=_finding(whole),
        tables=tuple(tables),
        note=Text(released.statement["zh"], released.statement["en"]),
    )


def _value(row: Any) -> int | Missing:
    return HIDDEN if bool(row["hidden"]) else int(row["persons"])


def _finding(whole: pd.DataFrame) -> Text:
    parts_zh, parts_en = [], []
    for category in ("confirmed", "suspected", "fever", "close_contact"):
        value = _value(whole.loc[category])
        shown = Text("不显示", "not shown") if isinstance(value, Missing) else number(value)
        word = CATEGORIES[category]
        parts_zh.append(f"{word.zh} {shown.zh}")
        parts_en.append(f"{word.en} {shown.en}")
    return Text("四类人员：" + "，".join(parts_zh), "The four types: " + ", ".join(parts_en))


def _areas(released: Released, root: str, names: Mapping[str, Text]) -> Table:
    cells = released.table
    columns = [Column("area", Text("地区", "area"))]
    columns += [Column(key, word, "number") for key, word in CATEGORIES.items()]
    known = {**names, "unknown": _UNKNOWN}
    rows: list[dict[str, Any]] = []
    for code, part in cells.groupby("county", sort=False):
        by_category = part.set_index("category")
        values = {key: _value(by_category.loc[key]) for key in CATEGORIES}
        if code != root and all(value == 0 for value in values.values()):
            continue
        label = known.get(str(code), Text(str(code), str(code)))
        row: dict[str, Any] = {"area": label, **values}
        rows = [row, *rows] if code == root else [*rows, row]
    caption = Text("各地各类人员（人）", "Persons of each category, by area")
    return listing("screening", caption, columns, rows)


def _tracing(indicators: pd.DataFrame, threshold: int) -> Table:
    rows = []
    for row in indicators.to_dict("records"):
        part, whole = int(row["numerator"]), int(row["denominator"])
        few = whole < threshold or 0 < part < threshold or 0 < whole - part < threshold
        rows.append(
            {
                "indicator": INDICATORS[str(row["indicator"])],
                "share": HIDDEN if few else percent(part / whole),
                "of": HIDDEN if few else whole,
            }
        )
    return Table(
        caption=Text("密切接触者追踪", "Contact tracing"),
        columns=(
            Column("indicator", Text("指标", "indicator")),
            Column("share", Text("比例", "share"), "number"),
            Column("of", Text("基数", "of"), "number"),
        ),
        rows=tuple(rows),
        name="contact-tracing",
    )
