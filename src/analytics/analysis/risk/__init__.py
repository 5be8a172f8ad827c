"""Graded assessment of epidemic risk, by county: the honest set of grades, and how it compares."""

from analytics.analysis.risk.agreement import agreement, in_force, list_date, score
from analytics.analysis.risk.evidence import evidence
from analytics.analysis.risk.grading import grade
from analytics.analysis.risk.history import certainty
from analytics.analysis.risk.units import prefectures, units

__all__ = [
    "agreement",
    "certainty",
    "evidence",
    "grade",
    "in_force",
    "list_date",
    "prefectures",
    "score",
    "units",
]
