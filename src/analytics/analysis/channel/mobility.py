"""
Flows from public mobility indices, where no records exist.

A provider publishes, for a region, an index of how many travelled in a day, and which share of
them went to or came from each place. Their product is a flow without a unit: days and
places can be compared, persons cannot be counted. On some days a provider shows another region's
table; such days are found by what they say, and taken out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import codes

if TYPE_CHECKING:
    import numpy.typing as npt

WINDOW, LIMIT = 7, 0.5
BUSY = 0.1
_KEY = ["origin", "direction", "date"]


def broken_days(
    shares: pd.DataFrame, *, window: int = WINDOW, limit: float = LIMIT
) -> pd.DataFrame:
    r"""
    Judge each day's table of shares by its own evidence.

    Parameters
    ----------
    shares : MOBILITY_SHARES table
        date, origin, direction, region, share.
    window : int
        Days before and after that a day is compared with.
    limit : float
        Distance beyond which a day's table is another one, from 0 to 1.

    Returns
    -------
    pandas.DataFrame
        One row per origin, direction and day: coverage [sum of shares], distance [to the days
        around], twin [other origin with the very same table], inside [places that lie in
        the origin itself, which nobody travels between], broken (bool).

    Notes
    -----
    The distance is the total variation :math:`\tfrac12\sum_j |p_j - q_j|` between the day's
    shares and the median of the days around (those not strange themselves), both scaled to 1:
    the part of the travellers who would have to go elsewhere. A day is broken if it is above
    the limit, if another origin has the same table, or if a province's table lists places of its
    own.
    """
    parts = []
    for (origin, direction), rows in shares.groupby(["origin", "direction"]):
        table = rows.pivot_table(
            index="date", columns="region", values="share", aggfunc="sum", fill_value=0.0
        ).sort_index()
        values = table.to_numpy(np.float64)
        coverage = values.sum(axis=1)
        scaled = values / np.where(coverage > 0, coverage, 1.0)[:, None]
        part = pd.DataFrame({"date": table.index, "coverage": coverage})
        part["inside"] = _inside(str(origin), table)
        away = _distance(scaled, table.index, window, np.zeros(len(table), bool))
        strange = (away > limit) | (part["inside"] > 0).to_numpy()
        part["distance"] = _distance(scaled, table.index, window, strange)
        parts.append(part.assign(origin=str(origin), direction=str(direction)))
    if not parts:
        return pd.DataFrame(columns=[*_KEY, "coverage", "distance", "twin", "inside", "broken"])
    days = pd.concat(parts).merge(_twins(shares), "left", _KEY)
    days["broken"] = (days["distance"] > limit) | days["twin"].notna() | (days["inside"] > 0)
    columns = [*_KEY, "coverage", "distance", "twin", "inside", "broken"]
    return days[columns].sort_values(_KEY, ignore_index=True)


def busy(shares: pd.DataFrame, scale: pd.DataFrame, *, least: float = BUSY) -> pd.DataFrame:
    """
    Leave out days on which hardly anybody travelled.

    Whom a closed way lets pass does not say where those who wait would go.

    Parameters
    ----------
    shares : MOBILITY_SHARES table
    scale : MOBILITY_SCALE table
        date, origin, direction, scale.
    least : float
        Index that a day needs, as a part of the highest of its origin and direction.

    Returns
    -------
    MOBILITY_SHARES table
        Days without an index stay.
    """
    highest = scale.groupby(_KEY[:2])["scale"].transform("max")
    quiet = pd.MultiIndex.from_frame(scale.loc[scale["scale"] < least * highest, _KEY])
    return shares[~pd.MultiIndex.from_frame(shares[_KEY]).isin(quiet)]


def _distance(
    scaled: npt.NDArray[np.float64],
    dates: pd.Index,
    window: int,
    strange: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Distance of each day to the median of the days around that are not strange themselves."""
    days = pd.DatetimeIndex(dates)
    found = np.zeros(len(days))
    for place, day in enumerate(days):
        near = (np.abs((days - day).days) <= window) & ~strange
        near[place] = False
        if near.any():
            usual = np.median(scaled[near], axis=0)
            usual = usual / usual.sum() if usual.sum() else usual
            found[place] = 0.5 * np.abs(scaled[place] - usual).sum()
    return found


def _inside(origin: str, table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Places of a province's own table that lie in it."""
    if codes.province_of(origin) != origin:
        return np.zeros(len(table), np.int64)
    own = [region for region in table.columns if codes.province_of(str(region)) == origin]
    counted: npt.NDArray[np.int64] = (table[own] > 0).to_numpy().sum(axis=1)
    return counted


def _twins(shares: pd.DataFrame) -> pd.DataFrame:
    """Tables that two origins show alike on one day, each naming the other."""
    ordered = shares.sort_values([*_KEY, "region"])
    hashed = ordered.assign(
        said=pd.util.hash_pandas_object(ordered[["region", "share"]], index=False).to_numpy()
    )
    tables = hashed.groupby(_KEY)["said"].agg(lambda said: hash(tuple(said))).reset_index()
    pairs = []
    for _, alike in tables.groupby(["direction", "date", "said"]):
        rows = alike.to_dict("records")
        for first, second in pairwise([*rows, rows[0]] if len(rows) > 1 else []):
            pairs.append({key: first[key] for key in _KEY} | {"twin": second["origin"]})
    return pd.DataFrame(pairs, columns=[*_KEY, "twin"]).astype({"date": shares["date"].dtype})


def index_flows(shares: pd.DataFrame, scale: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """
    Multiply shares by the day's index; broken days and days without an index stay empty.

    Parameters
    ----------
    shares : MOBILITY_SHARES table
    scale : MOBILITY_SCALE table
        date, origin, direction, scale.
    days : pandas.DataFrame
        As `broken_days` gives it.

    Returns
    -------
    pandas.DataFrame
        date, origin, destination, direction, share [of all travellers; empty on broken
        days], flow [index units/day; empty where the index or the share is].
    """
    both = shares.merge(days[[*_KEY, "broken"]], "left", _KEY).merge(scale, "left", _KEY)
    both["share"] = both["share"].mask(both["broken"].fillna(value=False))
    both["flow"] = both["share"] * both["scale"]
    outward = both["direction"] == "out"
    both["destination"] = both["region"].where(outward, both["origin"])
    both["origin"] = both["origin"].where(outward, both["region"])
    columns = ["date", "origin", "destination", "direction", "share", "flow"]
    return both[columns].sort_values(columns[:4], ignore_index=True)
