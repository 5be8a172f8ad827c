"""Make a simulated province: its departments' deliveries in the inbox, its truth apart."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics.errors import StudyError
from analytics.simulation import departments, feeds, scenario, truth, world
from analytics.simulation.dirt import soil

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from analytics.study import Study, Title

SUMMARY = "simulation.json"  # in the study's state, for pages: no truth in it
_MADE = ("inbox", "archive", "originals", "receipts", "vault", truth.FOLDER)


@dataclass(frozen=True)
class Made:
    """
    What a simulation wrote.

    Attributes
    ----------
    deliveries, rows : int
        Deliveries owed and rows in them.
    faults : dict
        Number of deliveries by what went wrong with them.
    infections, reported, trips : int
        Of the whole run.
    rule : Title
        Scale rule in both languages.
    claims : dict
        Smallest number of residents that supports each claim.
    """

    deliveries: int
    rows: int
    faults: dict[str, int]
    infections: int
    reported: int
    trips: int
    rule: Title
    claims: dict[str, int]


def simulate(  # noqa: PLR0913 - one argument per option of the command
    study: Study,
    people: int,
    seed: int,
    first: date,
    last: date,
    *,
    scenario_name: str = "",
    dirt: str = "easy",
    anew: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> Made:
    """
    Write all departments' deliveries for a province of invented residents.

    Parameters
    ----------
    study : Study
        A simulated study; the deliveries go to its inbox.
    people : int
        Residents.
    seed : int
        Same arguments, same bytes.
    first, last : date
        First and last day of delivery; what was known before the first comes on it.
    scenario_name : str
        Scenario of the study; empty for the baseline.
    dirt : str
        Rates of faults; ``none`` gives sound rows, each delivery on time and once.
    anew : bool
        Whether what an earlier simulation left in the study's state is removed first.
    progress : callable, optional
        Told each feed and its number of rows.

    Raises
    ------
    StudyError
        If the study is not simulated, or its state holds deliveries already.
    ParameterError
        If the people are too few, the span is empty, or there is no such scenario or dirt.
    """
    settings = scenario.load(study)
    rates = scenario.dirt(settings, dirt)
    made = world.make(study, people, seed, first, last, scenario_name)
    _clear(study, anew=anew)
    truth.write_world(study, made)
    schedule: list[dict[str, Any]] = []
    for rows in feeds.every(made):
        truth.write_records(study, rows)
        soiled = soil(rows, rates, made.people.size, seed)
        schedule += departments.send(study, made, soiled, faults=dirt != "none")
        if progress:
            progress(rows.feed, rows.table.num_rows)
    truth.write_schedule(study, schedule)
    counts = made.published.counts
    official = int(counts.groupby("adcode")["confirmed"].max().sum())
    found = made.epidemic.infections
    summary = Made(
        deliveries=len(schedule),
        rows=sum(entry["rows"] for entry in schedule),
        faults=dict(Counter(entry["fault"] for entry in schedule if entry["fault"])),
        infections=int(found.person.size),
        reported=int((found.reported <= made.last).sum()),
        trips=int(made.epidemic.trips.person.size),
        rule=scenario.scale_rule(settings, people),
        claims=scenario.claims(settings, official),
    )
    _note(study, summary, people, seed, (first, last), made.scenario.name, dirt)
    return summary


def _clear(study: Study, *, anew: bool) -> None:
    left = [study.state / name for name in _MADE if (study.state / name).exists()]
    if left and not anew:
        raise StudyError(
            f"study '{study.name}' holds a simulation already",
            [f"'{path.name}' is in its state" for path in left],
            "say --anew to remove it first, or set WORKBENCH_HOME to another folder",
        )
    for path in left:
        shutil.rmtree(path)


def _note(
    study: Study, made: Made, people: int, seed: int, span: tuple[date, date], name: str, dirt: str
) -> None:
    said = {
        "people": people, "seed": seed, "from": str(span[0]), "to": str(span[1]),
        "scenario": name, "dirt": dirt, "scale": made.rule.model_dump(),
        "smallest_people_by_claim": made.claims,
    }  # fmt: skip
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    (study.state / SUMMARY).write_text(text, encoding="utf-8")
