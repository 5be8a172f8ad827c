"""What other schedulers rely on: typed parameters cell, no outputs, plain Papermill runs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from analytics import study
from analytics.pool import figures
from analytics.reporting.parameters import REPORTS, cell

NOTEBOOKS = sorted((study.root() / "notebooks").glob("*.ipynb"))
TEMPLATES = sorted((study.root() / "notebooks" / "templates").glob("*.ipynb"))
LONG = (
    "analysis",
    "county_risk",
    "loop",
    "resettlement_demand",
    "risk_grading",
    "travel_channel",
)  # in `make report` too


def read(notebook: Path) -> nbformat.NotebookNode:
    return nbformat.read(notebook, as_version=4)


def code(notebook: Path) -> list[nbformat.NotebookNode]:
    return [each for each in read(notebook).cells if each.cell_type == "code"]


def test_every_report_has_its_notebook_and_every_notebook_its_report():
    assert {notebook.stem for notebook in NOTEBOOKS} == set(REPORTS)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_cell_is_the_model(notebook: Path):
    tagged = [each for each in code(notebook) if "parameters" in each.metadata.get("tags", [])]
    assert [each.source for each in tagged] == [cell(REPORTS[notebook.stem])]


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *TEMPLATES], ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(notebook: Path):
    assert [each for each in code(notebook) if each.outputs or each.execution_count] == []


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *TEMPLATES], ids=lambda path: path.stem)
def test_notebook_holds_no_logic(notebook: Path):
    source = "\n".join(each.source for each in code(notebook))
    assert len([line for line in source.splitlines() if line.strip()]) <= 60
    logic = ast.For | ast.While | ast.If | ast.FunctionDef | ast.ClassDef | ast.Try | ast.Lambda
    assert [node for node in ast.walk(ast.parse(source)) if isinstance(node, logic)] == []


@pytest.mark.parametrize(
    "notebook",
    [
        pytest.param(path, marks=pytest.mark.slow if path.stem in LONG else ())
        for path in [*NOTEBOOKS, *TEMPLATES]
    ],
    ids=lambda path: path.stem,
)
def test_plain_papermill_runs_it(notebook: Path, tmp_path: Path):
    figures.bring(study.load("hubei-2020"))
    made = tmp_path / "out.ipynb"
    run = subprocess.run(
        [sys.executable, "-m", "papermill", str(notebook.relative_to(study.root())), str(made),
         "-p", "as_of", "2020-02-29", "--no-progress-bar"],
        cwd=study.root(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert {each.metadata.papermill.status for each in code(made)} == {"completed"}
