"""
Blocks: what a notebook shows and a page is made of, in both languages at once.

A notebook cell that ends in a block displays it in JupyterLab and stores it as JSON under
``MIMETYPE``; the page is laid out from those stored blocks alone, so one execution
gives every language and nothing is computed after the kernel has stopped.
Every text may hold hostile characters: blocks carry plain text, never markup.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from pathlib import Path

MIMETYPE = "application/vnd.epidemic-workbench.block+json"

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True)
class Text:
    """One sentence or label in both languages."""

    zh: str
    en: str


NOTHING = Text("", "")
"""Where a text may stand and none does."""


class Block:
    """A part of a page; shows itself in JupyterLab and stores itself for the page."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON of this block, with its kind."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]

    def to_xlsx(
        self, path: str | Path, language: Language = "zh", masthead: Masthead | None = None
    ) -> None:
        """
        Write the tables of this block into a workbook, as its page offers them.

        Parameters
        ----------
        path : str or Path
            File to write, ending in ``.xlsx``; one that stands there is replaced.
        language : {"zh", "en"}
            Language of headings and words.
        masthead : Masthead, optional
            Of the page, which says as of when and whether persons are simulated; without it
            the workbook says that this is not stated.

        Raises
        ------
        ParameterError
            If the folder does not exist, the name has another ending, or there is no table.
        PublicationError
            If the file could not be written.
        """
        from analytics.render import workbook

        workbook.save([self] if masthead is None else [masthead, self], path, language)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        # JupyterLab shows the richest type it knows: HTML; the page reads ours.
        from analytics.render import preview

        return {MIMETYPE: self.to_json(), "text/html": preview.html(self), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        """Show this block in a notebook, and its charts under it, drawn by JupyterLab."""
        from IPython.display import display

        from analytics.render import preview

        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        for bundle in preview.figures(self):
            display(bundle, raw=True)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Masthead(Block):
    """Title, as-of moment and standing of a page."""

    kind: ClassVar[str] = "masthead"
    title: Text
    region: Text
    as_of: str  # ISO date: everything known by 24:00 of that day
    nature: Literal["real", "simulated"]
    status: Literal["draft", "reviewed", "issued"] = "draft"
    version: int = 1
    notices: tuple[Text, ...] = ()  # for example: a retrospective variant, a study's limits
    errata: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Lead(Block):
    """The one sentence that says what changed and what it asks of the reader."""

    kind: ClassVar[str] = "lead"
    sentence: Text


@dataclass(frozen=True)
class Headline:
    """One headline figure with its changes, denominator and small trend."""

    label: Text
    value: Text
    day_change: Text
    week_change: Text
    denominator: Text
    trend: tuple[float | None, ...] = ()
    trend_summary: Text = NOTHING


@dataclass(frozen=True)
class Headlines(Block):
    """Three to five headline figures."""

    kind: ClassVar[str] = "headlines"
    figures: tuple[Headline, ...]


@dataclass(frozen=True)
class Decision:
    """Something to be decided: what, by whom, by when."""

    what: Text
    who: Text
    due: Text


@dataclass(frozen=True)
class Decisions(Block):
    """What needs a decision; an empty list says that nothing does."""

    kind: ClassVar[str] = "decisions"
    items: tuple[Decision, ...]


@dataclass(frozen=True)
class Category:
    """
    One legend entry of a map: a fill, a letter and a pattern, never colour alone.

    A hatched category is drawn as stripes of its fill on white: what is not known for
    certain never looks like what is.
    """

    key: str
    label: Text
    letter: str | Text
    fill: str
    hatched: bool = False


@dataclass(frozen=True)
class Shape:
    """
    One area of a map, as an SVG path in the map's own units.

    ``room`` is the radius of the largest circle around ``label_at`` that fits in: the letter
    is left out where it would not fit (None: it always fits).
    """

    code: str
    name: Text
    path: str
    category: str
    summary: Text  # what hover, focus or a tap says
    label_at: tuple[float, float]
    room: float | None = None


@dataclass(frozen=True)
class Flow:
    """
    One flow on a map: an SVG path in the map's own units, with its width on the screen [px].

    Flows are drawn over the areas and say nothing that the table does not say.
    """

    path: str
    width: float


@dataclass(frozen=True)
class AreaMap(Block):
    """
    A map of areas by category, with its legend; the table beneath says the same.

    A row of the table belongs to the area whose code is under the row's key ``code``
    (a column of that key need not be shown), else to all areas of the prefecture with it.
    """

    kind: ClassVar[str] = "map"
    title: Text
    alternative: Text
    width: float
    height: float
    shapes: tuple[Shape, ...]
    outlines: tuple[str, ...]  # SVG paths of the level above, drawn over the areas
    categories: tuple[Category, ...]
    note: Text
    table: Table | None = None
    flows: tuple[Flow, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A plotly figure per language, in words what one should see in it, its numbers."""

    figure: dict[Language, dict[str, Any]]
    alternative: Text
    table: Table | None = None  # the numbers drawn, shown folded under the chart
    title: Text = NOTHING  # the finding, above the chart


@dataclass(frozen=True)
class Column:
    """A table's column; a number is right-aligned, None in a cell is shown as "—"."""

    key: str
    label: Text
    role: Literal["text", "number", "date", "grade"] = "text"
    decimals: int | None = None  # digits after the point; None: as many as needed, up to two
    phone: bool = True  # shown on a narrow screen too; the others on a wide one and in the download


@dataclass(frozen=True)
class Missing:
    """A cell without a value, and why: suppressed, not published, not broken down."""

    reason: Text


@dataclass(frozen=True)
class Table(Block):
    """
    Rows to read and to download; cells are Text, Missing, str, int, float or None.

    It shows itself in JupyterLab; on a page it stands within a section, a map or the supplies.
    """

    kind: ClassVar[str] = "table"
    caption: Text
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...]
    note: Text = NOTHING
    name: str = ""  # file name of the download, without extension; empty: no download
    collapsed: bool = False


@dataclass(frozen=True)
class Section(Block):
    """One question in detail: the title is the finding, then chart, tables and note."""

    kind: ClassVar[str] = "section"
    title: Text
    paragraphs: tuple[Text, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    note: Text = NOTHING
    page: Text = NOTHING  # file beside, that says more


@dataclass(frozen=True)
class Supplies(Block):
    """Which department delivered what, when, and what was late or missing."""

    kind: ClassVar[str] = "supplies"
    table: Table


@dataclass(frozen=True)
class Definition:
    """A term, a method or a source, explained."""

    term: Text
    meaning: Text
    url: str = ""


@dataclass(frozen=True)
class Definitions(Block):
    """Definitions, methods and sources behind the figures of a page."""

    kind: ClassVar[str] = "definitions"
    items: tuple[Definition, ...]


def dumps(block: Block) -> str:
    """JSON text of a block that is safe inside an HTML script element."""
    return escape_json(json.dumps(block.to_json(), ensure_ascii=False, allow_nan=False))


def escape_json(text: str) -> str:
    """JSON text in which no character can end or open an HTML element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plain(text: str) -> str:
    """Text made safe for HTML by escaping."""
    return escape(text, quote=True)
