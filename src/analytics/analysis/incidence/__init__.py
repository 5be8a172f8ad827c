"""
Incidence from published cumulative counts: daily steps, changes, recency.

``repair`` turns a province's file as published into incidence that can be trusted;
``prospects`` says where it is heading.
"""

from analytics.analysis.incidence.increments import changes, daily, recency, total
from analytics.analysis.incidence.prospects import Prospects, prospects

__all__ = ["Prospects", "changes", "daily", "prospects", "recency", "total"]
