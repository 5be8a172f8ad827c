"""
Charts: series in, a chart block with one plotly figure per language out.

One theme for all: direct labels, bands for intervals, one scale per chart, no second axis.
Nothing is computed here but places of labels and limits of axes. Names are shown as they
are: plotly reads a small markup in its texts, so every text is escaped for it.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from analytics.render.blocks import LANGUAGES, Chart, Column, Language, Table, Text
from analytics.render.colours import INK, PALE, PRIMARY, QUIET, RULE, SECONDARY, SERIES

FONT: Final = (
    'system-ui, -apple-system, "Segoe UI", Roboto, Arial, "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans CJK SC", sans-serif'
)
TICK_DAYS: Final[dict[Language, str]] = {"zh": "%-m月%-d日", "en": "%-d %b"}
HOVER_DAYS: Final[dict[Language, str]] = {"zh": "%Y年%-m月%-d日", "en": "%-d %b %Y"}
DATE_LABEL: Final = Text("日期", "Date")
NOTHING: Final = Text("", "")


@dataclass(frozen=True)
class Series:
    """Named values, one per date; None where not known. ``low`` and ``high`` make a band."""

    name: Text
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    band: Text = field(default_factory=lambda: NOTHING)  # what the band is, e.g. 90 % interval


@dataclass(frozen=True)
class Break:
    """A day on which counting changed: its step is not comparable with its neighbours."""

    day: str
    note: Text


def epidemic_curve(
    dates: Sequence[str],
    counts: Series,
    *,
    alternative: Text,
    title: Text = NOTHING,
    breaks: Sequence[Break] = (),
    lines: Sequence[Series] = (),
    height: int = 340,
) -> Chart:
    """
    Daily counts as bars, with any change of definition drawn as a break and not as a peak.

    Parameters
    ----------
    dates : sequence of str
        ISO dates, ascending.
    counts : Series
        Counts per day; negative steps (retractions) are drawn below zero.
    alternative, title : Text
        What one should see; the finding.
    breaks : sequence of Break
        Days of changed counting: hatched, cut at the top of the scale of the other days,
        marked by a dashed line and a note that should name the step.
    lines : sequence of Series
        For example a moving average, each with its band if it has one.
    height : int
        Height [pixels].

    Returns
    -------
    Chart
        With the table of its numbers.
    """
    broken = {one.day for one in breaks}
    interrupted = [_interrupted(line, dates, broken) for line in lines]
    ordinary = [v for d, v in zip(dates, counts.values, strict=True) if d not in broken]
    low, high = _limits(ordinary + [v for one in interrupted for v in (*one.values, *one.high)])
    tops = [
        min(v, high) if v is not None and d in broken else v
        for d, v in zip(dates, counts.values, strict=True)
    ]

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces: list[dict[str, Any]] = [
            {
                "type": "bar",
                "x": list(dates),
                "y": tops,
                "customdata": list(counts.values),
                "name": _say(counts.name, language),
                "marker": {
                    "color": [PALE if d in broken else PRIMARY for d in dates],
                    "line": {"width": 0},
                    "pattern": {
                        "shape": ["/" if d in broken else "" for d in dates],
                        "fgcolor": QUIET,
                        "size": 6,
                    },
                },
                "hovertemplate": _hover(language, "%{customdata}"),
            }
        ]
        for position, line in enumerate(interrupted):
            traces += _line(dates, line, SECONDARY if position == 0 else SERIES[position], language)
        layout = {
            "height": height,
            "bargap": 0.15,
            "showlegend": bool(lines),
            "margin": {"t": 34 if lines else 12},
            "xaxis": _day_axis(dates, language),
            "yaxis": {"range": [low, high], **_digits(language)},
            "shapes": [_break_line(one.day) for one in breaks],
            "annotations": [_break_note(one, dates, high, language) for one in breaks],
        }
        return traces, layout

    return _chart(figure, alternative, title, series_table(title, dates, [counts, *lines]))


def lines(
    dates: Sequence[str],
    series: Sequence[Series],
    *,
    alternative: Text,
    title: Text = NOTHING,
    reference: tuple[float, Text] | None = None,
    breaks: Sequence[Break] = (),
    from_zero: bool = True,
    height: int = 340,
) -> Chart:
    """
    Series as lines, labelled at their ends, intervals as bands.

    Parameters
    ----------
    dates : sequence of str
        ISO dates, ascending.
    series : sequence of Series
        One to five.
    alternative, title : Text
        What one should see; the finding.
    reference : tuple of float and Text, optional
        A level to compare with, for example a reproduction number of 1.
    breaks : sequence of Break
        Days of changed counting.
    from_zero : bool
        Whether the scale holds zero.
    height : int
        Height [pixels].
    """
    values = [v for one in series for v in (*one.values, *one.low, *one.high)]
    low, high = _limits([*values, *([reference[0]] if reference else [])], from_zero=from_zero)

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces = []
        notes = [_break_note(one, dates, high, language) for one in breaks]
        marks = [_break_line(one.day) for one in breaks]
        for one, colour in zip(series, SERIES, strict=False):
            traces += _line(dates, one, colour, language)
        notes += _end_labels(dates, series, low, high, height, language)
        if reference:
            marks.append(_level(reference[0]))
            notes.append(
                {
                    "xref": "paper",
                    "x": 0,
                    "y": reference[0],
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "text": _say(reference[1], language),
                    "font": {"color": QUIET},
                }
            )
        layout = {
            "height": height,
            "showlegend": len(series) > 1,
            "margin": {"r": 12 if len(series) == 1 else 76, "t": 34 if len(series) > 1 else 12},
            "xaxis": _day_axis(dates, language),
            "yaxis": {"range": [low, high], **_digits(language)},
            "shapes": marks,
            "annotations": notes,
        }
        return traces, layout

    return _chart(figure, alternative, title, series_table(title, dates, series))


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
    low, high = _limits(
        [v for one in panels for d, v in zip(dates, one.values, strict=True) if d not in broken]
    )
    rows = math.ceil(len(panels) / columns)

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces: list[dict[str, Any]] = []
        layout: dict[str, Any] = {
            "height": rows * (panel_height + 30) + 40,
            "showlegend": False,
            "bargap": 0.1,
            "annotations": [],
            "margin": {"t": 22},
        }
        for position, panel in enumerate(panels):
            row, column = divmod(position, columns)
            suffix = "" if position == 0 else str(position + 1)
            left, right = _span(column, columns, 0.035)
            bottom, top = _span(rows - 1 - row, rows, 0.30 / rows if rows > 1 else 0.0)
            is_corner = column == 0 and row == rows - 1  # one axis labelled for all
            layout[f"xaxis{suffix}"] = {
                **_day_axis(dates, language, ticks=2),
                "domain": [left, right],
                "anchor": f"y{suffix}",
                "showticklabels": is_corner,
            }
            layout[f"yaxis{suffix}"] = {
                "domain": [bottom, top],
                "anchor": f"x{suffix}",
                "range": [low, high],
                "nticks": 3,
                "showticklabels": column == 0,
                **_digits(language),
            }
            traces.append(
                {
                    "type": "bar",
                    "x": list(dates),
                    "xaxis": f"x{suffix}",
                    "yaxis": f"y{suffix}",
                    "y": [None if v is None else min(v, high) for v in panel.values],
                    "customdata": list(panel.values),
                    "name": _say(panel.name, language),
                    "marker": {
                        "color": [PALE if d in broken else PRIMARY for d in dates],
                        "line": {"width": 0},
                    },
                    "hovertemplate": _hover(language, "%{customdata}"),
                }
            )
            layout["annotations"].append(
                {
                    "xref": "paper",
                    "yref": "paper",
                    "x": left,
                    "y": top,
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "text": _say(panel.name, language),
                    "font": {"weight": 600},
                }
            )
        return traces, layout

    return _chart(figure, alternative, title, series_table(title, dates, panels))


def ranked_bars(
    names: Sequence[Text],
    values: Sequence[float | None],
    *,
    label: Text,
    alternative: Text,
    title: Text = NOTHING,
    low: Sequence[float | None] = (),
    high: Sequence[float | None] = (),
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
    """

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        shown = [_say(name, language) for name in names]
        bars: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "y": list(range(len(shown))),
            "x": list(values),
            "name": _say(label, language),
            "marker": {"color": PRIMARY},
            "text": ["" if v is None else _figure(v, language) for v in values],
            "textposition": "outside",
            "cliponaxis": False,
            "customdata": shown,
            "hovertemplate": "%{customdata}: %{x}<extra></extra>",
        }
        if low and high:
            bars["error_x"] = {
                "type": "data",
                "symmetric": False,
                "color": INK,
                "thickness": 1.2,
                "width": 3,
                "array": [_gap(h, v) for h, v in zip(high, values, strict=True)],
                "arrayminus": [_gap(v, b) for b, v in zip(low, values, strict=True)],
            }
            bars["textposition"] = "none"
        unknown = [
            {"x": 0, "y": k, "text": "—", "xanchor": "left", "xshift": 4}
            for k, value in enumerate(values)
            if value is None
        ]
        layout = {
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
                "ticktext": shown,
                "showgrid": False,
            },
            "xaxis": {
                "title": {"text": _say(label, language)},
                "rangemode": "tozero",
                "nticks": 5,
                **_digits(language),
                "gridcolor": RULE,
                "showgrid": True,
            },
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
    table = Table(_caption(title), tuple(columns), rows, collapsed=True)
    return _chart(figure, alternative, title, table)


