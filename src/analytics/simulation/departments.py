"""
Departments at work: rows become files in the inbox, day by day, some of them wrongly.

A delivery for a day arrives at that day's end. Late ones come hours or days afterwards; of a
corrected one the first version lacks a tenth of its rows; a duplicate repeats rows and is
sent twice; a missing one never comes. The first day's deliveries are always whole.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analytics import tables
from analytics.pool import deliveries
from analytics.simulation import formats
from analytics.simulation.draws import stream
from analytics.study import moment

if TYPE_CHECKING:
    from analytics.simulation.scenario import Deliveries
    from analytics.simulation.world import Rows, World
    from analytics.study import Study

FAULTS = ("late", "duplicate", "corrected", "missing")


def send(study: Study, world: World, rows: Rows, *, faults: bool) -> list[dict[str, Any]]:
    """
    Put one feed's deliveries into the study's inbox.

    Parameters
    ----------
    study : Study
        Whose inbox.
    world : World
        For days and the rates of faults.
    rows : Rows
        Rows of the feed, faults in their cells included.
    faults : bool
        Whether deliveries go wrong.

    Returns
    -------
    list of dict
        feed, date, fault (empty where none), delivered, rows: one entry per delivery owed.
    """
    rule = world.settings.deliveries
    order = np.argsort(rows.day, kind="stable")
    table = rows.table.take(pa.array(order))
    days, starts = np.unique(rows.day[order], return_index=True)
    ends = np.append(starts, order.size)[1:]
    draws = stream(world.seed, "schedule", rows.feed)
    sent = []
    for day, first, last in zip(days.tolist(), starts.tolist(), ends.tolist(), strict=True):
        level, hours = draws.random(), draws.exponential(rule.late_hours_mean)
        fault = _fault(rule, level) if faults and day > world.first else ""
        part = table.slice(first, last - first)
        when = (world.start + np.timedelta64(day, "D")).astype(date)
        sent.append(_delivered(study, rule, rows.feed, part, when, fault, hours, serials=faults))
    return sent


def _fault(rule: Deliveries, level: float) -> str:
    edges = np.cumsum([getattr(rule, name) for name in FAULTS])
    at = int(np.searchsorted(edges, level, side="right"))
    return FAULTS[at] if at < len(FAULTS) else ""


def _delivered(
    study: Study, rule: Deliveries, feed: str, table: pa.Table, day: date, fault: str,
    hours: float, *, serials: bool,
) -> dict[str, Any]:  # fmt: skip
    contract, arrived = tables.contract(feed), moment(day)
    form = rule.formats.get(feed, "csv")
    if form in {"xlsx", "jsonl"} and table.num_rows > rule.workbook_rows:
        form = "csv"
    if fault == "late":
        arrived += timedelta(seconds=round(hours * 3600) + 900)
    size = table.num_rows
    if fault == "duplicate":
        again = np.r_[np.arange(size), np.arange(0, size, 50)]
        table = table.take(pa.array(again))

    def put(content: bytes, part: str, when: Any) -> None:
        deliveries.drop(study, feed, day, content, suffix=formats.SUFFIXES[form],
                        delivered=when, part=part)  # fmt: skip

    if fault != "missing":
        content = formats.file(table, contract, form, serials=serials)
        if fault == "corrected" and size > 1:
            short = table.slice(0, size - max(size // 10, 1))
            put(formats.file(short, contract, form, serials=serials), "", arrived)
            put(content, "2", arrived + timedelta(hours=26))
        else:
            put(content, "", arrived)
        if fault == "duplicate":
            put(content, "again", arrived + timedelta(hours=3))
    return {"feed": feed, "department": contract.department, "date": day.isoformat(),
            "fault": fault, "delivered": arrived.isoformat(), "rows": size}  # fmt: skip
