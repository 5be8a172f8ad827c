"""Why someone has no place, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.methods.allocation.problem import (
    POOLS,
    Floats,
    Integers,
    Mask,
    Parties,
    Sites,
)

REASONS = (
    "no site meets the needs",
    "no site that meets the needs is large enough",
    "rooms full where the needs are met",
    "staff or floor full where the needs are met",
    "placing costs more than it may",
)
NEEDS, LARGE, ROOMS, STAFF, COST = range(5)


@dataclass(frozen=True)
class Shortage:
    """
    One reason why parties are not placed.

    Parameters
    ----------
    reason : str
        One of `REASONS`.
    needs : tuple of int
        Needs (columns) of these parties.
    pools : tuple of str
        Pools they ask for, short ones only where rooms are full.
    parties, persons : int
        How many are not placed.
    places : tuple of int
        Places they ask for in each of `pools`.
    free : tuple of int
        Places still free in each of `pools` at sites that meet the needs.
    sites : int
        Sites that meet the needs.
    widen : int
        Site where one place more (room or staff) saves most; -1 if none would help, and a
        site that meets the needs must open.
    """

    reason: str
    needs: tuple[int, ...]
    pools: tuple[str, ...]
    parties: int
    persons: int
    places: tuple[int, ...]
    free: tuple[int, ...]
    sites: int
    widen: int


def classify(
    parties: Parties, sites: Sites, limit: Integers, taken: Integers, left: Integers
) -> Integers:
    """
    Say for each class why its unplaced parties are not placed.

    Parameters
    ----------
    parties : Parties
        Parties and classes; each class's first option is asked.
    sites : Sites
        Offers.
    limit, taken : array (sites, 5)
        Places by pool, then persons by staff and floor; and those taken.
    left : array (classes,)
        Parties not placed.

    Returns
    -------
    array (classes,)
        Index into `REASONS`; -1 where everyone is placed.
    """
    reason = np.full(len(left), -1)
    for one in np.flatnonzero(left):
        met, fits, roomy, staffed = _asked(parties, sites, limit, taken, int(one))
        if not met.any():
            reason[one] = NEEDS
        elif not (met & fits).any():
            reason[one] = LARGE
        elif not (met & roomy).any():
            reason[one] = ROOMS
        elif not (met & roomy & staffed).any():
            reason[one] = STAFF
        else:
            reason[one] = COST
    return reason


def lacks(parties: Parties, sites: Sites, limit: Integers, taken: Integers, one: int) -> Integers:
    """
    Say what each site lacks for one party more of a class.

    Parameters
    ----------
    parties : Parties
        Parties and classes.
    sites : Sites
        Offers.
    limit, taken : array (sites, 5)
        As in `classify`.
    one : int
        The class.

    Returns
    -------
    array (sites,)
        The first that lacks, as an index into `REASONS`; `COST` where nothing does.
    """
    met, fits, roomy, staffed = _asked(parties, sites, limit, taken, one)
    found: Integers = np.select([~met, ~fits, ~roomy, ~staffed], [NEEDS, LARGE, ROOMS, STAFF], COST)
    return found


def _asked(
    parties: Parties, sites: Sites, limit: Integers, taken: Integers, one: int
) -> tuple[Mask, Mask, Mask, Mask]:
    """Sites that meet a class's needs, are large enough, have rooms left, and staff left."""
    options = parties.use[parties.option == one]
    uses = np.column_stack([options, np.full(len(options), parties.size[one])])
    free = limit - taken
    fits: Mask = np.logical_or.reduce((uses[:, None] <= limit).all(axis=2))
    roomy: Mask = np.logical_or.reduce((uses[:, None, :4] <= free[:, :4]).all(axis=2))
    staffed: Mask = parties.size[one] <= free[:, 4]
    return meets(parties, sites, one), fits, roomy, staffed


def meets(parties: Parties, sites: Sites, one: int) -> Mask:
    """
    Find the sites that meet every need of a class.

    Parameters
    ----------
    parties : Parties
    sites : Sites
    one : int
        Position of the class.

    Returns
    -------
    bool array (sites,)
        True where a site offers all that the class needs.
    """
    met: Mask = (sites.offers | ~parties.needs[one]).all(axis=1)
    return met


def shortages(
    parties: Parties, sites: Sites, limit: Integers, taken: Integers,
    left: Integers, reason: Integers, shadow: Floats,
) -> tuple[Shortage, ...]:  # fmt: skip
    """
    Gather unplaced classes that lack the same thing: one reason, needs and pools.

    Parameters
    ----------
    parties : Parties
    sites : Sites
    limit, taken : array (sites, pools)
        Places there are, and in use.
    left : array (classes,)
        Parties of each class without a place.
    reason : array (classes,)
        Position in `REASONS`.
    shadow : array (sites, pools + 1)
        What one place more would save; in the last column, one person more for the staff.

    Returns
    -------
    tuple of Shortage
        One for each reason, set of needs and set of pools that somebody was left with.
    """
    use = parties.use[: len(left)]
    cells: dict[tuple[int, bytes, bytes], list[int]] = {}
    for one in np.flatnonzero(left).tolist():
        asked = (use[one] > 0).tobytes()
        cells.setdefault((int(reason[one]), parties.needs[one].tobytes(), asked), []).append(one)
    found = []
    for (why, _, _), classes in cells.items():
        first, many = classes[0], left[classes]
        met, pools = meets(parties, sites, first), np.flatnonzero(use[first])
        free = (limit - taken)[met][:, pools].sum(axis=0)
        value = np.where(met, shadow[:, [*pools, 4]].max(axis=1), 0.0)
        found.append(
            Shortage(
                REASONS[why],
                tuple(int(n) for n in np.flatnonzero(parties.needs[first])),
                tuple(POOLS[p] for p in pools),
                int(many.sum()),
                int((many * parties.size[classes]).sum()),
                tuple(int(n) for n in many @ use[classes][:, pools]),
                tuple(int(n) for n in free),
                int(met.sum()),
                int(value.argmax()) if value.max(initial=0.0) > 0 else -1,
            )
        )
    return tuple(sorted(found, key=lambda s: -s.persons))
