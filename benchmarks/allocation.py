"""
Households to rooms: 2,590 persons at 148 sites, 50,000 at 1,000 and 500,000 at 5,000.

Staff couples the pools of a site, or is enough for all its rooms ("uncoupled"). Each size
runs in a process of its own, so that its peak of memory is its own, drawing the instance
included. Beside the smallest, on the same instance and one household at a time: PuLP with CBC,
HiGHS, and OR-Tools with SCIP, each in whole numbers, with the same gap asked and a time limit;
PuLP and OR-Tools run in environments of their own (``uv run --with``). Their seconds count
building the model and solving it, not the start of Python. Every peer's cost is checked against our
bounds: a peer below our lower bound would refute it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from analytics.methods.allocation import Persons, Policy, Sites, allocate, great_circle
from analytics.methods.allocation.problem import gather, limits

SEED, LIMIT_SECONDS = 20200229, 120
SIZES = (
    (2_590, 148, True, 1e-4),
    (50_000, 1_000, True, 1e-3),
    (500_000, 5_000, False, 2e-2),
)
NEEDS = np.array([0.03, 0.02, 0.03, 0.08])

_LOAD = """
import sys, time, json
import numpy as np
case = np.load(sys.argv[1]); limit_seconds, gap = float(sys.argv[2]), float(sys.argv[3])
cost, owner, use, room, slack = (case[n] for n in ("cost", "owner", "use", "room", "slack"))
option, site = np.nonzero(np.isfinite(cost))
start = time.perf_counter()
"""
_PULP = (
    _LOAD
    + """
import pulp
model = pulp.LpProblem("allocation", pulp.LpMinimize)
x = [pulp.LpVariable(f"x{k}", cat="Binary") for k in range(len(option))]
u = [pulp.LpVariable(f"u{k}", cat="Binary") for k in range(len(slack))]
terms = [(v, float(c)) for v, c in zip(x, cost[option, site])]
model += pulp.LpAffineExpression(terms + [(v, float(c)) for v, c in zip(u, slack)])
once = [[(v, 1)] for v in u]
rows = [[] for _ in range(room.size)]
for v, o, s in zip(x, option, site):
    once[owner[o]].append((v, 1))
    for p in np.flatnonzero(use[o]):
        rows[s * 5 + p].append((v, int(use[o, p])))
for one in once:
    model += pulp.LpAffineExpression(one) == 1
for row, most in zip(rows, room.ravel()):
    if row:
        model += pulp.LpAffineExpression(row) <= int(most)
model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=limit_seconds, gapRel=gap, threads=1))
value = pulp.value(model.objective)
proven = model.sol_status == pulp.LpSolutionOptimal  # a time limit is "Optimal" to its status
print(json.dumps([time.perf_counter() - start, value, proven]))
"""
)
_ORTOOLS = (
    _LOAD
    + """
from ortools.linear_solver import pywraplp
model = pywraplp.Solver.CreateSolver("SCIP")
goal = model.Objective()
once = [model.Constraint(1, 1) for _ in slack]
rows = [model.Constraint(-model.infinity(), float(most)) for most in room.ravel()]
for k, price in enumerate(slack):
    v = model.BoolVar("")
    once[k].SetCoefficient(v, 1); goal.SetCoefficient(v, float(price))
for o, s in zip(option, site):
    v = model.BoolVar("")
    once[owner[o]].SetCoefficient(v, 1); goal.SetCoefficient(v, float(cost[o, s]))
    for p in np.flatnonzero(use[o]):
        rows[s * 5 + p].SetCoefficient(v, float(use[o, p]))
model.SetTimeLimit(int(1000 * limit_seconds))
settings = pywraplp.MPSolverParameters()
settings.SetDoubleParam(pywraplp.MPSolverParameters.RELATIVE_MIP_GAP, gap)
status = model.Solve(settings)
held = status in (model.OPTIMAL, model.FEASIBLE)
print(json.dumps([time.perf_counter() - start, goal.Value() if held else None,
                  status == model.OPTIMAL]))
