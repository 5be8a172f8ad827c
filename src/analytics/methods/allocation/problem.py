"""Who is to be placed and where there is room: the inputs of an allocation, checked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.errors import ParameterError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

POOLS = ("male", "female", "family", "isolation")
MALE, FEMALE, FAMILY, ISOLATION = range(4)
EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True)
class Persons:
    """
    Persons to be placed, one entry each.

    Parameters
    ----------
    household : array (persons,) of int
        Households stay at one site.
    male, quarantine : array (persons,) of bool
        Whether a man; whether under quarantine (then alone in a single room).
    needs : array (persons, needs) of bool
        What the site must offer.
    origin : array (persons,) of int
        Row of the distance matrix.
    group : array (persons,) of int
        Group, from 0, for fairness.
    site : array (persons,) of int
        Where placed already; -1 if nowhere.
    cohort : array (persons,) of int
        Households of one cohort stay at one site; -1 for none.
    """

    household: Integers
    male: Mask
    quarantine: Mask
    needs: Mask
    origin: Integers
    group: Integers
    site: Integers
    cohort: Integers


@dataclass(frozen=True)
class Sites:
    """
    Sites with room, one row each.

    Parameters
    ----------
    capacity : array (sites, 4) of int
        Beds for men, beds for women, family rooms, single rooms for isolation.
    staff : array (sites,) of int
        Persons the staff can look after, all pools together.
    offers : array (sites, needs) of bool
        Needs the site meets.
    floor_area : array (sites,), optional
        Floor for living [m²].
    """

    capacity: Integers
    staff: Integers
    offers: Mask
    floor_area: Floats | None = None


@dataclass(frozen=True)
class Policy:
    """
    What an allocation weighs.

    Parameters
    ----------
    move_cost : float
        Cost of moving a person already placed [km].
    unplaced_cost : float, optional
        Cost of a person not placed [km]; twenty times the longest distance and a move unless
        given, so that placing comes before distance.
    fairness : float, optional
        No group's mean distance above this ratio of another's.
    fairness_price : float
        Price of a person-kilometre above that bound: it gives way where geography forbids it,
        before anyone is left unplaced.
    family_room : int
        Beds in a family room.
    floor_per_person : float
        Floor each person must have [m²]; Sphere Handbook (2018), shelter standard 3.
    """

    move_cost: float = 50.0
    unplaced_cost: float | None = None
    fairness: float | None = None
    fairness_price: float = 10.0
    family_room: int = 4
    floor_per_person: float = 3.5


@dataclass(frozen=True)
class Parties:
    """
    Households, or cohorts of them, that stay together, and identical ones in classes.

    Parameters
    ----------
    party : array (persons,) of int
        Party of each person.
    of_class : array (parties,) of int
        Class of each party.
    count, size, origin, group, current : array (classes,)
        Parties of the class; persons, origin, group (0 if fairness is not asked) and present
        site (-1 nowhere, -2 several) of each.
    needs : array (classes, needs) of bool
        Needs of all its persons together.
    option : array (options,) of int
        Class each option belongs to.
    use : array (options, 4) of int
        Places of each pool that one party takes.
    shared : array (options,) of bool
        Whether a household of one sex takes beds instead of family rooms.
    """

    party: Integers
    of_class: Integers
    count: Integers
    size: Integers
    origin: Integers
    group: Integers
    current: Integers
    needs: Mask
    option: Integers = field(repr=False)
    use: Integers = field(repr=False)
    shared: Mask = field(repr=False)


def great_circle(origins: ArrayLike, sites: ArrayLike, *, road_factor: float = 1.3) -> Floats:
    """
    Estimate road distances.

    Parameters
    ----------
    origins, sites : array (n, 2)
        Latitude and longitude [degrees].
    road_factor : float
        Road kilometres per kilometre as the crow flies. 1.3 is a round figure, for Hubei
        unverified: 1.26 in South Korea, 1.44 in its most mountainous province (Kim et al. 2015,
        J Korean Soc Agric Eng 57(4):39, abstract).

    Returns
    -------
    array (origins, sites)
        Distance [km].
    """
    from sklearn.metrics.pairwise import haversine_distances

    a, b = (np.radians(np.asarray(points, float)) for points in (origins, sites))
    if not (len(a) and len(b)):
        return np.empty((len(a), len(b)))
    distance: Floats = haversine_distances(a, b)
    distance *= road_factor * EARTH_RADIUS_KM
    return distance


def check(persons: Persons, sites: Sites, distance: Floats) -> None:
    """
    Refuse inputs that do not fit together.

    Raises
    ------
    ParameterError
        With every breach at once.
    """
    count, needs = len(persons.household), persons.needs.shape[1]
    columns = ("male", "quarantine", "needs", "origin", "group", "site", "cohort")
    lengths = {name: len(getattr(persons, name)) for name in columns}
    breaches = [
        f"{k} has {n} entries for {count} persons" for k, n in lengths.items() if n != count
    ]
    if sites.capacity.shape != (len(sites.staff), len(POOLS)):
        breaches.append(f"capacity has shape {sites.capacity.shape}, not (sites, {len(POOLS)})")
    if sites.offers.shape != (len(sites.staff), needs):
        breaches.append(f"offers has shape {sites.offers.shape}, for {needs} needs")
    if distance.ndim != 2 or distance.shape[1] != len(sites.staff):  # noqa: PLR2004
        breaches.append(f"distance has shape {distance.shape}, for {len(sites.staff)} sites")
    elif count and not ((persons.origin >= 0) & (persons.origin < len(distance))).all():
        breaches.append("an origin has no row in the distance matrix")
    if count and not ((persons.site >= -1) & (persons.site < len(sites.staff))).all():
        breaches.append("a person is placed at a site that is not listed")
    if not (np.isfinite(distance).all() and (distance >= 0).all()):
        breaches.append("distances are finite and not negative")
    if (sites.capacity < 0).any() or (sites.staff < 0).any():
        breaches.append("capacities and staff are not negative")
    if breaches:
        raise ParameterError("the allocation's inputs do not fit together", breaches)


def limits(sites: Sites, policy: Policy) -> Integers:
    """Build the limits (sites, 5): places by pool, then persons in all by staff and floor."""
    persons = sites.staff.astype(np.int64)
    if sites.floor_area is not None:
        floor = np.floor(sites.floor_area / policy.floor_per_person).astype(np.int64)
        persons = np.minimum(persons, floor)
    return np.column_stack([sites.capacity, persons]).astype(np.int64)


def gather(persons: Persons, policy: Policy) -> Parties:
    """Gather persons into parties, and identical parties into classes."""
    _, first, household = np.unique(persons.household, return_index=True, return_inverse=True)
    free = ~persons.quarantine
    households = len(first)
    men = np.bincount(household, free & persons.male, households).astype(np.int64)
    women = np.bincount(household, free & ~persons.male, households).astype(np.int64)
    alone = np.bincount(household, persons.quarantine, households).astype(np.int64)
    together = men + women
    family = together > 1
    rooms = np.where(family, -(-together // policy.family_room), 0)
    use = np.column_stack([men * ~family, women * ~family, rooms, alone])
    cohort = persons.cohort[first]
    key = np.where(cohort >= 0, cohort, -1 - np.arange(households))
    _, party_of_household, sharers = np.unique(key, return_inverse=True, return_counts=True)
    parties = len(sharers)
    single_sex = family & ((men == 0) | (women == 0)) & (sharers == 1)[party_of_household]
    beds = np.where(single_sex, men - women, 0)
    party = party_of_household[household]
    profile = _profile(persons, party, parties)
    if policy.fairness is None:
        profile[:, 2] = 0  # nothing sets groups apart
    taken = np.stack([np.bincount(party_of_household, column, parties) for column in use.T], axis=1)
    shared = np.bincount(party_of_household, beds, parties)
    keys = np.column_stack([profile, taken, shared]).astype(np.int64)
    unique, of_class, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    needs = persons.needs.shape[1]
    own, width = unique[:, 4 + needs : 8 + needs], len(unique)
    other = np.flatnonzero(unique[:, -1])
    swap = own[other].copy()
    swap[:, FAMILY] = 0
    swap[:, MALE] += np.maximum(unique[other, -1], 0)
    swap[:, FEMALE] += np.maximum(-unique[other, -1], 0)
    return Parties(
        party, of_class.ravel(), count, unique[:, 0], unique[:, 1], unique[:, 2], unique[:, 3],
        unique[:, 4 : 4 + needs].astype(bool),
        np.concatenate([np.arange(width), other]),
        np.concatenate([own, swap]),
        np.concatenate([np.zeros(width, bool), np.ones(len(other), bool)]),
    )  # fmt: skip


def _profile(persons: Persons, party: Integers, parties: int) -> Integers:
    """Size, origin, group and present site of each party, then its needs."""
    first = np.full(parties, len(party))
    np.minimum.at(first, party, np.arange(len(party)))
    lowest, highest = np.full(parties, np.iinfo(np.int64).max), np.full(parties, -1)
    np.minimum.at(lowest, party, persons.site)
    np.maximum.at(highest, party, persons.site)
    current = np.where(lowest == highest, lowest, -2)
    needs = np.zeros((parties, persons.needs.shape[1]), np.int64)
    np.maximum.at(needs, party, persons.needs.astype(np.int64))
    size = np.bincount(party, minlength=parties)
    return np.column_stack([size, persons.origin[first], persons.group[first], current, needs])
