"""What each person is owed, was given and still waits for; nobody lost between the three."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from analytics.analysis.assistance.rules import Entitlement
from analytics.codes import CARE_STATES
from analytics.errors import ContractError

_NIGHT, _ILL, _SMALL = 3.0, 3.0, 2.0  # weights of need in the order of priority
COLUMNS = (
    "person", "group", "county", "measure", "entitlement", "provider_zh", "provider_en", "most",
    "since", "due", "state", "given", "overdue", "priority",
)  # fmt: skip


def owed(
    register: pd.DataFrame, given: pd.DataFrame, rules: Sequence[Entitlement], as_of: date
) -> pd.DataFrame:
    """
    List what every known person is owed, by measure.

    Parameters
    ----------
    register : DataFrame
        One row per person: ``person, group, county, since, status, lodging, quarantine`` and
        the needs (bool).
    given : DataFrame
        ASSISTANCE rows with ``person``: ``measure, status, requested, given, amount``.
    rules : sequence of Entitlement
    as_of : date
        Known by 24:00 of this day; rules in force on it count.

    Returns
    -------
    DataFrame
        One row per person and measure, highest priority first: ``person, group, county,
        measure, entitlement, provider_zh, provider_en, most`` [yuan], ``since`` (owed from),
        ``due``, ``state`` (of `codes.CARE_STATES`), ``given`` (day), ``overdue`` [days past due, 0
        unless pending], ``priority``.

    Raises
    ------
    ContractError
        If the register holds a person twice.

    Notes
    -----
    Asked for and refused counts as pending: a person with a right is not done with by a
    refusal. What is asked for outside every rule is owed too (entitlement "asked"), so that
    nobody who asks falls out. Priority adds weights of sleeping outside or waiting for a bed,
    illness and small children to days overdue.
    """
    if register["person"].duplicated().any():
        raise ContractError(
            "the register holds persons twice", [f"{int(register['person'].duplicated().sum())}"]
        )
    day = pd.Timestamp(as_of)
    claims = [_claims(register, rule) for rule in rules
              if rule.since <= as_of and (rule.until is None or as_of <= rule.until)]  # fmt: skip
    asked = _asked(register, given, day)
    rows = pd.concat([*claims, asked], ignore_index=True)
    rows = rows.sort_values(["person", "measure", "order"], kind="stable")
    rows = rows.drop_duplicates(["person", "measure"], keep="first")
    last = _latest(given, day)
    rows = rows.merge(last, on=["person", "measure"], how="left")
    rows["state"] = np.select(
        [rows["status"] == "given", rows["status"] == "referred"], ["served", "referred"], "pending"
    )
    rows["due"] = rows["since"] + pd.to_timedelta(rows["days"], unit="D")
    late = (day - rows["due"]).dt.days.clip(lower=0)
    rows["overdue"] = late.where(rows["state"] == "pending", 0).fillna(0).astype(int)
    rows["priority"] = _priority(rows.merge(register, on="person", suffixes=("", "_own")))
    rows = rows.sort_values(["priority", "person", "measure"], ascending=[False, True, True])
    return rows[list(COLUMNS)].reset_index(drop=True)


def people(register: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """
    One state per known person: the least settled of what the person is owed.

    Returns
    -------
    DataFrame
        ``person, group, county, measures, outstanding, state, since, priority``; persons owed
        nothing are served. Known = served + referred + pending, one row each.
    """
    rank = claims["state"].map({name: at for at, name in enumerate(CARE_STATES)})
    per = claims.assign(rank=rank, open=claims["state"] == "pending").groupby("person")
    summed = pd.DataFrame({
        "measures": per.size(), "rank": per["rank"].max(), "outstanding": per["open"].sum(),
        "priority": per["priority"].max(),
    })  # fmt: skip
    waiting = claims[claims["state"] == "pending"].groupby("person")["since"].min()
    table = register[["person", "group", "county"]].copy()
    for name in summed:
        table[name] = summed[name].reindex(table["person"].tolist()).to_numpy()
    filled = {"measures": 0, "rank": 0, "outstanding": 0, "priority": 0.0}
    table = table.fillna(filled).astype({"measures": int, "rank": int, "outstanding": int})
    table["since"] = pd.to_datetime(waiting.reindex(table["person"].tolist()).to_numpy())
    table["state"] = table["rank"].map(dict(enumerate(CARE_STATES)))
    columns = ["person", "group", "county", "measures", "outstanding", "state", "since", "priority"]
    return table[columns].sort_values(
        ["priority", "person"], ascending=[False, True]
    ).reset_index(drop=True)  # fmt: skip


def coverage(claims: pd.DataFrame) -> pd.DataFrame:
    """
    Count what is owed, by group and measure.

    Returns
    -------
    DataFrame
        ``group, measure, owed, served, referred, pending, overdue`` (persons past due) and
        ``waiting_days`` (median days of those pending past due).
    """
    counted = claims.assign(late=claims["overdue"] > 0)
    table = counted.pivot_table(
        index=["group", "measure"], columns="state", values="person", aggfunc="count", fill_value=0
    ).reindex(columns=list(CARE_STATES), fill_value=0)
    table.columns.name = None
    cells = counted.groupby(["group", "measure"])
    table.insert(0, "owed", cells.size())
    table["overdue"] = cells["late"].sum()
    table["waiting_days"] = counted[counted["late"]].groupby(["group", "measure"])[
        "overdue"].median()  # fmt: skip
    return table.reset_index()


def responses(calls: pd.DataFrame, as_of: date, topics: Sequence[str] = ()) -> pd.DataFrame:
    """
    Measure how long complaints and corrections wait for an answer.

    Parameters
    ----------
    calls : DataFrame
        HOTLINE rows: ``topic, called, answered``.
    as_of : date
        Answers after 24:00 of this day count as open.
    topics : sequence of str
        Topics wanted; all unless given.

    Returns
    -------
    DataFrame
        ``topic, calls, answered, open, median_hours, within_day`` (share of all calls made a
        day or more ago answered within 24 hours), ``oldest_open_days``.
    """
    end = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    rows = calls.assign(called=_local(calls["called"]), answered=_local(calls["answered"]))
    rows = rows[rows["called"] < end]
    rows = rows[rows["topic"].isin(topics)] if topics else rows
    rows = rows.assign(answered=rows["answered"].where(rows["answered"] < end))
    hours = (rows["answered"] - rows["called"]).dt.total_seconds() / 3600
    age = (end - rows["called"]).dt.total_seconds() / 86_400
    rows = rows.assign(
        hours=hours, age=age.where(rows["answered"].isna()),
        prompt=(hours <= 24).where(age >= 1).astype("Float64"),  # noqa: PLR2004
    )  # fmt: skip
    cells = rows.groupby("topic")
    return pd.DataFrame({
        "calls": cells.size(), "answered": cells["answered"].count(),
        "open": cells.size() - cells["answered"].count(), "median_hours": cells["hours"].median(),
        "within_day": cells["prompt"].mean().astype(float), "oldest_open_days": cells["age"].max(),
    }).reset_index()  # fmt: skip


def _claims(register: pd.DataFrame, rule: Entitlement) -> pd.DataFrame:
    """Persons a rule gives a right to, from when the rule and their need both stand."""
    mine = rule.covers(register["county"])
    if rule.groups:
        mine &= register["group"].isin([str(group) for group in rule.groups])
    if rule.when:
        mine &= pd.concat([_condition(register, name) for name in rule.when], axis=1).any(axis=1)
    rows = register.loc[mine, ["person", "group", "county", "since"]]
    start = pd.to_datetime(rows["since"]).fillna(pd.Timestamp(rule.since))
    return rows.assign(
        since=start.where(start >= pd.Timestamp(rule.since), pd.Timestamp(rule.since)),
        measure=rule.measure,
        entitlement=rule.name, provider_zh=rule.provider.zh, provider_en=rule.provider.en,
        most=rule.most if rule.most is not None else np.nan, days=rule.days,
        order=0 if rule.status == "cited" else 1,
    )  # fmt: skip


def _condition(register: pd.DataFrame, name: str) -> pd.Series:
    if name == "bed":
        return register["status"] != "referred"
    return register[name].fillna(value=False).astype(bool)


def _asked(register: pd.DataFrame, given: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """List what was asked for, by any rule or none."""
    asked = given[given["person"].notna()]
    asked = asked.assign(since=pd.to_datetime(asked["requested"]))
    asked = asked[asked["since"].fillna(day) <= day]
    first = asked.groupby(["person", "measure"], as_index=False)["since"].min()
    rows = register[["person", "group", "county"]].merge(first, on="person", how="inner")
    return rows.assign(
        since=rows["since"].fillna(day), entitlement="asked", provider_zh="所在县",
        provider_en="county", most=np.nan, days=7, order=2,
    )  # fmt: skip


def _latest(given: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Best outcome of each person and measure so far: given over referred over the others."""
    rows = given[given["person"].notna()]
    rows = rows.assign(given=pd.to_datetime(rows["given"]))
    done = (rows["status"] != "given") | (rows["given"].fillna(day) <= day)
    rank = rows["status"].map({"given": 0, "referred": 1, "requested": 2, "refused": 3})
    rows = rows[done].assign(rank=rank[done])
    rows = rows.sort_values(["rank", "given"], kind="stable")
    return rows.drop_duplicates(["person", "measure"])[["person", "measure", "status", "given"]]


def _priority(rows: pd.DataFrame) -> np.ndarray:
    pending = rows["state"] == "pending"
    outside = (rows["lodging"] == "street") | (rows["status_own"] == "waiting")
    ill = rows["medicine"].fillna(value=False) | rows["quarantine"].fillna(value=False)
    small = rows["infant"].fillna(value=False) | rows["wheelchair"].fillna(value=False)
    score = (
        1.0 + _NIGHT * outside.fillna(value=False).astype(float) + _ILL * ill.astype(float)
        + _SMALL * small.astype(float) + rows["overdue"] / 7
    )  # fmt: skip
    return score.where(pending, 0.0).to_numpy(float)


def _local(moments: pd.Series) -> pd.Series:
    """Moments as the clock in Shanghai shows them, without zone."""
    times = pd.to_datetime(moments)
    return times.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None) if times.dt.tz else times
