"""
Who met whom: declared contacts, households, shared rooms and journeys, two generations out.

Tables
------
SOURCES
    person, since, until (days of possible transmission, ends included), feed, record.
CONTACTS_MADE
    source, person, kind (declared, household, room, travel), first, last (days met, ends
    included), holds (empty where it cannot be decided), weight (attack rate, travel only),
    feed, record, source_feed, source_record, generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.screening import cotravel, pictures, records

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Protocols
    from analytics.analysis.screening.records import Linked

COLUMNS = (
    "source", "person", "kind", "first", "last", "holds", "weight",
    "feed", "record", "source_feed", "source_record",
)  # fmt: skip
KINDS = ("declared", "household", "room", "travel")


def sources(linked: Linked, protocols: Protocols, as_of: date) -> ir.Table:
    """
    Say who may have infected others, and from when to when.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    protocols : Protocols
        Its contact rule in force on the day says how many days before onset count.
    as_of : date

    Returns
    -------
    SOURCES table
        One row per case that is not excluded, positive test, and doctor's suspicion, with
        ``case_number`` for cases. ``until`` is the day of isolation, of confirmation, or
        ``as_of``.
    """
    import ibis

    before = ibis.interval(days=protocols.contact_on(as_of).days_before)
    found = records.cases(linked, as_of)
    case = found.filter(found["classification"].fill_null("suspected") != "excluded")
    from_cases = case.select(
        person="person",
        began=case["onset"].coalesce(case["confirmed"], case["reported"]),
        ended=case["confirmed"].coalesce(case["ended_on"]),
        feed=ibis.literal("cases"),
        record="case_number",
    )
    test = records.tests(linked, as_of)
    test = test.filter((test["method"] == "nucleic_acid") & (test["result"] == "positive"))
    from_tests = test.select(
        person="person",
        began=test["sampled"].date(),
        ended=ibis.null("date"),
        feed=ibis.literal("tests"),
        record="test_number",
    )
    visit = pictures.open_visits(linked, pictures.closings(linked, as_of), protocols, as_of)
    visit = visit.filter(visit["diagnosis"].isin(["suspected", "clinical", "confirmed"]))
    from_visits = visit.select(
        person="person",
        began="onset",
        ended=ibis.null("date"),
        feed=ibis.literal("fever_visits"),
        record="visit_number",
    )
    taken = [
        found.filter(found[column].notnull()).select("person", taken=column)
        for column in ("confirmed", "ended_on")
    ]
    every = ibis.union(from_cases, from_tests, from_visits)
    until = _taken(every, "began", [*taken, *_away(linked, as_of)])
    return until.select(
        "person",
        # a day less some days is a moment to DuckDB: a day again, before millions are held to it
        since=(until["began"].cast("timestamp(6)") - before).date(),
        until=until["taken"].coalesce(until["ended"], ibis.literal(as_of)),
        feed="feed",
        record="record",
    )


def _away(linked: Linked, as_of: date) -> list[ir.Table]:
    """Days on which people were taken into central quarantine or hospital: person, taken."""
    if "quarantine" not in linked:
        return []
    found = records.feed(linked, "quarantine", "kind", "started")
    away = found.filter(
        found["kind"].isin(["central", "hospital"])
        & (found["started"] <= as_of)
        & found["person"].notnull()
    )
    return [away.select("person", taken="started")]


def _taken(rows: ir.Table, began: str, days: list[ir.Table]) -> ir.Table:
    """Give rows the first of the days that is not before one of theirs, as ``taken``."""
    import ibis

    if not days:
        return rows.mutate(taken=ibis.null("date"))
    both = rows.left_join(ibis.union(*days, distinct=True), "person")
    after = (both["taken"] >= both[began]).ifelse(both["taken"], ibis.null("date"))
    return both.group_by(rows.columns).agg(taken=after.min())


_REGISTERS = ("resident_register", "community_registration")


def _once(found: ir.Table) -> ir.Table:
    """Take each source once, with the longest span, named by the first of its records."""
    known = found.filter(found["person"].notnull())
    return known.group_by("person").agg(
        since=known["since"].min(),
        until=known["until"].max(),
        feed=known["feed"].min(),
        record=known["record"].argmin(known["feed"].concat("/", known["record"])),
    )


def declared(linked: Linked, found: ir.Table, as_of: date) -> ir.Table:
    """
    Contacts that investigators declared, where they fall into the case's days.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    found : SOURCES table
    as_of : date

    Returns
    -------
    CONTACTS_MADE table
        A contact of a case that is excluded is left out; of a case that no row names,
        ``holds`` is empty. A contact released from observation, or whose last meeting lies
        before the case's days, is left out too.
    """
    import ibis

    said = records.feed(
        linked, "contacts", "contact_number", "case_number", "first_contact", "last_contact",
        "reported", "status",
    )  # fmt: skip
    said = said.filter(
        (said["reported"] < records.end_of(as_of))
        & said["person"].notnull()
        & (said["status"].fill_null("") != "released")
    )
    listed = records.cases(linked, as_of)
    case = found.filter(found["feed"] == "cases").select(
        source="person", since="since", case_record="record"
    )
    number = listed.select(case_record="case_number", known="classification").mutate(
        known=ibis.literal(value=True)
    )
    cases = number.left_join(case, "case_record")
    joined = said.left_join(cases, said["case_number"] == cases["case_record"])
    met = joined.filter(joined["known"].isnull() | (joined["last_contact"] >= joined["since"]))
    began = met["first_contact"].coalesce(met["last_contact"])
    return met.select(
        source="source",
        person="person",
        kind=ibis.literal("declared"),
        first=ibis.greatest(began, met["since"].coalesce(began)),
        last="last_contact",
        holds=met["known"],
        weight=ibis.null("float64"),
        feed=ibis.literal("contacts"),
        record="contact_number",
        source_feed=ibis.literal("cases"),
        source_record="case_number",
    )


def households(linked: Linked, found: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """
    Members of the households of sources, met from the first day of the span to the last.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
        Registers and community registration name households; a number counts within its
        county and register.
    found : SOURCES table
    protocols : Protocols
    as_of : date

    Returns
    -------
    CONTACTS_MADE table
    """
    import ibis

    lists = []
    for place, feed in enumerate(_REGISTERS):
        if feed in linked:
            rows = records.feed(linked, feed, "county", "household")
            # a number takes less to compare than a name
            lists.append(rows.mutate(register=ibis.literal(place, "int8")))
    members = ibis.union(*lists) if len(lists) > 1 else lists[0]
    key = ["register", "county", "household"]
    span = _once(found).rename(source="person", source_feed="feed", source_record="record")
    homes = members.semi_join(span, members["person"] == span["source"])
    touched = members.filter(members["person"].notnull()).semi_join(homes, key).distinct()
    size = touched.group_by(key).agg(members=touched.count())
    small = size.filter(size["members"] <= protocols.household.members_at_most).select(key)
    theirs = touched.join(span, touched["person"] == span["source"]).semi_join(small, key)
    met = touched.join(theirs.select(*key, *span.columns), key)
    met = met.filter(met["person"] != met["source"])
    named = met["register"].cases(*enumerate(_REGISTERS))
    return met.select(
        source="source",
        person="person",
        kind=ibis.literal("household"),
        first="since",
        last=ibis.least(met["until"], ibis.literal(as_of)),
        holds=ibis.literal(value=True),
        weight=ibis.null("float64"),
        feed=named,
        record="household",
        source_feed="source_feed",
        source_record="source_record",
    )


def rooms(linked: Linked, found: ir.Table, as_of: date) -> ir.Table:
    """
    Those who slept in one room of a resettlement site with a source, on days of both stays.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    found : SOURCES table
    as_of : date

    Returns
    -------
    CONTACTS_MADE table
        Rooms whose number is not known join nobody.
    """
    import ibis

    stay = records.feed(
        linked, "placements", "placement_number", "site", "room_type", "room",
        "check_in", "check_out",
    )  # fmt: skip
    stay = stay.filter(
        stay["person"].notnull() & stay["room"].notnull() & (stay["check_in"] <= as_of)
    )
    stay = stay.mutate(left=ibis.least(stay["check_out"].coalesce(as_of), ibis.literal(as_of)))
    span = _once(found).rename(source_feed="feed", source_record="record")
    theirs = stay.join(span, "person")
    theirs = theirs.select(
        "site",
        "room_type",
        "room",
        source="person",
        came=ibis.greatest(theirs["check_in"], theirs["since"]),
        went=ibis.least(theirs["left"], theirs["until"]),
        source_feed="source_feed",
        source_record="source_record",
    )
    met = stay.join(theirs, ["site", "room_type", "room"])
    met = met.mutate(
        first=ibis.greatest(met["check_in"], met["came"]), last=ibis.least(met["left"], met["went"])
    )
    met = met.filter((met["person"] != met["source"]) & (met["first"] <= met["last"]))
    return met.mutate(
        kind=ibis.literal("room"),
        holds=ibis.literal(value=True),
        weight=ibis.null("float64"),
        feed=ibis.literal("placements"),
        record=met["placement_number"],
    ).select(*COLUMNS)


def _met(linked: Linked, found: ir.Table, protocols: Protocols, as_of: date) -> list[ir.Table]:
    """Everybody whom the sources met, in every way but by declaration."""
    parts = []
    if any(feed in linked for feed in _REGISTERS):
        parts.append(households(linked, found, protocols, as_of))
    if "placements" in linked:
        parts.append(rooms(linked, found, as_of))
    if "tickets" in linked:
        tickets = records.feed(linked, "tickets", *cotravel.TICKET)
        near = cotravel.pairs(tickets, _once(found), protocols.travel, as_of)
        parts.append(near.select(*COLUMNS))
    return parts


def first_generation(linked: Linked, protocols: Protocols, as_of: date) -> ir.Table:
    """
    All contacts of sources known on a day.

    Returns
    -------
    CONTACTS_MADE table
        Of any age: `observed` says which are still under observation.
    """
    import ibis

    found = sources(linked, protocols, as_of)
    return ibis.union(declared(linked, found, as_of), *_met(linked, found, protocols, as_of))


def graph(linked: Linked, protocols: Protocols, as_of: date) -> ir.Table:
    """
    Contacts of sources, and whom those contacts met afterwards.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    protocols : Protocols
    as_of : date

    Returns
    -------
    CONTACTS_MADE table
        ``generation`` 1 or 2. A contact counts as possible source from the first day of
        having met the case to the day of being taken away from home, or ``as_of``; edges of
        the second generation leave out sources and contacts of the first. Edges that cannot
        be decided lead no further.
    """
    import ibis

    found = sources(linked, protocols, as_of)
    first = ibis.union(declared(linked, found, as_of), *_met(linked, found, protocols, as_of))
    sure = first.filter(records.sure(first["holds"]))
    sure = _taken(sure, "first", _away(linked, as_of))
    next_found = sure.select(
        "person",
        since="first",
        until=sure["taken"].coalesce(ibis.literal(as_of)),
        feed="feed",
        record="record",
    )
    known = ibis.union(found.select("person"), first.select("person"), distinct=True)
    known = known.filter(known["person"].notnull())
    further = [
        part.anti_join(known, "person").mutate(generation=ibis.literal(2, "int8"))
        for part in _met(linked, next_found, protocols, as_of)
    ]
    return ibis.union(first.mutate(generation=ibis.literal(1, "int8")), *further)
