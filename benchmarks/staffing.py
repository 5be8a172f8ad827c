"""
Staff for 500 gates over 24 hours, and its promise held against simulation with ciw.

ciw runs in an environment of its own (``uv run --with ciw``): gates drawn from the 500 are
simulated with the staff planned for them, and the share of travellers within the wait target
is compared with what the plan promised. The peer's time is what ciw needs for one such gate,
scaled to 500: simulation answers whether a plan holds, not which plan to choose.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import tracemalloc

import numpy as np

from analytics.methods import queueing

GATES, HOURS, SAMPLE, DAYS = 500, 24, 4, 12
SERVICE, TARGET, LEVEL = 1.5, 5.0, 0.95

CIW = """
import json, sys, time
import ciw
asked = json.load(sys.stdin)
rows = []
for seed, (arrivals, staff) in enumerate(zip(asked["arrivals"], asked["staff"])):
    ends = [60.0 * (hour + 1) for hour in range(24)]
    start = time.perf_counter()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.PoissonIntervals(
            rates=[rate / 60 for rate in arrivals], endpoints=ends,
            max_sample_date=1440.0 * asked["days"])],
        service_distributions=[ciw.dists.Exponential(1 / asked["service"])],
        number_of_servers=[ciw.Schedule(numbers_of_servers=staff, shift_end_dates=ends,
                                        preemption=False)])
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(1440.0 * asked["days"])
    waits = [r.waiting_time for r in simulation.get_all_records() if r.arrival_date > 1440]
    rows.append({"within": sum(w <= asked["target"] for w in waits) / len(waits),
                 "wait": sum(waits) / len(waits), "people": len(waits),
                 "seconds": (time.perf_counter() - start) / asked["days"]})
json.dump(rows, sys.stdout)
"""


def made() -> np.ndarray:
    """Arrivals of gates large and small, each with a rush of its own [persons/hour]."""
    generator = np.random.default_rng(2020)
    size = np.exp(generator.normal(4, 1, (GATES, 1)))
    phase = generator.normal(0, 1, (GATES, 1))
    return size * (1 + 0.8 * np.sin(2 * np.pi * np.arange(HOURS) / HOURS + phase))


def simulated(arrivals: np.ndarray, staff: np.ndarray) -> list[dict[str, float]] | None:
    """Simulate gates with ciw; None where uv is not there to bring it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        return None
    asked = {
        "arrivals": arrivals.tolist(),
        "staff": staff.tolist(),
        "service": SERVICE,
        "target": TARGET,
        "days": DAYS,
    }
    command = [uv, "run", "--no-project", "--quiet", "--with", "ciw", "python", "-c", CIW]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=500
    )
    return json.loads(done.stdout)


def run() -> list[dict[str, object]]:
    """Plan all gates and allocate half of that staff; simulate a few."""
    arrivals = made()
    value = np.random.default_rng(1).random((GATES, 1)) * 1e-4
    tracemalloc.start()
    queueing.allocate(arrivals, SERVICE, value, 1_000)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    start = time.perf_counter()
    plan = queueing.staff(arrivals, SERVICE, TARGET, LEVEL)
    half = int(plan.staff.sum()) // 2
    queueing.allocate(arrivals, SERVICE, value, half)
    seconds = time.perf_counter() - start
    chosen = np.argsort(arrivals.sum(axis=1))[GATES // 8 :: GATES // SAMPLE]
    found = simulated(arrivals[chosen], plan.staff[chosen])
    what = f"{GATES} gates x {HOURS} hours: staff, then half of it shared out, in seconds"
    row: dict[str, object] = {"name": "staffing", "what": what, "ours": seconds}
    row["peak_memory_mb"] = peak
    if found is None:
        return [row | {"peer": "ciw not run: uv is not there", "ratio": None}]
    weight = arrivals[chosen]
    promised = (plan.within_target[chosen] * weight).sum(axis=1) / weight.sum(axis=1)
    apart = [abs(one["within"] / ours - 1) for one, ours in zip(found, promised, strict=True)]
    if max(apart) > 0.05:
        raise AssertionError(f"ciw and the plan differ by {max(apart):.1%}: {found}, {promised}")
    people = sum(int(one["people"]) for one in found)
    row["what"] = (
        f"{what}; share within {TARGET:.0f} min at {len(found)} gates at most {max(apart):.2%} "
        f"from ciw's ({people:,} travellers)"
    )
    peer = float(np.mean([one["seconds"] for one in found])) * GATES
    return [row | {"peer": f"ciw, one day of 500 gates: {peer:.0f}", "ratio": peer / seconds}]


if __name__ == "__main__":
    print(*run(), sep="\n")
