"""What is published of the simulated province, and the command's duty roster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analytics.simulation import names
from analytics.simulation.travel import rate
from analytics.simulation.world import Rows, date_text, moment_text, rows, seat

if TYPE_CHECKING:
    from analytics.simulation.clinical import Course
    from analytics.simulation.world import World

_TEAMS = ("流行病学调查专班", "交通管控专班", "滞留人员服务专班", "医疗救治专班")
_DUTIES = (
    "密切接触者24小时内追踪到位",
    "通道查验不漏一人",
    "滞留人员应安尽安",
    "床位利用率每日上报",
)
_WEEK = 7
_DAYS = (1, 3, 5, 7)  # that each team is given
_TAKEN = (-0.35, 0.5)  # log of the share of the time allowed that a target takes: invented


def counts(world: World, sick: Course) -> Rows:
    """Cumulative cases, deaths and recoveries by prefecture and day, as confirmed."""
    where, span = world.people.places, world.last + 1
    place = where.prefecture[sick.county]
    measures = ((sick.confirmed, place >= 0), (sick.ended, sick.died), (sick.ended, ~sick.died))
    grids = []
    for day, chosen in measures:
        grid = np.zeros((len(where.prefectures), span), dtype=np.int64)
        some = chosen & (day < span)
        np.add.at(grid, (place[some], day[some]), 1)
        grids.append(np.cumsum(grid, axis=1)[:, world.first :])
    value = np.stack(grids)
    measure, area, day = (x.ravel() for x in np.indices(value.shape))
    order = np.argsort(day, kind="stable")
    measure, area, day = measure[order], area[order], day[order]
    return rows(
        world, "official_counts", world.first + day,
        date=date_text(world, world.first + day),
        region=names.words(where.prefectures, area),
        measure=names.words(["confirmed", "deaths", "recovered"], measure),
        cumulative=names.text(value[measure, area, day]),
    )  # fmt: skip


def county_cumulative(world: World, sick: Course) -> Rows:
    """Cumulative cases by county as they stand on the last day, on which they are told."""
    where = world.people.places
    every = np.arange(len(where.counties))
    known = sick.county[sick.confirmed <= world.last]
    return rows(
        world, "county_cumulative", np.full(every.size, world.last),
        region=names.words(where.counties, every),
        name=names.words(where.names, every),
        confirmed=names.text(np.bincount(known, minlength=every.size)),
    )  # fmt: skip


def population(world: World) -> Rows:
    """Residents by county, prefecture and province, as the simulated province has them."""
    people, where = world.people, world.people.places
    county = people.county[: people.residents]
    number = len(where.counties)
    residents = np.bincount(county, minlength=number)
    aged = np.bincount(county, people.age[: people.residents] >= 65, minlength=number)
    heads = np.unique(people.household[: people.residents], return_index=True)[1]
    households = np.bincount(county[heads], minlength=number)
    above = where.prefecture
    parts = [np.stack([residents, households, aged])]
    shown = np.array([code not in where.counties for code in where.prefectures])
    summed = [np.bincount(above, x, len(where.prefectures)).astype(np.int64) for x in parts[0]]
    parts.append(np.stack(summed)[:, shown])
    parts.append(parts[0].sum(axis=1, keepdims=True))
    total = np.concatenate(parts, axis=1)
    code = [*where.counties, *np.array(where.prefectures)[shown], world.province + "0000"]
    name = [*where.names, *np.array(where.prefecture_names)[shown], "模拟省份"]
    share = np.round(total[2] / np.maximum(total[0], 1) * 100, 2)
    every = np.arange(len(code))
    return rows(
        world, "population", np.full(every.size, world.first),
        region=names.words(code, every),
        name=names.words(name, every),
        residents=names.text(total[0]),
        households=names.text(total[1]),
        share_65=names.text(share),
    )  # fmt: skip


def outflow_shares(world: World) -> Rows:
    """Mean share of the origin's travellers by destination, as published."""
    table = world.published.outflow
    every = np.arange(len(table))
    return rows(
        world, "outflow_shares", np.full(every.size, world.first),
        region=names.words(table["adcode"], every),
        city=names.words(table["city"], every),
        share=names.words(table["mean_share"].astype(str), every),
    )  # fmt: skip


def mobility_scale(world: World) -> Rows:
    """Index of travel out of the origin: its residents who leave, per thousand."""
    days = world.epidemic.transmission.days
    day = np.arange(max(world.first - 21, 0), world.last + 1)
    scale = [rate(world.settings.travel, world.scenario, days[at]) * 1000 for at in day.tolist()]
    return rows(
        world, "mobility_scale", day,
        date=date_text(world, day),
        origin=names.words([world.settings.origin], np.zeros(day.size)),
        direction=names.words(["out"], np.zeros(day.size)),
        scale=names.text(np.round(scale, 3)),
    )  # fmt: skip


def mobility_shares(world: World) -> Rows:
    """Share of each day's travellers out of the origin by destination, as they travelled."""
    trips, routes = world.epidemic.trips, world.routes
    grid = np.zeros((world.last + 1, len(routes.codes)))
    some = trips.day <= world.last
    np.add.at(grid, (trips.day[some], trips.destination[some]), 1)
    start = max(world.first - 21, 0)
    day, goal = np.nonzero(grid[start:])
    day = day + start
    share = grid[day, goal] / grid[day].sum(axis=1)
    return rows(
        world, "mobility_shares", day,
        date=date_text(world, day),
        origin=names.words([world.settings.origin], np.zeros(day.size)),
        direction=names.words(["out"], np.zeros(day.size)),
        region=names.words(routes.codes, goal),
        share=names.text(np.round(share, 6)),
    )  # fmt: skip


def duty_roster(world: World) -> Rows:
    """
    Targets of the special teams, one a team and prefecture each week, told anew every day.

    A day's roster holds the week's targets and older ones that were open the evening before.
    """
    where, generator = world.people.places, world.draws("duties")
    prefectures = len(where.prefectures)
    weeks = -(-(world.last + 1 - world.first) // _WEEK)
    week, team, area = (x.ravel() for x in np.indices((weeks, len(_TEAMS), prefectures)))
    issued = world.first + _WEEK * week
    due = issued + np.asarray(_DAYS)[team]
    # as a share of the time allowed; one in ten or so comes late
    taken = (due - issued) * generator.lognormal(*_TAKEN, team.size)
    done = issued + np.maximum(taken, 0.25)
    officer = names.chinese(
        generator, names.surnames(generator, team.size), generator.random(team.size) < 0.4
    )
    prefix = names.words([f"027-5{n:03d}" for n in range(prefectures)], area)
    every = np.arange(team.size)
    told = np.arange(world.first, world.last + 1)
    listed = (issued <= told[:, None]) & ((told[:, None] < issued + _WEEK) | (done > told[:, None]))
    day, at = np.nonzero(listed)
    day = told[day]
    reached = np.floor(done).astype(np.int64)
    second = ((done - reached) * 86400).astype(np.int64)
    return rows(
        world, "duty_roster", day,
        target=names.joined("TG", names.padded(every, 5)).take(pa.array(at)),
        team=names.words(_TEAMS, team[at]),
        county=names.words(where.counties, seat(world, area[at])),
        officer=officer.take(pa.array(at)),
        phone=names.joined(prefix, names.padded(team, 4)).take(pa.array(at)),
        wording=names.words(_DUTIES, team[at]),
        due=moment_text(world, due[at], np.full(at.size, 18 * 3600)),
        done=moment_text(world, reached[at], second[at], reached[at] <= day),
    )  # fmt: skip
