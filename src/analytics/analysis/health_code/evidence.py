"""
What linked records say about their persons, as far as a health code may read it.

EVIDENCE
    One row per fact: person; kind (see `rules.Kind`); category (a type, a result, a region);
    since [when it happened]; known [when it was told]; until [when it ended, empty while it
    lasts]; expected [when it was to end, as stated at first].

Rows without a person are of nobody known yet and give no evidence. Times are Asia/Shanghai's,
without a zone, as the archive keeps them.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from analytics.analysis.health_code.rules import OPEN
from analytics.codes import HealthCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from analytics.analysis.health_code.rules import Rules

FEEDS = (
    "declarations", "contacts", "tests", "quarantine", "checkpoint_passes", "tickets",
    "foreign_codes", "code_appeals",
)  # fmt: skip
"""What departments deliver that a code may rest on, or be put right by."""
COLUMNS = ("person", "kind", "category", "since", "known", "until", "expected")


def gather(records: Mapping[str, ir.Table], rules: Rules) -> ir.Table:
    """
    Put together all evidence that the records at hand give.

    Parameters
    ----------
    records : mapping of str to ibis.Table
        Linked records by name, those that are at hand: ``declarations``, ``screening``
        (person, category, since), ``contacts``, ``grades`` (see `residence`), ``presence`` (see
        `presence`), ``tests``, ``quarantine``,
        ``foreign_codes`` (person, province, code, since, expires).
    rules : Rules
        Of the province.

    Returns
    -------
    EVIDENCE table
    """
    parts = []
    if "declarations" in records:
        declared = records["declarations"]
        parts += [registration(declared), declarations(declared, rules)]
        parts.append(declaration_gaps(declared, rules.gap_days))
        if "grades" in records:
            parts.append(residence(lived(declared), records["grades"]))
    if "screening" in records:
        parts.append(screening(records["screening"]))
    if "contacts" in records:
        parts.append(exposure(records["contacts"]))
    if "presence" in records:
        parts.append(travel(records["presence"]))
    if "tests" in records:
        parts.append(tests(records["tests"]))
    if "quarantine" in records:
        parts.append(quarantine(records["quarantine"]))
    if "foreign_codes" in records:
        parts.append(recognised(records["foreign_codes"], rules))
    return reduce(lambda first, second: first.union(second), parts)


def of_feeds(views: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    """
    Name feeds as :func:`gather` takes them.

    Parameters
    ----------
    views : mapping of str to ibis.Table
        Linked rows by feed, of `FEEDS`; those that were not delivered are missing.

    Returns
    -------
    dict of str to ibis.Table
        Journeys and checks become presence.
    """
    records = {
        feed: views[feed]
        for feed in ("declarations", "contacts", "tests", "quarantine", "foreign_codes")
        if feed in views
    }
    seen = [views.get("checkpoint_passes"), views.get("tickets")]
    if any(table is not None for table in seen):
        records["presence"] = presence(*seen)
    return records


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


def registration(declared: ir.Table) -> ir.Table:
    """
    Who has asked for a code: everyone who ever declared.

    Parameters
    ----------
    declared : DECLARATIONS table
        With ``person``.

    Returns
    -------
    EVIDENCE table
        One row per person.
    """
    first = _linked(declared).group_by("person").agg(since=lambda t: t["declared"].min())
    return _evidence(first, "registration", "", first["since"])


def screening(types: ir.Table) -> ir.Table:
    """
    Personnel types, as screening found them.

    Parameters
    ----------
    types : ibis.Table
        person, category (`PersonnelType`), since; with ``until`` if types end.

    Returns
    -------
    EVIDENCE table
        As many rows as linked ones.
    """
    rows = _linked(types)
    until = rows["until"] if "until" in rows.columns else None
    return _evidence(rows, "screening", rows["category"], rows["since"], until=until)


def exposure(contacts: ir.Table) -> ir.Table:
    """
    Contacts with cases, from when they were declared.

    Parameters
    ----------
    contacts : CONTACTS table
        With ``person``.

    Returns
    -------
    EVIDENCE table
        As many rows as linked ones; the category is the setting.
    """
    rows = _linked(contacts)
    category = rows["setting"].fill_null("other")
    return _evidence(rows, "exposure", category, rows["last_contact"], known=rows["reported"])


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

    known = _linked(declared).filter(declared["county"].notnull())
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
    return _evidence(held, "residence", held["grade"], held["_start"], until=until)


def travel(presence: ir.Table) -> ir.Table:
    """
    Regions a person was in.

    Parameters
    ----------
    presence : ibis.Table
        person, region, when; see `presence`.

    Returns
    -------
    EVIDENCE table
        One row per person, region and day, at the day's last moment there.
    """
    rows = _linked(presence).mutate(when=presence["when"].cast("timestamp"))
    rows = rows.group_by("person", "region", day=rows["when"].date()).agg(
        when=lambda t: t["when"].max()
    )
    return _evidence(rows, "travel", rows["region"], rows["when"])


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


def declarations(declared: ir.Table, rules: Rules) -> ir.Table:
    """
    Fevers that persons declared themselves.

    Parameters
    ----------
    declared : DECLARATIONS table
        With ``person``.
    rules : Rules
        The temperature that is a fever is the one in force when it was declared.

    Returns
    -------
    EVIDENCE table
        One row per declaration of a fever.
    """
    import ibis

    rows = _linked(declared)
    least: ir.Value = ibis.literal(rules.fever)
    for since, fever in rules.fever_since:
        least = (rows["declared"] >= ibis.literal(since, "timestamp(6)")).ifelse(fever, least)
    hot = (rows["temperature"] >= least).fill_null(False) | rows["fever"].fill_null(False)  # noqa: FBT003
    rows = rows.filter(hot)
    return _evidence(rows, "declaration", "fever", rows["declared"])


def declaration_gaps(declared: ir.Table, gap_days: int) -> ir.Table:
    """
    Find the times in which a person who had declared did not.

    Parameters
    ----------
    declared : DECLARATIONS table
        With ``person``.
    gap_days : int
        A gap begins so long after a declaration [days] and ends with the next.

    Returns
    -------
    EVIDENCE table
        One row per gap; the last declaration's may lie in the future.
    """
    import ibis

    rows = _linked(declared).select("person", "declared").distinct()
    order = ibis.window(group_by="person", order_by="declared")
    rows = rows.mutate(
        since=rows["declared"] + ibis.interval(days=gap_days),
        until=rows["declared"].lead().over(order),
    )
    rows = rows.filter(rows["until"].isnull() | (rows["until"] > rows["since"]))
    return _evidence(rows, "declaration_gap", "", rows["since"], until=rows["until"])


def tests(results: ir.Table) -> ir.Table:
    """
    Results of laboratory tests, dated by sampling.

    Parameters
    ----------
    results : TESTS table
        With ``person``.

    Returns
    -------
    EVIDENCE table
        One row per result; pending tests give none.
    """
    rows = _linked(results)
    rows = rows.filter(rows["result"].notnull())
    known = rows["resulted"].fill_null(rows["sampled"])
    return _evidence(rows, "test", rows["result"], rows["sampled"], known=known)


def quarantine(orders: ir.Table) -> ir.Table:
    """
    Orders of quarantine, until release.

    Parameters
    ----------
    orders : QUARANTINE table
        With ``person``.

    Returns
    -------
    EVIDENCE table
        One row per order; the end stated at first is the day it was due.
    """
    rows = _linked(orders)
    return _evidence(
        rows,
        "quarantine",
        rows["reason"].fill_null("order"),
        rows["started"],
        until=rows["released"],
        expected=rows["due"],
    )


def recognised(codes: ir.Table, rules: Rules) -> ir.Table:
    """
    Codes of other provinces, as what they count here.

    Parameters
    ----------
    codes : FOREIGN_CODES table
        person, province, code, since, expires.
    rules : Rules
        Holds what is recognised from when; what it does not list gives no evidence.

    Returns
    -------
    EVIDENCE table
        One row per code recognised, by the entry that names the province before "*".
    """
    import ibis

    rows = _linked(codes)
    rows = rows.filter(rows["province"] != rules.province)
    here = ibis.null("string")
    for entry in sorted(rules.recognition, key=lambda each: each.province != "*"):
        # what is tried later stands outside, so that a named province comes before "*"
        after = rows["since"] >= ibis.timestamp(f"{entry.first} 00:00:00")
        if entry.last is not None:
            after &= rows["since"] < ibis.timestamp(f"{entry.last} 00:00:00")
        if entry.province != "*":
            after &= rows["province"] == entry.province
        for colour in HealthCode:
            counts_as = getattr(entry, colour.value)
            if counts_as is not None:
                match = after & (rows["code"] == str(colour))
                here = match.ifelse(str(counts_as), here)
    rows = rows.mutate(category=here)
    rows = rows.filter(rows["category"].notnull())
    return _evidence(
        rows,
        "recognised",
        rows["category"],
        rows["since"],
        until=rows["expires"],
        expected=rows["expires"],
    )


def known_by(evidence: ir.Table, moment: ir.TimestampValue) -> ir.Table:
    """
    Evidence as it was known at a moment: nothing told later, no end that had not come.

    Parameters
    ----------
    evidence : EVIDENCE table
    moment : timestamp value

    Returns
    -------
    EVIDENCE table
    """
    import ibis

    told = evidence.filter(evidence["known"] <= moment)
    ended = told["until"] <= moment
    return told.mutate(until=ended.ifelse(told["until"], ibis.null("timestamp(6)")))


def _linked(rows: ir.Table) -> ir.Table:
    return rows.filter(rows["person"].notnull())


def _evidence(
    rows: ir.Table,
    kind: str,
    category: ir.StringValue | str,
    since: ir.Value,
    *,
    known: ir.Value | None = None,
    until: ir.Value | None = None,
    expected: ir.Value | None = None,
) -> ir.Table:
    import ibis

    def time(value: ir.Value | None) -> ir.Value:
        return ibis.null("timestamp(6)") if value is None else value.cast("timestamp(6)")

    happened = time(since)
    told = happened if known is None else ibis.greatest(time(known), happened)
    return rows.select(
        person=rows["person"],
        kind=ibis.literal(kind),
        category=ibis.literal(category) if isinstance(category, str) else category,
        since=happened,
        known=told,
        until=time(until),
        expected=time(expected),
    )
