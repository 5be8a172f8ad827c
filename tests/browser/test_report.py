"""The real report of 29 February 2020, made once, in a real browser and on paper."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader

from analytics.privacy import disk
from analytics.render import page as report_page
from analytics.reporting import manifest, printing, run

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
BOTH = pytest.mark.parametrize("language", ["zh", "en"])
MOST_BYTES = 1_600_000
MOST_WORDS = 900


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of the embedded study as `workbench report` makes them."""
    wanted = run.orders(
        ["risk_grading"],
        {"study": "hubei-2020"},
        ["2020-02-29"],
        languages=("zh", "en"),
        output=tmp_path_factory.mktemp("reports"),
    )
    (outcome,) = run.make_all(wanted, workers=1)
    assert outcome.error is None
    return {language: wanted[0].page(language) for language in ("zh", "en")}


@BOTH
def test_page_says_the_published_figures(visit, report, language):
    """Hubei and Wuhan, cumulative and new that day, as the commission published them."""
    page = visit(report[language], 1280).page
    figures = {"zh": ("66907", "49122"), "en": ("66,907", "49,122")}[language]
    headlines = page.locator("#headlines").inner_text()
    assert figures[0] in headlines
    assert re.search(r"^570$", headlines, re.MULTILINE)
    assert "565" in page.locator("#lead").inner_text()
    name = {"zh": "武汉市", "en": "Wuhan"}[language]
    rows = page.locator("main > section.detail tbody tr").all_inner_texts()
    wuhan = [row.split("\t") for row in rows if row.startswith(name)]
    assert any({figures[1], "565"} <= set(cells) for cells in wuhan)


@BOTH
def test_step_of_12_february_is_a_change_of_definition(visit, report, language):
    """The 14,840 are said to be no peak, and do not set the chart's scale."""
    seen = visit(report[language], 1280)
    seen.drawn()
    words = seen.page.locator("#section-2").inner_text()
    said = {
        "zh": r"2月12日病例定义变更，当日计入14840例，非疫情高峰",
        "en": r"12 Feb: change of case definition, a step of 14,840, not an epidemic peak",
    }[language]
    assert re.search(said, words)
    top = seen.page.evaluate("document.querySelector('#chart-2-1').layout.yaxis.range[1]")
    assert top < 14_840 / 2


@pytest.mark.parametrize(
    ("language", "width"), [("zh", 360), ("zh", 1280), ("en", 360), ("en", 1280)]
)
def test_page_is_quiet_whole_and_usable(visit, report, language, width):
    """No request, no complaint, nothing too wide, no WCAG violation, the first screen holds."""
    seen = visit(report[language], width)
    page = seen.page
    if width == 360:
        bottom = page.evaluate(
            "document.querySelector('#headlines').getBoundingClientRect().bottom"
        )
        assert bottom <= 740
        assert page.locator("h1").is_visible()
    seen.drawn(2)
    assert seen.requests == [report[language].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert seen.complaints == []
    page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    found = page.evaluate(
        "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
        " 'wcag21aa', 'wcag22aa']})).violations.map("
        "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))"
    )
    assert found == []


@BOTH
def test_page_is_small_and_short(visit, report, language):
    """At most 1.6 MB, and about 900 words before the tables of detail."""
    assert report[language].stat().st_size <= MOST_BYTES
    page = visit(report[language], 1280).page
    words = page.evaluate(
        "Array.from(document.querySelectorAll('.masthead, #lead, #headlines, #decisions, .map'))"
        ".map(part => part.innerText).join(' ')"
    )
    count = len(re.findall(r"[\u4e00-\u9fff]|[A-Za-z0-9,.]+", words))
    assert 100 < count <= MOST_WORDS


def test_map_shows_what_is_certain_and_stripes_the_rest(visit, report, colours_of):
    """Only 神农架 has a grade of its own colour; the rest is white with slate stripes."""
    seen = visit(report["zh"], 1280)
    counts = colours_of(seen.page.locator("#map-1-drawing").screenshot())
    total = sum(counts.values())
    medium, low, high = (
        counts.get(colour, 0) / total
        for colour in ((0xE8, 0x95, 0x4A), (0xFB, 0xE3, 0xC0), (0x8A, 0x3A, 0x0C))
    )
    assert 0.003 < medium < 0.03
    assert max(low, high) < 0.001
    slate = (0x55, 0x60, 0x6B)  # thin stripes are blended with the white beside them
    stripes = sum(
        count
        for colour, count in counts.items()
        if all(abs(seen - wanted) <= 0x20 for seen, wanted in zip(colour, slate, strict=True))
    )
    assert 0.03 < stripes / total < 0.3
    assert counts[(255, 255, 255)] / total > 0.5
    counted = [int(n) for n in seen.page.locator("#map-1 .legend .count").all_inner_texts()]
    assert (counted[:3], sum(counted[3:])) == ([0, 1, 0], 102)


@BOTH
def test_printed_without_scrolling(visit, report, language):
    """Paper has the words, the figures, and every chart though no one scrolled to it."""
    seen = visit(report[language], 1280)
    seen.drawn()  # by themselves, when the page is idle
    assert seen.page.evaluate("window.scrollY") == 0
    sheets = PdfReader(
        io.BytesIO(seen.page.pdf(prefer_css_page_size=True, print_background=True))
    ).pages
    assert {(round(float(s.mediabox.width)), round(float(s.mediabox.height))) for s in sheets} == {
        (595, 842)
    }
    text = unicodedata.normalize("NFKC", "".join(sheet.extract_text() for sheet in sheets))
    text = re.sub(r"\s+", "", text)
    said = {
        "zh": ("分级评估", "66907", "49122", "神农架林区", "低、中或高(未定)"),
        "en": ("Epidemicriskgrading", "66,907", "49,122", "Shennongjia"),
    }[language]
    assert [word for word in said if word not in text] == []
    # labels of the charts' own axes, written nowhere else on the page
    ticks = seen.page.locator("#chart-2-1 .xtick text").all_text_contents()
    assert len(ticks) >= 3
    assert [tick for tick in ticks if tick.replace(" ", "") not in text] == []


def test_policy_allows_no_picture_nor_address(report):
    """Nothing is allowed but the page's own scripts and styles, by their hashes."""
    policy = report_page.policy(["a"], ["b"])
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "img-src" not in policy
    assert "unsafe" not in report["en"].read_text(encoding="utf-8").split("viewport")[0]


def test_pdf_is_of_the_page_that_stands(report):
    """Printed once, A4, with every character there; printed anew when the page or PDF changed."""
    page = report["zh"]
    printed = printing.bring(page)
    first = printed.read_bytes()
    sheets = PdfReader(printed).pages
    assert {round(float(sheet.mediabox.height)) for sheet in sheets} == {842}
    text = unicodedata.normalize("NFKC", "".join(sheet.extract_text() for sheet in sheets))
    assert ("66907" in text, "49122" in text, "\ufffd" in text) == (True, True, False)
    said = manifest.read(page.parent)["risk_grading"]["prints"][printed.name]
    assert (said["of"], said["sha256"]) == (disk.sha256(page), disk.sha256(printed))
    before = printed.stat().st_mtime_ns
    assert printing.bring(page).stat().st_mtime_ns == before
    printed.write_bytes(first[:-1])
    assert printing.bring(page).stat().st_mtime_ns != before
    assert len(PdfReader(printed).pages) == len(sheets)
