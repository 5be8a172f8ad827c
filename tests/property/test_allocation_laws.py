"""No one in two beds, none over capacity, households together, quarantine alone, none lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from analytics.errors import ParameterError
from analytics.methods import allocation
from analytics.methods.allocation import (
    Persons,
    Placement,
    Policy,
    Sites,
    large,
    problem,
    rounding,
)
from analytics.methods.allocation.columns import Columns
from analytics.methods.solver import open_highs


@st.composite
def provinces(draw):
    """Draw persons, sites and distances, with room to spare or far too little."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    persons, sites = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    household = np.sort(rng.integers(0, max(persons * 2 // 3, 1), persons))
    cohort_of = np.where(rng.random(persons) < 0.2, rng.integers(0, 3, persons), -1)
    people = Persons(
        household,
        rng.random(persons) < 0.5,
        rng.random(persons) < 0.2,
        rng.random((persons, 2)) < 0.15,
        rng.integers(0, 4, persons),
        rng.integers(0, 3, persons),
        np.where(rng.random(persons) < 0.3, rng.integers(0, sites, persons), -1),
        cohort_of[household],
    )
    most = draw(st.sampled_from([1, 4, 30]))
    homes = Sites(
        rng.integers(0, most + 1, (sites, 4)),
        rng.integers(0, 2 * most + 1, sites),
        rng.random((sites, 2)) < 0.7,
        rng.uniform(0, 10 * most, sites) if draw(st.booleans()) else None,
    )
    fairness = draw(st.sampled_from([None, 1.2]))
    return people, homes, rng.uniform(0, 300, (4, sites)), Policy(fairness=fairness)


def assert_lawful(people: Persons, homes: Sites, policy: Policy, found: Placement) -> None:
    """Check one person after another, without the package's own check."""
    heads = [0] * len(homes.staff)
    rooms, beds = {}, set()
    members = {}
    for i in range(len(people.household)):
        site, pool, room, bed = (int(a[i]) for a in (found.site, found.pool, found.room, found.bed))
        members.setdefault(("household", people.household[i]), set()).add(site)
        if people.cohort[i] >= 0:
            members.setdefault(("cohort", people.cohort[i]), set()).add(site)
        assert (site == -1) == (found.reason[i] >= 0)
        if site == -1:
            assert pool == room == bed == -1
            continue
        heads[site] += 1
        assert (site, pool, room, bed) not in beds
        beds.add((site, pool, room, bed))
        rooms.setdefault((site, pool, room), []).append(i)
        assert 0 <= room < homes.capacity[site, pool]
        assert all(homes.offers[site, people.needs[i]])
        name = allocation.POOLS[pool]
        assert (name == "isolation") == people.quarantine[i]
        if name in ("male", "female"):
            assert people.male[i] == (name == "male")
    for (_, pool, _), tenants in rooms.items():
        assert len({int(people.household[i]) for i in tenants}) == 1
        assert len(tenants) <= (policy.family_room if allocation.POOLS[pool] == "family" else 1)
    for site, many in enumerate(heads):
        assert many <= homes.staff[site]
        if homes.floor_area is not None:
            assert many * policy.floor_per_person <= homes.floor_area[site] + 1e-9
    assert all(len(places) == 1 for places in members.values())


@settings(max_examples=40, deadline=None)
@given(provinces())
def test_laws_hold(province):
    people, homes, distance, policy = province
    found = allocation.allocate(people, homes, distance, policy)
    assert_lawful(people, homes, policy, found)
    assert found.lower <= found.upper * (1 + 1e-9)
    assert found.gap <= 1e-3
    assert sum(s.persons for s in found.shortages) == (found.site < 0).sum()


@settings(max_examples=12, deadline=None)
@given(provinces(), st.integers(0, 2**32 - 1))
def test_laws_hold_after_arrivals_departures_and_closures(province, seed):
    people, homes, distance, policy = province
    rng = np.random.default_rng(seed)
    for _ in range(3):
        found = allocation.allocate(people, homes, distance, policy)
        assert_lawful(people, homes, policy, found)
        stays = np.isin(people.household, rng.permutation(np.unique(people.household))[1:])
        stays[0] = True
        columns = {name: getattr(people, name)[stays] for name in Persons.__dataclass_fields__}
        people = Persons(**{**columns, "site": found.site[stays]})
        shut = rng.integers(0, len(homes.staff))
        staff, capacity = homes.staff.copy(), homes.capacity.copy()
        staff[shut], capacity[shut] = 0, 0
        staff[rng.integers(0, len(staff))] += 3
        homes = replace(homes, staff=staff, capacity=capacity)


