"""An allocation as one party sees it: what it asks, and what each site lacks of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics.methods.allocation import shortage
from analytics.methods.allocation.problem import (
    POOLS,
    Integers,
    Mask,
    Persons,
    Policy,
    Sites,
    gather,
    limits,
)

if TYPE_CHECKING:
    from analytics.methods.allocation import Placement


@dataclass(frozen=True)
class View:
    """
    What one party asks, and what each site lacks of it.

    Parameters
    ----------
    needs : array (needs,) of bool
        Needs of all its persons together.
    use : array (options, 4) of int
        Places of each pool that each way of housing it takes; the usual way first.
    lacks : array (sites,) of int
        What lacks first at each site for the party beside those placed there, as an index into
        `shortage.REASONS`; `shortage.COST` where nothing does.
    free : array (sites, 5) of int
        Places left by pool, then persons left by staff and floor.
    """

    needs: Mask
    use: Integers
    lacks: Integers
    free: Integers


def view(
    persons: Persons, sites: Sites, found: Placement, one: int, policy: Policy | None = None
) -> View:
    """
    See an allocation with the eyes of one person's party.

    Parameters
    ----------
    persons : Persons
        As `allocate` was asked.
    sites : Sites
        As it was asked.
    found : Placement
        As it answered.
    one : int
        Person.
    policy : Policy, optional
        As it was asked.

    Returns
    -------
    View
        The party's own places count as taken.
    """
    rule = policy or Policy()
    own = persons.household == persons.household[one]
    if persons.cohort[one] >= 0:
        own = persons.cohort == persons.cohort[one]
    columns = {name: column[own] for name, column in vars(persons).items()}
    party, limit = gather(Persons(**columns), rule), limits(sites, rule)
    taken = _taken(found, limit)
    lacks = shortage.lacks(party, sites, limit, taken, 0)
    return View(party.needs[0], party.use, lacks, limit - taken)


def _taken(found: Placement, limit: Integers) -> Integers:
    """Places taken (sites, 5): rooms and beds by pool, then persons."""
    taken, on = np.zeros_like(limit), found.site >= 0
    pool = found.site[on] * len(POOLS) + found.pool[on]
    most = int(found.room.max(initial=0)) + 1
    rooms = np.unique(pool * most + found.room[on]) // most
    taken[:, : len(POOLS)] = np.bincount(rooms, minlength=taken[:, : len(POOLS)].size).reshape(
        -1, len(POOLS)
    )
    taken[:, len(POOLS)] = np.bincount(found.site[on], minlength=len(taken))
    return taken
