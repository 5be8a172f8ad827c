"""
A replay: each simulated day departments deliver, analyses run, lists go out and come back.

Everything is done by the functions that the commands use, on a home of its own. A day is noted
once it is whole; killed at any moment, a replay goes on with the day it was in.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import resource
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import study as studies
from analytics import tables
from analytics.loop import (
    feedback,
    ledger,
    targets,
    thresholds,
    verification,
    worklists,
)
from analytics.pool import archive, figures, pooling, staging
from analytics.pool.deliveries import DONE
from analytics.privacy import disk, keys, passwords
from analytics.replay import account, daily, faults, forecasts, truths
from analytics.replay import plan as plans
from analytics.simulation import field, province

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    import pandas as pd

    from analytics.loop.findings import Found
    from analytics.pool.archive import Entry
    from analytics.privacy.keys import Ring
    from analytics.replay.plan import Plan
    from analytics.study import Study

ACTOR: Final = "replay"
_OF_LISTS: Final = ("loop", "travel_channel")
"""Reports that count what was pushed and answered."""
"""Report on the day's lists, made once they are out."""
_BESIDE: Final = ("graph", "clusters", "members", "indicators")
"""What another process makes of screening, while this one decides about persons."""
_WITHOUT_SCREENING: Final = ("stranded", "travellers")
"""Duties asked for there too, which need not wait for it."""
_HANDED_IN = timedelta(hours=20)  # of the day, when teams hand lists in


