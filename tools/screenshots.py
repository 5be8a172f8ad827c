"""
Pictures of the real reports for README and guides: taken by a browser, held against the reports.

    python tools/screenshots.py            make the reports, write docs/images
    python tools/screenshots.py --check    make them anew, hold them against docs/images

Reports are made by `workbench report` on a state of their own, as of 29 February 2020; what is
pictured is the top of each page, and one result of each notebook of the gallery (`make gallery`
first). The check fails where a picture no longer shows what the report shows: by the words in it,
which are kept beside it in shown.json and must be the same, and by what it looks like, within a
tolerance, since fonts differ between machines (see ``compare``).
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
GALLERY = ROOT / "docs" / "gallery"
EXAMPLES = ROOT / "build" / "gallery"
RECORD = "shown.json"
STUDY, AS_OF = "hubei-2020", "2020-02-29"
REPORTS = ("risk_grading", "county_risk", "travel_channel", "data_quality")
LANGUAGES = ("zh", "en")
SIZES = {"phone": (390, 844, 1.5), "desktop": (1120, 1040, 1.0)}  # width, height [px], scale
SHOWN = (".masthead", "#lead", "#headlines", "#decisions")  # parts whose words are kept
MAP = (".map h2", ".map .legend", ".map .areas")
PICTURED = {  # of the gallery: what of each notebook, the first in Chinese, the second in English
    "repaired_incidence": (".drawn",),
    "reproduction_number": (".drawn",),
    "grades_and_reasons": MAP,
    "smoothed_rates": MAP,
    "short_forecast": ("#chart-3, #chart-4",),  # the fan, after reproduction numbers
    "importation": MAP,
    "beds": MAP,
    "what_may_leave": (".table-block",),
    "own_rule": MAP,
}
EDGE = 8  # around what is pictured [px]
QUALITY = 60  # of WebP
MOST_BYTES, MOST_TOTAL = 120_000, 1_500_000
CELLS = 32  # across a picture, when two are compared
MOST_SIZE = 0.04  # by which width or height may differ
MOST_MEAN = 3.0  # mean difference of colour [0 to 255]; letters 3 % larger make at most 1.7
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FONT = ":root { --sans: 'Noto Sans CJK SC', sans-serif; }"  # of tools/setup.sh: the same everywhere
WORDS = """(part) => part.innerText ??
  Array.from(part.querySelectorAll("text"), (text) => text.textContent).join(" ")"""  # of SVG
COMPARE = """async ([one, two, cells]) => {
  const load = async (text) => {
    const image = new Image();
    image.src = "data:image/webp;base64," + text;
    await image.decode();
    return image;
  };
  const [a, b] = [await load(one), await load(two)];
  const rows = Math.max(1, Math.round(cells * a.height / a.width));
  const means = (image) => {
    const {width, height} = image;
    const board = new OffscreenCanvas(width, height).getContext("2d");
    board.drawImage(image, 0, 0);
    const seen = board.getImageData(0, 0, width, height).data;
    const sums = new Float64Array(rows * cells * 4);
    for (let y = 0, place = 0; y < height; y++) {
      const row = Math.floor(y * rows / height) * cells;
      for (let x = 0; x < width; x++) {
        const cell = (row + Math.floor(x * cells / width)) * 4;
        for (let part = 0; part < 4; part++) sums[cell + part] += seen[place++];
      }
    }
    const each = width * height / (rows * cells);
    return sums.map((sum) => sum / each);
  };
  const [left, right] = [means(a), means(b)];
  const off = left.reduce((sum, value, place) => sum + Math.abs(value - right[place]), 0);
  return [b.width / a.width - 1, b.height / a.height - 1, off / (rows * cells * 3)];
}"""


@dataclass(frozen=True)
class Shot:
    """
    A picture to take.

    Parameters
    ----------
    name : str
        Of its file, without extension.
    page : Path
        Page it is of.
    size : (int, int, float)
        Width and height of the window [px], and its scale.
    parts : tuple of str
        Selectors of what is pictured together; the top of the page if there are none.
    position : int
        Which of the elements that each selector finds.
    """

    name: str
    page: Path
    size: tuple[int, int, float]
    parts: tuple[str, ...] = ()
    position: int = 0


@dataclass(frozen=True)
class Picture:
    """A picture as taken: its file's bytes (WebP), and the words it shows."""

    content: bytes
    words: str

    @property
    def entry(self) -> dict[str, str]:
        """What the record keeps of it."""
        return {"sha256": hashlib.sha256(self.content).hexdigest(), "words": self.words}


