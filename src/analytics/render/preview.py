"""
Preview of a block in JupyterLab: both languages, one under the other.

A preview is what an analyst sees while working on a notebook; the page is laid out from the
stored blocks. Maps and tables look as on the page. A chart is shown by its title, words and
table, and drawn by JupyterLab itself through plotly's own type (see `figures`).
"""

from __future__ import annotations

import json
from typing import Any, Final

from markupsafe import Markup

from analytics.render.blocks import LANGUAGES, Block, Section, dumps
from analytics.render.page import HTML_LANG, environment_for, swatches

PLOTLY_MIMETYPE: Final = "application/vnd.plotly.v1+json"

TEMPLATE: Final = """\
{% import "parts.html.j2" as parts with context %}
{% set kind = block.kind %}
{% if kind == "masthead" %}<p>{{ block.region | say }}</p><h1>{{ block.title | say }}</h1>
<p>{{ word("as_of") }} {{ block.as_of | day }} {{ word("by_midnight") }} · {{ word(block.status) }}
 · {{ word(block.nature) }} · {{ word("version") }} {{ block.version }}</p>
{% for notice in block.notices + block.errata %}<p>{{ notice | say }}</p>{% endfor %}
{% elif kind == "lead" %}<p><strong>{{ block.sentence | say }}</strong></p>
{% elif kind == "headlines" %}{{ parts.headlines_of(block) }}
{% elif kind == "decisions" %}{{ parts.decisions_of(block) }}
{% elif kind == "map" %}{{ parts.map_of(block, number) }}
{% elif kind == "section" %}{{ parts.section_of(block, number) }}
{% elif kind == "table" %}{{ parts.table_of(block, "table-" ~ number) }}
{% elif kind == "supplies" %}{{ parts.supplies_of(block) }}
{% elif kind == "definitions" %}{{ parts.terms_of(block) }}
{% endif %}
"""


def html(block: Block) -> str:
    """
    Write a block as HTML for a notebook's output, Chinese first.

    Parameters
    ----------
    block : Block
        Any block.

    Returns
    -------
    str
        Inert HTML: every text escaped, no script.
    """
    plain = json.loads(dumps(block))
    parts = []
    for number, language in enumerate(LANGUAGES, start=901):
        maps = [plain] if plain["kind"] == "map" else []
        environment = environment_for(language, swatches(maps, language, first=number))
        environment.globals["language"] = language
        body = environment.from_string(TEMPLATE).render(block=plain, number=number)
        parts.append(f'<div lang="{HTML_LANG[language]}">{body}</div>')
    return Markup("<hr>").join(Markup(part) for part in parts)  # noqa: S704 - escaped above


def figures(block: Block) -> list[dict[str, Any]]:
    """
    List mime bundles of a section's charts, both languages, for JupyterLab to draw.

    Returns
    -------
    list of dict
        One bundle per chart and language under plotly's own type; none for other blocks.
    """
    if not isinstance(block, Section):
        return []
    return [
        {PLOTLY_MIMETYPE: chart.figure[language]}
        for chart in block.charts
        for language in LANGUAGES
    ]
