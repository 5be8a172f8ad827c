"""The gallery keeps its rules, and its index names every example; `make gallery` runs them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"
EXAMPLES = sorted(GALLERY.glob("*.ipynb"))


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["gallery"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_keeps_the_rules(gallery, example):
    assert gallery.breaches(example) == []


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_index_names_and_shows_every_example(page):
    text = (GALLERY / page).read_text(encoding="utf-8")
    language = "zh" if page.endswith(".zh.md") else "en"
    for example in EXAMPLES:
        assert f"]({example.name})" in text
        assert f'src="../images/gallery.{example.stem}.{language}.webp"' in text


def cell(kind, *source, **more):  # noqa: ANN002, ANN003
    return {"cell_type": kind, "source": list(source), **more}


HEAD = ("# 标题 · Title\n", "**问：为何？**\n", "**Question: why?**")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([cell("markdown", *HEAD), cell("code", "1", outputs=[], execution_count=None)], []),
        ([cell("markdown", "# Title\n", *HEAD[1:])], ["no title in both languages"]),
        ([cell("markdown", *HEAD[:2])], ["no question in both languages"]),
        ([cell("markdown", *HEAD), cell("code", "1", outputs=[{}])], ["cells 2 hold outputs"]),
        ([cell("markdown", *HEAD), cell("code", "if 1:\n", "    2")], ["1 loops, branches"]),
        ([cell("markdown", *HEAD), cell("code", *["1\n"] * 80)], ["83 lines, more than 80"]),
        ([], ["no title", "no question"]),
    ],
)
def test_what_is_not_kept_is_named(gallery, tmp_path, cells, says):
    notebook = tmp_path / "example.ipynb"
    notebook.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = gallery.breaches(notebook)
    assert [line[: len(start)] for line, start in zip(found, says, strict=True)] == says
