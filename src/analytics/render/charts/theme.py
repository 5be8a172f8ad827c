"""One theme for all charts: axes, scales, labels, and plotly's own check of a figure."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from analytics.render.blocks import LANGUAGES, Chart, Language, Table, Text
from analytics.render.colours import INK, QUIET, RULE

FONT: Final = (
    'system-ui, -apple-system, "Segoe UI", Roboto, Arial, "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans CJK SC", sans-serif'
)


TICK_DAYS: Final[dict[Language, str]] = {"zh": "%-m月%-d日", "en": "%-d %b"}


SEPARATORS: Final[dict[Language, str]] = {"zh": ".", "en": ".,"}


HOVER_DAYS: Final[dict[Language, str]] = {"zh": "%Y年%-m月%-d日", "en": "%-d %b %Y"}


_AXIS: Final[dict[str, dict[str, Any]]] = {
    "x": {
        "showgrid": False,
        "showline": True,
        "linecolor": QUIET,
        "ticks": "outside",
        "tickcolor": QUIET,
        "ticklen": 4,
        "zeroline": False,
        "fixedrange": True,
    },
    "y": {
        "showgrid": True,
        "gridcolor": RULE,
        "zeroline": True,
        "zerolinecolor": QUIET,
        "zerolinewidth": 1,
        "fixedrange": True,
    },
}


def chart(
    figure: Callable[[Language], tuple[list[dict[str, Any]], dict[str, Any]]],
    alternative: Text,
    title: Text,
    table: Table,
) -> Chart:
    """
    Draw a figure once per language and put the chart's block together.

    Parameters
    ----------
    figure : callable
        Of a language: plotly's traces and layout.
    alternative : Text
        What the figure shows, for who cannot see it.
    title : Text
    table : Table
        The numbers behind it.

    Raises
    ------
    ValueError
        When plotly knows no such property or value.
    """
    drawn = {language: figure(language) for language in LANGUAGES}
    return Chart(
        figure={
            # plotly separates thousands from five digits on, unless there is no separator
            language: plotly_json(traces, {"separators": SEPARATORS[language], **layout})
            for language, (traces, layout) in drawn.items()
        },
        alternative=alternative,
        table=table,
        title=title,
    )


def plotly_json(data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> dict[str, Any]:
    """
    Figure as plain JSON in the theme of the page, checked by plotly.

    Raises
    ------
    ValueError
        When plotly knows no such property or value.
    """
    import plotly.graph_objects as go

    figure = go.Figure(data=list(data), layout={"template": "none"})
    figure.update_layout(theme())
    figure.update_layout(layout)
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    for annotation in plain["layout"].get("annotations", ()):
        annotation.setdefault("showarrow", False)
    for key, axis in plain["layout"].items():
        if key.startswith(("xaxis", "yaxis")):
            plain["layout"][key] = {**_AXIS[key[0]], **axis}
    return plain


def theme() -> dict[str, Any]:
    """Layout common to all charts."""
    return {
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 44, "r": 12, "t": 12, "b": 34},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": QUIET, "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "dragmode": False,
    }


def day_axis(dates: Sequence[str], language: Language, ticks: int = 5) -> dict[str, Any]:
    """Axis of days with evenly spaced labels that always hold the last day."""
    step = max(1, math.ceil((len(dates) - 1) / max(ticks - 1, 1)))
    return {
        "type": "date",
        "tickmode": "array",
        "tickvals": list(reversed(dates[::-1][::step])),
        "tickformat": TICK_DAYS[language],
        "tickangle": 0,
    }


def digits(language: Language) -> dict[str, Any]:
    """Axis of numbers: whole digits, thousands separated in English only."""
    return {"exponentformat": "none", "separatethousands": language == "en"}


def limits(values: Sequence[float | None], *, from_zero: bool = True) -> tuple[float, float]:
    """Find the ends of a scale that holds every value, with room above for labels."""
    known = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    room = (high - low) or 1.0
    return (low - 0.06 * room if low < 0 or not from_zero else low), high + 0.14 * room


def hover(language: Language, value: str, name: str = "") -> str:
    """Say what is shown over a point: its name, day and value."""
    between = "：" if language == "zh" else ": "
    # A name is shown as it is: "%{" in it would be read as a place holder.
    lead = f"{name.replace('%{', '% {')}<br>" if name else ""
    return f"{lead}%{{x|{HOVER_DAYS[language]}}}{between}{value}<extra></extra>"


def say(text: Text, language: Language) -> str:
    """Text with the characters of plotly's markup escaped."""
    plain = text.zh if language == "zh" else text.en
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(text: str, length: int) -> str:
    """Text in lines of at most so many characters, broken at spaces where there are any."""
    if " " not in text:
        lines = [""]
        for piece in re.findall(r"\d+|\D", text):  # a number stays in one line
            if lines[-1] and len(lines[-1]) + len(piece) > length:
                lines.append("")
            lines[-1] += piece
        return "<br>".join(lines)
    return "<br>".join(textwrap.wrap(text, length))
