"""
Reproduction number of 3,000 areas over 100 days, beside epyestim (and EpiEstim with R).

epyestim runs in an environment of its own (``uv run --with epyestim``); only the
computation is timed, not the start of Python or R. Both peers get the discrete serial
interval ready made; epyestim needs one call an area. Its infectivity counts the first day
as a day with a past of nothing, ours (and EpiEstim's) has no such window, so the windows
compared are those both have: all that start on day 2 or later and end after the mean
serial interval.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from analytics.methods import renewal
from analytics.methods.serial_interval import SerialInterval

AREAS, DAYS, WINDOW, R_AREAS = 3_000, 100, 7, 30
INTERVAL = SerialInterval(7.5, 3.4)

EPYESTIM = """
import sys, time
import numpy as np, pandas as pd
from epyestim.estimate_r import estimate_r, gamma_quantiles
cases, weights, levels = (np.load(sys.argv[1])[n] for n in ("cases", "weights", "levels"))
days = pd.date_range("2020-01-01", periods=cases.shape[1])
start = time.perf_counter()
found = []
for area in cases:
    posterior = estimate_r(pd.Series(area, days), weights, 1.0, 5.0, window_size=7)
    a, b = posterior["a_posterior"].to_numpy(), posterior["b_posterior"].to_numpy()
    quantiles = [gamma_quantiles(level, a, b) for level in levels]
    found.append(np.column_stack([a * b, np.sqrt(a) * b, *quantiles]))
print(time.perf_counter() - start)
np.save(sys.argv[2], np.stack(found))
"""

EPIESTIM = """
suppressMessages(library(EpiEstim))
folder <- commandArgs(TRUE)[1]
cases <- as.matrix(read.csv(file.path(folder, "cases.csv"), header = FALSE))
config <- make_config(list(mean_si = 7.5, std_si = 3.4, t_start = 2:94, t_end = 8:100))
seconds <- system.time(rows <- lapply(seq_len(nrow(cases)), function(i) suppressWarnings(
  estimate_R(as.vector(cases[i, ]), method = "parametric_si", config = config)$R)))[["elapsed"]]
write.table(do.call(rbind, lapply(rows, function(r) r[, c(3:6, 7, 8, 9, 10, 11)])),
            file.path(folder, "epiestim.csv"), row.names = FALSE, col.names = FALSE, sep = ",")
cat(seconds)
"""


def epidemics() -> np.ndarray:
    """Incidence (areas, days) of outbreaks of all sizes, some of them all but silent."""
    random = np.random.default_rng(2020)
    height = np.exp(random.uniform(-2, 7, size=(AREAS, 1)))
    peak = random.uniform(10, 90, size=(AREAS, 1))
    return random.poisson(height * np.exp(-(((np.arange(DAYS) - peak) / 15) ** 2))).astype(float)


def ours(cases: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Seconds (median of five), peak memory [MB], and moments and quantiles by window."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        found = renewal.reproduction_number(cases, INTERVAL, window=WINDOW)
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    renewal.reproduction_number(cases, INTERVAL, window=WINDOW)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    moments = np.stack([found.mean, found.std], axis=-1)
    return float(np.median(seconds)), peak, np.concatenate([moments, found.quantiles], axis=-1)


def epyestim(cases: np.ndarray, folder: Path) -> tuple[float, np.ndarray] | None:
    """Seconds and results of epyestim, windows ending on day 8 and later; None without it."""
    given, answer = folder / "cases.npz", folder / "found.npy"
    np.savez(given, cases=cases, weights=INTERVAL.weights(DAYS), levels=np.array(renewal.LEVELS))
    own = Path(__file__).parents[1] / ".uv" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or str(own)
    command = [uv, "run", "--no-project", "-q", "--with", "epyestim", "python", "-c", EPYESTIM]
    try:
        ran = subprocess.run(
            [*command, given, answer], capture_output=True, text=True, check=True, timeout=900
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"epyestim could not be run here: {error}")
        return None
    return float(ran.stdout), np.load(answer)[:, 1:]


def epiestim(cases: np.ndarray, folder: Path) -> tuple[float, np.ndarray] | None:
    """Seconds and results of R's EpiEstim on the first areas; None where R has it not."""
    if not shutil.which("Rscript"):
        return None
    np.savetxt(folder / "cases.csv", cases[:R_AREAS], fmt="%d", delimiter=",")
    ran = subprocess.run(
        ["Rscript", "-e", EPIESTIM, folder], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        print("EpiEstim could not be run here: R has no package of that name")
        return None
    rows = np.genfromtxt(folder / "epiestim.csv", delimiter=",")
    return float(ran.stdout.split()[-1]), rows.reshape(R_AREAS, -1, 9)


def row(name: str, what: str, mine: float, peer: float | None, peak: float) -> dict[str, object]:
    """One row of results."""
    return {
        "name": name,
        "what": what,
        "ours": mine,
        "peer": peer,
        "ratio": None if peer is None else peer / mine,
        "peak_memory_mb": peak,
    }


def run() -> list[dict[str, object]]:
    """Time both on the same outbreaks and compare every number both give."""
    cases = epidemics()
    seconds, peak, found = ours(cases)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for peer, areas, result in (
            ("epyestim", AREAS, epyestim(cases, Path(name))),
            ("EpiEstim", R_AREAS, epiestim(cases, Path(name))),
        ):
            if result is None:
                what = f"seconds for {AREAS} areas x {DAYS} days; {peer} is not installed here"
                rows.append(row(f"rt/{peer}", what, seconds, None, peak))
                continue
            lasted, values = result
            known = ~np.isnan(found[:areas])
            apart = np.abs(values - found[:areas])[known] / found[:areas][known]
            what = (
                f"seconds for {AREAS} areas x {DAYS} days, mean, std and 7 quantiles; "
                f"largest relative difference to {peer} {apart.max():.1e}"
            )
            if areas < AREAS:
                what += f"; {peer} timed on {areas} areas and scaled up"
            rows.append(row(f"rt/{peer}", what, seconds, lasted * AREAS / areas, peak))
    return rows


if __name__ == "__main__":
    for line in run():
        print(line)