def replay(plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
    """
    Play a command day by day, or go on with one that was begun.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the replay alone: ``home`` (state), ``lists``, ``pages``, ``days``; keys lie outside.
    say : callable
        Told how it goes, a line at a time.

    Raises
    ------
    ParameterError
        If another plan was begun there.
    """
    plans.settle(plan, folder)
    with at_home(folder):
        study = studies.load(plan.study)
        with _working_beside() as beside, _working_beside() as apart:
            ring, running = _prepared(plan, folder, study, say, apart)
            gc.freeze()  # what is loaded by now is no rubbish, however often that is looked for
            for number, day in enumerate(plan.days):
                note = folder / "days" / f"{day}.json"
                if note.is_file():
                    continue
                record = _Day(plan, folder, study, ring, day).live(beside, first=number == 0)
                disk.make_private(note.parent)
                disk.replace(note, (json.dumps(record, ensure_ascii=False) + "\n").encode())
                say(f"{day}  {_line(record)}")
                if running.done():
                    running.result()  # what failed there ends the replay now, not at its end
            account.draw_up(plan, folder, study, say, running)


def report(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """
    Publish the report on a replay, in both languages.

    Raises
    ------
    WorkbenchError
        As making any report does.
    """
    from analytics.reporting import run as reports

    with at_home(folder):
        wanted = reports.orders(
            ["replay"], {"study": plan.study}, [plan.last.isoformat()], languages=("zh", "en"),
            output=folder / "pages",
        )  # fmt: skip
        (made,) = reports.make_all(wanted, workers=1)
    if made.error is not None:
        raise made.error
    return made.pages


@contextlib.contextmanager
def _working_beside() -> Iterator[Executor]:
    """Open a process for work beside, which begins nothing more once something failed here."""
    from analytics.reporting import run as reports

    executor = reports.worker()
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Let state and keys lie apart from the studies' own, for this process and those it starts."""
    before = {name: os.environ.get(name) for name in ("WORKBENCH_HOME", "WORKBENCH_KEYS")}
    os.environ["WORKBENCH_HOME"] = str(folder / "home")
    os.environ["WORKBENCH_KEYS"] = str(keys.apart(folder))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _prepared(
    plan: Plan, folder: Path, study: Study, say: Callable[[str], None], apart: Executor
) -> tuple[Ring, Future[pd.DataFrame]]:
    """
    Make keys, a password and the whole span's deliveries, which then wait for their day.

    Other policies run in a process of their own: no day decides anything about them.
    """
    waiting = folder / "waiting"
    if not waiting.is_dir():
        for left in (folder / "home", keys.apart(folder)):
            shutil.rmtree(left, ignore_errors=True)
        keys.create(study.name)
        disk.make_private(study.state)
        if not staging.current(study):
            figures.bring(study, lambda *_: None)
    if plan.worlds:
        say(f"running the other policies with {plan.worlds} seeds beside")
    running = apart.submit(account.policies_of, plan, folder, study)
    if not waiting.is_dir():
        made = province.simulate(
            study, plan.people, plan.seed, plan.first, plan.last, scenario_name=plan.scenario
        )
        say(f"{made.deliveries:,} deliveries of {plan.people:,} residents; {made.rule.en}")
        disk.replace(folder / "password", secrets.token_urlsafe(16).encode() + b"\n")
        (study.state / "inbox").rename(waiting)
    return keys.load(study.name), running


def _line(record: dict[str, Any]) -> str:
    counts = record["counts"]
    struck = "".join(
        f"; {one['fault']}: {'withstood' if one['withstood'] else 'NOT WITHSTOOD'}"
        for one in record["faults"]
    )
    return (
        f"{counts['deliveries']} deliveries, {counts['accepted']:,} rows; {counts['persons']:,} "
        f"persons; {counts['pushed']} rows pushed, {counts['answers']} answers; "
        f"{record['wall']:.1f} s{struck}"
    )


class _Day:
    """One day of a replay, step by step, each timed; some steps go on in a process beside."""

    def __init__(self, plan: Plan, folder: Path, study: Study, ring: Ring, day: date) -> None:
        self._plan, self._folder, self._study, self._ring = plan, folder, study, ring
        self._day, self._moment = day, studies.moment(day)
        self._seconds: dict[str, float] = {}
        self._faults: list[faults.Outcome] = []
        self._counts: dict[str, int] = {"answers": 0, "aside": 0}

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0) + time.perf_counter() - begun

    def live(self, beside: Executor, *, first: bool) -> dict[str, Any]:
        """
        Do the day's work, and say what came of it.

        Teams hand yesterday's lists in while the day's deliveries are pooled, linked and
        screened: linking and the decisions about persons read the answers of the day before;
        clusters and indicators, which are made beside, those that were just handed in. What
        screening does not decide is asked for while it goes on. Reports are made while new
        lists are drawn up, those that count lists after it.
        """
        begun = time.perf_counter()
        back = beside.submit(_handed_in, self._plan, self._folder, self._day)
        self._pool()
        with self._step("link"):
            linked = daily.link(
                self._study, self._ring, train=first, at=self._moment - timedelta(days=1)
            )
        rest = beside.submit(_screened, self._plan, self._day)
        asked = {
            duty: beside.submit(daily.ask, self._study.name, duty, self._moment)
            for duty in _WITHOUT_SCREENING
        }
        with self._step("screen"):
            own = [name for name in daily.SCREENED if name not in _BESIDE]
            screened = daily.screen(self._study, self._ring, self._day, wanted=own)["persons"]
            rest.result()
        self._join(back)
        self._approve()
        ahead = beside.submit(_looked_ahead, self._plan, self._folder, self._day)
        published = self._plan.published(self._day)
        with ThreadPoolExecutor(1) as printers:  # reports that say nothing of lists, while they go
            early = printers.submit(self._report, [n for n in published if n not in _OF_LISTS])
            self._push(asked)
            with self._step("score"):
                found = truths.recognised(self._study, self._ring, screened)
                _write(self._folder, self._day, "found", found)
            self._join(ahead)
            early.result()
        self._report([name for name in published if name in _OF_LISTS])
        self._counts |= {"persons": linked.persons, "screened": screened.num_rows}
        return {
            "day": str(self._day), "wall": time.perf_counter() - begun, "seconds": self._seconds,
            "faults": self._faults, "counts": self._counts, "memory_mb": _memory(),
            "disk_mb": sum(p.stat().st_size for p in self._study.state.rglob("*") if p.is_file())
            / 1e6,
        }  # fmt: skip

    def _join(self, other: Future[_Beside]) -> None:
        """Wait for what goes on beside, and take over what it did."""
        done = other.result()
        self._seconds |= done.seconds
        self._counts |= done.counts
        self._faults += done.faults

    def _pool(self) -> None:
        """Let departments deliver what had arrived by the day's end, and take it in."""
        fault = self._plan.fault(self._day)
        before = self._begun()
        with self._step("deliver"):
            held_back = faults.HELD_BACK if fault == "late_department" else ""
            self._deliver(held_back)
            half = faults.half_copied(self._study) if fault == "half_copied" else None
        with self._step("pool"):
            if fault == "killed_pool":
                self._faults.append(faults.killed(self._study, self._ring))
            elif fault == "two_at_once":
                self._faults.append(faults.at_once(self._study, self._ring))
            pooling.run(self._study, self._ring, wait_seconds=60)
        if half:
            self._faults.append(half())
        if held_back:
            self._faults.append(faults.late(self._study, self._day))
        added = self._delivered()[before:]
        self._counts |= {
            "deliveries": len(added),
            "refused": sum(bool(e.refused) for e in added),
            "accepted": sum(e.accepted for e in added),
            "quarantined": sum(e.quarantined for e in added),
            "duplicates": sum(e.duplicates for e in added),
        }  # fmt: skip

    def _begun(self) -> int:
        """Count what departments delivered before this day, however often the day is begun."""
        note = self._folder / "days" / f"{self._day}.before"
        if not note.is_file():
            disk.make_private(note.parent)
            disk.replace(note, f"{len(self._delivered())}\n".encode())
        return int(note.read_text())

    def _delivered(self) -> list[Entry]:
        """List what departments delivered, in the archive's order; it only grows."""
        held = archive.entries(self._study.state / "archive")
        return [entry for entry in held if entry.department not in tables.OWN]

    def _deliver(self, held_back: str) -> None:
        """Move what has arrived into the inbox."""
        waiting = self._folder / "waiting"
        for marker in sorted(waiting.rglob(f"*{DONE}")):
            place = marker.relative_to(waiting)
            if place.parts[0] == held_back:
                continue
            said = json.loads(marker.read_text(encoding="utf-8"))
            if datetime.fromisoformat(said["delivered"]) > self._moment:
                continue
            target = self._study.state / "inbox" / place.parent
            disk.make_private(target)
            file = marker.with_name(marker.name.removesuffix(DONE))
            if file.is_file():
                file.replace(target / file.name)
            marker.replace(target / marker.name)

    def _approve(self) -> None:
        """Put in force what the answers suggest, as a person would who reads them each evening."""
        with self._step("feedback"):
            outcomes = feedback.outcomes(*ledger.known(self._study, self._moment))
            changed = 0
            for one in thresholds.proposals(self._study, outcomes):
                if not one.reason:
                    thresholds.approve(
                        self._study, outcomes, one.rule, one.proposed, self._moment, actor=ACTOR
                    )
                    changed += 1
        self._counts["thresholds"] = changed

    def _push(self, asked: Mapping[str, Future[Found]]) -> None:
        with self._step("push"):
            done = daily.push(
                self._study, self._ring, self._moment, seed=self._plan.seed, asked=asked
            )
        lists = _lists(self._folder, self._day)
        shutil.rmtree(lists, ignore_errors=True)
        shutil.rmtree(_lists(self._folder, self._day - timedelta(days=2)), ignore_errors=True)
        with self._step("export"):
            known = worklists.summary(self._study, self._moment)
            names = [row["list"] for row in known.to_pylist() if row["lines"]]
            if names:
                worklists.export(
                    self._study, names, self._ring, self._moment, lists,
                    password=passwords.from_file(self._folder / "password"),
                )  # fmt: skip
        balance = ledger.balance(ledger.rows(self._study, self._moment))
        stand = targets.standing(self._study, self._moment)["standing"].value_counts()
        self._counts |= {"findings": done.findings, "pushed": done.rows, "lists": len(names)}
        self._counts |= {f"rows_{name}": many for name, many in balance.items()}
        self._counts |= {f"targets_{n}": int(stand.get(n, 0)) for n in targets.STANDINGS}

    def _report(self, names: Sequence[str]) -> None:
        from analytics.reporting import run as reports

        if not names:
            return
        with self._step("reports"):
            wanted = reports.orders(
                names, {"study": self._study.name}, [self._day.isoformat()],
                languages=("zh", "en"), output=self._folder / "pages",
            )  # fmt: skip
            made = list(reports.make_all(wanted, workers=reports.default_workers()))
        for name, many in (
            ("reports", sum(one.error is None for one in made)),
            ("reports_failed", sum(one.error is not None for one in made)),
        ):
            self._counts[name] = self._counts.get(name, 0) + many


@dataclass
class _Beside:
    """What a step beside did: seconds, counts, faults."""

    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    faults: list[faults.Outcome] = dataclasses.field(default_factory=list)


@passwords.rounds_once()
def _handed_in(plan: Plan, folder: Path, day: date) -> _Beside:
    """Let the field fill in yesterday's lists, strike at one, and take them in."""
    done = _Beside()
    out = sorted(_lists(folder, day - timedelta(days=1)).glob("*.xlsx"))
    back = folder / "returned"
    if not out:
        return done
    study = studies.load(plan.study)
    password = passwords.from_file(folder / "password")
    shutil.rmtree(back, ignore_errors=True)
    habits = field.Habits(error=plan.error, delay=plan.delay)
    begun = time.perf_counter()
    asked = field.Truth(study, day)
    filled = [
        field.fill(study, path, back, day, plan.seed, habits=habits, password=password,
                   asked=asked)
        for path in out
    ]  # fmt: skip
    done.seconds["field"] = time.perf_counter() - begun
    fault, files = plan.fault(day), [one.path for one in filled]
    struck = max(filled, key=lambda one: one.answered)
    if fault == "forged_list":
        faults.forged(struck.path, password)
    elif fault == "deleted_lines":
        faults.cut(struck.path, password)
    elif fault == "list_twice":
        files.append(faults.twice(struck.path))
    begun = time.perf_counter()
    moment = studies.moment(day) - timedelta(days=1) + _HANDED_IN
    took = verification.receive(study, files, keys.load(study.name), moment, password=password)
    done.seconds["receive"] = time.perf_counter() - begun
    sound = [one for one in took if isinstance(one, verification.Received)]
    if fault in faults.ON_LISTS:
        chosen = {struck.path.name, f"again.{struck.path.name}"}
        of = [one for path, one in zip(files, took, strict=True)
              if path.name in chosen and isinstance(one, verification.Received)]  # fmt: skip
        done.faults.append(faults.on_list(fault, of, struck.lines))
    done.counts["answers"] = sum(one.answers for one in sound)
    done.counts["aside"] = sum(len({row for row, _, _ in one.aside}) for one in sound)
    return done


def _screened(plan: Plan, day: date) -> None:
    """Make what screening gives beside its decisions about persons."""
    study = studies.load(plan.study)
    daily.screen(study, keys.load(study.name), day, wanted=_BESIDE)


def _looked_ahead(plan: Plan, folder: Path, day: date) -> _Beside:
    """Place the stranded, keep who is placed and who waits; forecast."""
    done, study = _Beside(), studies.load(plan.study)
    begun = time.perf_counter()
    placed = daily.place(study, day).persons
    done.seconds["place"] = time.perf_counter() - begun
    kept = pa.Table.from_pandas(placed[["person", "status"]], preserve_index=False)
    _write(folder, day, "beds", kept)
    states = placed["status"].value_counts().to_dict()
    done.counts["stranded"] = len(placed)
    done.counts |= {f"stranded_{name}": int(many) for name, many in states.items()}
    begun = time.perf_counter()
    forecasts.keep(study, day, folder / "days")
    done.seconds["forecast"] = time.perf_counter() - begun
    return done


def _lists(folder: Path, day: date) -> Path:
    """Name the folder of a day's lists, so that a replay that goes on finds the day before."""
    return folder / "lists" / str(day)


def _write(folder: Path, day: date, name: str, table: pa.Table) -> None:
    path = folder / "days" / f"{day}.{name}.parquet"
    disk.make_private(path.parent)
    pq.write_table(table, path)


def _memory() -> float:
    """Most memory of this process, and of the one beside once it ended [MB]."""
    every = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in every) / 1024
