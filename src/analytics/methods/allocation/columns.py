"""What it costs to send a party of each option to each site, for all sites or the few nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.methods.allocation.problem import (
    Floats,
    Integers,
    Mask,
    Parties,
    Policy,
    Sites,
)

_AT_ONCE = 1_000_000  # costs held at once while columns are scanned


@dataclass(frozen=True)
class Columns:
    r"""
    Every way a party may be sent somewhere, priced when asked for.

    Parameters
    ----------
    parties : Parties
        Parties, their classes and options.
    sites : Sites
        What sites offer.
    limit : array (sites, 5)
        Places by pool, then persons.
    distance : array (origins, sites)
        Distances [km].
    policy : Policy
        What a move costs.

    Notes
    -----
    One party of option o costs :math:`n_o (d_{os} + m\,[s \ne s_o])` at site s, with n persons
    and present site :math:`s_o`, where its needs are met and it fits the site empty.
    """

    parties: Parties
    sites: Sites
    limit: Integers
    distance: Floats
    policy: Policy

    @property
    def use(self) -> Integers:
        """Places of each pool, then persons, that one party takes (options, 5)."""
        size = self.parties.size[self.parties.option]
        return np.column_stack([self.parties.use, size]).astype(np.int64)

    @property
    def cells(self) -> int:
        """Options times sites."""
        return len(self.parties.option) * len(self.limit)

    def cost(self, option: Integers, site: Integers) -> Floats:
        """
        Cost of one party of each of some options, each at a site it may go to.

        Parameters
        ----------
        option, site : array (columns,)
            Options and sites.

        Returns
        -------
        array (columns,)
            Cost [person-km].
        """
        owner = self.parties.option[option]
        current = self.parties.current[owner]
        moves = (current != -1) & (current != site)
        travelled = self.distance[self.parties.origin[owner], site]
        cost: Floats = self.parties.size[owner] * (travelled + self.policy.move_cost * moves)
        return cost

    def dense(self) -> Floats:
        """Cost of every option at every site, infinite where it may not go (options, sites)."""
        options = np.arange(len(self.parties.option))[:, None]
        cost = self.cost(options, np.arange(len(self.limit))[None, :])
        use = self.use
        met = self.parties.needs[self.parties.option].astype(np.float32)
        cost[met @ (~self.sites.offers).T.astype(np.float32) > 0] = np.inf
        for place in range(use.shape[1]):
            cost[use[:, place][:, None] > self.limit[:, place]] = np.inf
        return cost

    def scan(self, prices: Floats, many: int) -> tuple[Floats, Integers]:
        """
        Price every column, and keep the cheapest of each option.

        Parameters
        ----------
        prices : array (sites, 5)
            Price of a place in each pool, and of one person more.
        many : int
            Columns kept of each option.

        Returns
        -------
        least : array (options,)
            Cost of one party at its cheapest site, prices included; infinite if it may go
            nowhere.
        site : array (options, many)
            Its cheapest sites in no order; -1 where there are fewer.

        Notes
        -----
        Options of the same needs, use and size share which sites they may go to and what the
        places cost them there, so only distances differ: all are scanned block by block, never
        more than some millions of costs at once.
        """
        use, owner = self.use, self.parties.option
        needs = self.parties.needs[owner]
        least = np.full(len(owner), np.inf)
        site = np.full((len(owner), many), -1)
        for of_needs in _alike(needs):
            meets = np.flatnonzero((self.sites.offers | ~needs[of_needs[0]]).all(axis=1))
            near = self.distance if len(meets) == len(self.limit) else self.distance[:, meets]
            for alike in _alike(use[of_needs]):
                options = of_needs[alike]
                asked = use[options[0]]
                extra = np.where(
                    (asked <= self.limit[meets]).all(axis=1), prices[meets] @ asked, np.inf
                )
                kept = min(many, len(meets))
                if not np.isfinite(extra).any():
                    continue
                step = max(_AT_ONCE // len(meets), 1)
                for block in np.split(options, np.arange(step, len(options), step)):
                    priced = self._block(block, meets, near) + extra
                    column = np.argpartition(priced, kept - 1, axis=1)[:, :kept]
                    value = np.take_along_axis(priced, column, axis=1)
                    least[block] = value.min(axis=1)
                    site[block[:, None], np.arange(kept)] = np.where(
                        np.isfinite(value), meets[column], -1
                    )
        return least, site

    def _block(self, options: Integers, meets: Integers, near: Floats) -> Floats:
        """Cost of options at the sites that meet their needs (options, meets)."""
        owner = self.parties.option[options]
        size, current = self.parties.size[owner], self.parties.current[owner]
        cost: Floats = near[self.parties.origin[owner]] * size[:, None]
        placed = np.flatnonzero(current != -1)
        cost[placed] += (self.policy.move_cost * size[placed])[:, None]
        at = np.minimum(np.searchsorted(meets, current[placed]), len(meets) - 1)
        here = meets[at] == current[placed]
        cost[placed[here], at[here]] -= self.policy.move_cost * size[placed[here]]
        return cost


def _alike(rows: Integers | Mask) -> list[Integers]:
    """Positions of the rows that are the same, one array for each kind."""
    if not len(rows):
        return []
    _, kind, many = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return np.split(np.argsort(kind.ravel(), kind="stable"), np.cumsum(many)[:-1])
