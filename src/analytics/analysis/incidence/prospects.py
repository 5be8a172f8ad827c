"""
Where each area is heading: reproduction number, short forecast, and what forecasts were worth.

Tables
------
HISTORY
    date, adcode, new [cases/day, repaired with nothing from later].
REPRODUCTION
    Of the last day: adcode, cases [in the week], mean, lower, upper, as in ``reproduction``.
FORECAST
    adcode, days [ahead], one column q025 ... per level [cases summed over those days].
TRACK_RECORD
    days [ahead], model, baseline (bool), origins [number], left_out [number of origins passed over,
    as their outcome spans a change of definition], score [weighted interval score, mean over
    areas and origins], ratio [to the best baseline], coverage [share of areas and origins inside
    the 95 % interval], shown (bool: it beat the best baseline).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.incidence import repair, steps
from analytics.analysis.incidence.reproduction import reproduction
from analytics.methods import backtest, forecast

FloatArray = npt.NDArray[np.float64]

BASELINES = ("zero", "repeated week", "decaying week")
MODEL = "damped renewal"
MODELS: Mapping[str, forecast.Model] = {
    "zero": forecast.zero,
    "repeated week": partial(forecast.decaying_week, decay=1.0),
    "decaying week": forecast.decaying_week,
    MODEL: forecast.damped_renewal,
}
LEAST_DAYS = 14  # of history that an origin needs
SILENT_DAYS = 7  # without a published count, after which an area is no longer estimated


@dataclass(frozen=True, eq=False)
class Prospects:
    """
    Where areas are heading, as known by a day.

    Parameters
    ----------
    history : HISTORY table
    reproduction : REPRODUCTION table
    forecast : FORECAST table
        Of the model, for every day ahead up to the last horizon; empty if the history is short.
    track : TRACK_RECORD table
        Empty if no past forecast can be scored yet.
    silent : tuple of str
        Areas that published nothing on the last seven days: neither estimated nor forecast.
    """

    history: pd.DataFrame
    reproduction: pd.DataFrame
    forecast: pd.DataFrame
    track: pd.DataFrame
    silent: tuple[str, ...] = ()

    def shown(self, days: int) -> bool:
        """Whether the model earned its place at a horizon [days]."""
        rows = self.track[(self.track["days"] == days) & (self.track["model"] == MODEL)]
        return bool(len(rows)) and bool(rows["shown"].iloc[0])


def prospects(
    counts: pd.DataFrame,
    changes: Iterable[steps.Change],
    as_of: date,
    origins: int = 6,
    every: int = 3,
) -> Prospects:
    """
    Estimate reproduction numbers, forecast, and score past forecasts, from what was known.

    Parameters
    ----------
    counts : COUNTS table
        Cumulative confirmed cases; rows after ``as_of`` are not looked at.
    changes : iterable of DefinitionChange
        Dated changes of definition.
    as_of : date
    origins : int
        Most past days to score forecasts of.
    every : int
        Days between them.

    Returns
    -------
    Prospects

    Notes
    -----
    Reproduction number of the last week after Cori et al. 2013 (doi:10.1093/aje/kwt133), serial
    interval of Nishiura et al. 2020 (mean 4.7, standard deviation 2.9 days); the forecast is
    ``forecast.damped_renewal``. Every past origin is repaired with nothing from after it. An
    origin is left out, and an older one taken, where a declared change of definition adds cases
    to its outcome: a forecast of the epidemic is not judged by cases that come of counting
    others, which no model and no baseline foresees.
    """
    dated = counts.assign(date=pd.to_datetime(counts["date"]))
    known = dated[dated["date"] <= pd.Timestamp(as_of)]
    if known.empty:
        return _nothing()
    total = repair.grid(known)
    declared = tuple(changes)
    history = _history(total, declared)
    table = history.T.melt(ignore_index=False, value_name="new").reset_index()
    now = reproduction(table)
    silent = total.columns[total.tail(SILENT_DAYS).isna().all()]
    now = now[(now["date"] == now["date"].max()) & ~now["adcode"].isin(silent)]
    return Prospects(
        table[["date", "adcode", "new"]],
        now.drop(columns="date").reset_index(drop=True),
        _forecast(history.drop(index=silent)),
        _track(total, declared, as_of, origins, every),
        tuple(map(str, silent)),
    )


def _nothing() -> Prospects:
    return Prospects(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), _no_track())


def _no_track() -> pd.DataFrame:
    names = [
        "days", "model", "baseline", "origins", "left_out", "score", "ratio", "coverage", "shown",
    ]  # fmt: skip
    return pd.DataFrame(columns=names)


def _history(total: pd.DataFrame, changes: tuple[steps.Change, ...]) -> pd.DataFrame:
    """Repaired new cases (areas, days) of counts (days, areas)."""
    incidence, _ = repair.dated(total, changes)
    return incidence.pivot_table("new", "adcode", "date", dropna=False).fillna(0.0)


def _forecast(history: pd.DataFrame) -> pd.DataFrame:
    if history.empty or history.shape[1] < LEAST_DAYS:
        return pd.DataFrame()
    days = tuple(range(1, max(forecast.HORIZONS) + 1))
    quantiles = forecast.damped_renewal(history.to_numpy(), days, forecast.LEVELS)
    index = pd.MultiIndex.from_product([history.index, days], names=["adcode", "days"])
    names = [f"q{level:.3f}".replace("q0.", "q").rstrip("0") for level in forecast.LEVELS]
    return pd.DataFrame(quantiles.reshape(len(index), -1), index=index, columns=names).reset_index()


def _track(
    total: pd.DataFrame,
    changes: tuple[steps.Change, ...],
    as_of: date,
    origins: int,
    every: int,
) -> pd.DataFrame:
    """Score of forecasts made at past days, each horizon on the origins whose outcome is known."""
    tables = [
        _scored(total, changes, pd.Timestamp(as_of), horizon, origins, every)
        for horizon in forecast.HORIZONS
    ]
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True) if found else _no_track()


def _scored(
    total: pd.DataFrame,
    changes: tuple[steps.Change, ...],
    as_of: pd.Timestamp,
    horizon: int,
    origins: int,
    every: int,
) -> pd.DataFrame:
    days, left_out = _origins(total.index[0], changes, as_of, horizon, origins, every)
    histories: list[FloatArray] = []
    outcomes: list[FloatArray] = []
    for day in days:
        history = _history(total.loc[:day].dropna(axis="columns", how="all"), changes)
        later = total[history.index].ffill().fillna(0)
        step = later.loc[day + pd.Timedelta(days=horizon)] - later.loc[day]
        histories.append(np.asarray(history, dtype=np.float64))
        outcomes.append(np.asarray(step.clip(lower=0), dtype=np.float64)[:, None])
    if not histories:
        return pd.DataFrame()
    found = backtest.run(histories, outcomes, MODELS, BASELINES, (horizon,))
    shown, ratio = found.shown(), found.ratio()[:, 0]
    return pd.DataFrame(
        {
            "days": horizon,
            "model": found.models,
            "baseline": [name in BASELINES for name in found.models],
            "origins": len(histories),
            "left_out": left_out,
            "score": found.score[:, :, 0].mean(axis=1),
            "ratio": ratio,
            "coverage": found.coverage[:, :, 0, 2].mean(axis=1),
            "shown": [shown[name][0] for name in found.models],
        }
    )


def _origins(
    begin: pd.Timestamp,
    changes: tuple[steps.Change, ...],
    as_of: pd.Timestamp,
    horizon: int,
    origins: int,
    every: int,
) -> tuple[list[pd.Timestamp], int]:
    """Latest days whose outcome spans no change that adds cases; how many that do were passed."""
    adding = [pd.Timestamp(str(each.day)) for each in changes if _adds(each)]
    last, span = as_of - pd.Timedelta(days=horizon), pd.Timedelta(days=horizon)
    days = pd.date_range(begin + pd.Timedelta(days=LEAST_DAYS), last)[::-1][::every]
    spans = [any(day < each <= day + span for each in adding) for day in days]
    tried = next((k for k in range(len(days)) if k - sum(spans[:k]) == origins), len(days))
    kept = [day for day, spanned in zip(days[:tried], spans, strict=False) if not spanned]
    return kept, tried - len(kept)


def _adds(change: steps.Change) -> bool:
    return change.effect == "adds" and "confirmed" in change.series
