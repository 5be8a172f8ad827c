"""
DuckDB behind Ibis, which remembers the SQL of questions asked before.

A day's questions have the shape of the day's before: other tables and other days, the same SQL.
Ibis takes longer to write it than DuckDB to answer. So the SQL of each shape is kept in this
process, cut where names of tables in memory and moments stand, and those of the next question are
put in.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import ibis
import ibis.expr.operations as ops
from ibis.backends.duckdb import Backend
from ibis.common.graph import Node

from analytics.engine.cycles import uncollected
from analytics.engine.duck import DuckCompiler

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    import ibis.expr.types as ir

_MADE: Final = "ibis_"
"""How names begin that Ibis makes up, each of them used once."""
_MOST: Final = 256
"""Shapes remembered, of some ten thousand characters each; the one longest unused goes first."""

_TABLES: Final = (ops.DatabaseTable, ops.InMemoryTable, ops.UnboundTable)

_written: OrderedDict[Hashable, list[str | int]] = OrderedDict()


class DuckBackend(Backend):  # type: ignore[misc] # Ibis is untyped
    """Ibis's DuckDB connection, which writes the SQL of a shape once in a process."""

    compiler = DuckCompiler()

    def compile(
        self, expr: ir.Table, /, *, limit: int | None = None, params: Any = None, **more: Any
    ) -> str:
        """Write an expression as SQL, from memory where one of its shape was written before."""
        if params or more:
            return str(super().compile(expr, limit=limit, params=params, **more))
        shape, inserted = _shape(expr.op(), self)
        known = (limit, ibis.options.sql.fuse_selects, shape)
        if known in _written:
            _written.move_to_end(known)
            return "".join(p if isinstance(p, str) else inserted[p] for p in _written[known])
        with uncollected():
            sql = str(super().compile(expr, limit=limit))
        if all(text in sql for text in inserted):
            _written[known] = list(_cut(sql, inserted))
            if len(_written) > _MOST:
                _written.popitem(last=False)
        return sql


def _cut(sql: str, inserted: list[str]) -> Iterator[str | int]:
    """Cut SQL where texts were inserted: what stands between, and which text stood there."""
    place = {text: number for number, text in enumerate(inserted)}
    if not place:
        yield sql
        return
    for part in re.split("(" + "|".join(map(re.escape, inserted)) + ")", sql):
        yield place.get(part, part)


def _shape(root: Node, backend: DuckBackend) -> tuple[Hashable, list[str]]:
    """
    Say what an expression looks like but for made-up names and moments, and list these.

    Two expressions of one shape have the same SQL once the texts listed stand in their places.
    Texts that are equal share a place, so that two moments which fall together today make another
    shape than the same two apart.
    """
    inserted: dict[str, int] = {}
    references: dict[tuple[type[Node], int], int] = {}
    place: dict[int, int] = {}
    lines: list[tuple[Any, ...]] = []
    waiting = [root]
    while waiting:
        node = waiting[-1]
        before = [each for each in _nodes(node.__args__) if id(each) not in place]
        if before:
            waiting += before
            continue
        waiting.pop()
        if id(node) in place:
            continue
        place[id(node)] = len(lines)
        lines.append((type(node), *_said(node, backend, place, inserted, references)))
    return tuple(lines), list(inserted)


def _nodes(args: Any) -> Iterator[Node]:
    """Nodes among arguments, however deep they lie."""
    for arg in args:
        if isinstance(arg, Node):
            yield arg
        elif isinstance(arg, tuple):
            yield from _nodes(arg)
        elif isinstance(arg, dict):
            yield from _nodes(arg.values())


def _said(
    node: Node, backend: DuckBackend, place: dict[int, int], inserted: dict[str, int],
    references: dict[tuple[type[Node], int], int],
) -> tuple[Any, ...]:  # fmt: skip
    """Arguments of a node, with places for nodes and for what is inserted."""
    if isinstance(node, ops.Literal) and node.value is not None and _moment(node.dtype):
        text = backend.compiler.visit_Literal(node, value=node.value, dtype=node.dtype)
        number = inserted.setdefault(text.sql(backend.dialect), len(inserted))
        return node.dtype, number
    if isinstance(node, _TABLES):
        name = node.name
        if name.startswith(_MADE):
            name = inserted.setdefault(name, len(inserted))
        return name, node.schema, getattr(node, "namespace", None)
    if isinstance(node, ops.Reference):
        own = references.setdefault((type(node), node.identifier), len(references))
        return own, place[id(node.parent)]
    return tuple(_flat(arg, place) for arg in node.__args__)


def _moment(kind: Any) -> bool:
    return bool(kind.is_date() or kind.is_timestamp())


def _flat(arg: Any, place: dict[int, int]) -> Any:
    if isinstance(arg, Node):
        return (Node, place[id(arg)])
    if isinstance(arg, tuple):
        return tuple(_flat(each, place) for each in arg)
    if isinstance(arg, dict):
        return tuple((name, _flat(each, place)) for name, each in arg.items())
    return arg
