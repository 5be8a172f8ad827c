"""Checks at gates for a report: who counted which journeys, and where staff averts most."""

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
from analytics.privacy import keys, vault
from analytics.privacy.purposes import Reader
from analytics.privacy.release import Dimension, TableSpec
from analytics.reporting.released import let_out
from analytics.study import clock, last_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from analytics.study import Study

READER: Final = Reader("transport_controller", Purpose.TRAVEL)
FEEDS: Final = ("checkpoint_passes", "gates", "gate_staff", "tickets", "roaming")
SOURCES: Final = ("passes", "tickets", "roaming")
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


@dataclass(frozen=True)
class Gates:
    """
    What may be shown of them.

    Parameters
    ----------
    journeys : pandas.DataFrame
        prefecture (of origin; the province's code for all together), passes, tickets, roaming
        [journeys out of it to other prefectures; missing where hidden].
    delivered : tuple of str
        Sources that delivered anything of these days.
    flows, single : int
        Flows (a day, an origin, a destination) that any source knows, and that one alone does.
    ratio : float
        Median of the larger count over the smaller where two or more sources have a flow; nan
        where none has.
    plan : CheckpointPlan or None
        None where no roster of staff was delivered.
    staffed : pandas.DataFrame
        prefecture, gates, checks [of all the days], needed, staff [server-hours a day]; missing
        where the number of checks is hidden.
    hours : pandas.DataFrame
        hour [0-23], checks [of all the days], needed, staff [servers at all gates]; missing where
        the number of checks is hidden.
    statement : dict of str to str
        Sentence to print beside the counts.
    """

    journeys: pd.DataFrame
    delivered: tuple[str, ...]
    flows: int
    single: int
    ratio: float
    plan: CheckpointPlan | None
    staffed: pd.DataFrame
    hours: pd.DataFrame
    statement: dict[str, str]


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
    if study.nature == "real" or not vault.holds(study.state / "vault", "linkage/rows"):
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


def assess(
    study: Study,
    moment: datetime,
    prevalence: Mapping[str, float],
    prefectures: Sequence[str],
    *,
    found: float,
) -> Gates | None:
    """
    Observe, plan and let out.

    Parameters
    ----------
    study : Study
    moment : datetime
        With a zone.
    prevalence : mapping of str to float
        As for :func:`plan`.
    prefectures : sequence of str
        Of the study.
    found : float
        Share of the infected that a check finds.

    Returns
    -------
    Gates or None
        None where the study holds no linked persons.
    """
    observed = observe(study, moment)
    if observed is None:
        return None
    planned = plan(observed, prevalence, found=found)
    return show(study, observed, planned, moment, prefectures)


def show(
    study: Study,
    observed: Observed,
    planned: CheckpointPlan | None,
    moment: datetime,
    prefectures: Sequence[str],
) -> Gates:
    """
    Let counts of journeys and checks out, by prefecture, through the disclosure gate.

    Parameters
    ----------
    study : Study
    observed : Observed
    planned : CheckpointPlan or None
        As :func:`plan` gives it.
    moment : datetime
        With a zone.
    prefectures : sequence of str
        Of the study; what began elsewhere is counted together.

    Returns
    -------
    Gates
        Where not even a coarse table may leave, it has no rows.
    """
    compared = trips.compare(observed.flows)
    journeys, statement = _journeys(study, observed, moment, prefectures)
    both = compared["ratio"].dropna().astype("float64")
    return Gates(
        journeys,
        tuple(observed.flows),
        len(compared),
        int((compared["sources"] == 1).sum()),
        float(both.median()) if len(both) else float("nan"),
        planned,
        _staffed(study, observed, planned, moment, prefectures),
        _hourly(study, observed, planned, moment),
        statement,
    )


