"""Which cells of one table to hide, given everything released before, and the proof."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from analytics.errors import DisclosureError
from analytics.methods.suppression import network
from analytics.methods.suppression.attack import Integers, Knowledge, Mask, Verdict, attack
from analytics.methods.suppression.extend import Cells, extend
from analytics.methods.suppression.sensitivity import DominanceRule, concentration, frequency
from analytics.privacy import joint
from analytics.privacy.layout import TableSpec, ancestors, cell_labels
from analytics.privacy.releases import Entry

_REPAIRS = 60
_GIVEN_UP = 3  # attacks on one table that may take too long
_SECONDS = 20.0  # of repairs to one table, before a coarser one is tried
_SLOW_CELLS = 4_000  # of tables that are no circulation
_PRUNED_CELLS = 250


@dataclass(frozen=True)
class Problem:
    """
    A table's cells, what each must be believable to reach, and the earlier releases.

    Parameters
    ----------
    figures : int array (cells,)
        Counts, margins among them.
    need : int array (cells,)
        How much more a cell must be believable to hold; 0 where it needs no protection.
    slack : int array (cells,)
        How much less it can hold at all: its figure, or what that rose by since an earlier
        release.
    reason : array (cells,)
        Why it needs protection; empty where it does not.
    candidate, given, known : bool array (cells,)
        May be hidden; was hidden by an earlier release, and so is again; was told by one.
    weight : array (cells,)
        What hiding it costs.
    sums : sparse array (cells, parts)
        Cells as sums of the parts that all releases tell apart together.
    earlier : Knowledge
        What the earlier releases tell.
    further, further_floor : sparse array (sums, parts), int array (sums,)
        Sums that only several releases together tell, and the least each must be believable to
        reach.
    """

    figures: Integers
    need: Integers
    slack: Integers
    reason: np.ndarray
    candidate: Mask
    given: Mask
    known: Mask
    weight: np.ndarray
    sums: sparse.csr_array
    earlier: Knowledge
    further: sparse.csr_array
    further_floor: Integers


@dataclass(frozen=True)
class Decision:
    """Hidden cells, why, and what the attacker could not exclude about the hidden ones."""

    hidden: Mask
    reason: np.ndarray
    verdict: Verdict


@dataclass(frozen=True)
class _Audit:
    """Questions, the floor of each, and which were already answered by earlier releases."""

    questions: sparse.csr_array
    floor: Integers
    told: Mask
    cells: int


def pose(
    rows: pd.DataFrame, values: Integers, spec: TableSpec, earlier: Sequence[Entry]
) -> Problem:
    """
    Gather what must stay unprovable.

    Parameters
    ----------
    rows : DataFrame
        Leaf rows (contributions if the spec names contributors).
    values : (cells,) int
        All cells, margins included.
    spec : TableSpec
        Rules.
    earlier : sequence of Entry
        Releases bound together with this one.

    Raises
    ------
    DisclosureError
        If figures known already differ from this table's.
    """
    need, reason = _sensitive(rows, values, spec)
    blank: list[int | None] = [None] * len(values)
    placed = joint.place([spec.entry(blank, blank), *earlier])
    mine, others = placed[0], placed[1:]
    slack, candidate = values.copy(), values > 0
    known, given = np.zeros(len(values), bool), np.zeros(len(values), bool)
    clashes = 0
    for entry, other in zip(earlier, others, strict=True):
        here, there, shifted = _matches(mine, other)
        told = np.array([entry.lower[k] is not None for k in there], bool)
        firm = told & np.array([entry.lower[k] == entry.upper[k] for k in there], bool)
        figure = np.array([entry.lower[k] or 0 for k in there], np.int64)
        same, past = firm & ~shifted, firm & shifted
        clashes += int((values[here[same]] != figure[same]).sum())
        known[here[same]] = True
        given[here[~told & ~shifted]] = True
        rise = values[here[past]] - figure[past]
        clashes += int((rise < 0).sum())
        slack[here[past]] = np.minimum(slack[here[past]], rise)
        candidate[here[past]] &= rise > 0
        if not spec.contributor:
            grown = here[past][(rise > 0) & (rise < spec.threshold)]
            lack = spec.threshold - (rise[(rise > 0) & (rise < spec.threshold)])
            reason[grown[need[grown] == 0]] = "small increment"
            need[grown] = np.maximum(need[grown], lack)
    if clashes:
        raise DisclosureError(
            f"table '{spec.name}': {clashes} cells contradict figures released earlier",
            remedy="name the earlier releases that this one corrects",
        )
    need[known], reason[known] = 0, ""
    further, floor = _further(mine, earlier, others, spec)
    parts = joint.parts([spec.entry(blank, blank), *earlier])
    return Problem(
        values, need, slack, reason, candidate & ~known, given & ~known, known,
        _weight(spec), parts.of(mine.sums), _knowledge(earlier, others, parts),
        parts.of(further), floor,
    )  # fmt: skip


def decide(problem: Problem, spec: TableSpec) -> Decision:
    """
    Hide cells until the attack fails.

    Parameters
    ----------
    problem : Problem
    spec : TableSpec
        Its rule decides what a provable sum is; it is named in the refusal.

    Returns
    -------
    Decision
        Hidden cells, why each is, and what the attack could not exclude.

    Raises
    ------
    DisclosureError
        If no hiding makes the attack fail; names how many sums stay provable.
    """
    audit = _audit(problem)
    hidden, fast = _first_pattern(problem, spec)
    given_up, end = 0, time.monotonic() + _SECONDS
    for _ in range(_REPAIRS):
        verdict, asked = _attack(problem, audit, hidden)
        given_up += verdict.given_up
        idle = _idle(problem, audit, hidden, verdict, asked)
        guilty = _guilty(audit, verdict, asked, spec)
        if idle.any():
            hidden = hidden & ~idle
        elif not len(guilty):
            break
        elif given_up > _GIVEN_UP or time.monotonic() > end:  # a coarser table is sooner safe
            raise _refusal(spec, len(guilty))
        else:
            hidden = _repair(problem, audit, hidden, verdict, asked, guilty)
    else:
        raise _refusal(spec, len(guilty))
    if not fast and not verdict.given_up and len(hidden) <= _PRUNED_CELLS:
        hidden = _prune(problem, audit, hidden, spec)
        verdict, asked = _attack(problem, audit, hidden)
    reason = np.where(hidden & (problem.reason == ""), "protects another", problem.reason)
    return Decision(hidden, np.where(hidden, reason, ""), verdict)


def differ(problem: Problem, lower: Integers, upper: Integers, spec: TableSpec) -> Verdict:
    """
    Attack a rounded table: no count of a few persons may be known exactly.

    Parameters
    ----------
    problem : Problem
        The table, what earlier releases told, and which cells need protection.
    lower, upper : int array (cells,)
        What the rounded table says of each cell.
    spec : TableSpec
        Named in the refusal.

    Returns
    -------
    Verdict
        What an attacker with all limits can still say of the small counts.

    Raises
    ------
    DisclosureError
        If the limits and earlier releases leave some small count a single value.
    """
    few = np.flatnonzero(problem.need > 0)
    told = Knowledge(problem.sums, lower, upper)
    floor = np.zeros(len(few), np.int64)
    before = _exact_before(problem, problem.sums[few], floor)
    verdict = attack(_joined(problem.earlier, told), problem.sums[few], floor)
    bare = int((verdict.exact & ~before).sum())
    if bare:
        raise _refusal(spec, bare)
    return verdict


def _sensitive(
    rows: pd.DataFrame, values: Integers, spec: TableSpec
) -> tuple[Integers, np.ndarray]:
    """How far each cell must be believable above its value, and why."""
    reason = np.full(len(values), "", dtype=object)
    if not spec.contributor:
        need = frequency(values, spec.threshold, zeros_secret=spec.zeros == "secret")
        reason[need > 0] = "small"
        return need, reason
    rule = spec.dominance
    heads = rule.n if isinstance(rule, DominanceRule) else 2
    people, largest = _contributions(rows, spec, heads)
    few = (people > 0) & (people < spec.threshold)
    need = np.where(few, np.maximum(values, 1), 0)
    reason[few] = "small"
    if rule:
        lack = np.where(values > 0, concentration(largest, values, rule), 0)
        reason[(lack > 0) & ~few] = "dominance"
        need = np.maximum(need, lack)
    return need, reason


def _contributions(rows: pd.DataFrame, spec: TableSpec, heads: int) -> tuple[Integers, Integers]:
    """Contributors of every cell, and its largest contributions."""
    assert spec.contributor is not None
    spread = rows
    for dimension in spec.dimensions:
        member = ancestors(dimension)
        up = pd.DataFrame(
            [
                (leaf, row)
                for column, leaf in enumerate(dimension.leaves)
                for row in np.flatnonzero(member[:, column])
            ],
            columns=[dimension.name, f"{dimension.name} place"],
        )
        spread = spread.merge(up, on=dimension.name)
    shape = [len(dimension.labels) for dimension in spec.dimensions]
    places = [spread[f"{dimension.name} place"].to_numpy() for dimension in spec.dimensions]
    cell = np.ravel_multi_index(places, shape)
    amounts = spread.groupby([cell, spread[spec.contributor]])[spec.measure].sum()
    amounts = amounts[amounts > 0].sort_values(ascending=False, kind="stable")
    owner = amounts.index.get_level_values(0).to_numpy()
    rank = amounts.groupby(level=0).cumcount().to_numpy()
    largest = np.zeros((int(np.prod(shape)), heads), np.int64)
    top = rank < heads
    largest[owner[top], rank[top]] = amounts.to_numpy()[top]
    return np.bincount(owner, minlength=len(largest)), largest


def _matches(mine: joint.Placed, other: joint.Placed) -> tuple[Integers, Integers, Mask]:
    """Cells of both releases with the same categories; whether mine counts further days."""
    index: dict[tuple[int, ...], int] = {
        tuple(key[:-1]): k for k, key in enumerate(other.places.tolist())
    }
    pairs = [
        (k, index[tuple(key[:-1])])
        for k, key in enumerate(mine.places.tolist())
        if tuple(key[:-1]) in index
    ]
    here, there = np.array(pairs, np.int64).reshape(-1, 2).T
    if not len(here) or mine.places[0, -1] == other.places[0, -1]:
        return here, there, np.zeros(len(here), bool)
    inside = mine.sums[here].multiply(other.sums[there]).sum(axis=1)
    nested = np.asarray(inside).ravel() == np.asarray(other.sums[there].sum(axis=1)).ravel()
    return here[nested], there[nested], np.ones(int(nested.sum()), bool)


def _further(
    mine: joint.Placed, earlier: Sequence[Entry], others: Sequence[joint.Placed], spec: TableSpec
) -> tuple[sparse.csr_array, Integers]:
    """Hidden cells of earlier releases, and differences between releases, with floors."""
    groups = mine.sums.shape[1]
    sums, floors = [sparse.csr_array((0, groups), dtype=np.int64)], [np.empty(0, np.int64)]
    own = {tuple(place) for place in mine.places.tolist()}
    for entry, other in zip(earlier, others, strict=True):
        # cells that this table has too are asked about as its own
        new = np.array([tuple(place) not in own for place in other.places.tolist()], bool)
        concealed = np.flatnonzero(new & [limit is None for limit in entry.lower])
        apart = joint.differences(mine, joint.Placed(other.sums[new], other.places[new]))
        if spec.contributor:  # amounts: a difference of amounts has no threshold
            concealed, apart = concealed[:0], apart[:0]
        sums += [other.sums[concealed], apart]
        floors += [
            np.full(len(concealed), entry.threshold),
            np.full(apart.shape[0], spec.threshold),
        ]
    return sparse.csr_array(sparse.vstack(sums, format="csr")), np.concatenate(floors)


def _knowledge(
    earlier: Sequence[Entry], others: Sequence[joint.Placed], parts: joint.Parts
) -> Knowledge:
    """Say what earlier releases tell of the parts, and how these hang together."""
    none = np.zeros(parts.links.shape[0], np.int64)
    linked = Knowledge(parts.links, none, none)
    if not earlier:
        return linked
    told = joint.knowledge(earlier, others)
    return _joined(linked, Knowledge(parts.of(told.sums), told.lower, told.upper))


def _weight(spec: TableSpec) -> np.ndarray:
    """Hiding a margin costs a little more than hiding a cell inside."""
    labels = cell_labels(spec)
    margins = [~labels[d.name].isin(d.leaves).to_numpy() for d in spec.dimensions]
    return np.asarray(1 + 0.02 * np.sum(margins, axis=0))


def _joined(one: Knowledge, other: Knowledge) -> Knowledge:
    return Knowledge(
        sparse.csr_array(sparse.vstack([one.sums, other.sums], format="csr")),
        np.concatenate([one.lower, other.lower]),
        np.concatenate([one.upper, other.upper]),
    )


def _audit(problem: Problem) -> _Audit:
    """All questions; what earlier releases prove already is no longer asked for more."""
    questions = sparse.csr_array(sparse.vstack([problem.sums, problem.further], format="csr"))
    floor = np.concatenate([problem.figures + problem.need, problem.further_floor])
    cells = len(problem.figures)
    told = np.zeros(len(floor), bool)
    if problem.earlier.sums.shape[0]:
        asked = np.ones(len(floor), bool)
        asked[:cells] = (problem.need > 0) | problem.given
        chosen = np.flatnonzero(asked)
        inside = chosen < cells
        before = attack(problem.earlier, questions[chosen], floor[chosen], inside)
        floor[chosen] = np.where(before.small, before.ceiling, floor[chosen])
        told[chosen] = before.exact
    return _Audit(questions, floor, told, cells)


def _exact_before(problem: Problem, questions: sparse.csr_array, floor: Integers) -> Mask:
    if not problem.earlier.sums.shape[0]:
        return np.zeros(len(floor), bool)
    return attack(problem.earlier, questions, floor).exact


def _first_pattern(problem: Problem, spec: TableSpec) -> tuple[Mask, bool]:
    """Fewest cells where the table is a circulation; else only those sensitive."""
    start = (problem.need > 0) | problem.given
    deep = [k for k, dimension in enumerate(spec.dimensions) if dimension.depth > 1]
    if len(spec.dimensions) > 2 or len(deep) > 1:  # noqa: PLR2004
        if len(start) > _SLOW_CELLS:
            raise DisclosureError(
                f"table '{spec.name}' has {len(start):,} cells in three dimensions or two "
                f"hierarchies; {_SLOW_CELLS:,} can be audited",
                remedy="release fewer dimensions or a coarser table",
            )
        return start, False
    tree, turned = spec.dimensions[deep[0] if deep else 0], bool(deep) and deep[0] == 1
    place = {label: k for k, label in enumerate(tree.labels)}
    parents = np.array([place.get(tree.parents.get(label, ""), -1) for label in tree.labels])
    flat = len(spec.dimensions) - 1 and len(spec.dimensions[0 if turned else 1].leaves)
    arcs = network.circulation(parents, int(flat))
    shape = [len(dimension.labels) for dimension in spec.dimensions]
    order = np.arange(len(start)).reshape(shape)
    order = (order.T if turned else order).ravel()
    try:
        pattern = network.protect(
            arcs,
            problem.slack[order],
            problem.need[order],
            problem.candidate[order],
            problem.weight[order],
            problem.given[order],
        )
    except DisclosureError:
        return start, True  # earlier releases bind it; the repairs look for what is left
    hidden = np.empty(len(start), bool)
    hidden[order] = pattern.hidden
    return hidden, True


def _attack(problem: Problem, audit: _Audit, hidden: Mask) -> tuple[Verdict, Integers]:
    shown = np.flatnonzero(~hidden)
    told = Knowledge(problem.sums[shown], problem.figures[shown], problem.figures[shown])
    asked = np.concatenate([hidden, np.ones(len(audit.floor) - audit.cells, bool)]).nonzero()[0]
    everything = _joined(problem.earlier, told)
    inside = asked < audit.cells
    verdict = attack(everything, audit.questions[asked], audit.floor[asked], inside)
    return verdict, asked


def _idle(problem: Problem, audit: _Audit, hidden: Mask, verdict: Verdict, asked: Integers) -> Mask:
    """Cells hidden for others that an attacker works out anyway: they may as well be shown."""
    idle = np.zeros(len(hidden), bool)
    cells = asked < audit.cells
    idle[asked[cells & verdict.exact]] = True
    return idle & (problem.need <= 0) & ~problem.given


def _guilty(audit: _Audit, verdict: Verdict, asked: Integers, spec: TableSpec) -> Integers:
    """Questions (positions among the asked) that the release would answer."""
    inside = asked < audit.cells
    small = verdict.small & ~audit.told[asked]
    nothing = verdict.small & (verdict.ceiling == 0) & (spec.zeros == "public") & ~inside
    exact = verdict.exact & inside & ~audit.told[asked]
    return np.flatnonzero((small & ~nothing) | exact)


def _repair(
    problem: Problem, audit: _Audit, hidden: Mask, verdict: Verdict, asked: Integers,
    guilty: Integers,
) -> Mask:  # fmt: skip
    """Hide more until each answered question is open again."""
    hopeless = 0
    for position in guilty:
        question = int(asked[position])
        row, floor = audit.questions[[question]], int(audit.floor[question])
        cells = Cells(problem.sums, problem.figures, hidden, problem.candidate, problem.weight)
        if verdict.small[position]:
            fresh = extend(cells, problem.earlier, row, floor)
        else:
            value = int(verdict.low[position])
            fresh = extend(cells, problem.earlier, row, value + 1)
            if fresh is None:
                fresh = extend(cells, problem.earlier, row, value - 1, upward=False)
        if fresh is None:
            hopeless += 1
        else:
            hidden = fresh
    if hopeless:
        raise DisclosureError(
            f"{hopeless} figures would stay provable whatever is hidden",
            remedy="release a coarser table, or wait until more has changed",
        )
    return hidden


def _prune(problem: Problem, audit: _Audit, hidden: Mask, spec: TableSpec) -> Mask:
    """Show again each cell hidden for others without which the attack still fails."""
    hidden = hidden.copy()
    for cell in np.flatnonzero(hidden & (problem.need <= 0) & ~problem.given)[::-1]:
        hidden[cell] = False
        verdict, asked = _attack(problem, audit, hidden)
        hidden[cell] = bool(len(_guilty(audit, verdict, asked, spec)))
    return hidden


def _refusal(spec: TableSpec, count: int) -> DisclosureError:
    return DisclosureError(
        f"table '{spec.name}' may not leave: {count} of its figures could be worked out",
        remedy="release a coarser table",
    )
