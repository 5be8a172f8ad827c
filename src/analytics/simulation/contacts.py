"""Contacts declared and traced, quarantine, and clusters, from who met whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics.simulation import names
from analytics.simulation.draws import IntArray
from analytics.simulation.travel import NEVER
from analytics.simulation.world import Rows, counties, date_text, moment_text, rows, seat

if TYPE_CHECKING:
    from analytics.simulation.clinical import Course
    from analytics.simulation.world import World

_DAY, _OBSERVED = 86_400, 14
_OTHERS = 3.0  # contacts of a case outside the household, on average
_CLUSTER = 2  # cases besides the first that make a household or workplace a cluster
_MET = ("household", "workplace", "gathering", "other")


@dataclass(frozen=True)
class Met:
    """
    Declared contacts: position of the case in the course, who was met, where and when.

    ``traced`` and ``became`` are positions of days, `NEVER` where it never came to it.
    """

    case: IntArray
    person: IntArray
    setting: IntArray
    last: IntArray
    reported: IntArray
    traced: IntArray
    became: IntArray


def met(world: World, sick: Course) -> Met:
    """Household members, those infected, and others met by each case."""
    generator, people, found = world.draws("contacts"), world.people, world.epidemic.infections
    home, member = _household(world, sick.person)
    case_of = np.full(found.person.size, -1, dtype=np.int64)
    case_of[sick.infection] = np.arange(sick.infection.size)
    infected = np.flatnonzero((found.infector >= 0) & (case_of[np.maximum(found.infector, 0)] >= 0))
    by = case_of[found.infector[infected]]
    number = generator.poisson(_OTHERS, sick.person.size)
    other = np.repeat(np.arange(sick.person.size), number)
    span = 1 + people.residents // 200
    near = sick.person[other] + generator.integers(-span, span + 1, other.size)
    stranger = np.clip(near, 0, people.residents - 1)
    case = np.r_[home, by, other]
    person = np.r_[member, found.person[infected], stranger]
    setting = np.r_[np.zeros(home.size, int), np.minimum(found.setting[infected], 2),
                    generator.integers(1, 4, other.size)]  # fmt: skip
    key = case * people.size + person
    _, once = np.unique(key, return_index=True)
    once = once[person[once] != sick.person[case[once]]]
    case, person, setting = case[once], person[once], setting[once]
    reported = sick.reported[case]
    last = np.maximum(reported - generator.integers(0, 6, case.size), sick.onset[case])
    last = np.minimum(last, reported)
    rule, chosen = world.settings.epidemic, world.scenario
    delay = rule.trace_delay if chosen.trace_delay is None else chosen.trace_delay
    share = rule.trace_coverage if chosen.trace_coverage is None else chosen.trace_coverage
    wait = np.rint(generator.exponential(max(delay, 0.01), case.size)).astype(np.int64)
    traced = np.where(generator.random(case.size) < share, reported + wait, NEVER)
    known = np.full(people.size, NEVER, dtype=np.int64)
    known[sick.person] = sick.diagnosed
    became = np.where(known[person] >= reported, known[person], NEVER)
    return Met(case, person, setting, last, reported, traced, became)


def _household(world: World, person: IntArray) -> tuple[IntArray, IntArray]:
    """Pair every case with the members of its household; households are contiguous."""
    household = world.people.household
    first = np.searchsorted(household, household[person])
    last = np.searchsorted(household, household[person], side="right")
    case = np.repeat(np.arange(person.size), last - first)
    offset = np.arange(case.size) - np.repeat(
        np.cumsum(last - first) - (last - first), last - first
    )
    return case, first[case] + offset


def contacts(world: World, found: Met) -> Rows:
    """Versions of each contact: declared, found and told, observed to the end."""
    size = found.case.size
    seen = np.flatnonzero(found.traced < NEVER)
    end = np.minimum(np.maximum(found.last + _OBSERVED, found.reported), found.became)
    closing = np.where(found.traced < NEVER, np.maximum(end, found.traced), end)
    row = np.r_[np.arange(size), seen, np.arange(size)]
    stage = np.repeat([0, 1, 2], [size, seen.size, size])
    day = np.r_[found.reported, found.traced[seen], closing]
    told = (stage > 0) & (found.traced[row] < NEVER) & (found.traced[row] <= day)
    became = found.became[row] <= day
    lost = (stage == 2) & ~became & (found.traced[row] >= NEVER)
    status = np.where(stage == 2, np.where(became, 2, np.where(lost, 3, 1)), 0)
    order = np.argsort(day, kind="stable")
    row, day, told, status = row[order], day[order], told[order], status[order]
    generator = world.draws("contact times")
    second = generator.integers(8 * 3600, 20 * 3600, size)
    return rows(
        world, "contacts", day, found.person[row],
        contact_number=names.joined("K", world.province, names.padded(row, 8)),
        case_number=names.joined("C", world.province, names.padded(found.case[row], 8)),
        county=counties(world, world.people.county[found.person[row]]),
        setting=names.words(_MET, found.setting[row]),
        first_contact=date_text(world, found.last[row] - 1 - row % 4),
        last_contact=date_text(world, found.last[row]),
        reported=moment_text(world, found.reported[row], second[row]),
        traced=moment_text(world, np.where(told, found.traced[row], 0),
                           np.minimum(second[row] + 7200, _DAY - 1), told),
        status=names.words(["under_observation", "released", "became_case", "lost"], status),
    )  # fmt: skip


def quarantine(world: World, sick: Course, found: Met) -> Rows:
    """Orders and releases of cases, traced contacts, and arrivals from the origin."""
    generator, trips = world.draws("quarantine"), world.epidemic.trips
    watched = np.flatnonzero(found.traced < NEVER)
    inside = world.routes.inside[trips.destination]
    stayed = trips.back >= trips.day + 14
    arrived = np.flatnonzero((inside >= 0) & stayed & (generator.random(trips.day.size) < 0.5))
    person = np.r_[sick.person, found.person[watched], trips.person[arrived]]
    reason = np.repeat([0, 1, 2], [sick.person.size, watched.size, arrived.size])
    started = np.r_[sick.reported, found.traced[watched], trips.day[arrived] + 1]
    due = started + _OBSERVED
    ill = sick.person.size
    released = due.copy()
    released[:ill] = sick.ended
    seen = slice(ill, ill + watched.size)
    released[seen] = np.minimum(due[seen], np.maximum(found.became[watched], started[seen]))
    central = generator.random(person.size) < np.where(reason == 1, 0.5, 0.1)
    kind = np.where(reason == 0, 2, np.where(central, 1, 0))
    county = world.people.county[person]
    county[:ill] = sick.county
    county[ill + watched.size :] = seat(world, inside[arrived])
    row = np.tile(np.arange(person.size), 2)
    closed = np.repeat([False, True], person.size)
    day = np.r_[started, released]
    order = np.argsort(day, kind="stable")
    row, closed, day = row[order], closed[order], day[order]
    return rows(
        world, "quarantine", day, person[row],
        order_number=names.joined("Q", world.province, names.padded(row, 8)),
        county=counties(world, county[row]),
        kind=names.words(["home", "central", "hospital"], kind[row]),
        started=date_text(world, started[row]),
        due=date_text(world, due[row]),
        released=date_text(world, released[row], closed),
        reason=names.words(["case", "close_contact", "arrival"], reason[row]),
    )  # fmt: skip


def clusters(world: World, sick: Course) -> Rows:
    """Households and workplaces with three cases or more; each grows by corrections."""
    found = world.epidemic.infections
    case_of = np.full(world.people.size, -1, dtype=np.int64)
    case_of[sick.person] = np.arange(sick.person.size)
    parts = []
    for setting, unit in enumerate((world.people.household, world.people.employer)):
        mine = np.flatnonzero((found.setting[sick.infection] == setting) & (unit[sick.person] >= 0))
        group = unit[sick.person[mine]]
        parts.append(np.stack([mine, np.full(mine.size, setting), group]))
    cases, setting, group = np.concatenate(parts, axis=1)
    order = np.lexsort((sick.reported[cases], group, setting))
    cases, setting, group = cases[order], setting[order], group[order]
    fresh = np.r_[True, (group[1:] != group[:-1]) | (setting[1:] != setting[:-1])][: cases.size]
    number = np.cumsum(fresh) - 1
    starts = np.flatnonzero(fresh)
    rank = np.arange(cases.size) - starts[number] + 1
    onset = np.minimum(sick.onset[cases], sick.reported[cases])
    shift = number * 10_000
    latest = np.maximum.accumulate(onset + shift) - shift if cases.size else onset
    first = np.minimum.accumulate(onset - shift) + shift if cases.size else onset
    told = np.flatnonzero(rank >= _CLUSTER)
    day = np.maximum(sick.reported[cases[told]], latest[told])
    opened = np.r_[True, number[told][1:] != number[told][:-1]][: told.size]
    reported = day[np.maximum.accumulate(np.where(opened, np.arange(told.size), 0))]
    return rows(
        world, "cluster_events", day,
        cluster=names.joined("J", world.province, names.padded(number[told], 6)),
        county=counties(world, sick.county[cases[told]]),
        setting=names.words(_MET, setting[told]),
        first_onset=date_text(world, first[told]),
        latest_onset=date_text(world, latest[told]),
        reported=date_text(world, reported),
        cases=names.text(rank[told] + 1),
        confirmed=names.words(["true"], np.where(rank[told] > _CLUSTER, 0, -1)),
    )  # fmt: skip
