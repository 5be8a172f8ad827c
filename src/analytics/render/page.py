"""
One report page: blocks in, a single self-contained HTML file out.

The page makes no request: style, script, chart library and chart specifications are inside
it, its tables once more as a workbook to save, and its Content-Security-Policy allows only the
scripts and styles whose SHA-256 it names (W3C, *Content Security Policy Level 3*). The chart
library travels compressed (RFC 1952) in a data block; the page inflates it when a chart comes near
the viewport and inserts it as a script whose hash the policy holds. Without JavaScript every word,
table and map is still there.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analytics.errors import ContractError, SetupError
from analytics.render import cells, workbook
from analytics.render.blocks import LANGUAGES, Language, escape_json
from analytics.render.numbers import written
from analytics.render.wording import WORDS, word

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

ORDER: Final = (
    "masthead",
    "lead",
    "headlines",
    "decisions",
    "map",
    "section",
    "supplies",
    "definitions",
)
ONCE: Final = frozenset({"masthead", "lead", "headlines", "decisions", "supplies", "definitions"})
HTML_LANG: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}
SPOKEN: Final = ("to_row", "chart_failed")  # words the script needs
CHART_LIBRARY: Final = "plotly-basic.min.js"
CHART_PACKAGE: Final = "plotly.js-basic-dist-min"


def html(
    blocks: Sequence[Mapping[str, Any]],
    language: Language,
    *,
    languages: Mapping[Language, str],
    made: Mapping[str, Any],
) -> str:
    """
    Write a report page in one language.

    Parameters
    ----------
    blocks : sequence of mapping
        Blocks as JSON (``Block.to_json``), in any order: the page follows its own anatomy,
        maps and sections keep the order among themselves.
    language : {"zh", "en"}
        Language of this page.
    languages : mapping
        Relative address of the page in each language; this page's own is not linked.
    made : mapping
        How the page came about: ``report``, ``study``, ``code``, ``verify`` (what to run),
        ``parameters``, ``versions``, ``inputs`` (name to SHA-256). Keys left out are not
        shown; other keys are shown by their name.

    Returns
    -------
    str
        The whole file; the same arguments give the same bytes.

    Raises
    ------
    ContractError
        When a block is of no known kind, one that may appear once appears twice, or the
        masthead is missing.
    SetupError
        When the page has charts and the chart library is not installed.
    """
    by_kind = _sorted(blocks)
    chart_library = library() if _has_charts(by_kind["section"]) else ""
    style, script = asset("page.css"), asset("page.js")
    printed = _printed_style(by_kind["masthead"][0], language)
    environment = environment_for(language, swatches(by_kind["map"], language))
    return environment.get_template("page.html.j2").render(
        policy=policy(scripts=[script, chart_library], styles=[style, printed]),
        language=language,
        lang=HTML_LANG[language],
        others=[
            (HTML_LANG[other], languages[other])
            for other in LANGUAGES
            if other != language and other in languages
        ],
        masthead=by_kind["masthead"][0],
        only={kind: next(iter(by_kind[kind]), None) for kind in ONCE},
        maps=by_kind["map"],
        sections=by_kind["section"],
        made=made,
        style=Markup(style),  # noqa: S704 - our own asset
        printed=Markup(printed),  # noqa: S704 - our own words, escaped for CSS
        script=Markup(script),  # noqa: S704 - our own asset
        library=packed(chart_library),
        workbook=_workbook(blocks, language),
        named=file_name(f"{made.get('report', 'report')}-{by_kind['masthead'][0]['as_of']}"),
        spoken={key: cells.say(vars(WORDS[key]), language) for key in SPOKEN},
    )


def _workbook(blocks: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Address under which a page holds its own tables as a workbook; empty if it has none."""
    if not any(True for _ in workbook.tables(blocks)):
        return ""
    content = base64.b64encode(workbook.write(blocks, language)).decode()
    return (
        f"data:application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;base64,{content}"
    )


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Content-Security-Policy that allows exactly these inline scripts and styles."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def library() -> str:
    """
    Text of the chart library, from the package or from the checkout's ``node_modules``.

    Raises
    ------
    SetupError
        When it is in neither place.
    """
    packaged = Path(str(resources.files("analytics.render") / "assets" / CHART_LIBRARY))
    here = Path(__file__).resolve()
    roots = [Path.cwd(), *Path.cwd().parents, *here.parents]
    candidates = [
        packaged,
        *(root / "node_modules" / CHART_PACKAGE / CHART_LIBRARY for root in roots),
    ]
    for candidate in candidates:
        if candidate.is_file():
            return _library_text(candidate)
    raise SetupError(
        f"the chart library {CHART_PACKAGE} is not installed; a page with charts cannot be written",
        remedy="run `npm ci` in the project's folder",
    )


