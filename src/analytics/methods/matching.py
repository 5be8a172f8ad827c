"""One-to-one matching of records across sources from weighted links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]
    Real = NDArray[np.float64]

CERTAIN = 60.0
"""Bits; beyond, a probability is 0 or 1 in double precision."""


def exclusive_weight(left: Whole, right: Whole, weight: Real, source: Whole, records: int) -> Real:
    r"""
    Log2 odds of each link when a record has at most one partner in each other source.

    Parameters
    ----------
    left, right : array of int, shape (links,)
        Positions of the two records.
    weight : array of float, shape (links,)
        Log2 odds of each link taken alone [bits].
    source : array of int, shape (records,)
        Source of each record, from 0.
    records : int
        Number of records.

    Returns
    -------
    array of float, shape (links,)
        Log2 odds [bits]; :func:`probability` makes probabilities of them.

    Notes
    -----
    With odds :math:`o`, the rivals of link :math:`ij` are those that share one record with
    it and lead into the same source:

    .. math:: p_{ij} = \frac{o_{ij}}
        {1 + \sum_{k \in S(j)} o_{ik} + \sum_{k \in S(i)} o_{kj} - o_{ij}}
    """
    odds = np.exp2(np.clip(weight, -CERTAIN, CERTAIN))
    sources = int(source.max()) + 1 if len(source) else 1
    first = left * sources + source[right]
    second = right * sources + source[left]
    size = records * sources
    # one side's keys never meet the other's of the same pair, as the two records differ
    total = np.bincount(np.concatenate([first, second]), np.tile(odds, 2), minlength=size)
    rivals = np.maximum(total[first] - odds, 0.0) + np.maximum(total[second] - odds, 0.0)
    exclusive: Real = np.clip(weight, -CERTAIN, CERTAIN) - np.log2(1.0 + rivals)
    return exclusive


def probability(weight: Real) -> Real:
    """
    Probability of log2 odds.

    Parameters
    ----------
    weight : array of float
        Log2 odds [bits].

    Returns
    -------
    array of float
        From 0 to 1.
    """
    chance: Real = 1.0 / (1.0 + np.exp2(-weight))
    return chance


def prior(evidence: Real, pairs: float, start: float, rounds: int = 10) -> float:
    """
    Share of true pairs among all, as the fixed point of the sum of probabilities.

    Parameters
    ----------
    evidence : array of float, shape (links,)
        Log2 Bayes factor of each pair looked at [bits].
    pairs : float
        Number of all pairs, looked at or not.
    start : float
        First guess.
    rounds : int
        Steps of the iteration.

    Returns
    -------
    float
        Share, at least half a pair.
    """
    share = start
    factor = np.exp2(np.clip(evidence, -CERTAIN, CERTAIN))
    for _ in range(rounds):
        odds = factor * (share / (1 - share))
        share = max(float(np.sum(odds / (1 + odds))), 0.5) / pairs
    return share


def one_to_one(
    left: Whole,
    right: Whole,
    weight: Real,
    sources: Whole,
    identity: Whole,
    apart: tuple[Whole, Whole] | None = None,
) -> tuple[Whole, Whole]:
    """
    Join groups of records along their best links, one record of each source in a group.

    Parameters
    ----------
    left, right : array of int, shape (links,)
        Positions of the groups at start (single records, or persons known already).
    weight : array of float, shape (links,)
        The larger, the earlier joined. Links not to be joined are left out by the caller.
    sources : array of int, shape (groups,)
        Bit set of the sources in each group.
    identity : array of int, shape (groups,)
        A proven identity, or -1. Groups of different identities are never joined.
    apart : pair of array of int, optional
        Positions of groups that somebody found to be different; they never come together, through
        others neither.

    Returns
    -------
    label : array of int, shape (groups,)
        Position of the group's first member.
    used : array of int
        Positions of the links along which groups were joined.

    Notes
    -----
    In each round a link is used if it is the best that is still allowed at both its ends; ties
    fall to the lower positions. This gives the same groups as taking the links one by one from the
    best down, in few rounds of whole-array steps (Borůvka).
    """
    groups = len(sources)
    label = np.arange(groups)
    mask, proven = sources.copy(), identity.copy()
    order = np.argsort(left * groups + right)
    order = order[np.argsort(-weight[order], kind="stable")]
    used: list[Whole] = []
    while len(order):
        low, high = label[left[order]], label[right[order]]
        clash = (proven[low] >= 0) & (proven[high] >= 0) & (proven[low] != proven[high])
        allowed = (low != high) & ((mask[low] & mask[high]) == 0) & ~clash
        if apart is not None:
            one, other = label[apart[0]], label[apart[1]]
            forbidden = np.concatenate([one * groups + other, other * groups + one])
            allowed &= ~np.isin(low * groups + high, forbidden)
        order, low, high = order[allowed], low[allowed], high[allowed]
        if not len(order):
            break
        rank = np.arange(len(order))
        best = np.full(groups, len(order))
        np.minimum.at(best, low, rank)
        np.minimum.at(best, high, rank)
        mutual = (best[low] == rank) & (best[high] == rank)
        keep = np.minimum(low[mutual], high[mutual])
        drop = np.maximum(low[mutual], high[mutual])
        renamed = np.arange(groups)
        renamed[drop] = keep
        label = renamed[label]
        mask[keep] |= mask[drop]
        proven[keep] = np.maximum(proven[keep], proven[drop])
        used.append(order[mutual])
    return label, np.concatenate(used) if used else np.empty(0, dtype=np.int64)
