"""Figures of persons for a report: read for one purpose, counted, and let out by the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """

    table: pd.DataFrame
    by: str
    root: str
    statement: dict[str, str]


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
    if study.nature == "real" or "linkage/rows" not in vault.names(study.state / "vault"):
        return None
    ring = keys.load(study.name)
    connection = engine.connect()
    try:
        reader, feeds = code_evidence.READER, code_evidence.FEEDS
        views = linked.read(study, moment, reader, ring, connection, feeds=feeds)
        told = code_evidence.told(study, ring, moment, views, rules, connection)
        counted = _counted(views, told, moment, prefectures, connection)
    finally:
        connection.disconnect()
    return _released(study, counted, moment, prefectures)


def _counted(
    views: Mapping[str, ir.Table],
    told: ir.Table,
    moment: datetime,
    prefectures: Sequence[str],
    connection: Any,
) -> pd.DataFrame:
    """Persons by prefecture of their latest declaration and code."""
    import ibis

    changes = connection.create_table("code_changes", engine.rows(told, connection), temp=True)
    latest = health_code.evidence.homes(views["declarations"])
    county = latest["county"]
    direct = county.substr(2, 2) == "90"
    area = direct.ifelse(county, county.left(4).concat("00"))
    persons = latest.select(
        "person", prefecture=area.isin(list(prefectures)).ifelse(area, ibis.literal("elsewhere"))
    )
    held = connection.create_table("persons", engine.rows(persons, connection), temp=True)
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    standing = health_code.fairness.standing(changes, held, local)
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
    return Codes(table, "prefecture", study.region, dict(found.statement))
