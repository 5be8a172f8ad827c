"""Pictures of reports: the same page passes, another headline or another look does not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "screenshots.py"
NAME = "sample.phone.en"


@pytest.fixture(scope="session")
def screenshots():
    spec = importlib.util.spec_from_file_location("screenshots", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["screenshots"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def held(screenshots, browser, pages, tmp_path_factory):
    """The sample page pictured, and what the check says of it once its text is another."""
    folder = tmp_path_factory.mktemp("pictures")
    judge = browser.new_page()
    text = pages["en"].read_text(encoding="utf-8")

    def taken(*changes) -> dict[str, Any]:  # noqa: ANN002
        changed = folder / "page.html"
        words = text
        for old, new in changes:
            assert old in words
            words = words.replace(old, new)
        changed.write_text(words, encoding="utf-8")
        shot = screenshots.Shot(NAME, changed, screenshots.SIZES["phone"])
        return {NAME: screenshots.take(browser, shot)}

    screenshots.write(taken(), folder / "images")

    def check(*changes) -> list[str]:  # noqa: ANN002
        return screenshots.check(judge, taken(*changes), folder / "images")

    yield check, folder / "images"
    judge.close()


def test_the_same_page_passes_and_so_do_letters_of_another_size(held):
    check, _ = held
    assert check(("font: 16px/1.6", "font: 16.4px/1.6")) == []


def test_a_changed_headline_is_named(held):
    check, _ = held
    (told,) = check(("66,907", "67,907"))
    assert told.startswith(f"{NAME}: it shows '66,907' where the report says '67,907'")


def test_another_look_is_found_though_every_word_is_the_same(held):
    check, _ = held
    (told,) = check(("--paper: #fff", "--paper: #e3edf7"))
    assert "its colours are off by" in told


def test_a_picture_that_is_no_longer_the_one_recorded_is_found(held, screenshots, tmp_path):
    _, folder = held
    other = shutil.copytree(folder, tmp_path / "images")
    (other / f"{NAME}.webp").rename(other / "sample.phone.zh.webp")
    found = screenshots.check(None, {NAME: screenshots.Picture(b"", "")}, other)
    assert found == [
        "sample.phone.zh: nobody takes this picture any more",
        f"{NAME}: there is no such picture",
    ]
    content = (folder / f"{NAME}.webp").read_bytes()
    (other / f"{NAME}.webp").write_bytes(content + b"x")
    record = screenshots.json.loads((folder / screenshots.RECORD).read_text(encoding="utf-8"))
    same = {NAME: screenshots.Picture(content, record[NAME]["words"])}
    assert f"{NAME}: it is not the picture that shown.json tells of" in screenshots.check(
        Blind(), same, other
    )


class Blind:
    """A browser's page to which all pictures look the same."""

    def evaluate(self, *_):  # noqa: ANN002
        return [0, 0, 0]


def test_pictures_stay_small(screenshots):
    found = screenshots.heavy({"a": b"x" * 120_001, "b": b"x" * 100_000})
    assert found == ["a: 120,001 bytes, more than 120,000"]
    assert len(screenshots.heavy({str(n): b"x" * 110_000 for n in range(14)})) == 1
