"""
What gates, tickets and phones saw of travellers in the last days, and a plan of staff from it.

All of it is INSIDE ONLY: `analytics.reporting.gates` lets out what may be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analytics import codes, engine
from analytics.analysis.channel import checkpoints, trips
from analytics.analysis.channel.checkpoints import CheckpointPlan
from analytics.codes import Purpose
from analytics.pool import linked
from analytics.privacy import keys
from analytics.privacy.purposes import Reader
from analytics.study import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from analytics.study import Study

READER: Final = Reader("transport_controller", Purpose.TRAVEL)
FEEDS: Final = ("checkpoint_passes", "gates", "gate_staff", "tickets", "roaming")
DAYS: Final = 14
"""Days up to the report's that are counted."""


@dataclass(frozen=True)
class Observed:
    """
    What was seen at gates, on tickets and of phones in the last days. INSIDE ONLY.

    Parameters
    ----------
    flows : mapping of str to FLOWS table
        Journeys between prefectures by source: passes, tickets, roaming; those that delivered
        nothing of these days are missing.
    arrivals : ARRIVALS table
        Mean of the days by gate and hour.
    checks : pandas.DataFrame
        gate, hour [0-23], checks [of all the days].
    gates : GATES table
        gate, name, channel, county, lanes.
    staff : int
        Server-hours a day on duty, by the rosters delivered; 0 without any.
    """

    flows: Mapping[str, pd.DataFrame]
    arrivals: pd.DataFrame
    checks: pd.DataFrame
    gates: pd.DataFrame
    staff: int


def observe(study: Study, moment: datetime) -> Observed | None:
    """
    Read what was seen of travellers in the last `DAYS` days, for the purpose travel.

    Parameters
    ----------
    study : Study
    moment : datetime
        With a zone; nothing told later is read.

    Returns
    -------
    Observed or None
        None where the study holds no linked persons.
    """
    if study.nature == "real" or not linked.holds(study):
        return None
    connection = engine.connect()
    try:
        views = linked.read(study, moment, READER, keys.load(study.name), connection, feeds=FEEDS)
        return seen(views, moment, connection)
    finally:
        connection.disconnect()


def seen(views: Mapping[str, ir.Table], moment: datetime, connection: Any) -> Observed:
    """
    Count journeys and checks of the last days.

    Parameters
    ----------
    views : mapping of str to ibis.Table
        Rows of `FEEDS` as the purpose travel sees them.
    moment : datetime
        With a zone: the end of the last day.
    connection : ibis backend

    Returns
    -------
    Observed
        Of the `DAYS` days up to the moment. A source with no row of these days has no flows.
    """
    end = clock(moment)
    start = end - timedelta(days=DAYS)
    last = {"checkpoint_passes": "passed", "tickets": "departure", "gate_staff": "hour"}
    recent = {
        feed: views[feed].filter((views[feed][at] >= start) & (views[feed][at] < end))
        for feed, at in last.items()
    }
    dated = views["roaming"]
    phones = dated.filter((dated["date"] >= start.date()) & (dated["date"] < end.date()))
    passes = recent["checkpoint_passes"]
    travelled = {
        "passes": trips.trips_by_pass(passes, views["gates"]),
        "tickets": trips.trips_by_ticket(recent["tickets"]),
        "roaming": trips.trips_by_roaming(phones, "phone"),
    }
    read = {"passes": passes, "tickets": recent["tickets"], "roaming": phones}
    return Observed(
        {
            source: _between(travelled[source], connection)
            for source, rows in read.items()
            if len(engine.collect(rows.limit(1), connection))
        },
        checkpoints.arrivals(passes, connection),
        engine.collect(
            passes.group_by("gate", hour=passes["passed"].hour()).agg(checks=passes.count()),
            connection,
        ),
        engine.collect(
            views["gates"].select("gate", "name", "channel", "county", "lanes"), connection
        ),
        _on_duty(
            engine.collect(recent["gate_staff"].select("gate", "hour", "staff"), connection), end
        ),
    )


def _between(travelled: ir.Table, connection: Any) -> pd.DataFrame:
    """Flows from one prefecture to another: a phone tells of no shorter journey."""
    known = travelled.drop_null(["origin", "destination"])
    counted = engine.collect(trips.flows(known, "prefecture"), connection)
    return counted[counted["origin"] != counted["destination"]].reset_index(drop=True)


def _on_duty(rosters: pd.DataFrame, end: datetime) -> int:
    """Server-hours a day: staff stand from the hour listed until their gate's next, or the end."""
    if rosters.empty:
        return 0
    listed = rosters.sort_values(["gate", "hour"])
    until = listed.groupby("gate")["hour"].shift(-1).fillna(pd.Timestamp(end))
    stood = ((until - listed["hour"]).dt.total_seconds() / 3600).clip(upper=checkpoints.HOURS)
    worked = (listed["staff"].astype("float64") * stood).groupby(listed["gate"]).sum()
    days = stood.groupby(listed["gate"]).sum() / checkpoints.HOURS
    return round(float((worked / days.where(days > 0)).sum()))


def plan(
    observed: Observed,
    prevalence: Mapping[str, float],
    *,
    found: float,
    budget: int | None = None,
) -> CheckpointPlan | None:
    """
    Place staff at gates where it averts most.

    Parameters
    ----------
    observed : Observed
    prevalence : mapping of str to float
        Share of a prefecture's residents who are infectious; for prefectures that are not in it
        their mean is taken.
    found : float
        Share of the infected that a check finds.
    budget : int, optional
        Server-hours a day; those on duty without it.

    Returns
    -------
    CheckpointPlan or None
        None where nobody passed, or there is neither a budget nor a roster.
    """
    hours = observed.staff if budget is None else budget
    if observed.arrivals.empty or not (hours or budget is not None):
        return None
    mean = sum(prevalence.values()) / len(prevalence) if prevalence else 0.0
    stands = observed.gates.set_index("gate")["county"].astype("str").map(codes.prefecture_of)
    lanes = observed.gates.dropna(subset=["lanes"]).set_index("gate")["lanes"]
    return checkpoints.plan(
        observed.arrivals,
        {
            str(gate): prevalence.get(str(stands.get(gate, "")), mean)
            for gate in observed.arrivals["gate"].unique()
        },
        hours,
        found=found,
        lanes={str(gate): int(many) for gate, many in lanes.items()},
    )
