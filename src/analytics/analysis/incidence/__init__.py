"""
Incidence from published cumulative counts: daily steps, changes, recency.

``repair.repair`` turns a province's file as published into incidence that can be trusted,
``repaired`` one series that is on its day; ``reproduction`` and ``prospects`` say where it is
heading; ``completed`` what recent days will count once everything is told.
"""

from analytics.analysis.incidence.increments import changes, daily, recency, total
from analytics.analysis.incidence.prospects import Prospects, prospects
from analytics.analysis.incidence.repair import repaired
from analytics.analysis.incidence.reproduction import reproduction
from analytics.analysis.incidence.versions import (
    Completed,
    by_evening,
    completed,
    onsets,
    published,
)

__all__ = [
    "Completed",
    "Prospects",
    "by_evening",
    "changes",
    "completed",
    "daily",
    "onsets",
    "prospects",
    "published",
    "recency",
    "repaired",
    "reproduction",
    "total",
]
