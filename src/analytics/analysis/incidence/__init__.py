"""
Incidence from published cumulative counts: daily steps, changes, recency.

``repair`` turns a province's file as published into incidence that can be trusted.
"""

from analytics.analysis.incidence.increments import changes, daily, recency, total

__all__ = ["changes", "daily", "recency", "total"]
