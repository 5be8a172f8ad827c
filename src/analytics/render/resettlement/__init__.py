"""The resettlement report: tables of the analysis as blocks of a page, in Chinese and English."""

from analytics.render.resettlement.beds import ahead, beds, openings, site_map
from analytics.render.resettlement.people import (
    assistance,
    definitions,
    elsewhere,
    needs,
    responses,
    supplies,
    unlisted,
    waiting,
)
from analytics.render.resettlement.top import decisions, headlines, lead, masthead

__all__ = [
    "ahead",
    "assistance",
    "beds",
    "decisions",
    "definitions",
    "elsewhere",
    "headlines",
    "lead",
    "masthead",
    "needs",
    "openings",
    "responses",
    "site_map",
    "supplies",
    "unlisted",
    "waiting",
]