def small(sites: Sites, **columns: object) -> tuple[Persons, Sites]:
    count = len(list(columns["household"]))
    given_columns = {
        "male": np.ones(count, bool),
        "quarantine": np.zeros(count, bool),
        "needs": np.zeros((count, sites.offers.shape[1]), bool),
        "origin": np.zeros(count, int),
        "group": np.zeros(count, int),
        "site": np.full(count, -1),
        "cohort": np.full(count, -1),
    } | {name: np.array(column) for name, column in columns.items()}
    return Persons(**given_columns), sites


def test_the_optimum_of_a_case_done_by_hand():
    """Three men, two near beds and two far: 2 x 10 + 1 x 40 person-kilometres."""
    homes = Sites(np.array([[2, 0, 0, 0], [2, 0, 0, 0]]), np.array([9, 9]), np.ones((2, 0), bool))
    people, homes = small(homes, household=[1, 2, 3])
    found = allocation.allocate(people, homes, [[10.0, 40.0]])
    assert found.upper == pytest.approx(60)
    assert found.lower == pytest.approx(60)
    assert found.shadow_price[0, 0] == pytest.approx(30)


def test_a_province_too_large_to_search_at_once():
    """4,000 parties: households the linear programme splits are searched over, others stand."""
    rng = np.random.default_rng(3)
    sizes = rng.choice([1, 2, 3, 4, 5], p=[0.62, 0.16, 0.11, 0.08, 0.03], size=4_000)
    household = np.repeat(np.arange(4_000), sizes)
    count, sites = len(household), 40
    share = rng.dirichlet(np.full(sites, 3.0))
    homes = Sites(
        np.ceil(share[:, None] * 1.3 * np.array([1_500, 1_500, 1_600, 700])).astype(int),
        np.ceil(share * 1.04 * count).astype(int),
        rng.random((sites, 2)) < 0.6,
    )
    nowhere = np.full(count, -1)
    people = Persons(
        household, rng.random(count) < 0.5, rng.random(count) < 0.08,
        rng.random((count, 2)) < 0.04, rng.integers(0, 20, 4_000)[household],
        rng.integers(0, 3, count), nowhere, nowhere,
    )  # fmt: skip
    distance = rng.uniform(0, 300, (20, sites))
    found = allocation.allocate(people, homes, distance, tolerance=1e-3)
    assert_lawful(people, homes, Policy(), found)
    assert found.gap <= 1e-3


