"""Course of disease and what health departments write down of it: cases, visits, tests, beds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analytics.simulation import curve, names
from analytics.simulation.draws import BoolArray, IntArray
from analytics.simulation.world import Rows, counties, date_text, moment_text, rows, seat, yes

if TYPE_CHECKING:
    from analytics.simulation.world import World

_AGES = np.array([40, 50, 60, 70, 80])
_FATAL = np.array([0.002, 0.004, 0.013, 0.036, 0.080, 0.148])  # China CDC Weekly 2020;2(8):113
_DAY = 86_400
_PER_BED, _PER_PLACE = 250, 8000  # residents for each hospital bed and intensive-care place


@dataclass(frozen=True)
class Course:
    """
    What becomes of each reported infection, in the order of `infection`.

    Days are positions; ``severity`` counts from mild (0) to critical (3). ``confirmed`` is the
    day a case is counted from: of a `clinical` one, which no test had shown, the day on which
    the definition took it in.
    """

    infection: IntArray
    person: IntArray
    onset: IntArray
    reported: IntArray
    diagnosed: IntArray
    confirmed: IntArray
    clinical: BoolArray
    ended: IntArray
    died: BoolArray
    severity: IntArray
    county: IntArray
    imported: BoolArray


def course(world: World) -> Course:
    """Severity, confirmation and outcome of the cases reported in the province."""
    found = world.epidemic.infections
    some = np.flatnonzero((found.reported <= world.last) & (found.reporting >= 0))
    person, generator = found.person[some], world.draws("course")
    age = world.people.age[person]
    fatal = _FATAL[np.searchsorted(_AGES, age, side="right")]
    draw, size = generator.random(some.size), some.size
    severe = 0.08 + 0.15 * np.minimum(age, 80) / 80
    edges = np.stack([2 * fatal, 2 * fatal + severe, np.full(size, 0.72)])
    severity = 3 - (draw > edges[0]).astype(int) - (draw > edges[1]) - (draw > edges[2])
    died = draw < fatal
    diagnosed = found.reported[some] + generator.integers(0, 4, size)
    stay = np.where(died, generator.integers(4, 22, size), generator.integers(11, 30, size))
    where = found.reporting[some]
    county = np.where(
        world.people.prefecture[person] == where, world.people.county[person], seat(world, where)
    )
    ended = diagnosed + stay
    confirmed = _counted_from(world, where, diagnosed, ended)
    return Course(
        infection=some,
        person=person,
        onset=found.onset[some],
        reported=found.reported[some],
        diagnosed=diagnosed,
        confirmed=confirmed,
        clinical=confirmed > diagnosed,
        ended=ended,
        died=died,
        severity=severity.astype(np.int64),
        county=county,
        imported=found.where[some] != where,
    )


def _counted_from(world: World, where: IntArray, diagnosed: IntArray, ended: IntArray) -> IntArray:
    """
    Day each case is counted from, as definitions change.

    Of the cases before a change that adds some, as many wait for its day as the official
    counts show it to have added, if they are still in hospital on it.
    """
    counted, generator = diagnosed.copy(), world.draws("definitions")
    prefectures = list(world.people.places.prefectures)
    for change in world.changes:
        day = world.position(change.day)
        share = curve.held_back(world.published.counts, prefectures, change)
        for prefecture in np.flatnonzero(share):
            mine = where == prefecture
            before = np.flatnonzero(mine & (counted < day))
            able = before[ended[before] > day]
            number = min(int(np.floor(share[prefecture] * before.size + 0.5)), able.size)
            counted[generator.permutation(able)[:number]] = day
    return counted


def cases(world: World, sick: Course) -> Rows:
    """Versions of each case: reported, confirmed, ended; and suspicions later excluded."""
    generator = world.draws("cases")
    size, extra = sick.person.size, round(sick.person.size * 0.15)
    doubted = generator.integers(0, world.people.residents, extra)
    since = generator.integers(world.first, world.last + 1, extra)
    ordinal = np.r_[np.tile(np.arange(size), 3), size + np.tile(np.arange(extra), 2)]
    stage = np.r_[np.repeat([0, 1, 2], size), np.repeat([0, 3], extra)]
    person = np.r_[np.tile(sick.person, 3), np.tile(doubted, 2)]
    reported = np.r_[np.tile(sick.reported, 3), np.tile(since, 2)]
    onset = np.r_[np.tile(np.minimum(sick.onset, sick.reported), 3), np.tile(since - 2, 2)]
    ended = np.r_[np.tile(sick.ended, 3), np.tile(since, 2)]
    confirmed = np.r_[np.tile(sick.confirmed, 3), np.tile(since, 2)]
    died = np.r_[np.tile(sick.died, 3), np.zeros(2 * extra, dtype=bool)]
    day = np.select(
        [stage == 0, stage == 1, stage == 2], [reported, confirmed, ended], reported + 2
    )
    clinical = np.r_[np.tile(sick.clinical, 3), np.zeros(2 * extra, dtype=bool)]
    kind = np.select([stage == 0, stage == 3], [0, 2], np.where(clinical, 3, 1))
    severity = np.r_[np.tile(sick.severity, 3), np.full(2 * extra, -1)]
    county = np.r_[np.tile(sick.county, 3), np.tile(world.people.county[doubted], 2)]
    imported = np.r_[np.tile(sick.imported, 3), np.zeros(2 * extra, dtype=bool)]
    outcome = np.where(stage == 2, np.where(died, 2, 1), np.where(stage == 3, -1, 0))
    order = np.argsort(day, kind="stable")
    at = pa.array(order)
    columns = {
        "case_number": _numbered("C", world, ordinal),
        "age": names.text(world.people.age[person]),
        "county": counties(world, world.people.county[person]),
        "reporting_county": counties(world, county),
        "classification": names.words(["suspected", "confirmed", "excluded", "clinical"], kind),
        "severity": names.words(["mild", "ordinary", "severe", "critical"], severity),
        "onset": date_text(world, onset),
        "reported": date_text(world, reported),
        "confirmed": date_text(world, confirmed, (stage == 1) | (stage == 2)),
        "outcome": names.words(["in_treatment", "recovered", "died"], outcome),
        "outcome_date": date_text(world, ended, stage == 2),
        "imported": yes(imported),
    }
    return rows(world, "cases", day[order], person[order],
                **{name: column.take(at) for name, column in columns.items()})  # fmt: skip


def _numbered(letter: str, world: World, number: IntArray) -> pa.Array:
    return names.joined(letter, world.province, names.padded(number, 8))


def fever_visits(world: World, sick: Course) -> Rows:
    """Visits of cases before their report, and of others with fever for other causes."""
    generator, people = world.draws("visits"), world.people
    span = world.last - world.first + 1
    others = int(generator.poisson(
        people.residents / 1000 * world.settings.registers.visits_per_1000 * span))  # fmt: skip
    day = np.r_[sick.reported, generator.integers(world.first, world.last + 1, others)]
    ill = np.arange(day.size) < sick.person.size
    person = np.r_[sick.person, generator.integers(0, people.residents, others)]
    onset = np.where(ill, np.r_[np.minimum(sick.onset, sick.reported), np.zeros(others, int)],
                     day - generator.integers(0, 4, day.size))  # fmt: skip
    county = np.r_[sick.county, people.county[person[sick.person.size :]]]
    draw = generator.random((4, day.size))
    diagnosis = np.where(ill, 2, np.where(draw[0] < 0.3, 0, 1))
    heat = np.where(
        ill, generator.normal(38.4, 0.6, day.size), generator.normal(37.9, 0.5, day.size)
    )
    return rows(
        world, "fever_visits", day, person,
        visit_number=_numbered("V", world, np.arange(day.size)),
        visited=moment_text(world, day, generator.integers(0, _DAY, day.size)),
        facility=names.joined("H", counties(world, county)),
        county=counties(world, county),
        onset=date_text(world, onset),
        temperature=names.text(np.clip(np.round(heat, 1), 36, 41.5)),
        respiratory=yes(draw[1] < np.where(ill, 0.75, 0.4)),
        imaging=yes(draw[2] < np.where(ill, 0.8, 0.06)),
        lymphocytes_low=yes(draw[3] < np.where(ill, 0.7, 0.15)),
        exposure=yes(generator.random(day.size) < np.where(ill, 0.55, 0.05)),
        diagnosis=names.words(["excluded", "fever", "suspected"], diagnosis),
    )  # fmt: skip


def tests(world: World, sick: Course) -> Rows:
    """Nucleic acid: first samples that may fail, the positive one, two negatives at the end."""
    generator, size = world.draws("tests"), sick.person.size
    missed = np.flatnonzero(generator.random(size) < 0.25)
    healed = np.flatnonzero(~sick.died)
    others = round(world.people.residents / 1000 * 0.05 * (world.last - world.first + 1))
    who = generator.integers(0, world.people.residents, others)
    person = np.r_[sick.person, sick.person[missed], np.repeat(sick.person[healed], 2), who]
    county = np.r_[sick.county, sick.county[missed], np.repeat(sick.county[healed], 2),
                   world.people.county[who]]  # fmt: skip
    twice = np.repeat(sick.ended[healed], 2) - np.tile([1, 2], healed.size)
    at = generator.integers(world.first, world.last + 1, others)
    day = np.r_[sick.diagnosed, sick.reported[missed], twice, at]
    positive = np.r_[~sick.clinical, np.zeros(day.size - size, dtype=bool)]
    waited = generator.integers(3 * 3600, 20 * 3600, day.size)
    sampled = day * _DAY + 86_399 - waited - generator.integers(0, 3600, day.size)
    sampled = np.maximum(sampled, 0)
    method = np.where(positive | (generator.random(day.size) < 0.95), 0, 1)
    result = sampled + waited
    return rows(
        world, "tests", day, person,
        test_number=_numbered("T", world, np.arange(day.size)),
        laboratory=names.joined("L", counties(world, seat(world,
                world.people.places.prefecture[county]))),
        county=counties(world, county),
        method=names.words(["nucleic_acid", "igm"], method),
        sampled=moment_text(world, sampled // _DAY, sampled % _DAY),
        resulted=moment_text(world, result // _DAY, result % _DAY),
        result=names.words(["negative", "positive"], positive),
    )  # fmt: skip


def beds(world: World, sick: Course) -> Rows:
    """Beds and intensive-care places of one hospital per county and day."""
    where = world.people.places
    number, span = len(where.counties), world.last + 2
    stays, intensive = np.zeros((number, span)), np.zeros((number, span))
    for grid, some in ((stays, np.ones(sick.person.size, bool)), (intensive, sick.severity == 3)):
        np.add.at(grid, (sick.county[some], np.minimum(sick.reported[some], span - 1)), 1)
        np.add.at(grid, (sick.county[some], np.minimum(sick.ended[some], span - 1)), -1)
    occupied, critical = np.cumsum(stays, axis=1), np.cumsum(intensive, axis=1)
    residents = np.bincount(world.people.county[: world.people.residents], minlength=number)
    day = np.repeat(np.arange(world.first, world.last + 1), number)
    county = np.tile(np.arange(number), world.last - world.first + 1)
    used, used_intensive = occupied[county, day], critical[county, day]
    total = np.maximum(np.maximum(residents // _PER_BED, 2), occupied.max(axis=1))[county]
    places = np.maximum(np.maximum(residents // _PER_PLACE, 1), critical.max(axis=1))[county]
    whole = [values.astype(np.int64) for values in (total, used, places, used_intensive)]
    return rows(
        world, "beds", day,
        facility=names.joined("H", counties(world, county)),
        date=date_text(world, day),
        county=counties(world, county),
        beds=names.text(whole[0]),
        occupied=names.text(whole[1]),
        intensive=names.text(whole[2]),
        intensive_occupied=names.text(whole[3]),
    )  # fmt: skip
