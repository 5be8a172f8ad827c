"""Areas filled by value: a quantity cut into a few classes at round steps, with its legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analytics.errors import ParameterError
from analytics.render import maps
from analytics.render.blocks import AreaMap, Category, Table, Text
from analytics.render.colours import RAMP
from analytics.render.numbers import number

if TYPE_CHECKING:
    import geopandas as gpd

UNKNOWN: Final = Category("unknown", Text("无数据", "no figures"), "?", "#55606b", hatched=True)
_LETTERS: Final = "ABCDE"
_STEPS: Final = tuple(m * 10.0**e for e in range(-4, 5) for m in (1, 2, 5))


def classes(
    values: pd.Series, unit: Text, limits: Sequence[float] = ()
) -> tuple[list[Category], list[str]]:
    """
    Cut values at the 1-2-5 steps below the largest, or at limits that are given.

    Parameters
    ----------
    values : Series
        Not negative; empty where unknown.
    unit : Text
        Written after each number, with a blank of its own where it needs one.
    limits : sequence of float
        Where classes begin but for the first, ascending; four at most.

    Returns
    -------
    (list of Category, list of str)
        Legend, light to severe, five classes at most; and the key of each value's class,
        ``UNKNOWN``'s where there is none.

    Raises
    ------
    ParameterError
        If limits are too many or do not ascend.
    """
    if list(limits) != sorted(set(limits)) or len(limits) >= len(_LETTERS):
        raise ParameterError(
            f"{len(limits)} limits do not cut values into classes",
            remedy=f"name at most {len(_LETTERS) - 1}, ascending",
        )
    top = float(values.max()) if values.notna().any() else 0.0
    cuts = [*limits] or [step for step in _STEPS if step < top][-len(_LETTERS) + 1 :]
    place = np.searchsorted(cuts, values.fillna(-1.0).to_numpy(dtype="float64"), side="right")
    keys = [UNKNOWN.key if pd.isna(v) else f"class{k}" for v, k in zip(values, place, strict=True)]
    if not cuts:
        return [], keys
    labels = [
        Text(f"不足{cuts[0]:g}{unit.zh}", f"below {cuts[0]:g}{unit.en}"),
        *(
            Text(f"{low:g}至{high:g}{unit.zh}", f"{low:g} to {high:g}{unit.en}")
            for low, high in pairwise(cuts)
        ),
        Text(f"{cuts[-1]:g}{unit.zh}及以上", f"{cuts[-1]:g}{unit.en} and more"),
    ]
    shades = RAMP[len(RAMP) - len(labels) :]
    return [
        Category(f"class{k}", label, _LETTERS[k], shade)
        for k, (label, shade) in enumerate(zip(labels, shades, strict=True))
    ], keys


def choropleth(  # noqa: PLR0913 (areas, their values, and the words)
    boundaries: gpd.GeoDataFrame,
    values: pd.DataFrame,
    names: Mapping[str, Text],
    *,
    unit: Text,
    limits: Sequence[float] = (),
    title: Text,
    alternative: Text,
    note: Text,
    table: Table | None = None,
) -> AreaMap:
    """
    Fill areas by value.

    Parameters
    ----------
    boundaries : GeoDataFrame
        adcode, geometry.
    values : pandas.DataFrame
        adcode, value, and low, high where it is an estimate; areas that are not in it, or have
        no value, are hatched.
    names : mapping of str to Text
        Names by adcode.
    unit : Text
        Written after each number, with a blank of its own where it needs one.
    limits : sequence of float
        Where classes begin but for the first, ascending, four at most; else 1-2-5 steps.
    title, alternative, note : Text
        Finding of the map, what one should see in it, and what to know about it.
    table : Table, optional
        The table beneath.

    Returns
    -------
    AreaMap
    """
    drawn = boundaries[["adcode", "geometry"]].merge(values, on="adcode", how="left")
    categories, drawn["category"] = classes(drawn["value"], unit, limits)
    said = [_said(row, unit) for row in drawn.drop(columns="geometry").to_dict("records")]
    for language in ("zh", "en"):
        drawn[f"name_{language}"] = [getattr(names[code], language) for code in drawn["adcode"]]
        drawn[f"summary_{language}"] = [getattr(text, language) for text in said]
    return maps.area_map(
        drawn.rename(columns={"adcode": "code"}),
        [*categories, UNKNOWN],
        title=title,
        alternative=alternative,
        note=note,
        table=table,
    )


def _said(row: Mapping[str, float], unit: Text) -> Text:
    """Say the value of an area, with the interval of an estimate."""
    if pd.isna(row["value"]):
        return UNKNOWN.label
    value = number(row["value"], 1)
    text = Text(f"{value.zh}{unit.zh}", f"{value.en}{unit.en}")
    if "low" not in row:
        return text
    low, high = number(row["low"], 1), number(row["high"], 1)
    return Text(
        f"{text.zh}（95%区间{low.zh}–{high.zh}）",
        f"{text.en} (95% interval {low.en}–{high.en})",
    )
