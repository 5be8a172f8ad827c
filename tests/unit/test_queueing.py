"""Checkpoint staff: textbook queues, the exact time-varying queue, best allocations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods import queueing

STEPS = 10  # a minute


@pytest.mark.parametrize(
    ("load", "servers", "blocked", "delayed"),
    [(2, 3, 4 / 19, 4 / 9), (1, 2, 0.2, 1 / 3), (0.5, 1, 1 / 3, 0.5), (0, 3, 0, 0),
     (5, 4, 0.398343, 1), (0.7, 0, 1, 1)],
)  # fmt: skip
def test_erlang(load, servers, blocked, delayed):
    """Erlang's formulas, by hand: B(3, 2) = (8/6) / (1 + 2 + 2 + 8/6)."""
    assert queueing.blocking(load, servers) == pytest.approx(blocked, abs=1e-6)
    assert queueing.waiting(load, servers) == pytest.approx(delayed)


def test_erlang_of_large_loads():
    """The recursion B = a B / (c + a B) gives the same where factorials overflow."""
    for load in (30.0, 700.0, 5_000.0):
        expected = 1.0
        for servers in range(1, int(load * 1.02)):
            expected = load * expected / (servers + load * expected)
        actual = queueing.blocking(load, servers)
        assert actual == pytest.approx(expected, rel=1e-6)
    assert queueing.blocking(1e5, 10) == pytest.approx(1 - 1e-4)


def test_single_server_wait():
    """M/M/1 at 30 an hour, a minute each: mean wait rho / (mu - lambda) = 1 min."""
    assert queueing.mean_wait(0.5, 1, 1.0) == pytest.approx(1.0)
    assert queueing.within(0.5, 1, 1.0, 2.0) == pytest.approx(1 - 0.5 * np.exp(-1))
    assert np.isinf(queueing.mean_wait(1.0, 1, 1.0))


rates = st.lists(st.floats(0, 2_000), min_size=1, max_size=8)


@settings(max_examples=60)
@given(rates, st.floats(0.2, 60), st.floats(0, 20), st.floats(0.5, 0.99))
def test_staff_is_the_fewest(arrivals, service, target, level):
    """The target is kept, and would not be with one server less."""
    plan = queueing.staff([arrivals], service, target, level)
    load = queueing.offered_load([arrivals], service)
    used = load > 0
    assert (plan.within_target[used] >= level).all()
    fewer = queueing.within(load, np.maximum(plan.staff - 1, 0), service, target)
    assert ((fewer < level) | ~used | (plan.staff == 0)).all()
    assert (plan.staff[~used] == 0).all()


@settings(max_examples=60)
@given(rates, st.floats(0.2, 200))
def test_corrected_load_is_between_least_and_greatest(arrivals, service):
    """Corrections move load in time; they make none. Constant arrivals need none."""
    bare = queueing.offered_load(arrivals, service, "none")
    for correction in ("lag", "offered_load"):
        load = queueing.offered_load(arrivals, service, correction)
        assert (load <= bare.max() * (1 + 1e-9)).all()
        assert (load >= bare.min() * (1 - 1e-9)).all()
    assert queueing.offered_load([60.0] * 4, service) == pytest.approx([service] * 4)


def exact_share_within(arrivals, servers, service, target):
    """
    Share of all travellers who wait no longer than a target, in a cycle that repeats itself.

    Kolmogorov's equations of the queue length, in steps of six seconds; a traveller who finds n
    people waits for n - c + 1 services of c servers (an Erlang law).
    """
    states = np.arange(90)
    served, come = 0.0, 0.0
    chance = np.eye(1, states.size)[0]
    for day, hour in itertools.product(range(2), range(len(arrivals))):
        rate, count = arrivals[hour], servers[hour]
        up = np.where(states < states[-1], rate / 60 / STEPS, 0)
        down = np.minimum(states, count) / service / STEPS
        ahead = np.maximum(states - count + 1, 1)
        late = stats.gamma.sf(target, ahead, scale=service / count)
        prompt = np.where(states < count, 1.0, 1 - late)
        for _ in range(60 * STEPS):
            left = chance * (1 - up - down)
            left[1:] += (chance * up)[:-1]
            left[:-1] += (chance * down)[1:]
            chance = left
            served += day * rate * (chance * prompt).sum()
            come += day * rate
    return served / come


