"""Screening of the four types of personnel, from linked records, by the protocols of the day."""

from analytics.analysis.screening.contacts import first_generation, graph, sources
from analytics.analysis.screening.cotravel import pairs
from analytics.analysis.screening.decision import Screened, screen
from analytics.analysis.screening.protocols import Protocols, load
from analytics.analysis.screening.vocabulary import CATEGORIES

__all__ = [
    "CATEGORIES",
    "Protocols",
    "Screened",
    "first_generation",
    "graph",
    "load",
    "pairs",
    "screen",
    "sources",
]
