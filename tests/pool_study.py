"""A study with an empty inbox of its own, and deliveries to put into it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from analytics import study
from analytics.pool import figures

HEADING = "facility,date,county,beds,occupied"
START = datetime(2020, 2, 1, 8, tzinfo=study.ZONE)


def make(monkeypatch, folder):
    """Give the study `hubei-2020` a state folder and keys of its own."""
    monkeypatch.setenv("WORKBENCH_HOME", str(folder / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
    return study.load("hubei-2020")


@cache
def _published() -> tempfile.TemporaryDirectory:
    folder = tempfile.TemporaryDirectory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", folder.name)
        figures.bring(study.load("hubei-2020"))
    return folder


def with_published(home: Path) -> None:
    """Give the study `hubei-2020` below a folder an archive of its published files."""
    shutil.copytree(Path(_published().name), home, dirs_exist_ok=True)


@dataclass(frozen=True)
class Row:
    """A row of feed `beds`; some are unsound."""

    facility: str
    day: str
    beds: str

    def line(self) -> str:
        return f"{self.facility},{self.day},420102,{self.beds},1\n"


def content(rows):
    """File of these rows."""
    return (HEADING + "\n" + "".join(row.line() for row in rows)).encode()


def when(hours: float) -> datetime:
    """Moment some hours after the first delivery."""
    return START + timedelta(hours=hours)


DAY = date(2020, 2, 1)
