"""One simulated province: its people, its epidemic, and rows of a feed made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analytics import study as studies
from analytics import tables
from analytics.errors import ParameterError
from analytics.pool import figures, published, regions
from analytics.simulation import epidemic, names, population, scenario, travel, visitors
from analytics.simulation.draws import BoolArray, IntArray, stream

if TYPE_CHECKING:
    from datetime import date

    from analytics.pool.published import Published
    from analytics.study import Study

_PRESENT = ("document", "id_number", "name", "sex", "birth_date", "phone", "address")
_LEAST = 1000


@dataclass(frozen=True)
class World:
    """
    A simulated province and the span its departments report on.

    Attributes
    ----------
    settings, scenario : Settings, Scenario
        What it is made of and what is done differently.
    base : Study
        Study of the public figures it is modelled on.
    published : Published
        Those figures.
    people : Population
        Residents and visitors.
    epidemic : Epidemic
        Infections, trips, transmission.
    routes : Routes
        Destinations of the origin's travellers.
    outside : DataFrame
        Prefectures outside the province; ``region, name``.
    first, last : int
        First and last day of delivery, as positions in the epidemic's days.
    seed : int
        Of all draws.
    """

    settings: scenario.Settings
    scenario: scenario.Scenario
    base: Study
    published: Published
    people: population.Population
    epidemic: epidemic.Epidemic
    routes: travel.Routes
    outside: pd.DataFrame
    first: int
    last: int
    seed: int

    @property
    def start(self) -> np.datetime64:
        """Day at position 0."""
        return np.datetime64(self.epidemic.transmission.days[0], "D")

    @property
    def changes(self) -> tuple[studies.DefinitionChange, ...]:
        """Changes of what counts as a case."""
        return self.base.definition_changes

    @property
    def province(self) -> str:
        """Two digits of the province."""
        return population.province(self.people.places)

    def draws(self, label: str) -> np.random.Generator:
        """Return the generator of one feed."""
        return stream(self.seed, "feeds", label)

    def position(self, day: date) -> int:
        """Position of a day."""
        return int((np.datetime64(day, "D") - self.start).astype(int))


@dataclass(frozen=True)
class Rows:
    """
    All rows of one feed, as text.

    Attributes
    ----------
    feed : str
        Name of the feed.
    day : array (rows,)
        Position of the day each row becomes known.
    person : array (rows,)
        Who it is about; -1 for nobody.
    table : pyarrow.Table
        Columns of the feed's contract.
    """

    feed: str
    day: IntArray
    person: IntArray
    table: pa.Table


def make(
    study: Study, people: int, seed: int, first: date, last: date, scenario_name: str = ""
) -> World:
    """
    Make a simulated province.

    Parameters
    ----------
    study : Study
        A simulated study.
    people : int
        Residents, at least 1,000.
    seed : int
        Same seed, same province.
    first, last : date
        First and last day of delivery.
    scenario_name : str
        Scenario of the study; empty for the baseline.

    Raises
    ------
    ParameterError
        If there are too few people, the span is empty or starts before the epidemic, or there is
        no such scenario.
    StudyError
        If the study is no simulated one.
    """
    settings = scenario.load(study)
    chosen = scenario.choose(settings, scenario_name)
    if people < _LEAST:
        raise ParameterError(f"{people} people are no province", remedy=f"at least {_LEAST:,}")
    base = studies.load(settings.based_on)
    figures.bring(base)
    public = published.read(base)
    where = population.places(public)
    residents = population.build(where, people, seed, first)
    outside = _outside(study)
    others = visitors.make(
        where, settings, outside, people, int(residents.household.max()) + 1, seed, first
    )
    everybody = population.with_visitors(residents, others)
    factor = scenario.scale(settings, people)
    days, wanted = epidemic.target(
        public.counts, everybody, settings, factor, pd.Timestamp(last), base.definition_changes
    )
    begin, end = (int((pd.Timestamp(day) - days[0]).days) for day in (first, last))
    if not 0 <= begin <= end:
        raise ParameterError(
            f"{first} to {last} is no span of the epidemic, which starts on {days[0].date()}"
        )
    routes = travel.routes(public, where, settings.origin)
    arguments = (days, wanted, routes, seed)
    found = epidemic.run(everybody, settings, scenario.Scenario(), *arguments)
    if chosen.name != scenario.BASELINE:
        found = epidemic.run(everybody, settings, chosen, *arguments, fixed=found.transmission)
    return World(
        settings, chosen, base, public, everybody, found, routes, outside, begin, end, seed
    )


def _outside(study: Study) -> pd.DataFrame:
    """Prefectures of the mainland outside the study's province."""
    known = regions.known(study)
    away = known[
        (known["level"] == "prefecture")
        & (known["region"].str[:2] != study.region[:2])
        & known["region"].str[0].isin(list("123456"))
    ]
    return away.sort_values("region").reset_index(drop=True)[["region", "name"]]