def series_table(title: Text, dates: Sequence[str], series: Sequence[Series]) -> Table:
    """Numbers behind a chart: one row per date, one column per series and end of a band."""
    columns = [Column("date", DATE_LABEL, "date")]
    rows: list[dict[str, Any]] = [{"date": day} for day in dates]
    for position, one in enumerate(series):
        parts = [("", one.name, one.values)]
        if one.low and one.high:
            parts += [
                ("_low", Text(f"{one.name.zh}（下限）", f"{one.name.en} (low)"), one.low),
                ("_high", Text(f"{one.name.zh}（上限）", f"{one.name.en} (high)"), one.high),
            ]
        for suffix, label, values in parts:
            key = f"series_{position}{suffix}"
            columns.append(Column(key, label, "number"))
            for row, value in zip(rows, values, strict=True):
                row[key] = value
    return Table(_caption(title), tuple(columns), tuple(rows), collapsed=True)


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


def _chart(
    figure: Callable[[Language], tuple[list[dict[str, Any]], dict[str, Any]]],
    alternative: Text,
    title: Text,
    table: Table,
) -> Chart:
    return Chart(
        figure={language: plotly_json(*figure(language)) for language in LANGUAGES},
        alternative=alternative,
        table=table,
        title=title,
    )


def _line(
    dates: Sequence[str], line: Series, colour: str, language: Language
) -> list[dict[str, Any]]:
    """Traces of one line: its band first, so that the line lies over it."""
    name = _say(line.name, language)
    traces: list[dict[str, Any]] = []
    if line.low and line.high:
        edge = {
            "type": "scatter",
            "mode": "lines",
            "x": list(dates),
            "line": {"width": 0},
            "hoverinfo": "skip",
            "legendgroup": name,
        }
        band = _say(line.band, language)
        traces += [
            {**edge, "y": list(line.low), "showlegend": False},
            {
                **edge,
                "y": list(line.high),
                "fill": "tonexty",
                "fillcolor": _tint(colour),
                "name": band,
                "showlegend": bool(band),
            },
        ]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(dates),
            "y": list(line.values),
            "name": name,
            "legendgroup": name,
            "line": {"color": colour, "width": 2.2},
            "connectgaps": False,
            "hovertemplate": _hover(language, "%{y}", name),
        }
    )
    return traces