"""
)
_HIGHS = (
    _LOAD
    + """
import highspy
from scipy import sparse
many, places = len(option), len(slack)
column = np.arange(many)
of, pool = np.nonzero(use[option])
row = np.concatenate([owner[option], places + site[of] * 5 + pool, np.arange(places)])
col = np.concatenate([column, of, many + np.arange(places)])
value = np.concatenate([np.ones(many), use[option][of, pool], np.ones(places)])
matrix = sparse.csc_array((value, (row, col)), shape=(places + room.size, many + places))
model = highspy.HighsLp()
model.num_row_, model.num_col_ = matrix.shape
model.col_cost_ = np.concatenate([cost[option, site], slack])
model.col_lower_, model.col_upper_ = np.zeros(many + places), np.ones(many + places)
model.row_lower_ = np.concatenate([np.ones(places), np.full(room.size, -highspy.kHighsInf)])
model.row_upper_ = np.concatenate([np.ones(places), room.ravel().astype(float)])
model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
model.a_matrix_.value_ = matrix.data
model.integrality_ = [highspy.HighsVarType.kInteger] * (many + places)
solver = highspy.Highs(); solver.silent()
solver.setOptionValue("threads", 1); solver.setOptionValue("time_limit", limit_seconds)
solver.setOptionValue("mip_rel_gap", gap)
solver.passModel(model); solver.run()
found = solver.getInfo()
held = found.primal_solution_status == 2
print(json.dumps([time.perf_counter() - start, found.objective_function_value if held else None,
                  solver.getModelStatus() == highspy.HighsModelStatus.kOptimal]))
