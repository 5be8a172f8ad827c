"""Where persons live and were seen, by what departments recorded, as a health code reads it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from analytics.analysis.health_code.facts import fact, linked
from analytics.analysis.health_code.rules import OPEN

if TYPE_CHECKING:
    import ibis.expr.types as ir


def homes(declared: ir.Table) -> ir.Table:
    """
    Tell each person's county: where the stay lasts that began last.

    Parameters
    ----------
    declared : DECLARATIONS table
        As :func:`lived` takes it.

    Returns
    -------
    ibis.Table
        One row per person: person, county.
    """
    stays = lived(declared)
    return stays.filter(stays["until"].isnull()).select("person", "county")


def lived(declared: ir.Table) -> ir.Table:
    """
    Tell where persons lived, and when, by what they declared.

    Parameters
    ----------
    declared : DECLARATIONS table
        With ``person``; rows linked to nobody, or without a county, tell nothing.

    Returns
    -------
    ibis.Table
        One row per person and stay: person, county, since [first declared there], until [first
        declared elsewhere; empty where the person lives now].
    """
    import ibis

    known = linked(declared).filter(declared["county"].notnull())
    told = known.group_by("person", since="declared").agg(county=known["county"].max())
    along = ibis.window(group_by="person", order_by="since")
    before = told.mutate(_before=told["county"].lag().over(along))
    moved = before.filter(before["_before"].isnull() | (before["_before"] != before["county"]))
    return moved.select("person", "county", "since", until=moved["since"].lead().over(along))


def residence(residents: ir.Table, grades: ir.Table) -> ir.Table:
    """
    Risk grade of the county a person lives in, until it is graded otherwise or the person moves.

    Parameters
    ----------
    residents : ibis.Table
        As `lived` gives it.
    grades : ibis.Table
        county, grade, since [when it came into force]; it holds until the county's next.

    Returns
    -------
    EVIDENCE table
        One row per stay and grade in force meanwhile, from the first day both hold.
    """
    import ibis

    along = ibis.window(group_by="county", order_by="since")
    graded = grades.select(
        "county", "grade",
        _graded=grades["since"].cast("timestamp(6)"),
        _regraded=grades["since"].cast("timestamp(6)").lead().over(along),
    )  # fmt: skip
    both = residents.join(graded, "county")
    never = ibis.literal(OPEN, "timestamp(6)")
    both = both.mutate(
        _start=ibis.greatest(both["since"], both["_graded"]),
        _end=ibis.least(both["until"].fill_null(never), both["_regraded"].fill_null(never)),
    )
    held = both.filter(both["_start"] < both["_end"])
    until = (held["_end"] == never).ifelse(ibis.null("timestamp(6)"), held["_end"])
    return fact(held, "residence", held["grade"], held["_start"], until=until)


def travel(presence: ir.Table) -> ir.Table:
    """
    Regions a person was in.

    Parameters
    ----------
    presence : ibis.Table
        person, region, when; see :func:`presence`.

    Returns
    -------
    EVIDENCE table
        One row per person, region and day, at the day's last moment there.
    """
    rows = linked(presence).mutate(when=presence["when"].cast("timestamp"))
    rows = rows.group_by("person", "region", day=rows["when"].date()).agg(
        when=lambda t: t["when"].max()
    )
    return fact(rows, "travel", rows["region"], rows["when"])


def presence(
    passes: ir.Table | None = None,
    tickets: ir.Table | None = None,
    roaming: ir.Table | None = None,
) -> ir.Table:
    """
    Where persons were seen: origins of checks and journeys, cities of their phones.

    Parameters
    ----------
    passes : CHECKPOINT_PASSES table, optional
        With ``person``, as all.
    tickets : TICKETS table, optional
        Boarding is presence at the origin.
    roaming : ROAMING table, optional
        A day in a city is presence until its end.

    Returns
    -------
    PRESENCE table
        person, region, when.
    """
    import ibis

    parts = []
    if passes is not None:
        parts.append(passes.select("person", region="origin", when="passed"))
    if tickets is not None:
        parts.append(tickets.select("person", region="origin", when="departure"))
    if roaming is not None:
        night = roaming["date"].cast("timestamp") + ibis.interval(hours=23)
        parts.append(roaming.select("person", region="city", when=night))
    seen = reduce(lambda first, second: first.union(second), parts)
    return seen.filter(seen["region"].notnull())
