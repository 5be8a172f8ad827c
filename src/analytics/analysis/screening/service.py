"""
How well contacts are traced, and how many people there are of each category by county.

Tables
------
INDICATORS
    indicator, numerator, denominator, unknown [persons, or contacts declared].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.screening import records, vocabulary
from analytics.privacy.release import Dimension, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Protocols
    from analytics.analysis.screening.records import Linked

_TOLD_WITHIN_HOURS = 24


def indicators(
    linked: Linked, protocols: Protocols, as_of: date, window_days: int = 14
) -> ir.Table:
    """
    Count how contact tracing does, each with its denominator.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    protocols : Protocols
    as_of : date
    window_days : int
        New cases are those confirmed on one of so many days up to ``as_of``.

    Returns
    -------
    INDICATORS table
        Four rows. ``traced_in_24_hours``: of contacts declared at least 24 hours ago, those
        told within them; ``unknown`` is 0, as not yet told is not traced. ``followed_to_end``:
        of contacts whose observation has ended, those released or become cases; unknown:
        those whose state is not known. ``cases_known_as_contacts``: of new confirmed cases,
        those declared as somebody's contact before they were reported; unknown: those linked
        to nobody. ``lost``: of all declared, those lost; unknown: state not known.
    """
    import ibis

    contact = records.feed(
        linked, "contacts", "contact_number", "last_contact", "reported", "traced", "status"
    )
    end = records.end_of(as_of)
    contact = contact.filter(contact["reported"] < end)
    told = (contact["traced"] < end).ifelse(contact["traced"], ibis.null("timestamp(6)"))
    day = ibis.interval(hours=_TOLD_WITHIN_HOURS)
    due = contact["reported"] + day <= ibis.literal(end)
    observed = ibis.interval(days=protocols.contact_on(as_of).observation_days)
    over = contact["last_contact"] + observed < ibis.literal(as_of)
    status, unknown = contact["status"], contact["status"].isnull()
    counts = [
        _row("traced_in_24_hours", contact, due & (told <= contact["reported"] + day), due,
             ibis.literal(value=False)),
        _row("followed_to_end", contact, over & status.isin(["released", "became_case"]), over,
             over & unknown),
        _row("lost", contact, status == "lost", contact["reported"].notnull(), unknown),
    ]  # fmt: skip
    return ibis.union(*counts, _known(linked, contact, as_of, window_days))


def _row(name: str, rows: ir.Table, part: ir.Value, whole: ir.Value, unknown: ir.Value) -> ir.Table:
    import ibis

    counted = rows.aggregate(
        numerator=rows.count(where=records.sure(part)),
        denominator=rows.count(where=records.sure(whole)),
        unknown=rows.count(where=records.sure(unknown)),
    )
    return counted.select(
        "numerator", "denominator", "unknown", indicator=ibis.literal(name)
    ).select("indicator", "numerator", "denominator", "unknown")


def _known(linked: Linked, contact: ir.Table, as_of: date, window_days: int) -> ir.Table:
    """Count new confirmed cases who were known as contacts before."""
    import ibis

    case = records.cases(linked, as_of)
    age = ibis.literal(as_of).delta(case["confirmed"], unit="day")
    new = case.filter((case["classification"] == "confirmed") & (age < window_days) & (age >= 0))
    first = contact.filter(contact["person"].notnull())
    first = first.group_by("person").agg(declared=first["reported"].min())
    both = new.left_join(first, "person")
    known = both["declared"].date() < both["reported"]
    return _row("cases_known_as_contacts", both, known, both["reported"].notnull(),
                both["person"].isnull())  # fmt: skip


def totals(persons: ir.Table) -> ir.Table:
    """
    Count people by county and category.

    Parameters
    ----------
    persons : SCREENING table

    Returns
    -------
    ibis.Table
        county (``unknown`` where it is not known), category, persons; those of category
        ``none`` are left out. To be collected and then released: small cells tell on people.
    """
    some = persons.filter(persons["category"] != "none")
    placed = some.mutate(county=some["county"].fill_null("unknown"))
    return placed.group_by("county", "category").agg(persons=placed.count())


def spec(parents: Mapping[str, str], as_of: date) -> TableSpec:
    """
    Say by which rules totals by county and category may leave.

    Parameters
    ----------
    parents : mapping of str to str
        County to prefecture, prefecture to province: one root. Counties that are not in it
        must not occur in the totals, ``unknown`` apart, which is put under the root.
    as_of : date
    """
    (root,) = set(parents.values()) - set(parents)
    categories = tuple(name for name in vocabulary.CATEGORIES if name != "none")
    return TableSpec(
        name="screening",
        population="screened",
        measure="persons",
        dimensions=(
            Dimension("county", {**parents, "unknown": root}),
            Dimension.flat("category", categories),
        ),
        as_of=as_of,
        stock=True,
    )
