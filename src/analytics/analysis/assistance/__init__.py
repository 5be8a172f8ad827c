"""Assistance: what stranded people are entitled to, what was given, what is outstanding."""

from __future__ import annotations

from analytics.analysis.assistance.coverage import coverage, owed, people, responses
from analytics.analysis.assistance.rules import Entitlement, read

__all__ = ["Entitlement", "coverage", "owed", "people", "read", "responses"]
