"""
Write docs/faults.md and .zh.md: every fault a test stands for, our outcome, the plain stack's.

Cases are the markers ``@pytest.mark.fault(case, where, ours)`` of the tests, read without running
them; the plain stack's outcomes are in docs/faults_peers.json, which tests/faults/peers.py
writes, and the Chinese of cases and outcomes in docs/faults_zh.json. ``--check`` fails where a page
is not what these give; a word without Chinese is named, and fails too.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"en": ROOT / "docs" / "faults.md", "zh": ROOT / "docs" / "faults.zh.md"}
CHINESE = ROOT / "docs" / "faults_zh.json"
PEERS = ROOT / "docs" / "faults_peers.json"
ORDER = ("deliveries", "archive", "notebooks", "publication", "loop", "keys", "command line")
SCORES = {0: "no", 0.5: "half", 1: "yes"}
SCORES_ZH = {0: "否", 0.5: "一半", 1: "是"}
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
    tried = _tried(found, peers)
    return "\n".join(
        [
            "# Faults and attacks",
            "",
            "[中文](faults.zh.md)",
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


def page_zh(found: list[Case], peers: dict[str, Any], said: Mapping[str, str]) -> str:
    """Lay the table out in Chinese; of the plain stack only how it did, its words are measured."""
    outcomes = peers["cases"]
    tried = _tried(found, peers)
    rows = [
        f"| {said.get(c.where, c.where)} | {said.get(c.case, c.case)} | {said.get(c.ours, c.ours)}"
        f" | {SCORES_ZH[outcomes[c.case]['survived']] if c.case in outcomes else '—'}"
        f" | `{c.test}`{'（长）' if c.slow else ''} |"
        for c in found
    ]
    known = {c.case for c in found}
    wanting = [
        f"- {said.get(case, case)}（{said.get(where, where)}）：{said.get(why, why)}"
        for case, (where, why) in OPEN.items()
        if case not in known
    ]
    return "\n".join(
        [
            "# 故障与攻击",
            "",
            "[English](faults.md)",
            "",
            "每一行都是一项测试，结果不符即不通过。本页由 `tools/faults.py` 根据测试标记和",
            "`docs/faults_peers.json` 写成，请勿手工修改。标“长”的测试由 `make verify` 运行，",
            "其余在每次改动时运行。",
            "",
            f"共 {len(known)} 种情形。普通工具组合（{peers['stack']}）",
            f"试过其中对它有意义的 {len(tried)} 种（`make peers`，{peers['date']}），",
            f"经受住 {sum(tried):g} 种。“是”：没有丢失，且报告了失败；“一半”：两者居其一；",
            "“否”：两者都没有，或者悄然出错；“—”：没有试，因为它没有此类功能（密钥、保险库、日志），",
            "或与另一种情形相近。它的具体表现见英文页。",
            "",
            "| 位置 | 情形 | 本系统 | 普通工具组合 | 测试 |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            *(["## 尚未证明", "", *wanting, ""] if wanting else []),
        ]
    )


def untold(found: list[Case], said: Mapping[str, str]) -> list[str]:
    """Words of the table that have no Chinese yet."""
    words = {word for c in found for word in (c.where, c.case, c.ours)}
    words |= {word for case, (where, why) in OPEN.items() for word in (case, where, why)}
    return sorted(words - set(said))


def _tried(found: list[Case], peers: dict[str, Any]) -> list[float]:
    return [peers["cases"][c.case]["survived"] for c in found if c.case in peers["cases"]]


def _peer(outcome: dict[str, Any] | None) -> str:
    if outcome is None:
        return "—"
    return f"{SCORES[outcome['survived']]}: {outcome['outcome']}"


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; returns the exit code."""
    found = cases()
    peers = json.loads(PEERS.read_text(encoding="utf-8"))
    said = json.loads(CHINESE.read_text(encoding="utf-8"))
    written = {"en": page(found, peers), "zh": page_zh(found, peers, said)}
    missing = untold(found, said)
    for word in missing:
        sys.stderr.write(f"{CHINESE.name} has no Chinese for: {word}\n")
    if arguments == ["--check"]:
        stale = [lang for lang, text in written.items()
                 if PAGES[lang].read_text(encoding="utf-8") != text]  # fmt: skip
        return int(bool(stale or missing))
    for lang, text in written.items():
        PAGES[lang].write_text(text, encoding="utf-8")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
