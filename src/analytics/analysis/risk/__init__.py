"""Graded assessment of epidemic risk, by county: the honest set of grades, and how it compares."""

from analytics.analysis.risk.agreement import agreement, in_force, score
from analytics.analysis.risk.evidence import evidence
from analytics.analysis.risk.grading import grade
from analytics.analysis.risk.units import prefectures, units

__all__ = ["agreement", "evidence", "grade", "in_force", "prefectures", "score", "units"]
