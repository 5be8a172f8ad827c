"""
Papermill's engine of report runs: the record is written as often as a run can spare it.

Papermill writes the whole record when a cell starts and again when it ends; with a page's figures
in it, that took as long as a third of its cells. Here it is written when a cell starts, if that
keeps writing below a twentieth of the time; whole when a run breaks off, and once at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from papermill.engines import NBClientEngine, papermill_engines

NAME: Final = "workbench"
_SHARE: Final = 0.05  # most of a run's time that writing its record may take


class SparedRecord(NBClientEngine):  # type: ignore[misc] # Papermill is untyped
    """Papermill's own engine, which writes the record seldom enough not to be felt."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
        """Run all cells; `nb_man` keeps the record."""
        written = nb_man.save
        nb_man.save = _sparing(written)
        try:
            ran = super().execute_managed_notebook(nb_man, kernel_name, **settings)
        except BaseException:
            nb_man.save = written  # the kernel is gone: what is known is written at the end
            raise
        nb_man.save = _not_now  # Papermill writes all once the run is closed
        return ran


def _sparing(write: Callable[..., None]) -> Callable[..., None]:
    """Write, unless writing took more than its share of the time so far."""
    due = 0.0

    def spared(**more: Any) -> None:
        nonlocal due
        begun = time.monotonic()
        if begun >= due:
            write(**more)
            ended = time.monotonic()
            due = ended + (ended - begun) / _SHARE

    return spared


def _not_now(**_: Any) -> None:
    """Leave the record as it is."""


papermill_engines.register(NAME, SparedRecord)
