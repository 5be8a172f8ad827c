"""
The residents of a simulated province: households, employers, universities, names, numbers.

Everything is an array over persons; residents come first, in order of county and household.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics import codes
from analytics.errors import ParameterError
from analytics.simulation import names
from analytics.simulation.draws import BoolArray, DateArray, FloatArray, IntArray, apportion, stream

if TYPE_CHECKING:
    from datetime import date

    from analytics.pool.published import Published

_SIZES = np.array([0.26, 0.28, 0.22, 0.13, 0.08, 0.03])  # households of 1 to 6 persons
_WORKING, _RETIRED, _STUDENTS = 20, 60, (18, 22)
_EMPLOYED, _STUDYING, _MOVED = 0.62, 0.35, 0.12
_PER_EMPLOYER, _PER_UNIVERSITY, _PER_ROOM, _PER_DORMITORY = 25, 4000, 6, 300


@dataclass(frozen=True)
class Places:
    """Counties of the province, each with its prefecture, and weights by county."""

    counties: tuple[str, ...]
    names: tuple[str, ...]
    prefectures: tuple[str, ...]
    prefecture_names: tuple[str, ...]
    prefecture: IntArray  # of each county
    weight: FloatArray  # residents [persons]
    cases: FloatArray  # reported cases by county, for sharing out a prefecture's
    aged_65: FloatArray  # share [1]


@dataclass(frozen=True)
class Population:
    """
    Persons as arrays; a negative position means none.

    Attributes
    ----------
    places : Places
        Where they live.
    residents : int
        The first persons are residents, the rest visitors.
    county, household, employer, school, registered : array (persons,)
        Positions; ``registered`` is the county of household registration.
    group : array (persons,)
        Position in `StrandedGroup` of visitors.
    age : array (persons,)
        Age on the reference day [years].
    female : array (persons,)
        Sex.
    identity : pyarrow.Table
        document, id_number, name, sex, birth_date, phone, address; as text.
    """

    places: Places
    residents: int
    county: IntArray
    household: IntArray
    employer: IntArray
    school: IntArray
    registered: IntArray
    group: IntArray
    age: IntArray
    female: BoolArray
    identity: pa.Table

    @property
    def size(self) -> int:
        """Residents and visitors."""
        return int(self.county.size)

    @property
    def prefecture(self) -> IntArray:
        """Position of each person's prefecture of residence."""
        found: IntArray = self.places.prefecture[self.county]
        return found


def places(published: Published) -> Places:
    """
    Counties with residents, from the published figures.

    Raises
    ------
    ParameterError
        If no county has residents in the census table.
    """
    table = published.population.set_index("adcode")
    areas = published.areas[published.areas["adcode"].isin(table.index)]
    if areas.empty:
        raise ParameterError("the study's census table has no residents of its counties")
    residents = table["population"].reindex(areas["adcode"]).to_numpy(dtype=np.float64)
    aged = table["aged_65"].reindex(areas["adcode"]).to_numpy(dtype=np.float64)
    later = published.county_cumulative.set_index("adcode")["confirmed"]
    stated = later.reindex(areas["adcode"]).astype("Float64").to_numpy(np.float64, na_value=np.nan)
    prefectures = tuple(dict.fromkeys(areas["prefecture"]))
    where = {code: at for at, code in enumerate(prefectures)}
    named = dict(zip(areas["prefecture"], areas["prefecture_name"], strict=True))
    return Places(
        counties=tuple(areas["adcode"]),
        names=tuple(areas["name"]),
        prefectures=prefectures,
        prefecture_names=tuple(str(named[code]) for code in prefectures),
        prefecture=areas["prefecture"].map(where).to_numpy(dtype=np.int64),
        weight=residents,
        cases=np.where(np.nan_to_num(stated) > 0, np.nan_to_num(stated), residents / 5000),
        aged_65=np.where(np.isnan(aged), 0.14, aged / np.maximum(residents, 1)),
    )


def build(where: Places, people: int, seed: int, day: date) -> Population:
    """
    Make the residents of a province.

    Parameters
    ----------
    where : Places
        Counties and their weights.
    people : int
        Residents; they are shared out to the counties as the census does, by largest
        remainder.
    seed : int
        Same seed, same people.
    day : date
        Day on which ages are counted.
    """
    county = np.repeat(np.arange(len(where.counties)), apportion(people, where.weight))
    household, member = _households(county, stream(seed, "households"))
    age, female = _ages(where, county, household, member, stream(seed, "ages"))
    generator = stream(seed, "birthdays")
    born = np.datetime64(day, "D") - (age * 365.2425 + generator.random(people) * 365).astype(
        "timedelta64[D]"
    )
    school, employer = _occupations(where, county, age, stream(seed, "occupations"))
    moved = stream(seed, "registration").random(people) < _MOVED
    registered = np.where(moved, stream(seed, "moved").permutation(county), county)
    return Population(
        places=where,
        residents=people,
        county=county,
        household=household,
        employer=employer,
        school=school,
        registered=registered,
        group=np.full(people, -1, dtype=np.int64),
        age=age,
        female=female,
        identity=_identity(where, (county, household, member), registered, age, female, born, seed),
    )


