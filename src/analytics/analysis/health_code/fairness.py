"""Whom the codes fall on: rates by group, and how often a red or yellow code was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analytics import engine
from analytics.analysis.health_code.history import SHOWN, at
from analytics.codes import HealthCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import ibis.expr.types as ir


def standing(
    history: ir.Table, persons: ir.Table, moment: datetime, values: Sequence[str] = SHOWN
) -> ir.Table:
    """
    Code of each person at a moment.

    Parameters
    ----------
    history : CODE_CHANGES table
    persons : ibis.Table
        ``person`` and any columns to keep, one row each.
    moment : datetime
        Without a zone.
    values : sequence of str
        Columns of the history to bring over.

    Returns
    -------
    ibis.Table
        All rows of `persons` with code, rule, version, changes (or what was asked for).
    """
    import ibis

    asked = persons.mutate(moment=ibis.literal(moment, "timestamp(6)"))
    return at(history, asked, "moment", values).drop("moment")


def counts(standing: ir.Table, by: str, connection: Any) -> pd.DataFrame:
    """
    Count persons by group and code.

    Parameters
    ----------
    standing : ibis.Table
        As `standing` gives it.
    by : str
        Column of the group, such as ``county``.
    connection : ibis.BaseBackend

    Returns
    -------
    pandas.DataFrame
        The group, code ("none" without one), persons. Counts of persons: they leave through
        the disclosure gate only.
    """
    named = standing.mutate(code=standing["code"].fill_null("none"))
    return engine.collect(
        named.group_by(by, "code").agg(persons=named.count()).order_by(by, "code"), connection
    )


def rates(standing: ir.Table, by: str, connection: Any) -> pd.DataFrame:
    """
    Share of each code among the persons of each group that hold one.

    Parameters
    ----------
    standing : ibis.Table
        As `standing` gives it.
    by : str
        Column of the group.
    connection : ibis.BaseBackend

    Returns
    -------
    pandas.DataFrame
        The group, persons, green, yellow, red [persons], yellow_rate, red_rate [share], ratio
        [rate of red or yellow over that of everybody], without_code [persons].
    """
    table = counts(standing, by, connection).pivot_table(
        index=by, columns="code", values="persons", aggfunc="sum", fill_value=0
    )
    for code in (*HealthCode, "none"):
        if str(code) not in table:
            table[str(code)] = 0
    held = table[[str(code) for code in HealthCode]].sum(axis=1)
    table = table.assign(persons=held, without_code=table["none"])
    held = held.where(held > 0)
    table["yellow_rate"], table["red_rate"] = table["yellow"] / held, table["red"] / held
    restricted = table["yellow"] + table["red"]
    overall = restricted.sum() / held.sum() if held.sum() else np.nan
    table["ratio"] = restricted / held / overall if overall else np.nan
    order = ["persons", "green", "yellow", "red", "yellow_rate", "red_rate", "ratio"]
    return table[[*order, "without_code"]].rename_axis(columns=None).reset_index()


def false_codes(feedback: ir.Table, by: str, connection: Any) -> pd.DataFrame:
    """
    Share of codes that verification found wrong, by group and colour.

    Parameters
    ----------
    feedback : ibis.Table
        One row per code verified in the field: the group, code, wrong (bool; empty where the
        visit settled nothing).
    by : str
        Column of the group.
    connection : ibis.BaseBackend

    Returns
    -------
    pandas.DataFrame
        The group, code, verified, wrong [persons], share, lower, upper [95 % interval by
        Wilson's score], unsettled [persons].

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22: 209-212, doi:10.1080/01621459.1927.10502953.
    """
    settled = feedback["wrong"].notnull()  # noqa: PD004
    grouped = feedback.group_by(by, "code").agg(
        verified=settled.sum(),
        wrong=feedback["wrong"].fill_null(False).sum(),  # noqa: FBT003
        unsettled=(~settled).sum(),
    )
    table = engine.collect(grouped.order_by(by, "code"), connection)
    number = table["verified"].astype("float64").where(table["verified"] > 0)
    share, z = table["wrong"] / number, 1.959964
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    table["share"], table["lower"], table["upper"] = share, centre - half, centre + half
    return table
