"""Where everyone who waits can go, what no site can give, and who cannot be placed and why."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analytics.codes import ROOM_TYPES
from analytics.errors import ContractError
from analytics.methods import allocation
from analytics.methods.allocation import Persons, Placement, Policy

SITE_NEEDS = ("halal", "wheelchair", "infant", "medicine")
_FREE = "free"
_MANY = 10**6
FAMILY_ROOM = Policy().family_room


@dataclass(frozen=True, eq=False)
class Asked:
    """
    What the solver was asked, so that its answer can be explained.

    Parameters
    ----------
    rows : array (asked,)
        Row of each person in the plan's ``persons``.
    persons : Persons
        In the order of ``rows``.
    space : allocation.Sites
        In the order of ``sites``.
    policy : Policy
        What was weighed.
    distance : array (counties, sites)
        Distances [km].
    sites : DataFrame
        ``site, county``.
    needs : tuple of str
        Names of the needs a site may meet.
    """

    rows: np.ndarray
    persons: Persons
    space: allocation.Sites
    policy: Policy
    distance: np.ndarray
    sites: pd.DataFrame
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """
    A bed or a reason for everyone who waits.

    Parameters
    ----------
    persons : DataFrame
        One row per person of the register: ``person, group, county, status, reason``, ``site,
        room_type, room, bed`` (now or planned), ``planned`` (bool: not there yet),
        ``distance_km``. Status is placed, referred or waiting; reasons of those waiting are of
        `allocation.REASONS`.
    beds : DataFrame
        Open sites: ``county, site, room_type, places, taken, free, planned, shadow_price``
        (places are rooms for families, else beds; what one place more would save
        [person-km]).
    shortages : DataFrame
        ``reason, needs, room_types, persons, places, free, sites, widen`` (a site).
    placement : Placement or None
        The solver's answer with bounds; None if nobody waits.
    asked : Asked or None
        What it was asked; see `considered`.
    """

    persons: pd.DataFrame
    beds: pd.DataFrame
    shortages: pd.DataFrame
    placement: Placement | None
    asked: Asked | None = field(default=None, repr=False)

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Upper and lower bound [person-km] and relative gap; zeros if nobody waits."""
        found = self.placement
        return (found.upper, found.lower, found.gap) if found else (0.0, 0.0, 0.0)


def place(  # noqa: PLR0913 (one per table handed over, then choices)
    register: pd.DataFrame, sites: pd.DataFrame, rooms: pd.DataFrame, places: pd.DataFrame,
    *, opened: tuple[str, ...] = (), closed: tuple[str, ...] = (),
    policy: Policy | None = None, road_factor: float = 1.3, roads: pd.DataFrame | None = None,
    seconds: float = 60.0,
) -> Plan:  # fmt: skip
    """
    Give everyone who waits a bed, leaving those placed where they are.

    Parameters
    ----------
    register : DataFrame
        As `register` gives, collected.
    sites, rooms : DataFrame
        SITES and ROOMS feeds; of each site and type the latest count of rooms is taken.
    places : DataFrame
        ``region, longitude, latitude`` of counties: where persons are, and sites without
        coordinates of their own.
    opened, closed : tuple of str
        Sites opened or shut for the sake of the question; who lives in a shut one waits.
    policy : Policy, optional
        What the allocation weighs.
    road_factor : float
        Road kilometres per kilometre as the crow flies.
    roads : DataFrame, optional
        ``county, site, distance_km`` [km] where known; ways not named are estimated.
    seconds : float
        Time for the solver.

    Returns
    -------
    Plan

    Raises
    ------
    ContractError
        If a site named does not exist, a site or county lies nowhere, or `roads` does not hold
        together.
    SolverError
        If the solver ended in a state other than optimal or feasible.

    Notes
    -----
    A family has rooms of its own, people under quarantine single rooms; needs in `SITE_NEEDS`
    must be met by the site, a language only where an open site speaks it (interpreters can
    be called). Somebody placed where a need is not met stays, and the need counts as unmet.
    """
    register = register.sort_values("person", kind="stable").reset_index(drop=True)
    homes = open_sites(sites, rooms, opened, closed)
    staying = register["site"].isin(homes["site"]) & (register["status"] == "placed")
    evicted = (register["status"] == "placed") & ~staying
    asking = (register["status"] == "waiting") | evicted
    beds = _beds(homes, register[staying])
    answer = _blank(register, staying, asking, evicted)
    if not asking.any():
        return Plan(answer, beds.assign(planned=0, shadow_price=0.0), _shortages((), homes), None)
    people = _persons(register[asking], homes, places)
    space = _space(homes, beds)
    distance = _ways(places, homes, road_factor, roads)
    found = allocation.allocate(people, space, distance, policy, seconds=seconds)
    at = np.flatnonzero(asking)
    _fill(answer, at, found, homes, distance, people)
    asked = Asked(
        at, people, space, policy or Policy(), distance, homes[["site", "county"]],
        need_names(homes),
    )  # fmt: skip
    return Plan(answer, _used(beds, homes, found), _shortages(found.shortages, homes), found, asked)


