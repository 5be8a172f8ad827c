"""What linked records say about their persons: each feed as EVIDENCE, see `facts`."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from analytics.analysis.health_code.facts import fact, linked
from analytics.analysis.health_code.whereabouts import lived, presence, residence, travel
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


def gather(records: Mapping[str, ir.Table], rules: Rules) -> ir.Table:
    """
    Put together all evidence that the records at hand give.

    Parameters
    ----------
    records : mapping of str to ibis.Table
        Linked records by name, those that are at hand: ``declarations``, ``screening``
        (person, category, since), ``contacts``, ``grades`` (see `whereabouts.residence`),
        ``presence`` (see `whereabouts.presence`), ``tests``, ``quarantine``, ``foreign_codes``
        (person, province, code, since, expires).
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
    first = linked(declared).group_by("person").agg(since=lambda t: t["declared"].min())
    return fact(first, "registration", "", first["since"])


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
    rows = linked(types)
    until = rows["until"] if "until" in rows.columns else None
    return fact(rows, "screening", rows["category"], rows["since"], until=until)


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
    rows = linked(contacts)
    category = rows["setting"].fill_null("other")
    return fact(rows, "exposure", category, rows["last_contact"], known=rows["reported"])


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

    rows = linked(declared)
    least: ir.Value = ibis.literal(rules.fever)
    for since, fever in rules.fever_since:
        least = (rows["declared"] >= ibis.literal(since, "timestamp(6)")).ifelse(fever, least)
    hot = (rows["temperature"] >= least).fill_null(False) | rows["fever"].fill_null(False)  # noqa: FBT003
    rows = rows.filter(hot)
    return fact(rows, "declaration", "fever", rows["declared"])


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

    rows = linked(declared).select("person", "declared").distinct()
    order = ibis.window(group_by="person", order_by="declared")
    rows = rows.mutate(
        since=rows["declared"] + ibis.interval(days=gap_days),
        until=rows["declared"].lead().over(order),
    )
    rows = rows.filter(rows["until"].isnull() | (rows["until"] > rows["since"]))
    return fact(rows, "declaration_gap", "", rows["since"], until=rows["until"])


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
    rows = linked(results)
    rows = rows.filter(rows["result"].notnull())
    known = rows["resulted"].fill_null(rows["sampled"])
    return fact(rows, "test", rows["result"], rows["sampled"], known=known)


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
    rows = linked(orders)
    return fact(
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

    rows = linked(codes)
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
    return fact(
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
