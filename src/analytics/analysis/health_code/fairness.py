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


OUTCOMES = ("wrong", "right")
"""What the field can find of a code."""
RESTRICTED = "restricted"
"""Yellow and red together."""


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


def rates(counts: pd.DataFrame, by: str) -> pd.DataFrame:
    """
    Share of each code among the persons of each group that hold one.

    Parameters
    ----------
    counts : pandas.DataFrame
        The group, code, persons, as :func:`counts` gives them or as the disclosure gate let them
        out: missing where hidden. Rows of `RESTRICTED` may tell yellow and red together where
        they are not told apart.
    by : str
        Column of the group.

    Returns
    -------
    pandas.DataFrame
        The group, persons, green, yellow, red [persons], yellow_rate, red_rate, restricted_rate
        [share], ratio [rate of red or yellow over that of all groups whose rate is known, if
        there are two], without_code [persons]; missing where anything they rest on is.
    """
    shown = [str(code) for code in HealthCode]
    table = _wide(counts, by, "code", "persons", [*shown, "none"])
    told = counts[counts["code"] == RESTRICTED].set_index(by)["persons"].astype("Float64")
    apart = table["yellow"] + table["red"]
    if len(told) and not counts["code"].isin(["yellow", "red"]).any():
        apart = table["yellow"] = table["red"] = apart.mask(apart.notna())
    restricted = apart.fillna(told.reindex(table.index))
    held = table["green"] + restricted
    table = table.assign(persons=held, without_code=table["none"])
    held = held.where(held > 0)
    table["yellow_rate"], table["red_rate"] = table["yellow"] / held, table["red"] / held
    table["restricted_rate"] = restricted / held
    known = restricted.notna() & held.notna()
    overall = restricted[known].sum() / held[known].sum() if known.sum() > 1 else 0.0
    table["ratio"] = table["restricted_rate"] / overall if overall else np.nan
    order = ["persons", "green", "yellow", "red", "yellow_rate", "red_rate", "restricted_rate",
             "ratio"]  # fmt: skip
    return table[[*order, "without_code"]].rename_axis(columns=None).reset_index()


def false_codes(counts: pd.DataFrame, by: str) -> pd.DataFrame:
    """
    Share of codes that verification found wrong, by group.

    Parameters
    ----------
    counts : pandas.DataFrame
        The group, outcome (wrong, right), codes [settled in the field; missing where hidden].
    by : str
        Column of the group, such as the code's colour.

    Returns
    -------
    pandas.DataFrame
        The group, verified, wrong [codes], share, lower, upper [95 % interval by Wilson's
        score]; missing where anything they rest on is.

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22: 209-212, doi:10.1080/01621459.1927.10502953.
    """
    table = _wide(counts, by, "outcome", "codes", OUTCOMES)
    table["verified"] = table["wrong"] + table["right"]
    number = table["verified"].astype("float64").where(lambda n: n > 0)
    share, z = table["wrong"].astype("float64") / number, 1.959964
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    table["share"], table["lower"], table["upper"] = share, centre - half, centre + half
    order = ["verified", "wrong", "share", "lower", "upper"]
    return table[order].rename_axis(columns=None).reset_index()


def _wide(
    counts: pd.DataFrame, by: str, column: str, values: str, labels: Sequence[str]
) -> pd.DataFrame:
    """Lay counts out by group: what is not listed is nobody, what is missing is hidden."""
    listed = counts.set_index([by, column])[values].astype("Float64")
    groups = listed.index.unique(by)
    grid = pd.MultiIndex.from_product([groups, labels], names=[by, column])
    return listed.reindex(grid, fill_value=0).unstack(column)[list(labels)]  # noqa: PD010 (pivot_table drops groups hidden whole)
