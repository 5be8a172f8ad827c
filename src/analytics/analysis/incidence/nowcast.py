"""
Nowcast of recent incidence from the archive's versions of one series.

Tables
------
VERSIONS
    version (day on whose evening the figure stood in the archive), date (day of the cases),
    adcode, new [cases/day].
NOWCAST
    date, adcode, reported [cases], complete [share expected to be reported], mean [cases],
    one column q025 ... per level [cases], incomplete (bool). An incomplete day is never
    surely without a case.
RECENT
    adcode, reported [cases of the incomplete days together, told so far], before [cases of the
    week before them, on which the estimate leans too], complete [share of the expected cases that
    is told], median, lower, upper [cases in the end, 95 % interval].
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.errors import ContractError
from analytics.methods import delays


def nowcast(
    versions: pd.DataFrame,
    longest_delay: int = 14,
    levels: tuple[float, ...] = delays.LEVELS,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Estimate what recent days will count once everything is reported.

    Parameters
    ----------
    versions : VERSIONS table
        Every version that is to count; a version after the as-of must be left out by the
        caller, and none of an earlier as-of changes what it gave.
    longest_delay : int
        Days after which a day counts as complete.
    levels : tuple of float
        Probabilities of the quantiles.
    seed : int
        Seed of the draws.

    Returns
    -------
    NOWCAST table
        Sorted by area and day, over all days up to the last version.

    Raises
    ------
    ContractError
        If a column is missing, a case is dated after its version, or a row stands twice.
    """
    codes, calendar, found = _estimated(_checked(versions), longest_delay, levels, seed)
    index = pd.MultiIndex.from_product([codes, calendar], names=["adcode", "date"])
    result = pd.DataFrame(
        {
            "reported": found.reported.ravel(),
            "complete": found.complete.ravel(),
            "mean": found.mean.ravel(),
        },
        index=index,
    )
    for at, level in enumerate(levels):
        result[f"q{level:.3f}".replace("q0.", "q").rstrip("0")] = found.quantiles[..., at].ravel()
    last = calendar[-longest_delay:]
    result["incomplete"] = result.index.get_level_values("date").isin(last)
    return result.reset_index()[["date", "adcode", *result.columns]]


def recent(
    versions: pd.DataFrame, longest_delay: int = 14, region: str = "", seed: int = 0
) -> pd.DataFrame:
    """
    Estimate what the incomplete days together will count once everything is reported.

    Parameters
    ----------
    versions : VERSIONS table
    longest_delay : int
        Days after which a day counts as complete.
    region : str
        Name of a last row for all areas together, which is estimated of their sum.
    seed : int
        Seed of the draws.

    Returns
    -------
    RECENT table
        Sorted by area.

    Raises
    ------
    ContractError
        As for ``nowcast``.
    """
    table = _checked(versions)
    parts = [table]
    if region:
        whole = table.groupby(["version", "date"], as_index=False)["new"].sum()
        parts.append(whole.assign(adcode=region))
    return pd.concat([_together(part, longest_delay, seed) for part in parts], ignore_index=True)


def _together(table: pd.DataFrame, longest_delay: int, seed: int) -> pd.DataFrame:
    codes, _, found = _estimated(table, longest_delay, (0.025, 0.5, 0.975), seed)
    reported = found.reported[:, -longest_delay:].sum(axis=1)
    return pd.DataFrame(
        {
            "adcode": codes,
            "reported": reported,
            "before": found.reported[:, -longest_delay - 7 : -longest_delay].sum(axis=1),
            "complete": reported / np.maximum(found.mean[:, -longest_delay:].sum(axis=1), 1e-9),
            "median": found.total[:, 1],
            "lower": found.total[:, 0],
            "upper": found.total[:, 2],
        }
    )


def _checked(versions: pd.DataFrame) -> pd.DataFrame:
    """Versions with their days as timestamps; refuses what is no table of versions."""
    lacking = [name for name in ("version", "date", "adcode", "new") if name not in versions]
    if lacking or versions.empty:
        raise ContractError(
            "versions cannot be nowcast", [f"column '{name}' is missing" for name in lacking]
            or ["there are no versions"],
        )  # fmt: skip
    table = versions.assign(
        version=pd.to_datetime(versions["version"]), date=pd.to_datetime(versions["date"])
    )
    later = int((table["date"] > table["version"]).sum())
    twice = int(table.duplicated(["version", "date", "adcode"]).sum())
    if later or twice:
        raise ContractError(
            "versions cannot be nowcast",
            [f"{count} row(s) {what}" for count, what in
             ((later, "are dated after their version"), (twice, "stand twice")) if count],
        )  # fmt: skip
    return table


def _estimated(
    table: pd.DataFrame, longest_delay: int, levels: tuple[float, ...], seed: int
) -> tuple[list[str], pd.DatetimeIndex, delays.Nowcast]:
    """Areas, days up to the last version, and the nowcast of both."""
    calendar = pd.date_range(table["date"].min(), table["version"].max(), freq="D")
    codes = sorted(table["adcode"].unique())
    known = np.full((len(codes), len(calendar), len(calendar)), np.nan)
    place = (
        pd.Index(codes).get_indexer(pd.Index(table["adcode"])),
        calendar.get_indexer(pd.DatetimeIndex(table["version"])),
        calendar.get_indexer(pd.DatetimeIndex(table["date"])),
    )
    known[place] = table["new"].to_numpy(dtype=np.float64)
    found = delays.nowcast(delays.reporting_triangle(known, longest_delay), levels, seed=seed)
    return codes, calendar, found
