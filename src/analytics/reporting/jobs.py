"""
Jobs of JupyterLab's scheduler: a report is made as `workbench report` makes it.

    job ──► a report's notebook? ──► parameters ──► `run` ──► page and executed notebook
                └──► an analyst's own: as the scheduler runs any notebook
"""

from __future__ import annotations

import ast
import os
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from jupyter_scheduler.executors import DefaultExecutionManager
from jupyter_scheduler.models import JobFeature, Status
from jupyter_scheduler.orm import Job

from analytics import study as studies
from analytics.errors import RunError, WorkbenchError
from analytics.render.blocks import LANGUAGES
from analytics.reporting import publication, run, schedule
from analytics.reporting.parameters import REPORTS


class ReportJob(DefaultExecutionManager):  # type: ignore[misc] # it has no types
    """
    One job, run in a process of its own; the scheduler makes it by its documented interface.

    A notebook that has a report's name and code makes the report: pages, manifest, lock and
    marked record are those of `run`. Any other notebook runs as it would without this class.
    """

    def execute(self) -> None:
        """
        Make the report, or run the notebook.

        Raises
        ------
        ParameterError
            Listing everything wrong with the job's parameters, before a kernel starts.
        WorkbenchError
            If the report cannot be made; the last good pages stand.
        """
        report = _report(self.model.input_filename)
        if report is None:
            super().execute()
            return
        _refuse_another(report, Path(self.staging_paths["input"]))
        (outcome,) = run.make_all([_order(report, self.model, self.staging_paths)], workers=1)
        if outcome.error is not None:
            raise outcome.error
        if "html" in self.model.output_formats:
            shown = os.environ.get("WORKBENCH_LANGUAGE")
            page = outcome.pages[LANGUAGES.index(shown) if shown in LANGUAGES else 0]
            publication.publish({Path(self.staging_paths["html"]): page.read_bytes()})

    def on_failure(self, e: Exception) -> None:
        """Put the reason into the job's status: of a report's, nothing that a cell said."""
        if _report(self.model.input_filename) is None:
            super().on_failure(e)
            return
        foreseen = isinstance(e, WorkbenchError)
        if not foreseen:
            traceback.print_tb(e.__traceback__)  # places in the code, no values
        said = str(e) if foreseen else f"nobody foresaw this: {type(e).__name__}; please report it"
        with self.db_session() as session:
            job = session.query(Job).filter(Job.job_id == self.job_id)
            job.update({"status": Status.FAILED, "status_message": said})
            session.commit()

    # The scheduler hands both of these the class itself, so they are no class methods
    def supported_features(cls) -> dict[JobFeature, bool]:  # noqa: N805
        """Say what a job may ask for: what any job may, and parameters."""
        return {**DefaultExecutionManager.supported_features(cls), JobFeature.parameters: True}

    def validate(cls, input_path: str) -> bool:  # noqa: N805
        """Say whether a notebook can start: a report brings its kernel, others must name one."""
        named = _report(Path(input_path).name) is not None
        return named or bool(DefaultExecutionManager.validate(cls, input_path))


def _report(filename: str) -> str | None:
    """Report that a notebook is named after; all that the scheduler keeps is the file's name."""
    name = filename.removesuffix(".ipynb")
    return name if name in REPORTS and name != filename else None


def _refuse_another(report: str, staged: Path) -> None:
    """Refuse a copy whose code is not the report's: something else would be made of it."""
    ours = studies.root() / "notebooks" / f"{report}.ipynb"
    if ours.is_file() and _code(staged) != _code(ours):
        raise RunError(
            f"the job's copy of '{ours.name}' holds other code than 'notebooks/{ours.name}'",
            remedy="if the workbench changed since, define the job anew; "
            "give a notebook of your own a name of its own",
        )


def _code(notebook: Path) -> list[str]:
    read = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    return [cell.source for cell in read.cells if cell.cell_type == "code"]


def _order(report: str, job: Any, staging: dict[str, str]) -> run.Order:
    """Check a job's parameters; days are counted from the day on which it was due."""
    due = datetime.fromtimestamp(job.create_time / 1000, studies.ZONE)
    entries = {
        name: schedule.dated(_unquoted(text), due) for name, text in (job.parameters or {}).items()
    }
    (order,) = run.orders(
        [report],
        entries,
        [entries.pop("as_of", "")],
        languages=LANGUAGES,
        output=studies.root() / "reports",
    )
    if "ipynb" not in job.output_formats:
        return order
    return replace(order, again=True, record=Path(staging["ipynb"]))


def _unquoted(text: str) -> str:
    """Text of a parameter, whether or not it was quoted as the scheduler itself would need it."""
    with suppress(ValueError, SyntaxError):
        read = ast.literal_eval(text)
        return read if isinstance(read, str) else text
    return text
