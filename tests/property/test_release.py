"""Laws of the disclosure gate, held against an attack written apart from the product's."""

from __future__ import annotations

import itertools
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from analytics.methods.suppression.attack import Knowledge, attack
from analytics.privacy import joint
from analytics.privacy.layout import ancestors, with_margins
from analytics.privacy.release import Dimension, Ledger, TableSpec, release

AREAS = Dimension("area", {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "A": "all", "B": "all"})
GROUPS = Dimension.flat("group", ("g1", "g2", "g3"))
COUNTS = st.lists(
    st.one_of(st.just(0), st.integers(1, 12), st.integers(10, 400)), min_size=12, max_size=12
)


def spec(day=20, **changes):  # noqa: ANN003
    base = {
        "name": "t", "population": "p", "measure": "n", "dimensions": (AREAS, GROUPS),
        "as_of": date(2020, 2, day), "vanish": 1.0,
    }  # fmt: skip
    return TableSpec(**(base | changes))


def table(figures):
    cells = itertools.product(AREAS.leaves, GROUPS.leaves)
    return pd.DataFrame(cells, columns=["area", "group"]).assign(n=figures)


def fresh():
    return Ledger(Path(tempfile.mkdtemp()) / "releases.jsonl")


def member():
    return np.kron(ancestors(AREAS), ancestors(GROUPS))


def highest(row, known, figures):
    answer = linprog(-row, A_eq=known, b_eq=figures, method="highs")
    return np.inf if answer.status in (3, 4) else -answer.fun


@settings(max_examples=15, deadline=None)
@given(COUNTS)
def test_no_attack_proves_a_hidden_cell_small_or_exact(figures):
    released = release(table(figures), spec(), fresh())
    hidden = released.table["hidden"].to_numpy(bool)
    true = with_margins(table(figures), spec())
    shown = released.table["n"][~hidden].to_numpy(float)
    assert (shown == true[~hidden]).all()
    assert not ((true[~hidden] > 0) & (true[~hidden] < 10)).any()
    for row, value in zip(member()[hidden], true[hidden], strict=True):
        top = highest(row, member()[~hidden], shown)
        assert top >= 10 - 1e-6
        assert top > value or highest(-row, member()[~hidden], shown) > -value


@settings(max_examples=6, deadline=None)
@given(COUNTS, st.permutations(range(12)))
def test_order_of_rows_and_repetition_change_nothing(figures, order):
    ledger = fresh()
    first = release(table(figures), spec(), ledger)
    again = release(table(figures).iloc[order], spec(), ledger)
    pd.testing.assert_frame_equal(first.table, again.table)


@settings(max_examples=6, deadline=None)
@given(COUNTS)
def test_a_higher_threshold_shows_no_cell_that_is_small_under_the_lower(figures):
    low = release(table(figures), spec(threshold=5), fresh())
    high = release(table(figures), spec(threshold=10), fresh())
    small = low.reasons[low.reasons["reason"] == "small"].index
    assert high.table["hidden"].loc[small].all()


@settings(max_examples=6, deadline=None)
@given(COUNTS, st.lists(st.one_of(st.just(0), st.integers(0, 40)), min_size=12, max_size=12))
def test_two_days_together_prove_no_increment_small(figures, increments):
    """Joint attack over both days, on every cell's increment."""
    ledger = fresh()
    days = [figures, [a + b for a, b in zip(figures, increments, strict=True)]]
    tables = [release(table(day), spec(19 + k), ledger) for k, day in enumerate(days)]
    cells = member()
    blank = np.zeros_like(cells)
    known, shown = [], []
    for k, released in enumerate(tables):
        dark = released.table["hidden"].to_numpy(bool)
        known.append(np.hstack([cells, cells if k else blank])[~dark])
        shown.append(released.table["n"][~dark].to_numpy(float))
    system, sums = np.vstack(known), np.concatenate(shown)
    for row, cell in zip(np.hstack([blank, cells]), cells, strict=True):
        top = highest(row, system, sums)
        assert top < 1e-6 or top >= 10 - 1e-6
        assert cell.sum() >= 1


AXES = {"a": ("a1", "a2", "a3"), "b": ("b1", "b2"), "c": ("c1", "c2"), "d": ("d1", "d2", "d3")}
HELD = st.lists(
    st.lists(st.sampled_from(sorted(AXES)), min_size=1, max_size=2, unique=True).map(sorted),
    min_size=2, max_size=4, unique_by=tuple,
)  # fmt: skip


def published(held, persons, rng):
    """Tables over some dimensions of the same persons, a third of each hidden."""
    entries = []
    for names in held:
        rows = persons.groupby(names, as_index=False)["n"].sum()
        dimensions = tuple(Dimension.flat(name, AXES[name]) for name in names)
        one = spec(dimensions=dimensions, stock=True)
        shown = [int(v) if rng.random() > 1 / 3 else None for v in with_margins(rows, one)]
        entries.append(one.entry(shown, shown))
    return entries


@settings(max_examples=60, deadline=None)
@given(HELD, st.integers(0, 10**6))
def test_tables_side_by_side_prove_what_all_dimensions_crossed_would(held, seed):
    """Whole tables over all dimensions at once are what the parts stand for."""
    rng = np.random.default_rng(seed)
    persons = pd.DataFrame(itertools.product(*AXES.values()), columns=list(AXES))
    persons["n"] = rng.poisson(rng.choice([0.2, 3.0], len(persons)))
    entries = published(held, persons, rng)
    placed, parts = joint.place(entries), joint.parts(entries)
    crossed = joint.knowledge(entries, placed)
    dark = [[limit is None for limit in entry.lower] for entry in entries]
    asked = sparse.csr_array(
        sparse.vstack(
            [where.sums[np.flatnonzero(d)] for where, d in zip(placed, dark, strict=True)]
        )
    )
    floor = np.full(asked.shape[0], 6)
    none = np.zeros(parts.links.shape[0], dtype=np.int64)
    aside = Knowledge(
        sparse.csr_array(sparse.vstack([parts.links, parts.of(crossed.sums)])),
        np.concatenate([none, crossed.lower]),
        np.concatenate([none, crossed.upper]),
    )
    one, other = attack(crossed, asked, floor), attack(aside, parts.of(asked), floor)
    if one.given_up or other.given_up:
        return
    assert one.small.tolist() == other.small.tolist()
    assert one.exact.tolist() == other.exact.tolist()
    assert one.ceiling[one.small].tolist() == other.ceiling[one.small].tolist()


def test_private_dimensions_are_not_crossed():
    """Four tables of codes by one thing each need the sum of their cells, not the product."""
    held = [["a", "d"], ["b", "d"], ["c", "d"]]
    rng = np.random.default_rng(1)
    persons = pd.DataFrame(itertools.product(*AXES.values()), columns=list(AXES)).assign(n=4)
    entries = published(held, persons, rng)
    parts = joint.parts(entries)
    assert [block.shape for block in parts.blocks] == [(36, 9), (36, 6), (36, 6)]
    assert parts.links.shape == (6, 21)
    apart = joint.parts(published([["a", "b"], ["b", "c"], ["a", "c"]], persons, rng))
    assert [block.shape for block in apart.blocks] == [(12, 12)]
