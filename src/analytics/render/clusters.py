"""
The picture of a cluster: who came when, and who likely infected whom.

For the field and the command inside: each point is one person, named by the order of onset
only. It belongs on no page that leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.render.blocks import Chart, Column, Language, Table, Text
from analytics.render.charts.theme import HOVER_DAYS, chart, day_axis
from analytics.render.colours import PRIMARY, QUIET
from analytics.render.numbers import day as written_day
from analytics.render.numbers import listed, percent

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = {
    "household": Text("家庭", "household"),
    "workplace": Text("工作单位", "workplace"),
    "site": Text("安置点", "resettlement site"),
    "carriage": Text("车厢", "carriage"),
}
_ROW = 34  # pixels for each member


def chain(members: pd.DataFrame, setting: str) -> Chart:
    """
    Draw one cluster: members from top to bottom by onset, a line from each likely infector.

    Parameters
    ----------
    members : MEMBERS table
        Of one cluster: order, day, infector, chance, person; days as timestamps.
    setting : str
        Household, workplace, site or carriage.

    Returns
    -------
    Chart
        With the same in words and in a table.
    """
    rows = members.sort_values("order").reset_index(drop=True)
    place = dict(zip(rows["person"], rows["order"], strict=True))
    rows["source"] = rows["infector"].map(place)
    days = {int(n): str(d.date()) for n, d in zip(rows["order"], rows["day"], strict=True)}

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces = [_lines(rows, days), _points(rows, language)]
        span = sorted(set(days.values()))
        layout = {
            "height": 70 + _ROW * len(rows),
            "showlegend": False,
            "xaxis": day_axis(span, language),
            "yaxis": {"autorange": "reversed", "showgrid": False, "zeroline": False,
                      "showticklabels": False, "range": [len(rows) + 0.6, 0.4]},
        }  # fmt: skip
        return traces, layout

    return chart(figure, _words(rows, setting), _title(rows, setting), _table(rows))


def _lines(rows: pd.DataFrame, days: dict[int, str]) -> dict[str, Any]:
    x: list[str | None] = []
    y: list[int | None] = []
    for row in rows.dropna(subset=["source"]).to_dict("records"):
        source, order = int(row["source"]), int(row["order"])
        # down from the infector, then across to the onset
        x += [days[source], days[source], days[order], None]
        y += [source, order, order, None]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip",
            "line": {"color": QUIET, "width": 1.5}}  # fmt: skip


def _points(rows: pd.DataFrame, language: Language) -> dict[str, Any]:
    word = "病例" if language == "zh" else "case "
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [str(d.date()) for d in rows["day"]],
        "y": [int(n) for n in rows["order"]],
        "text": [f"{word}{int(n)}" for n in rows["order"]],
        "textposition": "top right",
        "marker": {"color": PRIMARY, "size": 11},
        "hovertemplate": f"%{{text}}<br>%{{x|{HOVER_DAYS[language]}}}<extra></extra>",
        "cliponaxis": False,
    }


def _title(rows: pd.DataFrame, setting: str) -> Text:
    first, last = (written_day(d.date()) for d in (rows["day"].min(), rows["day"].max()))
    place = SETTINGS[setting]
    return Text(
        f"{place.zh}聚集：{len(rows)} 例，{first.zh}至{last.zh}发病",
        f"Cluster in one {place.en}: {len(rows)} cases, onset {first.en} to {last.en}",
    )


def _words(rows: pd.DataFrame, setting: str) -> Text:
    said = []
    for row in rows.dropna(subset=["source"]).to_dict("records"):
        one, by, chance = int(row["order"]), int(row["source"]), percent(row["chance"], 0)
        said.append(
            Text(
                f"病例{one}可能由病例{by}传染（{chance.zh}）",
                f"case {one} likely from case {by} ({chance.en})",
            )
        )
    title = _title(rows, setting)
    told = listed(said) if said else Text("无先后之分", "none came clearly before another")
    return Text(f"{title.zh}。{told.zh}。", f"{title.en}. {told.en}.")


def _table(rows: pd.DataFrame) -> Table:
    return Table(
        caption=Text("传播链", "Chain of transmission"),
        columns=(
            Column("order", Text("病例", "case"), "number"),
            Column("day", Text("发病日期", "onset"), "date"),
            Column("source", Text("可能的传染来源", "likely infected by case"), "number"),
            Column("chance", Text("可能性", "chance"), "number", 2),
        ),
        rows=tuple(
            {
                "order": int(row["order"]),
                "day": str(row["day"].date()),
                "source": int(row["source"]) if row["source"] > 0 else None,
                "chance": float(row["chance"]) if row["chance"] > 0 else None,
            }
            for row in rows.to_dict("records")
        ),
    )
