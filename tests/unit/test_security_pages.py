"""Pages on security name code and tests that exist; the table of faults is what the tests say."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def faults():
    spec = importlib.util.spec_from_file_location("faults", ROOT / "tools" / "faults.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = module
    spec.loader.exec_module(module)
    return module


def named(page):
    """Files and tests that a page names in code type."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"`((?:src|tests|docs|tools)/[\w./-]+(?:::\w+)?)`", text)


@pytest.mark.parametrize("page", ["security.md", "security.zh.md", "red_team.md"])
def test_every_file_and_test_named_is_there(page):
    missing = []
    for name in named(page):
        path, _, test = name.partition("::")
        file = ROOT / path
        functions = {
            node.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        } if file.is_file() and test else set()  # fmt: skip
        if not file.is_file() or (test and test not in functions):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize(
    ("page", "law"), [("security.md", "## Law"), ("security.zh.md", "## 法律")]
)
def test_every_clause_of_law_has_code_and_a_test(page, law):
    """Each row of the three tables names at least one file of the package and one of the tests."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").split(law)[1]
    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 20
    assert [row for row in rows if "`src/" not in row or "`tests/" not in row] == []
    for clause in range(1, 7):
        assert f"\n| {clause} |" in text.split("### GB/T")[0]


def test_the_table_of_faults_is_what_the_tests_say(faults):
    assert faults.main(["--check"]) == 0, "run tools/faults.py"


def test_cases_are_told_apart_and_the_open_ones_are_said(faults):
    found = faults.cases()
    names = [each.case for each in found]
    assert len(found) >= 50
    assert sorted(set(names)) == sorted(names)
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert [case for case in faults.OPEN if case not in names and f"- {case} (" not in page] == []


def test_what_the_plain_stack_did_belongs_to_cases_of_ours(faults):
    """Outcomes are the script's own: every case it knows is on record, and no other."""
    sys.path.insert(0, str(ROOT / "tests" / "faults"))
    try:
        import peers
    finally:
        sys.path.pop(0)
    recorded = json.loads((ROOT / "docs" / "faults_peers.json").read_text("utf-8"))["cases"]
    assert set(recorded) == set(peers.CASES)
    assert set(recorded) <= {each.case for each in faults.cases()}
    assert all(each["survived"] in faults.SCORES and each["outcome"] for each in recorded.values())
