"""
From a report's name to its pages: check, run, lay out, publish, list.

    parameters ──► up to date? ──► notebook ──► blocks ──► a page per language ──► published
                       └──► says so, and nothing runs

A run that fails in any way leaves the last good pages as they are and its own record,
``<report>.failed.ipynb``, marked, beside them; the next good run clears it away.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from analytics import study as studies
from analytics.errors import PublicationError, RunError, SetupError, WorkbenchError
from analytics.render.blocks import Language
from analytics.reporting import (
    catalogue,
    crate,
    digest,
    execution,
    manifest,
    nursery,
    publication,
)
from analytics.reporting.parameters import STANDARD, ReportParameters, model, parse

_MAKING = (
    "analytics.reporting.kernels",
    "analytics.reporting.engines",
    "analytics.reporting.run",
    "analytics.render.page",
)


@dataclass(frozen=True)
class Order:
    """One report to be made: its name, checked parameters, languages and destination."""

    report: str
    parameters: ReportParameters
    languages: tuple[Language, ...]
    output: Path
    again: bool = False  # make it even if it is up to date
    cell_timeout: int = 1800  # longest time of a single cell [s]
    line: int = 0  # which line of a terminal shows its progress
    memory: int = 0  # most memory of its kernel [MB]; 0: nine tenths of the machine's
    record: Path | None = None  # where its executed notebook is left; None: only that of a failure

    @property
    def notebook(self) -> Path:
        """The notebook behind the report."""
        return studies.root() / "notebooks" / f"{self.report}.ipynb"

    @property
    def folder(self) -> Path:
        """Where the pages appear."""
        return self.output / self.parameters.study / self.parameters.as_of.isoformat()

    @property
    def stem(self) -> str:
        """File name of the pages without language and extension."""
        variant = self.parameters.variant()
        return f"{self.report}.{variant}" if variant else self.report

    def page(self, language: Language) -> Path:
        """Where the page of a language appears."""
        return self.folder / f"{self.stem}.{language}.html"


@dataclass(frozen=True)
class Outcome:
    """What became of an order."""

    order: Order
    pages: tuple[Path, ...] = ()
    seconds: float = 0.0
    fresh: bool = False  # nothing new to do: the pages stood already
    error: WorkbenchError | None = None


def orders(
    reports: Sequence[str],
    entries: Mapping[str, Any],
    days: Sequence[str] = (),
    *,
    languages: tuple[Language, ...],
    output: Path,
    again: bool = False,
    cell_timeout: int = 1800,
    memory: int = 0,
) -> list[Order]:
    """
    Check what is asked for, before anything starts.

    Parameters
    ----------
    reports : sequence of str
        Names; empty means those of `STANDARD`.
    entries : mapping
        Parameter to value, for every named report.
    days : sequence of str
        As-of days, each of which gives a report of its own; empty: the study's.
    languages : tuple of str
        Languages to lay pages out in.
    output : Path
        Folder of all reports.
    again : bool
        Whether to make reports that are up to date, too.
    cell_timeout : int
        Longest time of a single cell [s].
    memory : int
        Most memory of a kernel [MB]; 0: nine tenths of the machine's.

    Raises
    ------
    ParameterError
        If a report or one of its parameters is unknown, mistyped or impossible.
    """
    for name in reports:
        model(name)
    wanted = [
        (name, parse(name, {**entries, "as_of": day}))
        for name in dict.fromkeys(reports or STANDARD)
        for day in dict.fromkeys(days or [""])
    ]
    return [
        Order(name, parameters, languages, output, again, cell_timeout, line, memory)
        for line, (name, parameters) in enumerate(wanted)
    ]


def make_all(wanted: Sequence[Order], *, workers: int) -> Iterator[Outcome]:
    """
    Make reports in parallel worker processes and yield each outcome as it comes.

    Parameters
    ----------
    wanted : sequence of Order
        What to make.
    workers : int
        Number of processes; with one, or one order, all happens in this process.
    """
    if any(order.again for order in wanted):
        nursery.prepare(*(order.notebook for order in wanted))
    stale = []
    for order in wanted:  # to find that a page stands costs less than a process
        found = _standing(order)
        if found is None:
            stale.append(order)
        else:
            yield found
    if workers == 1 or len(stale) == 1:
        yield from (make(order) for order in stale)
    elif stale:
        yield from _make_apart(stale, min(workers, len(stale)))
    for output in {order.output for order in wanted}:
        catalogue.write(output)


def _make_apart(stale: Sequence[Order], workers: int) -> Iterator[Outcome]:
    """Make reports in processes whose death hurts one report each."""
    lent = nursery.prepare(*(order.notebook for order in stale))
    waiting, done = SimpleQueue[Order](), SimpleQueue[Outcome]()
    for order in stale:
        waiting.put(order)
    with ThreadPoolExecutor(workers) as supervisors:
        for _ in range(workers):
            supervisors.submit(_supervise, waiting, done, lent)
        for _ in stale:
            yield done.get()


def _supervise(waiting: SimpleQueue[Order], done: SimpleQueue[Outcome], lent: str) -> None:
    """Have one process at a time make what waits; a new one takes over where one died."""
    beside = worker(lent)
    try:
        while True:
            order = waiting.get_nowait()
            try:
                outcome = beside.submit(make, order).result()
            except BrokenProcessPool:
                outcome = Outcome(order, error=_lost(order))
                beside = worker(lent)
            except Exception as error:  # noqa: BLE001 - who waits for an outcome gets one
                outcome = Outcome(order, error=RunError(f"{order.report}: {type(error).__name__}"))
            done.put(outcome)
    except Empty:
        pass
    finally:
        beside.shutdown()


def worker(lent: str = "") -> ProcessPoolExecutor:
    """
    Start a process beside this one that ends with it, even where this one is killed.

    Parameters
    ----------
    lent : str
        Address of the nursery that it has kernels from; empty: one of its own, once it needs it.
    """
    # forked from a server that has imported what making takes, and has no threads
    beside = get_context("forkserver")
    beside.set_forkserver_preload(list(_MAKING))
    return ProcessPoolExecutor(
        1, mp_context=beside, initializer=_begin, initargs=(lent, dict(os.environ))
    )


def _begin(lent: str, environment: dict[str, str]) -> None:
    """Take over the environment of the process beside which it stands, and end with it."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)  # as if killed too: nobody is left to take what it makes

    gc.freeze()  # what the server imported is no rubbish, however often that is looked for
    os.environ.clear()  # the server's is of the day it was started
    os.environ.update(environment)
    Thread(target=watch, daemon=True).start()
    if lent:
        nursery.borrow(lent)


