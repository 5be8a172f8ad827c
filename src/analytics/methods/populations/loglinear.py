"""Hierarchical log-linear models of capture histories, many samples fitted at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pairs = tuple[tuple[int, int], ...]

_ITERATIONS = 60
_TOLERANCE = 1e-6
_LARGEST_STEP = 2.0
_FARTHEST = 16.0  # a parameter beyond this, on the log scale, runs off to infinity
_LARGEST_ERROR = 3.0  # standard error of log(missing) beyond which nothing is identified


@dataclass(frozen=True)
class Fit:
    """
    One model fitted to many samples.

    Parameters
    ----------
    missing : array (samples,)
        Expected persons on no list.
    error : array (samples,)
        Standard error of the logarithm of `missing`.
    deviance, likelihood : array (samples,)
        Poisson deviance and log likelihood, without the factorials.
    expected : array (samples, cells)
        Expected persons by true history.
    parameters : int
        Number of parameters.
    valid : array (samples,) of bool
        Whether the model is identified there and has its maximum inside.
    """

    missing: Floats
    error: Floats
    deviance: Floats
    likelihood: Floats
    expected: Floats
    parameters: int
    valid: Mask


def models(lists: int, most: int) -> list[Pairs]:
    """
    List the sets of pairwise interactions: all, or the smaller ones if there are many.

    Parameters
    ----------
    lists : int
        Number of lists.
    most : int
        Models at most; sets of equal size come and go together.

    Returns
    -------
    list of interaction sets
        Smallest first; the first is independence.
    """
    return list(_sets(lists, most))


def _sets(lists: int, most: int) -> Iterator[Pairs]:
    pairs, counted = list(combinations(range(lists), 2)), 0
    for size in range(len(pairs) + 1):
        counted += comb(len(pairs), size)
        if size > 1 and counted > most:
            return
        yield from combinations(pairs, size)


def design(lists: int, interactions: Pairs) -> Floats:
    """
    Build the design matrix over the cells 1 .. 2**lists - 1.

    Parameters
    ----------
    lists : int
        Number of lists.
    interactions : tuple of pairs
        Pairs of lists that depend on each other.

    Returns
    -------
    array (cells, 1 + lists + interactions)
        Intercept, lists, pairs; the unseen cell has the intercept only.
    """
    cells = np.arange(1, 1 << lists)
    on = (cells[:, None] >> np.arange(lists)) & 1
    products = [on[:, a] * on[:, b] for a, b in interactions]
    return np.column_stack([np.ones(len(cells)), on, *products]).astype(float)


def fit(seen: Floats, interactions: Pairs, distortion: Floats) -> Fit:
    r"""
    Fit one model to many samples by iteratively reweighted least squares.

    Parameters
    ----------
    seen : array (samples, cells)
        Persons by history as linked.
    interactions : tuple of pairs
        Pairs of lists that depend on each other.
    distortion : array (cells, cells)
        What linkage does to true histories (identity: nothing).

    Returns
    -------
    Fit
        Samples where the maximum lies on the boundary (an interaction of two lists that
        share nobody) or is not identified are marked as not valid.

    Notes
    -----
    Poisson counts with a composite link, :math:`\mu = M \exp(X\theta)` (Thompson and Baker
    1981): with :math:`\tilde X = M \Gamma X`, each step solves
    :math:`\tilde X^\top \mathrm{diag}(1/\mu) \tilde X \, \delta =
    \tilde X^\top (y/\mu - 1)`. Boundary rule: Chan, Silverman and Vincent (2021).
    """
    lists = (seen.shape[1] + 1).bit_length() - 1
    matrix = design(lists, interactions)
    valid = _inside(seen, matrix, lists)
    theta = np.linalg.lstsq(matrix, np.log(seen + 0.5).T, rcond=None)[0].T
    moving, covariance = valid.copy(), np.full((len(seen), matrix.shape[1]), np.inf)
    ridge = 1e-9 * np.eye(matrix.shape[1])
    plain = bool((distortion == np.eye(len(matrix))).all())
    outer = (matrix[:, :, None] * matrix[:, None, :]).reshape(len(matrix), -1)
    for _ in range(_ITERATIONS):
        at = np.flatnonzero(moving)
        true = np.exp(np.clip(theta[at] @ matrix.T, -30, 30))
        if plain:
            score = (seen[at] - true) @ matrix
            information = (true @ outer).reshape(len(at), *ridge.shape)
        else:
            mean = np.maximum(true @ distortion.T, 1e-12)
            slope = np.matmul(distortion, true[:, :, None] * matrix)
            scaled = slope / mean[:, :, None]
            score = np.matmul((seen[at] - mean)[:, None, :], scaled)[:, 0]
            information = np.matmul(scaled.transpose(0, 2, 1), slope)
        inverse = np.linalg.inv(information + ridge)
        step = np.matmul(inverse, score[:, :, None])[:, :, 0]
        size = np.abs(step).max(axis=1)
        theta[at] += step * np.minimum(1, _LARGEST_STEP / np.maximum(size, 1e-300))[:, None]
        covariance[at] = np.diagonal(inverse, axis1=1, axis2=2)
        moving[at] = (size > _TOLERANCE) & (np.abs(theta[at]).max(axis=1) < 2 * _FARTHEST)
        if not moving.any():
            break
    true = np.exp(np.clip(theta @ matrix.T, -30, 30))
    mean = np.maximum(true @ distortion.T, 1e-12)
    ratio = np.where(seen > 0, seen * np.log(np.maximum(seen, 1e-12) / mean), 0.0)
    error = np.sqrt(np.maximum(covariance[:, 0], 0))
    valid &= ~moving & (np.abs(theta[:, 1:]).max(axis=1) < _FARTHEST) & (error < _LARGEST_ERROR)
    return Fit(
        missing=np.exp(np.clip(theta[:, 0], -30, 30)),
        error=error,
        deviance=2 * (ratio - (seen - mean)).sum(axis=1),
        likelihood=(seen * np.log(mean) - mean).sum(axis=1),
        expected=true,
        parameters=matrix.shape[1],
        valid=valid,
    )


def _inside(seen: Floats, matrix: Floats, lists: int) -> Mask:
    """Whether every sufficient statistic, list or pair, is above zero and rank is full."""
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return np.zeros(len(seen), bool)
    shared = seen @ (matrix[:, 1:] * (matrix[:, 1:] > 0))
    several = seen[:, np.bitwise_count(np.arange(1, 1 << lists)) > 1].sum(axis=1)
    inside: Mask = (shared > 0).all(axis=1) & (several > 0)
    return inside
