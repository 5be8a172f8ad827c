"""The rows of an allocation's programme: classes, then limits site by site, then fairness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from analytics.methods.allocation.problem import Floats, Integers, Parties, Policy


@dataclass(frozen=True)
class Rest:
    """
    Parties and room a whole-number programme is about.

    Parameters
    ----------
    count : array (classes,)
        Parties of each class.
    limit : array (sites, 5)
        Room.
    travelled : array (groups,), optional
        Person-kilometres of those that are not part of it, for fairness.
    """

    count: Integers
    limit: Integers
    travelled: Floats | None


class Rows:
    """
    Rows that columns are put into.

    Parameters
    ----------
    parties : Parties
        Parties, their classes and options.
    use : array (options, 5)
        Places of each pool, then persons, that one party takes.
    sites : int
        How many sites.
    unplaced : float
        Cost of leaving a person without a place [km].
    policy : Policy
        Fairness, if it is asked.
    """

    def __init__(
        self, parties: Parties, use: Integers, sites: int, unplaced: float, policy: Policy
    ) -> None:
        self.parties, self.use, self.policy = parties, use.astype(float), policy
        self.classes, self.sites = len(parties.count), sites
        self.slack = unplaced * parties.size.astype(float)
        self.groups = int(parties.group.max()) + 1 if policy.fairness is not None else 0
        self.persons = np.bincount(
            parties.group, parties.size * parties.count, minlength=max(self.groups, 1)
        )[: self.groups]
        self.height = self.classes + 5 * sites + 2 * self.groups

    def columns(
        self, option: Integers, site: Integers, distance: Floats | None
    ) -> sparse.csc_array:
        """
        Columns that send one party of an option to a site.

        Parameters
        ----------
        option, site : array (columns,)
            Options and sites.
        distance : array (columns,), optional
            Distance [km], where fairness is asked.

        Returns
        -------
        sparse array (rows, columns)
            What one party takes.
        """
        count, places = len(option), np.arange(len(option))
        owner = self.parties.option[option]
        of, pool = np.nonzero(self.use[option])
        row = [owner, self.classes + site[of] * 5 + pool]
        column = [places, of]
        value = [np.ones(count), self.use[option][of, pool]]
        if self.groups and distance is not None:
            base = self.classes + self.sites * 5
            travelled = distance * self.parties.size[owner]
            for shift in (0, self.groups):
                row.append(base + shift + self.parties.group[owner])
                column.append(places)
                value.append(travelled)
        return sparse.csc_array(
            sparse.coo_array(
                (np.concatenate(value), (np.concatenate(row), np.concatenate(column))),
                shape=(self.height, count),
            )
        )

    def fixed(self) -> tuple[sparse.csc_array, Floats]:
        """Columns always there: unplaced parties; the fair mean, and what exceeds it."""
        blocks = [sparse.eye_array(self.height, self.classes, format="csc")]
        cost = [self.slack]
        if self.groups:
            ratio = self.policy.fairness or 1.0
            base, g = self.classes + self.sites * 5, np.arange(self.groups)
            mean = sparse.coo_array(
                (
                    np.concatenate([-ratio * self.persons, -1.0 * self.persons]),
                    (np.concatenate([base + g, base + self.groups + g]), np.zeros(2 * len(g), int)),
                ),
                shape=(self.height, 1),
            )
            over = sparse.coo_array((-np.ones(len(g)), (base + g, g)), shape=(self.height, len(g)))
            blocks += [mean, over]
            cost += [np.zeros(1), np.full(len(g), self.policy.fairness_price)]
        return sparse.csc_array(sparse.hstack(blocks, format="csc")), np.concatenate(cost)

    def model(self, matrix: sparse.csc_array, cost: Floats, rest: Rest) -> Any:
        """
        Build a programme.

        Parameters
        ----------
        matrix : sparse array (rows, columns)
            What each column takes.
        cost : array (columns,)
            What it costs [person-km].
        rest : Rest
            Parties and room it is about.

        Returns
        -------
        highspy.HighsLp
            A linear programme.
        """
        import highspy

        infinite = highspy.kHighsInf
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_, model.col_lower_ = cost, np.zeros(len(cost))
        model.col_upper_ = np.full(len(cost), infinite)
        count = rest.count.astype(float)
        rows, fair = rest.limit.size, self.groups
        gone = np.zeros(fair) if rest.travelled is None else rest.travelled
        model.row_lower_ = np.concatenate([count, np.full(rows + fair, -infinite), -gone])
        model.row_upper_ = np.concatenate(
            [count, rest.limit.ravel().astype(float), -gone, np.full(fair, infinite)]
        )
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = matrix.indptr
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.data
        return model