def shots(reports: Path) -> list[Shot]:
    """List every picture, of reports in a folder and of the gallery's pages."""
    pages = reports / STUDY / AS_OF
    found = [
        Shot(f"{report}.{size}.{language}", pages / f"{report}.{language}.html", SIZES[size])
        for report in REPORTS
        for size in SIZES
        for language in LANGUAGES
    ]
    found += [
        Shot(f"gallery.{name}.{language}", EXAMPLES / f"{name}.html", (800, 900, 1.0), parts, at)
        for name, parts in PICTURED.items()
        for at, language in enumerate(LANGUAGES)
    ]
    return found


def make_reports(folder: Path) -> Path:
    """Make the reports as anybody would, on a state of their own; where they lie."""
    environment = {**os.environ, "WORKBENCH_HOME": str(folder / "home")}
    asked = ["--study", STUDY, "--as-of", AS_OF, "--output", str(folder / "reports")]
    for command in (["pool", "--quiet"], ["report", *REPORTS, *asked]):
        subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "analytics", *command],
            cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return folder / "reports"


def take(browser: Browser, shot: Shot) -> Picture:
    """Open a page at a width, wait until what is seen is drawn, and picture it."""
    width, height, scale = shot.size
    context = browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(shot.page.as_uri())
        page.add_style_tag(content=FONT)
        page.evaluate("document.fonts.ready")
        if shot.parts:
            seen = [page.locator(part).nth(shot.position) for part in shot.parts]
            box, words = _around(seen), [part.evaluate(WORDS) for part in seen]
        else:
            _drawn(page)
            box = {"x": 0, "y": 0, "width": width, "height": height}
            told = SHOWN if scale > 1 else (*SHOWN, *MAP[:2])  # the map is not on a phone's screen
            words = [text for part in told for text in page.locator(part).all_inner_texts()]
        return Picture(_webp(page, {**box, "scale": scale}), " ".join(" ".join(words).split()))
    finally:
        context.close()


