"""Checks at gates for a report: who counted which journeys, and where staff averts most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pandas as pd

from analytics import codes
from analytics.analysis.channel import checkpoints, trips
from analytics.analysis.channel.checkpoints import CheckpointPlan
from analytics.privacy.release import Dimension, TableSpec
from analytics.reporting import sightings
from analytics.reporting.released import let_out
from analytics.study import last_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.study import Study

SOURCES: Final = ("passes", "tickets", "roaming")


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
        As for `sightings.plan`.
    prefectures : sequence of str
        Of the study.
    found : float
        Share of the infected that a check finds.

    Returns
    -------
    Gates or None
        None where the study holds no linked persons.
    """
    observed = sightings.observe(study, moment)
    if observed is None:
        return None
    planned = sightings.plan(observed, prevalence, found=found)
    return show(study, observed, planned, moment, prefectures)


def show(
    study: Study,
    observed: sightings.Observed,
    planned: CheckpointPlan | None,
    moment: datetime,
    prefectures: Sequence[str],
) -> Gates:
    """
    Let counts of journeys and checks out, by prefecture, through the disclosure gate.

    Parameters
    ----------
    study : Study
    observed : sightings.Observed
    planned : CheckpointPlan or None
        As `sightings.plan` gives it.
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
    study: Study, observed: sightings.Observed, moment: datetime, prefectures: Sequence[str]
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
    study: Study, observed: sightings.Observed, planned: CheckpointPlan | None, moment: datetime,
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
    study: Study, observed: sightings.Observed, planned: CheckpointPlan | None, moment: datetime
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
