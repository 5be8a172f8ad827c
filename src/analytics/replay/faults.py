"""Faults that strike a replay as they strike a command, and whether each was withstood."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from analytics import study as studies
from analytics.errors import BusyError
from analytics.loop import sheets
from analytics.pool import archive, pooling, time_nodes
from analytics.pool.deliveries import DONE
from analytics.privacy import passwords

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from analytics.loop.verification import Received
    from analytics.privacy.keys import Ring
    from analytics.study import Study

ON_LISTS = ("forged_list", "list_twice", "deleted_lines")
HELD_BACK = "health"  # department that is late on its day
_WAIT = 1.5  # seconds that a run lives before it is killed
Outcome = dict[str, Any]


def late(study: Study, day: date) -> Outcome:
    """See that deliveries held back are counted as owed."""
    moment = studies.moment(day)
    entries = archive.entries(study.state / "archive")
    account = time_nodes.ledger(study, entries, moment)
    owed = account[
        (account["department"] == HELD_BACK)
        & account["status"].isin(["missing", "waiting"])
        & (account["date"].astype(str) == str(day))
    ]
    return _said("late_department", f"{len(owed)} time nodes owed", held=len(owed) > 0)


def half_copied(study: Study) -> Callable[[], Outcome]:
    """Copy half of a delivery into the inbox, under a marker that states the whole."""
    inbox = study.state / "inbox"
    whole = max(
        (p for p in inbox.rglob("*") if p.is_file() and not p.name.endswith(DONE)),
        key=lambda p: p.stat().st_size,
        default=None,
    )
    if whole is None:
        return lambda: _said("half_copied", "nothing was delivered", held=True)
    feed, _, suffix = whole.name.partition(".")
    half = whole.with_name(f"{feed}.half.{suffix.split('.', 1)[-1] if '.' in suffix else suffix}")
    content = whole.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    marker = json.loads(whole.with_name(whole.name + DONE).read_text(encoding="utf-8"))
    half.with_name(half.name + DONE).write_text(json.dumps(marker), encoding="utf-8")

    def seen() -> Outcome:
        found = [e for e in archive.entries(study.state / "archive") if e.file == half.name]
        refused = [e.refused for e in found if e.refused]
        return _said("half_copied", f"refused: {refused}", held=bool(refused))

    return seen


def killed(study: Study, ring: Ring) -> Outcome:
    """Kill a run of the pool outright, then run it again."""
    before = len(archive.entries(study.state / "archive"))
    run = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "analytics", "pool", "--quiet", "--study", study.name],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    time.sleep(_WAIT)
    run.kill()
    run.wait()
    done = pooling.run(study, ring, wait_seconds=60)
    after = len(archive.entries(study.state / "archive"))
    left = [p for p in (study.state / "inbox").rglob("*") if p.is_file()]
    said = f"{after - before} deliveries, {len(left)} files left, {done.waiting} waiting"
    return _said("killed_pool", said, held=len(left) == done.waiting)


def at_once(study: Study, ring: Ring) -> Outcome:
    """Start a run while another writes."""
    try:
        with archive.writing(study.state / "archive"):
            pooling.run(study, ring)
    except BusyError as error:
        return _said("two_at_once", type(error).__name__, held=True)
    return _said("two_at_once", "both ran", held=False)


def forged(path: Path, password: str) -> None:
    """Change the reason, a locked cell, of a list's first line."""
    _edit(path, password, lambda page, columns: page.cell(2, columns["reason"], "forged"))


def cut(path: Path, password: str) -> None:
    """Delete a list's last line."""
    _edit(path, password, lambda page, _: page.delete_rows(page.max_row))


def twice(path: Path) -> Path:
    """Copy a list, to be handed in a second time."""
    again = path.with_name(f"again.{path.name}")
    shutil.copy(path, again)
    return again


def on_list(fault: str, done: list[Received], lines_before: int) -> Outcome:
    """See that a tampered list was taken as it should."""
    aside = sum(reason == "seal" for one in done for _, _, reason in one.aside)
    repeated = sum(one.repeated for one in done)
    lines = sum(one.lines for one in done)
    held = {
        "forged_list": aside > 0,
        "list_twice": repeated > 0 or not sum(one.answers for one in done),
        "deleted_lines": lines == lines_before - 1,
    }[fault]
    return _said(fault, f"{aside} set aside, {repeated} known before, {lines} lines", held=held)


def _edit(path: Path, password: str, change: Callable[[Any, dict[str, int]], Any]) -> None:
    import openpyxl

    content = path.read_bytes()
    locked = passwords.locked(content)
    book = openpyxl.load_workbook(io.BytesIO(passwords.unlock(content, password)))
    page = book[sheets.SHEET]
    columns = {str(cell.value).split()[-1]: int(cell.column or 0) for cell in page[1]}
    page.protection.sheet = False
    change(page, columns)
    stream = io.BytesIO()
    book.save(stream)
    plain = stream.getvalue()
    path.write_bytes(passwords.lock_workbook(plain, password) if locked else plain)


def _said(fault: str, seen: str, *, held: bool) -> Outcome:
    return {"fault": fault, "seen": seen, "withstood": held}
