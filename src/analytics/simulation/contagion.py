"""Who meets whom: infectors and the infected of a day, and each one's course up to isolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.simulation import curve
from analytics.simulation.draws import BoolArray, FloatArray, IntArray, pick, stream
from analytics.simulation.travel import NEVER

if TYPE_CHECKING:
    from analytics.simulation.population import Population
    from analytics.simulation.scenario import Scenario, Settings

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
    """Members of units: households, or those who work together."""

    def __init__(self, unit: IntArray) -> None:
        self.unit = unit
        self.order = np.argsort(unit, kind="stable")
        self.edges = np.searchsorted(unit[self.order], np.arange(int(unit.max(initial=-1)) + 2))

    def pairs(self, persons: IntArray) -> tuple[IntArray, IntArray]:
        """Pair each person, by position, with every member of its unit."""
        unit = self.unit[persons]
        first = self.edges[np.maximum(unit, 0)]
        size = np.where(unit >= 0, self.edges[np.maximum(unit, 0) + 1] - first, 0)
        at = np.repeat(np.arange(persons.size), size)
        within = np.arange(at.size) - np.repeat(np.cumsum(size) - size, size)
        return at, self.order[first[at] + within]


@dataclass(frozen=True)
class _Carriers:
    """Infectious persons present in one prefecture: infections, and how strongly they infect."""

    prefecture: int
    infection: IntArray
    strength: FloatArray


def infect(
    state: State,
    day: int,
    numbers: tuple[IntArray, IntArray],
    carriers: tuple[IntArray, FloatArray],
    settings: Settings,
    seed: int,
) -> None:
    """
    Choose infectors and the infected of one day, prefecture by prefecture.

    Shares of the local infections happen at home and at work, as long as anybody there can
    still be infected; the others, and those introduced, among all present.
    """
    local, fresh = numbers
    infectious, strength = carriers
    place = state.location[state["person"][infectious]]
    found: list[dict[str, IntArray]] = []
    for prefecture in np.flatnonzero(local + fresh).tolist():
        here = np.flatnonzero(place == prefecture)
        among = _Carriers(prefecture, infectious[here], strength[here])
        generator = stream(seed, "persons", day, prefecture)
        both = int(local[prefecture]), int(fresh[prefecture])
        found += _infected(state, among, both, settings, generator)
    for columns in found:
        size = columns["person"].size
        state.add(day=np.full(size, day), **columns)


def _infected(
    state: State,
    among: _Carriers,
    numbers: tuple[int, int],
    settings: Settings,
    generator: np.random.Generator,
) -> list[dict[str, IntArray]]:
    """Draw a susceptible person present for each infection of a prefecture."""
    local, fresh = numbers
    rule = settings.epidemic
    shares = [rule.household, rule.workplace, max(1 - rule.household - rule.workplace, 0.0)]
    wanted = np.bincount(pick(generator, shares, local), minlength=3)
    taken = np.zeros(0, dtype=np.int64)
    by, setting = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for kind in (0, 1):
        host, met = _close(state, SETTINGS[kind], among, int(wanted[kind]), taken, generator)
        taken, by = np.r_[taken, met], np.r_[by, host]
        setting = np.r_[setting, np.full(met.size, kind)]
    left = local - taken.size
    anybody = _anybody(state, among.prefecture, left + fresh, taken, generator)
    host = among.infection[pick(generator, among.strength, left)] if left else by[:0]
    by = np.r_[by, host, np.full(fresh, -1)][: taken.size + anybody.size]
    setting = np.r_[setting, np.full(left, 2), np.full(fresh, 3)][: by.size]
    where = np.full(by.size, among.prefecture)
    return [{"person": np.r_[taken, anybody], "infector": by, "setting": setting, "where": where}]


def _close(
    state: State,
    unit: str,
    among: _Carriers,
    number: int,
    taken: IntArray,
    generator: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Infectors and susceptible members of their units, each once, by the infectors' strength."""
    at, met = state.units[unit].pairs(state["person"][among.infection])
    good = _susceptible(state, met, among.prefecture, taken)
    at, met = at[good], met[good]
    # the smallest of exponential waits is each pair's in proportion to its strength
    order = np.argsort(generator.exponential(size=at.size) / among.strength[at], kind="stable")
    _, first = np.unique(met[order], return_index=True)
    chosen = order[np.sort(first)[:number]]
    return among.infection[at[chosen]], met[chosen]


def _susceptible(state: State, met: IntArray, prefecture: int, taken: IntArray) -> BoolArray:
    good: BoolArray = (state.row[met] < 0) & (state.location[met] == prefecture)
    return good & ~np.isin(met, taken)


def _anybody(
    state: State, prefecture: int, number: int, taken: IntArray, generator: np.random.Generator
) -> IntArray:
    """Draw distinct susceptible persons present, counties by their reported cases."""
    places = state.people.places
    inside = np.flatnonzero(places.prefecture == prefecture)
    found = np.zeros(0, dtype=np.int64)
    for _ in range(60):
        if found.size == number:
            break
        county = inside[pick(generator, places.cases[inside], number - found.size)]
        first, last = state.county_start[county], state.county_start[county + 1]
        chosen = first + (generator.random(county.size) * (last - first)).astype(np.int64)
        met = np.unique(state.by_county[chosen[last > first]])
        met = met[_susceptible(state, met, prefecture, np.r_[taken, found])]
        found = np.r_[found, generator.permutation(met)]
    return found


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
