"""What charts are drawn from: named values by date, and days on which counting changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from analytics.render.blocks import NOTHING, Column, Table, Text

DATE_LABEL: Final = Text("日期", "Date")


@dataclass(frozen=True)
class Series:
    """Named values, one per date; None where not known. ``low`` and ``high`` make a band."""

    name: Text
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    band: Text = NOTHING  # what the band is, e.g. 90 % interval


@dataclass(frozen=True)
class Break:
    """A day on which counting changed: its step is not comparable with its neighbours."""

    day: str
    note: Text


def interrupted(line: Series, dates: Sequence[str], broken: set[str]) -> Series:
    """Line with a gap on the days on which counting changed."""
    parts = [
        tuple(None if d in broken else v for d, v in zip(dates, values, strict=True))
        if values
        else ()
        for values in (line.values, line.low, line.high)
    ]
    return replace(line, values=parts[0], low=parts[1], high=parts[2])


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
    return Table(caption(title), tuple(columns), tuple(rows), collapsed=True)


def caption(title: Text) -> Text:
    """Caption of the table behind a chart."""
    if not title.zh:
        return Text("图中数据", "The figures behind this chart")
    return Text(f"图中数据：{title.zh}", f"The figures behind: {title.en}")
