"""The disclosure gate, seen from outside."""

from __future__ import annotations

import itertools
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.optimize import linprog

from analytics.errors import AuditError, DisclosureError, ParameterError
from analytics.methods.suppression import attack
from analytics.methods.suppression.network import circulation, protect
from analytics.methods.suppression.rounding import controlled_rounding, random_rounding
from analytics.methods.suppression.sensitivity import DominanceRule, PercentRule, concentration
from analytics.privacy.layout import ancestors, with_margins
from analytics.privacy.release import Dimension, Ledger, Rounding, TableSpec, ledger_of, release

COUNTIES = Dimension(
    "county",
    {
        "a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B", "b3": "B", "A": "all", "B": "all",
    },
)  # fmt: skip
GROUPS = Dimension.flat("group", ("g1", "g2", "g3"))


def spec(**changes):  # noqa: ANN003
    base = {
        "name": "stranded people",
        "population": "stranded",
        "measure": "persons",
        "dimensions": (COUNTIES, GROUPS),
        "as_of": date(2020, 2, 20),
        "vanish": 1.0,
    }
    return TableSpec(**(base | changes))


def table(figures, dimensions=(COUNTIES, GROUPS)):
    cells = itertools.product(*(d.leaves for d in dimensions))
    frame = pd.DataFrame(cells, columns=[d.name for d in dimensions])
    return frame.assign(persons=figures)


FIGURES = [30, 3, 41, 25, 60, 18, 90, 33, 12, 44, 51, 7, 80, 15, 16, 0, 22, 35]


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "releases.jsonl")


def bounds(released):
    """An attack written only for this test: two plain programmes per hidden cell."""
    dimensions = released.spec.dimensions
    member = np.ones((1, 1))
    for dimension in dimensions:
        member = np.kron(member, ancestors(dimension))
    dark = released.table["hidden"].to_numpy(bool)
    figures = released.table[released.spec.measure][~dark].to_numpy(float)
    found = []
    for row in member[dark]:
        ends = []
        for sign in (1, -1):
            answer = linprog(sign * row, A_eq=member[~dark], b_eq=figures, method="highs")
            ends.append(np.inf if answer.status in (3, 4) else sign * answer.fun)
        found.append(ends)
    return np.array(found).reshape(-1, 2)


def test_hidden_cells_can_neither_be_recovered_nor_proven_small(ledger):
    released = release(table(FIGURES), spec(), ledger)
    low, high = bounds(released).T
    assert released.counts["small"] == 2
    assert (high >= 10 - 1e-6).all()
    assert (low < high).all()
    assert released.certificate.small == released.certificate.exact == 0


def test_totals_shown_are_true(ledger):
    released = release(table(FIGURES), spec(), ledger)
    shown = ~released.table["hidden"].to_numpy()
    true = with_margins(table(FIGURES), spec())
    assert (released.table["persons"][shown] == true[shown]).all()
    assert true[-1] == sum(FIGURES)


def test_table_does_not_say_why_a_cell_is_hidden(ledger):
    released = release(table(FIGURES), spec(), ledger)
    assert list(released.table.columns) == ["county", "group", "persons", "hidden"]
    assert set(released.reasons["reason"]) == {"small", "protects another"}


def test_nothing_small_hides_nothing(ledger):
    released = release(table([40] * 18), spec(), ledger)
    assert released.counts == {"cells": 36, "hidden": 0}


def test_ledger_holds_only_what_was_shown(ledger):
    released = release(table(FIGURES), spec(), ledger)
    (entry,) = ledger.entries()
    assert [limit is None for limit in entry.lower] == released.table["hidden"].tolist()
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_ledger_edited_is_refused(ledger):
    release(table(FIGURES), spec(), ledger)
    line = json.loads(ledger.path.read_text())
    line["threshold"] = 3
    ledger.path.write_text(json.dumps(line, separators=(",", ":")) + "\n")
    with pytest.raises(AuditError, match="line 1"):
        ledger.entries()


def test_ledger_of_a_study(tmp_path):
    assert ledger_of(tmp_path).path == tmp_path / "releases.jsonl"


