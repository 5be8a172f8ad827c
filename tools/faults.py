"""
Write docs/faults.md: every fault a test stands for, our outcome, and the plain stack's.

Cases are the markers ``@pytest.mark.fault(case, where, ours)`` of the tests, read without running
them; the plain stack's outcomes are in docs/faults_peers.json, which tests/faults/peers.py
writes. ``--check`` fails where the page is not what these give.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
PEERS = ROOT / "docs" / "faults_peers.json"
ORDER = ("deliveries", "archive", "notebooks", "publication", "loop", "keys", "command line")
SCORES = {0: "no", 0.5: "half", 1: "yes"}
# Asked for, not proven yet: said on the page until a test bears the marker
OPEN: dict[str, tuple[str, str]] = {}


@dataclass(frozen=True)
class Case:
    """One fault, where it strikes, how it ends here, and the test that shows it."""

    case: str
    where: str
    ours: str
    test: str
    slow: bool


def cases(root: Path = ROOT) -> list[Case]:
    """Every marked fault of the tests, by place and name."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                marks = [_mark(each) for each in node.decorator_list]
                slow = any(ast.unparse(each) == "pytest.mark.slow" for each in node.decorator_list)
                test = f"{path.relative_to(root / 'tests').as_posix()}::{node.name}"
                found += [Case(*mark, test, slow) for mark in marks if mark]
    return sorted(found, key=lambda each: (ORDER.index(each.where), each.case))


def _mark(decorator: ast.expr) -> tuple[str, str, str] | None:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.fault":
        return None
    case, where, ours = (ast.literal_eval(argument) for argument in decorator.args)
    return str(case), str(where), str(ours)


def page(found: list[Case], peers: dict[str, Any]) -> str:
    """Lay the table out as Markdown."""
    outcomes = peers["cases"]
    rows = [
        f"| {c.where} | {c.case} | {c.ours} | {_peer(outcomes.get(c.case))} | `{c.test}`"
        f"{' (long)' if c.slow else ''} |"
        for c in found
    ]
    known = {c.case for c in found}
    wanting = [
        f"- {case} ({where}): {why}" for case, (where, why) in OPEN.items() if case not in known
    ]
    tried = [outcomes[c.case]["survived"] for c in found if c.case in outcomes]
    return "\n".join(
        [
            "# Faults and attacks",
            "",
            "Each line is a test that fails when its outcome is another. Written by",
            "`tools/faults.py` from the tests' markers and from `docs/faults_peers.json`; do not",
            "edit. *Long* tests run with `make verify`, all others on each change.",
            "",
            f"{len(known)} cases. The plain stack ({peers['stack']})",
            f"was put through {len(tried)} of them that have a meaning for it (`make peers`,",
            f"{peers['date']}) and survived {sum(tried):g}. *Yes*: nothing lost and the failure",
            "said; *half*: one of both; *no*: neither, or silently wrong; —: not tried, since it",
            "has nothing of the kind (keys, vault, log) or the case is near another.",
            "",
            "| where | case | here | plain stack | test |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            *(["## Not proven yet", "", *wanting, ""] if wanting else []),
        ]
    )


def _peer(outcome: dict[str, Any] | None) -> str:
    if outcome is None:
        return "—"
    return f"{SCORES[outcome['survived']]}: {outcome['outcome']}"


def main(arguments: list[str]) -> int:
    """Write the page, or check it; returns the exit code."""
    found = cases()
    written = page(found, json.loads(PEERS.read_text(encoding="utf-8")))
    if arguments == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != written)
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
