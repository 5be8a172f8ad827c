"""One person across departments: standard records, a trained model, keys that stay."""

from __future__ import annotations

from analytics.pool.linkage.decisions import DECIDED
from analytics.pool.linkage.evaluation import ceiling, error_rates, evaluate
from analytics.pool.linkage.explanation import explain
from analytics.pool.linkage.model import Model
from analytics.pool.linkage.persons import Night, keys, link, review
from analytics.pool.linkage.resolution import RULES, resolve
from analytics.pool.linkage.reviewing import reasoned, review_list
from analytics.pool.linkage.standard import RECORD_COLUMNS, Accepted, standardise
from analytics.pool.linkage.training import train
from analytics.pool.linkage.workspace import workspace

__all__ = [
    "DECIDED",
    "RECORD_COLUMNS",
    "RULES",
    "Accepted",
    "Model",
    "Night",
    "ceiling",
    "error_rates",
    "evaluate",
    "explain",
    "keys",
    "link",
    "reasoned",
    "resolve",
    "review",
    "review_list",
    "standardise",
    "train",
    "workspace",
]
