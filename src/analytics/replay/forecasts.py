"""Forecasts as they were made, each day, and what they were worth once the days had come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import study as studies
from analytics.analysis import incidence
from analytics.methods import forecast, scoring
from analytics.pool import published
from analytics.privacy import disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from analytics.study import Study


def keep(study: Study, day: date, folder: Path) -> None:
    """Forecast from what is known on a day, and keep it for its outcome."""
    counts = published.read(study, studies.moment(day)).counts
    made = incidence.prospects(counts, study.definition_changes, day, origins=0).forecast
    if not made.empty:
        disk.make_private(folder)
        made[made["days"].isin(forecast.HORIZONS)].to_parquet(folder / f"{day}.forecast.parquet")


def errors(study: Study, days: Sequence[tuple[date, Path]], last: date) -> pd.DataFrame:
    """
    Score forecasts whose days have come.

    Parameters
    ----------
    study : Study
    days : sequence of (date, Path)
        Each day's forecast, as :func:`keep` wrote it.
    last : date
        Last day known.

    Returns
    -------
    pandas.DataFrame
        One row per day and horizon: ``date``, ``days`` ahead, ``areas``, ``score`` (weighted
        interval score, mean over areas), ``repeated`` (the same of the last week repeated) and
        ``coverage`` of the 95 % interval [1].
    """
    counts = published.read(study, studies.moment(last)).counts
    total = counts.assign(date=pd.to_datetime(counts["date"]))
    total = total.pivot_table("confirmed", "date", "adcode").astype(float).asfreq("D").ffill()
    rows = []
    for day, path in days:
        made = pd.read_parquet(path)
        for ahead in forecast.HORIZONS:
            then, now = pd.Timestamp(day) + pd.Timedelta(days=ahead), pd.Timestamp(day)
            if then > total.index[-1] or now not in total.index:
                continue
            own = made[made["days"] == ahead].set_index("adcode")
            own = own[own.index.isin(total.columns)]
            came = (total.loc[then] - total.loc[now]).clip(lower=0).fillna(0)[own.index]
            observed = came.to_numpy(float)
            quantiles = own.filter(regex="^q").to_numpy(float)
            week = total.reindex([now - pd.Timedelta(days=7)]).iloc[0]
            past = (total.loc[now] - week).clip(lower=0).fillna(0)[own.index].to_numpy(float)
            naive = np.repeat((past * ahead / 7)[:, None], len(forecast.LEVELS), axis=1)
            score = scoring.weighted_interval_score(observed, quantiles, forecast.LEVELS)
            rows.append({
                "date": str(day), "days": ahead, "areas": len(own), "score": float(score.mean()),
                "repeated": float(scoring.weighted_interval_score(
                    observed, naive, forecast.LEVELS).mean()),
                "coverage": float(scoring.covered(
                    observed, quantiles, forecast.LEVELS, 0.95).mean()),
            })  # fmt: skip
    columns = ["date", "days", "areas", "score", "repeated", "coverage"]
    return pd.DataFrame(rows, columns=columns)
