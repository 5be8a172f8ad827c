"""Closed vocabularies: personnel types, grades, health codes, groups and purposes."""

from __future__ import annotations

from enum import StrEnum


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
