"""Demand ahead: sums agree, intervals hold what they say, and the naive forecast is beaten."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import ParameterError
from analytics.methods import demand


def world(seed: int, *, counties: int = 12, groups: int = 4, days: int = 60):
    """Draw people who come in a wave and stay two weeks on average; who leaves is known a day."""
    rng = np.random.default_rng(seed)
    cells = counties * groups
    weight = rng.gamma(0.7, 1.5, cells)
    wave = 0.3 + np.exp(-(((np.arange(days) - 22) / 12) ** 2))
    came = rng.poisson(weight[:, None] * wave)
    stay = rng.geometric(1 / 14, size=int(came.sum()))
    cell, day = (np.repeat(x.ravel(), came.ravel()) for x in np.indices(came.shape))
    left = np.zeros((cells, days), int)
    gone = day + stay < days
    np.add.at(left, (cell[gone], (day + stay)[gone]), 1)
    structure = demand.sums(
        [f"county {c // groups}" for c in range(cells)],
        [f"group {c % groups}" for c in range(cells)],
    )
    stock = came.sum(axis=1) - left.sum(axis=1)
    return demand.history_of(came, left, stock), structure


def test_cells_add_up_to_counties_groups_and_the_total():
    known, structure = world(0)
    told = demand.forecast(known, structure)
    cells = known.arrivals.shape[0]
    np.testing.assert_allclose(structure @ told.mean[:cells], told.mean, atol=1e-6)
    assert (told.lower <= told.mean + 1e-9).all() or (told.lower <= told.upper).all()
    assert (told.lower >= 0).all()


def test_a_forecast_knows_nothing_of_what_comes_later():
    known, structure = world(1)
    cut = known.until(45)
    later = known.arrivals.copy()
    later[:, 45:] = 99
    other = demand.History(later, known.departures, known.stock + (later - known.arrivals).sum(1))
    np.testing.assert_allclose(
        demand.forecast(cut, structure).upper, demand.forecast(other.until(45), structure).upper
    )


def test_the_naive_forecast_is_beaten_where_people_come_and_go():
    known, structure = world(2)
    found = demand.gate(known, structure, origins=3)
    assert found.shown == (True, True, True)
    assert (found.cells > 0).all()


def test_a_forecast_that_is_no_better_is_not_shown():
    """Nobody comes or goes: staying as it is cannot be beaten."""
    known, structure = world(3)
    still = demand.History(0 * known.arrivals, 0 * known.departures, known.stock)
    assert demand.gate(still, structure, origins=2).shown == (False, False, False)


def test_too_short_a_history_is_refused():
    known, structure = world(0)
    with pytest.raises(ParameterError) as caught:
        demand.forecast(known.until(20), structure)
    assert "20 days" in str(caught.value)


@pytest.mark.slow
def test_intervals_cover_what_they_say():
    """Cells with mean two or more, 24 worlds, five origins each: 88 to 92 % in 90 %."""
    covered = np.array([
        [found.coverage * found.cells, found.cells]
        for found in (demand.gate(*world(seed), origins=5) for seed in range(100, 124))
    ])  # fmt: skip
    share = covered[:, 0].sum(axis=0) / covered[:, 1].sum(axis=0)
    assert ((share >= 0.88) & (share <= 0.92)).all(), share
