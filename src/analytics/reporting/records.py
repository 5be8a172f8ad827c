"""Figures of persons for a report: read for one purpose, counted, and let out by the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics import engine
from analytics.analysis import health_code
from analytics.codes import HealthCode
from analytics.loop import code_evidence
from analytics.pool import linked
from analytics.privacy import keys, vault
from analytics.privacy.release import Dimension, TableSpec, ledger_of, release
from analytics.study import ZONE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from analytics.study import Study


APPEALS = ("pending", "overdue", "upheld", "refused", "upheld_late", "refused_late")


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
    """

    table: pd.DataFrame
    by: str
    root: str
    statement: dict[str, str]
    appeals: pd.DataFrame


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
        reader, feeds = code_evidence.READER, code_evidence.FEEDS
        views = linked.read(study, moment, reader, ring, connection, feeds=feeds)
        told = code_evidence.told(study, ring, moment, views, rules, connection)
        changes = connection.create_table("code_changes", engine.rows(told, connection), temp=True)
        counted = _counted(views, changes, moment, prefectures, connection)
        filed = _appeals(views, changes, rules, moment, connection)
    finally:
        connection.disconnect()
    found = _released(study, counted, moment, prefectures)
    return replace(found, appeals=_released_appeals(study, filed, moment))


def _counted(
    views: Mapping[str, ir.Table],
    told: ir.Table,
    moment: datetime,
    prefectures: Sequence[str],
    connection: Any,
) -> pd.DataFrame:
    """Persons by prefecture of their latest declaration and code."""
    import ibis

    latest = health_code.evidence.homes(views["declarations"])
    county = latest["county"]
    direct = county.substr(2, 2) == "90"
    area = direct.ifelse(county, county.left(4).concat("00"))
    persons = latest.select(
        "person", prefecture=area.isin(list(prefectures)).ifelse(area, ibis.literal("elsewhere"))
    )
    held = connection.create_table("persons", engine.rows(persons, connection), temp=True)
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    standing = health_code.fairness.standing(told, held, local)
    return health_code.fairness.counts(standing, "prefecture", connection)


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
        as_of=(moment.astimezone(ZONE) - timedelta(minutes=1)).date(),
        stock=True,
    )
    found = release(counted, spec, ledger_of(study.state))
    by = "prefecture" if "prefecture" in found.table else "code"
    table = found.table if by == "prefecture" else found.table.assign(prefecture=study.region)
    return Codes(table, "prefecture", study.region, dict(found.statement), pd.DataFrame())


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
        as_of=(moment.astimezone(ZONE) - timedelta(minutes=1)).date(),
        stock=True,
    )
    shown = release(filed, spec, ledger_of(study.state)).table
    return shown.assign(appeals=shown["appeals"].where(~shown["hidden"].astype(bool)))
