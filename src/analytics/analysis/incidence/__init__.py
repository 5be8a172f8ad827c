"""Incidence from published cumulative counts: daily steps, changes, recency."""

from analytics.analysis.incidence.increments import changes, daily, recency, total

__all__ = ["changes", "daily", "recency", "total"]
