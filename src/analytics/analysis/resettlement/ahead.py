"""How many more: people to house by county, group and room type, and how many nobody listed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.codes import PRIVATE_LODGING
from analytics.errors import ContractError, ParameterError
from analytics.methods import demand, populations

if TYPE_CHECKING:
    import ibis.expr.types as ir

_KEYS = ("county", "group", "room_type")
_LISTS = ("registered", "called", "lodged", "roamed", "assisted")
_FEWEST_ON_LIST, _FEWEST_PERSONS = 10, 60
COLUMNS = ("level", *_KEYS, "horizon", "stock", "mean", "lower", "upper", "model", "ratio")


def movements(stranded: ir.Table, as_of: date) -> ir.Table:
    """
    Count who came to need a bed and who left, by day.

    Parameters
    ----------
    stranded : ibis.Table
        STRANDED with ``person``; those who lodge privately do not ask for beds.
    as_of : date
        Known by 24:00 of this day.

    Returns
    -------
    ibis.Table
        ``county, group, room_type, date, arrivals, departures``; families of two and more ask
        for family rooms.
    """
    import ibis

    rows = stranded.filter(
        stranded["direction"] == "inside",
        ~stranded["lodging"].isin(PRIVATE_LODGING).fill_null(False),  # noqa: FBT003
        stranded["registered"].cast("date") <= as_of,
    )
    size = ibis.ifelse(
        rows["household"].notnull(),  # noqa: PD004
        rows.count().over(ibis.window(group_by="household")),
        1,
    )
    kind = ibis.cases((size > 1, "family"), (rows["sex"] == "female", "female"), else_="male")
    rows = rows.mutate(room_type=kind, group=rows["group"].fill_null("unknown"))
    came = rows.group_by(*_KEYS, date=rows["registered"].cast("date")).agg(
        arrivals=rows.count(), departures=ibis.literal(0, "int64")
    )
    gone = rows.filter((rows["left"].cast("date") <= as_of).fill_null(False))  # noqa: FBT003
    went = gone.group_by(*_KEYS, date=gone["left"].cast("date")).agg(
        arrivals=ibis.literal(0, "int64"), departures=gone.count()
    )
    both = came.union(went)
    return both.group_by(*_KEYS, "date").agg(
        arrivals=both["arrivals"].sum(), departures=both["departures"].sum()
    )


def ahead(
    moved: pd.DataFrame, as_of: date, *, horizons: tuple[int, ...] = demand.HORIZONS,
    level: float = 0.9, origins: int = 3,
) -> pd.DataFrame:  # fmt: skip
    """
    Forecast the people to house, where the forecast beats the naive one; else that one.

    Parameters
    ----------
    moved : DataFrame
        As `movements` gives, collected.
    as_of : date
        Day of the forecast.
    horizons : tuple of int
        Days ahead.
    level : float
        Nominal coverage of the intervals.
    origins : int
        Past days the gate forecasts from.

    Returns
    -------
    DataFrame
        One row per node and horizon: ``level`` (cell, county, group, room_type, total), labels
        (empty where summed over), ``horizon, stock, mean, lower, upper``, ``model`` (model or
        naive), ``ratio`` (score over the naive one's). Horizons too long for the history are
        left out; none at all gives an empty table. Ends of an interval enclose the mean.
    """
    empty = pd.DataFrame(columns=list(COLUMNS))
    if moved.empty:
        return empty
    days = pd.date_range(pd.to_datetime(moved["date"]).min(), pd.Timestamp(as_of), freq="D")
    cells = moved[list(_KEYS)].drop_duplicates().sort_values(list(_KEYS), ignore_index=True)
    known = _history(moved, cells, days)
    structure = demand.sums(*(cells[name].tolist() for name in _KEYS))
    labels = _labels(cells)
    stock = structure @ known.stock
    parts = []
    for horizon in horizons:
        try:
            gate = demand.gate(known, structure, horizons=(horizon,), level=level, origins=origins)
            if np.isnan(gate.ratio[0]):
                continue  # never tried: neither forecast is known to be any good
            shown = gate.shown[0]
            told = (demand.forecast if shown else demand.naive)(
                known, structure, horizons=(horizon,), level=level
            )
        except ParameterError:
            continue
        parts.append(labels.assign(
            horizon=horizon, stock=stock, mean=told.mean[:, 0],
            lower=np.minimum(told.lower, told.mean)[:, 0],
            upper=np.maximum(told.upper, told.mean)[:, 0],
            model="model" if shown else "naive", ratio=gate.ratio[0],
        ))  # fmt: skip
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)] if parts else empty


def _history(moved: pd.DataFrame, cells: pd.DataFrame, days: pd.DatetimeIndex) -> demand.History:
    """Lay movements out (cells, days)."""
    place = pd.Series(np.arange(len(cells)), index=pd.MultiIndex.from_frame(cells))
    row = place.reindex(pd.MultiIndex.from_frame(moved[list(_KEYS)])).to_numpy(int)
    column = (pd.to_datetime(moved["date"]) - days[0]).dt.days.to_numpy(int)
    series = np.zeros((2, len(cells), len(days)))
    for number, name in enumerate(("arrivals", "departures")):
        np.add.at(series[number], (row, column), moved[name].to_numpy(float))
    stock = np.maximum(series[0].sum(axis=1) - series[1].sum(axis=1), 0)
    return demand.history_of(series[0], series[1], stock)


def _labels(cells: pd.DataFrame) -> pd.DataFrame:
    """Labels of all nodes, in the order of `demand.sums`."""
    parts = [cells.assign(level="cell")]
    parts += [
        pd.DataFrame({name: np.unique(cells[name].astype("str"))}).assign(level=name)
        for name in _KEYS
    ]
    parts.append(pd.DataFrame({"level": ["total"]}))
    table = pd.concat(parts, ignore_index=True)
    for name in _KEYS:
        table[name] = table[name].astype("object").where(table[name].notna(), "")
    return table[["level", *_KEYS]]


def hidden(
    register: pd.DataFrame, *, by: Sequence[str] = ("group",), replicates: int = 200, seed: int = 0
) -> pd.DataFrame:
    """
    Estimate how many stranded people are on no list, as a whole and by group.

    Parameters
    ----------
    register : DataFrame
        As `register` gives, collected.
    by : sequence of str
        Columns to estimate by besides the whole.
    replicates, seed : int
        Bootstrap replicates and the seed of chance.

    Returns
    -------
    DataFrame
        ``by`` (whole or a column), ``label, known, total, lower, upper, chao`` (persons),
        ``lists`` (names), ``why`` (empty, or why no estimate is made).

    Notes
    -----
    Lists are those of departments with ten persons or more; persons on none of them are not
    counted as known here. See `populations.estimate`.
    """
    parts = [("whole", "", register)]
    for column in by:
        parts += [(column, str(label), rows) for label, rows in register.groupby(column)]
    return pd.DataFrame(
        [_estimated(kind, label, rows, replicates, seed) for kind, label, rows in parts],
        columns=["by", "label", "known", "total", "lower", "upper", "chao", "lists", "why"],
    )


def _estimated(
    kind: str, label: str, rows: pd.DataFrame, replicates: int, seed: int
) -> dict[str, object]:
    used = [name for name in _LISTS if int(rows[name].sum()) >= _FEWEST_ON_LIST]
    member = rows[used].to_numpy(bool)
    known = int(member.any(axis=1).sum())
    answer: dict[str, object] = {"by": kind, "label": label, "known": known,
                                 "lists": ", ".join(used), "why": ""}  # fmt: skip
    if len(used) < 3:  # noqa: PLR2004 (what the method needs)
        return {**answer, "why": "fewer than three lists"}
    if known < _FEWEST_PERSONS:
        return {**answer, "why": "too few persons"}
    try:
        found = populations.estimate(
            populations.histories(member), replicates=replicates, seed=seed
        )
    except ContractError:
        return {**answer, "why": "the lists overlap too little"}
    return {**answer, "total": found.total, "lower": found.lower, "upper": found.upper,
            "chao": found.chao}  # fmt: skip


def elsewhere(stranded: ir.Table, hotels: ir.Table, as_of: date) -> ir.Table:
    """
    Count the province's people held up elsewhere, by place, with hotels known to take them.

    Parameters
    ----------
    stranded : ibis.Table
        STRANDED with ``person``.
    hotels : ibis.Table
        ``region, hotels``: hotels that take the province's people.
    as_of : date
        Known by 24:00 of this day.

    Returns
    -------
    ibis.Table
        ``region, persons, hotels``; places with either.
    """
    import ibis

    end = as_of + timedelta(days=1)
    away = stranded.filter(
        stranded["direction"] == "outside", stranded["registered"].cast("date") < end,
        ~(stranded["left"].cast("date") < end).fill_null(False),  # noqa: FBT003
    )  # fmt: skip
    who = ibis.coalesce(away["person"], away["registration_number"])
    held = away.group_by(region=away["county"]).agg(persons=who.nunique())
    taking = hotels.group_by("region").agg(hotels=hotels["hotels"].sum())
    both = held.outer_join(taking, "region")
    return both.select(
        region=ibis.coalesce(both["region"], both["region_right"]),
        persons=both["persons"].fill_null(0), hotels=both["hotels"],
    )  # fmt: skip
