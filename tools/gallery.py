"""
Run the notebooks of docs/gallery, each in a clean kernel, and write what they show as HTML.

    python tools/gallery.py [NAME ...]

Papermill runs them, two at a time, on a state of their own; pages go to build/gallery. The exit
code is 1 if a notebook does not keep the gallery's rules (see ``breaches``) or ends in an error;
all are run, all are reported.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "gallery"
TARGET = ROOT / "build" / "gallery"
LINES = 80  # of words and code: two screens
SECONDS = 300  # that a notebook may take
LOGIC = (
    ast.For, ast.While, ast.If, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try,
)  # fmt: skip
PLOTLY = "application/vnd.plotly.v1+json"
LIBRARY = "plotly-basic.min.js"
PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style><script src="{library}"></script></head><body><main>
{body}
</main></body></html>
"""
STYLE = """
.prompt { display: none; }
.cell { margin: 18px 0; } .output { margin-top: 12px; }
.highlight { background: var(--ground); padding: 8px 12px; overflow-x: auto; }
.highlight pre { margin: 0; }
"""


def breaches(notebook: Path) -> list[str]:
    """
    Tell what a notebook does not keep of the gallery's rules.

    Parameters
    ----------
    notebook : Path

    Returns
    -------
    list of str
        It has a title and asks its question in both languages, holds no output, no logic, and
        at most `LINES` lines.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    words = "".join(cells[0]["source"]) if cells else ""
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = sum(bool(line.strip()) for cell in cells for line in cell["source"])
    logic = [node for node in ast.walk(ast.parse("\n".join(code))) if isinstance(node, LOGIC)]
    full = [
        n for n, cell in enumerate(cells, 1) if cell.get("outputs") or cell.get("execution_count")
    ]
    kept = {
        "no title in both languages ('# 标题 · Title')": re.match(r"# .*[一-鿿].* · .*\w", words),
        "no question in both languages ('问：', 'Question:')": "问：" in words
        and "Question:" in words,
        f"cells {', '.join(map(str, full))} hold outputs: clear them": not full,
        f"{len(logic)} loops, branches or definitions: they belong to the package": not logic,
        f"{lines} lines, more than {LINES}: two screens": lines <= LINES,
    }
    return [what for what, good in kept.items() if not good]


def run(arguments: list[str], home: Path) -> str:
    """Run a module of Python on a state of its own; the end of what went wrong, or nothing."""
    done = subprocess.run(  # noqa: S603 (our own commands)
        [sys.executable, "-m", *arguments],
        cwd=ROOT, env={**os.environ, "WORKBENCH_HOME": str(home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = done.stderr.strip()
    return (
        "" if done.returncode == 0 else told[max(told.rfind("Exception encountered"), 0) :][-2000:]
    )


def page(executed: NotebookNode) -> str:
    """
    Write an executed notebook as a page: words, code and what it showed, charts drawn.

    Parameters
    ----------
    executed : NotebookNode

    Returns
    -------
    str
        HTML that loads the chart library from beside it and nothing from elsewhere.
    """
    from nbconvert import HTMLExporter

    from analytics.render.page import asset

    charts = 0
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            if PLOTLY in output.get("data", {}):
                charts += 1
                output["data"] = {"text/html": _drawn(output["data"][PLOTLY], charts)}
    laid_out = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", exclude_anchor_links=True
    )
    body, _ = laid_out.from_notebook_node(executed)
    title = executed.cells[0].source.splitlines()[0].removeprefix("# ")
    return PAGE.format(
        title=escape(title), style=asset("page.css") + STYLE, library=LIBRARY, body=body
    )


def _drawn(figure: dict[str, Any], number: int) -> str:
    from analytics.render.blocks import escape_json

    told = escape_json(json.dumps({"data": figure["data"], "layout": figure["layout"]}))
    return (
        f'<div class="drawn" id="chart-{number}"></div><script>Plotly.newPlot("chart-{number}", '
        f"Object.assign({told}, {{config: {{displayModeBar: false}}}}))</script>"
    )


def make(notebook: Path, home: Path) -> tuple[list[str], float]:
    """Check and run one notebook and write its page; what is wrong with it, and its time [s]."""
    import nbformat

    started, wrong = time.monotonic(), breaches(notebook)
    made = home / notebook.name
    limits = ["--no-progress-bar", "--execution-timeout", str(SECONDS)]
    failed = run(["papermill", str(notebook), str(made), *limits], home)
    if failed:
        wrong.append(f"it fails:\n{failed}")
    else:
        text = page(nbformat.read(made, as_version=4))  # type: ignore[no-untyped-call]
        (TARGET / f"{notebook.stem}.html").write_text(text, encoding="utf-8")
    return wrong, time.monotonic() - started


def main(names: list[str]) -> int:
    """Run the notebooks named, or all of them."""
    from analytics.render.page import library

    found = sorted(FOLDER.glob("*.ipynb"))
    unknown = set(names) - {notebook.stem for notebook in found}
    if unknown:
        print(f"not in the gallery: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [notebook for notebook in found if not names or notebook.stem in names]
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    (TARGET / LIBRARY).write_text(library(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        failed = run(["analytics", "pool", "--quiet"], Path(folder))
        if failed:
            print(f"the study's figures could not be pooled:\n{failed}", file=sys.stderr)
            return 1
        outcomes = list(pool.map(lambda notebook: make(notebook, Path(folder)), chosen))
    for notebook, (wrong, seconds) in zip(chosen, outcomes, strict=True):
        print(f"gallery {notebook.stem:<22} {'FAILED' if wrong else 'ran'} {seconds:6.1f} s")
        for line in wrong:
            print(f"  - {line}")
    ran = sum(not wrong for wrong, _ in outcomes)
    print(f"{ran} of {len(chosen)} ran; pages in {TARGET.relative_to(ROOT)}")
    return int(ran < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
