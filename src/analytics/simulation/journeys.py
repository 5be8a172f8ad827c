"""What public security and communications see of travel: tickets, passes, hotels, roaming."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics.simulation import names
from analytics.simulation.draws import BoolArray, IntArray, pick
from analytics.simulation.scenario import openness
from analytics.simulation.spots import coordinates
from analytics.simulation.travel import NEVER
from analytics.simulation.visitors import nationality
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

_DAY, _CHANNELS = 86_400, ("road", "rail", "air", "water")
_LETTERS, _CARRIAGE = "ABCDF", 85  # seats of a row, seats of a carriage
_SEEN = 14  # days a phone is looked for


def _mode(world: World, size: int, label: str) -> IntArray:
    """Channel of each trip: rail, air, coach, ferry (0 to 3) or car (4)."""
    rule = world.settings.travel
    shares = [rule.rail_share, rule.air_share, rule.coach_share, 0.01]
    return pick(world.draws(label), [*shares, max(1 - sum(shares), 0.0)], size)


@dataclass(frozen=True)
class _Legs:
    """Ways out and back: day, person, other end (destination of the routes), mode, whether back."""

    day: IntArray
    person: IntArray
    goal: IntArray
    mode: IntArray
    back: BoolArray


def _legs(world: World) -> _Legs:
    trips = world.epidemic.trips
    mode = _mode(world, trips.day.size, "modes")
    came = np.flatnonzero(trips.back < NEVER)
    trip = np.r_[np.arange(trips.day.size), came]
    back = np.arange(trip.size) >= trips.day.size
    day = np.where(back, trips.back[trip], trips.day[trip])
    return _Legs(day, trips.person[trip], trips.destination[trip], mode[trip], back)


def tickets(world: World) -> Rows:
    """
    Seats of travellers out of the origin and back; parties of a service sit side by side.

    A service runs between the origin and one destination; trains are numbered by hour.
    """
    legs, generator = _legs(world), world.draws("tickets")
    some = np.flatnonzero(legs.mode < 4)
    day, person, goal, mode, back = (
        x[some] for x in (legs.day, legs.person, legs.goal, legs.mode, legs.back.astype(np.int64))
    )
    hour = generator.integers(6, 22, some.size)
    service = ((goal * 24 + hour) * 4 + mode) * 2 + back
    household = world.people.household[person]
    order = np.lexsort((household, service, day))
    day, person, goal, mode, hour, back, service = (
        x[order] for x in (day, person, goal, mode, hour, back, service)
    )
    key = day * 10**6 + service
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]][: key.size])
    at = np.searchsorted(start, np.arange(key.size), side="right") - 1
    seat_number = np.arange(key.size) - start[at] if key.size else key
    carriage, within = seat_number // _CARRIAGE + 1, seat_number % _CARRIAGE
    ride = 3600 + goal * 240
    ends = [*world.people.places.prefectures, *world.routes.codes]
    home, away = (
        np.full(some.size, world.routes.origin),
        len(world.people.places.prefectures) + goal,
    )
    code = names.joined(names.words("GCKL", mode), names.padded((goal * 24 + hour) * 2 + back, 4))
    return rows(
        world, "tickets", day, person,
        ticket_number=names.joined("P", world.province, names.padded(np.arange(some.size), 9)),
        mode=names.words(["rail", "air", "coach", "ferry"], mode),
        service=code,
        service_date=date_text(world, day),
        carriage=names.text(carriage),
        row=names.text(within // 5 + 1),
        seat=names.words(_LETTERS, within % 5),
        origin=names.words(ends, np.where(back, away, home)),
        destination=names.words(ends, np.where(back, home, away)),
        board_stop=names.text(np.zeros(some.size, int)),
        alight_stop=names.text(1 + goal % 9),
        departure=moment_text(world, day, hour * 3600),
        arrival=moment_text(world, day + (hour * 3600 + ride) // _DAY, (hour * 3600 + ride) % _DAY),
    )  # fmt: skip


def gates(world: World) -> Rows:
    """One road checkpoint per county, and one at the station of each prefecture."""
    county, channel = _gate_places(world)
    generator = world.draws("gates")
    longitude, latitude = coordinates(world, county, "gates at")
    return rows(
        world, "gates", np.full(county.size, world.first),
        gate=_gate(world, county, channel),
        name=names.joined(names.words(world.people.places.names, county),
                          names.words(["公路卡口", "车站卡口"], channel)),
        channel=names.words(_CHANNELS, channel),
        county=counties(world, county),
        longitude=longitude,
        latitude=latitude,
        lanes=names.text(generator.integers(1, 6, county.size)),
    )  # fmt: skip


def _gate_places(world: World) -> tuple[IntArray, IntArray]:
    where = world.people.places
    stations = np.unique(seat(world, np.arange(len(where.prefectures))))
    county = np.r_[np.arange(len(where.counties)), stations]
    return county, np.repeat([0, 1], [len(where.counties), stations.size])


def _gate(world: World, county: IntArray, channel: IntArray) -> object:
    return names.joined("B", counties(world, county), names.words("ST", channel))


def gate_staff(world: World) -> Rows:
    """Three shifts a day at each gate, more by day."""
    county, channel = _gate_places(world)
    span = np.arange(world.first, world.last + 1)
    day = np.repeat(span, county.size * 3)
    gate = np.tile(np.repeat(np.arange(county.size), 3), span.size)
    shift = np.tile(np.arange(3), county.size * span.size)
    staff = world.draws("staff").integers(1, 5, day.size) + np.where(shift == 1, 2, 0)
    return rows(
        world, "gate_staff", day,
        gate=_gate(world, county[gate], channel[gate]),
        hour=moment_text(world, day, shift * 8 * 3600),
        staff=names.text(staff),
    )  # fmt: skip


def checkpoint_passes(world: World) -> Rows:
    """Travellers by car at the gate where they arrive, and people about in their own county."""
    legs, people, generator = _legs(world), world.people, world.draws("passes")
    inside = np.where(legs.back, world.routes.origin, world.routes.inside[legs.goal])
    by_car = np.flatnonzero((legs.mode == 4) & (inside >= 0))
    local = round(people.residents * 0.004) * (world.last - world.first + 1)
    who = generator.integers(0, people.residents, local)
    person = np.r_[legs.person[by_car], who]
    day = np.r_[legs.day[by_car], generator.integers(world.first, world.last + 1, local)]
    county = np.r_[seat(world, inside[by_car]), people.county[who]]
    found = world.epidemic.infections
    onset = np.full(people.size, 10**6)
    onset[found.person] = found.onset
    ill = (day >= onset[person]) & (day < onset[person] + 10)
    heat = generator.normal(36.4, 0.25, day.size) + np.where(ill, 1.6, 0)
    outcome = np.where(heat >= 37.3, 2, np.where(generator.random(day.size) < 0.03, 1, 0))
    plate = np.where(generator.random(day.size) < 0.6, person, -1)
    letters = names.words("ABCDEFGHJKLMNPQRS", people.prefecture[person] % 17)
    return rows(
        world, "checkpoint_passes", day, person,
        pass_number=names.joined("S", world.province, names.padded(np.arange(day.size), 9)),
        passed=moment_text(world, day, generator.integers(0, _DAY, day.size)),
        gate=_gate(world, county, np.zeros(day.size, int)),
        direction=names.words(["in", "out"], generator.integers(0, 2, day.size)),
        plate=names.joined(names.words(["鄂"], np.where(plate >= 0, 0, -1)), letters,
                           names.padded(person % 100_000, 5)),
        origin=counties(world, people.county[person]),
        destination=counties(world, county),
        temperature=names.text(np.clip(np.round(heat, 1), 34, 42)),
        symptoms=yes(ill & (generator.random(day.size) < 0.3)),
        outcome=names.words(["passed", "turned_back", "sent_to_clinic"], outcome),
    )  # fmt: skip


def hotel_stays(world: World) -> Rows:
    """Visitors who sleep in hotels, with arrival and, once they moved on, departure."""
    people, generator = world.people, world.draws("hotels")
    guests = np.arange(people.residents, people.size)
    guests = guests[generator.random(guests.size) < 0.55]
    came = world.first - generator.integers(1, 20, guests.size)
    came = np.maximum(came, 0)
    stay = generator.integers(5, 60, guests.size)
    row = np.r_[np.arange(guests.size), np.arange(guests.size)]
    gone = np.repeat([False, True], guests.size)
    day = np.where(gone, np.maximum(came + stay, world.first)[row], came[row])
    second = generator.integers(0, _DAY, guests.size)
    person = guests[row]
    return rows(
        world, "hotel_stays", day, person,
        stay_number=names.joined("Y", world.province, names.padded(row, 8)),
        hotel=names.joined("N", counties(world, people.county[person]),
                names.padded(person % 7, 2)),
        county=counties(world, people.county[person]),
        room=names.text(201 + people.household[person] % 300),
        check_in=moment_text(world, came[row], second[row]),
        check_out=moment_text(world, np.maximum(came + stay, world.first)[row],
                              np.full(row.size, 12 * 3600), gone),
        nationality=nationality(people.group[person], person),
        origin=homes(world, people.registered[person]),
    )  # fmt: skip


def exit_entry(world: World) -> Rows:
    """Entries of visitors from outside the mainland, with the end of their permitted stay."""
    people, generator = world.people, world.draws("borders")
    person = np.flatnonzero(people.group >= 3)
    day = np.maximum(world.first - generator.integers(2, 40, person.size), 0)
    ports = ("北京首都", "上海浦东", "广州白云", "深圳罗湖", "武汉天河")
    return rows(
        world, "exit_entry", day, person,
        record_number=names.joined("X", world.province, names.padded(np.arange(person.size), 7)),
        crossed=moment_text(world, day, generator.integers(0, _DAY, person.size)),
        port=names.words(ports, generator.integers(0, len(ports), person.size)),
        direction=names.words(["entry"], np.zeros(person.size)),
        nationality=nationality(people.group[person], person),
        permit_expires=date_text(world, day + 30 + 30 * (person % 3)),
    )  # fmt: skip


def channel_status(world: World) -> Rows:
    """List changes of control of the origin's channels, and of the rest."""
    where, days = world.people.places, world.epidemic.transmission.days
    open_now = [openness(world.settings.travel, world.scenario, day.date()) for day in days]
    status = np.array([0 if x >= 0.5 else 1 if x > 0.1 else 3 for x in open_now])
    change = np.flatnonzero(np.diff(status, prepend=-1))
    size = len(where.prefectures)
    prefecture, channel = (x.ravel() for x in np.indices((size, len(_CHANNELS) * 2)))
    parts = []
    for at in change:
        level = np.where(prefecture == world.routes.origin, status[at], min(int(status[at]), 2))
        parts.append(np.stack([prefecture, channel, np.full(prefecture.size, at), level]))
    prefecture, channel, day, level = np.concatenate(parts, axis=1)
    return rows(
        world, "channel_status", day,
        county=names.words(where.prefectures, prefecture),
        channel=names.words(_CHANNELS, channel // 2),
        direction=names.words(["in", "out"], channel % 2),
        since=moment_text(world, day, np.full(day.size, 10 * 3600)),
        status=names.words(["open", "checked", "permit_only", "closed"], level),
        notice=names.words(["模拟通告"], np.zeros(day.size)),
    )  # fmt: skip


def _holders(world: World) -> BoolArray:
    """Whether each person carries the phone whose number it gives: the first of those who do."""
    numbers = world.people.identity["phone"].combine_chunks().dictionary_encode().indices
    holders = np.zeros(world.people.size, dtype=np.bool_)
    holders[np.unique(numbers.to_numpy(), return_index=True)[1]] = True
    return holders


def roaming(world: World) -> Rows:
    """
    Phones of travellers and visitors seen away from home, for a fortnight each.

    A phone that others of the household give as theirs too is where its holder is.
    """
    trips, people, generator = world.epidemic.trips, world.people, world.draws("roaming")
    visitors = np.arange(people.residents, people.size)
    places = [*people.places.prefectures, *world.routes.codes, *world.outside["region"]]
    size, codes = len(people.places.prefectures), len(world.routes.codes)
    inside = world.routes.inside[trips.destination]
    there = np.where(inside >= 0, inside, size + trips.destination)
    owner = np.r_[trips.person, visitors]
    start = np.r_[trips.day, np.full(visitors.size, world.first)]
    city = np.r_[there, people.prefecture[visitors]]
    far = people.registered[visitors] - len(people.places.counties)
    home = np.r_[people.prefecture[trips.person], np.where(far >= 0, size + codes + far, -1)]
    row = np.repeat(np.arange(owner.size), _SEEN)
    day = start[row] + np.tile(np.arange(_SEEN), owner.size)
    seen = (generator.random(row.size) < 0.9) & (day >= world.first - _SEEN)
    seen &= _holders(world)[owner[row]]
    seen &= day < np.r_[trips.back, np.full(visitors.size, NEVER)][row]
    row, day = row[seen], day[seen]
    order = np.argsort(day, kind="stable")
    row, day = row[order], day[order]
    last = np.unique((owner[row] * (world.last + _SEEN + 1) + day)[::-1], return_index=True)[1]
    at = np.sort(row.size - 1 - last)  # who left again within the fortnight is at the later place
    row, day = row[at], day[at]
    return rows(
        world, "roaming", day, owner[row],
        date=date_text(world, day),
        city=names.words(places, city[row]),
        home=names.words(places, home[row]),
        hours=names.text(generator.integers(1, 25, row.size)),
    )  # fmt: skip
