"""Serial intervals: how many days lie between a case and those it infected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SerialInterval:
    """
    Serial interval: a gamma distribution shifted by one day.

    Parameters
    ----------
    mean : float
        Mean [days], above 1.
    std : float
        Standard deviation [days], above 0.

    Raises
    ------
    ParameterError
        If the mean is 1 day or less, or the standard deviation is not positive.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        """Refuse what has no discrete distribution."""
        breaches = []
        if not self.mean > 1:
            breaches.append(f"mean is {self.mean} days; it must lie above 1")
        if not 0 < self.std < np.inf:
            breaches.append(f"standard deviation is {self.std} days; it must be above 0")
        if breaches:
            raise ParameterError("a serial interval cannot be made discrete", breaches)

    def weights(self, days: int) -> FloatArray:
        """
        Probability of an interval of 0, 1, ... days.

        Parameters
        ----------
        days : int
            How many days; the first is day 0.

        Returns
        -------
        array (days,)
            Not rescaled: what lies beyond the last day is missing from the sum.

        Notes
        -----
        With F(k; a, b) the cumulative gamma distribution, a = ((m - 1) / s)^2 and
        b = s^2 / (m - 1), supplementary equation of [1]_ (appendix 11)::

            w(k) = k F(k; a) + (k - 2) F(k - 2; a) - 2 (k - 1) F(k - 1; a)
                   + a b (2 F(k - 1; a + 1) - F(k - 2; a + 1) - F(k; a + 1))

        References
        ----------
        .. [1] Cori et al. 2013, Am J Epidemiol 178(9):1505, doi:10.1093/aje/kwt133.
        """
        weights: FloatArray = gamma_weights(np.array([self.mean]), np.array([self.std]), days)[0]
        return weights


@dataclass(frozen=True)
class UncertainSerialInterval:
    """
    Serial interval whose mean and standard deviation are themselves uncertain.

    Both follow normal distributions, each cut off at its own bounds, independently.

    Parameters
    ----------
    mean, std_mean, min_mean, max_mean : float
        Mean [days], its standard deviation and bounds; the lower bound is at least 1.
    std, std_std, min_std, max_std : float
        Standard deviation [days], its standard deviation and bounds; the lower is above 0.

    Raises
    ------
    ParameterError
        If a bound lies on the wrong side of its value, or a spread is not positive.
    """

    mean: float
    std_mean: float
    min_mean: float
    max_mean: float
    std: float
    std_std: float
    min_std: float
    max_std: float

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing to draw."""
        sound = {
            "min_mean must be at least 1 day": self.min_mean >= 1,
            "min_std must be above 0": self.min_std > 0,
            "std_mean and std_std must be above 0": self.std_mean > 0 and self.std_std > 0,
            "min_mean ≤ mean ≤ max_mean must hold": self.min_mean <= self.mean <= self.max_mean,
            "min_std ≤ std ≤ max_std must hold": self.min_std <= self.std <= self.max_std,
        }
        breaches = [rule for rule, kept in sound.items() if not kept]
        if breaches:
            raise ParameterError("an uncertain serial interval contradicts itself", breaches)

    def draw(self, draws: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """
        Draw intervals, evenly spread over both distributions (Latin hypercube).

        Parameters
        ----------
        draws : int
            How many.
        seed : int
            The same seed gives the same draws.

        Returns
        -------
        (array (draws,), array (draws,))
            Means and standard deviations [days].
        """
        random = np.random.default_rng(seed)
        bounds = (
            (self.mean, self.std_mean, self.min_mean, self.max_mean),
            (self.std, self.std_std, self.min_std, self.max_std),
        )
        drawn = []
        for centre, spread, low, high in bounds:
            first, last = (
                special.ndtr((low - centre) / spread),
                special.ndtr((high - centre) / spread),
            )
            share = (random.permutation(draws) + random.random(draws)) / draws
            value = centre + spread * special.ndtri(first + share * (last - first))
            drawn.append(np.clip(value, np.nextafter(low, np.inf), high))
        return drawn[0], drawn[1]


def gamma_weights(mean: FloatArray, std: FloatArray, days: int) -> FloatArray:
    """Discrete intervals (draws, days) of many means and deviations; see ``SerialInterval``."""
    shape = (((mean - 1) / std) ** 2)[:, None]
    scale = (std**2 / (mean - 1))[:, None]
    k = np.arange(days, dtype=np.float64)
    below = [np.clip(k - lag, 0, None) / scale for lag in range(3)]
    one, two = ([special.gammainc(a, x) for x in below] for a in (shape, shape + 1))
    first = k * one[0] + (k - 2) * one[2] - 2 * (k - 1) * one[1]
    second = shape * scale * (2 * two[1] - two[2] - two[0])
    weights: FloatArray = np.maximum(first + second, 0)
    return weights