def _interrupted(line: Series, dates: Sequence[str], broken: set[str]) -> Series:
    """Line with a gap on the days on which counting changed."""
    parts = [
        tuple(None if d in broken else v for d, v in zip(dates, values, strict=True))
        if values
        else ()
        for values in (line.values, line.low, line.high)
    ]
    return replace(line, values=parts[0], low=parts[1], high=parts[2])


def _hover(language: Language, value: str, name: str = "") -> str:
    between = "：" if language == "zh" else ": "
    # A name is shown as it is: "%{" in it would be read as a place holder.
    lead = f"{name.replace('%{', '% {')}<br>" if name else ""
    return f"{lead}%{{x|{HOVER_DAYS[language]}}}{between}{value}<extra></extra>"


def _day_axis(dates: Sequence[str], language: Language, ticks: int = 5) -> dict[str, Any]:
    """Axis of days with evenly spaced labels that always hold the last day."""
    step = max(1, math.ceil((len(dates) - 1) / max(ticks - 1, 1)))
    return {
        "type": "date",
        "tickmode": "array",
        "tickvals": list(reversed(dates[::-1][::step])),
        "tickformat": TICK_DAYS[language],
        "tickangle": 0,
    }


def _digits(language: Language) -> dict[str, Any]:
    """Axis of numbers: whole digits, thousands separated in English only."""
    return {"exponentformat": "none", "separatethousands": language == "en"}


