"""Incidence that can be trusted: from published cumulative counts to daily new cases."""

from analytics.analysis.incidence.increments import changes, daily, recency, total

__all__ = ["changes", "daily", "recency", "total"]
