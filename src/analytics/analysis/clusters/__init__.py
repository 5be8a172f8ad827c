"""Clusters of linked cases: two or more in one household, workplace, site or carriage."""

from analytics.analysis.clusters.finding import Found, find, graded
from analytics.analysis.clusters.rules import Rules, load

__all__ = ["Found", "Rules", "find", "graded", "load"]
