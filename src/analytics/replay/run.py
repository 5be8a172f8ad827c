"""
A replay: each simulated day departments deliver, analyses run, lists go out and come back.

Everything is done by the functions that the commands use, on a home of its own. A day is noted
once it is whole; killed at any moment, a replay goes on with the day it was in.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import shutil
import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

from analytics import study as studies
from analytics.loop import feedback, ledger, passwords, thresholds, verification, worklists
from analytics.pool import archive, figures, pooling, staging
from analytics.pool.deliveries import DONE
from analytics.privacy import disk, keys
from analytics.replay import account, daily, faults, forecasts, truths
from analytics.replay import plan as plans
from analytics.simulation import field, province

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.replay.plan import Plan
    from analytics.study import Study

ACTOR: Final = "replay"
_HANDED_IN = timedelta(hours=20)  # of the day, when teams hand lists in


def replay(plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
    """
    Play a command day by day, or go on with one that was begun.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the replay alone: ``home`` (state), ``keys``, ``lists``, ``pages``, ``days``.
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
        ring = _prepared(plan, folder, study, say)
        for number, day in enumerate(plan.days):
            note = folder / "days" / f"{day}.json"
            if note.is_file():
                continue
            record = _Day(plan, folder, study, ring, day).live(first=number == 0)
            disk.make_private(note.parent)
            disk.replace(note, (json.dumps(record, ensure_ascii=False) + "\n").encode())
            say(f"{day}  {_line(record)}")
        account.draw_up(plan, folder, study, say)


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
def at_home(folder: Path) -> Iterator[None]:
    """Let state and keys lie in the replay's own folder, for this process and those it starts."""
    before = {name: os.environ.get(name) for name in ("WORKBENCH_HOME", "WORKBENCH_KEYS")}
    os.environ["WORKBENCH_HOME"] = str(folder / "home")
    os.environ["WORKBENCH_KEYS"] = str(folder / "keys")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _prepared(plan: Plan, folder: Path, study: Study, say: Callable[[str], None]) -> Ring:
    """Make keys, a password and the whole span's deliveries, which then wait for their day."""
    waiting = folder / "waiting"
    if not waiting.is_dir():
        for left in ("home", "keys"):
            shutil.rmtree(folder / left, ignore_errors=True)
        keys.create(study.name)
        disk.make_private(study.state)
        if not staging.current(study):
            figures.bring(study, lambda *_: None)
        made = province.simulate(
            study, plan.people, plan.seed, plan.first, plan.last, scenario_name=plan.scenario
        )
        say(f"{made.deliveries:,} deliveries of {plan.people:,} residents; {made.rule.en}")
        disk.replace(folder / "password", secrets.token_urlsafe(16).encode() + b"\n")
        (study.state / "inbox").rename(waiting)
    return keys.load(study.name)


def _line(record: dict[str, Any]) -> str:
    counts = record["counts"]
    struck = "".join(
        f"; {one['fault']}: {'withstood' if one['withstood'] else 'NOT WITHSTOOD'}"
        for one in record["faults"]
    )
    return (
        f"{counts['deliveries']} deliveries, {counts['accepted']:,} rows; {counts['persons']:,} "
        f"persons; {counts['pushed']} rows pushed, {counts['answers']} answers; "
        f"{sum(record['seconds'].values()):.1f} s{struck}"
    )


