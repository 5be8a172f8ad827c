"""One row of evidence: which rule it speaks for, from which record, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

COLUMNS = (
    "person", "category", "rule", "edition", "feed", "record", "feature", "date", "value", "holds",
)  # fmt: skip
_NONE = ""  # edition of rules that no edition changes


class Evidence(NamedTuple):
    """Rows that have ``person``, and what each column of the MATCHES table is for them."""

    rows: ir.Table
    said: dict[str, Any]

    def table(self, columns: Sequence[str]) -> ir.Table:
        """Write the rows as some columns of the MATCHES table; texts are literals."""
        import ibis

        values = {name: self.said[name] for name in columns if name not in {"person", "record"}}
        values |= {
            name: ibis.literal(value) if isinstance(value, (str, bool)) else value
            for name, value in values.items()
        }
        if "value" in values:
            values["value"] = values["value"].cast("string")
        values |= {name: self.rows[self.said[name]] for name in {"person", "record"} & {*columns}}
        return self.rows.select(**{name: values[name] for name in columns})


def match(  # noqa: PLR0913 (one argument per column)
    rows: ir.Table,
    category: Any,
    rule: Any,
    feed: Any,
    *,
    record: str,
    feature: str,
    date: Any,
    value: Any,
    edition: Any = _NONE,
    holds: Any = True,
) -> Evidence:
    """Say what rows that have ``person`` are evidence of; `record` is a column's name."""
    return Evidence(rows, {
        "person": "person", "category": category, "rule": rule, "edition": edition, "feed": feed,
        "record": record, "feature": feature, "date": date, "value": value, "holds": holds,
    })  # fmt: skip