def _ways(
    places: pd.DataFrame, homes: pd.DataFrame, road_factor: float, roads: pd.DataFrame | None
) -> np.ndarray:
    """Kilometres from counties to sites: as told, else by great circle and road factor."""
    distance = allocation.great_circle(
        places[["latitude", "longitude"]].to_numpy(float), located(homes, places),
        road_factor=road_factor,
    )  # fmt: skip
    if roads is None:
        return distance
    twice = int(roads.duplicated(["county", "site"]).sum())
    strange = int((~roads["county"].isin(places["region"])).sum())
    wrong = int((~(roads["distance_km"] >= 0) | np.isinf(roads["distance_km"])).sum())
    breaches = [f"{many} {what}" for many, what in (
        (strange, "rows are of a county that is not one of the study's"),
        (wrong, "distances are missing, negative or without end"),
        (twice, "ways are named twice"),
    ) if many]  # fmt: skip
    if breaches:
        raise ContractError("distances by road do not hold together", breaches)
    told = roads.set_index(["county", "site"])["distance_km"].unstack("site")  # noqa: PD010
    own = told.reindex(index=places["region"], columns=homes["site"]).to_numpy(float)
    return np.where(np.isnan(own), distance, own)


def open_sites(
    sites: pd.DataFrame, rooms: pd.DataFrame, opened: tuple[str, ...], closed: tuple[str, ...]
) -> pd.DataFrame:
    """
    List the sites that are open, one row each, with their places.

    Parameters
    ----------
    sites : SITES table
    rooms : ROOMS table
        The latest count of each site and type is used.
    opened, closed : tuple of str
        Sites to open and to close beside what their status says.

    Returns
    -------
    pandas.DataFrame
        SITES rows with ``places_<type>`` for each of `codes.ROOM_TYPES`: beds, or rooms where
        families have one each.

    Raises
    ------
    ContractError
        If a site named is not listed.
    """
    unknown = sorted({*opened, *closed} - set(sites["site"]))
    if unknown:
        raise ContractError(
            "sites named are not listed", [f"site '{name}'" for name in unknown],
            "the feed 'sites' names them",
        )  # fmt: skip
    kept = (sites["status"] == "open") | sites["site"].isin(opened)
    homes = sites[kept & ~sites["site"].isin(closed)].reset_index(drop=True)
    latest = rooms.sort_values("date", kind="stable").drop_duplicates(
        ["site", "room_type"], keep="last"
    )
    latest = latest.assign(
        places=np.where(latest["room_type"] == "family", latest["rooms"], latest["beds"])
    )
    wide = latest.pivot_table(index="site", columns="room_type", values="places", aggfunc="sum")
    wide = wide.reindex(index=homes["site"], columns=list(ROOM_TYPES)).fillna(0).astype(int)
    return homes.assign(**{f"places_{name}": wide[name].to_numpy() for name in ROOM_TYPES})