def test_small_increment_of_a_cumulative_count_is_hidden(ledger):
    """40 yesterday and 43 today would say: three fell ill."""
    release(table([40] * 18), spec(as_of=date(2020, 2, 19)), ledger)
    later = [43, *([60] * 17)]
    released = release(table(later), spec(), ledger)
    assert released.table["hidden"].iloc[0]
    assert released.reasons["reason"].iloc[0] == "small increment"
    hidden = released.table["hidden"].to_numpy()
    member = np.kron(ancestors(COUNTIES), ancestors(GROUPS))
    figures = released.table["persons"][~hidden].to_numpy(float)
    answer = linprog(
        -member[0], A_eq=member[~hidden], b_eq=figures, bounds=(40, None), method="highs"
    )
    assert -answer.fun >= 50


def test_stock_is_not_differenced_over_days(ledger):
    release(table([40] * 18), spec(as_of=date(2020, 2, 19), stock=True), ledger)
    released = release(table([43, *([60] * 17)]), spec(stock=True), ledger)
    assert released.counts["hidden"] == 0


def test_categories_cut_differently_are_held_against_each_other(ledger):
    """Ages 0-19 less ages 0-14 are the four of 15-19."""
    first = Dimension("age", {"0-14": "total", "15+": "total"},
                      {"15+": ("15-19", "20+")})  # fmt: skip
    second = Dimension("age", {"0-19": "total", "20+": "total"},
                       {"0-19": ("0-14", "15-19")})  # fmt: skip
    release(table([50, 90], (first,)), spec(dimensions=(first,)), ledger)
    released = release(table([54, 86], (second,)), spec(dimensions=(second,)), ledger)
    assert released.table["hidden"].tolist() == [True, True, False]


def test_official_figures_pass_and_bind_what_follows(ledger):
    first = release(table(FIGURES), spec(published=True), ledger)
    assert first.outcome == "published"
    assert first.table["persons"].tolist() == with_margins(table(FIGURES), spec()).tolist()
    again = release(table(FIGURES), spec(), ledger)
    assert not again.table["hidden"].any()


def test_official_totals_leave_no_one_worse_off(ledger):
    """The published total of 6 bounds its parts; the release adds nothing to that."""
    totals = (COUNTIES,)
    sums = table(FIGURES).groupby("county", as_index=False)["persons"].sum()
    sums.loc[sums["county"] == "b3", "persons"] = 6
    release(sums, spec(dimensions=totals, published=True), ledger)
    figures = [*FIGURES[:-3], 1, 2, 3]
    released = release(table(figures), spec(), ledger)
    inside = released.table[released.table["county"] == "b3"]
    assert inside["hidden"].tolist() == [True, True, True, False]


def test_contradiction_is_refused_and_correction_passes(ledger):
    first = release(table([40] * 18), spec(), ledger)
    with pytest.raises(DisclosureError, match="contradict"):
        release(table([41] * 18), spec(), ledger)
    corrected = release(table([41] * 18), spec(corrects=(first.identity,)), ledger)
    assert corrected.counts["hidden"] == 0


def test_repeated_release_is_the_same_whatever_the_order_of_rows(ledger):
    first = release(table(FIGURES), spec(), ledger)
    again = release(table(FIGURES).sample(frac=1, random_state=2), spec(), ledger)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert len(ledger.entries()) == 1


def test_mostly_small_table_gives_way_to_a_coarser_one(ledger):
    released = release(table([4] * 18), spec(vanish=0.5), ledger)
    assert released.coarser
    assert released.spec.dimensions[0].leaves == ("A", "B")
    assert "coarser" in released.statement["en"]
    assert released.table["persons"].iloc[-1] == 72


def test_hopelessly_small_table_is_refused(ledger):
    with pytest.raises(DisclosureError):
        release(table([1] * 18), spec(vanish=0.75), ledger)
    assert ledger.entries() == []


def test_secret_zeros_are_protected(ledger):
    released = release(table(FIGURES), spec(zeros="secret"), ledger)
    assert released.table["hidden"].to_numpy()[[*range(36)]].sum() > 2
    assert (bounds(released)[:, 1] >= 10 - 1e-6).all()
    assert not (released.table["persons"] == 0).any()


