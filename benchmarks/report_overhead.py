"""
What a report costs beside the work in it, and what its pages cost a reader.

Beside a report stand the same cells as a plain script that lays out the same two pages, the
same notebook through Papermill and nbconvert as they come, and through Quarto where it is
installed. Each starts cold unless told otherwise; of two runs the faster counts. Every page
of a county is one run more.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analytics import study

REPORT = "risk_grading"
THREE = ("risk_grading", "travel_channel", "resettlement_demand")
PAGE_MB, INTERACTIVE_S, IMPORT_S, COUNTIES_S = 1.6, 0.7, 0.15, 180.0

_MODULE = (sys.executable, "-m")
_PAGES = """
from pathlib import Path
from analytics.render import page
for language in ("zh", "en"):
    stored = [block.to_json() for block in _blocks if block is not None]
    text = page.html(stored, language, languages={}, made={})
    Path(sys.argv[1], f"script.{language}.html").write_text(text, encoding="utf-8")
"""
_WARM = """
import sys, time
from pathlib import Path
from analytics.reporting import run
report, output = sys.argv[1], Path(sys.argv[2])
(order,) = run.orders([report], {}, languages=("zh", "en"), output=output, again=True)
seconds = []
for _ in range(4):
    start = time.perf_counter()
    made = run.make(order)
    assert made.error is None, made.error
    seconds.append(time.perf_counter() - start)
print(min(seconds[1:]))
"""


def script(notebook: Path) -> str:
    """Write the code cells of a notebook as a script, which keeps what cells end in."""
    import ast

    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = ["import sys", "_blocks = []"]
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        body = ast.parse("".join(cell["source"])).body
        for statement in body:
            text = ast.unparse(statement)
            lines.append(f"_blocks.append({text})" if isinstance(statement, ast.Expr) else text)
    return "\n".join(lines) + _PAGES


def run() -> list[dict[str, object]]:
    """Overheads, pages and start of the command line, each beside its peer or its bound."""
    notebook = study.root() / "notebooks" / f"{REPORT}.ipynb"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        made, plain = place / "made.ipynb", place / "plain.py"
        plain.write_text(script(notebook), encoding="utf-8")
        ours = _seconds([*_MODULE, "analytics", "report", REPORT, "--again", "--output", name])
        bare = _seconds([sys.executable, str(plain), name])
        papermill = _seconds(
            [*_MODULE, "papermill", "--no-progress-bar", str(notebook), str(made)],
            [*_MODULE, "nbconvert", "--to", "html", "--no-input", str(made)],
        )
        warm = float(_output([sys.executable, "-c", _WARM, REPORT, name]))
        rows = [
            _row("two pages, cold, beside the same cells as a plain script [s]", ours, bare),
            _row("two pages, warm, beside that script cold [s]", warm, bare),
            _row("two pages, cold, beside Papermill + nbconvert with one [s]", ours, papermill),
            _row("Papermill + nbconvert beside that script [s]", papermill, bare),
            _quarto(notebook, place, ours),
            *_at_once(place),
            _counties(place),
            *_pages(place),
        ]
    return [*rows, _command_line()]


def _at_once(place: Path) -> list[dict[str, object]]:
    """Three reports at once: beside the same command working one by one, and three commands."""
    base, end = [*_MODULE, "analytics", "report"], ["--again", "--output", str(place)]
    command = [*base, *THREE, *end]
    at_once, one_by_one = _seconds(command), _seconds([*command, "--jobs", "1"])
    alone = _seconds(*([*base, name, *end] for name in THREE))
    return [
        _row("three reports at once, beside three commands one after the other [s]", at_once,
             alone),
        _row("three reports at once, beside one command one by one [s]", at_once, one_by_one),
    ]  # fmt: skip


def _counties(place: Path) -> dict[str, object]:
    command = [*_MODULE, "analytics", "report", "county_risk", "--each-county", "--again"]
    seconds = _once(([*command, "--output", str(place / "counties")],))
    pages = len(list(place.glob("counties/*/*/county_risk.*.html")))
    return _row(f"{pages} pages, one of each county and language, beside the bound [s]", seconds,
                COUNTIES_S)  # fmt: skip


def _quarto(notebook: Path, place: Path, ours: float) -> dict[str, object]:
    if shutil.which("quarto") is None:
        row = _row("two pages, cold, beside Quarto [s]", ours, None)
        return row | {"peer": "not run: Quarto is not installed, and no registry here carries it"}
    copied = shutil.copy(notebook, place / "quarto.ipynb")
    seconds = _seconds(["quarto", "render", str(copied), "--to", "html", "--execute"])
    return _row("two pages, cold, beside Quarto with one [s]", ours, seconds)


def _pages(place: Path) -> list[dict[str, object]]:
    """Size of the largest page, and how soon the slowest answers in a browser."""
    from playwright.sync_api import sync_playwright

    pages = sorted(path for name in THREE for path in place.glob(f"*/*/{name}.*.html"))
    largest = max(path.stat().st_size for path in pages) / 1e6
    slowest = 0.0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for path in pages:
            seen = []
            for _ in range(3):
                page = browser.new_page(viewport={"width": 360, "height": 740})
                page.goto(path.as_uri(), wait_until="load")
                seen.append(page.evaluate(
                    "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
                ))  # fmt: skip
                page.close()
            slowest = max(slowest, statistics.median(seen))
        browser.close()
    return [
        _row(f"largest of {len(pages)} pages beside the bound [MB]", largest, PAGE_MB),
        _row("slowest page loaded and answering beside the bound [s]", slowest, INTERACTIVE_S),
    ]


def _command_line() -> dict[str, object]:
    bare, whole = (
        min(_once(([sys.executable, "-c", code],)) for _ in range(5))
        for code in ("pass", "import analytics.cli")
    )
    return _row("import of the command line, beside the bound [s]", whole - bare, IMPORT_S)


def _row(what: str, ours: float, peer: float | None) -> dict[str, object]:
    return {
        "name": "report-overhead",
        "what": what,
        "ours": ours,
        "peer": peer,
        "ratio": None if peer is None else ours / peer,
        "peak_memory_mb": None,
    }


def _seconds(*commands: list[str]) -> float:
    return min(_once(commands) for _ in range(2))


def _once(commands: tuple[list[str], ...]) -> float:
    started = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, cwd=study.root())
    return time.perf_counter() - started


def _output(command: list[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, cwd=study.root(), text=True)
    return done.stdout.splitlines()[-1]