def _households(county: IntArray, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Household of each person, and the person's place in it."""
    people = county.size
    starts = np.zeros(people, dtype=np.bool_)
    edges = np.cumsum(generator.choice(_SIZES.size, people, p=_SIZES) + 1)
    starts[edges[edges < people]] = True
    starts[:1] = True
    starts[1:] |= county[1:] != county[:-1]
    household = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    return household, np.arange(people) - first[household]


def _ages(
    where: Places,
    county: IntArray,
    household: IntArray,
    member: IntArray,
    generator: np.random.Generator,
) -> tuple[IntArray, BoolArray]:
    """Age and sex: a head, a partner, then children or parents of the head."""
    people = county.size
    head = np.flatnonzero(member == 0)
    old = generator.random(head.size) < 1.15 * where.aged_65[county[head]]
    aged = np.where(
        old, 65 + generator.exponential(7.0, head.size), generator.triangular(20, 45, 65, head.size)
    )
    of_head = aged[household]
    draw, spread = generator.random(people), generator.normal(0, 4, people)
    parent = (of_head < 60) & (draw < 0.22)
    later = np.where(parent, of_head + 27 + spread, of_head - 28 + spread)
    age = np.where(member == 0, of_head, np.where(member == 1, of_head - 1.5 + spread / 2, later))
    tossed = generator.random(people) < 0.5
    female = np.where(member == 1, ~tossed[head][household], tossed)
    whole = np.where(age < 0, generator.integers(0, 18, people), np.minimum(age, 100))
    return whole.astype(np.int64), female.astype(np.bool_)


def _occupations(
    where: Places, county: IntArray, age: IntArray, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Position of each person's university and employer; codes say the prefecture they are in."""
    prefecture, people = where.prefecture[county], county.size
    draw, chosen = generator.random(people), generator.random(people) ** 2
    student = (age >= _STUDENTS[0]) & (age <= _STUDENTS[1]) & (draw < _STUDYING)
    working = (age >= _WORKING) & (age < _RETIRED) & (draw < _EMPLOYED) & ~student
    residents = np.bincount(prefecture, minlength=len(where.prefectures))
    return (
        _shared(prefecture, student, chosen, np.maximum(residents // (_PER_UNIVERSITY * 25), 1)),
        _shared(prefecture, working, chosen, np.maximum(residents // (_PER_EMPLOYER * 2), 1)),
    )


def _shared(
    prefecture: IntArray, members: BoolArray, draw: FloatArray, number: IntArray
) -> IntArray:
    """Position among all units of the one each member belongs to; the first are the largest."""
    start = np.r_[0, np.cumsum(number)[:-1]]
    unit = start[prefecture] + (draw * number[prefecture]).astype(np.int64)
    return np.where(members, unit, -1)


def _identity(
    where: Places,
    home: tuple[IntArray, IntArray, IntArray],
    registered: IntArray,
    age: IntArray,
    female: BoolArray,
    born: DateArray,
    seed: int,
) -> pa.Table:
    county, household, member = home
    generator, people = stream(seed, "names"), county.size
    own = names.surnames(generator, people)
    head = np.flatnonzero(member == 0)
    surname = np.where(member > 1, own[head][household], own)
    region = np.array([int(code[:2]) * 10**4 + 9900 for code in where.counties])
    region += np.arange(region.size) % 100
    shares = (age < 12) | ((age >= 70) & (generator.random(people) < 0.3))
    place = np.where(shares, head[household], np.arange(people))
    return pa.table(
        {
            "document": names.words(["resident_id"], np.zeros(people)),
            "id_number": names.resident_numbers(region[registered], born, female),
            "name": names.chinese(generator, surname, female),
            "sex": names.words(["male", "female"], female),
            "birth_date": names.text(born),
            "phone": names.phones(place),
            "address": addresses(where, county, household, stream(seed, "addresses")),
        }
    )


def addresses(
    where: Places, county: IntArray, household: IntArray, generator: np.random.Generator
) -> pa.Array:
    """Address of each household, from prefecture to room; the same for all its members."""
    size = int(household.max()) + 1 if household.size else 0
    first = np.searchsorted(household, np.arange(size))
    above = [
        name if name != prefecture else ""
        for name, prefecture in zip(
            [where.prefecture_names[at] for at in where.prefecture], where.names, strict=True
        )
    ]
    full = [f"{a}{b}" for a, b in zip(above, where.names, strict=True)]
    number, block = generator.integers(1, 399, size), generator.integers(1, 30, size)
    room = generator.integers(1, 33, size) * 100 + generator.integers(1, 5, size)
    street = names.words(names.STREETS, generator.integers(0, len(names.STREETS), size))
    unit = names.joined(names.words(full, county[first]), street, "路", names.text(number), "号",
                        names.text(block), "栋", names.text(room), "室")  # fmt: skip
    return unit.take(pa.array(household))


def with_visitors(residents: Population, visitors: Population) -> Population:
    """Residents and visitors as one population, residents first."""
    columns = ("county", "household", "employer", "school", "registered", "group", "age", "female")
    both: dict[str, Any] = {
        name: np.concatenate([getattr(residents, name), getattr(visitors, name)])
        for name in columns
    }
    identity = pa.concat_tables([residents.identity, visitors.identity]).combine_chunks()
    return replace(residents, identity=identity, **both)


def codes_of(letter: str, prefix: str, where: IntArray) -> pa.Array:
    """Codes of units by position: a letter, the province, a number; none below zero."""
    made = names.joined(letter, prefix, names.padded(np.maximum(where, 0), 7))
    return pc.if_else(pa.array(where >= 0), made, pa.scalar(None, pa.string()))


def province(where: Places) -> str:
    """Two digits of the province."""
    return codes.province_of(where.counties[0])[:2]
