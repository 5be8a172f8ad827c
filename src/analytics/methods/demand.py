"""Demand ahead: arrivals, departures and people to house, by cell and every sum of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import linalg

from analytics.errors import ParameterError
from analytics.methods import scoring

Floats = NDArray[np.float64]

HORIZONS = (3, 7, 14)
_WARM = 7  # days of history a forecast looks back on
_FEWEST, _MOST = 6, 14  # origins learnt from
_FOLDS = 4
_OWN = 0.7  # weight of a cell's own last week in what is expected of it
_LITTLE = 0.05  # persons expected where nobody came yet
_SHRINK = 0.01
_BINS = 4  # classes of size with intervals of their own
_BIN = 60  # fewest residuals of a class
_MEMORY = 0.9  # weight of a past day's residuals beside those of the day after it


@dataclass(frozen=True)
class History:
    """
    What was known on the day of the forecast.

    Parameters
    ----------
    arrivals, departures : array (cells, days)
        Persons a day.
    stock : array (cells,)
        Persons at the end of the last day.
    releases : array (cells, days + longest horizon), optional
        Persons known to be released on each day, the days ahead included.
    """

    arrivals: Floats
    departures: Floats
    stock: Floats
    releases: Floats | None = None

    def until(self, days: int) -> History:
        """Cut it as it was some days after its start."""
        later = self.arrivals[:, days:].sum(axis=1) - self.departures[:, days:].sum(axis=1)
        ahead = None if self.releases is None else self.releases[:, : days + self._ahead]
        return History(
            self.arrivals[:, :days], self.departures[:, :days], self.stock - later, ahead
        )

    @property
    def _ahead(self) -> int:
        return 0 if self.releases is None else self.releases.shape[1] - self.arrivals.shape[1]


@dataclass(frozen=True)
class Forecast:
    """
    Persons to house at each horizon, by node (cells first, then their sums).

    Parameters
    ----------
    horizons : tuple of int
        Days ahead.
    mean, lower, upper, arrivals, departures : array (nodes, horizons)
        Expected persons and the ends of the interval; arrivals and departures until then.
    level : float
        Nominal coverage.
    """

    horizons: tuple[int, ...]
    mean: Floats
    lower: Floats
    upper: Floats
    arrivals: Floats
    departures: Floats
    level: float


@dataclass(frozen=True)
class Gate:
    """
    Whether the forecast beats the naive one, horizon by horizon.

    Parameters
    ----------
    horizons : tuple of int
        Days ahead.
    ratio : array (horizons,)
        Weighted interval score of the cells over the naive forecast's; below 1 is better.
    coverage : array (horizons,)
        Share of cells with a mean of two or more that lay in the interval.
    cells : array (horizons,) of int
        Cells and origins that share is of.
    """

    horizons: tuple[int, ...]
    ratio: Floats
    coverage: Floats
    cells: NDArray[np.int64]

    @property
    def shown(self) -> tuple[bool, ...]:
        """Horizons at which the forecast may be shown; else the naive one is."""
        return tuple(bool(ratio < 1) for ratio in self.ratio)


def sums(*labels: Sequence[str]) -> sparse.csr_array:
    """
    Build the matrix of sums (nodes, cells): cells, each value of each label, and the total.

    Parameters
    ----------
    *labels : sequence of str
        For each way to group, the group of each cell.
    """
    cells = len(labels[0])
    blocks = [sparse.eye_array(cells, format="csr")]
    for label in labels:
        names, at = np.unique(np.asarray(label, str), return_inverse=True)
        blocks.append(sparse.csr_array(
            (np.ones(cells), (at, np.arange(cells))), shape=(len(names), cells)
        ))  # fmt: skip
    blocks.append(sparse.csr_array(np.ones((1, cells))))
    return sparse.csr_array(sparse.vstack(blocks))


def forecast(
    history: History, structure: sparse.csr_array, *, horizons: tuple[int, ...] = HORIZONS,
    level: float = 0.9,
) -> Forecast:  # fmt: skip
    r"""
    Forecast the people to house.

    Parameters
    ----------
    history : History
        Arrivals and departures so far.
    structure : sparse array (nodes, cells)
        As `sums` gives.
    horizons : tuple of int
        Days ahead.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Forecast
        Sums of cells equal the forecast of the sum.

    Raises
    ------
    ParameterError
        If the history is too short for the longest horizon, or negative.

    Notes
    -----
    Arrivals and departures until each horizon are Poisson regressions over all nodes and past
    origins: what the last week and its rate of leaving give, times a factor that depends on the
    trend and on who is known to be released, and is one where there is no trend: a wave that
    has ebbed is not expected to ebb on. The nodes' forecasts are reconciled by least squares
    weighted by their past errors (Wickramasuriya, Athanasopoulos and Hyndman 2019, JASA
    114:804-819).
    Intervals are conformal: quantiles of residuals of past origins, each by a model that
    learnt from days at least a horizon away, divided by the standard deviation that chance
    alone gives (Poisson arrivals, binomial departures), in classes of size (Lei et al. 2018,
    JASA 113:1094-1111; Vovk 2015, Annals of Mathematics and Artificial Intelligence 74:9-28).
    All nodes of a day err alike, and too few days are past to tell on which side the next one
    will: what a day's scores have in common counts with both signs. As a wave passes errors
    change, so days weigh less the longer they are past (Barber, Candès, Ramdas and Tibshirani
    2023, Annals of Statistics 51:816-845).
    """
    _check(history, horizons)
    base, columns = _nodes(history, structure), []
    for horizon in horizons:
        now = base.arrivals.shape[1]
        origins = _origins(now, horizon)
        past = _out_of_fold(base, origins, horizon)
        came, left = _expected(_fit(base, origins, horizon), base, now, horizon)
        truth = np.stack([_truth(base, at, horizon) for at in origins], axis=1)
        told = np.stack(
            [_stock(base, at) + a - d for at, (a, d) in zip(origins, past, strict=True)], axis=1
        )
        solve = _reconciler(structure, 1 / (((truth - told) ** 2).mean(axis=1) + 0.5))
        fitted = np.stack([solve(column) for column in told.T], axis=1)
        mean = solve(base.stock + came - left)
        size = np.stack(
            [_variance(a, d, _stock(base, at)) for at, (a, d) in zip(origins, past, strict=True)],
            axis=1,
        )
        now_size = _variance(came, left, base.stock)
        low, high = _conformal(truth - fitted, size, now_size, level)
        columns.append((mean, np.maximum(mean + low, 0), np.maximum(mean + high, 0), came, left))
    mean, lower, upper, came, left = (np.stack(c, axis=1) for c in zip(*columns, strict=True))
    return Forecast(horizons, mean, lower, upper, came, left, level)


def naive(
    history: History, structure: sparse.csr_array, *, horizons: tuple[int, ...] = HORIZONS,
    level: float = 0.9,
) -> Forecast:  # fmt: skip
    """
    Forecast that everybody stays and nobody comes; what a model has to beat.

    Parameters
    ----------
    history : History
    structure : sparse array (nodes, cells)
        Sums that forecasts are made for, as in `forecast`.
    horizons : tuple of int
        Days ahead.
    level : float
        Of the intervals, which come from the errors of the same forecast in the past.

    Returns
    -------
    Forecast
        Arrays (nodes, horizons) [persons].

    Raises
    ------
    ParameterError
        If the history does not hold together or is too short for the horizons.
    """
    _check(history, horizons)
    base, columns = _nodes(history, structure), []
    for horizon in horizons:
        check = _origins(base.arrivals.shape[1], horizon)
        gone = np.stack([_truth(base, at, horizon) - _stock(base, at) for at in check], axis=1)
        size = np.stack([_stock(base, at) for at in check], axis=1) + 0.5
        low, high = _conformal(gone, size, base.stock + 0.5, level)
        none = np.zeros_like(base.stock)
        columns.append((base.stock, np.maximum(base.stock + low, 0),
                        np.maximum(base.stock + high, 0), none, none))  # fmt: skip
    mean, lower, upper, came, left = (np.stack(c, axis=1) for c in zip(*columns, strict=True))
    return Forecast(horizons, mean, lower, upper, came, left, level)


def gate(
    history: History, structure: sparse.csr_array, *, horizons: tuple[int, ...] = HORIZONS,
    level: float = 0.9, origins: int = 5,
) -> Gate:  # fmt: skip
    """
    Forecast from past days as if they were today, beside the naive forecast.

    Parameters
    ----------
    history : History
    structure : scipy.sparse.csr_array
    horizons : tuple of int
    level : float
        These four as for `forecast`.
    origins : int
        Past days to forecast from, at most; the latest whose outcome is known.

    Returns
    -------
    Gate
        Of each horizon; NaN where the history is too short for a single origin.
    """
    days, cells = history.arrivals.shape[1], history.arrivals.shape[0]
    found = np.full((3, len(horizons)), np.nan)
    many = np.zeros(len(horizons), np.int64)
    for at, horizon in enumerate(horizons):
        first = _shortest(horizon)
        tried = list(range(days - horizon, first - 1, -1))[:origins]
        ours: list[float] = []
        theirs: list[float] = []
        inside = []
        for day in tried:
            cut = history.until(day)
            truth = _truth(_nodes(history, structure), day, horizon)[:cells]
            for told, into in ((forecast, ours), (naive, theirs)):
                f = told(cut, structure, horizons=(horizon,), level=level)
                quantiles = np.stack([f.lower, f.mean, f.upper], axis=-1)[:cells, 0]
                ends = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
                into.append(float(scoring.weighted_interval_score(truth, quantiles, ends).mean()))
                if told is forecast:
                    large = f.mean[:cells, 0] >= 2  # noqa: PLR2004 (as the coverage is stated)
                    held = (f.lower[:cells, 0] <= truth) & (truth <= f.upper[:cells, 0])
                    inside.append(held[large])
        if tried:
            both = np.concatenate(inside)
            base = float(np.mean(theirs))
            found[0, at] = float(np.mean(ours)) / base if base else 1.0
            found[1, at], many[at] = (both.mean() if len(both) else np.nan), len(both)
    return Gate(horizons, found[0], found[1], many)


def _shortest(horizon: int) -> int:
    """Fewest days of history a horizon can be forecast from."""
    return _WARM + _FEWEST + horizon


def _check(history: History, horizons: tuple[int, ...]) -> None:
    days = history.arrivals.shape[1]
    breaches = []
    if history.departures.shape != history.arrivals.shape:
        breaches.append("arrivals and departures have different shapes")
    if not all((x >= 0).all() for x in (history.arrivals, history.departures, history.stock)):
        breaches.append("persons are not negative")
    if days < _shortest(max(horizons)):
        breaches.append(f"{days} days of history, {_shortest(max(horizons))} are needed")
    if breaches:
        raise ParameterError("demand cannot be forecast", breaches, "ask for shorter horizons")


def _nodes(history: History, structure: sparse.csr_array) -> History:
    known = history.releases
    return History(
        structure @ history.arrivals, structure @ history.departures, structure @ history.stock,
        None if known is None else structure @ known,
    )  # fmt: skip


def _origins(days: int, horizon: int) -> list[int]:
    """Past days with a week before them and a known outcome; the latest ones."""
    return list(range(max(_WARM, days - horizon - _MOST), days - horizon + 1))


def _stock(base: History, at: int) -> Floats:
    gone = base.arrivals[:, at:].sum(axis=1) - base.departures[:, at:].sum(axis=1)
    stock: Floats = base.stock - gone
    return stock


def _truth(base: History, at: int, horizon: int) -> Floats:
    return _stock(base, at + horizon)


def _bases(base: History, at: int, horizon: int) -> tuple[Floats, Floats, Floats]:
    """Arrivals and departures if things stay as they are, and what may change them."""
    week = slice(at - _WARM, at)
    came, left = base.arrivals[:, week].sum(axis=1), base.departures[:, week].sum(axis=1)
    total = float(came.max(initial=0.0))  # the last node is the sum of all
    past = base.arrivals[:, :at].sum(axis=1)
    share = past / max(float(past.max(initial=0.0)), 1.0)
    coming = horizon / _WARM * (_OWN * came + (1 - _OWN) * share * total) + _LITTLE
    stock = np.maximum(_stock(base, at), 0)
    week_stock = sum(float(_stock(base, at - back).max(initial=0.0)) for back in range(_WARM))
    rate = float(left.max(initial=0.0)) / max(week_stock, float(_WARM))
    leaving = (stock + 0.5 * coming) * (1 - np.exp(-rate * horizon)) + _LITTLE
    recent = float(base.arrivals[:, at - 3 : at].sum(axis=1).max(initial=0.0)) * _WARM / 3
    columns = [np.full(len(came), np.log((recent + 1) / (total + 1)))]
    if base.releases is not None:
        known = base.releases[:, at : at + horizon].sum(axis=1)
        columns.append(np.log1p(known) - np.log1p(leaving))
    return coming, leaving, np.column_stack(columns)


def _variance(came: Floats, left: Floats, stock: Floats) -> Floats:
    """
    Variance of the stock by chance alone: Poisson arrivals, and each one present leaves or stays.

    Departures are so many of those who were or came, as a binomial count is.
    """
    present = np.maximum(np.maximum(stock, 0) + came, 1e-9)
    variance: Floats = came + left * (1 - np.minimum(left / present, 0.95)) + 0.5
    return variance


def _fit(base: History, origins: list[int], horizon: int) -> tuple[Any, Any]:
    from sklearn.linear_model import PoissonRegressor

    parts = [_bases(base, at, horizon) for at in origins]
    rows = np.concatenate([features for _, _, features in parts])
    models = []
    for number, series in enumerate((base.arrivals, base.departures)):
        counts = np.concatenate([series[:, at : at + horizon].sum(axis=1) for at in origins])
        exposure = np.concatenate([part[number] for part in parts])
        weight = exposure / exposure.mean()
        # no intercept: where nothing changes, the last week is expected to go on
        model = PoissonRegressor(alpha=_SHRINK, max_iter=500, fit_intercept=False)
        some = counts.any()  # where nobody ever came (or left), nobody is expected to
        models.append(model.fit(rows, counts / exposure, sample_weight=weight) if some else None)
    return models[0], models[1]


def _expected(
    models: tuple[Any, Any], base: History, at: int, horizon: int
) -> tuple[Floats, Floats]:
    coming, leaving, rows = _bases(base, at, horizon)
    came, left = (
        exposure * model.predict(rows) if model else np.zeros_like(exposure)
        for exposure, model in zip((coming, leaving), models, strict=True)
    )
    return came, np.minimum(left, np.maximum(_stock(base, at), 0) + came)


def _out_of_fold(base: History, origins: list[int], horizon: int) -> list[tuple[Floats, Floats]]:
    """Forecasts of past days by models that learnt from days at least a horizon away."""
    told = []
    for block in np.array_split(np.array(origins), _FOLDS):
        away = [at for at in origins if at < block[0] - horizon or at > block[-1] + horizon]
        models = _fit(base, away or origins, horizon)
        told += [_expected(models, base, int(at), horizon) for at in block]
    return told


def _reconciler(structure: sparse.csr_array, weight: Floats) -> Any:
    """Least squares onto the sums: nodes' forecasts to coherent, non-negative ones."""
    weighted = structure.T @ sparse.diags_array(weight)
    inner = linalg.factorized(sparse.csc_matrix(weighted @ structure))

    def solve(base: Floats) -> Floats:
        coherent: Floats = structure @ np.maximum(inner(weighted @ base), 0.0)
        return coherent

    return solve


