"""The tutorial prints what it says, in both languages."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOWN = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def blocks(name: str) -> list[tuple[str, str]]:
    return SHOWN.findall((DOCS / name).read_text(encoding="utf-8"))


def test_every_block_prints_what_stands_under_it():
    names: dict[str, object] = {}
    shown = blocks("tutorial.md")
    assert len(shown) == 7
    for code, expected in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == expected


@pytest.mark.parametrize("name", ["tutorial.zh.md"])
def test_the_other_language_has_the_same_blocks(name):
    assert blocks(name) == blocks("tutorial.md")
