"""Map of the channel report: importations by prefecture, and the flows that bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analytics.render import choropleth, maps
from analytics.render.blocks import AreaMap, Category, Column, Flow, Shape, Table, Text
from analytics.render.channel.words import ELSEWHERE, interval, named, of, small
from analytics.render.numbers import percent

if TYPE_CHECKING:
    import geopandas as gpd

FLOWS = 8  # more would lie over each other on a phone
ORIGIN = Category("origin", Text("出发地", "origin"), Text("出", "O"), "#b9cfe0")
_WIDEST = 9.0  # px


def area_map(boundaries: gpd.GeoDataFrame, pressure: Any, names: Mapping[str, Text]) -> AreaMap:
    """
    Draw prefectures by expected importations, with the largest flows out of the origin.

    Parameters
    ----------
    boundaries : GeoDataFrame
        adcode, geometry of the prefectures.
    pressure : channel.pressure.Pressure
    names : mapping of str to Text
    """
    expected = pressure.destinations.set_index("destination")["mean"]
    drawn = boundaries[["adcode", "geometry"]].rename(columns={"adcode": "code"})
    values = drawn["code"].map(expected)
    categories, keys = choropleth.classes(values, Text("例", ""))
    drawn["category"] = np.where(drawn["code"] == pressure.origin, ORIGIN.key, keys)
    people = of(pressure.travellers)
    for language in ("zh", "en"):
        drawn[f"name_{language}"] = [getattr(named(c, names), language) for c in drawn["code"]]
        drawn[f"summary_{language}"] = [
            _summary(code == pressure.origin, value, language)
            for code, value in zip(drawn["code"], values, strict=True)
        ]
    place = named(pressure.origin, names)
    inside = float(values.sum())
    mapped = maps.area_map(
        drawn,
        [*categories, ORIGIN, choropleth.UNKNOWN],
        title=Text(
            f"{place.zh}{people.zh}：省内各市州估计输入{small(inside).zh}例",
            f"{people.en[:1].upper()}{people.en[1:]} {place.en}: an estimated {small(inside).en} "
            "importations within the province",
        ),
        alternative=_alternative(pressure, place, names, set(drawn["code"])),
        note=Text(
            f"线宽与去向占比成正比，只画省内最大的{FLOWS}条。斜线：无去向数据。",
            f"The width of a line is proportional to the share that goes there; the {FLOWS} "
            "largest within the province are drawn. Hatched: no figures say how many go there.",
        ),
        table=destinations(pressure, names),
    )
    return replace(mapped, flows=_flows(mapped.shapes, pressure))


def _summary(origin: bool, value: float, language: str) -> str:  # noqa: FBT001 (one of two kinds)
    if origin:
        return "出发地" if language == "zh" else "origin of the travellers"
    if pd.isna(value):
        return "无去向数据" if language == "zh" else "no figures"
    text = small(float(value))
    return f"估计输入{text.zh}例" if language == "zh" else f"an estimated {text.en} importations"


def _flows(shapes: tuple[Shape, ...], pressure: Any) -> tuple[Flow, ...]:
    """Bowed lines from the origin's letter to those of the largest destinations."""
    at = {shape.code: shape.label_at for shape in shapes}
    table = pressure.destinations
    inside = table[table["destination"].isin(at) & (table["destination"] != pressure.origin)]
    if pressure.origin not in at or inside.empty:
        return ()
    largest = inside.nlargest(FLOWS, "share")
    most = float(largest["share"].max())
    (x0, y0), lines = at[pressure.origin], []
    for row in largest.to_dict("records"):
        x1, y1 = at[str(row["destination"])]
        bend_x, bend_y = (x0 + x1) / 2 - (y1 - y0) * 0.18, (y0 + y1) / 2 + (x1 - x0) * 0.18
        lines.append(
            Flow(
                f"M{x0:.1f} {y0:.1f}Q{bend_x:.1f} {bend_y:.1f} {x1:.1f} {y1:.1f}",
                round(max(1.0, _WIDEST * row["share"] / most), 1),
            )
        )
    return tuple(lines)


def _alternative(pressure: Any, place: Text, names: Mapping[str, Text], inside: set[str]) -> Text:
    table = pressure.destinations[pressure.destinations["destination"].isin(inside)]
    if table.empty:
        return Text(
            f"省内市州地图；{place.zh}为出发地，去向无公开数据。",
            f"Map of the prefectures; {place.en} is the origin, no public figures say where to.",
        )
    first = table.nlargest(3, "share").to_dict("records")
    zh = "、".join(f"{named(r['destination'], names).zh}{percent(r['share']).zh}" for r in first)
    en = ", ".join(f"{named(r['destination'], names).en} {percent(r['share']).en}" for r in first)
    return Text(
        f"省内市州地图；由{place.zh}出发的最宽的线通往{zh}。",
        f"Map of the prefectures; the widest lines from {place.en} lead to {en} of those leaving.",
    )


def destinations(pressure: Any, names: Mapping[str, Text]) -> Table:
    """List every destination with its importations and their interval."""
    listed = pressure.destinations
    whole = listed[listed["destination"] != "elsewhere"]
    rest = listed[listed["destination"] == "elsewhere"]
    entries = tuple(
        {
            "code": row["destination"],
            "place": ELSEWHERE
            if row["destination"] == "elsewhere"
            else named(row["destination"], names),
            "share": round(100 * row["share"], 2),
            "mean": small(row["mean"]),
            "span": interval(row["lower"], row["upper"]),
            "any": round(100 * (1 - row["none"]), 1),
        }
        for row in pd.concat([whole, rest]).to_dict("records")
    )
    return Table(
        caption=Text("各去向的估计输入", "Expected importations by destination"),
        columns=(
            Column("place", Text("去向", "Destination")),
            Column("share", Text("占比（%）", "Share (%)"), "number", 1, phone=False),
            Column("mean", Text("估计输入（例）", "Importations"), "number"),
            Column("span", Text("95%区间", "95% interval"), "number"),
            Column("any", Text("至少1例（%）", "Any at all (%)"), "number", 0),
        ),
        rows=entries,
        note=Text(
            f"{of(pressure.travellers).zh}。省内按市州、省外按省列出；区间含患病率的不确定性和偶然性。",
            f"For {pressure.travellers:,} people leaving. Prefectures of the province one by one, "
            "other provinces whole; the interval holds both the uncertain prevalence and chance.",
        ),
        name="importations-by-destination",
        collapsed=True,
    )
