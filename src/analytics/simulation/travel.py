"""Trips out of the origin: who leaves, when, and where to, by the published outflow shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.errors import ParameterError
from analytics.simulation.draws import FloatArray, IntArray, pick, some
from analytics.simulation.scenario import Scenario, openness

if TYPE_CHECKING:
    from analytics.pool.published import Published
    from analytics.simulation.population import Places, Population
    from analytics.simulation.scenario import Travel

AWAY = -1
NEVER = 10**6


@dataclass(frozen=True)
class Routes:
    """
    Where travellers go.

    Attributes
    ----------
    origin : int
        Position of the prefecture they leave.
    codes : tuple of str
        Destinations.
    inside : array (destinations,)
        Position of the destination among the province's prefectures, -1 outside.
    share : array (destinations,)
        Share of all travellers [1].
    """

    origin: int
    codes: tuple[str, ...]
    inside: IntArray
    share: FloatArray


@dataclass(frozen=True)
class Trips:
    """
    Trips in order of departure: day (position), person, destination (position in the routes).

    ``back`` is the day of the return, `NEVER` where there was none in the run.
    """

    day: IntArray
    person: IntArray
    destination: IntArray
    back: IntArray

    def lasting(self, last: int) -> IntArray:
        """Trips, by position, from which nobody had come back by a day; one of a person at most."""
        found: IntArray = np.flatnonzero(self.back > last)
        return found


def routes(published: Published, places: Places, origin: str) -> Routes:
    """
    Destinations of the origin's travellers.

    Raises
    ------
    ParameterError
        If the origin is no prefecture of the study, or no outflow is published.
    """
    table = published.outflow
    if origin not in places.prefectures:
        raise ParameterError(f"the origin '{origin}' is no prefecture of the study")
    if table.empty:
        raise ParameterError("the study publishes no outflow shares to travel by")
    where = {code: at for at, code in enumerate(places.prefectures)}
    share = table["mean_share"].astype("float64").to_numpy()
    return Routes(
        origin=where[origin],
        codes=tuple(table["adcode"]),
        inside=np.array([where.get(code, AWAY) for code in table["adcode"]]),
        share=share / share.sum(),
    )


def rate(rule: Travel, scenario: Scenario, date: pd.Timestamp) -> float:
    """Share of the origin's residents present who leave on a day [1]."""
    day = date.date()
    base = rule.holiday_rate if day >= rule.holiday else rule.daily_rate
    return min(base * openness(rule, scenario, day), 1.0)


class Recorder:
    """Trips as a run makes them."""

    def __init__(self, known: Routes, people: Population) -> None:
        self.routes = known
        self._day = 0
        self._present = np.flatnonzero(people.prefecture[: people.residents] == known.origin)
        none = np.zeros(0, dtype=np.int64)
        self._trips = Trips(none, none, none, none)
        self._due = none

    def travel(
        self,
        location: IntArray,
        rule: Travel,
        opened: tuple[float, float],
        kept: IntArray,
        generator: np.random.Generator,
    ) -> None:
        """
        Let a share of the origin's residents leave, and those come back whose stay is over.

        `location` is changed; persons `kept` in isolation do not travel.

        Parameters
        ----------
        location : array (persons,)
            Prefecture each person is in, `AWAY` outside the province.
        rule : Travel
        opened : tuple of float
            Share of those present who leave on this day, and share of those who would come
            back that can [1].
        kept : array
            Persons in isolation.
        generator : Generator
        """
        share, passing = opened
        number = int(generator.poisson(share * self._present.size)) if share else 0
        self._return(location, passing, kept, generator)
        if number:
            chosen = some(generator, self._present, number)
            goal = pick(generator, self.routes.share, chosen.size)
            stays = self.routes.inside[goal] == self.routes.origin
            stays |= np.isin(chosen, kept)
            chosen, goal = chosen[~stays], goal[~stays]
            location[chosen] = self.routes.inside[goal]
            self._present = self._present[location[self._present] == self.routes.origin]
            wait = 1 + generator.exponential(rule.stay_days_mean, chosen.size).astype(np.int64)
            round_trip = generator.random(chosen.size) < rule.returning
            self._due = np.r_[self._due, np.where(round_trip, self._day + wait, NEVER)]
            before, size = self._trips, chosen.size
            self._trips = Trips(
                day=np.r_[before.day, np.full(size, self._day)],
                person=np.r_[before.person, chosen],
                destination=np.r_[before.destination, goal],
                back=np.r_[before.back, np.full(size, NEVER)],
            )
        self._day += 1

    def _return(
        self, location: IntArray, passing: float, kept: IntArray, generator: np.random.Generator
    ) -> None:
        """Bring those back whose stay is over, as far as the channel lets them pass."""
        due = np.flatnonzero(self._due <= self._day)
        due = due[generator.random(due.size) < passing]
        due = due[~np.isin(self._trips.person[due], kept)]
        person = self._trips.person[due]
        location[person] = self.routes.origin
        self._trips.back[due] = self._day
        self._due[due] = NEVER
        self._present = np.sort(np.r_[self._present, person])

    def table(self) -> Trips:
        """All trips so far."""
        return self._trips

    def located(self, home: IntArray, person: IntArray, day: IntArray) -> IntArray:
        """Prefecture where each person is on a day, `AWAY` outside the province."""
        trips, place = self._trips, home[person].copy()
        came = np.flatnonzero(trips.back < NEVER)
        # within a day, who comes back comes before who leaves
        when = np.r_[trips.day * 2 + 1, trips.back[came] * 2]
        who = np.r_[trips.person, trips.person[came]]
        where = np.r_[self.routes.inside[trips.destination], home[trips.person[came]]]
        order = np.lexsort((when, who))
        span = 2 * (self._day + 1)
        key = who[order] * span + when[order]
        at = np.searchsorted(key, person * span + np.minimum(day * 2 + 1, span - 1), side="right")
        known = np.flatnonzero(at)
        latest = order[at[known] - 1]
        moved = who[latest] == person[known]
        place[known[moved]] = where[latest[moved]]
        return place
