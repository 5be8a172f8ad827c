"""
Clusters on the risk page: how many, in which state, and how their chains go on.

Tables
------
Counts come here released: one that may not be shown is empty.

CLUSTER_COUNTS
    setting (the last: total), found, declared, confirmed, total [clusters].
GENERATIONS
    setting, generation (first, second, third, later), persons, days [median from the first onset].
CLUSTER_AREAS
    adcode (the province last), persons [cases in clusters].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.render.blocks import Chart, Column, Language, Section, Table, Text
from analytics.render.charts.theme import chart
from analytics.render.clusters import SETTINGS
from analytics.render.colours import INK, PRIMARY, QUIET, RULE
from analytics.render.numbers import listed, number
from analytics.render.risk.people import SUPPRESSED
from analytics.render.risk.words import places, rows

if TYPE_CHECKING:
    from analytics.study import Study

STATUSES = {
    "found": Text("待核实", "to verify"),
    "declared": Text("已报未确认", "reported"),
    "confirmed": Text("已确认", "confirmed"),
}
GENERATIONS = {
    "first": Text("首发", "first"),
    "second": Text("第二代", "second"),
    "third": Text("第三代及以后", "third and later"),
    "later": Text("后续各代", "later"),
}
_TOTAL = Text("合计", "total")
_ROW = 64  # pixels for each setting


def clusters(
    counts: pd.DataFrame,
    generations: pd.DataFrame,
    by_area: pd.DataFrame,
    areas: pd.DataFrame,
    study: Study,
) -> Section:
    """
    Show clusters and their chains laid over one another.

    Parameters
    ----------
    counts, generations, by_area : CLUSTER_COUNTS, GENERATIONS and CLUSTER_AREAS tables
        As far as they may leave: a hidden count is empty.
    areas : AREAS table
    study : Study
    """
    whole = counts[counts["setting"] == "total"].iloc[0]
    chains = _visible(generations)
    tables = [_counts(counts), _generations(generations)]
    if len(by_area):
        tables.append(_areas(by_area, areas, study))
    return Section(
        title=_finding(whole),
        charts=(_chain(chains),) if chains else (),
        tables=tuple(tables),
        note=_explained(drawn=bool(chains)),
    )


def _explained(*, drawn: bool) -> Text:
    """Say what a cluster is, and what the chart shows where there is one."""
    zh = (
        "聚集：同一家庭、工作单位、安置点或车厢出现的病例，例数和间隔达到当日生效的防控方案的规定，由"
        "关联记录得出；经现场确认的才计入分级。"
    )
    en = (
        "Clusters: cases in one household, workplace, resettlement site or carriage, as many and "
        "as close in time as the protocol in force asks for, found in linked records; those that "
        "the field confirmed count for grades. "
    )
    if drawn:
        zh += "图为各起聚集的传播链叠加，不显示任何个人；"
        en += "The chart lays all chains over one another and shows no person; "
    return Text(
        f"{zh}单起聚集的传播链只供现场核查。数目经披露控制。",
        f"{en}{'t' if drawn else 'T'}he chain of a single cluster is for the field alone. Counts "
        "passed disclosure control.",
    )


def _finding(whole: pd.Series) -> Text:
    shown = [(STATUSES[key], number(whole[key])) for key in STATUSES if pd.notna(whole[key])]
    if pd.isna(whole["total"]):
        return Text("聚集性疫情：起数不予公布", "Clusters: their number is not shown")
    total = number(whole["total"])
    parts = listed([Text(f"{word.zh}{n.zh}起", f"{n.en} {word.en}") for word, n in shown])
    title = Text(f"聚集性疫情{total.zh}起", f"{total.en} clusters")
    return Text(f"{title.zh}：{parts.zh}", f"{title.en}: {parts.en}") if shown else title


def _visible(generations: pd.DataFrame) -> dict[str, list[tuple[str, int, float]]]:
    """Per setting the generations to draw, with persons and days: fine ones where shown."""
    drawn = {}
    for setting in SETTINGS:
        own = generations[generations["setting"] == setting].set_index("generation")
        fine = ("first", "second", "third")
        names = fine if own.reindex(fine)["persons"].notna().all() else ("first", "later")
        cells = own.reindex(names)
        known = cells[(cells["persons"].fillna(0) > 0) & cells["days"].notna()]
        if len(known):
            drawn[setting] = [
                (str(name), int(row["persons"]), float(row["days"]))
                for name, row in known.iterrows()
            ]
    return drawn


def _chain(chains: dict[str, list[tuple[str, int, float]]]) -> Chart:
    """Draw one line per setting, from the first cases to those they led to."""

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces = [
            _line(position, points, language) for position, points in enumerate(chains.values())
        ]
        latest = max(days for points in chains.values() for *_, days in points)
        label = Text("距首例发病的天数（中位数）", "Days since the first onset (median)")
        layout = {
            "height": 90 + _ROW * len(chains),
            "showlegend": False,
            "margin": {"t": 12, "b": 48, "r": 24},
            "xaxis": {
                "title": {"text": label.zh if language == "zh" else label.en},
                "range": [-0.12 * max(latest, 1), 1.28 * max(latest, 1)],
                "gridcolor": RULE,
                "showgrid": True,
                "nticks": 6,
            },
            "yaxis": {
                "tickmode": "array",
                "tickvals": list(range(len(chains))),
                "ticktext": [
                    SETTINGS[key].zh if language == "zh" else SETTINGS[key].en for key in chains
                ],
                "range": [len(chains) - 0.4, -0.7],
                "showgrid": False,
                "zeroline": False,
                "automargin": True,
            },
        }
        return traces, layout

    said = [_said(setting, points) for setting, points in chains.items()]
    told = Text("；".join(each.zh for each in said), "; ".join(each.en for each in said))
    return chart(
        figure,
        Text(
            f"各类场所的传播链叠加，由首发病例到其后各代：{told.zh}。",
            f"Chains of all clusters laid over one another, from first cases onwards: {told.en}.",
        ),
        Text("传播链：由首发到后续各代", "Chains: from first cases to those they led to"),
        _drawn(chains),
    )


def _line(
    position: int, points: list[tuple[str, int, float]], language: Language
) -> dict[str, Any]:
    zh = language == "zh"
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": [days for *_, days in points],
        "y": [position] * len(points),
        "text": [
            f"{GENERATIONS[name].zh}{persons}例" if zh else f"{GENERATIONS[name].en}: {persons}"
            for name, persons, _ in points
        ],
        "textposition": "top center",
        "line": {"color": QUIET, "width": 1.5},
        "marker": {"color": PRIMARY, "size": 11},
        "textfont": {"color": INK},
        "cliponaxis": False,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _said(setting: str, points: list[tuple[str, int, float]]) -> Text:
    parts = [
        (GENERATIONS[name], number(persons), number(days, 0 if days.is_integer() else 1))
        for name, persons, days in points
    ]
    return Text(
        f"{SETTINGS[setting].zh}："
        + "，".join(f"{word.zh}{n.zh}例（第{d.zh}天）" for word, n, d in parts),
        f"{SETTINGS[setting].en}: "
        + ", ".join(f"{word.en} {n.en} (day {d.en})" for word, n, d in parts),
    )


def _drawn(chains: dict[str, list[tuple[str, int, float]]]) -> Table:
    return Table(
        caption=Text("图中数据：传播链", "The figures behind: chains"),
        columns=(
            Column("setting", Text("场所", "Setting")),
            Column("generation", Text("代", "Generation")),
            Column("persons", Text("病例", "Cases"), "number"),
            Column("days", Text("天数（中位数）", "Days (median)"), "number", decimals=1),
        ),
        rows=tuple(
            {"setting": SETTINGS[setting], "generation": GENERATIONS[name],
             "persons": persons, "days": days}
            for setting, points in chains.items() for name, persons, days in points
        ),
        collapsed=True,
    )  # fmt: skip


def _count(value: Any) -> Any:
    return SUPPRESSED if pd.isna(value) else int(value)


def _counts(counts: pd.DataFrame) -> Table:
    return Table(
        caption=Text("聚集起数", "Clusters"),
        columns=(
            Column("setting", Text("场所", "Setting")),
            *(Column(key, word, "number") for key, word in STATUSES.items()),
            Column("total", _TOTAL, "number"),
        ),
        rows=tuple(
            {
                "setting": SETTINGS.get(row.setting, _TOTAL),
                **{key: _count(getattr(row, key)) for key in (*STATUSES, "total")},
            }
            for row in rows(counts)
        ),
        name="clusters",
    )


def _generations(generations: pd.DataFrame) -> Table:
    """One row per setting: cases of each generation."""
    cells = generations.set_index(["setting", "generation"])["persons"]
    return Table(
        caption=Text("聚集中各代病例数", "Cases in clusters by generation"),
        columns=(
            Column("setting", Text("场所", "Setting")),
            *(Column(key, word, "number") for key, word in GENERATIONS.items()),
        ),
        rows=tuple(
            {
                "setting": word,
                **{key: _count(cells.get((setting, key))) for key in GENERATIONS},
            }
            for setting, word in SETTINGS.items()
        ),
        note=Text(
            "后续各代为第二代与第三代及以后之和。涉及多起聚集的病例只计入病例最多的一起。",
            "Later is the sum of second, and third and later. A case in several clusters counts in "
            "the largest alone.",
        ),
        name="chains",
        collapsed=True,
    )


def _areas(cells: pd.DataFrame, areas: pd.DataFrame, study: Study) -> Table:
    named = {**places(areas), study.region: Text(study.region_name.zh, study.region_name.en)}
    return Table(
        caption=Text("各市州聚集中的病例数", "Cases in clusters by prefecture"),
        columns=(
            Column("prefecture", Text("市州", "Prefecture")),
            Column("persons", Text("病例", "Cases"), "number"),
        ),
        rows=tuple(
            {"code": row.adcode, "prefecture": named[row.adcode], "persons": _count(row.persons)}
            for row in rows(cells)
        ),
        name="cluster-areas",
        collapsed=True,
    )
