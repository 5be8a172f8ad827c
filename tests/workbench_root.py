"""A small workbench of its own for tests: one study, one notebook that behaves as told."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

STUDY = """
region = "420000"
nature = "real"
as_of = 2020-02-29
first_date = 2020-01-23
last_date = 2020-04-15
[title]
zh = "试验"
en = "Trial"
[region_name]
zh = "湖北省"
en = "Hubei Province"
"""

SHOW = """
from analytics.render.blocks import Lead, Masthead, Text
Masthead(Text("试验", "Trial"), Text("湖北省", "Hubei"), parameters.as_of.isoformat(), "real")
"""

LEAD = """
Lead(Text(f"窗口 {parameters.window_days} 天", f"A window of {parameters.window_days} days"))
"""


def make(root: Path, *cells: str) -> Path:
    """Write a workbench whose only notebook has these cells after its parameters."""
    from analytics.reporting.parameters import RiskGrading, cell

    folder = root / "data" / "hubei-2020"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    declared = new_code_cell(cell(RiskGrading), metadata={"tags": ["parameters"]})
    check = new_code_cell(
        "from analytics.reporting.parameters import RiskGrading\n"
        "parameters = RiskGrading(\n"
        "    study=study, as_of=as_of, window_days=window_days,\n"
        "    cumulative_cutoff=cumulative_cutoff, retrospective=retrospective)"
    )
    shown = cells or (SHOW, LEAD)
    notebook = new_notebook(
        cells=[declared, check, *map(new_code_cell, shown)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    for position, each in enumerate(notebook.cells):
        each["id"] = f"cell-{position}"
    (root / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, root / "notebooks" / "risk_grading.ipynb")
    return root
