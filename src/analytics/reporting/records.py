"""Figures of persons for a report: read for one purpose, counted, and let out by the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from analytics import engine
from analytics.analysis import health_code
from analytics.codes import HealthCode
from analytics.loop import code_evidence
from analytics.pool import linked
from analytics.privacy import keys
from analytics.privacy.release import Dimension, TableSpec, ledger_of, release
from analytics.reporting import holders
from analytics.reporting.released import let_out
from analytics.study import last_day

if TYPE_CHECKING:
    from analytics.study import Study


APPEALS = ("pending", "overdue", "upheld", "refused", "upheld_late", "refused_late")
_COLOURS = ("yellow", "red")
_TOGETHER: Mapping[str, str] = {
    **dict.fromkeys(("green", "none", "restricted"), "total"),
    **dict.fromkeys(_COLOURS, "restricted"),
}  # fmt: skip
"""Yellow and red are told together where apart they would tell on somebody."""


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
        grouping (one of `holders.GROUPS`), group, and what `fairness.rates` gives, missing where
        hidden.
    reasons : pandas.DataFrame
        code (yellow, red), rule [id], persons (missing where hidden); empty where rules may not
        be told apart.
    wrong : pandas.DataFrame
        code, and what `fairness.false_codes` gives of those the field settled; empty where it
        settled none, or too few to show any.
    unsettled : int or None
        Codes it was asked about and could not settle; None where hidden or none was asked.
    idle : tuple of str
        Kinds of evidence that rules in force read and no record gave.
    """

    table: pd.DataFrame
    by: str
    root: str
    statement: dict[str, str]
    appeals: pd.DataFrame
    groups: pd.DataFrame
    reasons: pd.DataFrame
    wrong: pd.DataFrame
    unsettled: int | None
    idle: tuple[str, ...]


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
    if study.nature == "real" or not linked.holds(study):
        return None
    ring = keys.load(study.name)
    connection = engine.connect()
    try:
        feeds = {*code_evidence.FEEDS, "resident_register"}
        views = linked.read(
            study, moment, code_evidence.READER, ring, connection, feeds=sorted(feeds)
        )
        known = code_evidence.records(study, ring, moment, views, connection)
        told = health_code.tell(known, rules, views.get("code_appeals"))
        changes = connection.create_table("code_changes", engine.rows(told, connection), temp=True)
        standing = holders.standing(study, views, changes, moment, prefectures, connection)
        counted, ruled, *grouped = (
            health_code.fairness.counts(standing, by, connection)
            for by in ("prefecture", "rule", *holders.GROUPS)
        )
        filed = holders.appeals(views, changes, rules, moment, connection)
        idle = holders.idle(known, rules, moment, connection)
    finally:
        connection.disconnect()
    found = _released(study, counted, moment, prefectures)
    checked = holders.checked(study, rules, moment)
    return replace(
        found,
        appeals=_released_appeals(study, filed, moment),
        groups=_released_groups(study, dict(zip(holders.GROUPS, grouped, strict=True)), moment),
        reasons=_released_reasons(study, rules, ruled, moment),
        wrong=_released_wrong(study, checked, moment),
        unsettled=_released_unsettled(study, checked, moment),
        idle=idle,
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
                Dimension.flat(by, holders.GROUPS[by]),
                Dimension("code", _TOGETHER),
            ),
            as_of=last_day(moment),
            stock=True,
        )
        cells, _ = let_out(study, table, spec)
        if {by, "code"} <= set(cells.columns):
            kept = cells[cells[by].isin(holders.GROUPS[by]) & (cells["code"] != "total")]
            found = health_code.fairness.rates(kept, by)
            tables.append(found.rename(columns={by: "group"}).assign(grouping=by))
    columns = ["grouping", "group", "persons", "green", "yellow", "red", "yellow_rate", "red_rate",
               "restricted_rate", "ratio", "without_code"]  # fmt: skip
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def _released_wrong(study: Study, checked: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """Let out how often settled codes were wrong, by colour."""
    settled = checked[checked["outcome"].isin(health_code.fairness.OUTCOMES)]
    if settled.empty:
        return pd.DataFrame()
    spec = TableSpec(
        name="codes settled in the field",
        population="codes settled in the field",
        measure="codes",
        dimensions=(
            Dimension.flat("code", _COLOURS),
            Dimension.flat("outcome", health_code.fairness.OUTCOMES),
        ),
        as_of=last_day(moment),
        stock=True,
    )
    cells, _ = let_out(study, settled[settled["code"].isin(_COLOURS)], spec)
    if not {"code", "outcome"} <= set(cells.columns):
        return pd.DataFrame()
    kept = cells[cells["code"].isin(_COLOURS) & (cells["outcome"] != "total")]
    return health_code.fairness.false_codes(kept, "code")


def _released_unsettled(study: Study, checked: pd.DataFrame, moment: datetime) -> int | None:
    """Let out how many codes the field could not settle, both colours together."""
    if checked.empty:
        return None
    spec = TableSpec(
        name="codes checked in the field",
        population="codes checked in the field",
        measure="codes",
        dimensions=(Dimension.flat("outcome", ("settled", "unsettled")),),
        as_of=last_day(moment),
        stock=True,
    )
    settled = checked["outcome"].isin(health_code.fairness.OUTCOMES)
    both = checked.assign(outcome=checked["outcome"].mask(settled, "settled"))
    summed = both.groupby("outcome")["codes"].sum().reset_index()
    shown, _ = let_out(study, summed, spec)
    if "outcome" not in shown:
        return None
    known = shown.loc[shown["outcome"] == "unsettled", "codes"].dropna()
    return int(known.iloc[0]) if len(known) else None


def _released_reasons(
    study: Study, rules: health_code.Rules, ruled: pd.DataFrame, moment: datetime
) -> pd.DataFrame:
    """
    Let out which rules the yellow and red codes come from.

    No other release tells rules apart, so that all they add to this table are its own margins:
    it is a population by itself.
    """
    colours = {rule.id: str(rule.code) for rule in rules.rule if rule.code in _COLOURS}
    given = ruled[ruled["rule"].isin(list(colours))]
    if given.empty:
        return pd.DataFrame()
    spec = TableSpec(
        name="codes by rule",
        population="holders of a yellow or red code",
        measure="persons",
        dimensions=(Dimension("rule", _by_basis(rules, colours)),),
        as_of=last_day(moment),
        stock=True,
    )
    leaves = given.groupby("rule")["persons"].sum().reset_index()
    shown, _ = let_out(study, leaves, spec)
    if "rule" not in shown:
        return pd.DataFrame()
    kept = shown[shown["rule"].isin(list(colours))]
    return kept.assign(code=kept["rule"].map(colours))[["code", "rule", "persons"]]


def _by_basis(rules: health_code.Rules, colours: Mapping[str, str]) -> dict[str, str]:
    """Rules under what the holder declares or others' records tell, and that under the colour."""
    basis = {
        rule.id: "declared" if rule.evidence.startswith("declaration") else "recorded"
        for rule in rules.rule
    }
    under = {rule: f"{colour} {basis[rule]}" for rule, colour in colours.items()}
    upper = {f"{colours[rule]} {basis[rule]}": colours[rule] for rule in colours}
    return {**under, **upper, **dict.fromkeys(_COLOURS, "restricted")}


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
        as_of=last_day(moment),
        stock=True,
    )
    found = release(counted, spec, ledger_of(study.state))
    by = "prefecture" if "prefecture" in found.table else "code"
    table = found.table if by == "prefecture" else found.table.assign(prefecture=study.region)
    none = pd.DataFrame()
    return Codes(
        table, "prefecture", study.region, dict(found.statement), none, none, none, none, None, ()
    )


def _released_appeals(study: Study, filed: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """Let appeals out by how they stand."""
    if filed.empty:
        return filed
    spec = TableSpec(
        name="appeals against health codes",
        population="appeals",
        measure="appeals",
        dimensions=(Dimension.flat("state", APPEALS),),
        as_of=last_day(moment),
        stock=True,
    )
    return let_out(study, filed, spec)[0]
