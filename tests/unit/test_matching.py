"""One-to-one matching: best links first, one record of each source, proven identities apart."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.methods import matching


def test_the_best_link_wins_within_a_source():
    label, used = matching.one_to_one(
        np.array([0, 0]),
        np.array([1, 2]),
        np.array([5.0, 7.0]),
        np.array([1, 2, 2]),
        np.full(3, -1),
    )
    assert label.tolist() == [0, 1, 0]
    assert used.tolist() == [1]


def test_two_proven_identities_are_never_joined():
    label, used = matching.one_to_one(
        np.array([0]), np.array([1]), np.array([50.0]), np.array([1, 2]), np.array([4, 9])
    )
    assert label.tolist() == [0, 1]
    assert len(used) == 0


def test_two_equal_rivals_share_the_probability():
    """Odds 1 and 1 against nobody's 1: each a third."""
    weight = matching.exclusive_weight(
        np.array([0, 0]), np.array([1, 2]), np.array([0.0, 0.0]), np.array([0, 1, 1]), 3
    )
    assert matching.probability(weight) == pytest.approx([1 / 3, 1 / 3])
