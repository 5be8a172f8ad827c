"""Smoothed rates: equal to PySAL's, with intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import ParameterError
from analytics.methods import smoothing

CASES = np.array([3.0, 0, 12, 5, 40, 1, 7, 2, 9])
PERSONS = np.array([1000.0, 800, 5000, 2500, 9000, 600, 3000, 1500, 4000])
# Three by three cells, neighbours share an edge
AT = np.array([(row, column) for row in range(3) for column in range(3)])
ROOK = np.abs(AT[:, None] - AT[None, :]).sum(axis=2) == 1


def test_global_empirical_bayes_equals_pysal():
    """esda 2.9.0, Empirical_Bayes, on the nine cells above."""
    expected = [289.94650242, 255.30175323, 266.72124284, 262.89913536, 380.85088455,
                277.56400016, 270.36203607, 258.07174717, 263.45397313]  # fmt: skip
    np.testing.assert_allclose(smoothing.empirical_bayes(CASES, PERSONS).rate, expected, rtol=1e-9)


def test_local_empirical_bayes_equals_pysal():
    """esda 2.9.0, Spatial_Empirical_Bayes with rook contiguity."""
    expected = [186.04651163, 303.13564176, 203.125, 332.25716671, 415.92394534,
                320.67332373, 200.0, 285.89012008, 196.72131148]  # fmt: skip
    found = smoothing.empirical_bayes(CASES, PERSONS, ROOK)
    np.testing.assert_allclose(found.rate, expected, rtol=1e-9)


def test_spatial_rate_equals_pysal():
    """esda 2.9.0, Spatial_Rate with rook contiguity."""
    expected = [186.04651163, 348.10126582, 203.125, 354.83870968, 333.33333333,
                333.33333333, 200.0, 331.42857143, 196.72131148]  # fmt: skip
    found = smoothing.spatial(CASES, PERSONS, ROOK)
    np.testing.assert_allclose(found.rate, expected, rtol=1e-8)
    np.testing.assert_allclose(found.raw, CASES / PERSONS * 1e5)


def test_large_areas_keep_their_rate_and_small_ones_do_not():
    """Weight rises with population; every rate lies between its own and the mean."""
    found = smoothing.empirical_bayes(CASES, PERSONS)
    order = np.argsort(PERSONS)
    assert (np.diff(found.weight[order]) >= 0).all()
    mean = CASES.sum() / PERSONS.sum() * 1e5
    assert (np.minimum(found.raw, mean) <= found.rate + 1e-9).all()
    assert (found.rate <= np.maximum(found.raw, mean) + 1e-9).all()
    assert (found.low <= found.rate).all()
    assert (found.rate <= found.high).all()


@pytest.mark.parametrize("variation", [0.0, 0.5])
def test_intervals_hold_what_they_promise(variation):
    """True rates alike or gamma distributed: 95 % intervals hold 92 to 99 % of them."""
    random = np.random.default_rng(8)
    inside = []
    for _ in range(60):
        persons = random.uniform(5e4, 1e6, size=100)
        shape = 1 / max(variation, 1e-9) ** 2
        true = 20e-5 * (random.gamma(shape, 1 / shape, size=100) if variation else np.ones(100))
        found = smoothing.empirical_bayes(random.poisson(true * persons), persons)
        inside.append((found.low <= true * 1e5) & (true * 1e5 <= found.high))
    assert 0.92 <= np.mean(inside) <= 1


def test_no_case_anywhere_is_no_rate_and_some_doubt():
    """All zeros: rate 0, and an upper end above 0."""
    found = smoothing.empirical_bayes(np.zeros(5), np.full(5, 1e5), np.eye(5))
    assert not found.rate.any()
    assert (found.high > 0).all()
    assert (smoothing.spatial(np.zeros(5), np.full(5, 1e5), np.eye(5)).high > 3.6).all()


def test_spillover_by_hand():
    """Two thirds of arrivals from a rate of 30 and one third from 60: pressure 40."""
    weights = [[5, 2, 1], [0, 9, 0], [1, 1, 0]]
    np.testing.assert_allclose(smoothing.spillover([10, 30, 60], weights), [40, 0, 20])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: smoothing.empirical_bayes([1, -2], [10, 10]),
        lambda: smoothing.empirical_bayes([1, np.nan], [10, 10]),
        lambda: smoothing.empirical_bayes([1, 2], [10, 0]),
        lambda: smoothing.empirical_bayes([1, 2], [10]),
        lambda: smoothing.spatial([1, 2], [10, 10], np.eye(3)),
        lambda: smoothing.spillover([1, 2], [[0, -1], [1, 0]]),
    ],
)
def test_what_has_no_rate_is_refused(wrong):
    """Counts below 0 or unknown, nobody living there, shapes that differ."""
    with pytest.raises(ParameterError):
        wrong()
