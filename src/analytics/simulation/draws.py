"""Random draws by name: each purpose has its own stream, so that one change leaves the rest."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
DateArray = npt.NDArray[np.datetime64]


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """Return the generator of one purpose of one run."""
    words = [x if isinstance(x, int) else zlib.crc32(x.encode()) for x in labels]
    return np.random.default_rng([seed, *words])


def apportion(total: int, weights: npt.ArrayLike) -> IntArray:
    """Whole parts of a total in proportion to weights, by largest remainder."""
    exact = np.asarray(weights, dtype=np.float64)
    exact = exact / exact.sum() * total
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    whole: IntArray = parts
    return whole


def pick(generator: np.random.Generator, weights: npt.ArrayLike, size: int) -> IntArray:
    """
    Draw positions in proportion to weights, by inversion, with replacement.

    Parameters
    ----------
    generator : numpy.random.Generator
    weights : array_like (n,)
        Not negative, not all 0.
    size : int
        How many to draw.

    Returns
    -------
    int array (size,)
        Positions from 0 to n - 1.
    """
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    where = np.searchsorted(edges, generator.random(size) * edges[-1], side="right")
    found: IntArray = np.minimum(where, edges.size - 1).astype(np.int64)
    return found


def some(generator: np.random.Generator, members: IntArray, size: int) -> IntArray:
    """
    Draw distinct members, at a cost that grows with `size` only.

    Parameters
    ----------
    generator : numpy.random.Generator
    members : int array (n,)
    size : int
        How many to draw; all there are, if that is fewer.

    Returns
    -------
    int array
        In the order drawn.
    """
    size = min(size, members.size)
    if size * 3 > members.size:
        return generator.permutation(members)[:size]
    drawn = np.zeros(0, dtype=np.int64)
    while drawn.size < size:
        more = generator.integers(0, members.size, size + size // 8 + 8)
        both = np.concatenate([drawn, more])
        _, first = np.unique(both, return_index=True)
        drawn = both[np.sort(first)]
    return members[drawn[:size]]
