"""Hostile text in every slot of every block stays text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from analytics.render import page as report_page

HOSTILE = [
    "<script>window.broken=1;alert(1)</script>",
    '"><img src=x onerror="window.broken=1;alert(1)">',
    '=HYPERLINK("http://evil.example/","x")',
    "</script></style></textarea></title><svg onload=window.broken=1>",
    "javascript:window.broken=1",
    "' onmouseover='window.broken=1' x='",
    "{{ 7*7 }}{% raw %}<b style=color:red>%{x}",
    '<a href="javascript:window.broken=1">x</a>',
]
# What the program sets and checks itself: numbers of a figure, closed choices.
KEPT = {"kind", "status", "nature", "as_of", "role", "figure", "hatched", "collapsed", "version"}


def poison(value, text, key=""):
    """Every string of a block replaced, keys that tie rows to columns included."""
    if key in KEPT:
        return poison_figure(value, text) if key == "figure" else value
    if isinstance(value, dict):
        return {k: poison(v, text, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(v, text, key) for v in value]
    if isinstance(value, str):
        return value if key == "key" else text
    return value


def poison_figure(value, text):
    """Names and notes of a plotly figure replaced, as a careless notebook might write them."""
    if isinstance(value, dict):
        return {
            k: text if k in {"name", "text"} and isinstance(v, str) else poison_figure(v, text)
            for k, v in value.items()
        }
    return [poison_figure(v, text) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("position", range(len(HOSTILE)))
@pytest.mark.fault(
    "hostile text in every output slot",
    "publication",
    "shown as text in a real browser: no dialog, no request",
)
def test_hostile_text_is_inert(visit, sample, tmp_path, position):
    """No dialog, no flag, no request, no refusal: the text is shown as it is."""
    text = HOSTILE[position]
    blocks = [poison(block, text) for block in sample.as_json()]
    made = {text: text, "inputs": {text: text}, "verify": [text]}
    language = "zh" if position % 2 else "en"
    written = report_page.html(blocks, language, languages={"zh": "a", "en": "b"}, made=made)
    file = tmp_path / "hostile.html"
    file.write_text(written, encoding="utf-8")
    seen = visit(file, 360)
    seen.drawn()
    page = seen.page
    page.locator("#map-1-drawing .area").first.dispatch_event("mouseenter")
    page.locator("#map-1-drawing .area").first.dispatch_event("click")
    assert page.evaluate("window.broken") is None
    assert seen.requests == [file.as_uri()]
    assert [one for one in seen.complaints if "dialog" in one] == []
    assert (
        page.evaluate(
            "document.querySelectorAll('main img, main script:not([type]), [onload], [onerror],"
            ' [onmouseover], a[href^="javascript"]\').length'
        )
        == 0
    )
    assert page.locator("h1").inner_text() == text
    assert page.locator("#lead").inner_text() == text


@pytest.mark.fault("formula text in a download", "publication", "quoted, numbers left alone")
def test_hostile_cells_are_disarmed_in_the_download(visit, sample, tmp_path):
    """Text that a spreadsheet would run is quoted; a negative number is not."""
    cells = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "＝1", " =1", 'plain, "quoted"', "−5"]
    blocks = [block for block in sample.as_json() if block["kind"] in {"masthead", "section"}]
    table = blocks[1]["tables"][0]
    table["name"] = "../../=evil"
    table["rows"] = [{"name": {"zh": cell, "en": cell}, "n0": -5} for cell in cells]
    file = tmp_path / "cells.html"
    file.write_text(report_page.html(blocks, "en", languages={}, made={}), encoding="utf-8")
    page = visit(file, 1280).page
    with page.expect_download() as caught:
        page.locator("#section-1 .table-block button[data-download]").click()
    assert caught.value.suggested_filename == "evil.csv"
    text = Path(caught.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [row[2] for row in rows] == ["-5"] * len(cells)
    assert all(row[0].lstrip()[0] not in "=+-@\t＝" for row in rows)
    assert rows[7][0] == 'plain, "quoted"'
