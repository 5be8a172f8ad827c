"""Prices of places by ascent of the Lagrangian dual: a bound, and columns worth looking at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analytics.methods.allocation.problem import Floats, Integers, Parties

_ROUNDS = 300
_STEP, _STEP_ON = (
    0.45,
    0.05,
)  # first step of a price, as a share of the mean cost of the nearest place
_FIRST, _SECOND = 0.9, 0.99  # memory of the slope and of its square


Cheapest = Callable[[Floats], tuple[Floats, Integers]]


def everywhere(cost: Floats, use: Floats) -> Cheapest:
    """
    Look for the cheapest site of every option among all sites.

    Parameters
    ----------
    cost : array (options, sites)
        Cost of one party of each option at each site; infinite where it may not go.
    use : array (options, 5)
        Places one party takes of each pool, and persons.

    Returns
    -------
    callable
        From prices (sites, 5) to the cost (options,) with prices, and the site it is met at.
    """
    light, taken, rows = cost.astype(np.float32), use.astype(np.float32), np.arange(len(cost))

    def cheapest(prices: Floats) -> tuple[Floats, Integers]:
        priced = light + taken @ prices.T.astype(np.float32)
        site = priced.argmin(axis=1)
        return priced[rows, site].astype(float), site

    return cheapest


def among(cost: Floats, site: Integers, use: Floats, sites: int) -> Cheapest:
    """
    Look for the cheapest site of every option among a few.

    Parameters
    ----------
    cost : array (options, few)
        Cost of one party of each option at each of its sites; infinite where there is none.
    site : array (options, few)
        Those sites; any where the cost is infinite.
    use : array (options, 5)
        Places one party takes of each pool, and persons.
    sites : int
        How many sites there are.

    Returns
    -------
    callable
        As of `everywhere`.
    """
    light, rows = cost.astype(np.float32), np.arange(len(cost))
    kinds, kind = np.unique(use, axis=0, return_inverse=True)
    at = kind.ravel()[:, None] * sites + site

    def cheapest(prices: Floats) -> tuple[Floats, Integers]:
        places = (kinds @ prices.T).astype(np.float32).ravel()
        priced = places.take(at)
        priced += light
        column = priced.argmin(axis=1)
        return priced[rows, column].astype(float), site[rows, column]

    return cheapest


def ascend(
    cheapest: Cheapest, use: Floats, parties: Parties, slack: Floats, limit: Integers, *,
    start: Floats | None = None, rounds: int = _ROUNDS,
) -> tuple[float, Floats]:  # fmt: skip
    r"""
    Price every place so that the cheapest way of each party alone costs as much as it can.

    Parameters
    ----------
    cheapest : callable
        Cost and site of every option at given prices (`everywhere`, `among`).
    use : array (options, 5)
        Places one party takes of each pool, and persons.
    parties : Parties
        Classes and options.
    slack : array (classes,)
        Cost of leaving a party of the class without a place.
    limit : array (sites, 5)
        Places there are.
    start : array (sites, 5), optional
        Prices to go on from, in smaller steps.
    rounds : int
        Steps.

    Returns
    -------
    bound : float
        Cost nothing can go below, as far as single precision of the costs tells.
    prices : array (sites, 5)
        Price of a place, not negative.

    Notes
    -----
    .. math:: L(\mu) = \sum_c N_c \min\Big(P_c,\ \min_{o \in c, s} d_{os} + a_o \mu_s\Big)
        - \sum_s \mu_s b_s

    is concave; its supergradient, places asked for less places there are, is divided by the
    places and climbed with the steps of Kingma and Ba (2015), arXiv:1412.6980, falling by a
    cosine. Held and Karp (1971), Mathematical Programming 1:6-25, for the bound.
    """
    owner, count, room = parties.option, parties.count, limit.astype(float)
    prices = np.zeros(room.shape) if start is None else start
    # an infinite cost at every site is a party that cannot be placed; it stays so
    nearest = cheapest(prices)[0]
    near = nearest[np.isfinite(nearest)] / np.maximum(use[np.isfinite(nearest), 4], 1)
    step = (_STEP if start is None else _STEP_ON) * (float(near.mean()) if len(near) else 1.0)
    best, kept = -np.inf, prices
    slope, square = np.zeros_like(prices), np.zeros_like(prices)
    for turn in range(1, rounds + 1):
        value_of, site = cheapest(prices)
        price, option = of_class(value_of, owner, len(count))
        placed = price < slack
        value = float(np.minimum(price, slack) @ count - (prices * room).sum())
        if value > best:
            best, kept = value, prices
        chosen = option[placed]
        taken = use[chosen] * count[placed][:, None]
        asked = np.stack([np.bincount(site[chosen], one, len(room)) for one in taken.T], axis=1)
        asked = (asked - room) / np.maximum(room, 1)
        slope = _FIRST * slope + (1 - _FIRST) * asked
        square = _SECOND * square + (1 - _SECOND) * asked**2
        size = step * (0.5 * (1 + np.cos(np.pi * turn / rounds)) + 1e-4)
        climb = slope / (1 - _FIRST**turn) / (np.sqrt(square / (1 - _SECOND**turn)) + 1e-8)
        prices = np.maximum(prices + size * climb, 0.0)
    return best, kept


def of_class(price: Floats, owner: Integers, classes: int) -> tuple[Floats, Integers]:
    """
    Find the cheapest option of each class.

    Parameters
    ----------
    price : array (options,)
    owner : int array (options,)
        Class that an option is of.
    classes : int

    Returns
    -------
    array (classes,)
        Its price; infinite where a class has no option.
    int array (classes,)
        Its position, the first of equal ones.
    """
    least = np.full(classes, np.inf)
    np.minimum.at(least, owner, price)
    option = np.zeros(classes, np.int64)
    hits = np.flatnonzero(price <= least[owner])[::-1]
    option[owner[hits]] = hits
    return least, option
