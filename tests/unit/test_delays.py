"""Triangles by hand, and nowcasts that hold what their intervals promise."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import ParameterError
from analytics.methods import delays

NAN = np.nan


def simulate(rate, chance, random, spread=None):
    """Triangle known on the last day, and the final counts."""
    days, length = len(rate), len(chance)
    totals = random.poisson(rate)
    full = np.empty((days, length))
    for day, total in enumerate(totals):
        shares = chance if spread is None else random.dirichlet(chance * spread)
        full[day] = random.multinomial(total, shares)
    known = np.arange(days)[:, None] + np.arange(length) < days
    return np.where(known, full, NAN), totals


def test_triangle_by_hand():
    """Day 1: 3 at once, 2 the next day, 1 after two; day 2: 4, then 1 more; day 3: 5."""
    versions = [[3, NAN, NAN], [5, 4, NAN], [6, 5, 5]]
    expected = [[3, 2, 1], [4, 1, NAN], [5, NAN, NAN]]
    np.testing.assert_array_equal(delays.reporting_triangle(versions, 2), expected)


def test_triangle_of_a_missing_version():
    """The second evening said nothing: its news counts as the third's."""
    versions = [[3, NAN, NAN], [NAN, NAN, NAN], [6, 5, 5]]
    expected = [[3, 0, 3], [0, 5, NAN], [5, NAN, NAN]]
    np.testing.assert_array_equal(delays.reporting_triangle(versions, 2), expected)


def test_triangle_of_cases_taken_back():
    """Five, then four: one of the five was never a case."""
    versions = [[5, NAN, NAN], [4, 2, NAN], [4, 3, 1]]
    expected = [[4, 0, 0], [2, 1, NAN], [1, NAN, NAN]]
    np.testing.assert_array_equal(delays.reporting_triangle(versions, 2), expected)


def test_later_reports_count_within_the_longest_delay():
    """With a longest delay of one day, the case told after two days is in the last column."""
    versions = [[3, NAN, NAN], [5, 4, NAN], [6, 5, 5]]
    expected = [[3, 3], [4, 1], [5, NAN]]
    np.testing.assert_array_equal(delays.reporting_triangle(versions, 1), expected)


@pytest.mark.parametrize("spread", [None, 15.0])
def test_intervals_hold_what_they_promise(spread):
    """Rising and falling epidemics, steady and erratic delays: 95 % holds 90 to 99 %."""
    random = np.random.default_rng(7)
    chance = np.array([0.25, 0.3, 0.2, 0.12, 0.08, 0.05])
    inside, half = [], []
    for _ in range(60):
        peak, height = random.uniform(20, 60), random.uniform(5, 120)
        rate = 1 + height * np.exp(-(((np.arange(40) - peak) / 12) ** 2))
        triangle, totals = simulate(rate, chance, random, spread)
        found = delays.nowcast(triangle, draws=800)
        final = totals[-5:]
        inside.append((found.quantiles[-5:, 0] <= final) & (final <= found.quantiles[-5:, -1]))
        half.append((found.quantiles[-5:, 2] <= final) & (final <= found.quantiles[-5:, 4]))
    assert 0.90 <= np.mean(inside) <= 0.99
    assert 0.40 <= np.mean(half) <= 0.70


def test_complete_days_are_as_reported():
    """Nothing is added where every delay has passed."""
    triangle, totals = simulate(np.full(30, 20.0), np.array([0.5, 0.3, 0.2]),
                                np.random.default_rng(1))  # fmt: skip
    found = delays.nowcast(triangle)
    np.testing.assert_array_equal(found.quantiles[:-2, 0], totals[:-2])
    np.testing.assert_array_equal(found.quantiles[:-2, -1], totals[:-2])
    assert (found.complete[-2:] < 1).all()
    np.testing.assert_allclose(found.complete[-1], 0.5, atol=0.05)


def test_an_incomplete_day_is_never_surely_zero():
    """No case in a month: today's interval still reaches above 0, and so does its mean."""
    triangle, _ = simulate(np.zeros(30), np.array([0.5, 0.3, 0.2]), np.random.default_rng(1))
    found = delays.nowcast(triangle)
    assert found.quantiles[-1, 0] == 0
    assert (found.quantiles[-2:, -1] >= 1).all()
    assert (found.mean[-2:] > 0).all()
    assert found.quantiles[-3, -1] == 0


def test_areas_share_delays_not_cases():
    """A small area learns its delays from a large one beside it."""
    random = np.random.default_rng(2)
    chance = np.array([0.2, 0.5, 0.3])
    large, _ = simulate(np.full(30, 500.0), chance, random)
    small, _ = simulate(np.full(30, 2.0), chance, random)
    found = delays.nowcast(np.stack([large, small]))
    np.testing.assert_allclose(found.complete[1, -1], 0.2, atol=0.02)
    assert found.quantiles.shape == (2, 30, 7)
    assert found.mean[1, -1] < 12
    assert found.mean[0, -1] > 300


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: delays.reporting_triangle(np.ones((3, 4)), 2),
        lambda: delays.reporting_triangle(np.ones((3, 3)), 0),
        lambda: delays.reporting_triangle(-np.ones((3, 3)), 1),
        lambda: delays.nowcast(np.ones((5, 1))),
        lambda: delays.nowcast(-np.ones((5, 3))),
    ],
)
def test_what_is_no_triangle_is_refused(wrong):
    """Shapes and signs are checked first."""
    with pytest.raises(ParameterError):
        wrong()
