"""A real browser and the sample page in both languages, served from files."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from analytics.render import page as report_page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
WIDTHS = {360: 740, 1280: 900}


def _sample() -> ModuleType:
    place = Path(__file__).with_name("sample.py")
    spec = importlib.util.spec_from_file_location("browser_sample", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return _sample()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, (
        "Chromium is not installed: run `make test` as root or `apt-get install chromium`"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample page written in each language, each linking the other."""
    folder = tmp_path_factory.mktemp("pages")
    blocks = sample.as_json()
    files = {language: f"sample.{language}.html" for language in ("zh", "en")}
    for language, name in files.items():
        text = report_page.html(blocks, language, languages=files, made=sample.MADE)
        (folder / name).write_text(text, encoding="utf-8")
    return {language: folder / name for language, name in files.items()}


class Visit:
    """A page opened, and all that happened meanwhile: requests, console, errors, dialogs."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda line: self._heard(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))
        page.goto(file.as_uri())

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def drawn(self, least: int = 1) -> int:
        """Wait until every chart is drawn; say how many there are."""
        # Polled from here: the page's policy rightly refuses a function made from a string.
        deadline = time.monotonic() + 30
        while self.page.locator(".plot:not([data-drawn])").count():
            assert time.monotonic() < deadline, f"charts not drawn: {self.complaints}"
            self.page.wait_for_timeout(50)
        count = int(self.page.locator(".plot[data-drawn]").count())
        assert count >= least
        return count


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    contexts = []

    def open_page(file: Path, width: int = 1280, **options: Any) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]}, accept_downloads=True, **options
        )
        contexts.append(context)
        return Visit(context.new_page(), file)

    yield open_page
    for context in contexts:
        context.close()


def _colours_of(png: bytes) -> dict[tuple[int, int, int], int]:
    """Count pixels by colour in an 8-bit RGB or RGBA PNG (PNG specification, filters 0 to 4)."""
    width, height, _, kind = struct.unpack(">IIBB", png[16:26])
    step = {2: 3, 6: 4}[kind]
    packed, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + size]
        at += size + 12
    raw, line, counts = zlib.decompress(packed), width * step, {}
    above = bytearray(line)
    for row in range(height):
        start = row * (line + 1)
        method, now = raw[start], bytearray(raw[start + 1 : start + 1 + line])
        for k in range(line):
            left = now[k - step] if k >= step else 0
            corner = above[k - step] if k >= step else 0
            guess = left + above[k] - corner
            paeth = min((left, above[k], corner), key=lambda value: abs(guess - value))
            now[k] = (now[k] + (0, left, above[k], (left + above[k]) // 2, paeth)[method]) & 255
        for k in range(0, line, step):
            colour = (now[k], now[k + 1], now[k + 2])
            counts[colour] = counts.get(colour, 0) + 1
        above = now
    return counts


@pytest.fixture(scope="session")
def colours_of() -> Callable[[bytes], dict[tuple[int, int, int], int]]:
    """Count the pixels of a screenshot by colour."""
    return _colours_of
