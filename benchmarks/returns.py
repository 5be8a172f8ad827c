"""
100,000 returning workers to vehicles: share not proven assigned, and time.

Workers go to few places in many numbers and to many in few, as people do (a Zipf law); a tenth of
the vehicles may be sent anywhere (with a third of them, about 2 % stay unproven in a minute). The
peer fills vehicles in order of their day, each sent where most are waiting then: what a
dispatcher does by hand, without a bound.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import pandas as pd

from analytics.analysis.channel import returns

WORKERS, VEHICLES, FREE = 100_000, 2_000, 0.1
ORIGINS, DESTINATIONS, DAYS = 17, 40, 21


def made(seed: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw workers and vehicles; a part of the workers has no code or no valid test."""
    generator = np.random.default_rng(seed)
    day = np.datetime64("2020-03-25")
    weight = 1 / np.arange(1, DESTINATIONS + 1)
    weight /= weight.sum()

    def days(least: int, most: int, number: int) -> np.ndarray:
        return day + generator.integers(least, most, number).astype("timedelta64[D]")

    origins = [f"42{n:02d}00" for n in range(1, ORIGINS + 1)]
    destinations = np.array([f"44{n:02d}00" for n in range(1, DESTINATIONS + 1)])
    expected = days(3, DAYS, WORKERS)
    workers = pd.DataFrame(
        {
            "worker": np.arange(WORKERS),
            "origin": generator.choice(origins, WORKERS),
            "destination": generator.choice(destinations, WORKERS, p=weight),
            "expected": expected,
            "code": generator.choice(["green", "yellow", None], WORKERS, p=[0.94, 0.04, 0.02]),
            "code_until": pd.NaT,
            "sampled": expected - generator.integers(1, 9, WORKERS).astype("timedelta64[D]"),
        }
    )
    goes = generator.choice(destinations, VEHICLES, p=weight).astype(object)
    goes[generator.random(VEHICLES) < FREE] = None
    vehicles = pd.DataFrame(
        {
            "vehicle": [f"v{n}" for n in range(VEHICLES)],
            "origin": generator.choice(origins, VEHICLES),
            "destination": goes,
            "date": days(0, DAYS, VEHICLES),
            "seats": generator.choice([19, 45, 55, 110], VEHICLES),
        }
    )
    return workers, vehicles


def by_hand(vehicles: pd.DataFrame, most: pd.DataFrame) -> int:
    """Workers carried when each vehicle, in order of its day, goes where most are waiting."""
    able = most[~most["reason"].isin(returns.REASONS[:4])].copy()
    able["last"] = np.minimum(able["expected"], able["sampled"] + pd.Timedelta(days=7))
    able["first"] = np.maximum(able["expected"] - pd.Timedelta(days=3), able["sampled"])
    able["left"] = True
    groups = dict(tuple(able.groupby(["origin", "destination"])))
    carried = 0
    for vehicle in vehicles.sort_values("date").to_dict("records"):
        best: pd.Index = pd.Index([])
        for (origin, destination), rows in groups.items():
            if origin == vehicle["origin"] and vehicle["destination"] in (None, destination):
                now = rows[rows["left"] & (rows["first"] <= vehicle["date"])
                           & (vehicle["date"] <= rows["last"])]  # fmt: skip
                if len(now) > len(best):
                    best = now.sort_values("last").index
                    key = (origin, destination)
        if len(best):
            groups[key].loc[best[: vehicle["seats"]], "left"] = False
            carried += min(len(best), vehicle["seats"])
    return carried


def run() -> list[dict[str, object]]:
    """Match, check that no vehicle mixes or overflows, and dispatch by hand beside it."""
    workers, vehicles = made()
    before = time.process_time()
    found = returns.match(workers, vehicles)
    processor = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = found.workers
    if (told["vehicle"].isna() != told["reason"].notna()).any():
        raise AssertionError("somebody has neither a vehicle nor a reason, or both")
    rides = told.dropna(subset=["vehicle"]).groupby("vehicle")
    if (rides[["origin", "destination", "code"]].nunique().to_numpy() > 1).any():
        raise AssertionError("a vehicle mixes codes or places")
    start = time.process_time()
    carried = by_hand(vehicles, told)
    seconds = time.process_time() - start
    return [
        {
            "name": "returns",
            "what": f"{WORKERS:,} workers, {VEHICLES:,} vehicles: share of the bound not proven "
            f"({found.assigned:,} assigned, bound {found.bound:,}), at most 0.01 in 60 s; "
            f"{found.seconds:.0f} s, {processor:.0f} processor seconds",
            "ours": found.gap,
            "peer": f"dispatch by hand: {carried:,} assigned, {seconds:.0f} processor seconds",
            "ratio": found.assigned / carried,
            "peak_memory_mb": memory,
        }
    ]


if __name__ == "__main__":
    print(*run(), sep="\n")
