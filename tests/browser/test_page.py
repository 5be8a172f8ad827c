"""The report page in a real browser: both languages, phone and desktop."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import openpyxl
import pytest

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
EVERY = pytest.mark.parametrize(
    ("language", "width"), [("zh", 360), ("zh", 1280), ("en", 360), ("en", 1280)]
)
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@EVERY
def test_page_is_quiet_and_whole(visit, pages, language, width):
    """Charts are drawn, nothing leaves the page, nothing is refused, nothing overflows."""
    seen = visit(pages[language], width)
    assert seen.drawn() == 4
    assert seen.requests == [pages[language].as_uri()]
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    assert (
        seen.page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
    )
    bars = seen.page.locator("#chart-1-1 .barlayer .point").count()
    assert bars == 27


@EVERY
def test_no_accessibility_violation(visit, pages, language, width):
    """axe-core finds no violation of WCAG 2.2 A or AA."""
    assert AXE.is_file(), "axe-core is not installed: run `npm ci`"
    seen = visit(pages[language], width)
    seen.drawn()
    # The policy refuses foreign scripts; the debugger's own evaluation is outside of it.
    seen.page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    found = seen.page.evaluate(
        "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
        " 'wcag21aa', 'wcag22aa', 'best-practice']})).violations.map("
        "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))"
    )
    assert found == []


@BOTH
def test_first_screen_of_a_phone_holds_lead_and_headlines(visit, pages, language):
    """What changed and the headline figures need no scrolling on 360 by 740."""
    seen = visit(pages[language], 360)
    bottom = seen.page.evaluate(
        "document.querySelector('#headlines').getBoundingClientRect().bottom"
    )
    assert bottom <= 740


def test_map_shows_its_grades_and_stripes_what_is_open(visit, pages, colours_of):
    """Each certain grade fills about its share of the map; open areas show no grade's colour."""
    seen = visit(pages["en"], 1280)
    counts = colours_of(seen.page.locator("#map-1-drawing").screenshot())
    total = sum(counts.values())
    # 3, 3 and 2 of 12 equal squares, less borders and letters
    for colour, areas in (
        ((0xFB, 0xE3, 0xC0), 3),
        ((0xE8, 0x95, 0x4A), 3),
        ((0x8A, 0x3A, 0x0C), 2),
    ):
        assert 0.85 * areas / 12 < counts.get(colour, 0) / total < areas / 12
    assert 0.1 < counts[(255, 255, 255)] / total < 0.34


def test_click_and_keys_lead_from_map_to_row(visit, pages):
    """A click marks the row; arrows move to the neighbour; Enter goes to its row."""
    page = visit(pages["en"], 1280).page
    page.locator("#map-1-drawing .area").first.click()
    assert page.locator("#map-1-table tr.chosen").inner_text().startswith("County 1")
    assert "County 1" in page.locator("#map-1-picked").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "County 2:"
    )
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "County 6:"
    )
    page.keyboard.press("Enter")
    assert page.locator("#map-1-table tr.chosen").inner_text().startswith("County 6")
    assert page.url.endswith("#map-1-table-row-6")


def test_keyboard_reaches_everything_in_order(visit, pages):
    """Tab goes from the skip link over map, folds and downloads; the map is one stop."""
    page = visit(pages["en"], 1280).page
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "(e => e.tagName.toLowerCase() + '.' + (e.getAttribute('class') || ''))"
                "(document.activeElement)"
            )
        )
        if stops[-1].startswith("body"):
            break
    assert stops[0] == "a.skip"
    assert [s for s in stops if s.endswith(".area")] == ["a.area"]
    assert sum(s.startswith("summary") for s in stops) == 8
    assert sum(s.startswith("button") for s in stops) == 2


def test_download_disarms_formulas_and_keeps_numbers(visit, pages):
    """The CSV holds raw numbers, a negative one too, and empty fields where not known."""
    page = visit(pages["en"], 1280).page
    with page.expect_download() as caught:
        page.locator("#section-1 .table-block button[data-download]").click()
    assert caught.value.suggested_filename == "prefectures.csv"
    text = Path(caught.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1] == ["Wuhan", "2020-02-29", *(str(49122 - k) for k in range(7))]
    assert rows[2] == ["Tianmen", "2020-02-27", "-5", "0", "", "", "0.25", "1234.5", "7"]


@BOTH
def test_all_tables_come_as_one_workbook(visit, pages, language):
    """The link in the page saves a workbook without any request, one sheet for each table."""
    page = visit(pages[language], 360).page
    with page.expect_download() as caught:
        page.locator("p.download a[download]").click()
    assert caught.value.suggested_filename.endswith(".xlsx")
    book = openpyxl.load_workbook(io.BytesIO(Path(caught.value.path()).read_bytes()))
    assert len(book.sheetnames) == 1 + page.locator("main table").count()


@BOTH
def test_language_link_keeps_the_place(visit, pages, language):
    """From the second section one comes to the second section."""
    page = visit(pages[language], 1280).page
    page.wait_for_timeout(300)
    page.evaluate(
        "document.documentElement.style.scrollBehavior = 'auto';"
        "document.querySelector('#section-2').scrollIntoView()"
    )
    page.evaluate("document.querySelector('a[data-language]').click()")
    page.wait_for_url(re.compile(r"#section-2$"))
    other = {"zh": "en", "en": "zh-CN"}[language]
    assert page.evaluate("document.documentElement.lang") == other


def test_without_script_everything_is_still_there(visit, pages):
    """Words, tables, folded figures and the map's links work with JavaScript off."""
    seen = visit(pages["en"], 360, java_script_enabled=False)
    page = seen.page
    assert page.locator("main").inner_text().count("needs JavaScript") == 4
    assert page.locator("#map-1-drawing a.area title").count() == 12
    assert page.locator("button[data-download]:visible").count() == 0
    page.locator("#map-1-drawing a.area").nth(6).focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#map-1-table-row-7")


@BOTH
def test_prints_to_a4_with_charts_and_words(visit, pages, language, tmp_path):
    """Chromium prints A4 portrait sheets, each chart drawn, the fonts embedded."""
    seen = visit(pages[language], 1280)
    seen.drawn()
    pdf = seen.page.pdf(prefer_css_page_size=True, print_background=True)
    (tmp_path / "page.pdf").write_bytes(pdf)
    boxes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf))
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    sheets = len(re.findall(rb"/Type /Page\b(?!s)", pdf))
    assert 3 <= sheets <= 9
    if language == "zh":
        assert b"CJK" in pdf
