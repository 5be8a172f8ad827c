"""
What a change of the register would do: to travellers, exportation, queues and arrival.

DEMAND
    Who would travel if every channel were open: origin, destination, channel, travellers
    [persons/day, or any unit of travel].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics import codes
from analytics.analysis.channel import register as registers
from analytics.errors import ParameterError
from analytics.methods import queueing

FloatArray = npt.NDArray[np.float64]
ROUTE = ("origin", "destination", "channel")


@dataclass(frozen=True)
class Controls:
    """
    What each status does to those who would travel.

    Parameters
    ----------
    admitted : mapping of str to float
        Share of the demand that a status lets through.
    missed : mapping of str to float
        Share of the infected among them whom its checks do not find.
    diverted : float
        Share of those not admitted who take another channel of the route that is less controlled.

    Notes
    -----
    A stricter status may not let more of the infected through: admitted x missed must not rise
    from open over checked and permit only to closed, else `ParameterError`.
    """

    admitted: Mapping[str, float] = field(
        default_factory=lambda: {"open": 1.0, "checked": 0.95, "permit_only": 0.2, "closed": 0.0}
    )
    missed: Mapping[str, float] = field(
        default_factory=lambda: {"open": 1.0, "checked": 0.46, "permit_only": 0.3, "closed": 0.0}
    )
    diverted: float = 0.0

    def __post_init__(self) -> None:
        through = [self.admitted[s] * self.missed[s] for s in codes.CONTROLS]
        values = [*self.admitted.values(), *self.missed.values(), self.diverted]
        if min(values) < 0 or max(values) > 1 or self.admitted["closed"] > 0:
            raise ParameterError(f"shares lie in [0, 1] and closed admits nobody: {self}")
        if (np.diff(through) > 0).any() or (
            np.diff([self.admitted[s] for s in codes.CONTROLS]) > 0
        ).any():
            raise ParameterError(f"a stricter status lets more through: {self}")


def effects(
    demand: pd.DataFrame,
    register: pd.DataFrame,
    moment: datetime,
    prevalence: Mapping[str, FloatArray],
    controls: Controls | None = None,
) -> pd.DataFrame:
    """
    Work out each route's travellers and exportation under a register.

    Parameters
    ----------
    demand : DEMAND table
    register : REGISTER table
    moment : datetime
        Status of this moment.
    prevalence : mapping of str to array (draws,)
        Share of an origin's travellers who are infectious; nobody, where an origin is not named.
    controls : Controls, optional

    Returns
    -------
    pandas.DataFrame
        The routes with status [stricter of leaving the origin and entering the destination],
        admitted, diverted_away, diverted_here, stopped, moving [travellers; admitted and
        diverted here], exported, lower, upper [infected let through: mean and 95 % interval
        of the mean over the draws of prevalence].

    Notes
    -----
    travellers = admitted + diverted away + stopped; what is diverted away from a route's
    channels arrives on its others: nobody is lost or made.
    """
    held = controls or Controls()
    routes = demand.reset_index(drop=True).copy()
    routes["status"] = _status(routes, register, moment)
    share = np.asarray(routes["status"].map(held.admitted), dtype=np.float64)
    missed = routes["status"].map(held.missed).to_numpy(np.float64)
    wanted = routes["travellers"].to_numpy(np.float64)
    if not (np.isfinite(wanted) & (wanted >= 0)).all():
        raise ParameterError("numbers of travellers are negative or missing")
    routes["admitted"] = wanted * share
    away, here = _diverted(routes, wanted * (1 - share), share, held.diverted)
    routes["diverted_away"], routes["diverted_here"] = away, here
    routes["stopped"] = wanted - routes["admitted"] - away
    routes["moving"] = routes["admitted"] + here
    nobody = np.zeros(1)
    infected = [prevalence.get(str(origin), nobody) for origin in routes["origin"]]
    through = (routes["moving"] * missed).to_numpy()
    for column, number in (("exported", None), ("lower", 0.025), ("upper", 0.975)):
        level = [
            float(np.mean(each)) if number is None else float(np.quantile(each, number))
            for each in _once(infected)
        ]
        routes[column] = through * np.array(level)[_places(infected)]
    return routes


def compare(
    before: pd.DataFrame, after: pd.DataFrame, *, growth: float = 0.0, by: str = "destination"
) -> pd.DataFrame:
    r"""
    Lay the effects of two registers side by side.

    Parameters
    ----------
    before, after : pandas.DataFrame
        As `effects` gives them, of one demand.
    growth : float
        Growth rate of the epidemic at the origin [1/day].
    by : str
        destination, origin or channel.

    Returns
    -------
    pandas.DataFrame
        `by`, moving and exported before and after and their change, and delay [days by which
        the median first arrival moves later; infinite where nobody infected comes any more].

    Notes
    -----
    Arrivals are Poisson at a rate :math:`\lambda e^{rt}`: the median of the first is at
    :math:`\log(1 + r\log 2/\lambda)/r`.
    """
    sides = {
        name: table.groupby(by)[["moving", "exported", "lower", "upper"]].sum()
        for name, table in (("before", before), ("after", after))
    }
    both = pd.concat(sides, axis=1)
    both.columns = pd.Index([f"{pair[1]}_{pair[0]}" for pair in both.columns.to_list()])
    both["moving_change"] = both["moving_after"] - both["moving_before"]
    both["exported_change"] = both["exported_after"] - both["exported_before"]
    first = [_median_arrival(both[f"exported_{side}"], growth) for side in ("before", "after")]
    with np.errstate(invalid="ignore"):
        delay = first[1] - first[0]
    both["delay"] = np.where(np.isinf(first[1]) & np.isinf(first[0]), 0.0, delay)
    return both.sort_values("exported_before", ascending=False).reset_index()


def queues(
    routes: pd.DataFrame,
    profile: npt.ArrayLike,
    staff: Mapping[str, int],
    service: float,
) -> pd.DataFrame:
    """
    Expect waits at each origin's checks, hour by hour.

    Parameters
    ----------
    routes : pandas.DataFrame
        As `effects` gives it; travellers [persons/day].
    profile : array (24,)
        Share of the day's travellers in each hour.
    staff : mapping of str to int
        Servers on duty at an origin's gates.
    service : float
        Mean time of a check [min].

    Returns
    -------
    pandas.DataFrame
        origin, checked [persons/day who are checked], staff, needed [servers for the busiest hour
        to settle], busiest [hour], mean_wait [min in that hour; infinite where the queue grows
        without end].
    """
    shape = np.asarray(profile, dtype=np.float64)
    checked = routes[routes["status"].isin(["checked", "permit_only"])]
    by_origin = checked.groupby("origin")["moving"].sum()
    hourly = by_origin.to_numpy()[:, None] * shape / shape.sum()
    load = queueing.offered_load(hourly, service)
    busiest = load.argmax(axis=1)
    peak = load.max(axis=1)
    there = np.array([staff.get(str(origin), 0) for origin in by_origin.index], dtype=np.int64)
    wait = queueing.mean_wait(peak, np.maximum(there, 1), service)
    return pd.DataFrame(
        {
            "origin": by_origin.index,
            "checked": by_origin.to_numpy(),
            "staff": there,
            "needed": np.floor(peak).astype(np.int64) + (peak > 0),
            "busiest": busiest,
            "mean_wait": np.where((there == 0) & (peak > 0), np.inf, wait),
        }
    )


def _status(routes: pd.DataFrame, register: pd.DataFrame, moment: datetime) -> pd.Series:
    """Stricter of the ways out of the origin and into the destination."""
    places = pd.unique(pd.concat([routes["origin"], routes["destination"]]).astype(str))
    known = registers.status(register, list(places), moment)
    rank = {status: place for place, status in enumerate(codes.CONTROLS)}
    level = known.assign(level=known["status"].map(rank)).set_index(
        ["area", "channel", "direction"]
    )["level"]
    strict = [
        level.reindex(
            pd.MultiIndex.from_arrays(
                [routes[end].astype(str), routes["channel"], [direction] * len(routes)]
            )
        ).to_numpy()
        for end, direction in (("origin", "out"), ("destination", "in"))
    ]
    return pd.Series(np.maximum(*strict), index=routes.index).map(dict(enumerate(codes.CONTROLS)))


def _diverted(
    routes: pd.DataFrame, refused: FloatArray, share: FloatArray, diverted: float
) -> tuple[FloatArray, FloatArray]:
    """Send a part of the refused to the freest channel of their route, if it is freer."""
    pair = routes.groupby(["origin", "destination"], sort=False).ngroup().to_numpy()
    groups = int(pair.max()) + 1 if len(pair) else 0
    freest = np.zeros(groups)
    np.maximum.at(freest, pair, share)
    best = (share == freest[pair]) & (share > 0)
    away = np.where(~best & (freest[pair] > 0), diverted * refused, 0.0)
    leaving = np.bincount(pair, away, minlength=groups)
    number = np.bincount(pair, best, minlength=groups)
    here = np.where(best, leaving[pair] / np.maximum(number[pair], 1), 0.0)
    return away, here


def _median_arrival(rate: pd.Series, growth: float) -> FloatArray:
    values = rate.to_numpy(np.float64)
    with np.errstate(divide="ignore"):
        plain: FloatArray = np.log(2) / values
    grown: FloatArray = np.log1p(growth * plain) / growth if growth > 0 else plain
    return grown


def _once(draws: list[FloatArray]) -> list[FloatArray]:
    return list({id(each): each for each in draws}.values())


def _places(draws: list[FloatArray]) -> npt.NDArray[np.int64]:
    place = {key: number for number, key in enumerate({id(each): 0 for each in draws})}
    return np.array([place[id(each)] for each in draws], dtype=np.int64)