def rows(world: World, feed: str, day: IntArray, person: IntArray | None = None,
         **columns: Any) -> Rows:  # fmt: skip
    """
    Rows of a feed: columns given, and who they are about for the contract's other columns.

    Rows that become known after the last day are left out; those from before the first are
    known on it.
    """
    contract = tables.contract(feed)
    day = np.asarray(day, dtype=np.int64)
    about = np.full(day.size, -1, dtype=np.int64) if person is None else person
    kept = np.flatnonzero(day <= world.last)
    names_of = [column.name for column in contract.columns]
    strange = set(columns) - set(names_of)
    if strange:
        raise KeyError(f"feed {feed} has no {sorted(strange)}")
    made = {}
    for name in names_of:
        if name in columns:
            made[name] = columns[name].take(pa.array(kept))
        elif name in _PRESENT and person is not None:
            at = about[kept]
            made[name] = world.people.identity[name].take(pa.array(at, mask=at < 0))
        else:
            made[name] = pa.nulls(kept.size, pa.string())
    found = pa.table({name: _flat(column) for name, column in made.items()})
    return Rows(feed, np.maximum(day[kept], world.first), about[kept], found)


def _flat(column: Any) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.cast(pa.string())


def date_text(world: World, day: IntArray, known: BoolArray | None = None) -> pa.Array:
    """Days by position as text; none where not `known`."""
    days = world.start + np.asarray(day, dtype=np.int64).astype("timedelta64[D]")
    if known is not None:
        days = np.where(known, days, np.datetime64("NaT", "D"))
    return names.text(days)


def moment_text(
    world: World, day: IntArray, second: IntArray, known: BoolArray | None = None
) -> pa.Array:
    """Moments by day and second of the day as text; none where not `known`."""
    days = world.start + np.asarray(day, dtype=np.int64).astype("timedelta64[D]")
    moments = days.astype("datetime64[s]") + np.asarray(second).astype("timedelta64[s]")
    if known is not None:
        moments = np.where(known, moments, np.datetime64("NaT", "s"))
    return names.text(moments)


def yes(values: BoolArray) -> pa.Array:
    """Yes or no as text."""
    return names.words(["false", "true"], values)


def counties(world: World, county: IntArray) -> pa.Array:
    """Codes of counties by position."""
    return names.words(world.people.places.counties, county)


def homes(world: World, registered: IntArray) -> pa.Array:
    """Codes of registration: counties, then prefectures outside."""
    return names.words([*world.people.places.counties, *world.outside["region"]], registered)


def seat(world: World, prefecture: IntArray) -> IntArray:
    """County with the most residents of each prefecture; -1 stays -1."""
    where = world.people.places
    order = np.lexsort((-where.weight, where.prefecture))
    first = order[np.searchsorted(where.prefecture[order], np.arange(len(where.prefectures)))]
    return np.where(prefecture >= 0, first[np.maximum(prefecture, 0)], -1)
