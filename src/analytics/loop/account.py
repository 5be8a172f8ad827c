"""
The loop's account of itself: what was pushed, answered and is overdue, and how right rules are.

Every count of people in it has passed disclosure control; what may not be shown is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from analytics.loop import feedback, ledger, roster, sharing, targets, thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.loop.thresholds import Proposal
    from analytics.study import Duty, Study

STATES = ("verified", "outstanding", "returned")


@dataclass(frozen=True, eq=False)
class Account:
    """
    Tables of the loop at a moment; counts that may not leave are missing.

    Parameters
    ----------
    duties : mapping of str to Duty
        The roster.
    pushed : int
        Rows pushed in all; 0 where the loop has not begun.
    by_duty : pandas.DataFrame
        ``duty``, `STATES`, ``pushed``, ``overdue`` [questions]; the sum as duty ``total``.
    by_area : pandas.DataFrame
        ``county``, `STATES`, ``pushed``; prefectures and the province among them.
    by_day : pandas.DataFrame
        ``date`` (pushed), ``confirmed``, ``verified``, ``precision``, ``low``, ``high``.
    rules : pandas.DataFrame
        As `sharing.released_rules` gives.
    recall : pandas.DataFrame
        As `feedback.recall` gives, shares only.
    overdue : pandas.DataFrame
        ``duty``, ``days`` overdue at most, ``escalates_zh``, ``escalates_en``.
    proposals : tuple of Proposal
        Thresholds that wait for somebody's approval, and those that stay.
    targets, teams : pandas.DataFrame
        Targets of the command's special teams, and their counts by team, as `targets.standing`
        and `targets.by_team` give.
    """

    duties: Mapping[str, Duty]
    pushed: int
    by_duty: pd.DataFrame
    by_area: pd.DataFrame
    by_day: pd.DataFrame
    rules: pd.DataFrame
    recall: pd.DataFrame
    overdue: pd.DataFrame
    proposals: tuple[Proposal, ...]
    targets: pd.DataFrame
    teams: pd.DataFrame


def draw_up(study: Study, moment: datetime, day: date) -> Account:
    """
    Draw up the account of a study.

    Parameters
    ----------
    study : Study
    moment : datetime
        As known then.
    day : date
        Day of the report.

    Returns
    -------
    Account

    Raises
    ------
    DisclosureError
        If a table may not leave however coarse.
    """
    pushes, answered = ledger.known(study, moment)
    standing = ledger.standing(pushes, answered)
    said = feedback.outcomes(pushes, answered)
    late = feedback.overdue(study, standing, moment)
    by_duty = late.sort_values("days", ascending=False).groupby("duty", sort=False).first()
    recall = feedback.recall(said)
    set_by_command = targets.standing(study, moment)
    return Account(
        duties=roster.duties(study),
        pushed=standing.num_rows,
        by_duty=_by_duty(study, standing, moment, day),
        by_area=_by_area(study, standing, day),
        by_day=_by_day(study, said, day),
        rules=_rules(study, said, day),
        recall=recall[["duty", "asks", "recall", "low", "high"]],
        overdue=by_duty.reset_index()[["duty", "days", "escalates_zh", "escalates_en"]],
        proposals=tuple(thresholds.proposals(study, said)),
        targets=set_by_command,
        teams=targets.by_team(set_by_command),
    )


def _states(standing: pa.Table, moment: datetime) -> pa.Table:
    return ledger.query(
        """
        select *, case when status in ('confirmed', 'refuted') then 'verified'
            when status = 'outstanding' then if(due < $now::timestamp, 'overdue', 'in_time')
            else 'returned' end as state
        from standing where current
        """,
        {"now": moment.replace(tzinfo=None)}, standing=standing,
    )  # fmt: skip


def _by_duty(study: Study, standing: pa.Table, moment: datetime, day: date) -> pd.DataFrame:
    from analytics.privacy import release

    columns = ["duty", *STATES, "pushed", "overdue"]
    cells = ledger.query(
        "select duty, state, count(*) as duty_questions from states group by all order by all",
        states=_states(standing, moment),
    ).to_pandas()
    if cells.empty:
        return pd.DataFrame(columns=columns)
    states = {"verified": "pushed", "returned": "pushed", "outstanding": "pushed",
              "overdue": "outstanding", "in_time": "outstanding"}  # fmt: skip
    wide = _released(study, cells, day, "loop-duties", (
        release.Dimension.flat("duty", tuple(sorted(set(cells["duty"])))),
        release.Dimension("state", states),
    ))  # fmt: skip
    return wide.reindex(columns=columns)


def _by_area(study: Study, standing: pa.Table, day: date) -> pd.DataFrame:
    columns = ["county", *STATES, "pushed"]
    counted = sharing.verified(study, standing, day)
    if counted.empty:
        return pd.DataFrame(columns=columns)
    wide = counted.pivot_table(
        index="county", columns="status", values="questions", aggfunc="first", dropna=False
    )
    sums = {
        "verified": wide.reindex(columns=list(ledger.VERIFIED)).sum(axis="columns", skipna=False),
        "returned": wide.reindex(columns=list(ledger.RETURNED)).sum(axis="columns", skipna=False),
    }
    made = wide.assign(**sums).rename(columns={"total": "pushed"})
    return made.reset_index().reindex(columns=columns)


def _by_day(study: Study, outcomes: pa.Table, day: date) -> pd.DataFrame:
    from analytics.privacy import release

    columns = ["date", "confirmed", "verified", "precision", "low", "high"]
    counted = feedback.precision(outcomes, ["date"])
    if counted.empty:
        return pd.DataFrame(columns=columns)
    counted["date"] = [d.isoformat() for d in counted["date"]]
    refuted = counted["verified"] - counted["confirmed"]
    cells = pd.concat([
        pd.DataFrame({"date": counted["date"], "state": verdict, "day_verdicts": values})
        for verdict, values in (("confirmed", counted["confirmed"]), ("refuted", refuted))
    ])  # fmt: skip
    wide = _released(study, cells, day, "loop-days", (
        release.Dimension.flat("date", tuple(counted["date"])),
        release.Dimension.flat("state", ledger.VERIFIED, "verified"),
    ))  # fmt: skip
    made = wide[wide["date"] != "total"]
    hits, of = (made[name].to_numpy(float, na_value=float("nan"))
                for name in ("confirmed", "verified"))  # fmt: skip
    low, high = feedback.wilson(hits, of)
    share = pd.Series(hits, index=made.index) / pd.Series(of, index=made.index).where(
        lambda n: n > 0
    )
    return made.assign(precision=share, low=low, high=high).reindex(columns=columns)


def _released(
    study: Study, cells: pd.DataFrame, day: date, name: str, dimensions: tuple[object, object]
) -> pd.DataFrame:
    """Cells that may leave, one column per state; missing where hidden."""
    from analytics.privacy import release

    measure = next(c for c in cells.columns if c.endswith(("questions", "verdicts")))
    spec = release.TableSpec(
        name=name, population=f"{study.name}-loop", measure=measure,
        dimensions=dimensions, as_of=day, stock=True, vanish=1.0,  # type: ignore[arg-type]
        corrects=sharing.earlier(study, name, day),
    )  # fmt: skip
    left = release.release(cells, spec, release.ledger_of(study.state)).table
    first = spec.dimensions[0].name
    wide = left.pivot_table(
        index=first, columns="state", values=measure, aggfunc="first", dropna=False, sort=False
    )
    return wide.reset_index().rename_axis(None, axis="columns")


def _rules(study: Study, outcomes: pa.Table, day: date) -> pd.DataFrame:
    counted = feedback.precision(outcomes, ["rule"])
    if counted.empty:
        return pd.DataFrame(
            columns=["rule", "confirmed", "refuted", "verified", "precision", "low", "high"]
        )
    return sharing.released_rules(study, counted, day)
