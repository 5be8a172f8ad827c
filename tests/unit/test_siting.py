"""Premises to open: optima done by hand, against enumeration, and what a place is worth."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from analytics.errors import ParameterError
from analytics.methods.siting import Candidates, Demand, choose


def demand(places, room, origin, needs=None) -> Demand:
    wanted = np.zeros((len(places), 1), bool) if needs is None else np.array(needs)
    return Demand(np.array(places), np.array(room), wanted, np.array(origin))


def premises(capacity, opening, *, staff=None, offers=None, daily=0.0) -> Candidates:
    rooms = np.array(capacity)
    return Candidates(
        rooms,
        np.full(len(rooms), 99) if staff is None else np.array(staff),
        np.ones((len(rooms), 1), bool) if offers is None else np.array(offers),
        np.array(opening, float),
        np.full(len(rooms), daily),
    )


def test_the_cheaper_of_two_that_suffice_is_opened():
    """Ten men; A holds 10 for 900 yuan, B holds 10 for 500: 500 + 10 x 14 x 1 + 10 x 2 x 3."""
    found = choose(
        demand([10], [0], [0]), premises([[10], [10]], [900, 500], daily=1.0), [[3, 3]], [[0]]
    )
    assert found.opened.tolist() == [False, True]
    assert found.cost == pytest.approx(500 + 140 + 60)
    assert found.unmet.tolist() == [0]


def test_what_no_candidate_can_give_is_told_in_places():
    """Seven ask for halal food; the only site with it has four places."""
    found = choose(
        demand([7], [0], [0], [[True]]),
        premises([[4], [50]], [1, 1], offers=[[True], [False]]), [[1, 1]], [[0]],
    )  # fmt: skip
    assert found.unmet.tolist() == [3]
    assert found.lacking.tolist() == [3]
    assert found.value[0, 0] == pytest.approx(5000)


def test_a_place_far_away_is_worth_less_by_the_way():
    found = choose(demand([5], [0], [0]), premises([[4]], [1]), [[0], [100]], [[0, 100], [100, 0]])
    assert found.value[:, 0].tolist() == pytest.approx([5000, 4800])


@pytest.mark.parametrize("seed", range(6))
def test_no_subset_is_cheaper(seed):
    """Every subset of five premises, its flow solved by SciPy."""
    rng = np.random.default_rng(seed)
    kinds, sites = 4, 5
    asked = demand(rng.integers(1, 9, kinds), rng.integers(0, 2, kinds), rng.integers(0, 3, kinds),
                   rng.random((kinds, 1)) < 0.4)  # fmt: skip
    them = Candidates(
        rng.integers(0, 8, (sites, 2)), rng.integers(1, 12, sites), rng.random((sites, 1)) < 0.6,
        rng.uniform(0, 9000, sites), rng.uniform(10, 90, sites),
    )  # fmt: skip
    road = rng.uniform(0, 300, (3, sites))
    found = choose(asked, them, road, np.zeros((3, 3)), tolerance=1e-9)
    best = min(flow(asked, them, road, np.array(y)) for y in product([0, 1], repeat=sites))
    assert found.cost == pytest.approx(best, rel=1e-6)
    assert found.lower <= best * (1 + 1e-6)


def flow(asked: Demand, them: Candidates, road: np.ndarray, opened: np.ndarray) -> float:
    kinds, sites = len(asked.places), len(opened)
    cost = np.full((kinds, sites + 1), 5000.0)
    cost[:, :sites] = 14 * them.daily + 2 * road[asked.origin]
    most = np.full((kinds, sites + 1), None, object)
    for k, s in product(range(kinds), range(sites)):
        able = opened[s] and (them.offers[s, 0] or not asked.needs[k, 0])
        most[k, s] = int(them.capacity[s, asked.room[k]]) if able else 0
    above, limit = [], []
    for s in range(sites):
        for room in range(2):
            row = np.zeros((kinds, sites + 1))
            row[asked.room == room, s] = 1
            above.append(row.ravel())
            limit.append(them.capacity[s, room])
        row = np.zeros((kinds, sites + 1))
        row[:, s] = 1
        above.append(row.ravel())
        limit.append(them.staff[s])
    equal = [np.repeat(np.eye(kinds)[k], sites + 1) for k in range(kinds)]
    answer = linprog(cost.ravel(), above, limit, equal, asked.places,
                     bounds=[(0, m) for m in most.ravel()])  # fmt: skip
    assert answer.status == 0
    return float(answer.fun + them.opening @ opened)


def test_unfitting_inputs_are_refused_at_once():
    with pytest.raises(ParameterError) as caught:
        choose(demand([-1], [0], [0]), premises([[4]], [1]), [[0, 0]], [[0, 0]])
    assert len(caught.value.breaches) == 3
