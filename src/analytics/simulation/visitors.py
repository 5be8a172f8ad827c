"""Outsiders held up in the province: five groups, registered and hidden, in parties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analytics.codes import StrandedGroup
from analytics.simulation import names
from analytics.simulation.draws import IntArray, pick, stream
from analytics.simulation.population import Places, Population, addresses
from analytics.simulation.scenario import stranded

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from analytics.simulation.scenario import Settings

GROUPS = tuple(StrandedGroup)
_AGES = {  # mean, standard deviation, least [years]
    StrandedGroup.MIGRANT_WORKER: (38, 9, 18),
    StrandedGroup.UNIVERSITY_STUDENT: (21, 2, 17),
    StrandedGroup.TOURIST: (42, 17, 0),
    StrandedGroup.HONG_KONG_MACAO_TAIWAN: (45, 17, 0),
    StrandedGroup.FOREIGNER: (29, 8, 1),
}
_STRANGERS = 3  # groups from here on come from outside the mainland
_PERMITS = (("mainland_permit_hk_mo", "H", 8), ("mainland_permit_tw", "", 8))


def make(
    where: Places,
    settings: Settings,
    outside: pd.DataFrame,
    people: int,
    household: int,
    seed: int,
    day: date,
) -> Population:
    """
    Make the outsiders held up in the province.

    Parameters
    ----------
    where : Places
        Counties; cities with more residents hold more visitors.
    settings : Settings
        Numbers by group, floor and hidden share.
    outside : DataFrame
        ``region`` of the prefectures outside the province they come from.
    people : int
        Residents of the province.
    household : int
        Position of the first party.
    seed : int
        Same seed, same visitors.
    day : date
        Day on which ages are counted.

    Returns
    -------
    Population
        ``registered`` is the position of their home in `outside`, shifted by the number of
        counties; -1 for those from outside the mainland.
    """
    known = stranded(settings, people)[0]
    size = known + round(known * settings.stranded.hidden)
    generator = stream(seed, "visitors")
    rule = settings.stranded.groups
    group = np.sort(pick(generator, [rule.get(g, 0.0) for g in GROUPS], size))
    starts = (np.diff(group, prepend=-1) != 0) | (generator.random(size) < 0.6)
    party = np.cumsum(starts) - 1
    mean, sd, least = np.array([_AGES[g] for g in GROUPS], dtype=np.float64).T
    age = np.clip(generator.normal(mean[group], sd[group]), least[group], 90).astype(np.int64)
    female = generator.random(size) < 0.45
    county = pick(generator, where.weight, int(party.max(initial=-1)) + 1)[party]
    home = generator.integers(0, len(outside), party.max(initial=-1) + 1)[party]
    stranger = group >= _STRANGERS
    registered = np.where(stranger, -1, home + len(where.counties))
    none = np.full(size, -1, dtype=np.int64)
    born = np.datetime64(day, "D") - (age * 365.2425 + generator.random(size) * 365).astype(
        "timedelta64[D]"
    )
    regions = outside["region"].str[:2].astype(int).to_numpy() * 10**4 + 9900
    numbers = names.resident_numbers(regions[home], born, female)
    document, number = _documents(group, people + np.arange(size), numbers, generator)
    latin, own = names.foreign(generator, size), names.surnames(generator, size)
    foreigner = group == GROUPS.index(StrandedGroup.FOREIGNER)
    identity = pa.table(
        {
            "document": document,
            "id_number": number,
            "name": _either(foreigner, latin, names.chinese(generator, own, female)),
            "sex": names.words(["male", "female"], female),
            "birth_date": names.text(born),
            "phone": names.phones(people + np.arange(size)),
            "address": addresses(where, county, party, stream(seed, "lodgings")),
        }
    )
    return Population(
        places=where, residents=0, county=county, household=party + household, employer=none,
        school=none, registered=registered, group=group, age=age, female=female, identity=identity,
    )  # fmt: skip


def _either(first: IntArray, yes: pa.Array, no: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(first), yes, no)


def _documents(
    group: IntArray, person: IntArray, numbers: pa.Array, generator: np.random.Generator
) -> tuple[pa.Array, pa.Array]:
    """Kind and number: resident identity numbers, permits by origin, passports, residence cards."""
    size = group.size
    kinds = ["resident_id", _PERMITS[0][0], _PERMITS[1][0], "passport", "permanent_resident"]
    compatriot, foreigner = group == _STRANGERS, group > _STRANGERS
    kind = np.where(compatriot, 1 + person % 2, 0)
    kind = np.where(foreigner, 3 + (generator.random(size) < 0.04), kind)
    made = [
        numbers,
        names.permits(generator, "H", size, 8),
        names.permits(generator, "", size, 8),
        names.permits(generator, "X", size, 8),
        names.permits(generator, "XXZ", size, 12),
    ]
    number = made[0]
    for at, other in enumerate(made):
        number = _either(kind == at, other, number)
    return names.words(kinds, kind), number


def nationality(group: IntArray, person: IntArray) -> pa.Array:
    """ISO 3166-1 alpha-3 code, fixed for each person."""
    known = ("CHN", "HKG", "TWN", *names.NATIONS)
    place = np.where(group < _STRANGERS, 0, 1 + person % 2)
    return names.words(known, np.where(group > _STRANGERS, 3 + person % len(names.NATIONS), place))


def language(group: IntArray, person: IntArray) -> pa.Array:
    """ISO 639-3 code of the language spoken, fixed for each person."""
    known = ("cmn", "yue", *names.LANGUAGES)
    place = np.where(group == _STRANGERS, person % 2, 0)
    return names.words(known, np.where(group > _STRANGERS, 2 + person % len(names.NATIONS), place))