def test_three_dimensions_are_protected(ledger):
    sexes = Dimension.flat("sex", ("f", "m"))
    ages = Dimension.flat("age", ("young", "old"))
    dimensions = (GROUPS, sexes, ages)
    figures = [3, 40, 25, 31, 18, 60, 22, 45, 70, 5, 33, 28]
    released = release(table(figures, dimensions), spec(dimensions=dimensions), ledger)
    low, high = bounds(released).T
    assert (high >= 10 - 1e-6).all()
    assert (low < high).all()


def test_two_hierarchies_are_protected(ledger):
    ages = Dimension("age", {"0-4": "0-14", "5-14": "0-14", "15+": "total", "0-14": "total"})
    released = release(table(FIGURES, (COUNTIES, ages)), spec(dimensions=(COUNTIES, ages)), ledger)
    low, high = bounds(released).T
    assert (high >= 10 - 1e-6).all()
    assert (low < high).all()


def test_one_dimension_is_protected(ledger):
    released = release(
        table([3, 40, 50, 20, 30, 60], (COUNTIES,)), spec(dimensions=(COUNTIES,)), ledger
    )
    assert (bounds(released)[:, 1] >= 10 - 1e-6).all()
    assert released.counts == {"cells": 9, "hidden": 2, "small": 1, "protects another": 1}


def test_four_dimensions_are_refused():
    with pytest.raises(DisclosureError, match="4 dimensions"):
        spec(dimensions=tuple(Dimension.flat(f"d{k}", ("x", "y")) for k in range(4)))


def test_all_breaches_of_a_table_come_at_once_without_values(ledger):
    wrong = table(FIGURES).assign(persons=[-7, 2.5, *FIGURES[2:]])
    wrong.loc[3, "county"] = "nowhere"
    with pytest.raises(DisclosureError) as caught:
        release(wrong, spec(), ledger)
    assert len(caught.value.breaches) == 2
    assert "-7" not in str(caught.value)
    assert "nowhere" not in str(caught.value)


def test_dimension_needs_one_root():
    with pytest.raises(ParameterError, match="2 roots"):
        Dimension("x", {"a": "r", "b": "s"})


def test_amounts_with_a_dominant_contributor_are_hidden(ledger):
    rows = pd.DataFrame(
        [
            (group, f"{group}{k}", 900 if (group, k) == ("g1", 0) else 10)
            for group in GROUPS.leaves
            for k in range(12)
        ],
        columns=["group", "hospital", "persons"],
    )
    rules = spec(dimensions=(GROUPS,), contributor="hospital", dominance=DominanceRule(1, 75))
    released = release(rows, rules, ledger)
    assert released.reasons["reason"].tolist()[0] == "dominance"
    assert (bounds(released)[0] >= [0, 1200]).all()


def test_protection_levels_are_those_of_the_handbook():
    """p% of (100, 50, 9): 10 - 9; (1, 75) of 90 in 100: 120 - 100; (2, 85) of 60, 30, 10."""
    largest = np.array([[100, 50]])
    assert concentration(largest, np.array([159]), PercentRule(10)).tolist() == [1]
    assert concentration(largest, np.array([170]), PercentRule(10)).tolist() == [0]
    assert concentration(np.array([[90]]), np.array([100]), DominanceRule(1, 75)).tolist() == [20]
    top = np.array([[60, 30]])
    assert concentration(top, np.array([100]), DominanceRule(2, 85)).tolist() == [6]


def test_controlled_rounding_keeps_sums(ledger):
    rounding = Rounding(5, "controlled", b"secret")
    released = release(table(FIGURES), spec(rounding=rounding), ledger)
    shown = released.table["persons"].to_numpy(np.int64)
    true = with_margins(table(FIGURES), spec())
    assert (shown % 5 == 0).all()
    assert (np.abs(shown - true) < 5).all()
    leaves = released.table[
        released.table["county"].isin(COUNTIES.leaves) & released.table["group"].isin(GROUPS.leaves)
    ]
    assert with_margins(leaves, spec()).tolist() == shown.tolist()


