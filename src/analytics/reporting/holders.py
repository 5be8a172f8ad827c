"""
Holders of a health code, their appeals, and codes the field was asked about: one row each.

All of it is INSIDE ONLY: `analytics.reporting.records` lets out what may be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics import engine
from analytics.analysis import channel, health_code
from analytics.loop import feedback, ledger
from analytics.study import clock, last_day

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from analytics.study import Study

GROUPS: Mapping[str, tuple[str, ...]] = {
    "sex": ("female", "male", "unknown"),
    "age": ("0–17", "18–59", "60+", "unknown"),
    "registered": ("here", "elsewhere", "unknown"),
}
"""What codes are compared by, and its groups: as the residents' register has it."""
_GROWN, _OLD = 18, 60  # years


def standing(
    study: Study,
    views: Mapping[str, ir.Table],
    told: ir.Table,
    moment: datetime,
    prefectures: Sequence[str],
    connection: Any,
) -> ir.Table:
    """
    Tell the code of everyone who declared.

    Parameters
    ----------
    study : Study
    views : mapping of str to ibis.Table
        Linked ``declarations`` and ``resident_register`` as the purpose health code sees them.
    told : CODE_CHANGES table
        On the connection.
    moment : datetime
        With a zone.
    prefectures : sequence of str
        Of the study; persons elsewhere are ``elsewhere``.
    connection : ibis backend

    Returns
    -------
    ibis.Table
        One row per person: person, prefecture (of the latest declaration), `GROUPS`, and what
        `health_code.fairness.standing` brings over.
    """
    import ibis

    latest = health_code.whereabouts.homes(views["declarations"])
    area = channel.trips.area(latest["county"], "prefecture")
    persons = latest.select(
        "person", prefecture=area.isin(list(prefectures)).ifelse(area, ibis.literal("elsewhere"))
    )
    known = _groups(views["resident_register"], last_day(moment), study.region)
    grouped = persons.left_join(known, "person").select("person", "prefecture", *GROUPS)
    whole = grouped.mutate(**{by: grouped[by].fill_null("unknown") for by in GROUPS})
    held = connection.create_table("persons", engine.rows(whole, connection), temp=True)
    return health_code.fairness.standing(told, held, clock(moment))


def _groups(register: ir.Table, day: date, region: str) -> ir.Table:
    """Group of everyone in the residents' register: sex, age in whole years, where registered."""
    import ibis

    one = register.drop_null(["person"]).group_by("person").agg(
        sex=register["sex"].cast("string").min(), born=register["birth_date"].min(),
        place=register["registered_county"].min(),
    )  # fmt: skip
    born = one["born"]
    month = born.month()
    birthday = (month < day.month) | ((month == day.month) & (born.day() <= day.day))
    age = day.year - born.year() - birthday.ifelse(0, 1)
    young, grown, old, _ = GROUPS["age"]
    return one.select(
        "person",
        sex=one["sex"].isin(GROUPS["sex"]).ifelse(one["sex"], ibis.null("string")),
        age=ibis.cases((age < _GROWN, young), (age < _OLD, grown), (age >= _OLD, old)),
        registered=one["place"].startswith(region[:2]).ifelse("here", "elsewhere"),
    )


def idle(
    known: Mapping[str, ir.Table], rules: health_code.Rules, moment: datetime, connection: Any
) -> tuple[str, ...]:
    """
    Name the kinds of evidence that rules in force read and no record gave.

    Parameters
    ----------
    known : mapping of str to ibis.Table
        Records, as `health_code.evidence.gather` takes them.
    rules : Rules
    moment : datetime
        With a zone: rules in force on its last day.
    connection : ibis backend

    Returns
    -------
    tuple of str
        In the order of the rules.
    """
    found = health_code.evidence.gather(known, rules).select("kind").distinct()
    given = set(engine.collect(found, connection)["kind"])
    return tuple(
        dict.fromkeys(
            rule.evidence for rule in rules.in_force(last_day(moment)) if rule.evidence not in given
        )
    )


def appeals(
    views: Mapping[str, ir.Table], changes: ir.Table, rules: health_code.Rules, moment: datetime,
    connection: Any,
) -> pd.DataFrame:  # fmt: skip
    """
    Count appeals against codes by how they stand.

    Parameters
    ----------
    views : mapping of str to ibis.Table
        Linked ``code_appeals``, if any was delivered.
    changes : CODE_CHANGES table
    rules : Rules
        Hold the time within which an appeal is to be answered.
    moment : datetime
        With a zone.
    connection : ibis backend

    Returns
    -------
    pandas.DataFrame
        state (of `health_code.appeals`), appeals.
    """
    if "code_appeals" not in views:
        return pd.DataFrame({"state": [], "appeals": []})
    filed = health_code.appeals.account(views["code_appeals"], changes, rules, clock(moment))
    return engine.collect(filed.group_by("state").agg(appeals=filed.count()), connection)


def checked(study: Study, rules: health_code.Rules, moment: datetime) -> pd.DataFrame:
    """
    Count the codes that the field was asked about, by colour and what it found.

    Lines drawn at random to measure recall are left out: no rule asked for them.

    Parameters
    ----------
    study : Study
    rules : Rules
    moment : datetime
        With a zone; answers that came later are not read.

    Returns
    -------
    pandas.DataFrame
        code (a colour), outcome (wrong, right, unsettled), codes.
    """
    asked = feedback.outcomes(*ledger.known(study, moment)).to_pandas()
    asked = asked[(asked["asks"] == "code_wrong") & ~asked["sampled"].astype(bool)]
    colours = {f"health_code.{rule.id}": str(rule.code) for rule in rules.rule}
    found = {"confirmed": "wrong", "refuted": "right"}
    rows = asked.assign(
        code=asked["rule"].map(colours), outcome=asked["status"].map(found).fillna("unsettled")
    ).dropna(subset=["code"])
    counted: pd.DataFrame = (
        rows.groupby(["code", "outcome"])["question"].nunique().reset_index(name="codes")
    )
    return counted