def _limits(values: Sequence[float | None], *, from_zero: bool = True) -> tuple[float, float]:
    """Find the ends of a scale that holds every value, with room above for labels."""
    known = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    room = (high - low) or 1.0
    return (low - 0.06 * room if low < 0 or not from_zero else low), high + 0.14 * room


def _break_line(day: str) -> dict[str, Any]:
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


def _break_note(
    one: Break, dates: Sequence[str], high: float, language: Language
) -> dict[str, Any]:
    """Note beside a break, on the side of the chart that has more room."""
    position = list(dates).index(one.day) if one.day in dates else 0
    is_right = position <= 0.6 * len(dates)
    return {
        "x": one.day,
        "y": high,
        "xanchor": "left" if is_right else "right",
        "yanchor": "top",
        "xshift": 9 if is_right else -9,
        "align": "left",
        "font": {"size": 11.5},
        "text": _wrapped(_say(one.note, language), 15 if language == "zh" else 28),
        "bgcolor": "rgba(255,255,255,0.86)",
    }


def _end_labels(
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
                "text": _say(name, language),
                "font": {"color": colour},
            }
        )
    return labels


def _level(value: float) -> dict[str, Any]:
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


def _span(position: int, count: int, gap: float) -> tuple[float, float]:
    """Part of a unit length: the position-th of so many, with gaps between."""
    size = (1 - gap * (count - 1)) / count
    start = position * (size + gap)
    return round(start, 4), round(min(start + size, 1.0), 4)


def _tint(colour: str) -> str:
    """Colour at a fifth of its strength: for bands under a line."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"


def _figure(value: float, language: Language) -> str:
    separator = "," if language == "en" else ""
    digits = "d" if float(value).is_integer() else ".2f"
    text = format(int(value) if digits == "d" else value, f"{separator}{digits}")
    return text.rstrip("0") if digits != "d" else text


def _gap(upper: float | None, lower: float | None) -> float:
    return max(0.0, upper - lower) if upper is not None and lower is not None else 0.0


def _say(text: Text, language: Language) -> str:
    """Text with the characters of plotly's markup escaped."""
    plain = text.zh if language == "zh" else text.en
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _wrapped(text: str, length: int) -> str:
    """Text in lines of at most so many characters, broken at spaces where there are any."""
    if " " not in text:
        return "<br>".join(text[k : k + length] for k in range(0, len(text), length))
    return "<br>".join(textwrap.wrap(text, length))


def _caption(title: Text) -> Text:
    """Caption of the table behind a chart."""
    if not title.zh:
        return Text("图中数据", "The figures behind this chart")
    return Text(f"图中数据：{title.zh}", f"The figures behind: {title.en}")
