"""
Run the long proofs (marker ``slow``) and write their account to docs/verification.md.

The account is committed, so that a reader sees when each proof last held and how long it
took; it is written only by this script, and also when a proof failed. The proofs may be run
a part at a time: what a run leaves out keeps what the account says of it, with its day.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}
SUMMARY = ROOT / "docs" / "verification.md"


@dataclass(frozen=True)
class Proof:
    """One long test, how it ended, when and on which code; an empty day is never."""

    name: str
    outcome: str = "not run"
    seconds: float = 0.0
    day: str = ""
    commit: str = ""


def proofs(report: Path, day: str, commit: str) -> list[Proof]:
    """
    Read the proofs of one run.

    Parameters
    ----------
    report : Path
        JUnit XML as pytest writes it.
    day : str
        ISO date of the run.
    commit : str
        Version of the code that was proven.

    Returns
    -------
    list of Proof
        In the order of the run.
    """
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 (pytest wrote it)
        bad = [child.tag for child in case if child.tag in OUTCOMES]
        name = f"{case.get('classname', '').removeprefix('tests.')}.{case.get('name')}"
        outcome = OUTCOMES[bad[0]] if bad else "held"
        found.append(Proof(_cell(name), outcome, float(case.get("time", 0)), day, commit))
    return found


def _cell(name: str) -> str:
    return name.replace("|", "\\|")


def earlier(page: str) -> list[Proof]:
    """
    Read the proofs back that an account names.

    Parameters
    ----------
    page : str
        What `summary` gave; empty where there is none yet.
    """
    row = r"^\| `(.+)` \| ([a-z ]+) \| ([\d,.]*) \| (\S*) \| (\S*) \|$"
    return [
        Proof(name, outcome, float(seconds.replace(",", "") or 0), day, commit)
        for name, outcome, seconds, day, commit in re.findall(row, page, re.MULTILINE)
    ]


def merged(known: Iterable[str], before: Iterable[Proof], now: Iterable[Proof]) -> list[Proof]:
    """
    Say of each long proof how it last ended.

    Parameters
    ----------
    known : iterable of str
        Names of all long proofs there are; others are left out.
    before, now : iterable of Proof
        What the account says, and what this run found.
    """
    last = {proof.name: proof for proof in [*before, *now]}
    return [last.get(name, Proof(name)) for name in sorted(map(_cell, known))]


def summary(found: list[Proof]) -> str:
    """
    Lay the proofs out as Markdown.

    Parameters
    ----------
    found : list of Proof
        All long proofs.

    Returns
    -------
    str
        The whole page.
    """
    held = sum(proof.outcome == "held" for proof in found)
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    rows = []
    for proof in found:
        seconds = f"{proof.seconds:,.1f}" if proof.day else ""
        cells = (f"`{proof.name}`", proof.outcome, seconds, proof.day, proof.commit)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(
        [
            "# Verification",
            "",
            "Long proofs (random kills, many seeds), too long for every change. Written by",
            '`make verify`, which may be asked for a part (`ARGS="-k kill"`); do not edit.',
            "",
            f"{held} of {len(found)} proofs held when last run ({machine}).",
            "",
            "| proof | outcome | seconds | day | code version |",
            "| --- | --- | ---: | --- | --- |",
            *rows,
            "",
        ]
    )


def all_proofs() -> list[str]:
    """Ask pytest which long proofs there are."""
    asked = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "slow", "--collect-only", "-q", "-p", "no:xdist"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in asked.stdout.splitlines() if "::" in line]
    named = (line.removeprefix("tests/").partition("::") for line in lines)
    return [f"{file.removesuffix('.py').replace('/', '.')}.{test.replace('::', '.')}"
            for file, _, test in named]  # fmt: skip


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
    """Run the proofs, write the account, and pass pytest's exit code on."""
    commit = code_version()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "proofs.xml"
        pytest = [sys.executable, "-m", "pytest", "-m", "slow", f"--junitxml={report}", *arguments]
        code = subprocess.run(pytest, cwd=ROOT, check=False).returncode  # noqa: S603
        if not report.exists():
            return code
        now = proofs(report, datetime.now(UTC).date().isoformat(), commit)
    before = earlier(SUMMARY.read_text(encoding="utf-8") if SUMMARY.exists() else "")
    text = summary(merged(all_proofs() or [proof.name for proof in now], before, now))
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