@settings(max_examples=25, deadline=None)
@given(provinces(), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_every_column_is_priced_in_passing(province, seed, many):
    """Cheapest sites of each option, found block by block, are those of all costs at once."""
    people, homes, distance, policy = province
    parties = problem.gather(people, policy)
    limit = problem.limits(homes, policy)
    columns = Columns(parties, homes, limit, distance, policy)
    prices = np.random.default_rng(seed).uniform(0, 50, limit.shape)
    priced = columns.dense() + columns.use @ prices.T
    least, site = columns.scan(prices, many)
    np.testing.assert_allclose(least, priced.min(axis=1))
    width = min(many, priced.shape[1])
    cheapest = np.sort(priced, axis=1)[:, :width]
    found = np.take_along_axis(priced, np.maximum(site[:, :width], 0), axis=1)
    found = np.sort(np.where(site[:, :width] >= 0, found, np.inf), axis=1)
    np.testing.assert_allclose(found, cheapest)


@settings(max_examples=25, deadline=None)
@given(provinces())
def test_laws_hold_where_costs_are_too_many_to_hold(province):
    """Priced in passing, a province has the same laws, and bounds on both sides of its optimum."""
    people, homes, distance, _ = province
    best = allocation.allocate(people, homes, distance, tolerance=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "HELD", 0)
        found = allocation.allocate(people, homes, distance, tolerance=1e-9)
        with pytest.raises(ParameterError, match="fairness"):
            allocation.allocate(people, homes, distance, Policy(fairness=1.2))
    assert_lawful(people, homes, Policy(), found)
    assert found.lower <= best.upper * (1 + 1e-6) + 1e-6
    assert found.upper >= best.lower * (1 - 1e-6) - 1e-6


@pytest.mark.parametrize("staff", [1.04, 3.0])
def test_a_large_province_is_close_to_its_bound(staff):
    """6,000 parties, staff scarce or not: what the linear programme splits is a small province."""
    rng = np.random.default_rng(5)
    sizes = rng.choice([1, 2, 3, 4, 5], p=[0.62, 0.16, 0.11, 0.08, 0.03], size=6_000)
    household = np.repeat(np.arange(6_000), sizes)
    count, sites = len(household), 80
    share = rng.dirichlet(np.full(sites, 3.0))
    homes = Sites(
        np.ceil(share[:, None] * 1.3 * np.array([2_250, 2_250, 2_400, 1_050])).astype(int),
        np.ceil(share * staff * count).astype(int),
        rng.random((sites, 2)) < 0.6,
    )
    nowhere = np.full(count, -1)
    people = Persons(
        household, rng.random(count) < 0.5, rng.random(count) < 0.08,
        rng.random((count, 2)) < 0.04, rng.integers(0, 40, 6_000)[household],
        rng.integers(0, 3, count), nowhere, nowhere,
    )  # fmt: skip
    distance = rng.uniform(0, 300, (40, sites))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "HELD", 1_000)
        found = allocation.allocate(people, homes, distance, tolerance=1e-3)
    assert_lawful(people, homes, Policy(), found)
    assert (found.site >= 0).all()
    assert found.gap <= 0.03


def test_single_persons_flow_to_whole_numbers():
    """Half a man at each of two sites costs the least; so does one at one of them."""
    model = open_highs()
    first, second = (model.addVariable(0, 1, 10.0) for _ in range(2))
    model.addConstr(first + second == 1)
    household = model.addVariable(0, 1, 5.0)
    model.addConstr(household == 1)
    point, cost = rounding.flow(model, np.array([0.5, 0.5, 1.0]), np.array([2]))
    assert sorted(point[:2].tolist()) == [0.0, 1.0]
    assert (point[2], cost) == (1.0, 15.0)


def test_the_solver_keeps_its_word():
    """Thirty households and little staff, where HiGHS's presolve lost columns beside a start."""
    rng = np.random.default_rng(16)
    for _ in range(40):
        count = int(rng.integers(20, 40))
        household = np.sort(rng.integers(0, 22, count))
        nowhere = np.full(count, -1)
        people = Persons(
            household, rng.random(count) < 0.5, rng.random(count) < 0.15,
            rng.random((count, 2)) < 0.15, rng.integers(0, 4, 22)[household],
            np.zeros(count, int), nowhere, nowhere,
        )  # fmt: skip
        homes = Sites(rng.integers(0, 31, (5, 4)), rng.integers(0, 61, 5), rng.random((5, 2)) < 0.7)
        distance = rng.uniform(0, 300, (4, 5))
        found = allocation.allocate(
            people, homes, distance, Policy(unplaced_cost=5000.0), tolerance=1e-9
        )
        best = individual_optimum(people, homes, distance, 5000.0)
        assert found.upper == pytest.approx(best, rel=1e-6)


def test_a_person_moves_only_if_it_saves_more_than_it_costs():
    homes = Sites(np.full((2, 4), 5), np.array([9, 9]), np.ones((2, 0), bool))
    people, homes = small(homes, household=[1], site=[1])
    stays = allocation.allocate(people, homes, [[10.0, 40.0]], Policy(move_cost=31))
    moves = allocation.allocate(people, homes, [[10.0, 40.0]], Policy(move_cost=29))
    assert (stays.site[0], stays.moved, moves.site[0], moves.moved) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("capacity", "staff", "offers", "quarantine", "reason"),
    [
        ([[5, 0, 0, 0]], [9], [[False]], False, "no site meets the needs"),
        ([[5, 0, 0, 0]], [9], [[True]], True, "no site that meets the needs is large enough"),
        ([[1, 0, 0, 0]], [9], [[True]], False, "rooms full where the needs are met"),
        ([[5, 0, 0, 0]], [1], [[True]], False, "staff or floor full where the needs are met"),
    ],
)
def test_reasons(capacity, staff, offers, quarantine, reason):
    homes = Sites(np.array(capacity), np.array(staff), np.array(offers))
    people, homes = small(
        homes, household=[1, 2], needs=np.ones((2, 1), bool), quarantine=[quarantine] * 2
    )
    found = allocation.allocate(people, homes, [[10.0]])
    assert {allocation.REASONS[r] for r in found.reason if r >= 0} == {reason}
    assert found.shortages[0].reason == reason
    assert found.shortages[0].persons == (found.site < 0).sum()
    if "full" in reason:
        assert found.shortages[0].widen == 0


