"""Which cells tell on somebody by themselves, and how far they must be blurred upwards."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ParameterError

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class DominanceRule:
    """
    The (n, k) rule: n contributors together may not exceed k percent of a cell.

    Raises
    ------
    ParameterError
        Unless n is at least 1 and 0 < k < 100.
    """

    n: int
    k: float

    def __post_init__(self) -> None:
        if self.n < 1 or not 0 < self.k < 100:  # noqa: PLR2004
            raise ParameterError(f"dominance rule ({self.n}, {self.k}): n >= 1 and 0 < k < 100")


@dataclass(frozen=True)
class PercentRule:
    """
    The p% rule: nobody may estimate a contribution from above closer than p percent.

    Raises
    ------
    ParameterError
        Unless p is positive.
    """

    p: float

    def __post_init__(self) -> None:
        if self.p <= 0:
            raise ParameterError(f"p% rule with p = {self.p}: p must be positive")


def frequency(values: Integers, threshold: int, *, zeros_secret: bool) -> Integers:
    """
    How far each count must be believable above its value.

    Parameters
    ----------
    values : (cells,) int
        Counts of persons.
    threshold : int
        Counts from 1 to one less are sensitive; they must be believable to reach it.
    zeros_secret : bool
        Whether a zero is sensitive too.

    Returns
    -------
    (cells,) int
        0 for cells that are not sensitive.
    """
    sensitive = (values < threshold) & ((values > 0) | zeros_secret)
    return np.where(sensitive, threshold - values, 0)


def concentration(
    largest: Integers, totals: Integers, rule: DominanceRule | PercentRule
) -> Integers:
    r"""
    How far each magnitude must be believable above its value.

    Parameters
    ----------
    largest : (cells, n) int
        Largest contributions per cell in descending order, zeros where there are fewer; n is
        at least 2 for the p% rule, at least the rule's n for the (n, k) rule [units].
    totals : (cells,) int
        Cell totals [units].
    rule : DominanceRule or PercentRule
        Rule of concentration.

    Returns
    -------
    (cells,) int
        Upper protection level, rounded up [units]; 0 for cells the rule passes.

    Notes
    -----
    (n, k): :math:`\\frac{100}{k} (x_1 + \\dots + x_n) - X`. p%:
    :math:`\\frac{p}{100} x_1 - (X - x_1 - x_2)`. Positive exactly where the rule is broken.

    References
    ----------
    Hundepool et al. (2012), *Statistical Disclosure Control*, sections 4.2.1 and 4.2.2.
    """
    if isinstance(rule, DominanceRule):
        share = Fraction(100) / Fraction(str(rule.k))
        heads = largest[:, : rule.n].sum(axis=1)
        lack = [share * int(head) - int(total) for head, total in zip(heads, totals, strict=True)]
    else:
        share = Fraction(str(rule.p)) / 100
        pairs = zip(largest[:, 0], largest[:, 1], totals, strict=True)
        lack = [share * int(a) - (int(total) - int(a) - int(b)) for a, b, total in pairs]
    return np.array([max(0, -((-part).__floor__())) for part in lack], np.int64)
