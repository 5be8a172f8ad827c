"""
The travel channel: who travels from where to where, by day and by road, rail, air or water.

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

if TYPE_CHECKING:
    import ibis.expr.types as ir

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
        origin=_area(trips["origin"], level), destination=_area(trips["destination"], level)
    )
    return at.group_by(*KEY).agg(travellers=at.count())


def _area(code: ir.StringValue, level: Level) -> ir.StringValue:
    if level == "county":
        return code
    cut = code.left(_DIGITS[level]).rpad(6, "0")
    return cut if level == "province" else (code.substr(2, 2) == "90").ifelse(code, cut)
