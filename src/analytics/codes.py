"""
Closed vocabularies, each named here once; region codes; resident identity numbers.

A region code is GB/T 2260: two digits each for province, prefecture and county. Counties
straight under a province (``xx90yy``) stand at both lower levels; the municipalities
(Beijing, Tianjin, Shanghai, Chongqing) have no level between.

A resident identity number (GB 11643-1999) has 17 digits and a check character by ISO 7064
MOD 11-2: the sum of the digits by `ID_WEIGHTS`, modulo 11, is its place in `ID_CHECKS`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, get_args

PROVINCES = (
    "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000",
    "320000", "330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000",
    "440000", "450000", "460000", "500000", "510000", "520000", "530000", "540000", "610000",
    "620000", "630000", "640000", "650000", "710000", "810000", "820000",
)  # fmt: skip
"""Codes of all provinces, municipalities and regions."""
Channel = Literal["road", "rail", "air", "water"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
"""Ways into and out of an area."""
Control = Literal["open", "checked", "permit_only", "closed"]
CONTROLS: tuple[Control, ...] = get_args(Control)
"""What a channel can be, from free to shut."""
ROOM_TYPES = ("male", "female", "family", "isolation_single")
"""Rooms at resettlement sites."""
PRIVATE_LODGING = ("hotel", "relatives", "rented")
"""Where stranded people lodge who ask for no bed."""
MEASURES = (
    "relief_money", "lodging", "food", "medical", "medicine", "job", "wages", "tuition", "visa",
    "contact_home", "travel",
)  # fmt: skip
"""What assistance gives."""
CARE_STATES = ("served", "referred", "pending")
"""How a claim to assistance stands; nobody is lost between the three."""
ID_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(17))
ID_CHECKS = "10X98765432"
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
