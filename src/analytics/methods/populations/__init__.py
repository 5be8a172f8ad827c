"""
How many are on no list: multiple-systems estimation from three lists or more.

Log-linear models of the capture histories with every choice of pairwise dependences are
averaged by their weights; intervals come from a bootstrap in which each replicate repeats
the whole procedure, selection and averaging included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analytics.errors import ContractError, ParameterError
from analytics.methods.populations import loglinear
from analytics.methods.populations.linkage import LinkageError, distort, restore, shuffle
from analytics.methods.populations.loglinear import Fit, Floats, Pairs

__all__ = ["LinkageError", "Population", "WeightedModel", "chao", "estimate", "histories"]

Criterion = Literal["bic", "aicc"]
Bootstrap = Literal["parametric", "nonparametric"]

_FEWEST_LISTS = 3
_MOST_MODELS = 1024
_NEGLIGIBLE = 1e-3  # weight below which a model is not refitted in the bootstrap
_FEWEST_REPLICATES = 0.8


@dataclass(frozen=True)
class WeightedModel:
    """
    One model of the average.

    Parameters
    ----------
    interactions : tuple of pairs
        Lists that depend on each other, as pairs of axis numbers.
    weight : float
        Share in the average.
    population, error : float
        Estimated persons in all, and the standard error of log(missing).
    deviance : float
        Poisson deviance.
    freedom : int
        Degrees of freedom left.
    """

    interactions: Pairs
    weight: float
    population: float
    error: float
    deviance: float
    freedom: int


@dataclass(frozen=True)
class Population:
    """
    An estimated population.

    Parameters
    ----------
    known : float
        Persons on at least one list, corrected for linkage error.
    total, lower, upper : float
        Estimated persons in all, with the interval's ends.
    level : float
        Nominal coverage of the interval.
    chao : float
        Chao's lower bound of the total; infinite if nobody is on two lists.
    below_chao : bool
        Whether the interval lies wholly below the bound: then the models missed something.
    models : tuple of WeightedModel
        Models averaged, heaviest first.
    refused : int
        Models that are not identified or end on the boundary.
    replicates : int
        Bootstrap replicates that could be estimated.
    """

    known: float
    total: float
    lower: float
    upper: float
    level: float
    chao: float
    below_chao: bool
    models: tuple[WeightedModel, ...]
    refused: int
    replicates: int


def histories(member: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """
    Count capture histories.

    Parameters
    ----------
    member : array (persons, lists) of bool
        Who is on which list. Persons on no list are not counted.

    Returns
    -------
    array (2, ..., 2), one axis per list
        Persons by history; index 1 on axis j means on list j.
    """
    on = np.asarray(member, bool)
    lists = on.shape[1]
    number = on @ (1 << np.arange(lists)[::-1])
    counted = np.bincount(number, minlength=1 << lists)
    counted[0] = 0
    return counted.reshape((2,) * lists).astype(np.int64)


def chao(counts: npt.ArrayLike) -> float:
    r"""
    Bound the population from below.

    Parameters
    ----------
    counts : array (2, ..., 2), one axis per list
        Persons by history.

    Returns
    -------
    float
        :math:`n + \frac{t-1}{t}\frac{f_1^2}{2 f_2}` over t lists, persons on exactly one
        and two lists f1 and f2; infinite if f2 is zero and f1 is not.

    References
    ----------
    Chao (1987), Biometrics 43:783-791.
    """
    seen, lists = _cells(counts)
    return _chao(seen, lists)


def estimate(
    counts: npt.ArrayLike,
    *,
    linkage: LinkageError | None = None,
    criterion: Criterion = "bic",
    bootstrap: Bootstrap = "parametric",
    level: float = 0.95,
    replicates: int = 500,
    seed: int = 0,
) -> Population:
    r"""
    Estimate a population, those on no list included.

    Parameters
    ----------
    counts : array (2, ..., 2), one axis per list
        Persons by history (see `histories`); the entry of persons on no list is ignored.
    linkage : LinkageError, optional
        Error rates of the linkage that made the histories; none unless given.
    criterion : {"bic", "aicc"}
        What weighs the models.
    bootstrap : {"parametric", "nonparametric"}
        Replicates drawn from the averaged models, or from the histories seen.
    level : float
        Coverage of the interval.
    replicates, seed : int
        Bootstrap replicates, and the seed of chance.

    Returns
    -------
    Population
        Total, interval, Chao's bound and the models behind them.

    Raises
    ------
    ParameterError
        If there are fewer than three lists, or counts, level or replicates are impossible.
    ContractError
        If the lists overlap too little for any model, or for the interval.

    Notes
    -----
    Models are weighed by :math:`\exp(-\Delta/2)`. A parametric replicate draws a model by
    its weight, N persons from it and, record by record, the linkage errors; then the whole
    estimation runs anew. With the relative error
    :math:`e = \log \hat f_0^* - \log (N - n^*)` of the missing, the interval is
    :math:`n + \hat f_0 \exp(-q(e))`, q being quantiles of e (Davison and Hinkley 1997,
    the basic interval on the log scale). Replicates refit the models that carry a weight
    of at least 1e-3.

    References
    ----------
    Fienberg (1972), Biometrika 59:591-603; Buckland, Burnham and Augustin (1997),
    Biometrics 53:603-618; Ding and Fienberg (1994), Survey Methodology 20:149-158;
    Di Consiglio and Tuoto (2018), Statistical Journal of the IAOS 34:505-514.
    """
    seen, lists = _cells(counts)
    _check(level, replicates)
    error = linkage or LinkageError()
    distortion = distort(seen, error)
    tried = loglinear.models(lists, _MOST_MODELS)
    fits = [loglinear.fit(seen[None], pairs, distortion) for pairs in tried]
    weights = _weights(fits, seen[None], criterion)[0]
    if not weights.any():
        raise ContractError(
            "the lists overlap too little to say how many are on none",
            [f"none of {len(tried)} models is identified from {int(seen.sum())} persons"],
            "join lists that hold the same kind of persons, or wait for more records",
        )
    kept = np.flatnonzero(weights >= _NEGLIGIBLE)
    share = weights[kept] / weights[kept].sum()
    chosen = [tried[k] for k in kept]
    missing, known = _average([fits[k] for k in kept], share[None])
    rng = np.random.default_rng(seed)
    drawn, truth = _replicates(
        seen, [fits[k] for k in kept], share, error, rng, replicates, bootstrap
    )
    refits = [loglinear.fit(drawn, pairs, distortion) for pairs in chosen]
    again = _weights(refits, drawn, criterion)
    found = again.any(axis=1)
    if found.mean() < _FEWEST_REPLICATES:
        raise ContractError(
            "the lists overlap too little for an interval",
            [f"{int((~found).sum())} of {replicates} replicates identify no model"],
            "join lists that hold the same kind of persons, or wait for more records",
        )
    new_missing, new_known = _average(refits, again)
    off = np.log((new_missing + 0.5) / (np.maximum(truth - new_known, 0) + 0.5))[found]
    high, low = np.quantile(off, [(1 - level) / 2, (1 + level) / 2])
    n, f0 = float(known[0]), float(missing[0])
    lower, upper = (max(n + (f0 + 0.5) * np.exp(-end) - 0.5, n) for end in (low, high))
    bound = _chao(restore(seen, error), lists)
    return Population(
        n, n + f0, float(lower), float(upper), level, bound, bool(upper < bound),
        _weighted(tried, fits, weights), int(sum(not f.valid[0] for f in fits)), int(found.sum()),
    )  # fmt: skip


def _cells(counts: npt.ArrayLike) -> tuple[Floats, int]:
    """Histories 1 .. 2**lists - 1 (bit j: list j), and the number of lists."""
    cube = np.asarray(counts, float)
    lists = cube.ndim
    if lists < _FEWEST_LISTS or cube.shape != (2,) * lists:
        raise ParameterError(
            "a hidden population needs three lists or more",
            [f"counts have shape {cube.shape}; one axis of length 2 per list is asked"],
            "with two lists, dependence between them cannot be told from a small population",
        )
    seen = cube.transpose().ravel()[1:]
    if not np.isfinite(seen).all() or (seen < 0).any() or not seen.any():
        raise ParameterError("histories are counts, none negative, not all zero")
    return seen, lists


def _check(level: float, replicates: int) -> None:
    if not 0 < level < 1 or replicates < 50:  # noqa: PLR2004
        raise ParameterError(
            "the interval cannot be made",
            [f"level {level} is to lie between 0 and 1, {replicates} replicates to be 50 or more"],
        )


def _chao(seen: Floats, lists: int) -> float:
    times = np.bitwise_count(np.arange(1, len(seen) + 1))
    once, twice = float(seen[times == 1].sum()), float(seen[times == 2].sum())  # noqa: PLR2004
    if once == 0:
        return float(seen.sum())
    if twice == 0:
        return float("inf")
    return float(seen.sum()) + (lists - 1) / lists * once**2 / (2 * twice)


def _weights(fits: list[Fit], seen: Floats, criterion: Criterion) -> Floats:
    """Weights (samples, models); zero where a model is not valid, all zero if none is."""
    persons = np.maximum(seen.sum(axis=1), 2)
    scores = np.full((len(seen), len(fits)), np.inf)
    for column, fitted in enumerate(fits):
        p = fitted.parameters
        if criterion == "bic":
            price = p * np.log(persons)
        else:
            price = 2 * p + 2 * p * (p + 1) / np.maximum(persons - p - 1, 1)
        scores[:, column] = np.where(fitted.valid, price - 2 * fitted.likelihood, np.inf)
    best = scores.min(axis=1, keepdims=True)
    relative = np.exp(-(scores - np.where(np.isfinite(best), best, 0)) / 2)
    total = relative.sum(axis=1, keepdims=True)
    weights: Floats = np.where(total > 0, relative / np.maximum(total, 1e-300), 0.0)
    return weights


def _average(fits: list[Fit], weights: Floats) -> tuple[Floats, Floats]:
    """Average missing (on the log scale) and known persons of each sample."""
    logs = np.stack([np.log(np.maximum(f.missing, 1e-9)) for f in fits], axis=1)
    known = np.stack([f.expected.sum(axis=1) for f in fits], axis=1)
    missing: Floats = np.exp(np.where(weights > 0, weights * logs, 0).sum(axis=1))
    return missing, np.where(weights > 0, weights * known, 0).sum(axis=1)


def _replicates(
    seen: Floats, fits: list[Fit], share: Floats, error: LinkageError,
    rng: np.random.Generator, replicates: int, bootstrap: Bootstrap,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Draw samples as linked (replicates, cells), and the population each came from."""
    if bootstrap == "nonparametric":
        missing, known = _average(fits, share[None])
        size = round(float(missing[0] + seen.sum()))
        cells = np.append(seen, max(size - seen.sum(), 0))
        drawn = rng.multinomial(size, cells / cells.sum(), size=replicates)[:, :-1]
        surplus = float(seen.sum() - known[0])
        return drawn.astype(float), np.full(replicates, size - surplus)
    model = rng.choice(len(fits), size=replicates, p=share)
    cells = np.stack([np.append(f.expected[0], f.missing[0]) for f in fits])
    size = np.rint(cells.sum(axis=1)).astype(np.int64)[model]
    true = rng.multinomial(size, (cells / cells.sum(axis=1, keepdims=True))[model])[:, :-1]
    return shuffle(true, error, rng).astype(float), size.astype(float)


def _weighted(tried: list[Pairs], fits: list[Fit], weights: Floats) -> tuple[WeightedModel, ...]:
    """Models with a weight worth telling, heaviest first."""
    order = [int(k) for k in np.argsort(-weights) if weights[k] >= _NEGLIGIBLE]
    return tuple(
        WeightedModel(
            interactions=tried[k],
            weight=float(weights[k]),
            population=float(fits[k].missing[0] + fits[k].expected[0].sum()),
            error=float(fits[k].error[0]),
            deviance=float(fits[k].deviance[0]),
            freedom=len(fits[k].expected[0]) - fits[k].parameters,
        )
        for k in order
    )
