"""
Other policies: the same epidemic run again with the channel handled otherwise.

People, transmission by prefecture and day, and draws are those of the world as it was, so that a
difference is the policy's doing.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analytics.simulation import epidemic, scenario, travel, world
from analytics.simulation.scenario import Channel, Scenario

if TYPE_CHECKING:
    from analytics.simulation.world import World
    from analytics.study import Study

AS_IT_WAS, OPEN, SHUT = "controlled", "without_control", "blanket_closure"
_INCUBATING: Final = 21  # days after infection in which an infection travels with its carrier


def compare(
    study: Study,
    people: int,
    seeds: range,
    span: tuple[date, date],
    *,
    controlled: str = "",
) -> pd.DataFrame:
    """
    Run the epidemic under each policy, seed by seed.

    Parameters
    ----------
    study : Study
        A simulated study.
    people : int
        Residents.
    seeds : range
    span : tuple of date
        First and last day on which policies differ and are counted.
    controlled : str
        Scenario of the study that is the world as it was.

    Returns
    -------
    pandas.DataFrame
        One row per seed and policy (``controlled``, ``without_control``, ``blanket_closure``):
        ``seed``, ``policy``, ``travellers`` who left the origin, ``exported`` infections (people
        who left the province while infected, up to 21 days after infection), and ``infections``
        in the province, all within the span.

    Notes
    -----
    Before the span all policies are the same. Only residents of the origin travel; a second
    generation outside the province is not followed, nor is what a full stop costs people.
    """
    since, until = span
    rows = []
    for seed in seeds:
        made = world.make(study, people, seed, since, until, controlled)
        rows.append({"seed": seed, "policy": AS_IT_WAS, **counted(made, made.epidemic, since)})
        for policy, openness in ((OPEN, 1.0), (SHUT, 0.0)):
            other = _otherwise(made, policy, openness, span)
            rows.append({"seed": seed, "policy": policy, **counted(made, other, since)})
    return pd.DataFrame(rows)


def gains(runs: pd.DataFrame) -> pd.DataFrame:
    """
    Say how policies differ from the world as it was, with intervals over seeds.

    Parameters
    ----------
    runs : pandas.DataFrame
        As :func:`compare` gives.

    Returns
    -------
    pandas.DataFrame
        One row per policy and measure: ``policy``, ``measure``, ``mean``; ``difference`` to the
        world as it was (paired by seed), its 95 % interval ``low``, ``high`` (Student's t over
        seeds), and ``seeds``.
    """
    from scipy import stats

    rows = []
    wide = runs.pivot_table(index="seed", columns="policy")
    for measure in ("travellers", "exported", "infections"):
        for policy in (AS_IT_WAS, OPEN, SHUT):
            values = wide[(measure, policy)]
            step = values - wide[(measure, AS_IT_WAS)]
            many = len(step)
            half = (
                stats.t.ppf(0.975, many - 1) * step.std(ddof=1) / np.sqrt(many)
                if many > 1
                else np.nan
            )
            rows.append({
                "policy": policy, "measure": measure, "mean": values.mean(),
                "difference": step.mean(), "low": step.mean() - half, "high": step.mean() + half,
                "seeds": many,
            })  # fmt: skip
    return pd.DataFrame(rows)


def counted(made: World, run: epidemic.Epidemic, since: date) -> dict[str, int]:
    """
    Count travellers, exported infections and infections of a run from a day on.

    Parameters
    ----------
    made : World
    run : Epidemic
    since : date
        First day counted.

    Returns
    -------
    dict of str to int
        ``travellers``: trips of the origin's residents; ``exported``: those out of the province of
        people infected and not isolated yet; ``infections``: all of them.
    """
    start, trips, found = made.position(since), run.trips, run.infections
    left = trips.day >= start
    day_of = np.full(made.people.size, travel.NEVER)
    day_of[found.person] = found.day
    isolated = np.full(made.people.size, travel.NEVER)
    isolated[found.person] = found.isolated
    age = trips.day - day_of[trips.person]
    carried = (age >= 0) & (age <= _INCUBATING) & (isolated[trips.person] > trips.day)
    out = made.routes.inside[trips.destination] < 0
    return {
        "travellers": int(left.sum()),
        "exported": int((left & carried & out).sum()),
        "infections": int((found.day >= start).sum()),
    }


def _otherwise(
    made: World, name: str, openness: float, span: tuple[date, date]
) -> epidemic.Epidemic:
    """Run the epidemic again with the channel this open in the span."""
    before = made.scenario.channels
    channels = (Channel(since=span[0], until=span[1], openness=openness), *before)
    chosen: Scenario = made.scenario.model_copy(update={"name": name, "channels": channels})
    course = made.epidemic.transmission
    return epidemic.run(
        made.people, made.settings, chosen, course.days, course.target, made.routes, made.seed,
        fixed=course,
    )  # fmt: skip


def scale(study: Study, people: int) -> float:
    """Residents of the province for each one played."""
    return scenario.load(study).reference_residents / people
