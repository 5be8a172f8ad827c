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
from functools import cached_property
from typing import TYPE_CHECKING

from analytics.analysis.screening import contacts, matches, records, vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    What screening found: each table is an expression, worked out when it is asked for.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    protocols : Protocols
    as_of : date
    everybody : ibis.Table, optional
        ``person``, each once: who is to be given a row.
    """

    linked: Linked
    protocols: Protocols
    as_of: date
    everybody: ir.Table | None = None

    @cached_property
    def contacts(self) -> ir.Table:
        """CONTACTS_MADE table: contacts of the first generation, of any age."""
        return contacts.first_generation(self.linked, self.protocols, self.as_of)

    @cached_property
    def trace(self) -> ir.Table:
        """MATCHES table: every rule and piece of evidence that holds or is undecided."""
        return matches.find(self.linked, self.contacts, self.protocols, self.as_of)

    @cached_property
    def persons(self) -> ir.Table:
        """SCREENING table: one row per person."""
        found = matches.find(self.linked, self.contacts, self.protocols, self.as_of, features=False)
        rules = vocabulary.rules(self.protocols.diagnosis_on(self.as_of))
        decisive = _decisive(found, rules, self.as_of)
        return _decided(self._people().left_join(decisive, "person"), rules, self.as_of)

    def _people(self) -> ir.Table:
        """Who gets a row, each once: person, county."""
        import ibis

        given, homes = self.everybody, _counties(self.linked)
        if given is None:
            others = {k: table for k, table in self.linked.items() if k not in dict(_REGISTERS)}
            nowhere = ibis.null("int64")
            listed = [t.select("person", county=nowhere) for t in records.everybody(others)]
            people = _once([*homes, *listed])
        elif "county" in given.columns:
            people = given
        elif homes:
            people = given.select("person").left_join(_once(homes), "person")
        else:
            people = given.select("person", county=ibis.null("string"))
        return people.filter(people["person"].notnull()).select("person", "county")


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
        ``person``, each once: who is to be given a row; by default everybody of any table. If
        it has ``county`` too, that is where they live, and no register is asked.

    Returns
    -------
    Screened
        Tables ``persons`` (SCREENING), ``trace`` (MATCHES) and ``contacts``.

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
    protocols.diagnosis_on(as_of), protocols.contact_on(as_of)
    return Screened(linked, protocols, as_of, everybody)


def _decisive(found: ir.Table, rules: Sequence[vocabulary.Rule], as_of: date) -> ir.Table:
    """Per person the least key of what holds: rule by precedence, then the oldest evidence."""
    import ibis

    place = found["rule"].cases(*((rule.name, number) for number, rule in _numbered(rules)))
    age = ibis.literal(as_of).delta(found["date"], unit="day")
    key = place * _FAR + (_FAR - 1 - age.clip(0, _FAR - 1).fill_null(0))
    held = found.select(
        "person",
        # there are some twenty rules
        key=records.sure(found["holds"]).ifelse(key.cast("int32"), ibis.null("int32")),
        undecided=found["holds"].isnull(),
    )
    return held.group_by("person").agg(key=held["key"].min(), undecided=held["undecided"].any())


def _decided(people: ir.Table, rules: Sequence[vocabulary.Rule], as_of: date) -> ir.Table:
    """Spell out what decides for each of the people: empty key, nothing does."""
    import ibis

    number, age = people["key"] // _FAR, _FAR - 1 - people["key"] % _FAR
    return people.select(
        person="person",
        county="county",
        category=ibis.array([rule.category for rule in rules])[number].fill_null("none"),
        rule=ibis.array([rule.name for rule in rules])[number],
        since=(ibis.literal(as_of) - age.as_interval("D")).cast("date"),
        undecided=records.sure(people["undecided"]),
        as_of=ibis.literal(as_of),
    )


def _once(homes: Sequence[ir.Table]) -> ir.Table:
    """Each person with the best known of all their counties."""
    import ibis

    every = ibis.union(*homes)
    return every.group_by("person").agg(
        county=(every["county"].max() % _CODES).cast("string"),
    )


def _numbered(rules: Sequence[vocabulary.Rule]) -> list[tuple[int, vocabulary.Rule]]:
    """Rules with their places, last first: those on contacts hold most often, so ask for them."""
    return list(reversed(list(enumerate(rules))))


def _counties(linked: Linked) -> list[ir.Table]:
    """Counties as numbers, the better known the greater: by register, then by its date."""
    import ibis

    parts = []
    epoch = ibis.date("2000-01-01")
    for rank, (feed, dated) in enumerate(reversed(_REGISTERS)):
        if feed not in linked:
            continue
        columns = ("county", dated) if dated else ("county",)
        rows = records.feed(linked, feed, *columns)
        day = rows[dated].delta(epoch, unit="day") if dated else ibis.literal(0)
        # in float64, exact up to 2^53: DuckDB reads whole literals as 32 bits wide
        place = day.fill_null(0).clip(0, _FAR - 1).cast("float64") + rank * _FAR
        key = (place * _CODES).cast("int64") + rows["county"].try_cast("int64")
        parts.append(rows.select("person", county=key))
    return parts
