"""Contract of the reproduction number: shapes, refusals, what has no estimate."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import ParameterError
from analytics.methods import renewal
from analytics.methods.serial_interval import SerialInterval, UncertainSerialInterval

INTERVAL = SerialInterval(7.5, 3.4)
INCIDENCE = np.random.default_rng(1).poisson(12, size=(4, 3, 40)).astype(float)


def test_areas_are_estimated_as_if_alone():
    """A block of areas gives each area what it gets by itself."""
    together = renewal.reproduction_number(INCIDENCE, INTERVAL)
    alone = renewal.reproduction_number(INCIDENCE[2, 1], INTERVAL)
    np.testing.assert_allclose(together.mean[2, 1], alone.mean, rtol=1e-13)
    np.testing.assert_allclose(together.quantiles[2, 1], alone.quantiles, rtol=1e-13)
    assert together.quantiles.shape == (4, 3, 33, 7)


def test_window_needs_more_days_than_the_mean_interval():
    """A mean of 7.5 days leaves windows up to day 7 without an estimate."""
    found = renewal.reproduction_number(INCIDENCE[0, 0], INTERVAL, window=3)
    np.testing.assert_array_equal(np.isnan(found.mean), found.t_end <= 7)
    np.testing.assert_array_equal(np.isnan(found.std), found.t_end <= 7)
    assert np.isnan(found.quantiles).all(axis=1).tolist() == (found.t_end <= 7).tolist()


def test_quiet_window_returns_the_prior():
    """No case before, no case within: nothing was learned."""
    found = renewal.reproduction_number(np.zeros(30), INTERVAL, prior=(2.6, 2.0))
    known = found.t_end > 7
    np.testing.assert_allclose(found.mean[known], 2.6)
    np.testing.assert_allclose(found.std[known], 2.0)


def test_no_window_fits_a_short_series():
    """Five days hold no window of seven: an empty answer, no error."""
    assert renewal.reproduction_number(np.ones(5), INTERVAL).mean.shape == (0,)


def test_first_day_counts_as_imported():
    """A case of day 1 weighs the same whether it is called local or imported."""
    local, imported = np.r_[5.0, np.ones(29)], np.zeros(30)
    moved = np.r_[0.0, np.ones(29)], np.r_[5.0, np.zeros(29)]
    first = renewal.reproduction_number(local, INTERVAL, imported=imported)
    second = renewal.reproduction_number(moved[0], INTERVAL, imported=moved[1])
    np.testing.assert_array_equal(first.mean, second.mean)


def test_infectivity_by_hand():
    """Weights 0, 0.6, 0.4 on cases 10, 5, 1: day 2 gets 6, day 3 gets 3 + 4."""
    np.testing.assert_allclose(renewal.infectivity([10, 5, 1], [0, 0.6, 0.4]), [np.nan, 6.0, 7.0])


def test_uncertainty_of_the_interval_widens_the_posterior():
    """A vanishing spread gives the certain answer; a wide one a wider interval."""
    series = np.round(5 * np.exp(0.1 * np.arange(40)))
    certain = renewal.reproduction_number(series, INTERVAL)
    narrow = UncertainSerialInterval(7.5, 1e-6, 7, 8, 3.4, 1e-6, 3, 4)
    wide = UncertainSerialInterval(7.5, 2, 2, 13, 3.4, 1, 1, 6)
    close, spread = (
        renewal.reproduction_number(series, interval, draws=60) for interval in (narrow, wide)
    )
    np.testing.assert_allclose(close.quantiles, certain.quantiles, rtol=1e-5)
    np.testing.assert_allclose(close.std, certain.std, rtol=1e-5)
    assert (spread.std[-10:] > 1.2 * certain.std[-10:]).all()


def test_drawn_intervals_keep_their_bounds():
    """Cut-off normals, the same again for the same seed."""
    uncertain = UncertainSerialInterval(4, 3, 1, 6, 2, 3, 0.5, 2.5)
    mean, std = uncertain.draw(2000, seed=3)
    assert mean.min() > 1
    assert mean.max() <= 6
    assert std.min() >= 0.5
    assert std.max() <= 2.5
    np.testing.assert_array_equal(mean, uncertain.draw(2000, seed=3)[0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: SerialInterval(1.0, 0.5), "mean is 1.0 days"),
        (lambda: SerialInterval(5.0, 0.0), "standard deviation is 0.0"),
        (lambda: UncertainSerialInterval(7, 1, 0.5, 9, 3, 1, 1, 5), "min_mean"),
        (lambda: renewal.reproduction_number([1, -2, 3] * 5, INTERVAL), "5 day.s. have fewer"),
        (lambda: renewal.reproduction_number([1, np.nan] * 5, INTERVAL), "5 day.s. have no fin"),
        (lambda: renewal.reproduction_number(5, INTERVAL), "one shape"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, imported=[1]), "one shape"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=0), "holds no day"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=([1], [5])), "before day 2"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=([2], [10])), "after day 9"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=([6], [5])), "end before"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=([2.5], [5])), "whole"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, window=([2, 3], [5])), "as many"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, prior=(0, 5)), "above 0"),
        (lambda: renewal.reproduction_number([1] * 9, INTERVAL, levels=(1.5,)), "between 0 and 1"),
        (lambda: renewal.reproduction_number([1] * 9, [0.5, 0.5]), "a chance of 0 days"),
        (lambda: renewal.reproduction_number([1] * 9, [0, 0.5]), "sum to 1"),
        (lambda: renewal.reproduction_number([1] * 9, [0, 1.5, -0.5]), "below 0"),
        (lambda: renewal.reproduction_number([1] * 9, []), "not one series"),
    ],
)  # fmt: skip
def test_impossible_input_is_refused(wrong, says):
    """Every refusal names what is wrong and how many."""
    with pytest.raises(ParameterError, match=says):
        wrong()
