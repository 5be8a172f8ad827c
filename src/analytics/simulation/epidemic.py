"""
Who infects whom: a stochastic renewal model over prefectures, carried by persons.

The baseline run is calibrated as it goes; its transmission by prefecture and day is then
fixed, and a scenario runs with the same transmission and the same draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.simulation import curve, travel
from analytics.simulation.contagion import Infections, State, course, infect
from analytics.simulation.draws import BoolArray, FloatArray, IntArray, stream
from analytics.simulation.scenario import Scenario, openness

if TYPE_CHECKING:
    from analytics.simulation.population import Population
    from analytics.simulation.scenario import Epidemic as Rule
    from analytics.simulation.scenario import Settings

_LONGEST = 21  # days somebody infects


@dataclass(frozen=True)
class Transmission:
    """
    What a baseline run was calibrated to.

    Attributes
    ----------
    days : DatetimeIndex
        Days of the run.
    target : array (prefectures, days)
        Infections wanted [persons/day].
    number : array (prefectures, days)
        Time-varying reproduction number, local infections against infectivity [1].
    introduced : array (prefectures, days)
        Mean infections brought in from outside the model [persons/day].
    """

    days: pd.DatetimeIndex
    target: FloatArray
    number: FloatArray
    introduced: FloatArray


@dataclass(frozen=True)
class Epidemic:
    """A run: its infections, trips, and the transmission they followed."""

    infections: Infections
    trips: travel.Trips
    transmission: Transmission


def target(
    counts: pd.DataFrame, people: Population, settings: Settings, factor: float, last: pd.Timestamp,
    changes: tuple[object, ...],
) -> tuple[pd.DatetimeIndex, FloatArray]:  # fmt: skip
    """
    Days of the run, and infections by prefecture and day that the scaled official curve needs.

    Parameters
    ----------
    counts : COUNTS table
        Official cumulative counts.
    people : Population
        Its prefectures give the rows.
    settings : Settings
        Delays and ascertainment.
    factor : float
        Scale of counts.
    last : Timestamp
        Last day of the run.
    changes : tuple of DefinitionChange
        Days on which reporting stepped.
    """
    rule = settings.epidemic
    first = pd.Timestamp(counts["date"].min()) - pd.Timedelta(days=rule.lead_days)
    days = pd.date_range(first, max(last, pd.Timestamp(counts["date"].max())))
    prefectures = list(people.places.prefectures)
    seen = curve.reports(counts, prefectures, days, changes, rule.growth_doubling_days)  # type: ignore[arg-type]
    wanted = curve.infections(seen, curve.delays(rule, days)) * factor / rule.ascertainment
    until = int((last - first).days) + 1
    return days[:until], wanted[:, :until]


def run(
    people: Population,
    settings: Settings,
    scenario: Scenario,
    days: pd.DatetimeIndex,
    wanted: FloatArray,
    routes: travel.Routes,
    seed: int,
    fixed: Transmission | None = None,
) -> Epidemic:
    """
    Run the epidemic day by day.

    Parameters
    ----------
    people : Population
        Residents and visitors.
    settings, scenario : Settings, Scenario
        Natural history, travel and tracing, and what is done differently.
    days : DatetimeIndex
        Days to run.
    wanted : array (prefectures, days)
        Infections the calibration aims at.
    routes : Routes
        Where travellers of the origin go.
    seed : int
        Same seed, same epidemic.
    fixed : Transmission, optional
        Of the baseline run; calibrated where not given.

    Notes
    -----
    With infectivity ``L_p(t) = sum_i w(t - t_i)`` over persons i present in p and not yet
    isolated, new infections are Poisson with mean ``R_p(t) L_p(t) + M_p(t)`` [1]_. The baseline
    takes ``R_p(t) = (m_p(t) + k R(t)) / (L_p(t) + k)``, at most the highest transmission, where m
    is what the target still asks for after those who were infected elsewhere and arrived, R
    the same ratio of all prefectures but the origin, towards which those with little
    infectivity are drawn, and k the pooling. What m asks for above it counts as introduced, M.
    Draws feed nothing back, so totals are Poisson about the
    target.

    References
    ----------
    .. [1] Fraser 2007, PLoS ONE 2(8):e758, doi:10.1371/journal.pone.0000758.
    """
    state, rule = State(people), settings.epidemic
    size = len(people.places.prefectures)
    origin = people.places.prefectures.index(settings.origin)
    number, introduced = np.zeros(wanted.shape), np.zeros(wanted.shape)
    credit, counted = np.zeros(size), np.zeros(size)
    weights = _weights(rule.generation_mean, rule.generation_sd)
    trips = travel.Recorder(routes, people)
    for day, date in enumerate(days):
        generator = stream(seed, "travel", day)
        kept = state["person"][state["isolated"] <= day]
        passing = min(openness(settings.travel, scenario, date.date()), 1.0)
        opened = travel.rate(settings.travel, scenario, date), passing
        trips.travel(state.location, settings.travel, opened, kept, generator)
        force, infectious, strength = _force(state, day, weights, size)
        if fixed is None:
            credit += wanted[:, day] - (_located(state, size) - counted)
            mean = np.maximum(credit, 0.0)
            number[:, day] = _number(mean, force, rule, np.arange(size) == origin)
            introduced[:, day] = np.maximum(mean - number[:, day] * force, 0.0)
            credit -= number[:, day] * force + introduced[:, day]
        else:
            number[:, day] = fixed.number[:, day]
            introduced[:, day] = fixed.introduced[:, day] * _opened(
                settings, scenario, date, origin, size)  # fmt: skip
        level = stream(seed, "infections", day).random((2, size))
        local = stats.poisson.ppf(level[0], number[:, day] * force).astype(np.int64)
        fresh = stats.poisson.ppf(level[1], introduced[:, day]).astype(np.int64)
        infect(state, day, (local, fresh), (infectious, strength), settings, seed)
        course(state, days, settings, scenario, seed, day)
        counted = _located(state, size)
    reporting = trips.located(people.prefecture, state["person"], state["reported"])
    found = Infections(**{n: state[n].copy() for n in state.fields}, reporting=reporting)
    return Epidemic(found, trips.table(), Transmission(days, wanted, number, introduced))


def _number(mean: FloatArray, force: FloatArray, rule: Rule, origin: BoolArray) -> FloatArray:
    """Reproduction number by prefecture, those with little infectivity drawn to the others'."""
    others = force[~origin].sum()
    common = min(mean[~origin].sum() / others, rule.highest_transmission) if others > 0 else 0.0
    pooled = np.where(origin, 0.0, rule.pooling)
    whole = force + pooled
    ratio = np.divide(mean + pooled * common, whole, out=np.zeros_like(mean), where=whole > 0)
    found: FloatArray = np.minimum(ratio, rule.highest_transmission)
    return found


