"""Registers of residents, workers and students, and daily declarations of health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics.simulation import names
from analytics.simulation.draws import some
from analytics.simulation.population import codes_of
from analytics.simulation.world import (
    Rows,
    counties,
    date_text,
    homes,
    moment_text,
    rows,
    seat,
    yes,
)

if TYPE_CHECKING:
    from analytics.simulation.world import World

_DAY = 86_400
_BACK = 30  # days after the span's start until which workers are expected back


def resident_register(world: World) -> Rows:
    """All residents, on the first day."""
    people = world.people
    person = np.arange(people.residents)
    return rows(
        world, "resident_register", np.full(person.size, world.first), person,
        county=counties(world, people.county[person]),
        household=codes_of("HH", world.province, people.household[person]),
        registered_county=homes(world, people.registered[person]),
    )  # fmt: skip


def community_registration(world: World) -> Rows:
    """Residents as communities register them over a fortnight, and those who arrive."""
    people, trips = world.people, world.epidemic.trips
    generator = world.draws("communities")
    share = generator.random(people.residents) < world.settings.registers.community_share
    person = np.flatnonzero(share)
    span = min(14, world.last - world.first + 1)
    day = world.first + generator.integers(0, span, person.size)
    inside = np.flatnonzero(world.routes.inside[trips.destination] >= 0)
    inside = inside[generator.random(inside.size) < 0.7]
    who = np.r_[person, trips.person[inside]]
    came = np.r_[np.full(person.size, -1), trips.day[inside]]
    there = seat(world, world.routes.inside[trips.destination[inside]])
    county = np.r_[people.county[person], there]
    known = np.r_[day, trips.day[inside] + generator.integers(0, 4, inside.size)]
    origin = np.where(came >= 0, 0, -1)
    return rows(
        world, "community_registration", known, who,
        registration_number=names.joined("R", world.province, names.padded(np.arange(who.size), 9)),
        registered=date_text(world, known),
        county=counties(world, county),
        community=names.joined(counties(world, county),
                names.padded(people.household[who] // 800 % 1000, 3)),
        household=codes_of("G", world.province, people.household[who]),
        employer=codes_of("E", world.province, people.employer[who]),
        arrived_from=names.words([world.settings.origin], origin),
        arrived=date_text(world, came, came >= 0),
    )  # fmt: skip


def declarations(world: World) -> Rows:
    """Daily declarations of a share of residents, and of all visitors; the ill have fever."""
    people, found = world.people, world.epidemic.infections
    generator = world.draws("declarations")
    everybody = np.arange(people.residents)
    share = world.settings.registers.declaring_share
    visitors = np.arange(people.residents, people.size)
    days, persons = [], []
    for each in range(world.first, world.last + 1):
        number = int(generator.poisson(people.residents * share))
        who = np.r_[some(generator, everybody, number), visitors]
        days.append(np.full(who.size, each))
        persons.append(who)
    day, person = np.concatenate(days), np.concatenate(persons)
    onset = np.full(people.size, 10**6)
    onset[found.person] = found.onset
    ill = (day >= onset[person]) & (day < onset[person] + 10)
    heat = generator.normal(36.5, 0.25, day.size) + np.where(ill, 1.7, 0.0)
    feverish = heat >= 37.3
    draw = generator.random((3, day.size))
    return rows(
        world, "declarations", day, person,
        declaration_number=names.joined("D", world.province, names.padded(np.arange(day.size), 9)),
        declared=moment_text(world, day, generator.integers(6 * 3600, 22 * 3600, day.size)),
        county=counties(world, people.county[person]),
        temperature=names.text(np.clip(np.round(heat, 1), 35, 42)),
        fever=yes(feverish & (draw[0] < 0.95)),
        respiratory=yes(draw[1] < np.where(ill, 0.7, 0.02)),
        contact=yes(draw[2] < np.where(ill, 0.3, 0.004)),
        travel=yes(people.prefecture[person] == world.routes.origin),
    )  # fmt: skip


def return_to_work(world: World) -> Rows:
    """Employers' lists: workers from elsewhere in the province, and those who left it."""
    people, trips = world.people, world.epidemic.trips
    generator = world.draws("employers")
    away = trips.lasting(world.last)
    away = away[people.employer[trips.person[away]] >= 0]
    place = world.routes.inside[trips.destination[away]]
    moved = np.flatnonzero(
        (people.employer[: people.residents] >= 0)
        & (people.registered[: people.residents] != people.county[: people.residents])
    )
    moved = moved[generator.random(moved.size) < 0.4]
    moved = np.setdiff1d(moved, trips.person[away])
    person = np.r_[trips.person[away], moved]
    here = np.r_[seat(world, place), people.registered[moved]]
    outside = np.r_[trips.destination[away], np.zeros(moved.size, int)]
    known = np.r_[trips.day[away] + 1, np.full(moved.size, world.first)]
    known = np.maximum(known, world.first) + generator.integers(0, 10, person.size)
    places = [*people.places.counties, *world.routes.codes]
    origin = np.where(here >= 0, here, len(people.places.counties) + outside)
    return rows(
        world, "return_to_work", known, person,
        entry_number=names.joined("W", world.province, names.padded(np.arange(person.size), 8)),
        employer=codes_of("E", world.province, people.employer[person]),
        origin=names.words(places, origin),
        destination=counties(world, people.county[person]),
        expected=date_text(world, world.first + 10 + generator.integers(0, _BACK, person.size)),
    )  # fmt: skip


def student_rolls(world: World) -> Rows:
    """Students of universities, few of them on campus over the holiday."""
    people, generator = world.people, world.draws("students")
    person = np.flatnonzero(people.school >= 0)
    group = np.flatnonzero(people.group == 1)
    person = np.r_[person, group]
    stays = np.r_[np.zeros(person.size - group.size, bool), np.ones(group.size, bool)]
    campus = stays | (generator.random(person.size) < 0.03)
    schools = max(int(people.school.max(initial=0)) + 1, 1)
    unit = np.where(people.school[person] >= 0, people.school[person], person % schools)
    county = seat(world, people.prefecture[person])
    order = np.lexsort((people.female[person], unit))
    rank = np.empty(person.size, dtype=np.int64)
    rank[order] = np.arange(person.size)
    return rows(
        world, "student_rolls", np.full(person.size, world.first), person,
        student_number=names.joined(codes_of("U", world.province, unit), "-",
                names.padded(rank, 7)),
        school=codes_of("U", world.province, unit),
        county=counties(world, county),
        nationality=names.words(["CHN"], np.zeros(person.size)),
        home=homes(world, people.registered[person]),
        dormitory=names.joined("D", names.text(rank // 300)),
        room=names.text(100 + rank // 6 % 50),
        on_campus=yes(campus),
    )  # fmt: skip
