"""
Incidence from published cumulative counts: daily steps, changes, recency.

``repair.repair`` turns a province's file as published into incidence that can be trusted,
``repaired`` one series that is on its day; ``reproduction`` and ``prospects`` say where it is
heading.
"""

from analytics.analysis.incidence.increments import changes, daily, recency, total
from analytics.analysis.incidence.prospects import Prospects, prospects
from analytics.analysis.incidence.repair import repaired
from analytics.analysis.incidence.reproduction import reproduction

__all__ = [
    "Prospects",
    "changes",
    "daily",
    "prospects",
    "recency",
    "repaired",
    "reproduction",
    "total",
]
