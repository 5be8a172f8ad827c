"""Run every check, report every check; the exit code is 1 if any failed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHECKS: dict[str, list[str]] = {
    "ruff check": [str(BIN / "ruff"), "check", "--quiet"],
    "ruff format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
    "mypy --strict": [str(BIN / "mypy")],
    "floors": [str(BIN / "lint-imports")],
    "docstrings": [sys.executable, "tools/docstrings.py"],
    "environment.yml": [sys.executable, "tools/environment.py", "--check"],
    "notebooks": [sys.executable, "tools/check.py", "--notebooks"],
}


def loaded_notebooks(folder: Path) -> list[str]:
    """
    Cells that hold an output or an execution count, of all notebooks below a folder.

    Parameters
    ----------
    folder : Path
        Where to look, downwards.

    Returns
    -------
    list of str
        One line per cell: notebook, position of the cell, what it holds.
    """
    breaches = []
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for position, cell in enumerate(cells, start=1):
            held = [key for key in ("outputs", "execution_count") if cell.get(key)]
            if held:
                breaches.append(f"{path.name}: cell {position} holds {' and '.join(held)}")
    return breaches


def run(name: str) -> tuple[str, int, str, float]:
    """Run one check; returns its name, exit code, what it printed and its time [s]."""
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 (the commands are the ones above)
        CHECKS[name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return name, done.returncode, done.stdout.strip(), time.monotonic() - started


def main(arguments: list[str]) -> int:
    """Run all checks, two at a time; or only look at the notebooks."""
    if arguments == ["--notebooks"]:
        folders = (ROOT / "notebooks", ROOT / "docs" / "gallery")
        breaches = [breach for folder in folders for breach in loaded_notebooks(folder)]
        print(*breaches, sep="\n")
        return int(bool(breaches))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(run, CHECKS))
    for name, code, printed, _ in outcomes:
        if code:
            print(f"\n--- {name} (exit code {code})\n{printed}")
    print()
    for name, code, _, seconds in outcomes:
        print(f"check {name:<16} {'FAILED' if code else 'passed'}  {seconds:5.1f} s")
    return int(any(code for _, code, _, _ in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
