"""Resettlement: who is stranded, what they need, where they can go, how many more will come."""

from __future__ import annotations

from analytics.analysis.resettlement.ahead import ahead, elsewhere, hidden, movements
from analytics.analysis.resettlement.considered import Considered, considered
from analytics.analysis.resettlement.needs import NeedsReader, phrases, split
from analytics.analysis.resettlement.opening import Openings, openings
from analytics.analysis.resettlement.placing import Plan, place
from analytics.analysis.resettlement.register import COLUMNS, NEEDS, REASONS, register
from analytics.analysis.resettlement.released import Shown, show

__all__ = [
    "COLUMNS", "NEEDS", "REASONS", "Considered", "NeedsReader", "Openings", "Plan", "Shown",
    "ahead", "considered", "elsewhere", "hidden", "movements", "openings", "phrases", "place",
    "register", "show", "split",
]  # fmt: skip
