"""
Chance that few, or none, of an area's cases fell into one of its parts.

A part's share of the area's cases is uncertain (logit-normal), its cases of a window scatter
about that share (negative binomial), and each case bears a mark with a small chance: here,
that it begins a cluster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

FloatArray = npt.NDArray[np.float64]

NODES = 9


def share_nodes(
    share: npt.ArrayLike, spread: npt.ArrayLike, nodes: int = NODES
) -> tuple[FloatArray, FloatArray]:
    """
    Values of uncertain shares, and their weights.

    Parameters
    ----------
    share : array (...)
        Expected share, 0 to 1; a share of 0 or 1 is certain.
    spread : array (...)
        Standard deviation of its logit.
    nodes : int
        Number of values (Gauss-Hermite quadrature).

    Returns
    -------
    array (..., nodes)
        Shares, whose weighted mean is the expected share.
    array (nodes,)
        Weights, which sum to 1.
    """
    expected, width = np.broadcast_arrays(
        np.asarray(share, dtype=np.float64), np.asarray(spread, dtype=np.float64)
    )
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    values = special.expit(special.logit(expected)[..., None] + width[..., None] * points)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(expected > 0, expected / (values @ weights), 1)
    certain = (expected == 0) | (expected == 1) | (width == 0)
    values = np.where(certain[..., None], expected[..., None], values * scale[..., None])
    return np.clip(values, 0, 1), weights


def fewer(
    mean: npt.ArrayLike,
    dispersion: float,
    limit: npt.ArrayLike,
    mark: float = 0.0,
) -> FloatArray:
    """
    Chance of fewer cases than a limit, none of them marked.

    Parameters
    ----------
    mean : array (...)
        Expected cases.
    dispersion : float
        Size k of the negative binomial distribution: variance m + m^2 / k.
    limit : array (...)
        Cases; infinite for any number.
    mark : float
        Chance that a case is marked; 0 asks for nothing.

    Returns
    -------
    array (...)
        Probabilities.

    Notes
    -----
    With success probability p = m / (k + m), the sum over n < L of the probability of n cases
    times (1 - c)^n is that of a negative binomial with p (1 - c), times its normalising
    factor (1 + c m / k)^-k.
    """
    mean, limit = np.broadcast_arrays(
        np.asarray(mean, dtype=np.float64), np.asarray(limit, dtype=np.float64)
    )
    if (limit == 1).all():
        return none(mean, dispersion)
    if np.isinf(limit).all():
        return none(mark * mean, dispersion)
    chance = (1 - mark) * mean / (dispersion + mean)
    below = special.betainc(dispersion, np.maximum(limit, 1e-300), 1 - chance)
    below = np.where(np.isinf(limit), 1.0, np.where(limit <= 0, 0.0, below))
    result: FloatArray = none(mark * mean, dispersion) * below
    return result


def none(mean: npt.ArrayLike, dispersion: float) -> FloatArray:
    """Chance of no case: (1 + m / k)^-k."""
    ratio = 1 + np.asarray(mean, dtype=np.float64) / dispersion
    result: FloatArray = 1 / ratio if dispersion == 1 else ratio**-dispersion
    return result


def reaches(mean: npt.ArrayLike, limit: float) -> FloatArray:
    """
    Chance that a Poisson count reaches a limit.

    Parameters
    ----------
    mean : array (...)
        Expected cases.
    limit : float
        Cases, 1 or more.

    Returns
    -------
    array (...)
        Exact for a limit of 1; else by the normal approximation to the square root (Anscombe
        1948, Biometrika 35:246), within 0.04 for limits of 5 and more, 0.01 for 51 and more.
    """
    expected = np.asarray(mean, dtype=np.float64)
    if limit <= 1:
        return np.asarray(-np.expm1(-expected))
    return np.asarray(special.ndtr(2 * (np.sqrt(expected) - np.sqrt(limit - 0.5))))
