"""Graded assessment of epidemic risk: sets of grades, how likely each is, how they hold up."""

from analytics.analysis.risk.agreement import agreement, in_force, list_date, score
from analytics.analysis.risk.assessment import Assessment, assess
from analytics.analysis.risk.evidence import evidence
from analytics.analysis.risk.grading import grade
from analytics.analysis.risk.history import certainty
from analytics.analysis.risk.outlook import moves, sensitivity
from analytics.analysis.risk.probability import probability
from analytics.analysis.risk.shares import shares
from analytics.analysis.risk.stable import Trajectory, stabilise, trajectory
from analytics.analysis.risk.units import prefectures, unit_of, units
from analytics.analysis.risk.verification import (
    baselines,
    reliability,
    score_probabilities,
    severity,
)

__all__ = [
    "Assessment",
    "Trajectory",
    "agreement",
    "assess",
    "baselines",
    "certainty",
    "evidence",
    "grade",
    "in_force",
    "list_date",
    "moves",
    "prefectures",
    "probability",
    "reliability",
    "score",
    "score_probabilities",
    "sensitivity",
    "severity",
    "shares",
    "stabilise",
    "trajectory",
    "unit_of",
    "units",
]