def test_random_rounding_is_the_same_each_time(ledger, tmp_path):
    rounding = Rounding(3, "random", b"secret")
    one = release(table(FIGURES), spec(rounding=rounding), ledger)
    two = release(table(FIGURES), spec(rounding=rounding), Ledger(tmp_path / "other.jsonl"))
    pd.testing.assert_frame_equal(one.table, two.table)
    assert b"secret" not in ledger.path.read_bytes()
    assert "secret" not in repr(rounding)


def test_random_rounding_keeps_the_mean():
    values = np.full(4000, 7)
    rounded = random_rounding(values, 5, b"k", [str(k) for k in range(4000)])
    assert set(rounded.tolist()) == {5, 10}
    assert abs(rounded.mean() - 7) < 0.15


def test_rounding_that_cannot_be_is_refused():
    sums = sparse.csr_array(np.array([[1, 1]]))
    with pytest.raises(DisclosureError, match="no controlled rounding"):
        controlled_rounding(np.array([1, 4]), sums, 3, b"k", ["a", "b"])


@pytest.mark.parametrize("seed", range(4))
def test_pattern_is_the_lightest_of_all(seed):
    """Every pattern of a small table is tried; none lighter protects it."""
    draw = np.random.default_rng(seed)
    figures = table(draw.integers(1, 25, 9), (Dimension.flat("c", ("x", "y", "z")), GROUPS))
    rules = spec(dimensions=(Dimension.flat("c", ("x", "y", "z")), GROUPS))
    values = with_margins(figures, rules)
    need = np.where(values < 10, 10 - values, 0)
    member = np.kron(ancestors(rules.dimensions[0]), ancestors(rules.dimensions[1]))
    pattern = protect(
        circulation(np.array([3, 3, 3, -1]), 3), values, need, values > 0, np.ones(16)
    )
    added = int((pattern.hidden & (need == 0)).sum())
    assert pattern.optimal
    assert safe(pattern.hidden, values, need, member)
    spare = np.flatnonzero(need == 0)
    for size in range(added):
        for chosen in itertools.combinations(spare, size):
            hidden = need > 0
            hidden[list(chosen)] = True
            assert not safe(hidden, values, need, member)


def safe(hidden, values, need, member):
    for cell in np.flatnonzero(need):
        answer = linprog(
            -member[cell], A_eq=member[~hidden] if (~hidden).any() else None,
            b_eq=values[~hidden] if (~hidden).any() else None, method="highs",
        )  # fmt: skip
        if answer.status == 0 and -answer.fun < 10 - 1e-6:
            return False
    return True


def test_a_table_leaves_again_as_it_left_before(ledger, monkeypatch):
    """No attack is needed twice; a changed figure is decided anew."""
    first = release(table(FIGURES), spec(), ledger)
    with monkeypatch.context() as changed:
        changed.setattr("analytics.privacy.release._attempt", None)  # not called
        again = release(table(FIGURES), spec(), ledger)
    pd.testing.assert_frame_equal(again.table, first.table)
    assert (again.identity, again.statement) == (first.identity, first.statement)
    assert len(ledger.entries()) == 1
    shown = first.table[~first.table["hidden"]]
    leaf = shown[shown["county"].isin(COUNTIES.leaves) & shown["group"].isin(GROUPS.leaves)].iloc[0]
    other = table(FIGURES)
    one = (other["county"] == leaf["county"]) & (other["group"] == leaf["group"])
    other.loc[one, "persons"] += 20
    release(other, spec(as_of=date(2020, 2, 21)), ledger)
    assert len(ledger.entries()) == 2


def test_an_attack_that_gives_up_proves_no_less(monkeypatch):
    """Where no whole-number table is found in time, a sum counts as proven small or exact."""
    rng = np.random.default_rng(4)
    for _ in range(30):
        truth = rng.integers(0, 9, 12)
        sums = sparse.csr_array(rng.integers(0, 2, (9, 12)))
        known = attack.Knowledge(sums, sums @ truth, sums @ truth)
        questions = sparse.csr_array(rng.integers(0, 2, (8, 12)))
        floor = np.full(8, 3)
        whole = attack.attack(known, questions, floor)
        with monkeypatch.context() as patch:
            patch.setattr(attack, "_SECONDS", 0.0)
            hasty = attack.attack(known, questions, floor)
        assert (hasty.small >= whole.small).all()
        assert (hasty.exact >= whole.exact).all()
