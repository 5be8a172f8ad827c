"""Figures of persons for a report: read for one purpose, counted, and let out by the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics import engine
from analytics.analysis import health_code
from analytics.codes import HealthCode
from analytics.loop import code_evidence, feedback, ledger
from analytics.pool import linked
from analytics.privacy import keys, vault
from analytics.privacy.release import Dimension, TableSpec, ledger_of, release
from analytics.study import ZONE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from analytics.study import Study


APPEALS = ("pending", "overdue", "upheld", "refused", "upheld_late", "refused_late")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "sex": ("female", "male", "unknown"),
    "age": ("0–17", "18–59", "60+", "unknown"),
    "registered": ("here", "elsewhere", "unknown"),
}
"""What codes are compared by, and its groups: as the residents' register has it."""
_GROWN, _OLD = 18, 60  # years


@dataclass(frozen=True)
class Codes:
    """
    Codes by prefecture, as far as they may leave.

    Parameters
    ----------
    table : pandas.DataFrame
        The area, code (green, yellow, red, none, total), persons (missing where hidden).
    by, root : str
        Name of the area's column, and the label of all areas together.
    statement : dict of str to str
        Sentence to print beside it.
    appeals : pandas.DataFrame
        state (pending, overdue, upheld, refused, upheld_late, refused_late, total), appeals
        (missing where hidden); empty where none was filed.
    groups : pandas.DataFrame
        grouping (one of `GROUPS`), group, and what `fairness.rates` gives, missing where hidden.
    wrong : pandas.DataFrame
        code, and what `fairness.false_codes` gives of those the field checked; empty where it
        checked none, or too few to show any.
    """

    table: pd.DataFrame
    by: str
    root: str
    statement: dict[str, str]
    appeals: pd.DataFrame
    groups: pd.DataFrame
    wrong: pd.DataFrame


def codes_by_prefecture(
    study: Study, rules: health_code.Rules, moment: datetime, prefectures: Sequence[str]
) -> Codes | None:
    """
    Count persons by prefecture and code, through the disclosure gate.

    Parameters
    ----------
    study : Study
    rules : Rules
    moment : datetime
        With a zone; nothing told later is read.
    prefectures : sequence of str
        Of the study; persons elsewhere are counted together.

    Returns
    -------
    Codes or None
        None where the study holds no linked persons.

    Raises
    ------
    DisclosureError
        If not even the coarsest table may leave.
    """
    if study.nature == "real" or not vault.holds(study.state / "vault", "linkage/rows"):
        return None
    ring = keys.load(study.name)
    connection = engine.connect()
    try:
        feeds = {*code_evidence.FEEDS, "resident_register"}
        views = linked.read(
            study, moment, code_evidence.READER, ring, connection, feeds=sorted(feeds)
        )
        told = code_evidence.told(study, ring, moment, views, rules, connection)
        changes = connection.create_table("code_changes", engine.rows(told, connection), temp=True)
        standing = _standing(study, views, changes, moment, prefectures, connection)
        counted, *grouped = (
            health_code.fairness.counts(standing, by, connection) for by in ("prefecture", *GROUPS)
        )
        filed = _appeals(views, changes, rules, moment, connection)
    finally:
        connection.disconnect()
    found = _released(study, counted, moment, prefectures)
    return replace(
        found,
        appeals=_released_appeals(study, filed, moment),
        groups=_released_groups(study, dict(zip(GROUPS, grouped, strict=True)), moment),
        wrong=_released_wrong(study, _checked(study, rules, moment), moment),
    )


def _standing(
    study: Study,
    views: Mapping[str, ir.Table],
    told: ir.Table,
    moment: datetime,
    prefectures: Sequence[str],
    connection: Any,
) -> ir.Table:
    """Code of everyone who declared, by prefecture of the latest declaration and by `GROUPS`."""
    import ibis

    latest = health_code.evidence.homes(views["declarations"])
    county = latest["county"]
    direct = county.substr(2, 2) == "90"
    area = direct.ifelse(county, county.left(4).concat("00"))
    persons = latest.select(
        "person", prefecture=area.isin(list(prefectures)).ifelse(area, ibis.literal("elsewhere"))
    )
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    known = _groups(views["resident_register"], _last_day(moment), study.region)
    grouped = persons.left_join(known, "person").select("person", "prefecture", *GROUPS)
    whole = grouped.mutate(**{by: grouped[by].fill_null("unknown") for by in GROUPS})
    held = connection.create_table("persons", engine.rows(whole, connection), temp=True)
    return health_code.fairness.standing(told, held, local)


