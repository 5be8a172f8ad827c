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
from scipy.optimize import linprog

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
