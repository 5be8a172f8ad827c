"""
Who goes where: households to rooms at sites, at the least distance, everyone accounted for.

People become parties that stay together, identical parties at one origin become a class, and
classes are sent to sites by a programme in which every column is priced: all at once
(`programme`), or in passing where they are too many to hold (`large`). The answer is taken
apart again and every person checked against the inputs (`rooms.verify`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.errors import ParameterError
from analytics.methods.allocation import large, programme, rooms, shortage
from analytics.methods.allocation.columns import Columns
from analytics.methods.allocation.problem import (
    POOLS,
    Floats,
    Integers,
    Persons,
    Policy,
    Sites,
    check,
    gather,
    great_circle,
    limits,
)
from analytics.methods.allocation.shortage import REASONS, Shortage
from analytics.methods.allocation.view import View, view

__all__ = [
    "POOLS", "REASONS", "Persons", "Placement", "Policy", "Shortage", "Sites", "View", "allocate",
    "great_circle", "view",
]  # fmt: skip


@dataclass(frozen=True)
class Placement:
    """
    A place, or a reason, for everyone.

    Parameters
    ----------
    site, pool, room, bed : array (persons,)
        Site, pool (index into `POOLS`), room within site and pool, bed within the room; -1 if
        not placed.
    reason : array (persons,)
        Index into `REASONS` for those not placed; -1 for those placed.
    upper, lower, gap : float
        Cost reached, cost nothing can go below [person-km], and their relative difference.
    moved : int
        Persons placed before who change site.
    mean_distance : array (groups,)
        Mean distance of the placed of each group [km]; NaN if none.
    unfairness : float
        Largest of these over the smallest.
    shadow_price : array (sites, 5)
        What one place more would save [person-km]: pools, then staff.
    shortages : tuple of Shortage
        Why persons are not placed, largest first.
    classes, priced, kept : int
        Classes, columns priced, columns in the whole-number programme.
    """

    site: Integers
    pool: Integers
    room: Integers
    bed: Integers
    reason: Integers
    upper: float
    lower: float
    gap: float
    moved: int
    mean_distance: Floats
    unfairness: float
    shadow_price: Floats
    shortages: tuple[Shortage, ...]
    classes: int
    priced: int
    kept: int


def allocate(
    persons: Persons, sites: Sites, distance: ArrayLike, policy: Policy | None = None, *,
    seconds: float = 60.0, tolerance: float = 1e-4,
) -> Placement:  # fmt: skip
    r"""
    Place everyone who can be placed.

    Parameters
    ----------
    persons : Persons
        Everyone, those placed already included.
    sites : Sites
        Sites and their room.
    distance : array (origins, sites)
        Distances [km]; see `great_circle`.
    policy : Policy, optional
        What is weighed.
    seconds : float
        Time after which the best answer so far is taken; its gap says what is proven.
    tolerance : float
        Relative gap that is good enough.

    Returns
    -------
    Placement
        A place or a reason for every person, with bounds.

    Raises
    ------
    ParameterError
        If the inputs do not fit together, or fairness is asked of more than `large.HELD` costs.
    SolverError
        If a solver ended without a feasible point, or the answer breaks a rule.

    Notes
    -----
    With :math:`x_{os}` parties by option and site, :math:`u_c` parties not placed,

    .. math:: \min \sum_{os} (n_o d_{os} + m_{os}) x_{os} + P \sum_c n_c u_c

    subject to :math:`\sum_{o \in c, s} x_{os} + u_c = N_c`, room in every pool,
    :math:`\sum_o n_o x_{os} \le` staff at every site, and, if asked, a mean t with
    :math:`t N_g \le D_g \le \rho\, t N_g + e_g` for the distance of every group. Bounds of
    columns left out: Farley (1990), Operations Research 38:922-923; filtering by reduced
    costs: Wolsey (1998), Integer Programming, 7.4.
    """
    rule, road = policy or Policy(), np.asarray(distance, float)
    check(persons, sites, road)
    _check(rule)
    limit, parties = limits(sites, rule), gather(persons, rule)
    if not len(persons.household):
        return _nobody(len(limit))
    far = road.max(initial=0.0) + rule.move_cost
    unplaced = rule.unplaced_cost if rule.unplaced_cost is not None else 20 * max(far, 1.0)
    columns = Columns(parties, sites, limit, road, rule)
    solve = large.solve if columns.cells > large.HELD else programme.solve
    found = solve(columns, unplaced, seconds, tolerance)
    where, how = rooms.disaggregate(parties, found.option, found.site, found.parties)
    site = where[parties.party]
    shared = (parties.shared[how] & (how >= 0))[parties.party]
    pool, room, bed = rooms.rooms(persons, site, shared, rule)
    rooms.verify(persons, sites, rule, site, pool, room, bed)
    left = np.bincount(parties.of_class[where < 0], minlength=len(parties.count))
    taken = np.zeros_like(limit)
    sized = np.column_stack([parties.use, parties.size[parties.option]])
    np.add.at(taken, found.site, sized[found.option] * found.parties[:, None])
    reason = shortage.classify(parties, sites, limit, taken, left)
    told = shortage.shortages(parties, sites, limit, taken, left, reason, found.shadow)
    mean = _means(persons, site, road)
    return Placement(
        site, pool, room, bed,
        np.where(site < 0, reason[parties.of_class][parties.party], -1),
        found.upper, found.lower, (found.upper - found.lower) / max(abs(found.upper), 1e-9),
        int(((site >= 0) & (persons.site >= 0) & (site != persons.site)).sum()),
        mean, _ratio(mean), found.shadow, told, len(parties.count), found.priced, found.kept,
    )  # fmt: skip


def _check(policy: Policy) -> None:
    breaches = [
        f"{name} is {value}, at least {least} is asked"
        for name, value, least in (
            ("move_cost", policy.move_cost, 0.0),
            ("fairness", policy.fairness if policy.fairness is not None else 1.0, 1.0),
            ("fairness_price", policy.fairness_price, 0.0),
            ("family_room", policy.family_room, 1),
        )
        if not value >= least
    ]
    if not policy.floor_per_person > 0:
        breaches.append(f"floor_per_person is {policy.floor_per_person}, more than 0 is asked")
    if breaches:
        raise ParameterError("the allocation's policy is impossible", breaches)


def _means(persons: Persons, site: Integers, distance: Floats) -> Floats:
    on = site >= 0
    groups = int(persons.group.max()) + 1
    travelled = np.bincount(persons.group[on], distance[persons.origin[on], site[on]], groups)
    placed = np.bincount(persons.group[on], minlength=groups)
    means: Floats = np.where(placed > 0, travelled / np.maximum(placed, 1), np.nan)
    return means


def _ratio(mean: Floats) -> float:
    known = mean[~np.isnan(mean)]
    if len(known) == 0 or known.max() == 0:
        return 1.0
    return float(known.max() / known.min()) if known.min() > 0 else float("inf")


def _nobody(sites: int) -> Placement:
    none = np.empty(0, np.int64)
    return Placement(
        none, none, none, none, none, 0.0, 0.0, 0.0, 0, np.empty(0), 1.0,
        np.zeros((sites, 5)), (), 0, 0, 0,
    )  # fmt: skip
