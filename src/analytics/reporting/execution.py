"""
Execution of one notebook: typed parameters in, blocks out, or an error that says why.

Papermill runs in this process; the kernel is one of `kernels`, in private and used once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analytics import errors
from analytics.errors import RunError
from analytics.render.blocks import MIMETYPE
from analytics.reporting import nursery
from analytics.reporting.parameters import ReportParameters

if TYPE_CHECKING:
    from nbformat import NotebookNode


_OUT_OF_MEMORY = re.compile(r"Memory(?:Error|Exception)$")  # Python's, NumPy's, Arrow's, DuckDB's


def execute(
    notebook: Path,
    parameters: ReportParameters,
    record: Path,
    *,
    cell_timeout: int = 1800,
    memory: int = 0,
    progress: Mapping[str, Any] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """
    Run a notebook and collect the blocks it showed.

    Parameters
    ----------
    notebook : Path
        The notebook as committed.
    parameters : ReportParameters
        Checked parameters.
    record : Path
        Where the run is written down cell by cell; after a failure it is marked as failed.
    cell_timeout : int
        Longest time a single cell may take [s].
    memory : int
        Most memory its kernel may ask for [MB]; 0: nine tenths of the machine's.
    progress : mapping
        Look of the progress bar (tqdm's settings), which a terminal shows and a log does not.

    Returns
    -------
    list of dict
        Blocks in the order shown.

    Raises
    ------
    RunError
        If a cell fails, hangs, or the kernel dies, or the notebook shows no complete page.
    """
    nursery.prepare(notebook)
    from analytics.reporting import kernels

    memory = memory or kernels.standard_memory()
    import papermill  # while the kernel's imports go on

    from analytics.reporting import engines

    with tempfile.TemporaryDirectory(prefix="workbench-", dir=nursery.place()) as private:
        environment = {"IPYTHONDIR": private, "PYTHONHASHSEED": "0", "WORKBENCH_IN_REPORT": "1"}
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            executed = papermill.execute_notebook(
                notebook,
                record,
                parameters=_as_injected(parameters),
                kernel_name="python3",
                engine_name=engines.NAME,
                progress_bar={"disable": None, "leave": False, **progress},
                execution_timeout=cell_timeout,
                kernel_manager_class=kernels.manager(
                    Path(private), notebook, memory, parameters.study
                ),
                shutdown_kernel="immediate",
            )
        except Exception as error:
            reason = _reason(error, notebook, cell_timeout, memory)
            mark_failed(record, reason)
            raise RunError(
                f"report '{notebook.stem}' failed: {reason}",
                remedy="open its marked record, beside the report, in JupyterLab",
            ) from error
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
    return _blocks(executed, notebook, record)


def mark_failed(record: Path, reason: str) -> None:
    """
    Say in a run's record that it failed and why; cells that never ran are pending.

    Papermill calls every cell "completed" once it stops, whatever stopped it.
    """
    import nbformat

    if not record.exists():
        return
    try:
        executed = nbformat.read(record, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, nbformat.reader.NotJSONError):  # torn: the disk was full
        executed = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    failed = False
    for cell in executed.cells:
        state = cell.metadata.get("papermill", {})
        started, ended = state.get("start_time"), state.get("end_time")
        if failed or not started:
            state["status"] = "pending"
        elif state.get("exception") or not ended or cell is _last_started(executed):
            state["status"], failed = "failed", True
    executed.metadata.setdefault("papermill", {})["exception"] = True
    executed.metadata["workbench"] = {"outcome": "failed", "reason": reason}
    text = f"# Failed run / 运行失败\n\n    {reason}"
    banner = nbformat.v4.new_markdown_cell(text)  # type: ignore[no-untyped-call]
    banner.metadata["tags"] = ["workbench-failed"]
    if not executed.cells or "workbench-failed" not in executed.cells[0].metadata.get("tags", []):
        executed.cells.insert(0, banner)
    written = nbformat.writes(executed)  # type: ignore[no-untyped-call]
    record.write_text(written, encoding="utf-8")


def _last_started(executed: NotebookNode) -> Any:
    started = [c for c in executed.cells if c.metadata.get("papermill", {}).get("start_time")]
    return started[-1] if started else None


def _as_injected(parameters: ReportParameters) -> dict[str, Any]:
    return parameters.model_dump(mode="json")


def _reason(error: Exception, notebook: Path, cell_timeout: int, memory: int) -> str:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, DeadKernelError):
        return "its kernel died (killed, or out of memory)"
    if isinstance(error, CellTimeoutError):
        return f"a cell ran longer than {cell_timeout} s and was stopped"
    if isinstance(error, PapermillExecutionError):
        if _OUT_OF_MEMORY.search(error.ename):
            return f"cell {error.cell_index} asked for more memory than {memory} MB"
        # Only our own errors promise to name no personal value.
        known = issubclass(getattr(errors, error.ename, object), errors.WorkbenchError)
        return f"cell {error.cell_index} raised {error.ename}{f': {error.evalue}' if known else ''}"
    if isinstance(error, OSError):
        return f"its record could not be written: {os.strerror(error.errno or 0)}"
    return f"{notebook.name} could not be run: {type(error).__name__}"


def _blocks(executed: NotebookNode, notebook: Path, record: Path) -> list[dict[str, Any]]:
    blocks = [
        output.data[MIMETYPE]
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if MIMETYPE in output.get("data", {})
    ]
    mastheads = sum(block.get("kind") == "masthead" for block in blocks)
    skipped = [n for n, c in enumerate(executed.cells) if c.get("execution_count", 0) is None]
    # Papermill lets a notebook that leaves with sys.exit(0) pass as completed
    if skipped or mastheads != 1:
        reason = (
            f"it stopped before cell {skipped[0]}"
            if skipped
            else f"it showed {mastheads} mastheads; a page has exactly one"
        )
        mark_failed(record, reason)
        raise RunError(
            f"report '{notebook.stem}' failed: {reason}",
            remedy="end one cell of the notebook in its masthead block",
        )
    return blocks
