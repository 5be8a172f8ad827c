"""Exported infections: expected, simulated, and effective distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods import importation

few = st.floats(0, 1e4, allow_nan=False)


def test_infectious_is_the_sum_of_those_not_yet_over():
    """Ten found of twenty infected on day 0; half of them are over after each half-life."""
    half_life = 1 / np.log(2)
    found = importation.infectious([10, 0, 0], ascertainment=0.5, infectious_period=half_life)
    np.testing.assert_allclose(found, [20, 10, 5])


def test_infectious_of_draws():
    """A row for each draw of ascertainment and period; a steady state is incidence x period."""
    incidence = np.full(400, 8.0)
    actual = importation.infectious(incidence, [0.2, 0.4], [5.0, 10.0])
    assert actual.shape == (2, 400)
    expected = np.array([40, 20]) / (1 - np.exp(-1 / np.array([5.0, 10.0])))
    np.testing.assert_allclose(actual[:, -1], expected)


def test_expected_exports_by_channel():
    """One in a hundred infectious, 500 by rail and 100 by road, rail checks stop half."""
    flow = np.array([[[500.0, 100.0]]])  # one day, one destination, two channels
    actual = importation.expected_exports([10.0], 1_000, flow, missed=[0.5, 1.0])
    np.testing.assert_allclose(actual, [[[2.5, 1.0]]])


@given(few, few, st.floats(0, 1), st.floats(0, 1))
def test_closing_never_raises_exports(infectious, flow, before, after):
    """A channel closed further exports no more; the others are untouched."""
    wide, narrow = max(before, after), min(before, after)
    flows = np.array([[flow, 50.0]])
    opened = importation.expected_exports([infectious], 1e4, flows * [wide, 1])
    closed = importation.expected_exports([infectious], 1e4, flows * [narrow, 1])
    assert closed[0, 0] <= opened[0, 0]
    assert closed[0, 1] == opened[0, 1]


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_simulated_totals_are_negative_binomial(dispersion):
    """Quantiles of a route's total are those of the stated distribution; means agree."""
    days, draws = 30, 20_000
    infectious, flow = np.full((draws, days), 100.0), np.full((days, 2), [20.0, 1.0])
    actual = importation.simulate_exports(
        infectious, 1e4, flow, dispersion=dispersion, levels=(0.1, 0.5, 0.9), seed=7
    )
    mean = flow.sum(axis=0) * 0.01
    if dispersion:
        size = 1 / dispersion
        law = stats.nbinom(size, size / (size + mean))
    else:
        law = stats.poisson(mean)
    levels = np.array([[0.1], [0.5], [0.9]])
    # empirical quantiles of integers may sit on either side of a step of the law
    assert (law.cdf(actual.total) >= levels - 0.015).all()
    assert (law.cdf(actual.total - 1) <= levels + 0.015).all()
    np.testing.assert_allclose(actual.mean.sum(axis=0), mean, rtol=0.05)
    np.testing.assert_allclose(actual.arrival_probability, law.sf(0), atol=0.015)


def test_first_arrival():
    """Nobody travels before day 3; a route nobody takes is never reached."""
    flow = np.zeros((6, 2))
    flow[3:, 0] = 1e6
    actual = importation.simulate_exports(np.full((50, 6), 10.0), 1e3, flow)
    assert (actual.first_arrival[:, 0] == 3).all()
    assert np.isinf(actual.first_arrival[:, 1]).all()
    assert actual.arrival_probability.tolist() == [1, 0]


def test_first_arrival_is_geometric():
    """A constant rate: the chance of none so far falls by exp(-rate) a day."""
    flow = np.full((8, 1), 30.0)
    actual = importation.simulate_exports(
        np.full((40_000, 8), 10.0),
        1e3,
        flow,
        levels=tuple(1 - np.exp(-0.3 * np.arange(1, 8)) - 0.02),
    )
    np.testing.assert_array_equal(actual.first_arrival[:, 0], np.arange(7))


def test_simulation_replays():
    """Same seed, same draws; another seed, others."""
    arguments = (np.full((40, 5), 50.0), 1e3, np.full((5, 3), 7.0))
    first, again, other = (importation.simulate_exports(*arguments, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.total, again.total)
    assert (first.total != other.total).any()


def test_effective_distance_of_a_drawn_network():
    """Brockmann & Helbing's d = 1 - log P, along the shortest path."""
    flow = [[0, 90, 10], [50, 0, 50], [1, 1, 0]]
    actual = importation.effective_distance(flow, 0)
    direct, around = 1 - np.log(0.1), (1 - np.log(0.9)) + (1 - np.log(0.5))
    np.testing.assert_allclose(actual, [[0, 1 - np.log(0.9), min(direct, around)]])


@settings(max_examples=40)
@given(st.integers(2, 7).flatmap(lambda n: st.lists(few, min_size=n * n, max_size=n * n)))
def test_laws_of_effective_distance(cells):
    """A step is at least 1; the triangle inequality holds; the unit of flow does not matter."""
    places = round(len(cells) ** 0.5)
    flow = np.round(np.array(cells).reshape(places, places))
    distance = importation.effective_distance(flow)
    assert (np.diag(distance) == 0).all()
    assert (distance[~np.eye(places, dtype=bool)] >= 1).all()
    via = (distance[:, :, None] + distance[None, :, :]).min(axis=1)
    assert (distance <= via * (1 + 1e-12)).all()
    np.testing.assert_allclose(importation.effective_distance(flow * 3), distance)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importation.infectious([-1, 2, np.nan]), "2 counts"),
        (lambda: importation.infectious([1], 0.0, -1.0), "1 values of ascertainment"),
        (
            lambda: importation.expected_exports([1, 2], 10, [[1.0]]),
            "2 days of infectious people and 1",
        ),
        (lambda: importation.expected_exports([11], 10, [[1.0]]), "1 numbers of infectious"),
        (lambda: importation.expected_exports([1], 10, [[-1.0]], missed=2), "1 shares missed"),
        (lambda: importation.simulate_exports([[1.0]], 9, [[1.0]], dispersion=-1), "negative"),
        (lambda: importation.effective_distance([[0, 1]]), "square"),
        (lambda: importation.effective_distance([[0, -1], [1, 0]]), "1 flows are negative"),
    ],
)
def test_impossible_values_are_counted(call, message):
    """Every breach is named with its number."""
    with pytest.raises(ParameterError, match=message):
        call()


def test_a_cut_list_is_completed_by_distance_and_never_above_its_least():
    distance = np.array([100.0, 200.0, 400.0, 800.0])
    listed = np.array([[8.0, 4.0, 2.0, 0.0], [9.0, 3.0, 0.0, 0.0]])
    found = importation.uncut(listed, distance)
    np.testing.assert_array_equal(found[listed > 0], listed[listed > 0])
    assert 0 < found[0, 3] <= 2.0
    assert 0 < found[1, 3] <= found[1, 2] <= 3.0
    with pytest.raises(ParameterError) as caught:
        importation.uncut(np.zeros((2, 4)), [0.0, 1.0, 1.0, 1.0])
    assert len(caught.value.breaches) == 2
