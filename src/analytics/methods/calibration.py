"""
Calibrate expected importations against observed counts, with intervals honest about overdispersion.

Counts are negative binomial around expected importations times a factor (a gravity term for
each covariate, if given, shrunk towards none). What is fitted is local: a calibration says how
many cases a unit of exposure brought *where it was fitted*, so `validate` exists to measure how
far it holds elsewhere, and `Calibration.predict` widens by a stated spread between regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]

_GRID = np.exp(np.linspace(np.log(1e-3), np.log(20.0), 61))  # dispersions integrated over
_DRAWS = 4_000
_ENOUGH = 3  # places at least, to tell a factor from a dispersion


@dataclass(frozen=True)
class Calibration:
    """
    How expected importations and observed counts belong together in one region.

    Parameters
    ----------
    coefficients : array (1 + covariates,)
        Log factor and log-log slopes of the covariates.
    covariance : array (dispersions, 1 + covariates, 1 + covariates)
        Their covariance, for each dispersion of the grid.
    weight : array (dispersions,)
        Posterior probability of each dispersion.
    center : array (covariates,)
        Means of the logarithms of the covariates.
    places : int
        Places fitted on.
    """

    coefficients: FloatArray
    covariance: FloatArray
    weight: FloatArray
    center: FloatArray
    places: int

    @property
    def factor(self) -> float:
        """Cases observed for each unit of exposure, at average covariates."""
        return float(np.exp(self.coefficients[0]))

    @property
    def dispersion(self) -> float:
        """Posterior mean of the squared coefficient of variation beyond Poisson."""
        return float(self.weight @ _GRID)

    def mean(self, expected: npt.ArrayLike, covariates: npt.ArrayLike | None = None) -> FloatArray:
        """
        Expect a count at each place.

        Parameters
        ----------
        expected : array (places,)
            Exposure of each place, above 0.
        covariates : array (places, covariates), optional
            As fitted, above 0.

        Returns
        -------
        array (places,)
            Mean of each place [cases].
        """
        exposure, design = _design(expected, covariates, self.center)
        return exposure * np.exp(design @ self.coefficients)

    def predict(
        self,
        expected: npt.ArrayLike,
        covariates: npt.ArrayLike | None = None,
        *,
        levels: tuple[float, ...] = (0.025, 0.5, 0.975),
        region_spread: float = 0.0,
        seed: int = 0,
    ) -> FloatArray:
        """
        Give quantiles of the counts to observe.

        Parameters
        ----------
        expected, covariates : array
            As for `mean`.
        levels : tuple of float
            Probabilities of the quantiles.
        region_spread : float
            Standard deviation of the log factor between regions; 0 where the calibration was
            fitted, and never 0 elsewhere.
        seed : int
            Seed of the generator.

        Returns
        -------
        array (levels, places)
            Quantiles of the posterior predictive distribution [cases].
        """
        exposure, design = _design(expected, covariates, self.center)
        generator = np.random.default_rng(seed)
        chosen = generator.choice(_GRID.size, _DRAWS, p=self.weight)
        root = np.linalg.cholesky(self.covariance)[chosen]
        noise = generator.standard_normal((_DRAWS, self.coefficients.size, 1))
        drawn = self.coefficients + (root @ noise)[..., 0]
        # one shift a draw: the places of a region are wrong together
        shift = region_spread * generator.standard_normal((_DRAWS, 1))
        mean = np.exp(np.log(exposure) + drawn @ design.T + shift)
        size = 1 / _GRID[chosen][:, None]
        counts = generator.poisson(
            np.minimum(mean * generator.gamma(size, 1 / size, mean.shape), 1e15)
        )
        quantiles: FloatArray = np.quantile(counts, levels, axis=0)
        return quantiles


@dataclass(frozen=True)
class Validation:
    """
    Predictions beside what was observed.

    Parameters
    ----------
    predicted : array (places,)
        Predicted counts [cases].
    lower, upper : array (places,)
        Predictive interval [cases].
    spearman : float
        Rank correlation of predicted and observed counts.
    poisson_deviance, negative_binomial_deviance : float
        Deviance of the observed counts from the predictions.
    coverage : float
        Share of places within their interval.
    ratio : float
        Sum of observed over sum of predicted counts.
    """

    predicted: FloatArray
    lower: FloatArray
    upper: FloatArray
    spearman: float
    poisson_deviance: float
    negative_binomial_deviance: float
    coverage: float
    ratio: float


def calibrate(
    expected: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    slope_spread: float = 0.25,
) -> Calibration:
    r"""
    Fit the factor between expected importations and observed counts.

    Parameters
    ----------
    expected : array (places,)
        Exposure of each place in any unit, such as `importation.expected_exports` summed, above 0.
    observed : array (places,)
        Counts [cases].
    covariates : array (places, covariates), optional
        Gravity terms such as population, above 0; enter as logarithms.
    slope_spread : float
        Prior standard deviation of each covariate's slope around 0: the shrinkage.

    Returns
    -------
    Calibration
        Factor, slopes and posterior of the dispersion.

    Raises
    ------
    ParameterError
        If fewer than three places are given, shapes differ or a value is impossible.

    Notes
    -----
    :math:`y_i \sim NB(\mu_i, \alpha)`, variance :math:`\mu + \alpha\mu^2`,
    :math:`\log\mu_i = \log x_i + \beta_0 + \beta^T z_i`, :math:`\beta_k \sim N(0, s^2)`.
    The coefficients are those of Poisson pseudo-maximum likelihood, the gravity models'
    standard, which needs only the mean to be right; their covariance is the sandwich under
    the negative binomial variance. :math:`\alpha` has a half-Cauchy(1) prior and is
    integrated on a grid, its likelihood adjusted for the fitted coefficients.

    References
    ----------
    Santos Silva & Tenreyro (2006), Rev. Econ. Stat. 88: 641-658, doi:10.1162/rest.88.4.641.
    Cox & Reid (1987), J. R. Stat. Soc. B 49: 1-39 (the adjustment).
    """
    counts = np.asarray(observed, dtype=np.float64)
    center = _center(covariates)
    exposure, design = _design(expected, covariates, center)
    if counts.shape != exposure.shape or counts.size < _ENOUGH:
        shapes = f"{exposure.size} expectations and {counts.size} counts"
        raise ParameterError(f"{shapes} cannot be calibrated: {_ENOUGH} places or more, of both")
    if not (np.isfinite(counts) & (counts >= 0)).all() or not counts.any():
        raise ParameterError("observed counts must not be negative or missing, nor all 0")
    precision = np.diag([0.0, *[slope_spread**-2] * center.size])
    coefficients, mean, scale = _pseudo_likelihood(counts, exposure, design, precision)
    variance = mean + _GRID[:, None] * mean**2
    bread = np.linalg.inv((design.T * mean) @ design + scale * precision)
    meat = np.einsum("pi,gp,pj->gij", design, variance, design) + scale**2 * precision
    information = np.einsum("pi,gp,pj->gij", design, mean**2 / variance, design) + precision
    log_posterior = (
        _log_likelihood(counts, mean, _GRID[:, None]).sum(axis=1)
        - 0.5 * np.linalg.slogdet(information)[1]  # the coefficients were fitted as well
        - np.log1p(_GRID**2)
        + np.log(_GRID)  # the grid is even in the logarithm
    )
    weight = special.softmax(log_posterior)
    return Calibration(coefficients, bread @ meat @ bread, weight, center, counts.size)


def validate(
    calibration: Calibration,
    expected: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    region_spread: float = 0.0,
) -> Validation:
    """
    Hold a calibration against counts it was not fitted on.

    Parameters
    ----------
    calibration : Calibration
        Fitted elsewhere, or earlier.
    expected, observed, covariates : array
        As for `calibrate`.
    level : float
        Probability of the intervals.
    region_spread : float
        As for `Calibration.predict`.

    Returns
    -------
    Validation
        With a ratio far from 1 and low coverage where the calibration does not transfer.
    """
    tails = ((1 - level) / 2, (1 + level) / 2)
    predicted = calibration.mean(expected, covariates)
    lower, upper = calibration.predict(
        expected, covariates, levels=tails, region_spread=region_spread
    )
    dispersion = np.full(predicted.shape, calibration.dispersion)
    return _scored(np.asarray(observed, dtype=np.float64), predicted, lower, upper, dispersion)


def leave_one_out(
    expected: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    slope_spread: float = 0.25,
) -> Validation:
    """
    Predict each place from all the others.

    Parameters
    ----------
    expected, observed, covariates : array
        As for `calibrate`, with four places or more.
    level : float
        Probability of the intervals.
    slope_spread : float
        As for `calibrate`.

    Returns
    -------
    Validation
        Every prediction and interval made without the place it is for.
    """
    exposure = np.asarray(expected, dtype=np.float64)
    counts = np.asarray(observed, dtype=np.float64)
    terms = None if covariates is None else np.asarray(covariates, dtype=np.float64)
    tails = ((1 - level) / 2, (1 + level) / 2)
    predicted, dispersion = np.empty(counts.shape), np.empty(counts.shape)
    interval = np.empty((2, counts.size))
    for place in range(counts.size):
        others = np.arange(counts.size) != place
        own = slice(place, place + 1)
        fitted = calibrate(
            exposure[others],
            counts[others],
            None if terms is None else terms[others],
            slope_spread=slope_spread,
        )
        term = None if terms is None else terms[own]
        predicted[place] = fitted.mean(exposure[own], term)[0]
        interval[:, place] = fitted.predict(exposure[own], term, levels=tails)[:, 0]
        dispersion[place] = fitted.dispersion
    return _scored(counts, predicted, interval[0], interval[1], dispersion)


def poisson_deviance(observed: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    r"""
    Poisson deviance of counts from predictions.

    Parameters
    ----------
    observed, predicted : array (places,)
        Counts and predicted means [cases].

    Returns
    -------
    float
        :math:`2\sum y\log(y/\mu) - (y - \mu)`.
    """
    counts, mean = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
    return float(2 * np.sum(special.xlogy(counts, counts / mean) - (counts - mean)))


def negative_binomial_deviance(
    observed: npt.ArrayLike, predicted: npt.ArrayLike, dispersion: npt.ArrayLike
) -> float:
    """
    Negative binomial deviance of counts from predictions.

    Parameters
    ----------
    observed, predicted : array (places,)
        Counts and predicted means [cases].
    dispersion : float or array (places,)
        Variance is mean + dispersion x mean squared; above 0.

    Returns
    -------
    float
        Twice the log likelihood lost against a perfect prediction.
    """
    counts, mean = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
    alpha = np.asarray(dispersion, np.float64)
    # the gamma functions do not depend on the mean, and cancel
    lost = special.xlogy(counts, counts / mean) - (counts + 1 / alpha) * (
        np.log1p(alpha * counts) - np.log1p(alpha * mean)
    )
    return float(2 * lost.sum())


def _scored(
    counts: FloatArray,
    predicted: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    dispersion: FloatArray,
) -> Validation:
    return Validation(
        predicted,
        lower,
        upper,
        float(stats.spearmanr(predicted, counts).statistic),
        poisson_deviance(counts, predicted),
        negative_binomial_deviance(counts, predicted, dispersion),
        float(((counts >= lower) & (counts <= upper)).mean()),
        float(counts.sum() / predicted.sum()),
    )


def _center(covariates: npt.ArrayLike | None) -> FloatArray:
    if covariates is None:
        return np.empty(0)
    terms = np.asarray(covariates, dtype=np.float64)
    if terms.ndim != 2 or not (np.isfinite(terms) & (terms > 0)).all():  # noqa: PLR2004
        raise ParameterError("covariates must be a table of places and terms, all above 0")
    center: FloatArray = np.log(terms).mean(axis=0)
    return center


def _design(
    expected: npt.ArrayLike, covariates: npt.ArrayLike | None, center: FloatArray
) -> tuple[FloatArray, FloatArray]:
    exposure = np.asarray(expected, dtype=np.float64)
    lacking = int((~(np.isfinite(exposure) & (exposure > 0))).sum())
    if exposure.ndim != 1 or lacking:
        raise ParameterError(
            f"{lacking} of {exposure.size} expectations are not above 0",
            remedy="A place nobody travelled to has no exposure: leave it out and say so.",
        )
    given = 0 if covariates is None else np.atleast_2d(np.asarray(covariates)).shape[1]
    if given != center.size:
        raise ParameterError(f"{given} covariates were given, {center.size} were fitted")
    if covariates is None:
        return exposure, np.ones((exposure.size, 1))
    terms = np.log(np.asarray(covariates, dtype=np.float64)) - center
    return exposure, np.column_stack([np.ones(exposure.size), terms])


def _log_likelihood(counts: FloatArray, mean: FloatArray, alpha: FloatArray) -> FloatArray:
    size = 1 / alpha
    likelihood: FloatArray = (
        special.gammaln(counts + size)
        - special.gammaln(size)
        - (counts + size) * np.log1p(alpha * mean)
        + special.xlogy(counts, alpha * mean)
    )
    return likelihood


def _pseudo_likelihood(
    counts: FloatArray, exposure: FloatArray, design: FloatArray, precision: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients, means and scale of a quasi-Poisson fit, by penalised Fisher scoring."""
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(counts.sum() / exposure.sum())
    scale = 1.0
    for _ in range(100):
        mean = exposure * np.exp(design @ coefficients)
        freedom = max(1, counts.size - design.shape[1])
        scale = max(1.0, float(np.sum((counts - mean) ** 2 / mean)) / freedom)
        score = design.T @ (counts - mean) - scale * precision @ coefficients
        information = (design.T * mean) @ design + scale * precision
        step = np.linalg.solve(information, score)
        coefficients = coefficients + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:  # noqa: PLR2004 (converged)
            break
    return coefficients, exposure * np.exp(design @ coefficients), scale
