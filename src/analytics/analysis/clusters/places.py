"""
Which cases were in which place: households, workplaces, resettlement sites, carriages.

Tables
------
PRESENCES
    person, case_number, county (that reported the case), day (of onset, else confirmed,
    else reported), setting (household, workplace, site, carriage), place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.clusters.rules import Rules

COLUMNS = ("person", "case_number", "county", "day", "setting", "place")


def counted(cases: ir.Table, rules: Rules, as_of: date) -> ir.Table:
    """
    Choose the cases that make a cluster: each person's earliest of the classes that count.

    Parameters
    ----------
    cases : CASES table
        With ``person``; rows linked to nobody are left out.
    rules : Rules
    as_of : date
        Reported by this day.

    Returns
    -------
    ibis.Table
        One row per person: person, case_number, county [that reported], day [of onset; else
        confirmed, else reported].
    """
    some = cases.filter(
        cases["person"].notnull()
        & cases["classification"].isin(list(rules.members.classes))
        & (cases["reported"] <= as_of)
    )
    day = some["onset"].coalesce(some["confirmed"], some["reported"])
    dated = some.select("person", "case_number", county="reporting_county", day=day)
    order = dated["day"].cast("string").concat("/", dated["case_number"])
    return dated.group_by("person").agg(
        case_number=dated["case_number"].argmin(order),
        county=dated["county"].argmin(order),
        day=dated["day"].min(),
    )


def presences(linked: Mapping[str, ir.Table], rules: Rules, as_of: date) -> ir.Table:
    """
    Cases in the places that linked records name.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
        Feeds with ``person``: cases, and any of resident_register, community_registration,
        placements, tickets.
    rules : Rules
    as_of : date

    Returns
    -------
    PRESENCES table
        A stay or journey counts if it touches the days before onset in which infection may
        have happened, or the days after it.
    """
    import ibis

    cases = counted(linked["cases"], rules, as_of)
    back = ibis.interval(days=rules.members.exposure_days)
    parts = [
        _at(cases, linked[feed], "household", feed, "county", "household")
        for feed in ("resident_register", "community_registration")
        if feed in linked
    ]
    if "community_registration" in linked:
        rows = linked["community_registration"]
        parts.append(_at(cases, rows, "workplace", "", "employer"))
    if "placements" in linked:
        stay = linked["placements"].filter(linked["placements"]["check_in"] <= as_of)
        both = stay.join(cases.select("person", "day"), "person")
        left = both["check_out"].coalesce(ibis.literal(as_of))
        parts.append(_at(cases, both.filter(left >= both["day"] - back), "site", "", "site"))
    if "tickets" in linked:
        ride = linked["tickets"].filter(linked["tickets"]["service_date"] <= as_of)
        both = ride.join(cases.select("person", "day"), "person")
        near = both.filter(both["service_date"] >= both["day"] - back)
        near = near.mutate(run=near["service_date"].cast("string"))
        parts.append(_at(cases, near, "carriage", "", "mode", "service", "run", "carriage"))
    nowhere = cases.mutate(setting=ibis.null("string"), place=ibis.null("string"))
    nobody = nowhere.filter(ibis.literal(value=False)).select(*COLUMNS)
    return ibis.union(nobody, *parts, distinct=True).select(*COLUMNS) if parts else nobody


def _at(cases: ir.Table, rows: ir.Table, setting: str, feed: str, *names: str) -> ir.Table:
    """Cases at places named by some columns; a place of which one is missing is none."""
    import ibis

    known = rows.filter(*(rows[name].notnull() for name in names))
    place = ibis.literal(feed) if feed else known[names[0]]
    for name in names if feed else names[1:]:
        place = place.concat("/", known[name])
    at = known.select("person", place=place).distinct()
    return cases.join(at, "person").mutate(setting=ibis.literal(setting)).select(*COLUMNS)
