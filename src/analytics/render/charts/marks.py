"""Marks inside a chart: lines with bands, breaks, levels, names at the ends of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analytics.render.blocks import Language, Text
from analytics.render.charts.series import Break, Series
from analytics.render.charts.theme import hover, say, wrapped
from analytics.render.colours import INK, QUIET, SERIES


def line(
    dates: Sequence[str], one: Series, colour: str, language: Language
) -> list[dict[str, Any]]:
    """Traces of one line: its band first, so that the line lies over it."""
    name = say(one.name, language)
    traces: list[dict[str, Any]] = []
    if one.low and one.high:
        edge = {
            "type": "scatter",
            "mode": "lines",
            "x": list(dates),
            "line": {"width": 0},
            "hoverinfo": "skip",
            "legendgroup": name,
        }
        band = say(one.band, language)
        traces += [
            {**edge, "y": list(one.low), "showlegend": False},
            {
                **edge,
                "y": list(one.high),
                "fill": "tonexty",
                "fillcolor": tint(colour),
                "name": band,
                "showlegend": bool(band),
            },
        ]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(dates),
            "y": list(one.values),
            "name": name,
            "legendgroup": name,
            "line": {"color": colour, "width": 2.2},
            "connectgaps": False,
            "hovertemplate": hover(language, "%{y}", name),
        }
    )
    return traces


def break_line(day: str) -> dict[str, Any]:
    """Mark a day of changed counting by a dotted line."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": day,
        "x1": day,
        "y0": 0,
        "y1": 1,
        "line": {"color": INK, "width": 1.2, "dash": "dot"},
    }


NOTE_LINE = 15  # height of a line of a note [pixels]


def break_notes(
    breaks: Sequence[Break], dates: Sequence[str], language: Language
) -> list[dict[str, Any]]:
    """
    Write notes above breaks: the last to the right if there is room, those before to the left.

    They stand over the chart, never over what is drawn; ``room_for`` says how high they are.
    """
    return [_break_note(one, dates, language, is_last=one is breaks[-1]) for one in breaks]


def room_for(notes: Sequence[dict[str, Any]]) -> int:
    """Height of the margin that notes above a chart need [pixels]."""
    lines = max((note["text"].count("<br>") + 1 for note in notes), default=0)
    return lines * NOTE_LINE + 4 if lines else 0


def _break_note(
    one: Break, dates: Sequence[str], language: Language, *, is_last: bool
) -> dict[str, Any]:
    position = list(dates).index(one.day) if one.day in dates else 0
    is_right = is_last and position <= 0.75 * len(dates)
    return {
        "x": one.day,
        "yref": "paper",
        "y": 1,
        "xanchor": "left" if is_right else "right",
        "yanchor": "bottom",
        "xshift": 5 if is_right else -5,
        "showarrow": False,
        "align": "left" if is_right else "right",
        "font": {"size": 11.5},
        "text": wrapped(say(one.note, language), 9 if language == "zh" else 16),
    }


def end_labels(
    dates: Sequence[str],
    series: Sequence[Series],
    low: float,
    high: float,
    height: int,
    language: Language,
) -> list[dict[str, Any]]:
    """Names at the ends of lines, moved apart where they would cover one another."""
    if len(series) < 2:  # noqa: PLR2004 - one line needs no name: the title says it
        return []
    ends: list[tuple[float, str, Text, str]] = []
    for one, colour in zip(series, SERIES, strict=False):
        known = [(d, v) for d, v in zip(dates, one.values, strict=True) if v is not None]
        if known:
            ends.append((known[-1][1], known[-1][0], one.name, colour))
    least = (high - low) * 15 / max(height - 60, 1)
    labels: list[dict[str, Any]] = []
    floor = -math.inf
    for value, day, name, colour in sorted(ends, key=lambda end: end[0]):
        floor = max(value, floor + least)
        labels.append(
            {
                "x": day,
                "y": floor,
                "xanchor": "left",
                "yanchor": "middle",
                "xshift": 5,
                "text": say(name, language),
                "font": {"color": colour},
            }
        )
    return labels


def level(value: float) -> dict[str, Any]:
    """Mark a level to compare with by a dashed line."""
    return {
        "type": "line",
        "xref": "paper",
        "yref": "y",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": QUIET, "width": 1.2, "dash": "dash"},
    }


def tint(colour: str) -> str:
    """Colour at a fifth of its strength: for bands under a line."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
