"""People: who waits and why, needs by group, the unlisted, assistance, answers, sources."""

from __future__ import annotations

import pandas as pd

from analytics.analysis.assistance import Entitlement
from analytics.analysis.resettlement import Shown
from analytics.render.blocks import (
    Column,
    Definition,
    Definitions,
    Missing,
    Section,
    Supplies,
    Table,
    Text,
)  # fmt: skip
from analytics.render.numbers import number, percent
from analytics.render.resettlement.words import (
    GROUPS,
    MANY,
    MEASURES,
    NEEDS,
    REASONS,
    STATUSES,
    TOPICS,
    anyone,
    cell,
    cross,
    few,
    names,
    undelivered,
)  # fmt: skip
from analytics.render.supply import DEPARTMENTS, feed_name
from analytics.render.wording import PROVINCES


def waiting(shown: Shown, places: pd.DataFrame) -> Section:
    """Show who has no bed, by place and reason, and everyone's state by group."""
    if not anyone(shown):
        return undelivered("等候与转介人员", "Who waits or is referred")
    open_ones = shown.waiting[(shown.waiting["region"] == "total") & (
        shown.waiting["reason"] == "total")]  # fmt: skip
    none = open_ones.empty or (
        not open_ones["hidden"].iloc[0] and open_ones["persons"].iloc[0] == 0
    )
    title = (
        Text("无人等候床位或待核实", "Nobody waits for a bed or a visit") if none
        else Text("等候与转介人员及原因", "Who waits or is referred, and why")
    )  # fmt: skip
    return Section(
        title=title,
        tables=(
            cross(shown.status, "group", "status", GROUPS, STATUSES,
                  Text("人员类别", "Group"),
                  Text("已知＝已安置＋已转介＋等候", "Known = placed + referred + waiting"),
                  "status"),
            cross(
                shown.waiting, "region", "reason", names(places), _seen(shown.waiting),
                Text("地区", "Place"), Text("未在安置点者的原因", "Why not at a site"), "waiting",
            ),
        ),
        note=Text(shown.statements[1]["zh"], shown.statements[1]["en"]),
    )  # fmt: skip


def _seen(table: pd.DataFrame) -> dict[str, Text]:
    """Reasons that anybody has, or may have."""
    total = table[table["region"] == "total"]
    some = total[total["hidden"].astype(bool) | (total["persons"].fillna(0) > 0)]
    return {name: text for name, text in REASONS.items() if name in set(some["reason"])}


def elsewhere(shown: Shown) -> Section:
    """Show the province's people held up elsewhere, and hotels known to take them."""
    table = shown.elsewhere[shown.elsewhere["region"] != "total"]
    some = table["hidden"].astype(bool) | (table["persons"].fillna(0) > 0)
    seen = table[some | table["hotels"].notna()]
    whole = shown.elsewhere[shown.elsewhere["region"] == "total"]
    told = whole["persons"].iloc[0] if len(whole) else pd.NA
    hotels = int(table["hotels"].sum())
    persons = Text("不足以公布", "too few to be told") if pd.isna(told) else number(int(told))
    title = (
        Text("没有本省人员滞留外地的登记", "Nobody is registered as held up elsewhere")
        if not some.any()
        else Text(
            f"本省人员滞留外地：{persons.zh}{'' if pd.isna(told) else '人'}",
            f"Held up elsewhere: {persons.en}{'' if pd.isna(told) else ' people'} of the province",
        )
    )
    rows = tuple(
        {
            "region": PROVINCES.get(str(row["region"]), Text("地点不详", "place not known")),
            "persons": cell(row),
            "hotels": Missing(Text("未收集", "none collected"))
            if pd.isna(row["hotels"])
            else number(int(row["hotels"])),
        }
        for row in seen.sort_values("region").to_dict("records")
    )
    shown_table = Table(
        caption=Text("本省滞留外地人员与已知接待酒店", "People held up elsewhere, hotels known"),
        columns=(
            Column("region", Text("所在省份", "Province")),
            Column("persons", Text("人数", "People"), "number"),
            Column("hotels", Text("接待酒店", "Hotels"), "number"),
        ),
        rows=rows,
        note=Text(
            f"酒店为志愿者2020年1—2月收集的公开名单，共{hotels}家，不等于仍有空房。"
            if hotels
            else shown.statements[-1]["zh"],
            f"Hotels: a public list kept by volunteers in January and February 2020, {hotels} in "
            "all; a room need not be free."
            if hotels
            else shown.statements[-1]["en"],
        ),
        name="held-up-elsewhere",
        collapsed=True,
    )
    return Section(title=title, tables=(shown_table,) if rows else ())


