"""Clusters of linked cases: two or more in one household, workplace, site or carriage."""

from analytics.analysis.clusters.chains import GENERATIONS, LATER, counts, generations, once
from analytics.analysis.clusters.finding import Found, find, graded
from analytics.analysis.clusters.rules import Rules, load

__all__ = [
    "GENERATIONS",
    "LATER",
    "Found",
    "Rules",
    "counts",
    "find",
    "generations",
    "graded",
    "load",
    "once",
]