def _beds(homes: pd.DataFrame, staying: pd.DataFrame) -> pd.DataFrame:
    """Places of each open site by type, taken and free."""
    alone = staying["room"].isna() | (staying["room_type"] != "family")
    unit = np.where(alone, staying["person"], staying["room"].astype("object"))
    taken = staying.assign(unit=unit).groupby(["site", "room_type"])["unit"].nunique()
    parts = [
        homes[["county", "site"]].assign(room_type=name, places=homes[f"places_{name}"])
        for name in ROOM_TYPES
    ]
    beds = pd.concat(parts, ignore_index=True)
    keys = pd.MultiIndex.from_frame(beds[["site", "room_type"]])
    beds["taken"] = taken.reindex(keys).fillna(0).to_numpy(int)
    beds[_FREE] = (beds["places"] - beds["taken"]).clip(lower=0)
    return beds


def _blank(
    register: pd.DataFrame, staying: pd.Series, asking: pd.Series, evicted: pd.Series
) -> pd.DataFrame:
    answer = register[["person", "group", "county", "status", "reason"]].copy()
    for name in ("site", "room_type", "room"):
        answer[name] = register[name].astype("object").where(staying, None)
    answer["bed"] = pd.array([pd.NA] * len(answer), dtype="Int64")
    answer["planned"], answer["distance_km"] = False, np.nan
    answer.loc[evicted, "status"] = "waiting"
    answer.loc[asking, "reason"] = None
    return answer


def _persons(waiting: pd.DataFrame, homes: pd.DataFrame, places: pd.DataFrame) -> Persons:
    where = pd.Series(np.arange(len(places)), index=places["region"].to_numpy())
    origin = where.reindex(waiting["county"].to_numpy())
    if origin.isna().any():
        raise ContractError(
            "people are in counties that lie nowhere",
            [f"{int(origin.isna().sum())} of {len(origin)} persons"],
            "hand over the counties' longitude and latitude",
        )
    own = "alone " + waiting["person"].astype("str")
    household = waiting["household"].astype("object").where(waiting["household"].notna(), own)
    count = len(waiting)
    return Persons(
        household=pd.factorize(household)[0].astype(np.int64),
        male=(waiting["sex"] != "female").to_numpy(bool),
        quarantine=waiting["quarantine"].fillna(value=False).to_numpy(bool),
        needs=_needs(waiting, homes),
        origin=origin.to_numpy(np.int64),
        group=pd.factorize(waiting["group"], sort=True)[0].astype(np.int64),
        site=np.full(count, -1), cohort=np.full(count, -1),
    )  # fmt: skip


def languages(homes: pd.DataFrame) -> list[str]:
    """Languages other than Mandarin that some open site speaks."""
    spoken = homes["languages"].fillna("").str.split(";").explode().str.strip()
    return sorted(set(spoken) - {"", "cmn"})


def need_names(homes: pd.DataFrame) -> tuple[str, ...]:
    """Names of the needs a site may meet: `SITE_NEEDS`, then ``language`` and its code."""
    return (*SITE_NEEDS, *(f"language {name}" for name in languages(homes)))


def _needs(waiting: pd.DataFrame, homes: pd.DataFrame) -> np.ndarray:
    asked = [waiting[name].fillna(value=False).to_numpy(bool) for name in SITE_NEEDS]
    asked += [(waiting["spoken"] == name).fillna(value=False).to_numpy(bool)
              for name in languages(homes)]  # fmt: skip
    return np.column_stack(asked)


def _space(homes: pd.DataFrame, beds: pd.DataFrame) -> allocation.Sites:
    free = beds.pivot_table(index="site", columns="room_type", values=_FREE, aggfunc="sum")
    free = free.reindex(index=homes["site"], columns=list(ROOM_TYPES)).fillna(0)
    heads = beds.groupby("site")["taken"].sum().reindex(homes["site"]).to_numpy(float)
    cap = homes["staff_cap"].astype("Float64").fillna(_MANY).to_numpy(float)
    area = homes["floor_area"].astype("Float64").to_numpy(float, na_value=np.nan)
    area = np.where(np.isnan(area), _MANY, area)
    return allocation.Sites(
        free.to_numpy(int), np.maximum(cap - heads, 0).astype(int), offers(homes),
        np.maximum(area - heads * Policy().floor_per_person, 0.0),
    )  # fmt: skip


