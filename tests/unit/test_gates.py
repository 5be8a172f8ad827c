"""Checks at gates: published results, exact integrals and laws."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc

from analytics.errors import ParameterError
from analytics.methods import gates
from analytics.methods.gates import Check, Course

share = st.floats(0, 1)


def test_quilty_baseline():
    """46 % missed (36 to 58): Quilty et al. 2020, 100 plan to travel, half of them board."""
    actual = gates.screen(
        gates.QUILTY_COURSE, gates.QUILTY_CHECKS, 0.5, travellers=50, groups=4_000
    )
    assert actual.missed == pytest.approx(0.46, abs=0.006)
    step = 0.83 / 50  # one traveller more or less
    assert actual.interval == pytest.approx((0.36, 0.58), abs=step)
    assert actual.missed + actual.found.sum() + actual.severe == pytest.approx(1)


def test_drawn_share_equals_the_integral():
    """The mean share missed, by quadrature over incubation, severity and departure."""
    course = gates.QUILTY_COURSE
    levels = (np.arange(400) + 0.5) / 400
    onset = stats.gamma(5.2**2 / 4.1, scale=4.1 / 5.2).ppf(levels)[:, None]
    severe = onset + stats.gamma(9.1**2 / 14.7, scale=14.7 / 9.1).ppf(levels)[None, :]
    # departure uniform in (0, severe): unseen until half a day before onset, then one check
    # only, then both; in the last half day before severe illness it is noticed by itself
    none = np.minimum(np.maximum(onset - 0.5, 0), severe - 0.5)
    one = np.minimum(onset, severe - 0.5) - none
    two = np.maximum(severe - 0.5 - onset, 0)
    missed = ((none + 0.14 * one + 0.14**2 * two) / severe).mean()
    expected = course.asymptomatic + (1 - course.asymptomatic) * missed
    actual = gates.screen(course, gates.QUILTY_CHECKS, 0.5, groups=20_000, seed=3)
    assert actual.missed == pytest.approx(expected, abs=0.002)


def gostic(mean, symptomatic, fever, aware, honest):
    """Departure and arrival checks a day apart; gamma incubation of SD 2.25 days."""
    course = Course((mean, 2.25**2), (5, 4), 1 - symptomatic, aware)
    checks = [Check(kind, value, time) for time in (0.0, 1.0)
              for kind, value in (("symptoms", fever), ("exposure", honest))]  # fmt: skip
    return course, checks


@pytest.mark.parametrize(
    ("since", "detected"), [(0.0, 0.0916253498689397), (1.0, 0.122324525824487),
                            (1.5, 0.151050226756312)],
)  # fmt: skip
def test_gostic_individual(since, detected):
    """Source data of Gostic et al.'s figure 2: 50 % subclinical, mean incubation 4.5 days."""
    actual = gates.passing_probability(since, *gostic(4.5, 0.5, 0.7, 0.2, 0.25))
    assert 1 - actual == pytest.approx(detected, abs=1e-9)


def test_gostic_misses_more_than_half_at_best():
    """5 % subclinical, over the article's ranges of the other parameters, a growing epidemic."""
    low, high = [4.5, 0.6, 0.05, 0.05, 1.5, 3], [6.5, 0.9, 0.4, 0.25, 4.0, 7]
    missed = []
    for mean, fever, aware, honest, number, admitted in qmc.scale(
        qmc.Sobol(6, seed=1).random(128), low, high
    ):
        horizon = mean + admitted
        since = np.linspace(0, horizon, 400)
        weight = np.exp(-number / horizon * since)
        chance = gates.passing_probability(since, *gostic(mean, 0.95, fever, aware, honest))
        missed.append((chance * weight).sum() / weight.sum())
    assert np.median(missed) > 0.5


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["symptoms", "exposure"]), share, st.floats(0, 2)),
                max_size=5), share, share, st.floats(0, 20))  # fmt: skip
def test_another_check_never_lets_more_pass(drawn, asymptomatic, known, since):
    """Passing is a probability, and falls with every further check."""
    course = Course((5.2, 4.1), (9.1, 14.7), asymptomatic, known)
    checks = [Check(*each) for each in drawn]
    chances = [
        float(gates.passing_probability(since, course, checks[:n])) for n in range(len(checks) + 1)
    ]
    assert chances[0] == pytest.approx(1)
    assert all(after <= before + 1e-12 for before, after in pairwise(chances))
    assert chances[-1] >= asymptomatic * (1 - known) - 1e-12


def test_growth_hides_more():
    """In a growing epidemic travellers were infected lately, and more pass."""
    calm, growing = (
        gates.screen(gates.QUILTY_COURSE, gates.QUILTY_CHECKS, 0.5, growth=g).missed
        for g in (0.0, 0.2)
    )
    assert growing > calm + 0.1


def test_code_check_finds_only_known_exposures():
    """Half have a flagged code, read without fail: half pass, whatever their symptoms."""
    course = dataclasses.replace(gates.QUILTY_COURSE, known_exposure=0.5)
    code = [Check("exposure", 1.0, -0.1)]
    assert gates.passing_probability([0, 3, 30], course, code) == pytest.approx(0.5)
    actual = gates.screen(course, code, 0.0, groups=2_000)
    assert actual.missed == pytest.approx(0.5, abs=0.005)


def test_finds_per_ten_thousand():
    """20 infected of 10,000, 46 % missed; two checks that wrongly stop 1 % each."""
    checks = [Check("symptoms", 0.86, 0, 0.01), Check("symptoms", 0.86, 0.5, 0.01)]
    actual = gates.expected_finds(0.46, 0.002, checks)
    assert actual.found == pytest.approx(10.8)
    assert actual.missed == pytest.approx(9.2)
    assert actual.false_alarms == pytest.approx(9_980 * 0.0199)
    assert actual.predictive_value == pytest.approx(10.8 / (10.8 + 9_980 * 0.0199))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Check("smell", 0.5),
        lambda: Check("symptoms", 1.5),
        lambda: Course((0, 1), (1, 1)),
        lambda: Course((1, 1), (1, 1), asymptomatic=1.2),
        lambda: gates.screen(gates.QUILTY_COURSE, [], -1),
        lambda: gates.expected_finds(2, 0.1, []),
    ],
)
def test_impossible_values_are_refused(make):
    """Neither shares above 1 nor times of 0."""
    with pytest.raises(ParameterError):
        make()
