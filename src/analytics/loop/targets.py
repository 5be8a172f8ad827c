"""Targets of the command's special teams: who answers for which, by when, and whether it held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analytics import engine
from analytics.pool import archive

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.study import Study

STANDINGS: Final = ("in_time", "late", "open", "overdue")


def standing(study: Study, moment: datetime) -> pd.DataFrame:
    """
    Say how every target on the duty roster stands.

    Parameters
    ----------
    study : Study
    moment : datetime
        As known then.

    Returns
    -------
    pandas.DataFrame
        One row a target, soonest due first: ``target``, ``team``, ``county``, ``wording``,
        ``due``, ``done`` (empty while not reached), ``standing`` (one of `STANDINGS`: reached by
        its time or after it, open, or open past its time) and ``days`` [d], how long after its
        time it was reached or how long it is overdue by then; 0 where neither. Who answers for
        it in person was withheld when the roster was archived.
    """
    connection = engine.connect()
    try:
        feed = "duty_roster"
        known = archive.as_of(study.state / "archive", moment, connection, feeds=(feed,))[feed]
        columns = ("target", "team", "county", "wording", "due", "done")
        rows = engine.collect(known.select(*columns), connection)
    finally:
        connection.disconnect()
    now = pd.Timestamp(moment).tz_localize(None)
    due, done = pd.to_datetime(rows["due"]), pd.to_datetime(rows["done"])
    reached = done.notna() & (done <= now)
    past = done.where(reached, now) > due
    rows["standing"] = np.select(
        [reached & ~past, reached & past, ~reached & ~past], STANDINGS[:3], STANDINGS[3]
    )
    rows["days"] = ((done.where(reached, now) - due).dt.total_seconds() / 86400).clip(lower=0)
    return rows.sort_values(["due", "target"]).reset_index(drop=True)


def by_team(targets: pd.DataFrame) -> pd.DataFrame:
    """
    Count targets by team and standing.

    Parameters
    ----------
    targets : pandas.DataFrame
        As `standing` gives.

    Returns
    -------
    pandas.DataFrame
        ``team``, ``set`` (all of its targets: the sum of the next four), one column for each of
        `STANDINGS`, and ``days``, the longest any of its targets is overdue [d].
    """
    counted = pd.crosstab(targets["team"], targets["standing"]).reindex(columns=list(STANDINGS))
    counted = counted.fillna(0).astype(int)
    counted.insert(0, "set", counted.sum(axis="columns"))
    late = targets[targets["standing"] == "overdue"].groupby("team")["days"].max()
    return counted.assign(days=late.reindex(counted.index).fillna(0.0)).reset_index()
