"""Scores by hand and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import ParameterError
from analytics.methods import scoring

LEVELS = np.array([0.025, 0.25, 0.5, 0.75, 0.975])


def test_weighted_interval_score_by_its_definition():
    """Interval scores of Bracher et al. 2021, equations 1 and 2, written out."""
    random = np.random.default_rng(3)
    quantiles = np.sort(random.gamma(3, 10, size=(200, 5)), axis=1)
    observed = random.gamma(3, 10, size=200)
    total = 0.5 * np.abs(observed - quantiles[:, 2])
    for alpha, low, high in ((0.05, 0, 4), (0.5, 1, 3)):
        lower, upper = quantiles[:, low], quantiles[:, high]
        under = 2 / alpha * np.maximum(lower - observed, 0)
        over = 2 / alpha * np.maximum(observed - upper, 0)
        total += alpha / 2 * (upper - lower + under + over)
    np.testing.assert_allclose(
        scoring.weighted_interval_score(observed, quantiles, LEVELS), total / 2.5
    )


def test_a_point_forecast_scores_its_error():
    """All quantiles in one point: the absolute error."""
    assert scoring.weighted_interval_score(7.0, np.full(5, 4.0), LEVELS) == pytest.approx(3.0)


def test_coverage_counts_the_ends():
    """A value on the end of the interval is inside it."""
    quantiles = np.tile([0.0, 2, 3, 4, 9], (4, 1))
    assert scoring.covered([0, 9, 9.1, 3], quantiles, LEVELS, 0.95).tolist() == [
        True, True, False, True,
    ]  # fmt: skip
    assert scoring.covered([0, 2, 4, 5], quantiles, LEVELS, 0.5).tolist() == [
        False, True, True, False,
    ]  # fmt: skip


def test_ranked_probability_score_by_hand():
    """Sure and right 0; sure and two grades off 1; even odds, middle came: (1/9 + 1/9) / 2."""
    score = scoring.ranked_probability_score(
        [0, 2, 1], [[1, 0, 0], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]
    )
    np.testing.assert_allclose(score, [0, 1, 1 / 9])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: scoring.weighted_interval_score(1, [1, 2], [0.25, 0.75]),
        lambda: scoring.weighted_interval_score(1, [1, 2, 3], [0.1, 0.5, 0.8]),
        lambda: scoring.pinball_loss(1, [1, 2], [0.5]),
        lambda: scoring.pinball_loss(1, [1], [1.0]),
        lambda: scoring.covered(1, [1, 2, 3], [0.25, 0.5, 0.75], 0.95),
        lambda: scoring.ranked_probability_score(0, [0.5, 0.4]),
    ],
)
def test_levels_that_do_not_fit_are_refused(wrong):
    """No score is better than a wrong one."""
    with pytest.raises(ParameterError):
        wrong()
