"""
Screening: one category of management for every person, and the trace of why.

Tables
------
SCREENING
    person, county (residence, empty if unknown), category, rule (the one that decided),
    since (day of the earliest evidence for it), undecided (whether a rule could not be
    decided: what is unknown is not negative), as_of.
TRACE
    MATCHES, with the words of each rule left to `explain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.analysis.screening import contacts, matches, records, vocabulary

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Protocols
    from analytics.analysis.screening.records import Linked

_FAR = 100_000  # days; more than any evidence is old
_CODES = 1_000_000  # region codes have six digits
_REGISTERS = (
    ("community_registration", "registered"),
    ("resident_register", None),
    ("cases", "reported"),
    ("fever_visits", None),
)


@dataclass(frozen=True, eq=False)
class Screened:
    """
    What screening found.

    Parameters
    ----------
    persons : SCREENING table
        One row per person of any linked table.
    trace : MATCHES table
        Every rule and piece of evidence that holds or could not be decided.
    contacts : CONTACTS_MADE table
        Contacts of the first generation, of any age.
    """

    persons: ir.Table
    trace: ir.Table
    contacts: ir.Table


def screen(
    linked: Linked, protocols: Protocols, as_of: date, everybody: ir.Table | None = None
) -> Screened:
    """
    Put every person into one category of management.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
        Feeds with ``person``, each as known by the day: cases, fever_visits, tests,
        contacts, quarantine, declarations, checkpoint_passes, community_registration,
        resident_register, placements, tickets. Those that are missing count as empty.
    protocols : Protocols
        Editions in force on the day decide, by the county that reported or saw the person.
    as_of : date
        Only what was known by 24:00 of this day is used.
    everybody : ibis.Table, optional
        ``person``, once each: who is to be given a row; by default everybody of any table.

    Returns
    -------
    Screened

    Raises
    ------
    ParameterError
        If no protocol was in force yet.

    Notes
    -----
    Of the rules that hold for a person the category of `CATEGORIES` named first decides; a
    rule that cannot be decided never does, and never excludes anybody either. A pure
    function of its inputs: without a link or a test everybody it touched is as they would
    have been without it.

    References
    ----------
    Each number and edition has its source in ``protocols.toml``.
    """
    met = contacts.first_generation(linked, protocols, as_of)
    trace = matches.find(linked, met, protocols, as_of)
    brief = matches.find(linked, met, protocols, as_of, features=False)
    decided = _decided(brief, protocols, as_of)
    people = records.persons(linked) if everybody is None else everybody
    return Screened(_persons(people, decided, linked, protocols, as_of), trace, met)


def _decided(trace: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """Per person the least key of what holds: rule by precedence, then the oldest evidence."""
    import ibis

    names = [rule.name for rule in vocabulary.rules(protocols.diagnosis_on(as_of))]
    place = trace["rule"].cases(*((name, number) for number, name in enumerate(names)))
    age = ibis.literal(as_of).delta(trace["date"], unit="day").clip(0, _FAR - 1).fill_null(0)
    key = place.cast("int64") * _FAR + (_FAR - 1 - age)
    keyed = trace.select("person", "holds", key=key)
    sure = records.sure(keyed["holds"])
    return keyed.group_by("person").agg(
        key=keyed["key"].min(where=sure),
        undecided=keyed["holds"].isnull().any(),
    )


def _persons(
    people: ir.Table, decided: ir.Table, linked: Linked, protocols: Protocols, as_of: date
) -> ir.Table:
    import ibis

    rules = vocabulary.rules(protocols.diagnosis_on(as_of))
    both = people.left_join(decided, "person").drop("person_right")
    both = both.left_join(_counties(linked), "person").drop("person_right")
    number = both["key"] // _FAR
    age = _FAR - 1 - both["key"] % _FAR
    return both.select(
        person="person",
        county="county",
        category=number.cases(
            *((place, rule.category) for place, rule in enumerate(rules)), else_="none"
        ),
        rule=number.cases(*((place, rule.name) for place, rule in enumerate(rules))),
        since=(ibis.literal(as_of) - age.as_interval("D")).cast("date"),
        undecided=records.sure(both["undecided"]),
        as_of=ibis.literal(as_of),
    )


def _counties(linked: Linked) -> ir.Table:
    """County of residence by the first register that knows it, its latest entry first."""
    import ibis

    parts = []
    epoch = ibis.date("2000-01-01")
    for rank, (feed, dated) in enumerate(reversed(_REGISTERS)):
        if feed not in linked:
            continue
        columns = ("county", dated) if dated else ("county",)
        rows = records.feed(linked, feed, *columns)
        day = rows[dated].delta(epoch, unit="day") if dated else ibis.literal(0, "int64")
        code = rows["county"].try_cast("int64")
        # in float64, exact up to 2^53: DuckDB reads whole literals as 32 bits wide
        place = day.fill_null(0).clip(0, _FAR - 1).cast("float64") + rank * _FAR
        key = (place * _CODES).cast("int64") + code
        parts.append(rows.select("person", key=key).filter(lambda t: t["key"].notnull()))
    if not parts:
        return records.feed({}, "cases").select("person").mutate(county=ibis.null("string"))
    every = ibis.union(*parts) if len(parts) > 1 else parts[0]
    best = every.filter(every["person"].notnull()).group_by("person").agg(key=every["key"].max())
    return best.select("person", county=(best["key"] % _CODES).cast("string"))
