"""Who meets whom: infectors and the infected of a day, and each one's course up to isolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.simulation import curve
from analytics.simulation.draws import BoolArray, FloatArray, IntArray, pick, stream

if TYPE_CHECKING:
    from analytics.simulation.population import Population
    from analytics.simulation.scenario import Scenario, Settings

NEVER = 10**6
SETTINGS = ("household", "workplace", "gathering", "introduced")


@dataclass(frozen=True)
class Infections:
    """
    Everybody infected, in order of infection; days are positions in ``days``.

    ``infector`` is a position in this table, -1 where introduced; ``where`` the prefecture
    of infection, ``reporting`` the one that counts the case, -1 outside the province;
    ``isolated`` and ``reported`` are `NEVER` where they never were.
    """

    person: IntArray
    day: IntArray
    infector: IntArray
    setting: IntArray
    where: IntArray
    onset: IntArray
    reported: IntArray
    isolated: IntArray
    reporting: IntArray


class State:
    """What a run knows so far; arrays grow by doubling."""

    def __init__(self, people: Population) -> None:
        self.people = people
        self.fields = {
            name: np.full(1024, -1, dtype=np.int64)
            for name in Infections.__dataclass_fields__
            if name != "reporting"
        }
        self.size = 0
        self.row = np.full(people.size, -1, dtype=np.int64)  # infection of each person
        self.location = people.prefecture.copy()
        order = np.argsort(people.county, kind="stable")
        self.by_county = order
        self.county_start = np.searchsorted(people.county[order], np.arange(
            len(people.places.counties) + 1))  # fmt: skip
        self.units = {
            "household": _Members(people.household),
            "workplace": _Members(np.where(people.employer >= 0, people.employer, -1)),
        }

    def __getitem__(self, name: str) -> IntArray:
        return self.fields[name][: self.size]

    def add(self, **columns: IntArray) -> None:
        """Append infections, column by column."""
        more = columns["person"].size
        while self.size + more > self.fields["person"].size:
            self.fields = {k: np.concatenate([v, np.full_like(v, -1)])
                           for k, v in self.fields.items()}  # fmt: skip
        for name, values in columns.items():
            self.fields[name][self.size : self.size + more] = values
        self.row[columns["person"]] = np.arange(self.size, self.size + more)
        self.size += more


class _Members:
    """Members of units, so that one can be drawn for each of many persons at once."""

    def __init__(self, unit: IntArray) -> None:
        self.unit = unit
        self.order = np.argsort(unit, kind="stable")
        self.edges = np.searchsorted(unit[self.order], np.arange(int(unit.max(initial=-1)) + 2))

    def draw(self, persons: IntArray, generator: np.random.Generator) -> IntArray:
        """Give one member of each person's unit, -1 where there is none."""
        unit = self.unit[persons]
        at = np.maximum(unit, 0)
        first, last = self.edges[at], self.edges[at + 1]
        chosen = first + (generator.random(persons.size) * (last - first)).astype(np.int64)
        found = self.order[np.minimum(chosen, self.order.size - 1)]
        return np.where((unit >= 0) & (last > first), found, -1)


def infect(
    state: State,
    day: int,
    numbers: tuple[IntArray, IntArray],
    carriers: tuple[IntArray, FloatArray],
    settings: Settings,
    generator: np.random.Generator,
) -> None:
    """Choose infectors and the infected of one day."""
    local, fresh = numbers
    infectious, strength = carriers
    place = state.location[state["person"][infectious]]
    infectors, where = [], []
    for prefecture in np.flatnonzero(local).tolist():
        members = np.flatnonzero(place == prefecture)
        chosen = members[pick(generator, strength[members], int(local[prefecture]))]
        infectors.append(infectious[chosen])
        where.append(np.full(chosen.size, prefecture))
    for prefecture in np.flatnonzero(fresh).tolist():
        infectors.append(np.full(int(fresh[prefecture]), -1))
        where.append(np.full(int(fresh[prefecture]), prefecture))
    if not infectors:
        return
    infector, place = np.concatenate(infectors), np.concatenate(where)
    person, setting = _infected(state, infector, place, settings, generator)
    found = person >= 0
    state.add(person=person[found], day=np.full(int(found.sum()), day), infector=infector[found],
              setting=setting[found], where=place[found])  # fmt: skip