def offers(homes: pd.DataFrame) -> np.ndarray:
    """Needs each site meets (sites, needs): `SITE_NEEDS`, then `languages`."""
    met = [homes[name].fillna(value=False).to_numpy(bool) for name in SITE_NEEDS]
    tongues = homes["languages"].fillna("").str.split(";")
    met += [tongues.map(lambda known, n=name: n in known).to_numpy(bool)
            for name in languages(homes)]  # fmt: skip
    return np.column_stack(met)


def located(homes: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    """
    Say where each site lies: its own point, or its county's where it has none.

    Parameters
    ----------
    homes : pandas.DataFrame
        One row per site: county, and latitude and longitude if known.
    places : pandas.DataFrame
        ``region, latitude, longitude`` of counties.

    Returns
    -------
    array (sites, 2)
        Latitude and longitude [°, EPSG:4490].

    Raises
    ------
    ContractError
        If neither is known of some site.
    """
    known = places.set_index("region")
    point = []
    for name in ("latitude", "longitude"):
        own = homes[name].astype("Float64") if name in homes else pd.Series(pd.NA, homes.index)
        fallback = homes["county"].map(known[name])
        point.append(pd.to_numeric(own.astype("object").where(own.notna(), fallback)))
    located = np.column_stack([column.to_numpy(float) for column in point])
    lost = int(np.isnan(located).any(axis=1).sum())
    if lost:
        raise ContractError(
            "sites lie nowhere", [f"{lost} of {len(homes)} open sites"],
            "give them longitude and latitude, or their county",
        )  # fmt: skip
    return located


def _fill(
    answer: pd.DataFrame, at: np.ndarray, found: Placement, homes: pd.DataFrame,
    distance: np.ndarray, people: Persons,
) -> None:  # fmt: skip
    on = found.site >= 0
    rows = at[on]
    answer.loc[rows, "site"] = homes["site"].to_numpy(object)[found.site[on]]
    answer.loc[rows, "room_type"] = np.array(ROOM_TYPES, object)[found.pool[on]]
    answer.loc[rows, "room"] = [f"+{number}" for number in found.room[on]]
    answer.loc[rows, "bed"] = found.bed[on]
    answer.loc[rows, "distance_km"] = distance[people.origin[on], found.site[on]]
    answer.loc[rows, "planned"] = True
    answer.loc[rows, ["status", "reason"]] = "placed"
    left = at[~on]
    answer.loc[left, "reason"] = np.array(allocation.REASONS, object)[found.reason[~on]]


def _used(beds: pd.DataFrame, homes: pd.DataFrame, found: Placement) -> pd.DataFrame:
    on = found.site >= 0
    where = pd.DataFrame({
        "site": homes["site"].to_numpy(object)[found.site[on]],
        "room_type": np.array(ROOM_TYPES, object)[found.pool[on]], "room": found.room[on],
    })  # fmt: skip
    planned = where.groupby(["site", "room_type"])["room"].nunique()
    keys = pd.MultiIndex.from_frame(beds[["site", "room_type"]])
    kind = beds["room_type"].map({name: at for at, name in enumerate(ROOM_TYPES)}).to_numpy()
    price = pd.DataFrame(found.shadow_price[:, :4], index=homes["site"], columns=list(ROOM_TYPES))
    return beds.assign(
        planned=planned.reindex(keys).fillna(0).to_numpy(int),
        shadow_price=price.loc[beds["site"]].to_numpy()[np.arange(len(beds)), kind],
    )


def _shortages(told: tuple[allocation.Shortage, ...], homes: pd.DataFrame) -> pd.DataFrame:
    names = need_names(homes)
    types = dict(zip(allocation.POOLS, ROOM_TYPES, strict=True))
    rows = [
        {
            "reason": one.reason,
            "needs": ", ".join(names[n] for n in one.needs),
            "room_types": ", ".join(types[pool] for pool in one.pools),
            "persons": one.persons, "places": sum(one.places), "free": sum(one.free),
            "sites": one.sites,
            "widen": None if one.widen < 0 else homes["site"].iloc[one.widen],
        }
        for one in told
    ]  # fmt: skip
    columns = ["reason", "needs", "room_types", "persons", "places", "free", "sites", "widen"]
    return pd.DataFrame(rows, columns=columns)