class _Day:
    """One day of a replay, step by step, each timed."""

    def __init__(self, plan: Plan, folder: Path, study: Study, ring: Ring, day: date) -> None:
        self._plan, self._folder, self._study, self._ring = plan, folder, study, ring
        self._day, self._moment = day, studies.moment(day)
        self._seconds: dict[str, float] = {}
        self._faults: list[faults.Outcome] = []
        self._counts: dict[str, int] = {}

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0) + time.perf_counter() - begun

    def live(self, *, first: bool) -> dict[str, Any]:
        """Do the day's work, and say what came of it."""
        self._receive()
        self._pool()
        with self._step("link"):
            linked = daily.link(self._study, self._ring, train=first)
        with self._step("screen"):
            screened = daily.screen(self._study, self._ring, self._day).rows["persons"]
        self._approve()
        self._push()
        self._place()
        with self._step("forecast"):
            forecasts.keep(self._study, self._day, self._folder / "days")
        with self._step("score"):
            found = truths.recognised(self._study, self._ring, screened)
            self._table("found", found)
        if self._plan.published(self._day):
            self._report()
        self._counts |= {"persons": linked.persons, "screened": screened.num_rows}
        return {
            "day": str(self._day), "seconds": self._seconds, "faults": self._faults,
            "counts": self._counts,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "disk_mb": sum(p.stat().st_size for p in self._study.state.rglob("*") if p.is_file())
            / 1e6,
        }  # fmt: skip

    def _table(self, name: str, table: Any) -> None:
        path = self._folder / "days" / f"{self._day}.{name}.parquet"
        disk.make_private(path.parent)
        pq.write_table(table, path)

    def _receive(self) -> None:
        """Let the field fill in yesterday's lists, and take them in."""
        lists, back = self._folder / "lists", self._folder / "returned"
        out = sorted(lists.glob("*.xlsx"))
        self._counts |= {"answers": 0, "aside": 0}
        if not out:
            return
        password = passwords.from_file(self._folder / "password")
        shutil.rmtree(back, ignore_errors=True)
        habits = field.Habits(error=self._plan.error, delay=self._plan.delay)
        with self._step("field"):
            asked = field.Truth(self._study, self._day)
            filled = [
                field.fill(
                    self._study, path, back, self._day, self._plan.seed, habits=habits,
                    password=password, asked=asked,
                )
                for path in out
            ]  # fmt: skip
        fault, files = self._plan.fault(self._day), [one.path for one in filled]
        struck = max(filled, key=lambda one: one.answered)
        if fault == "forged_list":
            faults.forged(struck.path, password)
        elif fault == "deleted_lines":
            faults.cut(struck.path, password)
        elif fault == "list_twice":
            files.append(faults.twice(struck.path))
        with self._step("receive"):
            done = verification.receive(
                self._study, files, self._ring, self._moment - timedelta(days=1) + _HANDED_IN,
                password=password,
            )  # fmt: skip
        sound = [one for one in done if isinstance(one, verification.Received)]
        if fault in {"forged_list", "deleted_lines", "list_twice"}:
            chosen = {struck.path.name, f"again.{struck.path.name}"}
            of = [one for path, one in zip(files, done, strict=True)
                  if path.name in chosen and isinstance(one, verification.Received)]  # fmt: skip
            self._faults.append(faults.on_list(fault, of, struck.lines))
        self._counts |= {
            "answers": sum(one.answers for one in sound),
            "aside": sum(len({row for row, _, _ in one.aside}) for one in sound),
        }

    def _pool(self) -> None:
        """Let departments deliver what had arrived by the day's end, and take it in."""
        fault = self._plan.fault(self._day)
        with self._step("deliver"):
            held_back = faults.HELD_BACK if fault == "late_department" else ""
            given = self._deliver(held_back)
            half = faults.half_copied(self._study) if fault == "half_copied" else None
        before = {entry.name for entry in archive.entries(self._study.state / "archive")}
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
        added = [e for e in archive.entries(self._study.state / "archive") if e.name not in before]
        self._counts |= {
            "given": given, "deliveries": len(added),
            "refused": sum(bool(e.refused) for e in added),
            "accepted": sum(e.accepted for e in added),
            "quarantined": sum(e.quarantined for e in added),
            "duplicates": sum(e.duplicates for e in added),
        }  # fmt: skip

    def _deliver(self, held_back: str) -> int:
        """Move what has arrived into the inbox; files moved."""
        waiting, moved = self._folder / "waiting", 0
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
            moved += 1
        return moved

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

    def _push(self) -> None:
        with self._step("push"):
            done = daily.push(self._study, self._ring, self._moment, seed=self._plan.seed)
        lists = self._folder / "lists"
        shutil.rmtree(lists, ignore_errors=True)
        with self._step("export"):
            known = worklists.summary(self._study, self._moment)
            names = [row["list"] for row in known.to_pylist() if row["lines"]]
            if names:
                worklists.export(
                    self._study, names, self._ring, self._moment, lists,
                    password=passwords.from_file(self._folder / "password"),
                )  # fmt: skip
        balance = ledger.balance(ledger.rows(self._study, self._moment))
        self._counts |= {"findings": done.findings, "pushed": done.rows, "lists": len(names)}
        self._counts |= {f"rows_{name}": many for name, many in balance.items()}

    def _place(self) -> None:
        """Place the stranded; keep who is placed and who waits."""
        with self._step("place"):
            done = daily.place(self._study, self._day)
        import pyarrow as pa

        self._table("beds", pa.Table.from_pandas(done.persons[["person", "status"]],
                                                 preserve_index=False))  # fmt: skip
        states = done.persons["status"].value_counts().to_dict()
        self._counts["stranded"] = len(done.persons)
        self._counts |= {f"stranded_{name}": int(many) for name, many in states.items()}

    def _report(self) -> None:
        from analytics.reporting import run as reports
        from analytics.reporting.parameters import STANDARD

        with self._step("reports"):
            wanted = reports.orders(
                STANDARD, {"study": self._study.name}, [self._day.isoformat()],
                languages=("zh", "en"), output=self._folder / "pages",
            )  # fmt: skip
            made = list(reports.make_all(wanted, workers=reports.default_workers()))
        self._counts["reports"] = sum(one.error is None for one in made)
        self._counts["reports_failed"] = sum(one.error is not None for one in made)