def needs(shown: Shown) -> Section:
    """Show needs by group."""
    if not anyone(shown):
        return undelivered("各类人员的需求", "Needs by group")
    rows = shown.needs[(shown.needs["group"] == "total") & (shown.needs["need"] != "total")]
    seen = rows[~rows["hidden"].astype(bool) & (rows["persons"].fillna(0) > 0)]
    seen = seen.sort_values("persons", ascending=False)
    if len(seen):
        most = NEEDS[str(seen["need"].iloc[0])]
        many = number(seen["persons"].iloc[0])
        title = Text(f"需求最多的是{most.zh}：{many.zh}人",
                     f"{most.en} is needed most: by {many.en} people")  # fmt: skip
    else:
        title = Text("各类人员的需求", "Needs by group")
    return Section(
        title=title,
        tables=(cross(shown.needs, "need", "group", NEEDS, GROUPS, Text("需求", "Need"),
                      Text("各类人员的需求（一人可有多项）",
                           "Needs by group (a person may have several)"), "needs"),),
        note=Text(shown.statements[3]["zh"], shown.statements[3]["en"]),
    )  # fmt: skip


def unlisted(table: pd.DataFrame, shown: Shown) -> Section:
    """Show how many are on no list, as a whole and by group; tens are told, not persons."""
    if not anyone(shown):
        return undelivered("未登记人数", "People on no list")
    rows = []
    known = {str(r["group"]): cell(r) for r in shown.status.to_dict("records")
             if r["status"] == "total"}  # fmt: skip
    for row in table.to_dict("records"):
        name = GROUPS.get(str(row["label"]), Text(str(row["label"]), str(row["label"])))
        if row["why"] or pd.isna(row["total"]):
            told: dict[str, object] = dict.fromkeys(
                ("total", "missing", "interval"), Missing(_WHY.get(str(row["why"]), _LITTLE))
            )
        else:
            low, high = number(round(row["lower"], -1)), number(round(row["upper"], -1))
            told = {"total": int(round(float(row["total"]), -1)),
                    "missing": int(round(max(float(row["total"]) - float(row["known"]), 0), -1)),
                    "interval": Text(f"{low.zh}–{high.zh}", f"{low.en}–{high.en}")}  # fmt: skip
        label = str(row["label"]) or "total"
        rows.append({"group": name, "known": known.get(label, 0), **told})
    whole = rows[0]
    title = (
        Text(f"估计另有{whole['missing']}人不在任何名单上",
             f"About {whole['missing']:,} more people are on no list (estimate)")
        if isinstance(whole["missing"], int)
        else Text("名单不足，未估计未登记人数", "Too few lists to estimate who is on none")
    )  # fmt: skip
    return Section(
        title=title,
        tables=(Table(
            caption=Text("未登记人数估计", "Estimated people in all"),
            columns=(
                Column("group", Text("人员类别", "Group")),
                Column("known", Text("已知", "Known"), "number"),
                Column("total", Text("估计总数", "In all (estimate)"), "number"),
                Column("missing", Text("不在名单上", "On none"), "number"),
                Column("interval", Text("总数95%区间", "95% interval of all")),
            ),
            rows=tuple(rows), name="resettlement-unlisted",
        ),),
        note=Text("多名单估计：各部门名单的重叠越少，估计越不确定。取整到十。",
                  "Estimated from how departments' lists overlap; the less they do, the wider "
                  "the interval. Rounded to tens."),
    )  # fmt: skip


_LITTLE = Text("名单重叠过少", "the lists overlap too little")
_WHY = {
    "fewer than three lists": Text("不足三份名单", "fewer than three lists"),
    "too few persons": Text("人数过少", "too few persons"),
    "the lists overlap too little": _LITTLE,
}


def assistance(shown: Shown, coverage: pd.DataFrame, rules: tuple[Entitlement, ...]) -> Section:
    """Show what is owed, given and outstanding, by measure."""
    if not anyone(shown):
        return undelivered("救助", "Assistance")
    late = int(coverage["overdue"].sum()) if len(coverage) else 0
    told = Text(f"少于{MANY}", f"fewer than {MANY}") if 0 < late < MANY else number(late)
    unverified = sum(rule.status == "unverified" for rule in rules)
    return Section(
        title=Text(f"{told.zh}项救助已逾期", f"{told.en} measures of assistance are past due"),
        tables=(cross(shown.claims, "measure", "state", MEASURES, STATUSES,
                      Text("措施", "Measure"),
                      Text("应落实＝已落实＋已转介＋待落实", "Owed = served + referred + pending"),
                      "assistance"),),
        note=Text(
            f"依据{len(rules)}条有日期的规定，其中{unverified}条未见原文，标为“未核实”。"
            + shown.statements[4]["zh"],
            f"By {len(rules)} dated rules; the notices of {unverified} of them were not at hand "
            "(marked unverified). " + shown.statements[4]["en"],
        ),
    )  # fmt: skip


