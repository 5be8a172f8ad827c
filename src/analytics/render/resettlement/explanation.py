"""Why somebody is at a site or waits: what nearer sites lack, and what would solve it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analytics.analysis.resettlement import Considered, Plan, considered
from analytics.analysis.resettlement.considered import LACKS
from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.numbers import listed, number, percent
from analytics.render.resettlement.words import NEEDS, REASONS, ROOM_TYPES

SITES_AT_MOST = 30
_NONE = Text("不缺", "nothing")
_LACKS = {
    "size": Text("规模不足以容纳其一行", "is too small for the party"),
    "room": Text("所需房型已满", "has no room of the type left"),
    "staff": Text("人手或面积已满", "has no staff or floor left"),
    "": Text("尚有空余", "has room left"),
}


def explain(plan: Plan, person: str) -> Section:
    """
    Say why a person is where a plan puts them, or why they wait.

    Parameters
    ----------
    plan : Plan
    person : str
        The purpose's pseudonym: whoever asks sees nothing of the person but the answer.

    Returns
    -------
    Section
        The place or the reason; what nearer sites lack; what would solve it; then the sites.
        It is about one person, for whoever places them, and never for a page.

    Raises
    ------
    ParameterError
        If the plan has no such person.
    """
    seen = considered(plan, person)
    answer = seen.answer
    passed = seen.sites
    if answer["planned"]:
        passed = passed.iloc[: int(passed["chosen"].to_numpy().argmax())]
    lines = [_passed(passed, placed=bool(answer["planned"]))] if len(seen.sites) else []
    if answer["status"] == "waiting":
        lines.append(_solved(seen))
    elif len(seen.sites):
        most = percent(seen.gap, 3)
        lines.append(
            Text(f"全部人员的总路程与最短可能相差不超过{most.zh}。",
                 f"The way of all people together is within {most.en} of the shortest possible.")
        )  # fmt: skip
    shown = seen.sites.iloc[: max(SITES_AT_MOST, len(passed) + 1 if answer["planned"] else 0)]
    return Section(
        title=_answer(person, answer),
        paragraphs=tuple(lines),
        tables=(_table(shown),) if len(shown) else (),
        note=Text("涉及个人，仅供安置人员查看，不得公开。",
                  "About one person: for those who place them, never for a page."),
    )  # fmt: skip


def _answer(person: str, answer: Mapping[str, Any]) -> Text:
    reason = answer["reason"]
    if answer["status"] == "placed":
        room = ROOM_TYPES[str(answer["room_type"])]
        site = str(answer["site"])
        if not answer["planned"]:
            return Text(f"{person}：已在{site}（{room.zh}），方案不作变动",
                        f"{person} is at {site} already ({room.en.lower()}); the plan moves "
                        "nobody who is placed")  # fmt: skip
        way = number(answer["distance_km"], 1)
        return Text(f"{person}：安排到{site}（{room.zh}），距离{way.zh}公里",
                    f"{person} goes to {site} ({room.en.lower()}), {way.en} km away")  # fmt: skip
    why = REASONS.get(str(reason), Text(str(reason), str(reason)))
    if answer["status"] == "waiting":
        return Text(f"{person}：等候。{why.zh}", f"{person} waits. {why.en}")
    return Text(f"{person}：已转介。{why.zh}", f"{person} is referred. {why.en}")


def _passed(passed: pd.DataFrame, *, placed: bool) -> Text:
    """Count the sites passed over by what they lack."""
    which = Text("更近的", "nearer ") if placed else Text("开放的", "open ")
    if passed.empty:
        return Text("这是最近的开放安置点。", "It is the nearest open site.")
    zh, en = [], []
    for lacks in LACKS:
        rows = passed[passed["lacks"] == lacks]
        if lacks == "need":
            for needs, part in rows.groupby("needs"):
                told = _needs(str(needs))
                zh.append(f"{len(part)}处不能满足{told.zh}")
                en.append(f"{len(part)} without {told.en}")
        elif len(rows):
            zh.append(f"{len(rows)}处{_LACKS[lacks].zh}")
            en.append(f"{len(rows)} that {_LACKS[lacks].en}")
    return Text(
        f"{which.zh}安置点{len(passed)}处：{'，'.join(zh)}。",
        f"There {'is' if len(passed) == 1 else 'are'} {len(passed)} {which.en}"
        f"{'site' if len(passed) == 1 else 'sites'}: {', '.join(en)}.",
    )


def _solved(seen: Considered) -> Text:
    """Say what would give a place to somebody who waits."""
    types = listed([ROOM_TYPES[name] for name in seen.room_types])
    short = seen.shortage
    if short is None:
        return Text("未参加排床。", "The plan was not asked to place them.")
    if not pd.isna(short["widen"]):
        site = str(short["widen"])
        return Text(
            f"在{site}增加一个位置（{types.zh}，或其人手）最有帮助；也可启用能满足需求的备用安置点。",
            f"One place more at {site} ({types.en.lower()}, or its staff) would help most; or open "
            "a candidate site that meets the needs.",
        )
    return Text(
        f"需启用能满足需求、有{types.zh}的备用安置点。",
        f"A candidate site that meets the needs and has {types.en.lower()} must open.",
    )


def _needs(told: str) -> Text:
    parts = [NEEDS.get(name, Text(name.replace("language", "语言"), name))
             for name in told.split(", ")]  # fmt: skip
    joined = listed(parts)
    return Text(joined.zh, joined.en.lower())


def _table(sites: pd.DataFrame) -> Table:
    rows = []
    for row in sites.to_dict("records"):
        lacks = _LACKS.get(str(row["lacks"]), _NONE)
        if row["lacks"] == "need":
            lacks = _needs(str(row["needs"]))
        chosen = Text("安排于此", "goes here") if row["chosen"] else lacks
        rows.append({
            "site": str(row["site"]), "distance": float(row["distance_km"]),
            "lacks": chosen, "free": int(row["free"]), "staff": int(row["staff"]),
        })  # fmt: skip
    return Table(
        caption=Text("由近及远的开放安置点", "Open sites, nearest first"),
        columns=(
            Column("site", Text("安置点", "Site")),
            Column("distance", Text("距离（公里）", "Distance (km)"), "number", decimals=1),
            Column("lacks", Text("所缺", "What it lacks")),
            Column("free", Text("所需房型空余", "Places of the type left"), "number"),
            Column("staff", Text("人手尚可容纳", "Persons staff allow"), "number"),
        ),
        rows=tuple(rows),
        name="allocation-sites",
    )