def test_plan_holds_in_the_time_varying_queue():
    """A rush every twelve hours: the plan's promise is within 5 % of the exact share."""
    arrivals = 60 + 55 * np.sin(2 * np.pi * np.arange(12) / 12)
    plan = queueing.staff([arrivals], 3.0, 4.0, 0.9)
    promised = (plan.within_target[0] * arrivals).sum() / arrivals.sum()
    exact = exact_share_within(arrivals, plan.staff[0], 3.0, 4.0)
    assert exact == pytest.approx(promised, rel=0.05)
    assert exact >= 0.9
    bare = queueing.staff([arrivals], 3.0, 4.0, 0.9, correction="none")
    assert bare.staff.sum() <= plan.staff.sum()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 200), st.floats(0, 1)), min_size=2, max_size=3),
       st.integers(0, 9))  # fmt: skip
def test_allocation_is_the_best(gates, budget):
    """No way to share the budget averts more: all ways are tried."""
    arrivals, value = np.array(gates).T[:, :, None]
    found = queueing.allocate(arrivals, 2.0, value, budget, most=9)
    load = queueing.offered_load(arrivals, 2.0, "none")
    best = max(
        float(((1 - queueing.blocking(load[:, 0], list(way))) * (arrivals * value)[:, 0]).sum())
        for way in itertools.product(range(budget + 1), repeat=len(gates))
        if sum(way) <= budget
    )
    assert found.averted.sum() == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert found.staff.sum() <= budget


def test_budget_by_hour_and_shadow_price():
    """Each hour spends its own budget; the price is what one more server would avert."""
    arrivals, value = [[30.0, 90.0], [60.0, 10.0]], [[1.0], [2.0]]
    now = queueing.allocate(arrivals, 2.0, value, [3, 2])
    assert now.staff.sum(axis=0).tolist() == [3, 2]
    more = queueing.allocate(arrivals, 2.0, value, [4, 3])
    gained = more.averted.sum(axis=0) - now.averted.sum(axis=0)
    np.testing.assert_allclose(gained, now.shadow_price)


def test_plenty_is_not_spent():
    """Beyond what checks all but one in a thousand, staff is left over at no price."""
    found = queueing.allocate([[30.0]], 2.0, 1.0, 1_000)
    assert found.staff.sum() < 10
    assert found.checked[0, 0] >= 30 * 0.999
    assert found.shadow_price.tolist() == [0]


def test_infeasible_budget_is_explained_in_numbers():
    """What is needed, what is there, what is short, hour by hour."""
    with pytest.raises(ParameterError) as caught:
        queueing.allocate(np.ones((5, 3)), 2.0, 1.0, [9, 10, 4], least=2)
    assert caught.value.breaches == (
        "hour 0: 5 gates need 10 servers, 9 are there: 1 short",
        "hour 2: 5 gates need 10 servers, 4 are there: 6 short",
    )
    with pytest.raises(ParameterError, match="5 gates need 30 server-hours, 29 are there: 1 short"):
        queueing.allocate(np.ones((5, 3)), 2.0, 1.0, 29, least=2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: queueing.staff([[-1.0]], 2, 5),
        lambda: queueing.staff([[1.0]], 0, 5),
        lambda: queueing.staff([[1.0]], 2, 5, level=1.0),
        lambda: queueing.allocate([[1.0, 2.0]], 2, -1.0, 5),
        lambda: queueing.allocate([[1.0, 2.0, 3.0]], 2, 1.0, [5, 5]),
        lambda: queueing.allocate([[1.0]], 2, 1.0, 5, least=3, most=2),
    ],
)
def test_impossible_values_are_refused(call):
    """Neither negative arrivals nor targets that no number of servers keeps."""
    with pytest.raises(ParameterError):
        call()
