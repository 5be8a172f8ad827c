"""
Days on end: whether memory or disk grow beyond what each day brings.

A simulated province delivers for 24 days. Each day's files are taken in by a process of
its own, and a report is made on the first, the middle and the last day. What is counted: peak
memory of each process, bytes that came, bytes that stand afterwards. WORKBENCH_CYCLE_PEOPLE
sets the number of residents, 10,000 without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

DAYS = 24
FIRST = date(2020, 2, 1)
STUDY = "hubei-2020-simulated"


def run() -> list[dict[str, object]]:
    """Deliver, take in and report day by day; the first days against the last."""
    people = os.environ.get("WORKBENCH_CYCLE_PEOPLE", "10000")
    with tempfile.TemporaryDirectory() as place:
        home, waiting = Path(place) / "home", Path(place) / "waiting"
        environment = {"WORKBENCH_HOME": str(home), "WORKBENCH_KEYS": f"{place}/keys"}
        _command(environment, "keys", "create", "--study", STUDY)
        span = ("--from", str(FIRST), "--to", str(FIRST + timedelta(DAYS - 1)))
        _command(environment, "simulate", "--people", people, *span)
        state = home / STUDY
        (state / "inbox").rename(waiting)
        days = [_cycle(environment, state, waiting, n) for n in range(DAYS)]
    return _rows(people, days)


def _cycle(
    environment: dict[str, str], state: Path, waiting: Path, number: int
) -> dict[str, float]:
    """One day: its files arrive, are taken in, and are reported on three of the days."""
    day = FIRST + timedelta(number)
    came = 0
    for folder in sorted(waiting.glob(f"*/{day}")):
        came += _size(folder)
        target = state / "inbox" / folder.parent.name / folder.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)
    before = _size(state)
    memory, seconds = _command(environment, "pool", "--quiet", "--study", STUDY)
    found = {"came": came, "grown": _size(state) - before + came, "pool": memory, "cpu": seconds}
    if number in {0, DAYS // 2, DAYS - 1}:
        options = ("--study", STUDY, "--as-of", str(day), "--output", str(state / "pages"))
        found["report"], _ = _command(environment, "report", "data_quality", *options)
    return found


def _rows(people: str, days: list[dict[str, float]]) -> list[dict[str, object]]:
    third = DAYS // 3
    first, last = days[:third], days[-third:]
    reports = [day["report"] for day in days if "report" in day]
    rows = []
    for what, early, late in (
        ("peak memory of the daily intake [MB]", _most(first, "pool"), _most(last, "pool")),
        ("processor time of the daily intake [s]", _most(first, "cpu"), _most(last, "cpu")),
        ("peak memory of a report [MB]", reports[0], reports[-1]),
        ("bytes kept for each byte delivered", _kept(first), _kept(last)),
    ):
        rows.append(
            {
                "name": "cycles",
                "what": f"{people} residents, {DAYS} days: {what}, last third against the first",
                "ours": late,
                "peer": early,
                "ratio": late / early,
                "peak_memory_mb": _most(days, "pool"),
            }
        )
    return rows


def _most(days: list[dict[str, float]], what: str) -> float:
    return max(day[what] for day in days)


def _kept(days: list[dict[str, float]]) -> float:
    return sum(day["grown"] for day in days) / max(1.0, sum(day["came"] for day in days))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _command(environment: dict[str, str], *arguments: str) -> tuple[float, float]:
    """Run a command; its peak memory [MB] and processor time [s]."""
    process = subprocess.Popen(
        [sys.executable, "-m", "analytics", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}: {said[-300:]}")
    return used.ru_maxrss / 1024, used.ru_utime + used.ru_stime
