"""Time nodes: who owed which feed by when, and what came."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from analytics import tables
from analytics.errors import StudyError
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.pool.archive import Entry
    from analytics.study import Study, TimeNode

LEDGER = (
    "department", "feed", "date", "due", "status", "delivered", "late", "accepted",
    "quarantined", "duplicates", "refused", "expected", "completeness", "superseded",
)  # fmt: skip


def _days(study: Study, node: TimeNode) -> list[date]:
    first, last = node.first or study.first_date, node.last or study.last_date
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if node.every == "once":
        return days[:1]
    return [day for day in days if node.every == "day" or day.weekday() == node.weekday]


def _due(node: TimeNode, day: date) -> datetime:
    on = day if node.same_day else day + timedelta(days=1)
    return datetime.combine(on, node.due, tzinfo=ZONE)


def ledger(study: Study, entries: Sequence[Entry], moment: datetime) -> pd.DataFrame:
    """
    Account of every time node up to a moment.

    Parameters
    ----------
    study : Study
        Its time nodes say what is owed.
    entries : sequence of Entry
        The archive's deliveries; later ones than `moment` are left out.
    moment : datetime
        When the account is drawn.

    Returns
    -------
    pandas.DataFrame
        One row per department, feed and day: ``due``; ``status`` (``waiting``: not due yet;
        ``on_time``, ``late``, ``missing``, ``refused``: only unreadable files came);
        ``delivered``, the first sound delivery, and how ``late`` it was; rows ``accepted`` by the
        latest delivery, ``quarantined``, ``duplicates``; files ``refused``; rows
        ``expected`` and ``completeness``, their share accepted [1]; ``superseded``, sound
        deliveries that a later version replaced.

    Raises
    ------
    StudyError
        If a time node names a feed its department does not deliver.
    """
    wrong = [
        f"{node.department} does not deliver '{node.feed}'"
        for node in study.time_nodes
        if node.feed not in {c.feed for c in tables.departments().get(node.department, ())}
    ]
    if wrong:
        raise StudyError(f"time nodes of study '{study.name}' do not hold together", wrong)
    came: dict[tuple[str, date], list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.delivered):
        if entry.delivered <= moment:
            came.setdefault((entry.feed, entry.date), []).append(entry)
    rows = [
        _account(node, day, came.get((node.feed, day), []), moment)
        for node in study.time_nodes
        for day in _days(study, node)
        if _due(node, day) <= moment or came.get((node.feed, day))
    ]
    return pd.DataFrame(rows, columns=list(LEDGER))


def _account(node: TimeNode, day: date, came: list[Entry], moment: datetime) -> tuple[object, ...]:
    due = _due(node, day)
    sound = [entry for entry in came if not entry.refused]
    first = sound[0].delivered if sound else None
    last_moment = sound[-1].delivered if sound else None
    latest = [entry for entry in sound if entry.delivered == last_moment]
    accepted = sum(entry.accepted for entry in latest)
    if first is not None:
        status = "on_time" if first <= due else "late"
    elif came:
        status = "refused"
    else:
        status = "missing" if due <= moment else "waiting"
    return (
        node.department, node.feed, day, due, status, first,
        max(first - due, timedelta()) if first else None,
        accepted,
        sum(entry.quarantined for entry in latest),
        sum(entry.duplicates for entry in latest),
        len(came) - len(sound),
        node.rows,
        accepted / node.rows if node.rows else None,
        len(sound) - len(latest),
    )  # fmt: skip