def _last_day(moment: datetime) -> date:
    """Day that a moment ends."""
    return (moment.astimezone(ZONE) - timedelta(minutes=1)).date()


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


def _released_groups(
    study: Study, counted: Mapping[str, pd.DataFrame], moment: datetime
) -> pd.DataFrame:
    """Let rates out by each grouping; one whose groups may not be shown apart is left out."""
    tables = []
    for by, table in counted.items():
        spec = TableSpec(
            name=f"codes by {by}",
            population="holders of a health code",
            measure="persons",
            dimensions=(
                Dimension.flat(by, GROUPS[by]),
                Dimension.flat("code", (*map(str, HealthCode), "none")),
            ),
            as_of=_last_day(moment),
            stock=True,
        )
        shown = release(table, spec, ledger_of(study.state)).table
        if {by, "code"} <= set(shown.columns):
            cells = shown.assign(persons=shown["persons"].where(~shown["hidden"].astype(bool)))
            kept = cells[cells[by].isin(GROUPS[by]) & (cells["code"] != "total")]
            found = health_code.fairness.rates(kept, by)
            tables.append(found.rename(columns={by: "group"}).assign(grouping=by))
    columns = ["grouping", "group", "persons", "green", "yellow", "red", "yellow_rate", "red_rate",
               "ratio", "without_code"]  # fmt: skip
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def _checked(study: Study, rules: health_code.Rules, moment: datetime) -> pd.DataFrame:
    """Codes the field was asked about, by colour and what it found."""
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


def _released_wrong(study: Study, checked: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """Let out how often checked codes were wrong, by colour."""
    colours = ("yellow", "red")
    if checked.empty:
        return pd.DataFrame()
    spec = TableSpec(
        name="codes checked in the field",
        population="codes checked",
        measure="codes",
        dimensions=(
            Dimension.flat("code", colours),
            Dimension.flat("outcome", health_code.fairness.OUTCOMES),
        ),
        as_of=_last_day(moment),
        stock=True,
    )
    shown = release(checked[checked["code"].isin(colours)], spec, ledger_of(study.state)).table
    if not {"code", "outcome"} <= set(shown.columns):
        return pd.DataFrame()
    cells = shown.assign(codes=shown["codes"].where(~shown["hidden"].astype(bool)))
    kept = cells[cells["code"].isin(colours) & (cells["outcome"] != "total")]
    return health_code.fairness.false_codes(kept, "code")


def _released(
    study: Study, counted: pd.DataFrame, moment: datetime, prefectures: Sequence[str]
) -> Codes:
    spec = TableSpec(
        name="codes_by_prefecture",
        population="holders of a health code",
        measure="persons",
        dimensions=(
            Dimension.flat("prefecture", (*prefectures, "elsewhere"), study.region),
            Dimension.flat("code", (*map(str, HealthCode), "none")),
        ),
        as_of=_last_day(moment),
        stock=True,
    )
    found = release(counted, spec, ledger_of(study.state))
    by = "prefecture" if "prefecture" in found.table else "code"
    table = found.table if by == "prefecture" else found.table.assign(prefecture=study.region)
    none = pd.DataFrame()
    return Codes(table, "prefecture", study.region, dict(found.statement), none, none, none)


def _appeals(
    views: Mapping[str, ir.Table], changes: ir.Table, rules: health_code.Rules, moment: datetime,
    connection: Any,
) -> pd.DataFrame:  # fmt: skip
    """Appeals against codes, by how they stand."""
    if "code_appeals" not in views:
        return pd.DataFrame({"state": [], "appeals": []})
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    filed = health_code.appeals.account(views["code_appeals"], changes, rules, local)
    return engine.collect(filed.group_by("state").agg(appeals=filed.count()), connection)


def _released_appeals(study: Study, filed: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """Let appeals out by how they stand."""
    if filed.empty:
        return filed
    spec = TableSpec(
        name="appeals against health codes",
        population="appeals",
        measure="appeals",
        dimensions=(Dimension.flat("state", APPEALS),),
        as_of=_last_day(moment),
        stock=True,
    )
    shown = release(filed, spec, ledger_of(study.state)).table
    return shown.assign(appeals=shown["appeals"].where(~shown["hidden"].astype(bool)))
