"""
DuckDB behind Ibis, with steps that cost nothing left where they are used.

Ibis writes a step that several others build on as a common table expression, and DuckDB holds
the rows of each such expression in memory before anybody reads them: of ten million tickets
all columns, where one later step wants a seat and another two columns of few rows. A step that
only picks, compares or converts columns is cheaper done again, as each reader then scans but
the columns and rows it needs.
"""

from __future__ import annotations

from typing import Any

import sqlglot.expressions as sge
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

_LIGHT = (
    sge.Select, sge.From, sge.Where, sge.Subquery, sge.Table, sge.TableAlias, sge.Identifier,
    sge.Column, sge.Star, sge.Alias, sge.Literal, sge.Boolean, sge.Null, sge.Paren,
    sge.And, sge.Or, sge.Not, sge.Is, sge.In, sge.EQ, sge.NEQ, sge.LT, sge.LTE, sge.GT, sge.GTE,
    sge.Between, sge.Case, sge.If, sge.Coalesce, sge.Cast, sge.DataType, sge.DateFromParts,
    sge.TimestampFromParts,
)  # fmt: skip


class DuckCompiler(DuckDBCompiler):  # type: ignore[misc] # Ibis is untyped
    """Ibis's writer of DuckDB's SQL; only steps of some cost are held in memory."""

    def to_sqlglot(self, expr: Any, **options: Any) -> Any:
        """Write an expression as a statement."""
        statement = super().to_sqlglot(expr, **options)
        for step in statement.ctes:
            if _light(step.this):
                step.set("materialized", value=False)
        return statement


def _light(step: sge.Expression) -> bool:
    """Whether a step only picks, compares or converts columns of one table."""
    return all(
        isinstance(part, _LIGHT) and not (isinstance(part, sge.In) and part.args.get("query"))
        for part in step.walk()
    )
