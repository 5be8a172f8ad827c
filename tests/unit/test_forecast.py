"""Forecasts: shapes, what they promise by hand, calibration on simulated epidemics, the gate."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods import backtest, forecast, pooled_forecast, scoring

HISTORY = np.random.default_rng(5).poisson(np.outer([0.2, 3, 40], np.ones(40))).astype(float)


def test_zero_predicts_nothing():
    """Every quantile of every area and horizon is 0."""
    assert not forecast.zero(HISTORY, (7, 14), forecast.LEVELS).any()


def test_decaying_week_by_hand():
    """Seven days of 10, halving each day: mean 10 (1/2 + 1/4) = 7.5 over two days."""
    found = forecast.decaying_week(np.full((1, 9), 10.0), (2,), np.array([0.5, 0.9]), decay=0.5)
    expected = stats.geom.ppf([0.5, 0.9], 1 / 8.5) - 1
    np.testing.assert_array_equal(found[0, 0], expected)


@pytest.mark.parametrize("model", [forecast.decaying_week, forecast.damped_renewal])
def test_quantiles_rise_and_longer_is_more(model):
    """Levels in order, 14 days never less than 7, whole cases in the tails."""
    found = model(HISTORY, (7, 14), forecast.LEVELS)
    assert found.shape == (3, 2, 9)
    assert (np.diff(found, axis=2) >= 0).all()
    assert (found[:, 1] >= found[:, 0]).all()
    assert (found >= 0).all()


def test_damped_renewal_falls_where_cases_fall():
    """An epidemic shrinking by a tenth a day is forecast to shrink further."""
    history = np.round(500 * 0.9 ** np.arange(40))[None, :]
    found = forecast.damped_renewal(history, (7,), forecast.LEVELS)[0, 0]
    assert found[4] < history[0, -7:].sum()
    assert found[-1] > 0


def test_silence_keeps_a_chance_of_arrivals():
    """No case for weeks after hundreds: the median is 0, the upper end is not."""
    history = np.r_[np.full(20, 30.0), np.zeros(25)][None, :]
    found = forecast.damped_renewal(history, (14,), forecast.LEVELS)[0, 0]
    assert found[4] == 0
    assert found[-1] > 0


def one(window=7, damping=1.0, spread=0.05):
    """Damped renewal of one window, damping and spread: nothing is left to learn."""
    return forecast.Damping(windows=(window,), damping=(damping,), spread=(spread,))


def test_expected_cases_by_hand():
    """Infection after a day, R 1/2 falling by a fifth a day: 40 cases, then 16, then 5.12."""
    found = forecast._expected(
        np.array([[7.0, 40.0]]),
        np.array([0.0, 1.0, 0.0, 0.0, 0.0]),
        np.array([[0.5]]),
        np.array([0.8]),
        np.array([0.0]),
        2,
    )
    np.testing.assert_allclose(found.ravel(), [40 * 0.5 * 0.8, 40 * 0.5 * 0.8 * 0.5 * 0.64])


def test_quantiles_have_the_mean_and_the_variance():
    """Mean 20, variance 60: negative binomial of size 10."""
    found = forecast._negative_binomial(np.array(20.0), np.array(60.0), forecast.LEVELS)
    np.testing.assert_array_equal(found, stats.nbinom.ppf(forecast.LEVELS, 10, 1 / 3))


def test_renewal_intervals_hold_what_they_promise():
    """Epidemics drawn from the model itself: 95 % intervals hold 90 to 99 %."""
    random = np.random.default_rng(11)
    choices = dataclasses.replace(one(), damping_spread=0.0, cluster=1.0, dispersion=1e6)
    weights = choices.interval.weights(60)
    daily = np.zeros((300, 47))
    daily[:, :5] = random.poisson(20, size=(300, 5))
    number = random.uniform(0.7, 1.1, size=300)
    for day in range(5, 47):
        force = daily[:, :day] @ weights[1 : day + 1][::-1]
        daily[:, day] = random.poisson(number * force)
    found = forecast.damped_renewal(daily[:, :40], (7,), forecast.LEVELS, choices)
    came = daily[:, 40:].sum(axis=1)[:, None]
    share = scoring.covered(came, found, forecast.LEVELS, 0.95).mean()
    assert 0.90 <= share <= 0.99


def test_what_was_right_weighs_most():
    """Ten areas whose reproduction number falls by a fifth a day: that damping is learned."""
    choices = forecast.Damping(windows=(7,), damping=(0.8, 0.95), spread=(0.1,))
    weights, daily = choices.interval.weights(60), np.zeros((10, 40))
    daily[:, :30] = np.linspace(100, 1000, 10)[:, None]
    for day in range(30, 40):
        force = daily[:, :day] @ weights[1 : day + 1][::-1]
        daily[:, day] = np.round(force * 0.8 ** (day - 29))
    learned = forecast._learned_weights(daily, choices)
    assert learned[0] > 0.9
    assert learned.sum() == pytest.approx(1)


def test_a_short_history_teaches_nothing():
    """Sixteen days cannot be tried on days before them: combinations are averaged evenly."""
    short = HISTORY[:, :16]
    each = [
        forecast.damped_renewal(short, (7,), forecast.LEVELS, one(damping=damping))
        for damping in (0.7, 0.9)
    ]
    both = dataclasses.replace(one(), damping=(0.7, 0.9))
    found = forecast.damped_renewal(short, (7,), forecast.LEVELS, both)
    np.testing.assert_allclose(found, np.mean(each, axis=0))


def test_the_same_history_gives_the_same_forecast_whatever_else_is_asked():
    """Nothing is drawn at random; a horizon is forecast alike alone and among others."""
    alone = forecast.damped_renewal(HISTORY, (7,), forecast.LEVELS)
    among = forecast.damped_renewal(HISTORY, tuple(range(1, 15)), forecast.LEVELS)
    np.testing.assert_allclose(alone[:, 0], among[:, 6], rtol=0.03)


def rolling(outcome):
    """Three origins of one area at ten cases a day, with the given outcome each."""
    histories = [np.full((1, 30), 10.0)] * 3
    return histories, [np.array([[outcome]])] * 3


def exact(value):
    """Model that is sure of one value."""
    return lambda history, horizons, levels: np.full(
        (len(history), len(horizons), len(levels)), value
    )


def test_a_model_that_does_not_beat_the_baselines_is_not_shown():
    """What came was 40: 41 is shown, 400 is not; baselines always stand beside."""
    models = {
        "zero": forecast.zero,
        "decaying week": partial(forecast.decaying_week, dispersion=50),
        "near": exact(41.0),
        "far": exact(400.0),
    }
    found = backtest.run(*rolling(40.0), models, horizons=(7,))
    assert found.shown() == {
        "zero": (True,), "decaying week": (True,), "near": (True,), "far": (False,),
    }  # fmt: skip
    np.testing.assert_allclose(found.score[0], 40)
    np.testing.assert_allclose(found.score[2], 1)
    assert found.ratio()[2, 0] == pytest.approx(1 / found.score[1, 0, 0])
    assert not found.coverage[3].any()


def test_no_better_than_the_baseline_is_not_better():
    """Zero came and zero was predicted: a model as good as the baseline is not shown."""
    models = {"zero": forecast.zero, "decaying week": forecast.decaying_week, "also": exact(0.0)}
    found = backtest.run(*rolling(0.0), models, horizons=(7,))
    assert found.shown()["also"] == (False,)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: forecast.zero(np.ones(30), (7,), forecast.LEVELS),
        lambda: forecast.zero(np.ones((2, 6)), (7,), forecast.LEVELS),
        lambda: forecast.decaying_week(-np.ones((2, 9)), (7,), forecast.LEVELS),
        lambda: forecast.damped_renewal(np.full((2, 9), np.nan), (7,), forecast.LEVELS),
        lambda: forecast.damped_renewal(HISTORY, (0,), forecast.LEVELS),
        lambda: backtest.run([], [], {"zero": forecast.zero}, baselines=("zero",)),
        lambda: backtest.run([HISTORY], [HISTORY], {"zero": forecast.zero}),
    ],
)
def test_what_cannot_be_forecast_is_refused(wrong):
    """Too short, negative, unknown, no horizon, no origin, no baseline."""
    with pytest.raises(ParameterError):
        wrong()


def test_pooled_regression_learns_a_common_decline():
    """All areas fall by a tenth a day: so does what is forecast for each."""
    start = np.array([50.0, 200, 800, 400])[:, None]
    history = np.round(start * 0.9 ** np.arange(60) + 0.3)
    found = pooled_forecast.pooled_poisson(history, (7,), forecast.LEVELS)[:, 0]
    assert (found[:, 4] <= history[:, -7:].sum(axis=1)).all()
    assert (np.diff(found, axis=1) >= 0).all()


def test_pooled_regression_uses_no_outcome_it_could_not_know():
    """Too short a history to have seen an outcome: the baseline, whatever came."""
    short = HISTORY[:, :30]
    np.testing.assert_array_equal(
        pooled_forecast.pooled_poisson(short, (7, 14), forecast.LEVELS),
        forecast.decaying_week(short, (7, 14), forecast.LEVELS),
    )
