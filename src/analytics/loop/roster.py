"""The duty roster: who checks what for which purpose, by when, and who hears of it if not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from analytics.errors import StudyError
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.study import Duty, Study

ADJUDICATION = "adjudication"  # task of the duty that settles contradicting answers


def duties(study: Study) -> dict[str, Duty]:
    """
    Duties whose teams check findings, by task.

    Raises
    ------
    StudyError
        If two have one task, or one with a team has no purpose; all are listed.
    """
    listed = [duty for duty in study.duties if duty.team]
    tasks = [duty.task for duty in listed]
    breaches = [f"{task}: comes twice" for task in sorted({t for t in tasks if tasks.count(t) > 1})]
    breaches += [
        f"{duty.task}: names no purpose"
        for duty in listed
        if duty.purpose is None and duty.task != ADJUDICATION
    ]
    if breaches:
        raise StudyError(f"the duty roster of study '{study.name}' does not hold", breaches)
    return {duty.task: duty for duty in listed}


def named(study: Study, tasks: Iterable[str]) -> dict[str, Duty]:
    """
    Duties of these tasks.

    Raises
    ------
    StudyError
        If the roster has no team for some of them; all are listed.
    """
    known = duties(study)
    missing = sorted(set(tasks) - set(known))
    if missing:
        raise StudyError(
            f"the duty roster of study '{study.name}' has no team for some duties",
            missing,
            "add [[duties]] with a team to its study.toml; there are: "
            + (", ".join(known) or "none"),
        )
    return {task: known[task] for task in dict.fromkeys(tasks)}


def due(duty: Duty, moment: datetime) -> datetime:
    """Moment by which an answer pushed at `moment` is owed, at least an hour later."""
    local = moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)
    owed = datetime.combine(local.date() + timedelta(days=duty.days), duty.due, tzinfo=ZONE)
    return owed if owed - local >= timedelta(hours=1) else owed + timedelta(days=1)


def table(study: Study) -> pa.Table:
    """Duties as a table: duty, team, level, teams, capacity, sample, attempts, purpose."""
    known = duties(study).values()
    return pa.table(
        {
            "duty": pa.array([d.task for d in known], pa.string()),
            "team": pa.array([d.team for d in known], pa.string()),
            "level": pa.array([d.level for d in known], pa.string()),
            "purpose": pa.array([d.purpose and str(d.purpose) for d in known], pa.string()),
            "teams": pa.array([d.teams for d in known], pa.int64()),
            "capacity": pa.array([d.capacity for d in known], pa.int64()),
            "sample": pa.array([d.sample for d in known], pa.int64()),
            "attempts": pa.array([d.attempts for d in known], pa.int64()),
        }
    )
