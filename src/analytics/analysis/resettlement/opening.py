"""Which candidate premises to open for those who cannot be placed, and what a bed is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analytics.analysis.resettlement import placing
from analytics.codes import ROOM_TYPES
from analytics.methods import allocation, siting


@dataclass(frozen=True)
class Openings:
    """
    Premises to open next.

    Parameters
    ----------
    sites : DataFrame
        ``site, county, kind, places`` (used), ``opening_cost, daily_cost`` [yuan].
    solved : DataFrame
        ``needs, room_type, short`` (places lacking now), ``solved`` (by the premises to
        open), ``remaining, impossible`` (lacking with every candidate open), ``sites``.
    value : DataFrame
        ``county, room_type, value``: what one place more would save [yuan].
    cost, lower, gap : float
        Cost of the choice and what nothing can go below [yuan], relative difference.
    """

    sites: pd.DataFrame
    solved: pd.DataFrame
    value: pd.DataFrame
    cost: float
    lower: float
    gap: float


def openings(  # noqa: PLR0913 (one per table handed over, then choices)
    plan: placing.Plan, register: pd.DataFrame, sites: pd.DataFrame, rooms: pd.DataFrame,
    places: pd.DataFrame, *, days: int = 14, unmet_cost: float = 5000.0,
    road_factor: float = 1.3, seconds: float = 30.0,
) -> Openings:  # fmt: skip
    """
    Choose among the candidates for those whom the plan leaves waiting.

    Parameters
    ----------
    plan : Plan
        As `place` gives.
    register, sites, rooms, places : DataFrame
        As for `place`.
    days : int
        Days a place is paid for.
    unmet_cost : float
        Price of leaving a place lacking [yuan].
    road_factor, seconds : float
        As for `place`.

    Raises
    ------
    SolverError
        If the solver ended without a feasible point.
    """
    some = sites["status"] == "candidate"
    homes = placing.open_sites(sites[some], rooms, tuple(sites.loc[some, "site"]), ())
    kinds = _kinds(plan, register, homes)
    if kinds.empty:
        return _none()
    where = pd.Series(np.arange(len(places)), index=places["region"].to_numpy())
    wanted = siting.Demand(
        kinds["places"].to_numpy(np.int64), kinds["room"].to_numpy(np.int64),
        kinds[_needs(homes)].to_numpy(bool), where.reindex(kinds["county"]).to_numpy(np.int64),
    )  # fmt: skip
    points = places[["latitude", "longitude"]].to_numpy(float)
    found = siting.choose(
        wanted, _candidates(homes),
        allocation.great_circle(points, placing.located(homes, places), road_factor=road_factor),
        allocation.great_circle(points, points, road_factor=road_factor),
        days=days, unmet_cost=unmet_cost, seconds=seconds,
    )  # fmt: skip
    chosen = homes[found.opened].assign(places=found.sent.sum(axis=0)[found.opened])
    value = pd.DataFrame(found.value, columns=list(ROOM_TYPES))
    value = value.assign(county=places["region"].to_numpy()).melt(
        "county", var_name="room_type", value_name="value"
    )
    columns = ["site", "county", "kind", "places", "opening_cost", "daily_cost"]
    return Openings(
        chosen[columns].sort_values("places", ascending=False, ignore_index=True),
        _solved(kinds, homes, found), value[value["value"] > 0].reset_index(drop=True),
        found.cost, found.lower, found.gap,
    )  # fmt: skip


def _none() -> Openings:
    columns = ["site", "county", "kind", "places", "opening_cost", "daily_cost"]
    told = ["needs", "room_type", "short", "solved", "remaining", "impossible", "sites"]
    value = pd.DataFrame(columns=["county", "room_type", "value"])
    return Openings(pd.DataFrame(columns=columns), pd.DataFrame(columns=told), value, 0.0, 0.0, 0.0)


def _needs(homes: pd.DataFrame) -> list[str]:
    return [*placing.SITE_NEEDS, *(f"language {name}" for name in placing.languages(homes))]


def _kinds(plan: placing.Plan, register: pd.DataFrame, homes: pd.DataFrame) -> pd.DataFrame:
    """Places lacking: beds by sex, family rooms, single rooms, by county and needs."""
    left = plan.persons.loc[plan.persons["status"] == "waiting", "person"]
    rows = register[register["person"].isin(left)].copy()
    for name in placing.languages(homes):
        rows[f"language {name}"] = (rows["spoken"] == name).fillna(value=False)
    needs, home = _needs(homes), rows["household"].astype("object")
    rows["home"] = home.where(home.notna(), "alone " + rows["person"].astype("str"))
    rows[needs] = rows[needs].fillna(value=False).astype(bool)
    alone = rows["quarantine"].fillna(value=False).astype(bool)
    size = rows[~alone].groupby("home")["person"].transform("size").reindex(rows.index).fillna(0)
    own = np.where(rows["sex"] == "female", 1, 0)
    rows["room"] = np.where(alone, 3, np.where(size > 1, 2, own))
    family = rows[rows["room"] == 2].groupby(["home", "county"])  # noqa: PLR2004
    homes_in = family[needs].any().assign(
        places=-(-family.size() // placing.FAMILY_ROOM), room=2
    ).reset_index()  # fmt: skip
    singles = rows[rows["room"] != 2].assign(places=1)  # noqa: PLR2004
    both = pd.concat([singles[["county", "room", "places", *needs]],
                      homes_in[["county", "room", "places", *needs]]])  # fmt: skip
    return both.groupby(["county", "room", *needs])["places"].sum().reset_index()


def _candidates(homes: pd.DataFrame) -> siting.Candidates:
    capacity = homes[[f"places_{name}" for name in ROOM_TYPES]].to_numpy(np.int64)
    staff = homes["staff_cap"].astype("Float64").fillna(capacity.sum()).to_numpy(float)
    return siting.Candidates(
        capacity, staff.astype(np.int64), placing.offers(homes),
        homes["opening_cost"].fillna(0).to_numpy(float),
        homes["daily_cost"].fillna(0).to_numpy(float),
    )  # fmt: skip


def _solved(kinds: pd.DataFrame, homes: pd.DataFrame, found: siting.Siting) -> pd.DataFrame:
    needs = _needs(homes)
    named = [", ".join(n for n in needs if row[n]) for row in kinds[needs].to_dict("records")]
    names = homes["site"].to_numpy(object)
    rows = pd.DataFrame({
        "needs": named, "room_type": [ROOM_TYPES[r] for r in kinds["room"]],
        "short": kinds["places"], "solved": found.sent.sum(axis=1),
        "remaining": found.unmet, "impossible": found.lacking,
        "sites": [set(names[line > 0]) for line in found.sent],
    })  # fmt: skip
    if rows.empty:
        return rows.astype({"sites": "object"})
    cells = rows.groupby(["needs", "room_type"])
    joined = cells[["short", "solved", "remaining", "impossible"]].sum()
    joined["sites"] = cells["sites"].agg(_together)
    joined = joined.reset_index()
    return joined.sort_values("short", ascending=False, ignore_index=True)


def _together(held: pd.Series) -> str:
    """Names of all sites, once each."""
    names: set[str] = set().union(*held)
    return ", ".join(sorted(names))
