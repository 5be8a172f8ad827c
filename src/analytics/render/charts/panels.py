"""Small multiples: one small chart per area, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analytics.render.blocks import NOTHING, Chart, Language, Text
from analytics.render.charts.series import Break, Series, series_table
from analytics.render.charts.theme import chart, day_axis, digits, hover, limits, say, wrapped
from analytics.render.colours import PALE, PRIMARY

_LETTERS: dict[Language, int] = {"zh": 21, "en": 42}  # of a line across a phone
_LINE, _AROUND, _BELOW = 16, 22, 32  # of a heading, around it, and under the last row [pixels]


def small_multiples(
    dates: Sequence[str],
    panels: Sequence[Series],
    *,
    alternative: Text,
    title: Text = NOTHING,
    breaks: Sequence[Break] = (),
    columns: int = 3,
    panel_height: int = 96,
) -> Chart:
    """
    One small bar chart per series, all on the same scale.

    Parameters
    ----------
    dates : sequence of str
        ISO dates, ascending, common to all panels.
    panels : sequence of Series
        Drawn row by row.
    alternative, title : Text
        What one should see; the finding.
    breaks : sequence of Break
        Days of changed counting: left out of the common scale, cut at its top, hatched.
    columns : int
        Panels per row.
    panel_height : int
        Height of a panel [pixels].
    """
    broken = {one.day for one in breaks}
    low, high = limits(
        [v for one in panels for d, v in zip(dates, one.values, strict=True) if d not in broken]
    )
    rows = math.ceil(len(panels) / columns)

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        names = [wrapped(say(one.name, language), _LETTERS[language] // columns) for one in panels]
        above = _AROUND + _LINE * max(name.count("<br>") + 1 for name in names)
        height = rows * panel_height + (rows - 1) * above
        layout: dict[str, Any] = {
            "height": height + above + _BELOW,
            "showlegend": False,
            "bargap": 0.1,
            "annotations": [],
            "margin": {"t": above},
        }
        traces = []
        for position, panel in enumerate(panels):
            row, column = divmod(position, columns)
            across = span(column, columns, 0.035)
            upwards = span(rows - 1 - row, rows, above / height)
            suffix = "" if position == 0 else str(position + 1)
            layout[f"xaxis{suffix}"] = {
                **day_axis(dates, language, ticks=2),
                "domain": across,
                "anchor": f"y{suffix}",
                # one axis labelled for all
                "showticklabels": column == 0 and row == rows - 1,
            }
            layout[f"yaxis{suffix}"] = {
                "domain": upwards,
                "anchor": f"x{suffix}",
                "range": [low, high],
                "nticks": 3,
                "showticklabels": column == 0,
                **digits(language),
            }
            layout["annotations"].append(_heading(names[position], across[0], upwards[1]))
            traces.append(_bars(dates, panel, high, broken, suffix, language))
        return traces, layout

    return chart(figure, alternative, title, series_table(title, dates, panels))


def span(position: int, count: int, gap: float) -> tuple[float, float]:
    """Part of a unit length: the position-th of so many, with gaps between."""
    size = (1 - gap * (count - 1)) / count
    start = position * (size + gap)
    return round(start, 4), round(min(start + size, 1.0), 4)


def _heading(name: str, left: float, top: float) -> dict[str, Any]:
    """Name of a panel, above its left corner."""
    return {
        "xref": "paper",
        "yref": "paper",
        "x": left,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "text": name,
        "font": {"weight": 600},
    }


def _bars(
    dates: Sequence[str],
    panel: Series,
    high: float,
    broken: set[str],
    suffix: str,
    language: Language,
) -> dict[str, Any]:
    """Bars of a panel, cut at the top of the common scale."""
    return {
        "type": "bar",
        "x": list(dates),
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "y": [None if v is None else min(v, high) for v in panel.values],
        "customdata": list(panel.values),
        "name": say(panel.name, language),
        "marker": {
            "color": [PALE if d in broken else PRIMARY for d in dates],
            "line": {"width": 0},
        },
        "hovertemplate": hover(language, "%{customdata}"),
    }
