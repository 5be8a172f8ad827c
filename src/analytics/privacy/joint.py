"""All releases of one population over the smallest groups that any of them tells apart."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analytics.errors import DisclosureError
from analytics.methods.suppression.attack import Integers, Knowledge
from analytics.privacy.releases import Entry, day

_MOST_GROUPS = 200_000


@dataclass(frozen=True)
class Parts:
    """
    What groups are counted in, which no release tells further apart.

    Releases of prefecture by code and of age by code say nothing of prefecture by age. Whatever
    the two tables hold, if their counts by code agree there are persons who make up both: those
    of a code are lined up once by prefecture and once by age. So the tables may stand side by
    side, bound by what they share, in place of prefecture by age by code.

    Parameters
    ----------
    blocks : tuple of sparse array (groups, parts of the block)
        Which part of each block a group lies in.
    links : sparse array (links, parts of all blocks)
        Rows that are zero for every population: shared counts of a block less those of the first.
    """

    blocks: tuple[sparse.csr_array, ...]
    links: sparse.csr_array

    def of(self, sums: sparse.csr_array) -> sparse.csr_array:
        """
        Write sums of groups as sums of the parts of one block each.

        Raises
        ------
        DisclosureError
            If one spans the private dimensions of two blocks, which no release and no
            difference of two does.
        """
        waiting = np.ones(sums.shape[0], bool)
        found = []
        for block in self.blocks:
            counted = sparse.csr_array(sums @ block)
            # a part is wholly in the sum, or wholly out of it
            broken = counted.copy()
            broken.data = (counted.data != sums.shape[1] // block.shape[1]).astype(np.int64)
            here = waiting & (np.asarray(broken.sum(axis=1)).ravel() == 0)
            counted.data[:] = 1
            found.append(counted.multiply(here[:, None]))
            waiting &= ~here
        if waiting.any():
            raise DisclosureError(
                f"{int(waiting.sum())} sums span dimensions that no one release holds",
                remedy="release fewer dimensions, or the same categories as before",
            )
        over = sparse.csr_array(sparse.hstack(found, format="csr"))
        over.eliminate_zeros()
        return over


@dataclass(frozen=True)
class Placed:
    """
    A release's cells over common groups.

    ``places`` numbers, per axis (dimensions, then time), which set of categories a cell
    covers: cells of two releases with equal numbers are the same cell.
    """

    sums: sparse.csr_array
    places: Integers


def bound_together(entry: Entry, others: Sequence[Entry]) -> list[Entry]:
    """Releases whose figures count some of the same persons the same way."""
    return [
        other
        for other in others
        if (other.population, other.measure, other.stock)
        == (entry.population, entry.measure, entry.stock)
        and (not entry.stock or other.as_of == entry.as_of)
    ]


def place(entries: Sequence[Entry]) -> list[Placed]:
    """
    Lay releases over their common groups.

    Parameters
    ----------
    entries : sequence of Entry
        Releases of one population and measure.

    Returns
    -------
    list of Placed
        One per release, all over the same groups.

    Raises
    ------
    DisclosureError
        If the common groups are too many to audit.
    """
    names, axes = _axes(entries)
    size = int(np.prod([axis[0].shape[1] for axis in axes], dtype=float))
    if size > _MOST_GROUPS:
        raise DisclosureError(
            f"auditing this table with {len(entries) - 1} earlier releases needs {size:,} groups, "
            f"more than {_MOST_GROUPS:,}",
            remedy="release fewer dimensions, or the same categories as before",
        )
    return [_place(which, entry, names, axes) for which, entry in enumerate(entries)]


def parts(entries: Sequence[Entry]) -> Parts:
    """
    Find the parts of the common groups that releases bind.

    Parameters
    ----------
    entries : sequence of Entry
        Releases of one population and measure, as `place` takes them.

    Returns
    -------
    Parts
        One block where all dimensions hang together.

    Notes
    -----
    Let :math:`S` be the dimensions that two of the largest sets of dimensions share (time among
    them), and each block such a set with :math:`S`. Two blocks then share :math:`S` and nothing
    else, so that tables over them with equal counts over :math:`S` are the margins of one table
    of whole numbers over all dimensions: the model is decomposable (Lauritzen 1996, Graphical
    Models, section 4.4; for whole numbers by the lining up told at `Parts`).
    """
    names, axes = _axes(entries)
    sizes, time = [distinct.shape[1] for distinct, _ in axes], len(names)
    largest = _largest({frozenset(map(names.index, each.covers)) | {time} for each in entries})
    shared = frozenset[int]().union(*(a & b for a, b in itertools.combinations(largest, 2)))
    blocks = [_folded(sizes, held) for held in _largest({one | shared for one in largest})]
    cells = _folded(sizes, shared)
    margins = [(cells.T @ block > 0).astype(np.int64) for block in blocks]
    first, others = margins[0], margins[1:]
    if not others:
        return Parts(tuple(blocks), sparse.csr_array((0, first.shape[1]), dtype=np.int64))
    links = [sparse.vstack([-first] * len(others)), sparse.block_diag(others)]
    return Parts(tuple(blocks), sparse.csr_array(sparse.hstack(links, format="csr")))


def _largest(sets: set[frozenset[int]]) -> list[frozenset[int]]:
    """Those that lie in no other, in a fixed order."""
    return sorted((one for one in sets if not any(one < other for other in sets)), key=sorted)


def knowledge(entries: Sequence[Entry], placed: Sequence[Placed]) -> Knowledge:
    """All that releases publish, in one system."""
    sums, lower, upper = [], list[int](), list[int]()
    for entry, where in zip(entries, placed, strict=True):
        told = [cell for cell, limit in enumerate(entry.lower) if limit is not None]
        sums.append(where.sums[told])
        lower += [limit for limit in entry.lower if limit is not None]
        upper += [limit for limit in entry.upper if limit is not None]
    joined = sparse.csr_array(sparse.vstack(sums, format="csr"))
    return Knowledge(joined, np.array(lower, np.int64), np.array(upper, np.int64))


def differences(current: Placed, earlier: Placed) -> sparse.csr_array:
    """
    List the sums that two releases tell apart along one axis: later days, other categories.

    Returns
    -------
    (differences, groups) matrix
        Larger minus smaller for every nested pair of cells that agree on all axes but one.
    """
    apart = (current.places[:, None, :] != earlier.places[None, :, :]).sum(axis=2)
    one, other = np.nonzero(apart == 1)
    common = np.asarray(current.sums[one].multiply(earlier.sums[other]).sum(axis=1)).ravel()
    sizes = (np.asarray(side.sum(axis=1)).ravel() for side in (current.sums, earlier.sums))
    mine, theirs = (size[at] for size, at in zip(sizes, (one, other), strict=True))
    inner, outer = (common == mine) & (mine < theirs), (common == theirs) & (theirs < mine)
    return sparse.csr_array(
        sparse.vstack(
            [
                earlier.sums[other[inner]] - current.sums[one[inner]],
                current.sums[one[outer]] - earlier.sums[other[outer]],
            ],
            format="csr",
        )
    )


def _axes(
    entries: Sequence[Entry],
) -> tuple[list[str], list[tuple[NDArray[np.int64], list[Integers]]]]:
    """Names of the dimensions, and the axes of them and of time."""
    names = sorted({name for entry in entries for name in entry.covers})
    return names, [*(_axis(name, entries) for name in names), _time_axis(entries)]


def _folded(sizes: Sequence[int], kept: Collection[int]) -> sparse.csr_array:
    """Which cell of some axes each group of all axes lies in: (groups, cells)."""
    folded = sparse.csr_array(np.ones((1, 1), np.int64))
    for axis, size in enumerate(sizes):
        whole = sparse.csr_array(np.ones((size, 1), np.int64))
        one = sparse.eye_array(size, dtype=np.int64, format="csr") if axis in kept else whole
        folded = sparse.csr_array(sparse.kron(folded, one, format="csr"))
    return folded


def _axis(name: str, entries: Sequence[Entry]) -> tuple[NDArray[np.int64], list[Integers]]:
    """Distinct sets of groups on an axis, and which of them each entry's labels are."""
    atoms = sorted(
        {
            atom
            for entry in entries
            for label in entry.covers.get(name, {}).values()
            for atom in label
        }
    )
    position = {atom: k for k, atom in enumerate(atoms)}
    rows, owners = [], []
    for entry in entries:
        labels = entry.covers.get(name)
        block = np.ones((1, len(atoms)), np.int64)
        if labels is not None:
            block = np.zeros((len(labels), len(atoms)), np.int64)
            for row, members in enumerate(labels.values()):
                block[row, [position[atom] for atom in members]] = 1
        rows.append(block)
        owners.append(len(block))
    stacked = np.unique(np.vstack(rows), axis=1)  # atoms no release tells apart are one group
    return _numbered(stacked, owners)


