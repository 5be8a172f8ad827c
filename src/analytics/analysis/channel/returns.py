"""
Point-to-point return: workers to vehicles of given sizes, with a proven gap and all reasons.

WORKERS
    worker, origin, destination, expected [date at work], code [health code; empty without],
    code_until [last day it holds; empty: no end], sampled [day of the last negative test's sample;
    empty without].
VEHICLES
    vehicle, origin, destination [empty: wherever it is sent, but to one place], date, seats.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.analysis.channel import dispatching
from analytics.codes import HealthCode
from analytics.errors import ParameterError

IntArray = npt.NDArray[np.int64]
Reason = Literal[
    "no_code", "code_not_admitted", "code_ends_before", "no_valid_test", "no_vehicle_from_origin",
    "no_vehicle_in_time", "seats_ran_out",
]  # fmt: skip
REASONS: tuple[Reason, ...] = (
    "no_code", "code_not_admitted", "code_ends_before", "no_valid_test", "no_vehicle_from_origin",
    "no_vehicle_in_time", "seats_ran_out",
)  # fmt: skip
_STREAM = ["origin", "destination", "code"]
_FAR = np.iinfo(np.int64).max // 4


@dataclass(frozen=True)
class Matching:
    """
    Who goes in which vehicle.

    Parameters
    ----------
    workers : pandas.DataFrame
        `WORKERS` in their order with vehicle and date (empty where unassigned), and reason
        (one of `REASONS`; empty where assigned).
    vehicles : pandas.DataFrame
        `VEHICLES` in their order with bound_for, code and taken [seats]; empty if unused.
    assigned, bound : int
        Workers assigned, and a number that no matching can exceed.
    seconds : float
        Time it took.
    """

    workers: pd.DataFrame
    vehicles: pd.DataFrame
    assigned: int
    bound: int
    seconds: float

    @property
    def gap(self) -> float:
        """Share of the bound that is not proven reached; 0 is optimal."""
        return (self.bound - self.assigned) / self.bound if self.bound else 0.0


def match(
    workers: pd.DataFrame,
    vehicles: pd.DataFrame,
    *,
    test_days: int = 7,
    early_days: int = 3,
    codes: tuple[HealthCode, ...] = (HealthCode.GREEN,),
    seconds: float = 50.0,
) -> Matching:
    r"""
    Assign as many workers as possible; a vehicle carries one code, from one place to one place.

    Parameters
    ----------
    workers : WORKERS table
    vehicles : VEHICLES table
    test_days : int
        A test holds for so many days after its sample, the day of departure included.
    early_days : int
        A worker leaves on the expected day or at most so many days before.
    codes : tuple of HealthCode
        Codes that may travel; never two in one vehicle.
    seconds : float
        Time for the solver over all origins.

    Returns
    -------
    Matching
        Everyone unassigned has a reason.

    Raises
    ------
    ParameterError
        If columns are missing, vehicles repeat on a day or have no seat.
    SolverError
        If an origin's programme ends without a feasible point.

    Notes
    -----
    Origins are apart from each other. For each, with workers w of one stream (destination, code)
    and one window of days, vehicles T alike (day, seats, fixed destination) and streams k:

    .. math:: \max \sum x_{wd},\quad \sum_d x_{wd} \le n_w,\quad
        \sum_{w \in k} x_{wd} \le \sum_T s_T y_{Tk},\quad \sum_k y_{Tk} \le m_T

    with y whole; x is then whole of itself (a transport problem). Where every vehicle's
    destination is fixed and one code travels there is nothing to choose, and the first whose
    window closes goes first, which is optimal (Jackson 1955).
    """
    started = time.perf_counter()
    _check(workers, vehicles)
    people = _windows(workers, vehicles, test_days, early_days, codes)
    people["vehicle"] = pd.Series(pd.NA, index=people.index, dtype="object")
    people["date"] = pd.Series(pd.NaT, index=people.index, dtype="datetime64[us]")
    fleet = vehicles.reset_index(drop=True).copy()
    fleet["day"] = _days(fleet["date"])
    fleet["bound_for"] = pd.Series(pd.NA, index=fleet.index, dtype="object")
    fleet["code"] = pd.Series(pd.NA, index=fleet.index, dtype="object")
    bound = 0
    origins = [o for o in fleet["origin"].unique() if (people["origin"] == o).any()]
    open_people = people[people["reason"] == "seats_ran_out"]
    by_origin = dict(tuple(open_people.groupby("origin")))
    for number, origin in enumerate(origins):
        left = max(1.0, (seconds - (time.perf_counter() - started)) / (len(origins) - number))
        if origin in by_origin:
            own = fleet[fleet["origin"] == origin]
            sent, most = dispatching.dispatch(by_origin[origin], own, left)
            bound += most
            fleet.loc[sent.index, ["bound_for", "code"]] = sent[["bound_for", "code"]]
    _board(people, fleet)
    taken = people["vehicle"].dropna().astype("int64").value_counts()
    fleet["taken"] = taken.reindex(fleet.index).fillna(0).astype("int64")
    empty = fleet["taken"] == 0
    fleet.loc[empty, ["bound_for", "code"]] = pd.NA
    assigned = people["vehicle"].notna()
    at = people.loc[assigned, "vehicle"].astype("int64").to_numpy()
    people.loc[assigned, "date"] = pd.to_datetime(fleet["date"]).to_numpy()[at]
    people.loc[assigned, "vehicle"] = fleet["vehicle"].to_numpy()[at]
    people["reason"] = people["reason"].mask(assigned)
    told = workers.reset_index(drop=True).assign(
        vehicle=people["vehicle"], date=people["date"], reason=people["reason"]
    )
    return Matching(
        told,
        fleet.drop(columns="day"),
        int(assigned.sum()),
        bound,
        time.perf_counter() - started,
    )


def reasons(matching: Matching) -> pd.DataFrame:
    """
    Count the unassigned by reason.

    Parameters
    ----------
    matching : Matching

    Returns
    -------
    pandas.DataFrame
        reason, workers; with those assigned they make all.
    """
    counted = matching.workers["reason"].value_counts()
    return pd.DataFrame(
        {"reason": REASONS, "workers": [int(counted.get(reason, 0)) for reason in REASONS]}
    )


def _days(dates: pd.Series) -> pd.Series:
    """Days since 1970; missing ones far in the past."""
    return pd.to_datetime(dates).astype("datetime64[s]").astype("int64") // 86_400


def _check(workers: pd.DataFrame, vehicles: pd.DataFrame) -> None:
    needed = {
        "workers": (workers, ("worker", "origin", "destination", "expected", "code",
                              "code_until", "sampled")),
        "vehicles": (vehicles, ("vehicle", "origin", "destination", "date", "seats")),
    }  # fmt: skip
    breaches = [
        f"{name} lack the column '{column}'"
        for name, (table, columns) in needed.items()
        for column in columns
        if column not in table
    ]
    if not breaches:
        twice = int(vehicles.duplicated(["vehicle", "date"]).sum())
        seatless = int((~(vehicles["seats"] >= 1)).sum())
        undated = int(workers["expected"].isna().sum() + vehicles["date"].isna().sum())
        breaches += [f"{twice} vehicles come twice on a day"] if twice else []
        breaches += [f"{seatless} vehicles have no seat"] if seatless else []
        breaches += [f"{undated} workers or vehicles have no day"] if undated else []
    if breaches:
        raise ParameterError("workers cannot be matched to vehicles", breaches)


def _windows(
    workers: pd.DataFrame,
    vehicles: pd.DataFrame,
    test_days: int,
    early_days: int,
    codes: tuple[HealthCode, ...],
) -> pd.DataFrame:
    """Days each worker can leave on, and why there is none; else "seats_ran_out" as yet."""
    people = workers.reset_index(drop=True)[_STREAM].copy()
    last = _days(workers["expected"].reset_index(drop=True))
    first = last - early_days

    def ends(column: str, days: int, missing: int) -> pd.Series:
        given = workers[column].reset_index(drop=True)
        return (_days(given.fillna(pd.Timestamp(0))) + days).mask(given.isna(), missing)

    code_end = ends("code_until", 0, _FAR)
    sample, test_end = ends("sampled", 0, _FAR), ends("sampled", test_days, -_FAR)
    people["first"] = np.maximum(first, sample.mask(sample == _FAR, -_FAR))
    people["last"] = np.minimum(np.minimum(last, code_end), test_end)
    admitted = {str(code) for code in codes}
    keys = people[["origin", "destination"]].astype(str).agg("|".join, axis=1)
    reachable = _reachable(people, vehicles, keys)
    checks: list[tuple[Reason, Any]] = [
        ("no_code", people["code"].isna()),
        ("code_not_admitted", ~people["code"].isin(admitted)),
        ("code_ends_before", code_end < first),
        ("no_valid_test", people["last"] < people["first"]),
        ("no_vehicle_from_origin", ~people["origin"].isin(vehicles["origin"])),
        ("no_vehicle_in_time", ~reachable),
    ]
    people["reason"] = np.select(
        [mask.to_numpy() for _, mask in checks], [name for name, _ in checks], "seats_ran_out"
    )
    return people


def _reachable(people: pd.DataFrame, vehicles: pd.DataFrame, keys: pd.Series) -> pd.Series:
    """Whether any vehicle goes from the origin to the destination within the window."""
    day = _days(vehicles["date"])
    fixed = vehicles["destination"].notna()
    named = (
        vehicles["origin"].astype(str) + "|" + vehicles["destination"].astype(str).where(fixed, "*")
    )
    days = {key: np.sort(group.to_numpy()) for key, group in day.groupby(named)}
    result = pd.Series(data=False, index=people.index)
    free = people["origin"].astype(str) + "|*"
    for way in (keys, free):
        for key, rows in people.groupby(way):
            if key in days:
                own = days[key]
                place = np.searchsorted(own, rows["first"].to_numpy())
                there = own[np.minimum(place, own.size - 1)]
                hit = (place < own.size) & (there <= rows["last"].to_numpy())
                result.loc[rows.index] |= hit
    return result


def _board(people: pd.DataFrame, fleet: pd.DataFrame) -> None:
    """Fill the vehicles day by day; of those who can still leave, the last chance goes first."""
    used = fleet[fleet["bound_for"].notna()]
    rides = dict(tuple(used.groupby(["origin", "bound_for", "code"])))
    waiting = people[people["reason"] == "seats_ran_out"]
    for stream, group in waiting.groupby(["origin", "destination", "code"]):
        if stream not in rides:
            continue
        own = rides[stream].sort_values(["day", "seats"], ascending=[True, False])
        _fill(people, group, own)


def _fill(people: pd.DataFrame, group: pd.DataFrame, own: pd.DataFrame) -> None:
    """One stream: earliest deadline first, in whole days (a heap of classes, not of persons)."""
    order = group.sort_values(["first", "last"], kind="stable")
    first, last = order["first"].to_numpy(), order["last"].to_numpy()
    starts = np.flatnonzero(np.r_[True, (np.diff(first) != 0) | (np.diff(last) != 0)])
    stops = np.r_[starts[1:], first.size]
    heap: list[tuple[int, int, int]] = []
    at, who, where = 0, [], []
    for vehicle, day, seats in zip(own.index, own["day"], own["seats"], strict=True):
        while at < starts.size and first[starts[at]] <= day:
            heapq.heappush(heap, (int(last[starts[at]]), int(starts[at]), int(stops[at])))
            at += 1
        left = int(seats)
        while left and heap:
            deadline, start, stop = heapq.heappop(heap)
            if deadline < day:
                continue
            number = min(left, stop - start)
            who.append(np.arange(start, start + number))
            where.append(np.full(number, vehicle))
            left -= number
            if start + number < stop:
                heapq.heappush(heap, (deadline, start + number, stop))
    if who:
        chosen = order.index.to_numpy()[np.concatenate(who)]
        people.loc[chosen, "vehicle"] = np.concatenate(where)
