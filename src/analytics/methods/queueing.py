"""
Staff at checkpoints: how many for a wait target, and where, when there are too few.

Arrays are gates by hours; arrivals are persons an hour, times are minutes. Arrivals are
Poisson at a rate that changes by the hour, services exponential, and every server of a gate
takes from one queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from analytics.errors import ParameterError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Correction = Literal["none", "lag", "offered_load"]
MINUTES = 60.0
_NOBODY = 1e-9  # a load left over from hours before, of no person any more [servers]


@dataclass(frozen=True)
class Plan:
    """
    Staff for every gate and hour, and the waits to expect.

    Parameters
    ----------
    staff : array (gates, hours)
        Servers on duty.
    within_target : array (gates, hours)
        Probability that a traveller waits no longer than the target; 1 where none come.
    mean_wait : array (gates, hours)
        Mean wait before being served [min].
    """

    staff: IntArray
    within_target: FloatArray
    mean_wait: FloatArray


@dataclass(frozen=True)
class Allocation:
    """
    Scarce staff, placed where each of them averts most.

    Parameters
    ----------
    staff : array (gates, hours)
        Servers on duty.
    checked : array (gates, hours)
        Travellers checked [persons/hour]; who finds all servers busy is waved through.
    averted : array (gates, hours)
        Expected exportation averted [infections/hour].
    shadow_price : array (hours,) or (1,)
        What one more server would avert, in each hour or over the day.
    """

    staff: IntArray
    checked: FloatArray
    averted: FloatArray
    shadow_price: FloatArray


def blocking(load: npt.ArrayLike, servers: npt.ArrayLike) -> FloatArray:
    """
    Erlang's loss formula: probability that all servers are busy, when nobody waits.

    Parameters
    ----------
    load : array
        Offered load: arrivals x mean service time.
    servers : array of int
        Servers, 0 or more.

    Returns
    -------
    array
        Probability, broadcast over both.

    References
    ----------
    Erlang (1917), Elektroteknikeren 13: 5-13.
    """
    offered, count = np.broadcast_arrays(np.asarray(load, float), np.asarray(servers, float))
    # B = pmf(c) / cdf(c) of a Poisson count with mean equal to the load
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pmf = np.exp(special.xlogy(count, offered) - offered - special.gammaln(count + 1))
        probability: FloatArray = np.minimum(pmf / special.gammaincc(count + 1, offered), 1.0)
        overloaded = 1 - count / offered  # both vanish far above the servers
    return np.where(np.isfinite(probability), probability, overloaded)


def waiting(load: npt.ArrayLike, servers: npt.ArrayLike) -> FloatArray:
    """
    Erlang's delay formula: probability that somebody who comes has to wait.

    Parameters
    ----------
    load, servers : array
        As for `blocking`.

    Returns
    -------
    array
        Probability; 1 where the load is not below the servers.
    """
    offered, count = np.broadcast_arrays(np.asarray(load, float), np.asarray(servers, float))
    lost = blocking(offered, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        delayed = lost / (1 - offered / count * (1 - lost))
    return np.where(offered < count, delayed, np.where(offered == 0, 0.0, 1.0))


def within(
    load: npt.ArrayLike, servers: npt.ArrayLike, service: float, target: float
) -> FloatArray:
    """
    Probability of a wait no longer than a target, in a queue that has settled.

    Parameters
    ----------
    load, servers : array
        As for `blocking`.
    service : float
        Mean service time [min].
    target : float
        Wait [min].

    Returns
    -------
    array
        Probability; 0 where the queue grows without end.
    """
    offered, count = np.broadcast_arrays(np.asarray(load, float), np.asarray(servers, float))
    spare = np.maximum(count - offered, 0) / service
    kept: FloatArray = 1 - waiting(offered, count) * np.exp(-spare * target)
    return kept


def mean_wait(load: npt.ArrayLike, servers: npt.ArrayLike, service: float) -> FloatArray:
    """
    Mean wait in a queue that has settled.

    Parameters
    ----------
    load : array_like
        Offered load [servers' worth of work].
    servers : array_like
        Servers, of a shape that broadcasts with `load`.
    service : float
        Mean time of one service [min].

    Returns
    -------
    array
        Mean wait [min]; infinite where the queue grows without end.
    """
    offered, count = np.broadcast_arrays(np.asarray(load, float), np.asarray(servers, float))
    with np.errstate(divide="ignore", invalid="ignore"):
        wait = waiting(offered, count) * service / np.maximum(count - offered, 0)
    return np.where(offered == 0, 0.0, wait)


def offered_load(
    arrivals: npt.ArrayLike, service: float, correction: Correction = "offered_load"
) -> FloatArray:
    r"""
    Load to staff each hour for, when arrivals change by the hour.

    Parameters
    ----------
    arrivals : array (..., hours)
        Arrivals [persons/hour]; the last hour is followed by the first.
    service : float
        Mean service time [min].
    correction : {'none', 'lag', 'offered_load'}
        ``none`` takes each hour by itself (SIPP); ``lag`` moves arrivals later by a mean
        service time and takes the greatest rate of the hour (Lag Max); ``offered_load`` takes
        the greatest mean number in service, were there servers for all.

    Returns
    -------
    array (..., hours)
        Offered load [servers].

    Raises
    ------
    ParameterError
        If arrivals are negative or missing, or the service time is not above 0.

    Notes
    -----
    The mean number in service with unlimited servers obeys :math:`m' = \lambda(t) - \mu m`;
    within an hour it moves from its old value towards :math:`\lambda/\mu`, so that its
    greatest value is at one of the hour's ends.

    References
    ----------
    Green, Kolesar & Soares (2001), Oper. Res. 49: 549-564, doi:10.1287/opre.49.4.549.11228.
    Jennings, Mandelbaum, Massey & Whitt (1996), Manage. Sci. 42: 1383-1394.
    """
    rate = np.asarray(arrivals, dtype=np.float64)
    wrong = int((~(np.isfinite(rate) & (rate >= 0))).sum())
    if wrong or not service > 0:
        raise ParameterError(
            f"{wrong} arrival rates are negative or missing; the service time is {service} min"
        )
    load = rate * (service / MINUTES)
    if correction == "none":
        return np.asarray(load)
    if correction == "lag":
        reach = int(np.ceil(service / MINUTES))
        earlier = [np.roll(load, hours, axis=-1) for hours in range(reach + 1)]
        latest: FloatArray = np.max(earlier[max(0, int(service // MINUTES)) :], axis=0)
        return latest
    kept = np.exp(-MINUTES / service)
    hours = load.shape[-1]
    # at the end of an hour: what came of all hours before, the day repeating itself
    lags = (np.arange(hours)[:, None] - np.arange(hours)[None, :]) % hours
    weight = (1 - kept) / (1 - kept**hours) * kept**lags
    ends = load @ weight.T
    greatest: FloatArray = np.maximum(ends, np.roll(ends, 1, axis=-1))
    return greatest


def staff(
    arrivals: npt.ArrayLike,
    service: float,
    target: float,
    level: float = 0.9,
    *,
    correction: Correction = "offered_load",
) -> Plan:
    """
    Fewest servers that keep a wait target at every gate, in every hour.

    Parameters
    ----------
    arrivals : array (gates, hours)
        Arrivals [persons/hour].
    service : float
        Mean service time [min].
    target : float
        Longest wait [min].
    level : float
        Share of travellers who shall wait no longer, below 1.
    correction : {'none', 'lag', 'offered_load'}
        As for `offered_load`.

    Returns
    -------
    Plan
        Staff and waits; no staff where nobody comes.

    Raises
    ------
    ParameterError
        If the target or level is impossible, or as `offered_load`.
    """
    if not (0 < level < 1 and target >= 0):
        raise ParameterError(f"a level of {level} and a target of {target} min cannot be kept")
    load = offered_load(arrivals, service, correction)
    load = np.where(load < _NOBODY, 0.0, load)
    count = _fewest(load, lambda n: within(load, n, service, target) >= level)
    kept = np.where(load > 0, within(load, count, service, target), 1.0)
    return Plan(count, kept, mean_wait(load, count, service))


def allocate(
    arrivals: npt.ArrayLike,
    service: float,
    value: npt.ArrayLike,
    budget: int | npt.ArrayLike,
    *,
    least: npt.ArrayLike = 0,
    most: npt.ArrayLike | None = None,
) -> Allocation:
    r"""
    Place a budget of staff where it averts most expected exportation.

    Parameters
    ----------
    arrivals : array (gates, hours)
        Arrivals [persons/hour].
    service : float
        Mean service time [min].
    value : array broadcastable to (gates, hours)
        Exportation averted by checking one traveller [infections/person].
    budget : int or array (hours,)
        Server-hours of the whole day, or servers of each hour.
    least, most : array broadcastable to (gates, hours)
        Bounds of staff; without `most`, enough to check 99.9 % of those who come.

    Returns
    -------
    Allocation
        The best of all allocations.

    Raises
    ------
    ParameterError
        If the budget does not cover the least staff, with what lacks in each hour.

    Notes
    -----
    A gate with c servers checks :math:`\lambda(1 - B(c, \lambda/\mu))` an hour, B Erlang's
    loss formula, which is convex in c (Messerli 1972, Bell Syst. Tech. J. 51: 951-953). Each
    further server averts less than the one before, so taking the greatest gains first is
    optimal (Fox 1966, Manage. Sci. 13: 210-216).
    """
    rate = np.atleast_2d(np.asarray(arrivals, dtype=np.float64))
    load = offered_load(rate, service, "none")
    worth = np.broadcast_to(np.asarray(value, dtype=np.float64), rate.shape)
    if not (np.isfinite(worth) & (worth >= 0)).all():
        raise ParameterError("what a check averts must not be negative or missing")
    low = np.broadcast_to(np.asarray(least, dtype=np.int64), rate.shape)
    if most is None:
        most = np.maximum(_fewest(load, lambda n: blocking(load, n) <= 1e-3), low)  # noqa: PLR2004
    high = np.broadcast_to(np.asarray(most, dtype=np.int64), rate.shape)
    supply = np.atleast_1d(np.asarray(budget, dtype=np.int64))
    _refuse_infeasible(supply, low, high)
    steps = np.arange(int(high.max()) + 1)
    share = 1 - blocking(load[..., None], steps)
    gain = np.diff(share, axis=-1) * (worth * rate)[..., None]
    open_ = (steps[:-1] >= low[..., None]) & (steps[:-1] < high[..., None])
    gain = np.where(open_, gain, -np.inf)
    count = low.astype(np.int64)
    price = np.zeros(supply.size)
    hourly = supply.size > 1
    for period, available in enumerate(supply):
        hours = slice(period, period + 1) if hourly else slice(None)
        spare = int(available - low[:, hours].sum())
        candidates = gain[:, hours]
        chosen, price[period] = _greatest(candidates.ravel(), spare)
        count[:, hours] += chosen.reshape(candidates.shape).sum(axis=-1)
    checked = np.take_along_axis(share, count[..., None], axis=-1)[..., 0] * rate
    return Allocation(count, checked, checked * worth, price)


def _fewest(load: FloatArray, enough: Callable[[IntArray], npt.NDArray[np.bool_]]) -> IntArray:
    """Fewest servers that are enough, by doubling and halving, for all gates at once."""
    low = np.full(load.shape, -1, dtype=np.int64)
    high = np.ceil(load).astype(np.int64)
    while not (met := enough(high) | (load == 0)).all():
        low, high = np.where(met, low, high), np.where(met, high, 2 * high + 1)
    while (high - low > 1).any():
        middle = np.where(high - low > 1, (low + high) // 2, high)
        met = enough(middle)
        low, high = np.where(met, low, middle), np.where(met, middle, high)
    return np.where(load == 0, 0, high)


def _greatest(gain: FloatArray, number: int) -> tuple[npt.NDArray[np.bool_], float]:
    """Choose the greatest gains; the price is the greatest of those left out."""
    useful = int((gain > 0).sum())
    chosen = np.zeros(gain.size, dtype=bool)
    # ties go to earlier servers, so that no gate's second server comes before its first
    order = np.argsort(-gain, kind="stable")
    chosen[order[: min(number, useful)]] = True
    return chosen, float(gain[order[number]]) if number < useful else 0.0


def _refuse_infeasible(supply: IntArray, low: IntArray, high: IntArray) -> None:
    hours = low.shape[1]
    if supply.size not in (1, hours):
        raise ParameterError(f"a budget for {supply.size} hours does not fit {hours} hours")
    crossed = int((low > high).sum())
    if crossed or (low < 0).any():
        raise ParameterError(f"least staff is negative or above most at {crossed} gates and hours")
    if supply.size == hours > 1:
        need, gates, unit = low.sum(axis=0), (low > 0).sum(axis=0), "servers"
    else:
        need, gates = low.sum(keepdims=True).ravel(), (low > 0).any(axis=1).sum(keepdims=True)
        unit = "server-hours"
    short = np.flatnonzero(need > supply)
    if short.size:
        when = [f"hour {hour}" for hour in short] if unit == "servers" else ["the whole day"]
        raise ParameterError(
            f"the budget of {int(supply.sum()):,} does not cover the least staff of "
            f"{int(low.sum()):,} server-hours",
            [
                f"{name}: {int(gates[hour]):,} gates need {int(need[hour]):,} {unit}, "
                f"{int(supply[hour]):,} are there: {int(need[hour] - supply[hour]):,} short"
                for name, hour in zip(when, short, strict=True)
            ],
            "Lower the least staff, close gates, or add at least what is short.",
        )