"""
)


def instance(
    count: int, sites: int, seed: int = SEED, *, coupled: bool = True
) -> tuple[Persons, Sites, np.ndarray]:
    """Persons in households of one to five, and sites whose staff is the scarce part, or not."""
    rng = np.random.default_rng(seed)
    origins = max(sites // 2, 10)
    sizes = rng.choice([1, 2, 3, 4, 5], p=[0.62, 0.16, 0.11, 0.08, 0.03], size=count)
    household = np.repeat(np.arange(count), sizes)[:count]
    households = household.max() + 1
    male, quarantine = rng.random(count) < 0.55, rng.random(count) < 0.08
    origin, group = rng.integers(0, origins, households), rng.integers(0, 5, households)
    nobody = np.full(count, -1)
    persons = Persons(
        household, male, quarantine, rng.random((count, 4)) < NEEDS,
        origin[household], group[household], nobody, nobody,
    )  # fmt: skip
    together = np.bincount(household, ~quarantine)
    single = ~quarantine & (together[household] == 1)
    rooms = np.ceil(together[together > 1] / 4).sum()
    asked = np.array([(male & single).sum(), (~male & single).sum(), rooms, quarantine.sum()])
    share = rng.dirichlet(np.full(sites, 3.0))
    capacity = np.ceil(1.3 * share[:, None] * asked + 0.5).astype(int)
    staff = np.ceil(1.05 * share * count + 1).astype(int)
    if not coupled:
        staff = capacity @ np.array([1, 1, Policy().family_room, 1])
    place = [
        np.column_stack([rng.uniform(29, 33, n), rng.uniform(109, 116, n)])
        for n in (origins, sites)
    ]
    return persons, Sites(capacity, staff, rng.random((sites, 4)) < 0.6), great_circle(*place)


def individual(persons: Persons, sites: Sites, distance: np.ndarray, path: Path) -> None:
    """Write the same instance household by household, as the peers read it."""
    policy = Policy()
    classes = gather(persons, policy)
    limit = limits(sites, policy)
    parties = len(classes.of_class)
    options = [np.flatnonzero(classes.option == c) for c in range(len(classes.count))]
    owner = np.concatenate([np.full(len(options[c]), p) for p, c in enumerate(classes.of_class)])
    option = np.concatenate([options[c] for c in classes.of_class])
    of = classes.option[option]
    use = np.column_stack([classes.use[option], classes.size[of]])
    cost = classes.size[of][:, None] * distance[classes.origin[of]]
    cost[(classes.needs[of][:, None] & ~sites.offers[None]).any(axis=2)] = np.inf
    cost[(use[:, None] > limit[None]).any(axis=2)] = np.inf
    price = 20 * (distance.max() + policy.move_cost)
    slack = price * classes.size[classes.of_class[np.arange(parties)]]
    np.savez(path, cost=cost, owner=owner, use=use, room=limit, slack=slack)


def peer(script: str, package: str | None, case: Path, gap: float) -> list[float | bool] | str:
    """Seconds, cost and whether proven; or why the peer did not run."""
    command = [sys.executable] if package is None else [
        "uv", "run", "--no-project", "--with", package, "--with", "numpy", "python",
    ]  # fmt: skip
    try:
        run_ = subprocess.run(
            [*command, "-c", script, str(case), str(LIMIT_SECONDS), str(gap)],
            capture_output=True, text=True, timeout=4 * LIMIT_SECONDS, check=True,
        )  # fmt: skip
        return list(json.loads(run_.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return f"did not run: {getattr(error, 'stderr', None) or error}"[-300:]


def ours(count: int, sites: int, gap: float, *, coupled: bool) -> dict[str, object]:
    """Seconds, bounds and peak memory [MB] of this process."""
    persons, places, distance = instance(count, sites, coupled=coupled)
    start = time.perf_counter()
    found = allocate(persons, places, distance, tolerance=gap, seconds=240)
    return {
        "seconds": round(time.perf_counter() - start, 2), "gap": found.gap,
        "upper": round(found.upper, 1), "lower": round(found.lower, 1),
        "unplaced": int((found.site < 0).sum()), "classes": found.classes,
        "priced": found.priced, "kept": found.kept,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def run() -> list[dict[str, object]]:
    """Seconds, gap and memory at each size; peers at the smallest."""
    rows: list[dict[str, object]] = []
    for count, sites, coupled, gap in SIZES:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            found = alone.submit(ours, count, sites, gap, coupled=coupled).result()
        what = f"{count:,} persons, {sites:,} sites, {'coupled' if coupled else 'uncoupled'}"
        row = {"name": "allocation", "ours": found, "peak_memory_mb": found["peak_memory_mb"]}
        if (count, sites) == SIZES[0][:2]:
            rows += [
                row | {"what": f"{what}, beside {label}", "peer": peer_, "ratio": ratio}
                for label, peer_, ratio in _beside(count, sites, gap, found)
            ]
            continue
        households = f"one variable a household and site would be {0.57 * count * sites:,.0f}"
        rows.append(row | {"what": what, "peer": f"not run: {households}", "ratio": None})
    return rows


def _beside(
    count: int, sites: int, gap: float, found: dict[str, object]
) -> Iterator[tuple[str, object, float | None]]:
    """Yield each peer's name, answer, and seconds as a multiple of ours."""
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.npz"
        individual(*instance(count, sites), case)
        for label, script, package in (
            ("HiGHS, one household at a time", _HIGHS, None),
            ("PuLP + CBC", _PULP, "pulp"),
            ("OR-Tools + SCIP", _ORTOOLS, "ortools"),
        ):
            told = peer(script, package, case, gap)
            if isinstance(told, str):
                yield label, told, None
                continue
            seconds, cost, proven = told
            if cost is not None and cost < float(str(found["lower"])) * (1 - 1e-6):
                raise AssertionError(f"{label} refutes our lower bound")
            ratio = round(seconds / float(str(found["seconds"])), 2)
            yield label, {"seconds": round(seconds, 2), "cost": cost, "proven": proven}, ratio