def test_fairness_narrows_the_difference():
    """Two groups compete for near beds; the far one is not left with all the far beds."""
    homes = Sites(np.array([[4, 0, 0, 0], [4, 0, 0, 0]]), np.array([9, 9]), np.ones((2, 0), bool))
    people, homes = small(
        homes, household=range(8), group=[0] * 4 + [1] * 4, origin=[0] * 4 + [1] * 4
    )
    distance = [[10.0, 60.0], [10.0, 55.0]]
    free = allocation.allocate(people, homes, distance)
    fair = allocation.allocate(people, homes, distance, Policy(fairness=1.2))
    assert free.unfairness == pytest.approx(5.5)
    assert fair.unfairness <= 1.2
    assert (fair.site >= 0).all()


def test_unfitting_inputs_are_refused_at_once():
    homes = Sites(np.full((2, 4), 5), np.array([9, -9]), np.ones((2, 0), bool))
    people, homes = small(homes, household=[1], origin=[3])
    with pytest.raises(ParameterError) as caught:
        allocation.allocate(people, homes, [[10.0, 40.0]])
    assert len(caught.value.breaches) == 2


def individual_optimum(people: Persons, homes: Sites, distance: np.ndarray, price: float) -> float:
    """Solve household by household with SciPy, written from the rules alone."""
    columns, costs, households = [], [], np.unique(people.household)
    width = len(homes.staff) * 5
    for number, household in enumerate(households):
        of = people.household == household
        free, size = of & ~people.quarantine, int(of.sum())
        men, women = int((free & people.male).sum()), int((free & ~people.male).sum())
        ways = [(men, women, 0)] if men + women <= 1 or not (men and women) else []
        if men + women > 1:
            ways.append((0, 0, -(-(men + women) // 4)))
        for site in range(len(homes.staff)):
            if (people.needs[of].any(axis=0) & ~homes.offers[site]).any():
                continue
            for way in ways:
                column = np.zeros(width + len(households))
                column[site * 5 : site * 5 + 5] = [*way, size - men - women, size]
                column[width + number] = 1
                columns.append(column)
                costs.append(distance[people.origin[of][0], site] * size)
        unplaced = np.zeros(width + len(households))
        unplaced[width + number] = 1
        columns.append(unplaced)
        costs.append(price * size)
    room = np.column_stack([homes.capacity, homes.staff]).ravel()
    ones = np.ones(len(households))
    rows = LinearConstraint(
        np.array(columns).T,
        np.concatenate([np.zeros(width), ones]),
        np.concatenate([room, ones]),
    )
    answer = milp(costs, constraints=rows, integrality=np.ones(len(costs)), bounds=Bounds(0, 1),
                  options={"mip_rel_gap": 0})  # fmt: skip
    assert answer.status == 0
    return float(answer.fun)


@settings(max_examples=25, deadline=None)
@given(provinces())
def test_cost_is_that_of_the_individual_programme(province):
    people, homes, distance, _ = province
    alone = np.full(len(people.household), -1)
    _, first = np.unique(people.household, return_index=True)
    origin = people.origin[first][np.unique(people.household, return_inverse=True)[1]]
    people = replace(people, cohort=alone, site=alone, origin=origin)
    homes = replace(homes, floor_area=None)
    found = allocation.allocate(
        people, homes, distance, Policy(unplaced_cost=5000.0), tolerance=1e-9
    )
    best = individual_optimum(people, homes, distance, 5000.0)
    assert found.upper == pytest.approx(best, rel=1e-6)
    assert found.lower <= best * (1 + 1e-6)
