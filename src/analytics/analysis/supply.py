"""
The supply of data: what each department owed, what came, how late and how good.

Tables
------
LEDGER
    One row per department, feed and day, as drawn up at a moment: due (moment), status (waiting,
    on_time, late, missing, refused), delivered, late, accepted, quarantined, duplicates,
    refused, expected, completeness, superseded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

DUE = ("on_time", "late", "missing", "refused")
_OWED = ("missing", "refused")


def by(ledger: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """
    Sum up a ledger by department, or by department and feed.

    Parameters
    ----------
    ledger : LEDGER table
        Time nodes that are not due yet count for nothing but what came early.
    keys : sequence of str
        Columns to sum up by.

    Returns
    -------
    pandas.DataFrame
        One row per group, worst first: due, on_time, late, missing, refused [time nodes];
        punctuality [share of due on time, empty where none was due]; accepted, quarantined,
        duplicates [rows]; quarantine_share [of all rows that came]; completeness [accepted over
        expected, of time nodes that name a volume]; last_delivered (moment); superseded
        [deliveries].
    """
    table = ledger.assign(
        due_now=ledger["status"].isin(DUE),
        **{status: ledger["status"].eq(status) for status in DUE},
    )
    known = table["expected"].notna() & table["due_now"]
    table["of_expected"] = table["accepted"].where(known, 0)
    table["expected_due"] = pd.to_numeric(table["expected"]).where(known, 0)
    sums = ["due_now", *DUE, "accepted", "quarantined", "duplicates", "superseded"]
    grouped = table.groupby(list(keys), sort=True)
    summed = grouped[[*sums, "of_expected", "expected_due"]].sum()
    summed["last_delivered"] = grouped["delivered"].max()
    came = summed[["accepted", "quarantined", "duplicates"]].sum(axis="columns")
    summed["punctuality"] = _share(summed["on_time"], summed["due_now"])
    summed["quarantine_share"] = _share(summed["quarantined"], came)
    summed["completeness"] = _share(summed["of_expected"], summed["expected_due"])
    named = summed.rename(columns={"due_now": "due"}).drop(columns=["of_expected", "expected_due"])
    return named.reset_index().sort_values(
        ["missing", "refused", "late", *keys], ascending=[False, False, False, *[True] * len(keys)]
    )


def punctuality(ledger: pd.DataFrame) -> pd.DataFrame:
    """
    Count the time nodes of each day by how they were met.

    Returns
    -------
    pandas.DataFrame
        One row per day on which something was due: date, due, on_time, late, missing, refused
        [time nodes].
    """
    due = ledger[ledger["status"].isin(DUE)]
    days = pd.to_datetime(due["due"], utc=True).dt.tz_convert("Asia/Shanghai").dt.date
    counted = pd.crosstab(days, due["status"]).reindex(columns=list(DUE), fill_value=0)
    counted.insert(0, "due", counted.sum(axis="columns"))
    return counted.rename_axis("date").rename_axis(None, axis="columns").reset_index()


def owed(ledger: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """
    List what is owed: the time nodes past due for which nothing sound has come.

    Parameters
    ----------
    ledger : LEDGER table
        Drawn up at `moment`.
    moment : datetime
        When the list is drawn up.

    Returns
    -------
    pandas.DataFrame
        One row per department and feed, longest overdue first: time_nodes, first_date and last_date
        (days they are for), overdue [days since the first was due], unreadable [files].
    """
    late = ledger[ledger["status"].isin(_OWED)]
    since = pd.to_datetime(late["due"], utc=True)
    late = late.assign(overdue=(pd.Timestamp(moment) - since).dt.total_seconds() / 86400)
    listed = late.groupby(["department", "feed"], sort=True).agg(
        time_nodes=("date", "size"),
        first_date=("date", "min"),
        last_date=("date", "max"),
        overdue=("overdue", "max"),
        unreadable=("refused", "sum"),
    )
    return listed.reset_index().sort_values(
        ["overdue", "department", "feed"], ascending=[False, True, True]
    )


def reasons(receipts: Sequence[Mapping[str, Any]], moment: datetime) -> pd.DataFrame:
    """
    Count quarantined rows by the reason that kept them out.

    Parameters
    ----------
    receipts : sequence of mapping
        Receipts of deliveries: department, feed, delivered (ISO 8601), refused, rows, reasons
        (column and reason to rows).
    moment : datetime
        Receipts of later deliveries are left out.

    Returns
    -------
    pandas.DataFrame
        department, feed, reason, rows [faults: a row with two counts for both], files (refused
        whole, for that reason); most rows first.
    """
    counted = [
        (receipt["department"], receipt["feed"], reason, rows, 0)
        for receipt in receipts
        if datetime.fromisoformat(receipt["delivered"]) <= moment
        for reason, rows in receipt["reasons"].items()
    ] + [
        (receipt["department"], receipt["feed"], receipt["refused"], 0, 1)
        for receipt in receipts
        if receipt["refused"] and datetime.fromisoformat(receipt["delivered"]) <= moment
    ]
    table = pd.DataFrame(counted, columns=["department", "feed", "reason", "rows", "files"])
    summed = table.groupby(["department", "feed", "reason"], sort=True).sum().reset_index()
    return summed.sort_values(
        ["files", "rows", "department", "feed", "reason"],
        ascending=[False, False, True, True, True],
    )


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole.where(whole > 0)).astype("float64")