def _weights(mean: float, sd: float) -> FloatArray:
    edges = np.arange(_LONGEST + 1) - 0.5
    shape, size = (mean / sd) ** 2, sd**2 / mean
    weights = np.diff(stats.gamma.cdf(np.maximum(edges, 0), shape, scale=size))
    weights[0] = 0.0
    result: FloatArray = weights / weights.sum()
    return result


def _located(state: State, size: int) -> FloatArray:
    """Everybody infected so far, by the prefecture they are in now."""
    place = state.location[state["person"]]
    counted: FloatArray = np.bincount(place[place >= 0], minlength=size).astype(np.float64)
    return counted


def _opened(
    settings: Settings, scenario: Scenario, date: pd.Timestamp, origin: int, size: int
) -> FloatArray:
    """How much more or less comes in from outside the model than in the baseline."""
    before = openness(settings.travel, Scenario(), date.date())
    now = openness(settings.travel, scenario, date.date())
    factor = np.full(size, now / before if before > 0 else 1.0)
    factor[origin] = 1.0
    bounded: FloatArray = np.minimum(factor, 10.0)
    return bounded


def _force(
    state: State, day: int, weights: FloatArray, size: int
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Infectivity by prefecture, and who carries it with which strength."""
    since = day - state["day"]
    active: IntArray = np.flatnonzero((since > 0) & (since < _LONGEST) & (state["isolated"] > day))
    strength = weights[since[active]]
    place = state.location[state["person"][active]]
    here = place >= 0
    force = np.asarray(np.bincount(place[here], strength[here], size), dtype=np.float64)
    return force, active[here], strength[here]
