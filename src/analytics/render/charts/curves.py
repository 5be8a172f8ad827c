"""Charts over time: an epidemic curve of bars, and series as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analytics.render.blocks import NOTHING, Chart, Language, Text
from analytics.render.charts.marks import break_line, break_notes, end_labels, level, line, room_for
from analytics.render.charts.series import Break, Series, interrupted, series_table
from analytics.render.charts.theme import chart, day_axis, digits, hover, limits, say
from analytics.render.colours import PALE, PRIMARY, QUIET, SECONDARY, SERIES


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
    cut = [interrupted(one, dates, broken) for one in lines]
    ordinary = [v for d, v in zip(dates, counts.values, strict=True) if d not in broken]
    low, high = limits(ordinary + [v for one in cut for v in (*one.values, *one.high)])
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
                "name": say(counts.name, language),
                "marker": {
                    "color": [PALE if d in broken else PRIMARY for d in dates],
                    "line": {"width": 0},
                    "pattern": {
                        "shape": ["/" if d in broken else "" for d in dates],
                        "fgcolor": QUIET,
                        "size": 6,
                    },
                },
                "hovertemplate": hover(language, "%{customdata}"),
            }
        ]
        for position, one in enumerate(cut):
            traces += line(dates, one, SECONDARY if position == 0 else SERIES[position], language)
        notes = break_notes(breaks, dates, language)
        room = room_for(notes)
        layout = {
            "height": height + room,
            "bargap": 0.15,
            "showlegend": bool(lines),
            "margin": {"t": room + (34 if lines else 12)},
            "xaxis": day_axis(dates, language),
            "yaxis": {"range": [low, high], **digits(language)},
            "shapes": [break_line(one.day) for one in breaks],
            "annotations": notes,
        }
        return traces, layout

    return chart(figure, alternative, title, series_table(title, dates, [counts, *lines]))


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
    low, high = limits([*values, *([reference[0]] if reference else [])], from_zero=from_zero)

    def figure(language: Language) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        traces = []
        notes = break_notes(breaks, dates, language)
        room = room_for(notes)
        marks = [break_line(one.day) for one in breaks]
        for one, colour in zip(series, SERIES, strict=False):
            traces += line(dates, one, colour, language)
        notes += end_labels(dates, series, low, high, height, language)
        if reference:
            marks.append(level(reference[0]))
            notes.append(
                {
                    "xref": "paper",
                    "x": 0,
                    "y": reference[0],
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "text": say(reference[1], language),
                    "font": {"color": QUIET},
                }
            )
        layout = {
            "height": height + room,
            "showlegend": len(series) > 1,
            "margin": {
                "r": 12 if len(series) == 1 else 76,
                "t": room + (34 if len(series) > 1 else 12),
            },
            "xaxis": day_axis(dates, language, 5 if len(series) == 1 else 4),
            "yaxis": {"range": [low, high], **digits(language)},
            "shapes": marks,
            "annotations": notes,
        }
        return traces, layout

    return chart(figure, alternative, title, series_table(title, dates, series))
