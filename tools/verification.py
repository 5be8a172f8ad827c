"""
Run the long proofs (marker ``slow``) and write their summary to docs/verification.md.

The summary is committed, so that a reader sees when each proof last held and how long it
took; it is written only by this script, and also when a proof failed.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}
SUMMARY = ROOT / "docs" / "verification.md"


@dataclass(frozen=True)
class Proof:
    """One long test and how it ended."""

    name: str
    outcome: str
    seconds: float


def proofs(report: Path) -> list[Proof]:
    """
    Read the proofs of one run.

    Parameters
    ----------
    report : Path
        JUnit XML as pytest writes it.

    Returns
    -------
    list of Proof
        In the order of the run.
    """
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 (pytest wrote it)
        bad = [child.tag for child in case if child.tag in OUTCOMES]
        name = f"{case.get('classname', '').removeprefix('tests.')}.{case.get('name')}"
        name = name.replace("|", "\\|")
        outcome = OUTCOMES[bad[0]] if bad else "held"
        found.append(Proof(name, outcome, float(case.get("time", 0))))
    return found


def summary(found: list[Proof], day: str, commit: str, selection: str = "") -> str:
    """
    Lay the proofs out as Markdown.

    Parameters
    ----------
    found : list of Proof
        What ran.
    day : str
        ISO date of the run.
    commit : str
        Version of the code that was proven.
    selection : str
        What of the long proofs was asked for; empty means all.

    Returns
    -------
    str
        The whole page.
    """
    held = sum(proof.outcome == "held" for proof in found)
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    rows = [f"| `{proof.name}` | {proof.outcome} | {proof.seconds:,.1f} |" for proof in found]
    chosen = [f"Only a part was asked for: `{selection}`. The others did not run.", ""]
    return "\n".join(
        [
            "# Verification",
            "",
            "Long proofs (random kills, many seeds), too long for every change. Written by",
            "`make verify`; do not edit.",
            "",
            f"{day}, code version {commit}, {machine}: {held} of {len(found)} proofs held.",
            "",
            *(chosen if selection else []),
            "| proof | outcome | seconds |",
            "| --- | --- | ---: |",
            *rows,
            "",
        ]
    )


def code_version() -> str:
    """Ask git for the commit, marked where files have changed since."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


def main(arguments: list[str]) -> int:
    """Run the proofs, write the summary, and pass pytest's exit code on."""
    commit = code_version()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "proofs.xml"
        pytest = [sys.executable, "-m", "pytest", "-m", "slow", f"--junitxml={report}", *arguments]
        code = subprocess.run(pytest, cwd=ROOT, check=False).returncode  # noqa: S603
        if not report.exists():
            return code
        text = summary(
            proofs(report), datetime.now(UTC).date().isoformat(), commit, " ".join(arguments)
        )
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