def _lost(order: Order) -> RunError:
    return RunError(
        f"report '{order.report}' as of {order.parameters.as_of} lost its process (killed, or out "
        "of memory)",
        remedy="run it again; the last good pages stand unchanged",
    )


def make(order: Order) -> Outcome:
    """Make one report, or find that it stands already; errors come back in the outcome."""
    started = time.monotonic()
    found = _standing(order)
    if found is not None:
        return found
    try:
        made_from = manifest.entry(order.report, order.parameters, order.notebook)
        with publication.lock(order.folder, order.stem):
            _run_and_publish(order, made_from)
    except WorkbenchError as error:
        return Outcome(order, seconds=time.monotonic() - started, error=error)
    pages = tuple(order.page(language) for language in order.languages)
    return Outcome(order, pages, time.monotonic() - started)


def _standing(order: Order) -> Outcome | None:
    """Find that a report's pages stand, or cannot be made; neither: it is to be made."""
    started = time.monotonic()
    try:
        if not order.notebook.is_file():
            raise SetupError(
                f"report '{order.report}' has no notebook '{order.notebook}'",
                remedy="bring the notebooks folder of this version back",
            )
        _bring_published(order.parameters.study)
        made_from = manifest.entry(order.report, order.parameters, order.notebook)
    except WorkbenchError as error:
        return Outcome(order, seconds=time.monotonic() - started, error=error)
    pages = tuple(order.page(language) for language in order.languages)
    names = [page.name for page in pages]
    if order.again or not manifest.current(
        order.folder, order.stem, made_from["fingerprint"], names
    ):
        return None
    return Outcome(order, pages, time.monotonic() - started, fresh=True)


def _bring_published(name: str) -> None:
    """Bring the study's published files into its archive, if they are not there yet."""
    from analytics.pool import staging

    study = studies.load(name)
    if not staging.current(study):
        from analytics.pool import figures

        figures.bring(study)


def _run_and_publish(order: Order, made_from: dict[str, Any]) -> None:
    from analytics.render import page

    draft = order.folder / f".{order.stem}.run.ipynb"
    failed = order.folder / f"{order.stem}.failed.ipynb"
    _keep_interrupted(draft, failed)
    with suppress(OSError):  # what cells printed is for this account's eyes only
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
    title = f"{order.report} {order.parameters.as_of}"
    try:
        blocks = execution.execute(
            order.notebook,
            order.parameters,
            draft,
            cell_timeout=order.cell_timeout,
            memory=order.memory,
            progress={"desc": title, "position": order.line},
        )
        hrefs = {language: order.page(language).name for language in order.languages}
        pages = {
            order.page(language): page.html(
                blocks, language, languages=hrefs, made=made_from
            ).encode()
            for language in order.languages
        }
        _leave_record(order, draft)
        _publish(order, pages, blocks, made_from)
    except WorkbenchError as error:
        with suppress(OSError):
            execution.mark_failed(draft, error.what)
            with suppress(OSError, PublicationError):
                _leave_record(order, draft)
            draft.replace(failed)
        raise
    draft.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)


def _leave_record(order: Order, draft: Path) -> None:
    if order.record is not None:
        publication.publish({order.record: draft.read_bytes()})


def _publish(
    order: Order,
    pages: dict[Path, bytes],
    blocks: list[dict[str, Any]],
    made_from: dict[str, Any],
) -> None:
    stored = json.dumps(digest.kept(blocks), ensure_ascii=False, separators=(",", ":")).encode()
    digests = {path.name: hashlib.sha256(body).hexdigest() for path, body in pages.items()}
    with publication.lock(order.folder, manifest.NAME, wait_seconds=60):
        entries = manifest.read(order.folder)
        known = entries.get(order.stem, {})
        if known.get("fingerprint") == made_from["fingerprint"]:
            digests = {**known.get("pages", {}), **digests}  # the other language still holds
        entries[order.stem] = {
            **made_from,
            "pages": digests,
            "blocks": hashlib.sha256(stored).hexdigest(),
            **manifest.anchor(order.parameters.study),
        }
        described = {order.folder / crate.NAME: crate.text(entries)}
        listed = {order.folder / manifest.NAME: manifest.text(entries)}
        kept = {digest.blocks_of(order.folder, order.stem): stored}
        publication.publish({**pages, **kept, **described, **listed})
        for printed in known.get("prints", {}):  # of pages that are no more
            (order.folder / printed).unlink(missing_ok=True)


def _keep_interrupted(draft: Path, failed: Path) -> None:
    """Mark and keep the record of a killed run: nobody holds it any more."""
    if draft.exists():
        with suppress(OSError, ValueError):
            execution.mark_failed(draft, "the run was killed before its end")
            shutil.move(draft, failed)


def default_workers() -> int:
    """Count the processes this machine is given at once: one waits for its kernel at any time."""
    return len(os.sched_getaffinity(0)) + 1
