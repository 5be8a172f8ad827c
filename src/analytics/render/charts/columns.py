"""Series from the columns of a table."""

from __future__ import annotations

import pandas as pd

from analytics.render.blocks import NOTHING, Text
from analytics.render.charts.series import Series


def series_of(
    table: pd.DataFrame, name: Text, *columns: str, digits: int = 2, band: Text = NOTHING
) -> Series:
    """
    Take a series from a table: its values, or its values, low and high.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per date, in the chart's order.
    name : Text
    *columns : str
        One column, or three.
    digits : int
        Digits after the point that are kept.
    band : Text
        What the band is.

    Returns
    -------
    Series
        None where the table knows nothing.
    """
    parts = [
        tuple(None if pd.isna(value) else round(float(value), digits) for value in table[column])
        for column in columns
    ]
    values, low, high = parts if len(parts) > 1 else (parts[0], (), ())
    return Series(name, values, low, high, band)