def _around(parts: list[Locator]) -> dict[str, float]:
    """Box around some parts of a page that is not scrolled, with an edge."""
    boxes = [box for part in parts if (box := part.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return {
        "x": left - EDGE, "y": top - EDGE,
        "width": right - left + 2 * EDGE, "height": bottom - top + 2 * EDGE,
    }  # fmt: skip


def _drawn(page: Page) -> None:
    """Wait until the charts near the window are drawn; the page draws the others when idle."""
    page.wait_for_timeout(200)
    for _ in range(150):
        if not page.locator(".plot:not([data-drawn])").count():
            return
        page.wait_for_timeout(100)
    raise SystemExit(f"the charts of {page.url} were not drawn within 15 s")


def _webp(page: Page, clip: dict[str, float]) -> bytes:
    browser = page.context.new_cdp_session(page)
    asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
    return base64.b64decode(browser.send("Page.captureScreenshot", asked)["data"])


def compare(page: Page, old: bytes, new: bytes) -> list[str]:
    """
    Say by how much two pictures look different, where that is more than fonts explain.

    Parameters
    ----------
    page : Page
        Any page of a browser, which reads the pictures.
    old, new : bytes
        WebP files.

    Returns
    -------
    list of str
        A line if a side differs by more than `MOST_SIZE`; one if the colours of a grid of
        `CELLS` cells across differ by more than `MOST_MEAN` on average.
    """
    texts = [base64.b64encode(content).decode() for content in (old, new)]
    wide, high, mean = page.evaluate(COMPARE, [*texts, CELLS])
    found = []
    if max(abs(wide), abs(high)) > MOST_SIZE:
        found.append(f"its size is off by {wide:+.1%} and {high:+.1%} (at most {MOST_SIZE:.0%})")
    if mean > MOST_MEAN:
        found.append(f"its colours are off by {mean:.1f} on average (at most {MOST_MEAN:g} of 255)")
    return found


def reworded(old: str, new: str) -> list[str]:
    """Say which words of a picture the report no longer says, and which it says instead."""
    before, after = old.split(), new.split()
    steps = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        f"it shows '{' '.join(before[a:b])}' where the report says '{' '.join(after[c:d])}'"
        for step, a, b, c, d in steps
        if step != "equal"
    ]


def check(page: Page, taken: dict[str, Picture], folder: Path = IMAGES) -> list[str]:
    """
    Hold pictures in a folder against those just taken.

    Parameters
    ----------
    page : Page
        Any page of a browser.
    taken : dict of str to Picture
        By name.
    folder : Path
        Where the pictures and their record lie.

    Returns
    -------
    list of str
        One line for each way in which a picture is not what the report shows.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    there = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.webp"))}
    found = [f"{name}: nobody takes this picture any more" for name in there.keys() - taken.keys()]
    for name, picture in taken.items():
        if name not in there:
            found.append(f"{name}: there is no such picture")
            continue
        known = record.get(name, {"sha256": "", "words": ""})
        told = reworded(known["words"], picture.words)
        if known["sha256"] != hashlib.sha256(there[name]).hexdigest():
            told.append(f"it is not the picture that {RECORD} tells of")
        found += [
            f"{name}: {line}" for line in [*told, *compare(page, there[name], picture.content)]
        ]
    return found + heavy(there)


def heavy(pictures: dict[str, bytes]) -> list[str]:
    """Name pictures that are too large, one by one and together."""
    sizes = {name: len(content) for name, content in pictures.items()}
    found = [
        f"{name}: {size:,} bytes, more than {MOST_BYTES:,}"
        for name, size in sizes.items()
        if size > MOST_BYTES
    ]
    if sum(sizes.values()) > MOST_TOTAL:
        found.append(f"all together: {sum(sizes.values()):,} bytes, more than {MOST_TOTAL:,}")
    return found


def write(taken: dict[str, Picture], folder: Path = IMAGES) -> None:
    """Write pictures and their record; what nobody takes any more goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.webp"):
        if path.stem not in taken:
            path.unlink()
    for name, picture in taken.items():
        (folder / f"{name}.webp").write_bytes(picture.content)
    record = {name: picture.entry for name, picture in sorted(taken.items())}
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Take all pictures; write them, or hold them against those there."""
    from analytics.reporting import printing

    old = [
        name
        for name in PICTURED
        if not (page := EXAMPLES / f"{name}.html").exists()
        or page.stat().st_mtime < (GALLERY / f"{name}.ipynb").stat().st_mtime
    ]
    if old:
        print(f"no fresh page of {', '.join(old)}: run `make gallery` first", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        wanted = shots(make_reports(Path(folder)))
        browser = playwright.chromium.launch(executable_path=printing.browser(), args=ARGUMENTS)
        taken = {shot.name: take(browser, shot) for shot in wanted}
        if arguments == ["--check"]:
            found = check(browser.new_page(), taken)
            what = "look at what changed, then run `make screenshots`"
        else:
            write(taken)
            found, what = heavy({name: p.content for name, p in taken.items()}), "picture less"
        browser.close()
    print(*found, sep="\n")
    size = sum(len(picture.content) for picture in taken.values())
    print(f"{len(taken)} pictures, {size / 1e6:.2f} MB, {len(found)} not as they should be")
    if found:
        print(what, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
