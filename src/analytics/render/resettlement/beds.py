"""Beds: map of sites, places by county and type, demand ahead, and sites to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analytics.analysis.resettlement import Openings, Plan, Shown
from analytics.render import charts, maps, tabular
from analytics.render.blocks import AreaMap, Category, Column, Missing, Section, Table, Text
from analytics.render.numbers import number
from analytics.render.resettlement.words import (
    MANY,
    NEEDS,
    ROOM_TYPES,
    TOTAL,
    cell,
    few,
    names,
    undelivered,
)  # fmt: skip
from analytics.render.tabular import HIDDEN

if TYPE_CHECKING:
    import geopandas as gpd

CATEGORIES = (
    Category("none", Text("无开放安置点", "No open site"), Text("无", "–"), "#e9ecef"),
    Category("free", Text("床位充足", "Places free"), Text("余", "F"), "#fbe3c0"),
    Category("tight", Text("空余不足一成", "Less than a tenth free"), Text("紧", "T"), "#e8954a"),
    Category("short", Text("有人排不上床位", "People are left without"), Text("缺", "S"),
             "#8a3a0c"),
)  # fmt: skip
_TIGHT = 0.1


def _by_county(plan: Plan) -> pd.DataFrame:
    beds = plan.beds.assign(rest=plan.beds["free"] - plan.beds["planned"])
    table = beds.groupby("county")[["places", "rest"]].sum()
    table["sites"] = beds.groupby("county")["site"].nunique()
    left = plan.persons[plan.persons["status"] == "waiting"].groupby("county").size()
    table = table.join(left.rename("left"), how="outer").fillna(0).astype(int)
    used = table["places"] - table["rest"]
    table["told"] = (used == 0) | (used >= MANY)  # else what is left tells how few are there
    return table


def site_map(boundaries: gpd.GeoDataFrame, plan: Plan, places: pd.DataFrame) -> AreaMap | Section:
    """
    Draw where places are free and where people are left without, if any site was delivered.

    Parameters
    ----------
    boundaries : GeoDataFrame
        adcode, geometry of the counties.
    plan : Plan
    places : DataFrame
        Names of counties.
    """
    if plan.beds.empty:
        return undelivered("安置点分布", "Sites on the map")
    table, named = _by_county(plan), names(places)
    parents = places.set_index("region")["prefecture"]
    drawn = boundaries[["adcode", "geometry"]].rename(columns={"adcode": "code"})
    kinds, zh, en = [], [], []
    for code in drawn["code"].astype("str"):
        row = table.loc[code] if code in table.index else None
        sites, rest = (0, 0) if row is None else (int(row["sites"]), int(row["rest"]))
        many = 0 if row is None else int(row["places"])
        kind = "none" if not sites else "tight" if rest < _TIGHT * many else "free"
        kind = "short" if row is not None and int(row["left"]) >= MANY else kind
        kinds.append(kind)
        label = next(c.label for c in CATEGORIES if c.key == kind)
        told = row is not None and bool(row["told"])
        zh.append(f"{label.zh}；开放安置点{sites}处"
                  + (f"，可用{max(rest, 0)}个" if told else ""))  # fmt: skip
        en.append(f"{label.en}; {sites} open {'site' if sites == 1 else 'sites'}"
                  + (f", {max(rest, 0)} places usable" if told else ""))  # fmt: skip
    drawn = drawn.assign(
        name_zh=[named[str(c)].zh for c in drawn["code"]],
        name_en=[named[str(c)].en for c in drawn["code"]],
        category=kinds, summary_zh=zh, summary_en=en,
        parent=drawn["code"].map(parents).to_numpy(),
    )  # fmt: skip
    count = {c.key: kinds.count(c.key) for c in CATEGORIES}
    return maps.area_map(
        drawn, CATEGORIES,
        title=Text(
            f"{count['short']}个县（市、区）有人排不上床位，{count['tight']}个空余不足一成",
            f"People are left without a bed in {_counties(count['short'])}; "
            f"{_counties(count['tight'])} nearly full",
        ),
        alternative=Text(
            "分县地图：" + "，".join(f"{c.label.zh}{count[c.key]}个" for c in CATEGORIES) + "。",
            "Map by county: " + ", ".join(f"{c.label.en} {count[c.key]}" for c in CATEGORIES) + ".",
        ),
        note=Text(
            f"“有人排不上床位”指{MANY}人以上。",
            f"A county is said to leave people without a bed from {MANY} persons on.",
        ),
        table=_sites(table, named),
    )  # fmt: skip


def _counties(many: int) -> str:
    return "no county" if many == 0 else f"{many} {'county' if many == 1 else 'counties'}"


def _sites(table: pd.DataFrame, named: dict[str, Text]) -> Table:
    rows = table[table["sites"] > 0].sort_values("rest")
    return Table(
        caption=Text("各县（市、区）安置点与可用床位", "Sites and usable places by county"),
        columns=(
            Column("county", Text("县（市、区）", "County")),
            Column("sites", Text("安置点", "Sites"), "number"),
            Column("places", Text("床位与房间", "Places"), "number"),
            Column("rest", Text("排床后可用", "Usable after this plan"), "number"),
        ),
        rows=tuple(
            {"code": str(code), "county": named.get(str(code), Text(str(code), str(code))),
             "sites": int(r["sites"]),
             "places": int(r["places"]), "rest": max(int(r["rest"]), 0) if r["told"] else HIDDEN}
            for code, r in rows.to_dict("index").items()
        ),
        name="resettlement-sites", collapsed=len(rows) > 20,  # noqa: PLR2004
    )  # fmt: skip


def beds(plan: Plan, shown: Shown, places: pd.DataFrame) -> Section:
    """Show places there are and in use, by county and type of room."""
    if plan.beds.empty:
        return undelivered("床位与房间", "Beds and rooms")
    named = names(places)
    held = plan.beds.groupby(["county", "room_type"])["places"].sum()
    rows = []
    for row in shown.taken.to_dict("records"):
        region, kind = str(row["region"]), str(row["room_type"])
        if kind == "total" or (region, kind) not in held.index:
            continue
        many, used = int(held[(region, kind)]), cell(row)
        rows.append({
            "code": region, "county": named.get(region, Text(region, region)),
            "type": ROOM_TYPES[kind], "places": many, "taken": used,
            "free": used if isinstance(used, Missing) else max(many - used, 0),
        })  # fmt: skip
    upper, lower, gap = plan.bounds
    unplaced = int((plan.persons["status"] == "waiting").sum()) == 0
    total, free = int(plan.beds["places"].sum()), int(plan.beds["free"].sum())
    return Section(
        title=Text(
            f"开放安置点共{total}个床位与房间，空余{free}个"
            + ("，等候者均可排上" if unplaced and len(plan.persons) else ""),
            f"The open sites have {total:,} places, {free:,} of them free"
            + (": enough for everyone who waits" if unplaced and len(plan.persons) else ""),
        ),
        tables=(Table(
            caption=Text("各县（市、区）各房型", "By county and type of room"),
            columns=(
                Column("county", Text("县（市、区）", "County")),
                Column("type", Text("房型", "Type")),
                Column("places", Text("共有", "Places"), "number"),
                Column("taken", Text("在用", "In use"), "number"),
                Column("free", Text("空余", "Free"), "number"),
            ),
            rows=tuple(rows), name="resettlement-beds", collapsed=len(rows) > tabular.LONG,
        ),),
        note=Text(
            f"排床总路程上界{number(upper).zh}人公里，下界{number(lower).zh}人公里，"
            f"差距{gap * 100:.3f}%。家庭房以间计，其余以床计。",
            f"Way of all people placed by this plan: upper bound {number(upper).en} person-km, "
            f"lower bound {number(lower).en}, gap {gap * 100:.3f}%. Family rooms are counted "
            "as rooms, all others as beds.",
        ),
    )  # fmt: skip


def ahead(table: pd.DataFrame, places: pd.DataFrame) -> Section:
    """Show the people to house in three, seven and fourteen days, with intervals."""
    total = table[table["level"] == "total"].sort_values("horizon")
    if total.empty:
        return Section(
            title=Text("历史过短，未作需求预测", "History too short to forecast demand"),
            paragraphs=(Text("登记满两周后开始预测。", "Forecasts begin after two weeks of "
                             "registrations."),),
        )  # fmt: skip
    last = total.iloc[-1]
    days, stock = int(last["horizon"]), number(last["stock"])
    low, mean, high = (number(last[end]) for end in ("lower", "mean", "upper"))
    chart = charts.ranked_bars(
        [Text(f"{int(h)}天后", f"In {int(h)} days") for h in total["horizon"]],
        [round(float(v)) for v in total["mean"]],
        label=Text("需床位人数", "people to house"),
        low=[round(float(v)) for v in total["lower"]],
        high=[round(float(v)) for v in total["upper"]],
        title=Text("需床位人数（估计）", "People to house (estimate)"),
        alternative=Text(
            f"条形：现在{stock.zh}人；{days}天后估计{mean.zh}人，90%区间{low.zh}至{high.zh}。",
            f"Bars: {stock.en} now; {mean.en} expected in {days} days, 90% interval {low.en} to "
            f"{high.en}.",
        ),
    )  # fmt: skip
    county = table[(table["level"] == "county") & (table["stock"] >= MANY)]
    named = names(places)
    rows = tuple(
        {"code": str(r["county"]), "county": named.get(str(r["county"]), TOTAL),
         "days": int(r["horizon"]),
         "mean": round(float(r["mean"])) if r["model"] == "model" else HIDDEN,
         "interval": Text(f"{number(r['lower']).zh}–{number(r['upper']).zh}",
                          f"{number(r['lower']).en}–{number(r['upper']).en}")}
        for r in county.sort_values(["county", "horizon"]).to_dict("records")
        if r["lower"] >= MANY
    )  # fmt: skip
    naive = sorted(int(h) for h in total.loc[total["model"] == "naive", "horizon"])
    told = Text("、".join(map(str, naive)), ", ".join(map(str, naive)))
    return Section(
        title=Text(f"{days}天后估计有{mean.zh}人需床位（现在{stock.zh}人）",
                   f"{mean.en} people are expected to need a bed in {days} days ({stock.en} now)"),
        charts=(chart,),
        tables=(Table(
            caption=Text("各县（市、区）预计需床位人数", "Expected by county"),
            columns=(
                Column("county", Text("县（市、区）", "County")),
                Column("days", Text("天后", "In days"), "number"),
                Column("mean", Text("估计", "Expected"), "number"),
                Column("interval", Text("90%区间", "90% interval")),
            ),
            rows=rows, name="resettlement-ahead", collapsed=len(rows) > 20,  # noqa: PLR2004
        ),),
        note=Text(
            "各县、各类人员之和等于全省。"
            + (f"{told.zh}天的模型未胜过“维持现状”，列示后者。" if naive else ""),
            "Counties and groups add up to the province. "
            + (f"At {told.en} days the model did not beat “as it is now”, which is shown instead."
               if naive else ""),
        ),
    )  # fmt: skip


def openings(found: Openings, places: pd.DataFrame) -> Section:
    """Show the sites to open next, what they solve and what a bed more is worth."""
    if found.sites.empty and found.value.empty and found.solved.empty:
        return undelivered("备用安置点", "Candidate sites")
    named = names(places)
    chosen = tuple(
        {"code": str(r["county"]), "site": str(r["site"]),
         "county": named.get(str(r["county"]), TOTAL), "places": few(r["places"]),
         "cost": float(r["opening_cost"] or 0), "daily": float(r["daily_cost"] or 0)}
        for r in found.sites.to_dict("records")
    )  # fmt: skip
    worth = tuple(
        {"code": str(r["county"]), "county": named.get(str(r["county"]), TOTAL),
         "type": ROOM_TYPES[str(r["room_type"])], "value": float(r["value"])}
        for r in found.value.sort_values("value", ascending=False).head(20).to_dict("records")
        if named.get(str(r["county"]))
    )  # fmt: skip
    sites = "site" if len(chosen) == 1 else "sites"
    title = (
        Text(f"建议启用{len(chosen)}处备用安置点",
             f"Opening {len(chosen)} candidate {sites} is proposed") if chosen
        else Text("无需启用备用安置点", "No candidate site needs opening")
    )  # fmt: skip
    return Section(
        title=title,
        tables=(
            Table(
                caption=Text("拟启用的安置点", "Sites to open"),
                columns=(
                    Column("site", Text("安置点", "Site")),
                    Column("county", Text("县（市、区）", "County")),
                    Column("places", Text("将使用", "Places used"), "number"),
                    Column("cost", Text("启用费用（元）", "Opening (yuan)"), "number"),
                    Column("daily", Text("每日每个（元）", "Per place and day (yuan)"), "number"),
                ),
                rows=chosen, name="resettlement-openings",
            ),
            shortages(found),
            Table(
                caption=Text("多一个床位的价值", "What a place more would save"),
                columns=(
                    Column("county", Text("县（市、区）", "County")),
                    Column("type", Text("房型", "Type")),
                    Column("value", Text("节省（元，14天）", "Saves (yuan, 14 days)"), "number",
                           decimals=0),
                ),
                rows=worth, name="resettlement-values", collapsed=True,
            ),
        ),
        note=Text(
            f"费用上界{number(found.cost).zh}元，下界{number(found.lower).zh}元，"
            f"差距{found.gap * 100:.3f}%；无床位者每人按5000元计。",
            f"Cost: upper bound {number(found.cost).en} yuan, lower bound "
            f"{number(found.lower).en}, gap {found.gap * 100:.3f}%; a person left without is "
            "priced at 5,000 yuan.",
        ),
    )  # fmt: skip


def shortages(found: Openings) -> Table:
    """Say which need and type of room is short, by how many, and what would solve it."""
    rows = tuple(
        {"needs": _needs(str(r["needs"])), "type": ROOM_TYPES[str(r["room_type"])],
         "short": few(r["short"]), "solved": few(r["solved"]),
         "remaining": few(r["remaining"]), "sites": str(r["sites"]) or None}
        for r in found.solved.to_dict("records")
    )  # fmt: skip
    return Table(
        caption=Text("缺什么、缺多少、启用何处可解", "What is short, by how many, what solves it"),
        columns=(
            Column("needs", Text("需求", "Needs")),
            Column("type", Text("房型", "Type")),
            Column("short", Text("缺", "Short"), "number"),
            Column("solved", Text("启用后可解", "Solved by opening"), "number"),
            Column("remaining", Text("仍缺", "Still short"), "number"),
            Column("sites", Text("启用", "Open")),
        ),
        rows=rows, name="resettlement-shortages",
    )  # fmt: skip


def _needs(told: str) -> Text:
    parts = [NEEDS.get(name, Text(name.replace("language", "语言"), name))
             for name in told.split(", ") if name]  # fmt: skip
    if not parts:
        return Text("无特殊需求", "None in particular")
    return Text("、".join(p.zh for p in parts), ", ".join(p.en.lower() for p in parts))
