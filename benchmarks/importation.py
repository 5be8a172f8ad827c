"""
Importations simulated for 440 destinations over 90 days and 1,000 draws.

Beside the loop one would write first: a pass of NumPy for each draw and destination, with
the same gamma-Poisson law, timed on a twentieth of the draws and scaled up.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from analytics.methods import importation

DRAWS, DESTINATIONS, DAYS, PART = 1_000, 440, 90, 20
POPULATION, DISPERSION = 1.1e7, 0.5


def made() -> tuple[np.ndarray, np.ndarray]:
    """Uncertain prevalence of a growing epidemic, and flows over three orders of magnitude."""
    generator = np.random.default_rng(20200123)
    incidence = 10 * importation.growing(0.1, DAYS) * 200
    infectious = importation.infectious(
        incidence, generator.beta(20, 60, DRAWS) + 0.01, generator.gamma(20, 0.35, DRAWS)
    )
    flow = np.exp(generator.normal(4, 1.5, (DAYS, DESTINATIONS)))
    return infectious, flow


def looped(infectious: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Totals and first arrivals, a draw and a destination at a time."""
    generator = np.random.default_rng(1)
    shape = (len(infectious), DESTINATIONS)
    total, first = np.zeros(shape), np.full(shape, np.inf)
    for draw, people in enumerate(infectious):
        for place in range(DESTINATIONS):
            rate = people / POPULATION * flow[:, place]
            rate = rate * generator.gamma(1 / DISPERSION, DISPERSION)
            counts = generator.poisson(rate)
            total[draw, place] = counts.sum()
            arrived = np.flatnonzero(counts)
            if arrived.size:
                first[draw, place] = arrived[0]
    return total, first


def run() -> list[dict[str, object]]:
    """Time both; totals must agree within sampling error."""
    infectious, flow = made()
    start = time.perf_counter()
    ours = importation.simulate_exports(infectious, POPULATION, flow, dispersion=DISPERSION)
    seconds = time.perf_counter() - start
    part = infectious[:: DRAWS // (DRAWS // PART)]
    start = time.perf_counter()
    total, _ = looped(part, flow)
    peer = (time.perf_counter() - start) * DRAWS / len(part)
    expected = importation.expected_exports(infectious, POPULATION, flow).mean(axis=0).sum()
    for found in (ours.mean.sum(), total.sum(axis=1).mean()):
        if abs(found / expected - 1) > 0.1:
            raise AssertionError(f"{found:.1f} arrivals drawn, {expected:.1f} expected")
    tracemalloc.start()
    importation.simulate_exports(infectious, POPULATION, flow, dispersion=DISPERSION)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    what = f"{DRAWS:,} draws x {DESTINATIONS} destinations x {DAYS} days, in seconds; at most 2"
    return [
        {
            "name": "importation",
            "what": what,
            "ours": seconds,
            "peer": f"NumPy loop over draws and destinations: {peer:.1f}",
            "ratio": peer / seconds,
            "peak_memory_mb": peak,
        }
    ]


if __name__ == "__main__":
    print(*run(), sep="\n")