def _infected(
    state: State,
    infector: IntArray,
    prefecture: IntArray,
    settings: Settings,
    generator: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Draw a susceptible person for each infection, at home, at work, or among all present."""
    rule, size = settings.epidemic, infector.size
    draw = generator.random(size)
    known = infector >= 0
    person = np.full(size, -1, dtype=np.int64)
    setting = np.where(known, 2, 3)
    host = state["person"][np.maximum(infector, 0)] if state.size else np.zeros(size, np.int64)
    at_work = rule.household + rule.workplace
    at_home, outside = draw < rule.household, (draw >= rule.household) & (draw < at_work)
    for kind, wanted in ((0, at_home), (0, at_home), (0, at_home), (1, outside), (1, outside)):
        rows = np.flatnonzero(known & wanted & (person < 0) & (setting > 1))
        if rows.size:
            met = state.units[SETTINGS[kind]].draw(host[rows], generator)
            good = _free(state, met, prefecture[rows], person)
            person[rows[good]], setting[rows[good]] = met[good], kind
    for _ in range(60):
        rows = np.flatnonzero(person < 0)
        if not rows.size:
            break
        met = _anybody(state, prefecture[rows], generator)
        good = _free(state, met, prefecture[rows], person)
        person[rows[good]] = met[good]
    return person, setting


def _free(state: State, met: IntArray, prefecture: IntArray, taken: IntArray) -> BoolArray:
    """Who of those met is susceptible, present, and not taken already."""
    safe = np.maximum(met, 0)
    good = (met >= 0) & (state.row[safe] < 0) & (state.location[safe] == prefecture)
    good &= ~np.isin(met, taken[taken >= 0])
    once = np.zeros(met.size, dtype=np.bool_)
    once[np.unique(met, return_index=True)[1]] = True
    both: BoolArray = good & once
    return both


def _anybody(state: State, prefecture: IntArray, generator: np.random.Generator) -> IntArray:
    """Draw somebody of a county of each prefecture, counties by their reported cases."""
    places = state.people.places
    county = np.empty(prefecture.size, dtype=np.int64)
    for one in np.unique(prefecture):
        rows = np.flatnonzero(prefecture == one)
        inside = np.flatnonzero(places.prefecture == one)
        county[rows] = inside[pick(generator, places.cases[inside], rows.size)]
    first, last = state.county_start[county], state.county_start[county + 1]
    chosen = first + (generator.random(county.size) * (last - first)).astype(np.int64)
    return np.where(last > first, state.by_county[np.minimum(chosen, state.by_county.size - 1)], -1)


def course(
    state: State,
    days: pd.DatetimeIndex,
    settings: Settings,
    scenario: Scenario,
    seed: int,
    day: int,
) -> None:
    """Onset, report and isolation of those infected today; tracing shortens the way to it."""
    rule = settings.epidemic
    rows = np.flatnonzero(state["day"] == day)
    if not rows.size:
        return
    draw = _aligned(state["where"][rows], seed, day)
    incubation = _gamma_quantile(draw[0], rule.incubation_mean, rule.incubation_sd)
    onset = day + np.maximum(np.rint(incubation), 1).astype(np.int64)
    mean = curve.onset_to_report(rule, (days[day] + pd.Timedelta(days=5)).to_datetime64())
    wait = np.rint(_gamma_quantile(draw[1], mean, mean * 0.6)).astype(np.int64)
    reported = np.where(draw[2] < rule.ascertainment, onset + wait, NEVER)
    delay = rule.trace_delay if scenario.trace_delay is None else scenario.trace_delay
    share = rule.trace_coverage if scenario.trace_coverage is None else scenario.trace_coverage
    by = state["infector"][rows]
    told = np.where(by >= 0, state["reported"][np.maximum(by, 0)], NEVER)
    easily = np.where(state["setting"][rows] < 2, 1.0, 0.5)
    found = (draw[3] < share * easily) & (told < NEVER)
    traced = np.where(found, np.maximum(told + round(delay), day + 1), NEVER)
    state.fields["onset"][rows] = onset
    state.fields["reported"][rows] = reported
    state.fields["isolated"][rows] = np.minimum(reported, traced)


def _aligned(where: IntArray, seed: int, day: int) -> FloatArray:
    """Four draws for each infection, the same for the n-th of a prefecture in every scenario."""
    draws = np.empty((4, where.size))
    for prefecture in np.unique(where):
        rows = np.flatnonzero(where == prefecture)
        generator = stream(seed, "course", day, int(prefecture))
        draws[:, rows] = generator.random((rows.size, 4)).T
    return draws


def _gamma_quantile(level: FloatArray, mean: float, sd: float) -> FloatArray:
    found: FloatArray = stats.gamma.ppf(level, (mean / sd) ** 2, scale=sd**2 / mean)
    return found