def _journeys(
    study: Study, observed: Observed, moment: datetime, prefectures: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    listed = pd.concat(
        [table.assign(source=source) for source, table in observed.flows.items()],
        ignore_index=True,
    )
    known = listed["origin"].isin(list(prefectures))
    counted = (
        listed.assign(prefecture=listed["origin"].where(known, "elsewhere"))
        .groupby(["prefecture", "source"])["travellers"].sum().reset_index(name="journeys")
    )  # fmt: skip
    shown, statement = let_out(
        study,
        counted,
        TableSpec(
            name="journeys by department",
            population="journeys",
            measure="journeys",
            dimensions=(
                Dimension.flat("prefecture", (*prefectures, "elsewhere"), study.region),
                Dimension.flat("source", SOURCES),
            ),
            as_of=last_day(moment),
            stock=True,  # two windows a day apart differ by two days' counts, not by one's
        ),
    )
    if "source" not in shown:
        return pd.DataFrame(columns=["prefecture", *SOURCES]), statement
    if "prefecture" not in shown:
        shown = shown.assign(prefecture=study.region)
    wide = shown.pivot_table(
        index="prefecture", columns="source", values="journeys", aggfunc="first", dropna=False
    ).reindex(columns=list(SOURCES))
    return wide.dropna(how="all").rename_axis(columns=None).reset_index(), statement


def _staffed(
    study: Study, observed: Observed, planned: CheckpointPlan | None, moment: datetime,
    prefectures: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    columns = ["prefecture", "gates", "checks", "needed", "staff"]
    if planned is None:
        return pd.DataFrame(columns=columns)
    stands = observed.gates.set_index("gate")["county"].astype("str").map(codes.prefecture_of)
    inside = stands.where(stands.isin(list(prefectures)), "elsewhere")

    def of(gates: pd.Series) -> pd.Series:
        return gates.map(inside).fillna("elsewhere")

    counted = observed.checks.assign(prefecture=of(observed.checks["gate"]))
    shown, _ = let_out(
        study,
        counted.groupby("prefecture")["checks"].sum().reset_index(),
        TableSpec(
            name="checks by prefecture of the gate",
            population="checks",
            measure="checks",
            dimensions=(Dimension.flat("prefecture", (*prefectures, "elsewhere"), study.region),),
            as_of=last_day(moment),
            stock=True,  # two windows a day apart differ by two days' counts, not by one's
        ),
    )
    if "prefecture" not in shown:
        return pd.DataFrame(columns=columns)
    cells = shown.set_index("prefecture")["checks"]
    hours = planned.gates.assign(prefecture=of(planned.gates["gate"]))
    sums = hours.groupby("prefecture").agg(
        gates=("gate", "size"), needed=("needed", "sum"), staff=("staff", "sum")
    )
    sums.loc[study.region] = sums.sum()
    table = sums.join(cells).astype("Float64")
    secret = table["checks"].isna()
    table[["needed", "staff"]] = table[["needed", "staff"]].mask(secret)
    return table.rename_axis("prefecture").reset_index()[columns]


def _hourly(
    study: Study, observed: Observed, planned: CheckpointPlan | None, moment: datetime
) -> pd.DataFrame:
    """Let checks out by hour of the day, with the staff all gates need and have."""
    columns = ["hour", "checks", "needed", "staff"]
    if planned is None:
        return pd.DataFrame(columns=columns)
    labels = [f"{hour:02}" for hour in range(checkpoints.HOURS)]
    counted = observed.checks.assign(hour=observed.checks["hour"].map("{:02}".format))
    shown, _ = let_out(
        study,
        counted.groupby("hour")["checks"].sum().reset_index(),
        TableSpec(
            name="checks by hour of the day",
            population="checks",
            measure="checks",
            dimensions=(Dimension.flat("hour", tuple(labels)),),
            as_of=last_day(moment),
            stock=True,  # two windows a day apart differ by two days' counts, not by one's
        ),
    )
    if "hour" not in shown:
        return pd.DataFrame(columns=columns)
    rows = shown[shown["hour"].isin(labels)]
    cells = rows.assign(hour=rows["hour"].astype("int64")).set_index("hour")["checks"]
    sums = planned.hours.groupby("hour")[["needed", "staff"]].sum()
    table = sums.join(cells).astype("Float64").sort_index()
    table[["needed", "staff"]] = table[["needed", "staff"]].mask(table["checks"].isna())
    return table.reset_index()[columns]
