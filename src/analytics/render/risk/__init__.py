"""The risk report: tables of the analysis as blocks of a page, in Chinese and English."""

from analytics.render.risk import county
from analytics.render.risk.areas import area_map
from analytics.render.risk.chances import chances
from analytics.render.risk.clusters import clusters
from analytics.render.risk.comparison import comparison
from analytics.render.risk.curves import curves
from analytics.render.risk.detail import grade_table, prefecture_table, retractions
from analytics.render.risk.headlines import headlines
from analytics.render.risk.people import people, unlinked
from analytics.render.risk.prospects import prospects
from analytics.render.risk.recent_cases import recent_cases
from analytics.render.risk.sources import definitions, supplies
from analytics.render.risk.top import decisions, lead, masthead
from analytics.render.risk.words import places

__all__ = [
    "area_map",
    "chances",
    "clusters",
    "comparison",
    "county",
    "curves",
    "decisions",
    "definitions",
    "grade_table",
    "headlines",
    "lead",
    "masthead",
    "people",
    "places",
    "prefecture_table",
    "prospects",
    "recent_cases",
    "retractions",
    "supplies",
    "unlinked",
]
