"""A model's conditions, compiled from the SQL in which they are stored."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from analytics.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = ("birth", "name_code")
"""Columns of at most eight characters in nearly all records, whose distances are cheap."""

_SIDE = re.compile(r"\b(\w+)_([lr])\b")


@dataclass(frozen=True)
class Condition:
    """
    A condition on a pair of records.

    Parameters
    ----------
    kind : str
        `and`, `or`, `not`, `truth` (null counts as false), `null`, `constant`, `flag`, `equal`,
        `distance`.
    sql : str
        Over columns `_l` and `_r`.
    parts : tuple of Condition
        What it is made of; of a distance, the gate before it.
    terms : tuple of (int, str)
        Sides (0 is left) and SQL over a record.
    limit : (str, int) or None
        Of a distance between columns of `SHORT`: which kind, and how much at most.
    dear : bool
        Whether a distance is in it.
    """

    kind: str
    sql: str
    parts: tuple[Condition, ...] = ()
    terms: tuple[tuple[int, str], ...] = ()
    limit: tuple[str, int] | None = None
    dear: bool = False

    def all(self) -> Iterator[Condition]:
        """Itself and all it is made of."""
        yield self
        for part in self.parts:
            yield from part.all()


@dataclass(frozen=True)
class Level:
    """
    One level of a comparison.

    Parameters
    ----------
    condition : Condition or None
        None where nothing earlier holds.
    weight : float
        Of agreement in it, with the base of its rarity if it has one [bits].
    rarity : str
        Column whose rarity adds to the weight, or empty.
    """

    condition: Condition | None
    weight: float
    rarity: str


@dataclass(frozen=True)
class Conditions:
    """
    All comparisons of a model, and what must be known of records to evaluate them.

    Parameters
    ----------
    prior : float
        Weight of a pair of which nothing is known [bits].
    comparisons : tuple of tuple of Level
        In the model's order.
    terms, flags : tuple of str
        SQL over a standard record: values compared for equality, and yes/no.
    distances : tuple of str
        SQL over two records, `_l` and `_r`: tests too dear to make for every pair.
    """

    prior: float
    comparisons: tuple[tuple[Level, ...], ...]
    terms: tuple[str, ...]
    flags: tuple[str, ...]
    distances: tuple[str, ...]


def compiled(settings: dict[str, Any]) -> Conditions:
    """
    Compile the stored comparisons.

    Parameters
    ----------
    settings : dict
        Splink's settings with every `m` and `u`.

    Returns
    -------
    Conditions

    Raises
    ------
    ContractError
        The settings hold a condition of a kind we do not know, or none.
    """
    try:
        comparisons = tuple(_levels(one["comparison_levels"]) for one in settings["comparisons"])
        prior = float(settings["probability_two_random_records_match"])
        weight = math.log2(prior / (1 - prior))
        assert comparisons
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AssertionError) as error:
        raise ContractError(
            "records cannot be compared under the stored model",
            [type(error).__name__],
            "train it anew: `workbench link --train`",
        ) from None
    used = [
        condition
        for levels in comparisons
        for level in levels
        if level.condition
        for condition in level.condition.all()
    ]
    flags = dict.fromkeys(term for one in used if one.kind == "flag" for _, term in one.terms)
    terms = dict.fromkeys(
        term for one in used if one.kind in ("equal", "null") for _, term in one.terms
    )
    distances = dict.fromkeys(one.sql for one in used if one.kind == "distance")
    return Conditions(weight, comparisons, tuple(terms), tuple(flags), tuple(distances))


def of_sides(sql: str) -> str:
    """Write SQL over `_l` and `_r` columns as SQL over tables `l` and `r`."""
    return _SIDE.sub(r"\2.\1", sql)


def _levels(stored: list[dict[str, Any]]) -> tuple[Level, ...]:
    bases = {
        level["tf_adjustment_column"]: math.log2(level["u_probability"])
        for level in stored
        if level["sql_condition"] == "{0}_l = {0}_r".format(level.get("tf_adjustment_column"))
    }
    made = []
    for level in stored:
        sql, weight = level["sql_condition"], 0.0
        condition = None if sql == "ELSE" else _parsed(sql)
        rarity = level.get("tf_adjustment_column") or ""
        if not level.get("is_null_level"):
            weight = math.log2(level["m_probability"] / level["u_probability"])
            weight += bases[rarity] if rarity else 0.0
        made.append(Level(condition, weight, rarity))
    return tuple(made)


@cache  # a night asks three times, and a model has few
def _parsed(sql: str) -> Condition:
    import sqlglot

    return _condition(sqlglot.parse_one(sql, read="duckdb"))


def _condition(node: Any) -> Condition:
    """Compile a parsed condition; an unknown kind is refused."""
    from sqlglot import exp

    sql = node.sql(dialect="duckdb")
    if isinstance(node, exp.Paren):
        return _condition(node.this)
    if isinstance(node, exp.And | exp.Or):
        parts = (_condition(node.this), _condition(node.expression))
        kind = "and" if isinstance(node, exp.And) else "or"
        return Condition(kind, sql, parts, dear=any(part.dear for part in parts))
    if isinstance(node, exp.Not | exp.Coalesce):
        part = _condition(node.this)
        kind = "not" if isinstance(node, exp.Not) else "constant"
        return Condition(kind, sql, (part,), dear=part.dear)
    if isinstance(node, exp.Boolean):
        return Condition("constant", sql, terms=((0, str(node.this)),))
    if isinstance(node, exp.Case):
        branch = node.args["ifs"][0]
        return _distance(branch.args["true"], sql, (_condition(branch.this),))
    return _leaf(node, sql)


def _leaf(node: Any, sql: str) -> Condition:
    from sqlglot import exp

    if len(_sides(node)) == 1:
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return Condition("null", sql, terms=(_term(node.this),))
        return Condition("flag", sql, terms=(_term(node),))
    if isinstance(node, exp.EQ) and _sides(node.this) == {"l"} and _sides(node.expression) == {"r"}:
        return Condition("equal", sql, terms=(_term(node.this), _term(node.expression)))
    return _distance(node, sql, ())


def _distance(node: Any, sql: str, gate: tuple[Condition, ...]) -> Condition:
    from sqlglot import exp

    called = node.this
    if not isinstance(called, exp.Anonymous) or _sides(node) != {"l", "r"}:
        raise ValueError("a condition of an unknown kind")
    terms = tuple(_term(one) for one in called.expressions)
    limit = None
    if isinstance(node, exp.LTE) and all(term in SHORT for _, term in terms):
        limit = (str(called.this).lower(), int(node.expression.this))
    return Condition("distance", sql, gate, terms, limit, dear=True)


def _sides(node: Any) -> set[str]:
    from sqlglot import exp

    return {column.name[-1] for column in node.find_all(exp.Column)}


def _term(node: Any) -> tuple[int, str]:
    return int(_sides(node) == {"r"}), _SIDE.sub(r"\1", node.sql(dialect="duckdb"))
