"""Counts of stranded people that may leave: each through the disclosure gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from analytics.analysis.resettlement.placing import Plan
from analytics.analysis.resettlement.register import NEEDS, REASONS, STATUSES
from analytics.codes import (
    CARE_STATES,
    MEASURES,
    PROVINCES,
    ROOM_TYPES,
    StrandedGroup,
    prefecture_of,
)
from analytics.methods.allocation import REASONS as UNPLACED
from analytics.privacy.release import Dimension, TableSpec, release

if TYPE_CHECKING:
    from analytics.privacy.releases import Ledger

TOTAL, UNKNOWN = "total", "unknown"
GROUPS = (*(str(group) for group in StrandedGroup), "unknown")
WHY = (*UNPLACED, *(name for name in REASONS if name != "placed"))


@dataclass(frozen=True)
class Shown:
    """
    What may be shown: one row per cell, margins ("total") included, with ``hidden``.

    Parameters
    ----------
    taken : DataFrame
        ``region, room_type, persons``: beds in use by county (or coarser).
    status : DataFrame
        ``group, status, persons``.
    waiting : DataFrame
        ``region, reason, persons``: those without a bed or only referred, by prefecture.
    needs : DataFrame
        ``group, need, persons``: a person counts for each need.
    claims : DataFrame
        ``measure, state, persons``: a person counts for each measure owed.
    elsewhere : DataFrame
        ``region, persons, hotels``: the province's people held up elsewhere, by province, and
        hotels known to take them (missing where none is known).
    statements : tuple of dict
        What the gate says of each table, by language.
    """

    taken: pd.DataFrame
    status: pd.DataFrame
    waiting: pd.DataFrame
    needs: pd.DataFrame
    claims: pd.DataFrame
    elsewhere: pd.DataFrame
    statements: tuple[dict[str, str], ...]


def show(
    plan: Plan, register: pd.DataFrame, claims: pd.DataFrame, places: pd.DataFrame,
    away: pd.DataFrame, as_of: date, ledger: Ledger,
) -> Shown:  # fmt: skip
    """
    Release the counts of the page.

    Parameters
    ----------
    plan : Plan
        As `place` gives.
    register : DataFrame
        As `register` gives, collected.
    claims : DataFrame
        What persons are owed: ``person, measure, state``.
    places : DataFrame
        ``region`` and ``prefecture``.
    away : DataFrame
        As `elsewhere` gives, collected.
    as_of : date
    ledger : Ledger
        Everything released before.

    Raises
    ------
    DisclosureError
        If a table would tell on somebody however coarse.
    """
    tree = _regions(places)
    flat = tuple(sorted(set(places["prefecture"].astype("str"))))
    people = plan.persons.assign(persons=1)
    open_ones = people[people["status"] != "placed"]
    open_ones = open_ones.assign(region=open_ones["county"].map(prefecture_of))
    long = register.melt(["person", "group"], list(NEEDS), var_name="need", value_name="asked")
    asked = long[long["asked"].fillna(value=False).astype(bool)].assign(persons=1)
    province = away["region"].astype("str").str[:2] + "0000"
    held = away.assign(region=province.where(province.isin(PROVINCES), UNKNOWN))
    beds = plan.beds.rename(columns={"county": "region", "taken": "persons"})
    tables = {
        "taken": (beds, "persons with a bed at a site", (
            Dimension("region", tree), Dimension.flat("room_type", ROOM_TYPES))),
        "status": (people, "stranded persons", (
            Dimension.flat("group", GROUPS), Dimension.flat("status", STATUSES))),
        "waiting": (open_ones, "stranded persons without a bed at a site", (
            Dimension.flat("region", flat), Dimension.flat("reason", WHY))),
        "needs": (asked, "needs of stranded persons", (
            Dimension.flat("group", GROUPS), Dimension.flat("need", NEEDS))),
        "claims": (claims.assign(persons=1), "measures owed to stranded persons", (
            Dimension.flat("measure", MEASURES), Dimension.flat("state", CARE_STATES))),
        "elsewhere": (held, "people of the province held up elsewhere", (
            Dimension.flat("region", (*PROVINCES, UNKNOWN)),)),
    }  # fmt: skip
    found, statements = {}, []
    for name, (rows, population, dimensions) in tables.items():
        names = [dimension.name for dimension in dimensions]
        cells = rows.groupby(names)["persons"].sum().reset_index()
        spec = TableSpec(f"resettlement: {name}", population, "persons", dimensions, as_of,
                         stock=True)  # fmt: skip
        released = release(cells, spec, ledger)
        kept = released.table
        for missing in [n for n in names if n not in kept]:
            kept = kept.assign(**{missing: TOTAL})
        found[name] = kept
        statements.append(released.statement)
    taking = held.groupby("region")["hotels"].sum(min_count=1)
    found["elsewhere"] = found["elsewhere"].assign(hotels=found["elsewhere"]["region"].map(taking))
    return Shown(**found, statements=tuple(statements))


def _regions(places: pd.DataFrame) -> dict[str, str]:
    """Parent of each county and prefecture; those straight under the province have no other."""
    parents = {}
    for region in places["region"].astype("str"):
        above = prefecture_of(region)
        parents[region] = TOTAL if above == region else above
        if above != region:
            parents[above] = TOTAL
    return parents
