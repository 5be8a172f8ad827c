"""
Who travels from where to where, by day and by road, rail, air or water; and who disagrees.

Tables
------
TRIPS
    One row per traveller and trip: date, channel (road, rail, air, water), origin, destination
    (GB/T 2260 codes).
FLOWS
    One row per date, channel, origin and destination: travellers [persons].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from analytics import engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir
    import pandas as pd

CHANNEL_OF_MODE = {"rail": "rail", "air": "air", "coach": "road", "ferry": "water"}
KEY = ("date", "channel", "origin", "destination")

Level = Literal["county", "prefecture", "province"]
_DIGITS: dict[Level, int] = {"county": 6, "prefecture": 4, "province": 2}


def trips_by_ticket(tickets: ir.Table) -> ir.Table:
    """
    Read trips off tickets, dated by departure.

    Parameters
    ----------
    tickets : TICKETS table
        One row per seat and traveller.

    Returns
    -------
    TRIPS table
        As many rows as ``tickets``.
    """
    import ibis

    channel = ibis.cases(
        *((tickets["mode"] == mode, channel) for mode, channel in CHANNEL_OF_MODE.items())
    )
    return tickets.select(
        "origin", "destination", date=tickets["departure"].date(), channel=channel
    ).select(*KEY)


def trips_by_pass(passes: ir.Table, gates: ir.Table) -> ir.Table:
    """
    Read trips off checks at gates, in the channel that the gate controls.

    Parameters
    ----------
    passes : CHECKPOINT_PASSES table
        One row per person and check; those turned back did not travel and are left out.
    gates : GATES table
        One row per gate.

    Returns
    -------
    TRIPS table
        One row per check that let a traveller through; a check at a gate that is on no list keeps
        its row, with an empty channel.
    """
    through = passes.filter(passes["outcome"].fill_null("passed") != "turned_back")
    placed = through.join(gates.select("gate", "channel"), "gate", how="left")
    return placed.mutate(date=placed["passed"].date()).select(*KEY)


def trips_by_roaming(seen: ir.Table, who: str = "person") -> ir.Table:
    """
    Read trips off the cities a phone was in, from one day it was seen to the next.

    Parameters
    ----------
    seen : ROAMING table
        One row per subscriber, day and city; of several cities in a day the one with the most
        hours counts (then the lower code).
    who : str
        Column that tells subscribers apart; rows without it are left out.

    Returns
    -------
    TRIPS table
        One row per change of city, dated by the first day in the new one; the channel is empty,
        as a phone does not tell it.
    """
    import ibis

    known = seen.filter(seen[who].notnull())  # noqa: PD004
    most = ibis.window(
        group_by=[who, "date"], order_by=[ibis.desc(known["hours"].fill_null(0)), known["city"]]
    )
    daily = known.mutate(_rank=ibis.row_number().over(most)).filter(lambda t: t["_rank"] == 0)
    along = ibis.window(group_by=who, order_by="date")
    moved = daily.mutate(origin=daily["city"].lag().over(along))
    moved = moved.filter(moved["origin"].notnull() & (moved["origin"] != moved["city"]))  # noqa: PD004
    return moved.select(
        "date", "origin", destination=moved["city"], channel=ibis.null("string")
    ).select(*KEY)


def compare(flows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Lay the departments' counts of the same flows side by side.

    Parameters
    ----------
    flows : mapping of str to pandas.DataFrame
        FLOWS tables by source (passes, tickets, roaming), at one level; channels are summed up,
        since not every source knows them.

    Returns
    -------
    pandas.DataFrame
        date, origin, destination, one column of travellers per source (missing where the source
        has no such flow), sources [how many have it], least, most [travellers], ratio [most over
        least; empty where fewer than two have it]. Every traveller of every source is kept.
    """
    import pandas as pd

    key = ["date", "origin", "destination"]
    columns = {
        source: table.groupby(key, dropna=False)["travellers"].sum()
        for source, table in flows.items()
    }
    both = pd.DataFrame(columns).astype("Float64")
    both.index.names = key
    counted = both[list(flows)]
    both["sources"] = counted.notna().sum(axis=1)
    both["least"], both["most"] = counted.min(axis=1), counted.max(axis=1)
    both["ratio"] = (both["most"] / both["least"]).where(both["sources"] > 1)
    return both.reset_index()


def flows(trips: ir.Table, level: Level = "county") -> ir.Table:
    """
    Count travellers by day, channel, origin and destination.

    Parameters
    ----------
    trips : TRIPS table
        Any engine's.
    level : {"county", "prefecture", "province"}
        Areas to count between; units directly under the province (codes with 90 in the
        middle) are prefectures of their own.

    Returns
    -------
    FLOWS table
        Every trip is counted once: the sum of ``travellers`` is the number of trips.
    """
    at = trips.mutate(
        origin=area(trips["origin"], level), destination=area(trips["destination"], level)
    )
    return engine.count(at, KEY, "travellers")


def area(code: ir.StringValue, level: Level) -> ir.StringValue:
    """
    Tell the area of a level that a county's code lies in, as `codes.prefecture_of` does.

    Parameters
    ----------
    code : ibis string value
        GB/T 2260 codes of counties; with none there is no area.
    level : {"county", "prefecture", "province"}

    Returns
    -------
    ibis string value
        Codes of six digits.
    """
    if level == "county":
        return code
    cut = code.left(_DIGITS[level]).rpad(6, "0")
    return cut if level == "province" else (code.substr(2, 2) == "90").ifelse(code, cut)