@lru_cache(maxsize=4)
def _library_text(path: Path) -> str:
    # The policy's hash is over what the browser inserts: one newline convention, no BOM.
    return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=4)
def packed(text: str) -> str:
    """Text as base64 of its gzip, without a time stamp: the same text, the same bytes."""
    if not text:
        return ""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


@lru_cache(maxsize=4)
def asset(name: str) -> str:
    """Text of one of the page's own assets."""
    return (resources.files("analytics.render") / "assets" / name).read_text(encoding="utf-8")


class _Compiled(BytecodeCache):
    """Templates compiled once in a process, for every block and both languages."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


def environment_for(language: Language, swatches: Mapping[str, Mapping[str, Any]]) -> Environment:
    """Jinja environment of one language: everything escaped, nothing undefined passes."""
    environment = Environment(
        loader=PackageLoader("analytics.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_COMPILED,
    )

    environment.globals.update(
        word=partial(word, language=language),
        knows=WORDS.__contains__,
        spark=cells.spark,
        counts=_counts,
        row_of=_row_of,
        present=lambda table: cells.present(table, language, swatches),
    )
    environment.filters.update(
        say=lambda text: cells.say(text, language),
        day=lambda value: cells.spelled(value, language),
        number=lambda value: written(value, language),
        json=_json,
        figure=lambda chart: chart["figure"][language],
        file_name=file_name,
        web=web,
    )
    return environment


def web(address: str) -> str:
    """Address if it is one a reader may follow (http, https), else nothing."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    return address.strip() if parts.scheme in {"http", "https"} and parts.netloc else ""


def file_name(name: str) -> str:
    """Name of a download: letters, digits, hyphen and underscore of any script, no more."""
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
    return kept.strip("-")[:80]


def swatches(
    maps: Sequence[Mapping[str, Any]], language: Language, *, first: int = 1
) -> dict[str, Mapping[str, Any]]:
    """Legend entries of all maps by label, so that a table's grades wear the map's colours."""
    return {
        cells.say(category["label"], language): {**category, "pattern": f"hatch-{m}-{c}"}
        for m, area_map in enumerate(maps, start=first)
        for c, category in enumerate(area_map["categories"], start=1)
    }


def _sorted(blocks: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    by_kind: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in ORDER}
    breaches = []
    for position, block in enumerate(blocks, start=1):
        kind = block.get("kind")
        if kind in by_kind:
            by_kind[kind].append(block)
        else:
            breaches.append(f"block {position} is of no known kind")
    breaches += [
        f"{kind}: {len(by_kind[kind])} blocks, at most one can be shown"
        for kind in ORDER
        if kind in ONCE and len(by_kind[kind]) > 1
    ]
    if not by_kind["masthead"]:
        breaches.append("masthead: missing")
    if breaches:
        raise ContractError(
            f"a page cannot be laid out from these {len(blocks)} blocks",
            breaches,
            f"the kinds are {', '.join(ORDER)}",
        )
    return by_kind


def _has_charts(sections: Sequence[Mapping[str, Any]]) -> bool:
    return any(section.get("charts") for section in sections)


def _counts(area_map: Mapping[str, Any]) -> dict[str, int]:
    tally = {category["key"]: 0 for category in area_map["categories"]}
    for shape in area_map["shapes"]:
        tally[shape["category"]] = tally.get(shape["category"], 0) + 1
    return tally


def _row_of(area_map: Mapping[str, Any]) -> dict[str, int]:
    """Row of each area in the map's table: its own, else its prefecture's."""
    table = area_map.get("table")
    if not table:
        return {}
    rows: dict[str, int] = {}
    for position, row in enumerate(table["rows"], start=1):
        rows.setdefault(str(row.get("code", "")), position)
    found = {}
    for shape in area_map["shapes"]:
        code = str(shape["code"])
        row_number = rows.get(code) or rows.get(f"{code[:4]}00")
        if row_number:
            found[code] = row_number
    return found


def _hashes(texts: Sequence[str]) -> str:
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in texts
        if text
    ]
    return " ".join(hashes) or "'none'"


def _json(value: object) -> Markup:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(escape_json(text))  # noqa: S704 - no character in it can end an element


def _printed_style(masthead: Mapping[str, Any], language: Language) -> str:
    """Page numbers, and on simulated data a warning on every printed sheet."""
    warning = ""
    if masthead["nature"] == "simulated":
        words = cells.say(vars(WORDS["simulated"]), language)
        warning = f'@top-center {{ content: "{words}"; font-weight: 700; }} '
    return (
        "@page { size: A4 portrait; margin: 16mm 15mm 18mm; "
        f'{warning}@bottom-right {{ content: counter(page) " / " counter(pages); }} }}'
    )
