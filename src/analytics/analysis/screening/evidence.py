"""One row of evidence: which rule it speaks for, from which record, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = (
    "person", "category", "rule", "edition", "feed", "record", "feature", "date", "value", "holds",
)  # fmt: skip
_NONE = ""  # edition of rules that no edition changes


def match(  # noqa: PLR0913 (one argument per column)
    rows: ir.Table,
    category: Any,
    rule: Any,
    feed: str,
    *,
    record: str,
    feature: str,
    date: Any,
    value: Any,
    edition: Any = _NONE,
    holds: Any = True,
) -> ir.Table:
    """Make rows of the MATCHES table of rows that have ``person``; texts are literals."""
    import ibis

    return rows.select(
        person="person",
        category=ibis.literal(category) if isinstance(category, str) else category,
        rule=ibis.literal(rule) if isinstance(rule, str) else rule,
        edition=ibis.literal(edition) if isinstance(edition, str) else edition,
        feed=ibis.literal(feed),
        record=record,
        feature=ibis.literal(feature),
        date=date,
        value=ibis.literal(value) if isinstance(value, str) else value.cast("string"),
        holds=ibis.literal(holds) if isinstance(holds, bool) else holds,
    )
