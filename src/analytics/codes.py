"""
Closed vocabularies: personnel types, grades, health codes, groups and purposes; region codes.

A region code is GB/T 2260: two digits each for province, prefecture and county. Counties
straight under a province (``xx90yy``) stand at both lower levels; the municipalities
(Beijing, Tianjin, Shanghai, Chongqing) have no level between.
"""

from __future__ import annotations

import re
from enum import StrEnum

PROVINCES = (
    "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000",
    "320000", "330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000",
    "440000", "450000", "460000", "500000", "510000", "520000", "530000", "540000", "610000",
    "620000", "630000", "640000", "650000", "710000", "810000", "820000",
)  # fmt: skip
"""Codes of all provinces, municipalities and regions."""
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})


class PersonnelType(StrEnum):
    """The four types of personnel that are screened and managed (四类人员)."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"
    FEVER = "fever"
    CLOSE_CONTACT = "close_contact"


class RiskGrade(StrEnum):
    """Epidemic risk of a county, from light to severe."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class HealthCode(StrEnum):
    """A resident's health code."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class StrandedGroup(StrEnum):
    """Groups of people stranded in the province, each with its own needs."""

    MIGRANT_WORKER = "migrant_worker"
    UNIVERSITY_STUDENT = "university_student"
    TOURIST = "tourist"
    HONG_KONG_MACAO_TAIWAN = "hong_kong_macao_taiwan"
    FOREIGNER = "foreigner"


class Purpose(StrEnum):
    """Why a person's records may be read; each purpose has its own pseudonym and columns."""

    SCREENING = "screening"
    TRAVEL = "travel"
    HEALTH_CODE = "health_code"
    RESETTLEMENT = "resettlement"
    STATISTICS = "statistics"


def is_region(code: str) -> bool:
    """Whether a text has the form of a region code."""
    return re.fullmatch(r"[1-8]\d{5}", code) is not None


def province_of(code: str) -> str:
    """Code of the province a region lies in."""
    return f"{code[:2]}0000"


def prefecture_of(code: str) -> str:
    """
    Code of the prefecture-level unit a county lies in.

    A county straight under its province is its own; a municipality's is the municipality.
    """
    if code[:2] in _MUNICIPALITIES:
        return province_of(code)
    return code if code[2:4] == "90" else f"{code[:4]}00"


def is_district(code: str) -> bool:
    """Whether a county is an urban district of a prefecture-level city (市辖区)."""
    return "01" <= code[2:4] <= "20" and "01" <= code[4:] <= "20"
