"""
How good a forecast was: scores of quantiles, intervals and probabilities of grades.

All scores are negatively oriented: smaller is better. The last axis of `quantiles` is the
levels, of `probabilities` the ordered categories; leading axes are free.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]


def pinball_loss(
    observed: npt.ArrayLike, quantiles: npt.ArrayLike, levels: npt.ArrayLike
) -> FloatArray:
    """
    Quantile score of each predicted quantile.

    Parameters
    ----------
    observed : array (...)
        What came.
    quantiles : array (..., levels)
        Predicted quantiles.
    levels : array (levels,)
        Their probabilities, between 0 and 1.

    Returns
    -------
    array (..., levels)
        level * (y - q) above the quantile, (1 - level) * (q - y) below it.
    """
    q, p = np.asarray(quantiles, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    if p.ndim != 1 or q.shape[-1:] != p.shape or not ((p > 0) & (p < 1)).all():
        raise ParameterError(
            "quantiles and levels do not fit",
            [f"{q.shape[-1:]} quantiles for levels of shape {p.shape}, each between 0 and 1"],
        )
    above = np.asarray(observed, dtype=np.float64)[..., None] - q
    loss: FloatArray = np.maximum(p * above, (p - 1) * above)
    return loss


def weighted_interval_score(
    observed: npt.ArrayLike, quantiles: npt.ArrayLike, levels: npt.ArrayLike
) -> FloatArray:
    """
    Weighted interval score of central intervals and the median.

    Parameters
    ----------
    observed : array (...)
        What came.
    quantiles : array (..., levels)
        Predicted quantiles.
    levels : array (levels,)
        Probabilities, symmetric around 0.5 and with 0.5 among them.

    Returns
    -------
    array (...)
        In the unit of `observed`; for a point forecast it is the absolute error.

    Raises
    ------
    ParameterError
        If the levels are not symmetric around a median.

    Notes
    -----
    With K intervals of nominal level 1 - a_k and interval scores IS [1]_::

        WIS = (|y - m| / 2 + sum_k a_k / 2 IS_k) / (K + 1/2)

    which is twice the mean pinball loss over the 2 K + 1 quantiles.

    References
    ----------
    .. [1] Bracher et al. 2021, PLoS Comput Biol 17(2):e1008618,
       doi:10.1371/journal.pcbi.1008618.
    """
    p = np.sort(np.asarray(levels, dtype=np.float64).ravel())
    if not p.size % 2 or not np.allclose(p + p[::-1], 1, rtol=0, atol=1e-9):
        raise ParameterError(
            "a weighted interval score needs levels in pairs around the median",
            [f"levels are {', '.join(f'{level:g}' for level in p)}"],
        )
    score: FloatArray = 2 * pinball_loss(observed, quantiles, levels).mean(axis=-1)
    return score


def covered(
    observed: npt.ArrayLike, quantiles: npt.ArrayLike, levels: npt.ArrayLike, share: float
) -> npt.NDArray[np.bool_]:
    """
    Whether the central interval of a nominal share holds what came.

    Parameters
    ----------
    observed : array (...)
        What came.
    quantiles : array (..., levels)
        Predicted quantiles.
    levels : array (levels,)
        Their probabilities.
    share : float
        Nominal coverage, e.g. 0.95: its ends must be among the levels.

    Returns
    -------
    array (...)
        Ends count as inside.
    """
    q, p = np.asarray(quantiles, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    ends = [np.flatnonzero(np.isclose(p, end)) for end in ((1 - share) / 2, (1 + share) / 2)]
    if not all(end.size for end in ends):
        raise ParameterError(f"the levels do not hold the ends of a {share:.0%} interval")
    y = np.asarray(observed, dtype=np.float64)
    inside: npt.NDArray[np.bool_] = (q[..., ends[0][0]] <= y) & (y <= q[..., ends[1][0]])
    return inside


def ranked_probability_score(observed: npt.ArrayLike, probabilities: npt.ArrayLike) -> FloatArray:
    """
    Ranked probability score of ordered categories, between 0 and 1.

    Parameters
    ----------
    observed : array (...)
        Category that came, 0 for the lowest.
    probabilities : array (..., categories)
        Predicted probabilities, summing to 1.

    Returns
    -------
    array (...)
        Squared differences of the cumulative probabilities, summed over the cuts and divided
        by their number [1]_.

    References
    ----------
    .. [1] Epstein 1969, J Appl Meteorol 8(6):985.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape[-1] < 2 or not np.allclose(p.sum(axis=-1), 1):  # noqa: PLR2004
        raise ParameterError("probabilities of two or more categories must sum to 1")
    cuts = np.arange(p.shape[-1] - 1)
    came = np.asarray(observed)[..., None] <= cuts
    score: FloatArray = ((p.cumsum(axis=-1)[..., :-1] - came) ** 2).mean(axis=-1)
    return score
