"""What a table for release is: its dimensions, its rules, and its cells with all margins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from analytics.errors import DisclosureError, ParameterError
from analytics.methods.suppression.attack import Integers
from analytics.methods.suppression.sensitivity import DominanceRule, PercentRule
from analytics.privacy.releases import Entry

_MOST_DIMENSIONS = 3


@dataclass(frozen=True)
class Dimension:
    """
    One dimension of a table: a tree of labels, margins included.

    Parameters
    ----------
    name : str
        Column that holds the labels.
    parents : mapping of str to str
        Parent of every label but the root, e.g. county to prefecture, prefecture to province.
    finest : mapping of str to tuple of str, optional
        Finer categories under a leaf, where another release of the same persons is cut
        differently ("0-14" covers "0-4", "5-9", "10-14"); a leaf else stands for itself.

    Raises
    ------
    ParameterError
        If the parents are no tree with a single root.
    """

    name: str
    parents: Mapping[str, str]
    finest: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        roots = set(self.parents.values()) - set(self.parents)
        if len(roots) != 1:
            raise ParameterError(f"dimension '{self.name}': {len(roots)} roots, not one")
        for label in self.parents:
            seen = {label}
            while label in self.parents:
                label = self.parents[label]  # noqa: PLW2901
                if label in seen:
                    raise ParameterError(f"dimension '{self.name}': its labels run in a circle")
                seen.add(label)

    @classmethod
    def flat(cls, name: str, categories: tuple[str, ...], total: str = "total") -> Dimension:
        """Categories under one total."""
        return cls(name, dict.fromkeys(categories, total))

    @property
    def labels(self) -> tuple[str, ...]:
        """Leaves first, then each label after all below it; the root is last."""
        below = set(self.parents.values())
        leaves = [label for label in self.parents if label not in below]
        depth = {label: self._depth(label) for label in below}
        return (*leaves, *sorted(below, key=lambda label: (-depth[label], label)))

    @property
    def leaves(self) -> tuple[str, ...]:
        """Labels with none below."""
        below = set(self.parents.values())
        return tuple(label for label in self.parents if label not in below)

    @property
    def covers(self) -> dict[str, tuple[str, ...]]:
        """Finest categories under each label, in label order."""
        found: dict[str, list[str]] = {label: [] for label in self.labels}
        for leaf in self.leaves:
            atoms = self.finest.get(leaf, (leaf,))
            found[leaf] += atoms
            label = leaf
            while label in self.parents:
                label = self.parents[label]
                found[label] += atoms
        return {label: tuple(atoms) for label, atoms in found.items()}

    @property
    def depth(self) -> int:
        """Levels under the root."""
        return max(self._depth(label) for label in self.parents)

    def coarser(self) -> Dimension | None:
        """Cut the deepest level; None if there is only the root above it."""
        depth = {label: self._depth(label) for label in self.parents}
        deepest = max(depth.values())
        if deepest == 1:
            return None
        kept = {label: up for label, up in self.parents.items() if depth[label] < deepest}
        covers, below = self.covers, set(kept.values())
        return Dimension(self.name, kept, {k: covers[k] for k in kept if k not in below})

    def _depth(self, label: str) -> int:
        depth = 0
        while label in self.parents:
            label, depth = self.parents[label], depth + 1
        return depth


@dataclass(frozen=True)
class Rounding:
    """Round instead of hiding: base, method, and the secret that draws (never shown)."""

    base: int = 5
    method: Literal["random", "controlled"] = "controlled"
    key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.base < 2 or not self.key:  # noqa: PLR2004
            raise ParameterError("rounding needs a base of at least 2 and a secret key")


@dataclass(frozen=True)
class TableSpec:
    """
    What leaves, and by which rules.

    Parameters
    ----------
    name : str
        The table.
    population : str
        Whom it counts; releases of one population and measure are held against each other.
    measure : str
        Column of the counts (persons or events) or amounts.
    dimensions : tuple of Dimension
        One to three; all margins are part of the table.
    as_of : date
        Known by 24:00 of this day.
    since : date, optional
        First day counted; None counts from the beginning (cumulative).
    stock : bool
        A level on the day: only releases of the same day concern the same persons.
    threshold : int
        Counts from 1 to one less are hidden.
    zeros : {"public", "secret"}
        Whether a zero may be shown. Public zeros are never hidden to protect others.
    published : bool
        Official figures, public by contract: they pass as they are and are recorded.
    contributor : str, optional
        Column naming who contributed; then rows are contributions, the measure an amount,
        and ``threshold`` counts contributors.
    dominance : DominanceRule or PercentRule, optional
        Rule of concentration for amounts.
    rounding : Rounding, optional
        Round all cells instead of hiding some.
    vanish : float
        Share of cells hidden, margins aside, beyond which a coarser table is released instead.
    corrects : tuple of str
        Identities of earlier releases that this one revises.
    """

    name: str
    population: str
    measure: str
    dimensions: tuple[Dimension, ...]
    as_of: date
    since: date | None = None
    stock: bool = False
    threshold: int = 10
    zeros: Literal["public", "secret"] = "public"
    published: bool = False
    contributor: str | None = None
    dominance: DominanceRule | PercentRule | None = None
    rounding: Rounding | None = None
    vanish: float = 0.75
    corrects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [dimension.name for dimension in self.dimensions]
        if not 1 <= len(names) <= _MOST_DIMENSIONS or len(set(names)) < len(names):
            raise DisclosureError(
                f"table '{self.name}' has {len(names)} dimensions; one to three different ones "
                "can be audited",
                remedy="release it as several tables of fewer dimensions",
            )
        if self.dominance and not self.contributor:
            raise ParameterError("a rule of concentration needs the column of contributors")

    def coarser(self) -> TableSpec | None:
        """Spec of the table one level up its deepest dimension; None if it is the coarsest."""
        depth = [dimension.depth for dimension in self.dimensions]
        deepest = int(np.argmax(depth))
        upper = self.dimensions[deepest].coarser()
        if upper is not None:
            kept = [*self.dimensions]
            kept[deepest] = upper
            return replace(self, dimensions=tuple(kept))
        if len(self.dimensions) == 1:
            return None
        return replace(self, dimensions=self.dimensions[1:])

    def entry(self, lower: list[int | None], upper: list[int | None]) -> Entry:
        """Ledger entry of the table with these published limits."""
        return Entry(
            self.name,
            self.population,
            self.measure,
            self.as_of.isoformat(),
            self.since.isoformat() if self.since else "",
            self.stock,
            self.threshold,
            {dimension.name: dimension.covers for dimension in self.dimensions},
            tuple(lower),
            tuple(upper),
        )


def leaf_values(table: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """
    Check a table's rows against its spec.

    Raises
    ------
    DisclosureError
        Every breach at once: columns missing, labels unknown, cells twice, values that are
        not whole numbers of at least zero.
    """
    names = [dimension.name for dimension in spec.dimensions]
    wanted = [*names, spec.measure, *([spec.contributor] if spec.contributor else [])]
    missing = [name for name in wanted if name not in table]
    if missing:
        raise DisclosureError(f"table '{spec.name}' lacks columns: {', '.join(missing)}")
    breaches = []
    for dimension in spec.dimensions:
        alien = ~table[dimension.name].isin(dimension.leaves)
        if alien.any():
            breaches.append(f"{dimension.name}: {int(alien.sum())} rows are no leaf of it")
    amounts = pd.to_numeric(table[spec.measure], errors="coerce")
    unsound = ~((amounts >= 0) & (amounts % 1 == 0))
    if unsound.any():
        breaches.append(f"{spec.measure}: {int(unsound.sum())} rows are no whole number from 0 up")
    twice = table.duplicated(names)
    if not spec.contributor and twice.any():
        breaches.append(f"{int(twice.sum())} cells come twice")
    if breaches:
        raise DisclosureError(
            f"table '{spec.name}' does not fit its spec", breaches, "nothing was released"
        )
    return table[wanted].assign(**{spec.measure: amounts.astype("int64")})


def ancestors(dimension: Dimension) -> Integers:
    """(labels, leaves) membership of zeros and ones."""
    place = {label: k for k, label in enumerate(dimension.labels)}
    member = np.zeros((len(place), len(dimension.leaves)), np.int64)
    for column, leaf in enumerate(dimension.leaves):
        label: str | None = leaf
        while label is not None:
            member[place[label], column] = 1
            label = dimension.parents.get(label)
    return member


def with_margins(rows: pd.DataFrame, spec: TableSpec) -> Integers:
    """Values of all cells, margins included, row-major in label order."""
    names = [dimension.name for dimension in spec.dimensions]
    index = pd.MultiIndex.from_product([d.leaves for d in spec.dimensions], names=names)
    leaves = rows.groupby(names, observed=True)[spec.measure].sum()
    if len(names) == 1:
        leaves.index = pd.MultiIndex.from_arrays([leaves.index], names=names)
    cube = leaves.reindex(index, fill_value=0).to_numpy(np.int64)
    cube = cube.reshape([len(d.leaves) for d in spec.dimensions])
    for axis, dimension in enumerate(spec.dimensions):
        cube = np.moveaxis(np.tensordot(ancestors(dimension), cube, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(cube).ravel()


def cell_labels(spec: TableSpec) -> pd.DataFrame:
    """Labels of all cells, row-major in label order."""
    names = [dimension.name for dimension in spec.dimensions]
    return pd.DataFrame(itertools.product(*(d.labels for d in spec.dimensions)), columns=names)


def lift(rows: pd.DataFrame, fine: TableSpec, coarse: TableSpec) -> pd.DataFrame:
    """
    Relabel a table's rows for a coarser one and sum them.

    Parameters
    ----------
    rows : pandas.DataFrame
        Leaf cells of `fine`: its dimensions, the measure, and the contributor if it has one.
    fine, coarse : TableSpec
        The coarser one has some of the dimensions, their leaves the same or one level up.

    Returns
    -------
    pandas.DataFrame
        Leaf cells of `coarse`.
    """
    lifted = rows.copy()
    for dimension in fine.dimensions:
        upper = next((d for d in coarse.dimensions if d.name == dimension.name), None)
        if upper is None:
            lifted = lifted.drop(columns=dimension.name)
        else:
            leaves = set(upper.leaves)
            rename = {
                leaf: leaf if leaf in leaves else dimension.parents[leaf]
                for leaf in dimension.leaves
            }
            lifted[dimension.name] = lifted[dimension.name].map(rename)
    keys = [d.name for d in coarse.dimensions] + ([fine.contributor] if fine.contributor else [])
    return lifted.groupby(keys, observed=True)[fine.measure].sum().reset_index()
