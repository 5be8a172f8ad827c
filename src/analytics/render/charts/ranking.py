"""Bars in order of size, each labelled with its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analytics.render.blocks import NOTHING, Chart, Column, Language, Table, Text
from analytics.render.charts.series import caption
from analytics.render.charts.theme import chart, digits, say, wrapped
from analytics.render.colours import INK, PRIMARY, RULE
from analytics.render.numbers import written

# Characters of a name in a line, so that a phone has room for the bars
_NAME = {"zh": 10, "en": 22}


def ranked_bars(
    names: Sequence[Text],
    values: Sequence[float | None],
    *,
    label: Text,
    alternative: Text,
    title: Text = NOTHING,
    low: Sequence[float | None] = (),
    high: Sequence[float | None] = (),
    reference: tuple[float, Text] | None = None,
) -> Chart:
    """
    Horizontal bars in the order given, each labelled with its value; intervals as whiskers.

    Parameters
    ----------
    names : sequence of Text
        From top to bottom.
    values : sequence of float or None
        Lengths; None is drawn as "—".
    label : Text
        What the values are, with unit.
    alternative, title : Text
        What one should see; the finding.
    low, high : sequence of float or None
        Ends of the intervals.
    reference : tuple of float and Text, optional
        A value to compare with, drawn as a line with its name.
    """

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        shown = [say(name, language) for name in names]
        bars = _bars(shown, values, say(label, language), language)
        if low and high:
            bars |= {"error_x": _whiskers(values, low, high), "textposition": "none"}
        layout = _layout(shown, values, say(label, language), language)
        if reference:
            layout |= {
                "shapes": [_upright(reference[0])],
                "annotations": [*layout["annotations"], _named(reference, language)],
                "margin": {**layout["margin"], "t": 26},
            }
        return [bars], layout

    columns = [Column("name", Text("名称", "Name")), Column("value", label, "number")]
    if low and high:
        columns += [
            Column("low", Text("下限", "Low"), "number"),
            Column("high", Text("上限", "High"), "number"),
        ]
    rows = tuple(
        {"name": name, "value": value, **({"low": low[k], "high": high[k]} if low and high else {})}
        for k, (name, value) in enumerate(zip(names, values, strict=True))
    )
    table = Table(caption(title), tuple(columns), rows, collapsed=True)
    return chart(figure, alternative, title, table)


def _bars(
    shown: Sequence[str], values: Sequence[float | None], label: str, language: Language
) -> dict[str, Any]:
    """Bars from top to bottom, each labelled at its end."""
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(shown))),
        "x": list(values),
        "name": label,
        "marker": {"color": PRIMARY},
        "text": ["" if v is None else written(v, language) for v in values],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": list(shown),
        "hovertemplate": "%{customdata}: %{x}<extra></extra>",
    }


def _whiskers(
    values: Sequence[float | None], low: Sequence[float | None], high: Sequence[float | None]
) -> dict[str, Any]:
    """Intervals around the ends of the bars."""
    return {
        "type": "data",
        "symmetric": False,
        "color": INK,
        "thickness": 1.2,
        "width": 3,
        "array": [_gap(h, v) for h, v in zip(high, values, strict=True)],
        "arrayminus": [_gap(v, b) for b, v in zip(low, values, strict=True)],
    }


def _layout(
    shown: Sequence[str], values: Sequence[float | None], label: str, language: Language
) -> dict[str, Any]:
    """Axes of the bars; what is unknown is marked by a dash."""
    unknown = [
        {"x": 0, "y": k, "text": "—", "xanchor": "left", "xshift": 4}
        for k, value in enumerate(values)
        if value is None
    ]
    return {
        "height": 26 * len(shown) + 78,
        "showlegend": False,
        "bargap": 0.3,
        "margin": {"r": 60, "b": 52},
        "annotations": unknown,
        "yaxis": {
            "autorange": "reversed",
            "automargin": True,
            "tickmode": "array",
            "tickvals": list(range(len(shown))),
            "ticktext": [wrapped(name, _NAME[language]) for name in shown],
            "showgrid": False,
            "zeroline": False,
        },
        "xaxis": {
            "title": {"text": label},
            "rangemode": "tozero",
            "nticks": 5,
            **digits(language),
            "gridcolor": RULE,
            "showgrid": True,
        },
    }


def _upright(value: float) -> dict[str, Any]:
    return {"type": "line", "x0": value, "x1": value, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": INK, "width": 1.2, "dash": "dot"}}  # fmt: skip


def _named(reference: tuple[float, Text], language: Language) -> dict[str, Any]:
    return {"x": reference[0], "yref": "paper", "y": 1, "yanchor": "bottom",
            "text": say(reference[1], language), "font": {"size": 11.5}}  # fmt: skip


def _gap(upper: float | None, lower: float | None) -> float:
    return max(0.0, upper - lower) if upper is not None and lower is not None else 0.0
