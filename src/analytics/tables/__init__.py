"""
Contracts of all tables: the executable data dictionary.

`FEEDS` are what departments deliver, `AREAS` what analyses exchange. Names are unique:
the model ``CASES`` is the feed ``cases``, delivered as ``cases.csv``.
"""

from __future__ import annotations

import difflib

from analytics.errors import ContractError
from analytics.tables.areas import CUMULATIVE, GRADES_OFFICIAL, INCIDENCE, REGIONS, RISK
from analytics.tables.columns import DOCUMENTS, Column, Contract, read
from analytics.tables.communications import ROAMING
from analytics.tables.government_affairs import (
    ASSISTANCE,
    COMMUNITY_REGISTRATION,
    DECLARATIONS,
    DUTY_ROSTER,
    HOTLINE,
    PLACEMENTS,
    RETURN_TO_WORK,
    ROOMS,
    SITES,
    STRANDED,
    STUDENT_ROLLS,
    VEHICLES,
)
from analytics.tables.health import (
    BEDS,
    CASES,
    CLUSTER_EVENTS,
    CONTACTS,
    FEVER_VISITS,
    QUARANTINE,
    TESTS,
)
from analytics.tables.health_code import CODE_APPEALS, CODE_CHANGES, FOREIGN_CODES
from analytics.tables.loop import FINDINGS, OWN, PUSHES, VERIFICATIONS
from analytics.tables.public_security import (
    CHANNEL_STATUS,
    CHECKPOINT_PASSES,
    EXIT_ENTRY,
    GATE_STAFF,
    GATES,
    HOTEL_STAYS,
    RESIDENT_REGISTER,
    TICKETS,
)
from analytics.tables.published import (
    COUNTY_CUMULATIVE,
    HOTELS_ELSEWHERE,
    MOBILITY_SCALE,
    MOBILITY_SHARES,
    OFFICIAL_COUNTS,
    OFFICIAL_GRADES,
    OUTFLOW_SHARES,
    POPULATION,
)

FEEDS = (
    OFFICIAL_COUNTS, OFFICIAL_GRADES, POPULATION, COUNTY_CUMULATIVE, OUTFLOW_SHARES,
    MOBILITY_SHARES, MOBILITY_SCALE, HOTELS_ELSEWHERE,
    RESIDENT_REGISTER, GATES, GATE_STAFF, CHECKPOINT_PASSES, TICKETS, HOTEL_STAYS, EXIT_ENTRY,
    CHANNEL_STATUS,
    CASES, FEVER_VISITS, TESTS, CONTACTS, CLUSTER_EVENTS, QUARANTINE, BEDS,
    ROAMING,
    COMMUNITY_REGISTRATION, DECLARATIONS, STRANDED, HOTLINE, SITES, ROOMS, PLACEMENTS,
    ASSISTANCE, VEHICLES, RETURN_TO_WORK, STUDENT_ROLLS, DUTY_ROSTER, CODE_APPEALS,
    FOREIGN_CODES, PUSHES, VERIFICATIONS,
)  # fmt: skip
AREAS = (REGIONS, CUMULATIVE, INCIDENCE, GRADES_OFFICIAL, RISK, CODE_CHANGES, FINDINGS)

__all__ = [
    "AREAS", "ASSISTANCE", "BEDS", "CASES", "CHANNEL_STATUS", "CHECKPOINT_PASSES",
    "CLUSTER_EVENTS", "CODE_APPEALS", "CODE_CHANGES", "COMMUNITY_REGISTRATION", "CONTACTS",
    "COUNTY_CUMULATIVE", "CUMULATIVE", "DECLARATIONS", "DOCUMENTS", "DUTY_ROSTER", "EXIT_ENTRY",
    "FEEDS", "FEVER_VISITS", "FINDINGS", "FOREIGN_CODES", "GATES", "GATE_STAFF",
    "GRADES_OFFICIAL", "HOTELS_ELSEWHERE", "HOTEL_STAYS", "HOTLINE", "INCIDENCE", "MOBILITY_SCALE",
    "MOBILITY_SHARES", "OFFICIAL_COUNTS", "OFFICIAL_GRADES", "OUTFLOW_SHARES", "OWN",
    "PLACEMENTS", "POPULATION", "PUSHES", "QUARANTINE", "REGIONS", "RESIDENT_REGISTER",
    "RETURN_TO_WORK", "RISK", "ROAMING", "ROOMS", "SITES", "STRANDED", "STUDENT_ROLLS", "TESTS",
    "TICKETS", "VEHICLES", "VERIFICATIONS", "Column", "Contract", "contract", "departments",
    "read",
]  # fmt: skip


def contract(feed: str) -> Contract:
    """
    Contract of a feed.

    Raises
    ------
    ContractError
        If no department delivers such a feed; the nearest name is suggested.
    """
    known = {model.__name__.lower(): model for model in FEEDS}
    if feed not in known:
        near = difflib.get_close_matches(feed, known, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else f"feeds: {', '.join(known)}"
        raise ContractError(f"there is no feed '{feed}'", remedy=remedy)
    return read(known[feed])


def departments() -> dict[str, tuple[Contract, ...]]:
    """Contracts by department, in the order of `FEEDS`."""
    contracts = [read(model) for model in FEEDS]
    return {
        department: tuple(c for c in contracts if c.department == department)
        for department in dict.fromkeys(c.department for c in contracts)
    }
