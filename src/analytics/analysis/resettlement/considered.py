"""
Why somebody is where a plan puts them: every open site as their party sees it.

Tables
------
CONSIDERED
    One row per open site, nearest first: site, county, distance_km; chosen (bool); lacks (what
    lacks first, see ``LACKS``; empty where nothing does); needs (those not met there, joined by
    ", "); free [places left of the types asked], staff [persons that staff and floor still
    allow].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analytics.analysis.resettlement.placing import Asked, Plan
from analytics.codes import ROOM_TYPES
from analytics.errors import ParameterError
from analytics.methods import allocation
from analytics.methods.allocation import Placement, View

LACKS = (
    "need",  # does not meet a need
    "size",  # too small for the party even when empty
    "room",  # rooms or beds of the types asked are full
    "staff",  # staff or floor allow no more
    "",  # nothing: it has room left
)
_COLUMNS = ("site", "county", "distance_km", "chosen", "lacks", "needs", "free", "staff")


@dataclass(frozen=True, eq=False)
class Considered:
    """
    How the party of one person fared.

    Parameters
    ----------
    answer : mapping
        The person's row of the plan's ``persons``.
    room_types : tuple of str
        Types the party asks for; empty if the plan was not asked to place it.
    sites : CONSIDERED table
        Empty if the plan was not asked to place the party.
    shortage : mapping or None
        The row of the plan's ``shortages`` the party is counted in; None if it is placed.
    gap : float
        By how much the whole plan may exceed the least distance, as a share of it.
    """

    answer: Mapping[str, Any]
    room_types: tuple[str, ...]
    sites: pd.DataFrame
    shortage: Mapping[str, Any] | None
    gap: float


def considered(plan: Plan, person: str) -> Considered:
    """
    Look at every open site as one person's party does.

    Parameters
    ----------
    plan : Plan
    person : str
        The purpose's pseudonym.

    Returns
    -------
    Considered

    Raises
    ------
    ParameterError
        If the plan has no such person.

    Notes
    -----
    A household stays together, so that a site lacks what any of its members needs. What is
    left is what the finished plan leaves: a full site may have been filled by others for whom
    the next one is further.
    """
    at = np.flatnonzero((plan.persons["person"] == person).to_numpy(bool))
    if not len(at):
        raise ParameterError(
            f"none of the plan's {len(plan.persons)} persons has this pseudonym",
            remedy="take it from `plan.persons`, of the same purpose",
        )
    answer = {str(k): v for k, v in plan.persons.iloc[int(at[0])].to_dict().items()}
    asked, found = plan.asked, plan.placement
    one = np.flatnonzero(asked.rows == at[0]) if asked else np.empty(0, int)
    if asked is None or found is None or not len(one):
        return Considered(answer, (), pd.DataFrame(columns=list(_COLUMNS)), None, 0.0)
    seen = allocation.view(asked.persons, asked.space, found, int(one[0]), asked.policy)
    types = tuple(np.array(ROOM_TYPES, object)[seen.use.any(axis=0)])
    sites = _sites(asked, found, seen, int(one[0]))
    return Considered(answer, types, sites, _shortage(plan, asked, seen, answer), found.gap)


def _sites(asked: Asked, found: Placement, seen: View, one: int) -> pd.DataFrame:
    unmet = seen.needs & ~asked.space.offers
    names = np.array(asked.needs, object)
    table = asked.sites.assign(
        distance_km=asked.distance[asked.persons.origin[one]],
        chosen=np.arange(len(asked.sites)) == found.site[one],
        lacks=np.array(LACKS, object)[seen.lacks],
        needs=[", ".join(names[row]) for row in unmet],
        free=seen.free[:, :-1][:, seen.use.any(axis=0)].sum(axis=1),
        staff=seen.free[:, -1],
    )
    return table.sort_values("distance_km", kind="stable", ignore_index=True)


def _shortage(
    plan: Plan, asked: Asked, seen: View, answer: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Row of the shortages with the same reason, needs and types of room."""
    if answer["status"] != "waiting":
        return None
    needs = ", ".join(np.array(asked.needs, object)[seen.needs])
    types = ", ".join(np.array(ROOM_TYPES, object)[seen.use[0] > 0])
    table = plan.shortages
    same = (table["reason"] == answer["reason"]) & (table["needs"] == needs)
    rows = table[same & (table["room_types"] == types)].to_dict("records")
    return {str(k): v for k, v in rows[0].items()} if rows else None