def responses(table: pd.DataFrame) -> Section:
    """Show how long complaints and corrections waited for an answer."""
    rows = tuple(
        {"topic": TOPICS.get(str(r["topic"]), Text(str(r["topic"]), str(r["topic"]))),
         "calls": few(r["calls"]),
         "open": few(r["open"]),
         "median": None if pd.isna(r["median_hours"]) else round(float(r["median_hours"]), 1),
         "within": None if pd.isna(r["within_day"]) else percent(float(r["within_day"]))}
        for r in table.to_dict("records")
    )  # fmt: skip
    return Section(
        title=Text("投诉与更正的答复时间", "How long complaints and corrections wait")
        if rows else Text("没有投诉或更正来电的记录", "No complaint or correction is on record"),
        tables=(Table(
            caption=Text("12345热线", "Hotline 12345"),
            columns=(
                Column("topic", Text("事项", "Topic")),
                Column("calls", Text("来电", "Calls"), "number"),
                Column("open", Text("未答复", "Open"), "number"),
                Column("median", Text("答复中位数（小时）", "Median hours"), "number", decimals=1),
                Column("within", Text("24小时内答复", "Within 24 hours")),
            ),
            rows=rows, name="resettlement-responses",
        ),) if rows else (),
    )  # fmt: skip


def supplies(deliveries: pd.DataFrame) -> Supplies:
    """State what these figures rest on."""
    return Supplies(Table(
        caption=Text("所依据的数据", "What these figures rest on"),
        columns=(
            Column("department", Text("部门", "Department")),
            Column("feed", Text("数据", "Feed")),
            Column("deliveries", Text("次数", "Deliveries"), "number"),
            Column("delivered", Text("最近到达", "Last came"), "date"),
            Column("rows", Text("入库行数", "Rows accepted"), "number"),
        ),
        rows=tuple(
            {"department": DEPARTMENTS[str(r["department"])], "feed": feed_name(str(r["feed"])),
             "deliveries": int(r["deliveries"]), "delivered": r["delivered"].date().isoformat(),
             "rows": int(r["rows"])}
            for r in deliveries.to_dict("records")
        ),
        name="resettlement-deliveries",
    ))  # fmt: skip


def definitions(rules: tuple[Entitlement, ...]) -> Definitions:
    """Explain terms, methods and the notices behind entitlements."""
    fixed = (
        Definition(Text("滞留人员", "Stranded people"), Text(
            "因交通管控不能离开的外来人员：登记、热线、旅馆、漫游、学校、单位与救助名单合并，一人计一次。",
            "Outsiders who cannot leave: registrations, hotline, hotels, roaming, schools, "
            "employers and assistance together, each person once.")),
        Definition(Text("已安置、已转介、等候", "Placed, referred, waiting"), Text(
            "已安置：在安置点有床位，或由本方案排定。已转介：自有住处，或仅见于其他名单，由社区上门。其余为等候，均有原因。",
            "Placed: a bed at a site, now or by this plan. Referred: lodges privately, or stands "
            "on another list only, for the community to visit. All others wait, each with a "
            "reason.")),
        Definition(Text("排床", "Placing"), Text(
            "同户同处；隔离者单间；需求由安置点满足；每人不少于3.5平方米；在此之下总路程最短。给出上下界。",
            "Households stay together, people under quarantine are alone, needs are met by the "
            "site, 3.5 m² or more each; then the shortest way in all, with bounds."),
            "https://www.spherestandards.org/handbook/"),
        Definition(Text("需求预测", "Demand ahead"), Text(
            "到达与离开的泊松回归，逐级调和；共形区间；未胜过“维持现状”者不列示。",
            "Poisson regressions of arrivals and departures, reconciled over counties and "
            "groups; conformal intervals; shown only where it beats “as it is now”.")),
    )  # fmt: skip
    cited = tuple(
        Definition(
            Text(f"{MEASURES[rule.measure].zh}（{rule.since}起）",
                 f"{MEASURES[rule.measure].en} (from {rule.since})"),
            Text(("" if rule.status == "cited" else "未核实：") + rule.source,
                 ("" if rule.status == "cited" else "Unverified: ") + rule.source),
        )
        for rule in rules
    )  # fmt: skip
    return Definitions((*fixed, *cited))
