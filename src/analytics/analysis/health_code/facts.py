"""
EVIDENCE: what records say about a person, as far as a health code may read it.

EVIDENCE
    One row per fact: person; kind (see `rules.Kind`); category (a type, a result, a region);
    since [when it happened]; known [when it was told]; until [when it ended, empty while it
    lasts]; expected [when it was to end, as stated at first].

Rows without a person are of nobody known yet and give no evidence. Times are Asia/Shanghai's,
without a zone, as the archive keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = ("person", "kind", "category", "since", "known", "until", "expected")


def linked(rows: ir.Table) -> ir.Table:
    """Keep the rows that are linked to a person."""
    return rows.filter(rows["person"].notnull())


def fact(
    rows: ir.Table,
    kind: str,
    category: ir.StringValue | str,
    since: ir.Value,
    *,
    known: ir.Value | None = None,
    until: ir.Value | None = None,
    expected: ir.Value | None = None,
) -> ir.Table:
    """
    Make EVIDENCE of rows that tell one kind of fact.

    Parameters
    ----------
    rows : ibis.Table
        With ``person``; a fact each.
    kind : str
        One of `rules.Kind`.
    category : str or ibis string value
    since : ibis value
        When it happened, a date or a moment.
    known : ibis value, optional
        When it was told, never before it happened; at once without.
    until, expected : ibis value, optional
        When it ended, and when it was to end; empty without.

    Returns
    -------
    EVIDENCE table
    """
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
