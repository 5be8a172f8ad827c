"""A report against the same notebook through plain Papermill and nbconvert, as they come."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analytics import study

REPORT = "risk_grading"


def run() -> list[dict[str, object]]:
    """Time both ways in one run, each from a cold start, the faster of two counted."""
    notebook = study.root() / "notebooks" / f"{REPORT}.ipynb"
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "made.ipynb"
        module = [sys.executable, "-m"]
        ours = [*module, "analytics", "report", REPORT, "--again", "--output", place]
        plain = [*module, "papermill", "--no-progress-bar", str(notebook), str(made)]
        convert = [*module, "nbconvert", "--to", "html", "--no-input", str(made)]
        seconds = {"ours": _seconds(ours), "peer": _seconds(plain, convert)}
        pages = [path.stat().st_size for path in Path(place).glob(f"*/*/{REPORT}.*.html")]
    return [
        {
            "name": "report-overhead",
            "what": f"{REPORT}: two pages, cold, against Papermill + nbconvert with one page [s]",
            **seconds,
            "ratio": seconds["ours"] / seconds["peer"],
            "peak_memory_mb": None,
        },
        {
            "name": "report-overhead",
            "what": f"{REPORT}: largest page against the bound of 1.6 MB [MB]",
            "ours": max(pages) / 1e6,
            "peer": 1.6,
            "ratio": max(pages) / 1.6e6,
            "peak_memory_mb": None,
        },
    ]


def _seconds(*commands: list[str]) -> float:
    return min(_once(commands) for _ in range(2))


def _once(commands: tuple[list[str], ...]) -> float:
    started = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, cwd=study.root())
    return time.perf_counter() - started
