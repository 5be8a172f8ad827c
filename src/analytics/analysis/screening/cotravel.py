r"""
Co-travel: who sat near whom, on which stretch, for how long.

Two travellers of one vehicle were near each other if they sat in one carriage, were aboard
at once, and at most so many rows apart. Where the row of one is not known, it cannot be
decided whether they were: the pair is kept, ``holds`` empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics import engine
from analytics.analysis.screening import records

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Travel

TICKET = (
    "ticket_number", "mode", "service", "service_date", "carriage", "row", "seat",
    "board_stop", "alight_stop", "departure", "arrival",
)  # fmt: skip
_PLACE = ("board_stop", "alight_stop", "departure", "arrival", "carriage", "row", "seat")


def pairs(tickets: ir.Table, sources: ir.Table, travel: Travel, as_of: date) -> ir.Table:
    r"""
    Find those who travelled near a source on its days.

    Parameters
    ----------
    tickets : TICKETS table
        With ``person``.
    sources : SOURCES table
        One row per person.
    travel : Travel
        Rows apart that count, by mode, and attack rates.
    as_of : date
        Departures after this day are left out.

    Returns
    -------
    CONTACTS_MADE table
        Also ``rows_apart``, ``hours`` together, and ``seating`` (adjacent, same_row,
        other_row); ``weight`` is the attack rate expected at that place for so long.

    Notes
    -----
    Segments that only touch (one leaves where the other boards) do not overlap. Stops
    decide; where they are missing, times do; where these are missing too, it is open.
    A carriage that is missing on a train leaves it open whether both sat in one; other
    vehicles without carriages are one cabin.

    With rate :math:`r` at a place, its mean increase :math:`b` per hour, and hours
    :math:`h`, the weight is :math:`\max(0, r + b (h - \bar h))` with mean hours
    :math:`\bar h = 0.32\,\% / 0.15\,\%` (a line through the origin for all seats); where
    no :math:`b` is published, :math:`b = r / \bar h`.
    """
    import ibis

    on_time = tickets.filter(
        tickets["person"].notnull() & (tickets["departure"] < records.end_of(as_of))
    )
    theirs = on_time.join(sources, "person")
    day = theirs["departure"].date()
    theirs = theirs.filter((day >= theirs["since"]) & (day <= theirs["until"]))
    theirs = theirs.select(
        "mode", "service", "service_date",
        source="person", source_feed="feed", source_record="record",
        **{f"source_{name}": theirs[name] for name in _PLACE},
    )  # fmt: skip
    # counted before it is joined: an engine that took it for the larger side would hold all tickets
    theirs = engine.held(theirs)
    service = ["mode", "service", "service_date"]
    one_cabin = on_time.mutate(cabin=_cabin(on_time["mode"], on_time["carriage"]))
    their_cabin = theirs.mutate(cabin=_cabin(theirs["mode"], theirs["source_carriage"]))
    same = one_cabin.join(their_cabin, [*service, "cabin"])
    same = same.mutate(one_carriage=ibis.literal(value=True))
    lost = one_cabin.filter(one_cabin["cabin"].isnull()).join(their_cabin, service)
    their_lost = their_cabin.filter(their_cabin["cabin"].isnull())
    found = one_cabin.filter(one_cabin["cabin"].notnull()).join(their_lost, service)
    columns = [name for name in same.columns if name not in {"cabin", "cabin_right"}]
    unknown = ibis.union(
        *(some.mutate(one_carriage=ibis.null("boolean")).select(columns) for some in (lost, found))
    )
    met = ibis.union(same.select(columns), unknown)
    return _near(met.filter(met["person"] != met["source"]), travel)


def _cabin(mode: ir.Value, carriage: ir.Value) -> ir.Value:
    """Carriage; a vehicle that is no train and names none is one cabin."""
    import ibis

    return carriage.coalesce((mode != "rail").ifelse("", ibis.null("string")))


def _near(met: ir.Table, travel: Travel) -> ir.Table:
    """Keep pairs that were, or may have been, aboard at once and near; weigh them."""
    import ibis

    by_stop = (met["board_stop"] < met["source_alight_stop"]) & (
        met["alight_stop"] > met["source_board_stop"]
    )
    by_time = (met["departure"] < met["source_arrival"]) & (
        met["arrival"] > met["source_departure"]
    )
    apart = (met["row"] - met["source_row"]).abs()
    limit = ibis.cases(*((met["mode"] == mode, rows) for mode, rows in travel.rows.items()))
    near = limit.isnull() | (apart <= limit)
    holds = met["one_carriage"] & by_stop.coalesce(by_time) & near
    start = ibis.greatest(met["departure"], met["source_departure"])
    stop = ibis.least(met["arrival"], met["source_arrival"])
    hours = stop.delta(start, unit="minute") / 60.0
    pair = met.mutate(rows_apart=apart, holds=holds, hours=hours, seating=_seating(met, travel))
    pair = pair.filter(records.possible(pair["holds"]))
    return pair.select(
        "source",
        "person",
        kind=ibis.literal("travel"),
        first=start.date(),
        last=stop.date().coalesce(start.date()),
        holds="holds",
        weight=_weight(pair, travel),
        feed=ibis.literal("tickets"),
        record="ticket_number",
        source_feed="source_feed",
        source_record="source_record",
        rows_apart="rows_apart",
        hours="hours",
        seating="seating",
    )


def _seating(met: ir.Table, travel: Travel) -> ir.Value:
    """Adjacent, in the same row, or in another; empty where a row is not known."""
    import ibis

    places = {
        (mode, seat): place
        for mode, layout in travel.seats.items()
        for place, seat in enumerate(layout)
        if seat != "|"
    }

    def place(seat: ir.Value) -> ir.Value:
        return ibis.cases(
            *(
                ((met["mode"] == mode) & (seat.upper() == letter), number)
                for (mode, letter), number in places.items()
            )
        )

    beside = (place(met["seat"]) - place(met["source_seat"])).abs() == 1
    return ibis.cases(
        (met["row"].isnull() | met["source_row"].isnull(), ibis.null("string")),
        (met["row"] != met["source_row"], "other_row"),
        (records.sure(beside), "adjacent"),
        else_="same_row",
    )


def _weight(pair: ir.Table, travel: Travel) -> ir.Value:
    """Attack rate at the place after so many hours; at mean hours where they are not known."""
    import ibis

    mean = travel.mean_rate / travel.mean_per_hour
    beyond = pair["hours"].clip(0.0, travel.hours_at_most).fill_null(mean) - mean
    places = {"adjacent": travel.adjacent, "same_row": travel.same_row}
    places["other_row"] = travel.other_row
    branches = []
    for name, risk in places.items():
        slope = risk.rate / mean if risk.per_hour is None else risk.per_hour
        branches.append((pair["seating"] == name, risk.rate + slope * beyond))
    return ibis.cases(*branches).clip(0.0, 1.0)