def _time_axis(entries: Sequence[Entry]) -> tuple[NDArray[np.int64], list[Integers]]:
    """Spans of days that releases tell apart; a stock is a single one."""
    if entries[0].stock:
        return _numbered(np.ones((len(entries), 1), np.int64), [1] * len(entries))
    spans = [(_before(entry), date.fromisoformat(entry.as_of)) for entry in entries]
    borders = sorted({border for span in spans for border in span})
    slices = list(itertools.pairwise(borders))
    table = np.array([[start <= a and b <= end for a, b in slices] for start, end in spans])
    return _numbered(table.astype(np.int64), [1] * len(entries))


def _before(entry: Entry) -> date:
    """Last day not counted."""
    since = day(entry.since)
    return date.min if since is None else since - timedelta(days=1)


def _numbered(
    stacked: NDArray[np.int64], owners: Sequence[int]
) -> tuple[NDArray[np.int64], list[Integers]]:
    distinct, number = np.unique(stacked, axis=0, return_inverse=True)
    return distinct, np.split(number.ravel(), np.cumsum(owners)[:-1])


def _place(
    which: int,
    entry: Entry,
    names: Sequence[str],
    axes: Sequence[tuple[NDArray[np.int64], list[Integers]]],
) -> Placed:
    """Cells of one entry in its own order, over the groups of all."""
    numbers = [owners[which] for _, owners in axes]
    sums = sparse.csr_array(np.ones((1, 1), np.int64))
    for (distinct, _), own in zip(axes, numbers, strict=True):
        sums = sparse.csr_array(sparse.kron(sums, sparse.csr_array(distinct[own]), format="csr"))
    shape = [len(own) for own in numbers]
    grid = np.stack([g.ravel() for g in np.meshgrid(*numbers, indexing="ij")], axis=1)
    order = [names.index(name) for name in entry.covers]
    rest = [axis for axis in range(len(shape)) if axis not in order]
    cells = np.arange(len(grid)).reshape(shape).transpose([*order, *rest]).ravel()
    return Placed(sums[cells], grid[cells])
