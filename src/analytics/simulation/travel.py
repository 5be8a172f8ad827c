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
    """Trips in order: day (position), person, destination (position in the routes)."""

    day: IntArray
    person: IntArray
    destination: IntArray


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

    def __init__(self, known: Routes) -> None:
        self.routes = known
        self._rows: list[tuple[int, IntArray, IntArray]] = []
        self._day = 0
        self._present: IntArray | None = None

    def leave(
        self,
        location: IntArray,
        people: Population,
        share: float,
        kept: IntArray,
        generator: np.random.Generator,
    ) -> None:
        """
        Let a share of the origin's residents leave; those away stay away.

        `location` is changed; persons `kept` in isolation do not travel.
        """
        if self._present is None:
            residents = people.prefecture[: people.residents]
            self._present = np.flatnonzero(residents == self.routes.origin)
        number = int(generator.poisson(share * self._present.size)) if share else 0
        if number:
            chosen = some(generator, self._present, number)
            goal = pick(generator, self.routes.share, chosen.size)
            stays = self.routes.inside[goal] == self.routes.origin
            stays |= np.isin(chosen, kept)
            chosen, goal = chosen[~stays], goal[~stays]
            location[chosen] = self.routes.inside[goal]
            gone = location[self._present] != self.routes.origin
            self._present = self._present[~gone]
            self._rows.append((self._day, chosen, goal))
        self._day += 1

    def table(self) -> Trips:
        """All trips so far."""
        if not self._rows:
            none = np.zeros(0, dtype=np.int64)
            return Trips(none, none, none)
        return Trips(
            day=np.concatenate([np.full(p.size, day) for day, p, _ in self._rows]),
            person=np.concatenate([p for _, p, _ in self._rows]),
            destination=np.concatenate([g for _, _, g in self._rows]),
        )

    def located(self, home: IntArray, person: IntArray, day: IntArray) -> IntArray:
        """Prefecture where each person is on a day, `AWAY` outside the province."""
        trips, place = self.table(), home[person].copy()
        if not trips.person.size:
            return place
        order = np.argsort(trips.person, kind="stable")
        at = np.searchsorted(trips.person[order], person)
        at = np.minimum(at, order.size - 1)
        trip = order[at]
        moved = (trips.person[trip] == person) & (trips.day[trip] <= day)
        place[moved] = self.routes.inside[trips.destination[trip[moved]]]
        return place
