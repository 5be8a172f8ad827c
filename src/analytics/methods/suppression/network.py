"""
The fewest cells to hide in a table with one hierarchy, by cuts in its circulation.

A table of a tree (county, prefecture, province) by flat categories with all margins is a
circulation: each cell is an arc, each published sum a node. A change that no published sum
betrays is a flow around cycles of hidden arcs, so what an attacker can still believe of a
cell is a maximum flow, and a set of cells too weak to protect it is a minimum cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csgraph

from analytics.errors import DisclosureError, SolverError

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Reals = NDArray[np.float64]
Cut = tuple[tuple[int, float], ...]  # candidate arcs and their share of the demand

_LARGEST = 1 << 22  # flow units; a sum of many arcs stays inside 32 bits
_SMALL = 90  # candidate cells up to which the pattern is solved to the proven optimum
_ROUNDS = (400, 3)  # cutting rounds for small and for large tables
_NODES = 200  # branch-and-bound nodes per round on large tables


@dataclass(frozen=True)
class Circulation:
    """Arcs ``tail -> head`` of a table's cells, in the table's cell order."""

    tail: Integers
    head: Integers
    nodes: int
    free: tuple[Integers, Integers]  # uncapacitated two-way arcs that are no cell


@dataclass(frozen=True)
class Pattern:
    """
    Which cells to hide.

    ``bound`` is the proven least weight of added cells (0 when nothing was needed);
    ``optimal`` says that no lighter pattern exists.
    """

    hidden: Mask
    bound: float
    optimal: bool


@dataclass(frozen=True)
class _Task:
    """Arcs with how far each may sink and must be believed to rise, in flow units."""

    arcs: Circulation
    slack: Integers
    need: Integers
    candidate: Mask
    weight: Reals
    given: Mask

    @property
    def sensitive(self) -> Mask:
        """Cells that need protection."""
        return self.need > 0


def circulation(parents: Integers, categories: int) -> Circulation:
    """
    Draw a table as a circulation.

    Parameters
    ----------
    parents : (rows,) int
        Parent of each row of the tree, -1 for its root.
    categories : int
        Number of flat categories; the table then has ``categories + 1`` columns, the last
        being their total. 0 means a table of one dimension: a single column.

    Returns
    -------
    Circulation
        Cells in row-major order.

    Notes
    -----
    Leaf row r has node r, row R above leaves has one node per column. Cell (r, c) runs from
    r's node to its parent's node of column c; (R, c) from node (R, c) to its parent's;
    the root's cells end in the ground. Total columns run the other way. The sum over
    categories of a row above leaves is implied, hence each cell is in exactly two sums.
    """
    rows, columns = len(parents), categories + 1
    inner = np.zeros(rows, bool)
    inner[parents[parents >= 0]] = True
    ground = rows * (columns + 1)
    row, column = np.divmod(np.arange(rows * columns), columns)
    above = parents[row]
    low = np.where(inner[row], rows + row * columns + column, row)
    high = np.where(above < 0, ground, rows + above * columns + column)
    turned = (column == columns - 1) & (categories > 0)
    leaves = np.flatnonzero(~inner) if categories == 0 else np.empty(0, np.int64)
    return Circulation(
        tail=np.where(turned, high, low),
        head=np.where(turned, low, high),
        nodes=ground + 1,
        free=(leaves, np.full(len(leaves), ground)),
    )


def protect(
    arcs: Circulation,
    slack: Integers,
    need: Integers,
    candidate: Mask,
    weight: Reals,
    given: Mask | None = None,
) -> Pattern:
    r"""
    Hide cells until every sensitive one may be believed large enough.

    Parameters
    ----------
    arcs : Circulation
        The table.
    slack : (cells,) int
        How far an attacker may believe each cell to lie below its value [units].
    need : (cells,) int
        How far each sensitive cell must be believable above its value [units]; 0 for cells
        that are not sensitive. Sensitive cells are hidden.
    candidate : (cells,) bool
        Cells that may be hidden besides.
    weight : (cells,) float
        What hiding a candidate costs; positive.
    given : (cells,) bool, optional
        Cells hidden anyway.

    Returns
    -------
    Pattern
        Proven lightest for small tables, near the bound for large ones.

    Raises
    ------
    DisclosureError
        If some sensitive cells cannot be protected even with every candidate hidden.

    Notes
    -----
    With :math:`y_i = 1` for a hidden cell, cell p is protected when every cut between its
    ends carries its need: :math:`\\sum_{i \\in C^+} n_p y_i + \\sum_{i \\in C^-}
    \\min(s_i, n_p) y_i \\ge n_p` (arcs that rise are unbounded, arcs that sink have
    slack s). The cuts are separated by maximum flows and gathered in a master programme.
    """
    given = (need > 0) if given is None else given | (need > 0)
    task = _scaled(_Task(arcs, slack, need, candidate & ~given, weight, given))
    residual = _Residual(task)
    hopeless = residual.exposed(task.given | task.candidate)
    if hopeless:
        raise DisclosureError(
            f"{len(hopeless)} sensitive cells cannot be protected by hiding others",
            remedy="release a coarser table, or one without the figures already known",
        )
    small = int(task.candidate.sum()) <= _SMALL
    hidden, bound, exposed = _cutting_rounds(task, residual, small=small)
    hidden = _augment(task, residual, hidden, exposed)
    if not small:
        hidden = _prune(task, residual, hidden)
    cost = float(weight[hidden & ~task.given].sum())
    return Pattern(hidden, bound, optimal=cost <= bound + 1e-6)


def _cutting_rounds(
    task: _Task, residual: _Residual, *, small: bool
) -> tuple[Mask, float, list[int]]:
    """Choose, look for cells left exposed, cut, choose again."""
    cuts, bound = _line_cuts(task), 0.0
    hidden, exposed = task.given.copy(), list[int]()
    for _ in range(_ROUNDS[0] if small else _ROUNDS[1]):
        hidden, bound = _lightest(task, cuts, small=small)
        found = residual.exposed(hidden)
        exposed = list(found)
        if not exposed:
            break
        cuts |= {
            cut
            for cell, sides in found.items()
            for side in sides
            if (cut := _cut(task, side, cell))
        }
    return hidden, bound, exposed


def _scaled(task: _Task) -> _Task:
    """Clip to what can matter and shrink to flow units; rounding only ever asks for more."""
    top = max(int(task.need.max(initial=0)), 1)
    unit = -(-top // _LARGEST)
    slack = np.minimum(np.maximum(task.slack, 0), top) // unit
    need = -(-np.maximum(task.need, 0) // unit)
    return _Task(task.arcs, slack, need, task.candidate, task.weight, task.given)


class _Residual:
    """
    What a set of hidden cells lets flow; remembers one route per sensitive cell.

    A route found under one pattern still proves its cell safe under any other pattern that
    hides all arcs the route uses, so most cells are never routed twice.
    """

    def __init__(self, task: _Task) -> None:
        self.task = task
        self.need: list[int] = task.need.tolist()
        self.ends = list(zip(task.arcs.head.tolist(), task.arcs.tail.tolist(), strict=True))
        self.routes: dict[int, frozenset[int]] = {}
        self.room: list[int] = []
        self.ways: list[list[tuple[int, int]]] = []

    def exposed(self, hidden: Mask) -> dict[int, list[Mask]]:
        """Sensitive cells that a pattern does not protect, each with its tightest cuts."""
        found: dict[int, list[Mask]] = {}
        for cell in self._doubtful(hidden):
            sides: list[Mask] = []
            if not self.route(cell, sides):
                found[cell] = sides
        return found

    def holds(self, hidden: Mask) -> bool:
        """Tell whether a pattern protects every sensitive cell."""
        return all(self.route(cell) for cell in self._doubtful(hidden))

    def _doubtful(self, hidden: Mask) -> list[int]:
        """Sensitive cells without a standing route, once the pattern is laid out."""
        shown = frozenset(np.flatnonzero(~hidden).tolist())
        ample = _ample_cycle(self.task, hidden)
        self.open(hidden)
        return [
            cell
            for cell in np.flatnonzero(self.task.sensitive & ~ample).tolist()
            if cell not in self.routes or not self.routes[cell].isdisjoint(shown)
        ]

    def open(self, hidden: Mask) -> None:
        """Lay out the arcs of a pattern: rise without limit, sink by their slack."""
        task = self.task
        top = max(int(task.need.max(initial=0)), 1)
        rise = np.where(hidden, top, 0)
        sink = np.where(hidden, task.slack, 0)
        loose = np.full(2 * len(task.arcs.free[0]), top)
        self.room = [*np.column_stack([rise, sink]).ravel().tolist(), *loose.tolist()]
        self.ways = [[] for _ in range(task.arcs.nodes)]
        for cell in np.flatnonzero(hidden).tolist():
            head, tail = self.ends[cell]
            self.ways[tail].append((head, 2 * cell))
            self.ways[head].append((tail, 2 * cell + 1))
        base = 2 * len(self.ends)
        for k, (one, other) in enumerate(zip(*(f.tolist() for f in task.arcs.free), strict=True)):
            self.ways[one].append((other, base + 2 * k))
            self.ways[other].append((one, base + 2 * k + 1))

    def route(self, cell: int, cut_sides: list[Mask] | None = None) -> bool:
        """Send a cell's need round from its head to its tail; on failure note the cuts."""
        source, sink = self.ends[cell]
        room, missing = self.room, self.need[cell]
        moved: list[tuple[int, int]] = [
            (2 * cell, room[2 * cell]),
            (2 * cell + 1, room[2 * cell + 1]),
        ]
        room[2 * cell] = room[2 * cell + 1] = 0
        while missing > 0 and (path := self._path(source, sink)):
            step = min(missing, *(room[arc] for arc in path))
            for arc in path:
                moved.append((arc, room[arc]))
                moved.append((arc ^ 1, room[arc ^ 1]))
                room[arc] -= step
                room[arc ^ 1] += step
            missing -= step
        if missing <= 0:
            self.routes[cell] = frozenset(arc // 2 for arc, _ in moved[2:])
        elif cut_sides is not None:
            cut_sides += [self._reach(source, sink=False), ~self._reach(sink, sink=True)]
        for arc, before in reversed(moved):
            room[arc] = before
        return missing <= 0

    def _path(self, source: int, sink: int) -> list[int]:
        """Fewest arcs with room from source to sink; empty if none."""
        room, ways = self.room, self.ways
        came: dict[int, tuple[int, int]] = {source: (-1, -1)}
        queue = [source]
        for node in queue:
            for onward, arc in ways[node]:
                if onward not in came and room[arc]:
                    came[onward] = node, arc
                    if onward == sink:
                        return _traced(came, sink, source)
                    queue.append(onward)
        return []

    def _reach(self, start: int, *, sink: bool) -> Mask:
        """Nodes that still reach, or are reached from, a node."""
        found = np.zeros(self.task.arcs.nodes, bool)
        found[start] = True
        queue = [start]
        for node in queue:
            for onward, arc in self.ways[node]:
                if not found[onward] and self.room[arc ^ 1 if sink else arc]:
                    found[onward] = True
                    queue.append(onward)
        return found


def _traced(came: dict[int, tuple[int, int]], node: int, source: int) -> list[int]:
    """Arcs back from a node to the source of a search."""
    path = []
    while node != source:
        node, arc = came[node]
        path.append(arc)
    return path


def _ample_cycle(task: _Task, hidden: Mask) -> Mask:
    """Cells on a cycle of arcs that each carry any need: safe without looking for a flow."""
    arcs, top = task.arcs, int(task.need.max(initial=0))
    ample = hidden & ~task.sensitive & (task.slack >= top)
    left, right = arcs.free
    start = np.concatenate([arcs.tail[hidden], arcs.head[ample], left, right])
    end = np.concatenate([arcs.head[hidden], arcs.tail[ample], right, left])
    strong = sparse.coo_array((np.ones(len(start)), (start, end)), shape=(arcs.nodes,) * 2)
    _, part = csgraph.connected_components(strong.tocsr(), connection="strong")
    return np.asarray(part[arcs.tail] == part[arcs.head])


def _line_cuts(task: _Task) -> set[Cut]:
    """Demand of the two sums every sensitive cell stands in."""
    cuts = set()
    for cell in np.flatnonzero(task.sensitive):
        near = np.zeros(task.arcs.nodes, bool)
        near[task.arcs.head[cell]] = True
        far = np.ones(task.arcs.nodes, bool)
        far[task.arcs.tail[cell]] = False
        cuts |= {_cut(task, side, int(cell)) for side in (near, far)}
    return cuts - {()}


def _cut(task: _Task, side: Mask, cell: int) -> Cut:
    """Demand on the candidates across a cut, scaled to 1; empty if the sensitive suffice."""
    if (side[task.arcs.free[0]] != side[task.arcs.free[1]]).any():
        return ()
    need = int(task.need[cell])
    inside, beyond = side[task.arcs.tail], side[task.arcs.head]
    across = np.where(inside & ~beyond, need, 0)
    across += np.where(beyond & ~inside, np.minimum(task.slack, need), 0)
    across[cell] = 0
    rest = need - int(across[task.given].sum())
    if rest <= 0:
        return ()
    arcs = np.flatnonzero(task.candidate & (across > 0))
    return tuple((int(arc), round(min(int(across[arc]), rest) / rest, 9)) for arc in arcs)


def _lightest(task: _Task, cuts: set[Cut], *, small: bool) -> tuple[Mask, float]:
    """Lightest set of candidates that meets all cuts so far, and the proven bound."""
    hidden = task.given.copy()
    if not cuts:
        return hidden, 0.0
    choice = np.flatnonzero(task.candidate)
    place = np.full(len(hidden), -1)
    place[choice] = np.arange(len(choice))
    ordered = sorted(cuts)
    row = np.repeat(np.arange(len(ordered)), [len(cut) for cut in ordered])
    arc, share = (np.array(part) for part in zip(*(e for cut in ordered for e in cut), strict=True))
    demand = sparse.csr_array((share, (row, place[arc])), shape=(len(ordered), len(choice)))
    limits = {"mip_rel_gap": 0.0} if small else {"mip_rel_gap": 0.02, "node_limit": _NODES}
    answer = milp(
        task.weight[choice],
        constraints=LinearConstraint(demand, lb=1 - 1e-7),
        integrality=np.ones(len(choice)),
        bounds=Bounds(0, 1),
        options=limits,
    )
    if answer.x is None:
        raise SolverError(f"choosing cells to hide: {answer.message}")
    hidden[choice] = np.rint(answer.x) > 0
    return hidden, float(answer.mip_dual_bound)


def _augment(task: _Task, residual: _Residual, hidden: Mask, exposed: list[int]) -> Mask:
    """Close an ample cycle of least added weight through each cell still exposed."""
    hidden = hidden.copy()
    arcs, top = task.arcs, int(task.need.max(initial=0))
    usable = task.given | task.candidate
    ample = task.candidate & (task.slack >= top)
    left, right = arcs.free
    start = np.concatenate([arcs.tail[usable], arcs.head[ample], left, right])
    end = np.concatenate([arcs.head[usable], arcs.tail[ample], right, left])
    owner = np.concatenate(
        [np.flatnonzero(usable), np.flatnonzero(ample), np.full(2 * len(left), -1)]
    )
    carrier = {(int(i), int(j)): int(k) for i, j, k in zip(start, end, owner, strict=True)}
    for cell in exposed:
        residual.open(hidden)
        if residual.route(cell):
            continue
        price = np.where(owner < 0, 0, np.where(hidden[owner], 0, task.weight[owner])) + 1e-6
        graph = sparse.csr_array((price, (start, end)), shape=(arcs.nodes,) * 2)
        source, node = residual.ends[cell]
        _, before = csgraph.dijkstra(graph, indices=source, return_predecessors=True)
        if before[node] < 0:  # only thin arcs lead there: hide every one, pruning follows
            return usable.copy()
        while node != source:
            arc = carrier[int(before[node]), node]
            if arc >= 0:
                hidden[arc] = True
            node = int(before[node])
    return hidden


def _prune(task: _Task, residual: _Residual, hidden: Mask) -> Mask:
    """Show again each added cell that no sensitive one needs, the costliest first."""
    hidden = hidden.copy()
    residual.exposed(hidden)
    added = np.flatnonzero(hidden & ~task.given)
    for cell in added[np.lexsort((added, -task.weight[added]))]:
        hidden[cell] = False
        kept = dict(residual.routes)
        if not residual.holds(hidden):
            hidden[cell] = True
            residual.routes = kept
    return hidden
