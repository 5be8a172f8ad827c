"""From numbers of parties to a room for every person, and the check of every person."""

from __future__ import annotations

import numpy as np

from analytics.errors import SolverError
from analytics.methods.allocation.problem import (
    FAMILY,
    FEMALE,
    ISOLATION,
    MALE,
    POOLS,
    Integers,
    Parties,
    Persons,
    Policy,
    Sites,
    limits,
)


def disaggregate(
    parties: Parties, option: Integers, site: Integers, sent: Integers
) -> tuple[Integers, Integers]:
    """
    Send parties, class by class in their order, to the sites their class was sent to.

    Parameters
    ----------
    parties : Parties
        Parties and their classes.
    option, site, sent : array (columns,)
        Option, site and number of parties.

    Returns
    -------
    site, option : array (parties,)
        Site and option of each party; -1 if not placed.
    """
    where, how = (np.full(len(parties.of_class), -1) for _ in range(2))
    order = np.argsort(parties.of_class, kind="stable")
    start = np.concatenate([[0], np.cumsum(parties.count)])
    by_class = np.argsort(parties.option[option], kind="stable")
    owner = parties.option[option][by_class]
    ahead = np.cumsum(sent[by_class]) - sent[by_class]
    first = np.searchsorted(owner, owner)
    rank = ahead - ahead[first] + start[owner] if len(owner) else ahead
    many = sent[by_class]
    offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    chosen = order[np.repeat(rank, many) + offset]
    where[chosen] = np.repeat(site[by_class], many)
    how[chosen] = np.repeat(option[by_class], many)
    return where, how


def rooms(
    persons: Persons, site: Integers, shared: np.ndarray, policy: Policy
) -> tuple[Integers, Integers, Integers]:
    """
    Give every placed person a pool, a room (or bed) number and a bed in it.

    Parameters
    ----------
    persons : Persons
        Everyone.
    site : array (persons,)
        Site; -1 if not placed.
    shared : array (persons,) of bool
        Whether the household takes beds among its own sex rather than family rooms.
    policy : Policy
        Beds in a family room.

    Returns
    -------
    pool, room, bed : array (persons,)
        Pool, number of the room within site and pool, bed within the room, from 0; -1 if not
        placed. Beds for men and women are numbered as rooms of one bed.
    """
    _, household = np.unique(persons.household, return_inverse=True)
    free = ~persons.quarantine
    members = np.bincount(household, free)[household]
    own = np.where(persons.male, MALE, FEMALE)
    pool = np.where(free, np.where((members > 1) & ~shared, FAMILY, own), ISOLATION)
    pool = np.where(site < 0, -1, pool)
    room, bed = np.full(len(site), -1), np.full(len(site), -1)
    for number in range(len(POOLS)):
        of = np.flatnonzero(pool == number)
        if not len(of):
            continue
        of = of[np.lexsort((household[of], site[of]))]
        rank = np.arange(len(of)) - _starts(household[of])
        size = policy.family_room if number == FAMILY else 1
        opens = (rank % size == 0).astype(np.int64)
        running = np.cumsum(opens) - 1
        room[of] = running - running[_starts(site[of])]
        bed[of] = rank % size
    return pool, room, bed


def verify(
    persons: Persons, sites: Sites, policy: Policy,
    site: Integers, pool: Integers, room: Integers, bed: Integers,
) -> None:  # fmt: skip
    """
    Check every person anew, from the inputs alone.

    Parameters
    ----------
    persons : Persons
        Who is to be placed.
    sites : Sites
        What there is.
    policy : Policy
        What is asked of a placement.
    site, pool, room, bed : array (persons,)
        As answered.

    Raises
    ------
    SolverError
        With every rule broken and by how many: needs, sex of the pool, quarantine, room and
        staff limits, two in one bed, strangers in a family room, households or cohorts apart.
    """
    on = site >= 0
    limit = limits(sites, policy)
    unmet = (persons.needs[on] & ~sites.offers[site[on]]).any(axis=1)
    place = np.column_stack([site, pool, room])[on]
    beds = np.column_stack([place, bed[on]])
    sexes = ((pool == MALE) & ~persons.male) | ((pool == FEMALE) & persons.male)
    alone = (pool == ISOLATION) != persons.quarantine
    size = np.where(pool == FAMILY, policy.family_room, 1)
    used = place[:, 2] >= limit[place[:, 0], place[:, 1]]
    tenants = np.unique(np.column_stack([place, persons.household[on]])[:, [0, 1, 2, 3]], axis=0)
    strangers = len(tenants) - len(np.unique(tenants[:, :3], axis=0))
    heads = np.bincount(site[on], minlength=len(limit))
    cohort = persons.cohort >= 0
    counts = {
        "persons at a site that does not meet a need": int(unmet.sum()),
        "persons in a pool of the other sex": int(sexes[on].sum()),
        "persons under quarantine not in isolation, or others in it": int(alone[on].sum()),
        "persons in a room the site does not have": int(used.sum()),
        "persons in a bed the room does not have": int((bed >= size)[on].sum()),
        "persons in a bed already taken": len(beds) - len(np.unique(beds, axis=0)),
        "households sharing a room with another": strangers,
        "persons above what staff and floor allow": int(np.maximum(heads - limit[:, 4], 0).sum()),
        "households at several sites": _apart(persons.household, site),
        "cohorts at several sites": _apart(persons.cohort[cohort], site[cohort]),
    }
    breaches = [f"{what}: {many}" for what, many in counts.items() if many]
    if breaches:
        raise SolverError("the allocation breaks its own rules; nothing was placed", breaches)


def _starts(key: Integers) -> Integers:
    """Position where each run of equal keys starts."""
    new = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    starts: Integers = np.repeat(new, np.diff(np.append(new, len(key))))
    return starts


def _apart(of: Integers, site: Integers) -> int:
    """Households (or cohorts) with members at more than one site, or only partly placed."""
    pairs = np.unique(np.column_stack([of, site]), axis=0) if len(of) else np.empty((0, 2))
    return int(len(pairs) - len(np.unique(pairs[:, 0])))
