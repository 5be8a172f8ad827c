"""Slips of the pen between short strings, on whole arrays of strings packed into 64 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Packed = NDArray[np.uint64]
    Mask = NDArray[np.bool_]

WIDTH = 8  # characters in a packed string
_ONES = np.uint64(0x0101010101010101)
_BYTE = np.uint64(8)


def pack(starts: NDArray[Any], content: NDArray[np.uint8]) -> tuple[Packed, Mask]:
    """
    Pack strings of one byte a character.

    Parameters
    ----------
    starts : array of int, shape (strings + 1,)
        Where each string begins, and the last one ends.
    content : array of uint8
        Their bytes, one string after the other.

    Returns
    -------
    packed : array of uint64, shape (strings,)
        The first character in the lowest byte.
    fits : array of bool, shape (strings,)
        Whether the string is no longer than eight characters, none of them NUL.
    """
    length = np.diff(starts)
    packed = np.zeros(len(length), dtype=np.uint64)
    fits = length <= WIDTH
    for place in range(min(WIDTH, int(length.max(initial=0)))):
        longer = np.flatnonzero(length > place)
        byte = content[starts[longer] + place]
        packed[longer] |= byte.astype(np.uint64) << np.uint64(8 * place)
        fits[longer] &= byte > 0
    return packed, fits


def hamming(left: Packed, right: Packed) -> NDArray[np.uint8]:
    """
    Count the places at which packed strings of one length differ.

    Parameters
    ----------
    left, right : array of uint64, shape (pairs,)
        From :func:`pack`.

    Returns
    -------
    array of uint8, shape (pairs,)
        Where lengths differ, at least their difference.
    """
    count: NDArray[np.uint8] = np.bitwise_count(_used(left ^ right))
    return count


def one_slip(left: Packed, right: Packed) -> Mask:
    """
    Tell whether packed strings are at most one slip apart.

    Parameters
    ----------
    left, right : array of uint64, shape (pairs,)
        From :func:`pack`.

    Returns
    -------
    array of bool, shape (pairs,)
        True if equal, or if one character is another, lacks, is too many, or if two
        neighbours are swapped.

    References
    ----------
    Damerau (1964), doi:10.1145/363958.363994.
    """
    sizes = [np.bitwise_count(_used(side)) for side in (left, right)]
    same = sizes[0] == sizes[1]
    near = same & (hamming(left, right) <= 1)
    long, short = np.maximum(left, right), np.minimum(left, right)
    for place in range(WIDTH):
        below = np.uint64((1 << (8 * place)) - 1)
        without = (long & below) | ((long >> _BYTE) & ~below)
        near |= ~same & (without == short)
        if place < WIDTH - 1:
            one = np.uint64(0xFF << (8 * place))
            both = one | (one << _BYTE)
            swapped = ((left & one) << _BYTE) | ((left >> _BYTE) & one) | (left & ~both)
            near |= same & (swapped == right)
    return np.asarray(near, dtype=np.bool_)


def _used(packed: Packed) -> Packed:
    """Lowest bit of each byte that is not zero."""
    folded = packed | (packed >> np.uint64(4))
    folded |= folded >> np.uint64(2)
    folded |= folded >> np.uint64(1)
    return folded & _ONES
