"""The test a forecast must pass before it is shown: rolling origins, beside simple baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.errors import ParameterError
from analytics.methods import scoring
from analytics.methods.forecast import HORIZONS, LEVELS, Model

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Backtest:
    """
    Scores of forecasts made at many past days, none of which knew what came.

    Parameters
    ----------
    models : tuple of str
        Names; `baselines` of them are the simple ones.
    baselines : tuple of str
        Names of the baselines.
    horizons : tuple of int
        Days summed over.
    score : array (models, origins, horizons)
        Weighted interval score, mean over areas [cases].
    coverage : array (models, origins, horizons, 3)
        Share of areas inside the central 50, 90 and 95 % intervals.
    """

    models: tuple[str, ...]
    baselines: tuple[str, ...]
    horizons: tuple[int, ...]
    score: FloatArray
    coverage: FloatArray

    def ratio(self, origins: slice = slice(None)) -> FloatArray:
        """
        Mean score of every model, divided by that of the best baseline.

        Parameters
        ----------
        origins : slice
            Part of the origins to look at.

        Returns
        -------
        array (models, horizons)
            Below 1 is better than the best baseline; 1 where both are without error.
        """
        mean = self.score[:, origins].mean(axis=1)
        best = mean[[self.models.index(name) for name in self.baselines]].min(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(mean == best, 1.0, mean / best)

    def shown(self) -> dict[str, tuple[bool, ...]]:
        """Say for every model and horizon whether it beat the best baseline and may be shown."""
        ratio = self.ratio()
        return {
            name: tuple(bool(value < 1) or name in self.baselines for value in ratio[at])
            for at, name in enumerate(self.models)
        }


def run(
    histories: Sequence[FloatArray],
    outcomes: Sequence[FloatArray],
    models: Mapping[str, Model],
    baselines: tuple[str, ...] = ("zero", "decaying week"),
    horizons: tuple[int, ...] = HORIZONS,
) -> Backtest:
    """
    Score models at rolling origins.

    Parameters
    ----------
    histories : sequence of array (areas, days)
        What was known at each origin, repaired with nothing from later.
    outcomes : sequence of array (areas, horizons)
        What came: cases summed over each horizon.
    models : mapping of name to model
        Each takes (history, horizons, levels) and returns (areas, horizons, levels).
    baselines : tuple of str
        Which of them are baselines.
    horizons : tuple of int
        Days summed over.

    Returns
    -------
    Backtest
        Scores and coverage of every model at every origin and horizon.

    Raises
    ------
    ParameterError
        If there is no origin, outcomes do not fit, or a baseline is missing.
    """
    lacking = [name for name in baselines if name not in models]
    if lacking or not histories or len(histories) != len(outcomes):
        raise ParameterError(
            "a backtest needs origins, an outcome for each, and its baselines",
            [f"{len(histories)} histories, {len(outcomes)} outcomes"]
            + [f"baseline '{name}' is missing" for name in lacking],
        )
    shape = (len(models), len(histories), len(horizons))
    score, coverage = np.empty(shape), np.empty((*shape, 3))
    for at, model in enumerate(models.values()):
        for origin, (history, outcome) in enumerate(zip(histories, outcomes, strict=True)):
            quantiles = model(history, horizons, LEVELS)
            score[at, origin] = scoring.weighted_interval_score(outcome, quantiles, LEVELS).mean(
                axis=0
            )
            for interval, share in enumerate((0.5, 0.9, 0.95)):
                inside = scoring.covered(outcome, quantiles, LEVELS, share)
                coverage[at, origin, :, interval] = inside.mean(axis=0)
    return Backtest(tuple(models), baselines, horizons, score, coverage)