def _conformal(residual: Floats, size: Floats, now: Floats, level: float) -> tuple[Floats, Floats]:
    """
    Find the ends of the interval about the forecast, from residuals of like size.

    Columns are past days, the latest last. What all nodes of a day had in common counts with
    both signs, and days count the less the longer they are past.
    """
    score, days = residual / np.sqrt(size), residual.shape[1]
    common = score.mean(axis=0)
    scores = np.concatenate([score, score - 2 * common], axis=1).ravel()
    scale = np.concatenate([size, size], axis=1).ravel()
    weight = np.tile(_MEMORY ** np.arange(days)[::-1], (len(score), 2)).ravel()
    bins = max(1, min(_BINS, size.size // _BIN))
    edges = np.unique(np.quantile(scale, np.linspace(0, 1, bins + 1)[1:-1]))
    bins = len(edges) + 1
    of, mine = np.searchsorted(edges, scale), np.searchsorted(edges, now)
    ends = np.zeros((2, bins))
    for one in range(bins):
        like = of == one if (of == one).any() else of >= 0  # none of one size: then all count
        order = np.argsort(scores[like])
        own, share = scores[like][order], np.cumsum(weight[like][order])
        share /= share[-1]
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        ends[:, one] = own[np.minimum(np.searchsorted(share, tails), len(own) - 1)]
    spread = np.sqrt(now)
    return ends[0][mine] * spread, ends[1][mine] * spread


def history_of(
    arrivals: ArrayLike, departures: ArrayLike, stock: ArrayLike, releases: ArrayLike | None = None
) -> History:
    """
    Build a history from anything array-like.

    Parameters
    ----------
    arrivals, departures : array_like (cells, days)
        Persons a day.
    stock : array_like (cells,)
        Persons at the end of the last day.
    releases : array_like (cells, days ahead), optional
        Departures that are known beforehand [persons].
    """
    known = None if releases is None else np.asarray(releases, float)
    return History(
        np.asarray(arrivals, float), np.asarray(departures, float), np.asarray(stock, float), known
    )
