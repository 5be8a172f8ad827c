"""Screening of the four types of personnel, from linked records, by the protocols of the day."""

from analytics.analysis.screening.contacts import first_generation, graph, sources
from analytics.analysis.screening.cotravel import pairs
from analytics.analysis.screening.decision import Screened, screen
from analytics.analysis.screening.explanation import explain
from analytics.analysis.screening.protocols import Protocols, load
from analytics.analysis.screening.service import indicators, spec, totals
from analytics.analysis.screening.vocabulary import CATEGORIES, WORDS

__all__ = [
    "CATEGORIES",
    "WORDS",
    "Protocols",
    "Screened",
    "explain",
    "first_generation",
    "graph",
    "indicators",
    "load",
    "pairs",
    "screen",
    "sources",
    "spec",
    "totals",
]
