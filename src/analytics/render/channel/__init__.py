"""The channel report: figures of the analysis as blocks of a page, in Chinese and English."""

from analytics.render.channel.areas import area_map
from analytics.render.channel.checks import journeys, staffing
from analytics.render.channel.codes import code_rules, codes_by_area
from analytics.render.channel.detail import gates, mobility_days, notices, trend, what_if
from analytics.render.channel.foot import definitions
from analytics.render.channel.groups import codes_by_group
from analytics.render.channel.top import decisions, headlines, lead, masthead
from analytics.render.channel.words import places

__all__ = [
    "area_map",
    "code_rules",
    "codes_by_area",
    "codes_by_group",
    "decisions",
    "definitions",
    "gates",
    "headlines",
    "journeys",
    "lead",
    "masthead",
    "mobility_days",
    "notices",
    "places",
    "staffing",
    "trend",
    "what_if",
]
