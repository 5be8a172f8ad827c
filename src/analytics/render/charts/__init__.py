"""
Charts: series in, a chart block with one plotly figure per language out.

One theme for all: direct labels, bands for intervals, one scale per chart, no second axis.
Nothing is computed here but places of labels and limits of axes. Names are shown as they
are: plotly reads a small markup in its texts, so every text is escaped for it.
"""

from analytics.render.charts.columns import series_of
from analytics.render.charts.curves import epidemic_curve, lines
from analytics.render.charts.panels import small_multiples
from analytics.render.charts.ranking import ranked_bars
from analytics.render.charts.series import Break, Series, series_table
from analytics.render.charts.theme import plotly_json

__all__ = [
    "Break",
    "Series",
    "epidemic_curve",
    "lines",
    "plotly_json",
    "ranked_bars",
    "series_of",
    "series_table",
    "small_multiples",
]
