"""
Stranded people and what is done for them: registration, calls, sites, rooms, help, vehicles.

Registered outsiders come first among the visitors drawn; the hidden remainder shows in some
lists only (hotel stays, phones, declarations, calls, assistance), never in the registration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics.codes import MEASURES, ROOM_TYPES
from analytics.simulation import names, words
from analytics.simulation.draws import BoolArray, IntArray, apportion, pick
from analytics.simulation.scenario import stranded as numbers
from analytics.simulation.spots import coordinates
from analytics.simulation.visitors import GROUPS, language, nationality
from analytics.simulation.world import (
    Rows,
    counties,
    date_text,
    homes,
    moment_text,
    rows,
    yes,
)

if TYPE_CHECKING:
    from analytics.simulation.world import World

_DAY = 86_400
_BEDS = np.array([4, 4, 4, 1])
_KINDS = np.array([0.35, 0.15, 0.2, 0.15, 0.1, 0.05])
_LODGING = ("site", "hotel", "relatives", "rented", "street", "other")


@dataclass(frozen=True)
class Stranded:
    """
    Who is stranded: registered inside (first), hidden inside, registered outside.

    ``since``, ``registered`` and ``left`` are positions of days.
    """

    person: IntArray
    inside: BoolArray
    known: BoolArray
    since: IntArray
    registered: IntArray
    left: IntArray
    lodging: IntArray
    place: IntArray  # county inside, destination of the routes outside


def stranded(world: World) -> Stranded:
    """Stranded people in both directions; those outside are travellers who have not come back."""
    people, trips, generator = world.people, world.epidemic.trips, world.draws("stranded")
    visitors = np.arange(people.residents, people.size)
    known = np.zeros(visitors.size, dtype=bool)
    inside_number, outside_number, _ = numbers(world.settings, people.residents)
    known[generator.permutation(visitors.size)[:inside_number]] = True
    away = trips.lasting(world.last)
    away = away[world.routes.inside[trips.destination[away]] < 0]
    away = np.sort(generator.permutation(away)[:outside_number])
    person = np.r_[visitors, trips.person[away]]
    inside = np.arange(person.size) < visitors.size
    closed = min(max(world.position(world.settings.travel.closed), world.first), world.last)
    back = generator.integers(0, 8, visitors.size)
    since = np.r_[np.full(visitors.size, closed) - back, trips.day[away]]
    span = max(world.last - closed, 1)
    registered = np.r_[closed + (span * generator.beta(1.2, 2.5, visitors.size)).astype(int),
                       np.maximum(trips.day[away], closed)
                       + generator.integers(0, 20, away.size)]  # fmt: skip
    left = registered + 8 + generator.geometric(world.settings.stranded.leaving, person.size)
    left = _released(world, registered + 8, left)
    lodging = pick(generator, [0.3, 0.25, 0.2, 0.15, 0.06, 0.04], person.size)
    return Stranded(
        person=person,
        inside=inside,
        known=np.r_[known, np.ones(away.size, dtype=bool)],
        since=since,
        registered=registered,
        left=left,
        lodging=np.where(inside, lodging, 1 + lodging % 5),
        place=np.r_[people.county[visitors], trips.destination[away]],
    )


def _released(world: World, since: IntArray, left: IntArray) -> IntArray:
    """Days of going home, those after the release drawn nearer as the daily share rises."""
    rule = world.settings.stranded
    if rule.released is None:
        return left
    from_then = np.maximum(world.position(rule.released), since)
    sooner = np.ceil((left - from_then) * rule.leaving / rule.leaving_released).astype(np.int64)
    return np.where(left > from_then, from_then + sooner, left)


def registration(world: World, held: Stranded) -> Rows:
    """Versions of each registration: stranded, then gone home."""
    people, generator = world.people, world.draws("needs")
    some = np.flatnonzero(held.known)
    row = np.tile(some, 2)
    gone = np.repeat([False, True], some.size)
    day = np.r_[held.registered[some], held.left[some]]
    person, draw = held.person[row], generator.random((4, held.person.size))
    group = people.group[person]
    places = [*people.places.counties, *world.routes.codes]
    where = np.where(held.inside, held.place, len(people.places.counties) + held.place)
    topic = generator.integers(0, len(words.TOPICS), held.person.size)
    english = people.group[held.person] == len(GROUPS) - 1
    home = np.where(group >= 0, people.registered[person], people.county[person])
    spoken = words.said(generator, topic, english, names.words(places, where))
    return rows(
        world, "stranded", day, person,
        registration_number=names.joined("Z", world.province, names.padded(row, 7)),
        registered=date_text(world, held.registered[row]),
        direction=names.words(["outside", "inside"], held.inside[row]),
        group=names.words([str(g) for g in GROUPS], group),
        nationality=nationality(group, person),
        language=language(group, person),
        home=homes(world, home),
        county=names.words(places, where[row]),
        household=names.joined("F", names.padded(people.household[person], 8)),
        since=date_text(world, held.since[row]),
        left=date_text(world, held.left[row], gone),
        lodging=names.words(_LODGING, held.lodging[row]),
        halal=yes(draw[0][row] < 0.06),
        wheelchair=yes(draw[1][row] < 0.02),
        infant=yes(draw[2][row] < 0.03),
        medicine=yes(draw[3][row] < 0.15),
        permit_expires=date_text(world, held.since[row] + 25 + row % 60, group == len(GROUPS) - 1),
        needs=spoken.take(row),
    )  # fmt: skip


def hotline(world: World, held: Stranded) -> Rows:
    """Write down calls of stranded people, known and hidden, and of residents."""
    people, generator = world.people, world.draws("hotline")
    calls = generator.poisson(0.8, held.person.size)
    at = np.repeat(np.arange(held.person.size), calls)
    span = world.last - world.first + 1
    others = int(generator.poisson(people.residents / 1e5 * 4 * span))
    resident = generator.integers(0, people.residents, others)
    person = np.r_[held.person[at], resident]
    theirs = np.r_[np.maximum(held.since[at], world.first) + generator.integers(0, 30, at.size),
                   generator.integers(world.first, world.last + 1, others)]  # fmt: skip
    order = np.argsort(theirs, kind="stable")
    person, day = person[order], theirs[order]
    topic = np.r_[generator.integers(0, 8, at.size), generator.integers(2, 9, others)][order]
    english = people.group[person] == len(GROUPS) - 1
    county = people.county[person]
    wait = generator.exponential(2 * 3600, person.size).astype(int) + 60
    second = generator.integers(0, _DAY, person.size)
    answered = (second + wait < _DAY) & (generator.random(person.size) < 0.9)
    spoken = words.said(generator, topic, english, names.words(people.places.names, county))
    return rows(
        world, "hotline", day, person,
        call_number=names.joined("A", world.province, names.padded(np.arange(person.size), 8)),
        called=moment_text(world, day, second),
        county=counties(world, county),
        topic=names.words(words.TOPICS, topic),
        words=spoken,
        answered=moment_text(world, day, second + wait, answered),
    )  # fmt: skip


@dataclass(frozen=True)
class Sites:
    """Sites and candidate premises: county, rooms by type, whether open."""

    county: IntArray
    rooms: IntArray  # (sites, room types)
    opened: BoolArray


def sites(world: World) -> tuple[Sites, Rows]:
    """Sites in use, and one candidate for two of them, where residents live."""
    people, generator = world.people, world.draws("sites")
    number = numbers(world.settings, people.residents)[2]
    total = number + number // 2 + 1
    county = np.repeat(np.arange(len(people.places.counties)),
                       apportion(total, people.places.weight))  # fmt: skip
    county = generator.permutation(county)
    rooms = generator.integers([[2, 1, 1, 1]], [[12, 9, 7, 6]], (total, 4))
    opened = np.arange(total) < number
    kind = pick(generator, _KINDS, total)
    beds = rooms @ _BEDS
    draw = generator.random((5, total))
    languages = np.where(draw[4] < 0.3, 1, 0)
    longitude, latitude = coordinates(world, county, "sites at")
    made = rows(
        world, "sites", np.full(total, world.first),
        site=_site(world, np.arange(total)),
        name=names.joined(names.words(people.places.names, county), "第",
                names.text(np.arange(total)), "安置点"),
        kind=names.words(["hotel", "hostel", "dormitory", "school", "shelter", "station"], kind),
        status=names.words(["candidate", "open"], opened),
        since=date_text(world, np.full(total, world.first)),
        county=counties(world, county),
        longitude=longitude,
        latitude=latitude,
        floor_area=names.text(beds * 6),
        staff=names.text(2 + beds // 15),
        staff_cap=names.text((2 + beds // 15) * 12),
        halal=yes(draw[0] < 0.4),
        wheelchair=yes(draw[1] < 0.3),
        infant=yes(draw[2] < 0.5),
        medicine=yes(draw[3] < 0.6),
        languages=names.words(["cmn", "cmn;eng"], languages),
        opening_cost=names.text(np.where(opened, 0, 5000 + beds * 120)),
        daily_cost=names.text(60 + kind * 15),
    )  # fmt: skip
    return Sites(county, rooms, opened), made


def _site(world: World, number: IntArray) -> object:
    return names.joined("M", world.province, names.padded(number, 4))


@dataclass(frozen=True)
class Stays:
    """Stays at sites: row of the stranded, site, type and number of the room, days."""

    row: IntArray
    site: IntArray
    room_type: IntArray
    room: IntArray
    came: IntArray
    left: IntArray


def stays(world: World, held: Stranded, where: Sites) -> Stays:
    """
    Give those who sleep at sites a bed, in order of registration, as long as there are any.

    Beds of a type fill one site after another; a bed is not given twice.
    """
    some = np.flatnonzero(held.known & held.inside & (held.lodging == 0))
    some = some[np.argsort(held.registered[some], kind="stable")]
    female = world.people.female[held.person[some]]
    wanted = np.where(some % 6 == 0, 2, np.where(some % 11 == 0, 3, female))
    parts = []
    for kind, size in enumerate(_BEDS):
        capacity = np.where(where.opened, where.rooms[:, kind] * size, 0)
        edges = np.cumsum(capacity)
        mine = some[wanted == kind][: int(edges[-1])]
        bed = np.arange(mine.size)
        site = np.searchsorted(edges, bed, side="right")
        room = (bed - (edges[site] - capacity[site])) // size if mine.size else bed
        parts.append(np.stack([mine, site, np.full(mine.size, kind), room]))
    row, site, kind, room = np.concatenate(parts, axis=1)
    came = np.maximum(held.registered[row], world.first)
    return Stays(row, site, kind, room, came, np.maximum(held.left[row], came))


def placements(world: World, held: Stranded, found: Stays) -> Rows:
    """Stays, and their ends as corrections."""
    at = np.tile(np.arange(found.row.size), 2)
    gone = np.repeat([False, True], found.row.size)
    day = np.r_[found.came, found.left]
    row = found.row[at]
    return rows(
        world, "placements", day, held.person[row],
        placement_number=names.joined("O", world.province, names.padded(row, 7)),
        registration_number=names.joined("Z", world.province, names.padded(row, 7)),
        site=_site(world, found.site[at]),
        room_type=names.words(ROOM_TYPES, found.room_type[at]),
        room=names.joined(names.words("MFJG", found.room_type[at]),
                names.padded(found.room[at], 3)),
        check_in=date_text(world, found.came[at]),
        check_out=date_text(world, found.left[at], gone),
    )  # fmt: skip


def rooms(world: World, where: Sites, found: Stays) -> Rows:
    """Rooms and beds of each site by type and day, with those in use."""
    span, total = world.last - world.first + 1, where.county.size
    change = np.zeros((total, 4, span + 1), dtype=np.int64)
    np.add.at(change, (found.site, found.room_type, np.minimum(found.came - world.first, span)), 1)
    np.add.at(change, (found.site, found.room_type, np.minimum(found.left - world.first, span)), -1)
    used = np.cumsum(change, axis=2)
    day, site, kind = (x.ravel() for x in np.indices((span, total, 4)))
    number = where.rooms[site, kind]
    return rows(
        world, "rooms", world.first + day,
        site=_site(world, site),
        date=date_text(world, world.first + day),
        room_type=names.words(ROOM_TYPES, kind),
        rooms=names.text(number),
        beds=names.text(number * _BEDS[kind]),
        occupied=names.text(used[site, kind, day]),
    )  # fmt: skip


def assistance(world: World, held: Stranded) -> Rows:
    """Help asked for by stranded people; some of the hidden ask too, without a registration."""
    people, generator = world.people, world.draws("assistance")
    asked = generator.poisson(np.where(held.known, 0.9, 0.3))
    row = np.repeat(np.arange(held.person.size), np.where(held.inside, asked, 0))
    day = held.registered[row] + generator.integers(0, 10, row.size)
    wait = generator.integers(0, 9, row.size)
    status = pick(generator, [0.7, 0.18, 0.12], row.size)
    measure = generator.integers(0, len(MEASURES), row.size)
    at = np.tile(np.arange(row.size), 2)
    done = np.repeat([False, True], row.size)
    given = done & (status[at] == 0)
    money = given & (measure[at] == 0)
    amount = np.where(money, 3000.0, np.nan)
    registered = np.where(held.known[row], row, -1)[at]
    return rows(
        world, "assistance", np.r_[day, day + wait], held.person[row][at],
        assistance_number=names.joined("I", world.province, names.padded(at, 7)),
        registration_number=names.joined(names.words(["Z"], np.where(registered >= 0, 0, -1)),
                                         world.province, names.padded(registered, 7)),
        county=counties(world, people.county[held.person[row][at]]),
        measure=names.words(MEASURES, measure[at]),
        requested=date_text(world, day[at]),
        status=names.words(["given", "referred", "refused", "requested"], np.where(done,
                status[at], 3)),
        given=date_text(world, (day + wait)[at], given),
        amount=names.words(["3000"], np.where(np.isnan(amount), -1, 0)),
        provider=names.words(["民政部门", "街道办事处"], at % 2),
    )  # fmt: skip


def vehicles(world: World) -> Rows:
    """Coaches and trains that can leave, announced three days before."""
    generator, where = world.draws("vehicles"), world.people.places
    per_day = max(numbers(world.settings, world.people.residents)[0] // 200, 2)
    day = np.repeat(np.arange(world.first, world.last + 1), per_day)
    train = generator.random(day.size) < 0.2
    return rows(
        world, "vehicles", day,
        vehicle=names.joined("车", names.padded(np.arange(day.size), 5)),
        kind=names.words(["coach", "train"], train),
        seats=names.text(np.where(train, 600, 45)),
        origin=names.words(where.prefectures, generator.integers(0, len(where.prefectures),
                day.size)),
        destination=names.words(world.routes.codes, pick(generator, world.routes.share, day.size)),
        date=date_text(world, day + 3),
    )  # fmt: skip
