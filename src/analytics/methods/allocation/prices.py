"""Prices of places by ascent of the Lagrangian dual: a bound, and columns worth looking at."""

from __future__ import annotations

import numpy as np

from analytics.methods.allocation.problem import Floats, Integers

_ROUNDS = 300
_STEP = 0.45  # first step of a price, as a share of the mean cost of the nearest place
_FIRST, _SECOND = 0.9, 0.99  # memory of the slope and of its square


def ascend(
    cost: Floats, use: Floats, owner: Integers, count: Integers, slack: Floats,
    limit: Integers, *, rounds: int = _ROUNDS,
) -> tuple[float, Floats]:  # fmt: skip
    r"""
    Price every place so that the cheapest way of each party alone costs as much as it can.

    Parameters
    ----------
    cost : array (options, sites)
        Cost of one party of each option at each site; infinite where it may not go.
    use : array (options, 5)
        Places one party takes of each pool, and persons.
    owner : array (options,)
        Class of each option.
    count : array (classes,)
        Parties of each class.
    slack : array (classes,)
        Cost of leaving a party of the class without a place.
    limit : array (sites, 5)
        Places there are.
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
    light, taken = cost.astype(np.float32), use.astype(np.float32)
    room, rows = limit.astype(float), np.arange(len(cost))
    # an infinite cost at every site is a party that cannot be placed; it stays so
    nearest = np.where(np.isfinite(cost), cost, np.inf).min(axis=1, initial=np.inf)
    near = nearest[np.isfinite(nearest)] / np.maximum(use[np.isfinite(nearest), 4], 1)
    step = _STEP * float(near.mean()) if len(near) else 1.0
    prices = np.zeros(room.shape)
    best, kept = -np.inf, prices
    slope, square = np.zeros_like(prices), np.zeros_like(prices)
    for turn in range(1, rounds + 1):
        reduced = light + taken @ prices.T.astype(np.float32)
        site = reduced.argmin(axis=1)
        price, option = _cheapest(reduced[rows, site].astype(float), owner, len(count))
        placed = price < slack
        value = float(np.minimum(price, slack) @ count - (prices * room).sum())
        if value > best:
            best, kept = value, prices
        asked = -room
        chosen = option[placed]
        np.add.at(asked, site[chosen], use[chosen] * count[placed][:, None])
        asked /= np.maximum(room, 1)
        slope = _FIRST * slope + (1 - _FIRST) * asked
        square = _SECOND * square + (1 - _SECOND) * asked**2
        size = step * (0.5 * (1 + np.cos(np.pi * turn / rounds)) + 1e-4)
        climb = slope / (1 - _FIRST**turn) / (np.sqrt(square / (1 - _SECOND**turn)) + 1e-8)
        prices = np.maximum(prices + size * climb, 0.0)
    return best, kept


def _cheapest(price: Floats, owner: Integers, classes: int) -> tuple[Floats, Integers]:
    """Cheapest option of each class: its price, and which it is."""
    least = np.full(classes, np.inf)
    np.minimum.at(least, owner, price)
    option = np.zeros(classes, np.int64)
    hits = np.flatnonzero(price <= least[owner])[::-1]
    option[owner[hits]] = hits
    return least, option
