"""Clusters that linked records show, counted for the risk report as far as they may leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analytics import engine
from analytics import study as studies
from analytics.analysis import clusters as finding
from analytics.errors import DisclosureError
from analytics.loop import findings
from analytics.pool import linked
from analytics.privacy import keys, vault
from analytics.privacy.release import Dimension, TableSpec, ledger_of, release
from analytics.reporting.patients import READER

if TYPE_CHECKING:
    from datetime import date

    from analytics.study import Study

SETTINGS: Final = ("household", "workplace", "site", "carriage")
STATUSES: Final = ("found", "declared", "confirmed")
_ALL: Final = "total"
_FIRST, *_LATE = finding.GENERATIONS
_GENERATIONS: Final = {
    _FIRST: _ALL, **dict.fromkeys(_LATE, finding.LATER), finding.LATER: _ALL
}  # fmt: skip


@dataclass(frozen=True)
class Clustered:
    """
    What may be shown of clusters; a hidden count is empty.

    Parameters
    ----------
    screened : date
        Day of the search shown.
    counts, generations, areas : CLUSTER_COUNTS, GENERATIONS and CLUSTER_AREAS tables
        As ``render.risk.clusters`` takes them; without rows where nothing may leave.
    """

    screened: date
    counts: pd.DataFrame
    generations: pd.DataFrame
    areas: pd.DataFrame

    @property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """The three, in the order of ``render.risk.clusters``."""
        return self.counts, self.generations, self.areas


def clustered(study: Study, day: date, areas: pd.DataFrame) -> Clustered | None:
    """
    Count the clusters that the latest screening found.

    Parameters
    ----------
    study : Study
    day : date
        Screenings as of later days are left out.
    areas : AREAS table

    Returns
    -------
    Clustered or None
        None where nobody was screened.
    """
    screened = findings.latest_screening(study, day)
    if screened is None:
        return None
    counts, chains = _found(study, screened)
    by_status = _let_out(
        study, screened, "clusters", counts, "clusters",
        Dimension.flat("setting", SETTINGS), Dimension.flat("status", STATUSES),
    )  # fmt: skip
    by_generation = _let_out(
        study, screened, "cases in clusters", chains[chains["generation"] != finding.LATER],
        "persons", Dimension.flat("setting", SETTINGS), Dimension("generation", _GENERATIONS),
    )  # fmt: skip
    parents = dict(zip(areas["adcode"].astype(str), areas["prefecture"].astype(str), strict=True))
    placed = counts.assign(adcode=counts["county"].map(parents)).dropna(subset=["adcode"])
    by_area = _let_out(
        study, screened, "cases in clusters", placed, "persons",
        Dimension.flat("adcode", tuple(sorted(set(parents.values()))), study.region),
    )  # fmt: skip
    return Clustered(screened, _wide(by_status), _dated(by_generation, chains), by_area)


def confirmed(study: Study, day: date) -> pd.DataFrame | None:
    """
    Say which clusters the field confirmed, as grading takes them.

    Parameters
    ----------
    study : Study
    day : date
        Nothing told later is used.

    Returns
    -------
    pandas.DataFrame or None
        As ``risk.grade`` takes ``clusters``: found here or not. None where nobody was screened:
        clusters are then unknown.
    """
    screened = findings.latest_screening(study, day)
    if screened is None:
        return None
    ring = keys.load(study.name)
    sealed = vault.unseal_table(study.state / "vault", f"screening/{screened}/clusters", ring)
    connection = engine.connect()
    try:
        at = studies.moment(day)
        views = linked.read(study, at, READER, ring, connection, feeds=("cluster_events",))
        rows = connection.create_table("clusters", sealed, temp=True)
        graded = finding.graded(rows, views["cluster_events"], day)
        columns = graded.mutate(adcode=graded["adcode"].cast("string"))
        return engine.collect(columns, connection)
    finally:
        connection.disconnect()


def _found(study: Study, screened: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count clusters by setting, status and county, and generations by setting."""
    ring = keys.load(study.name)
    held = {
        name: vault.unseal_table(study.state / "vault", f"screening/{screened}/{name}", ring)
        for name in ("clusters", "members")
    }
    connection = engine.connect()
    try:
        tables = {
            name: connection.create_table(name, table, temp=True) for name, table in held.items()
        }
        every = finding.once(tables["clusters"], tables["members"])
        every = every.filter(every["status"] != "refuted")
        return (
            engine.collect(finding.counts(every, tables["members"]), connection),
            engine.collect(finding.generations(every, tables["members"]), connection),
        )
    finally:
        connection.disconnect()


def _let_out(
    study: Study, day: date, population: str, counts: pd.DataFrame, measure: str, *over: Dimension
) -> pd.DataFrame:
    """Labels and measure, empty where hidden; without rows where nothing may leave."""
    names = [dimension.name for dimension in over]
    spec = TableSpec(
        name=f"{population} by {' and '.join(names)}",
        population=population,
        measure=measure,
        dimensions=over,
        as_of=day,
        stock=True,
    )
    table = counts.groupby(names)[measure].sum().reset_index()
    try:
        shown = release(table, spec, ledger_of(study.state)).table
    except DisclosureError:
        return pd.DataFrame(columns=[*names, measure])
    return shown.drop(columns="hidden")


def _wide(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per setting, all together last; a column per status."""
    columns: list[Any] = [*STATUSES, _ALL]
    wide = cells.pivot_table("clusters", "setting", "status", dropna=False)
    return wide.reindex(index=[*SETTINGS, _ALL], columns=columns).reset_index()


def _dated(cells: pd.DataFrame, chains: pd.DataFrame) -> pd.DataFrame:
    """Persons by setting and generation, with the median day of those that are shown."""
    inside = cells[(cells["setting"] != _ALL) & (cells["generation"] != _ALL)]
    both = inside.merge(
        chains[["setting", "generation", "days"]], "left", ["setting", "generation"]
    )
    both["days"] = both["days"].where(both["persons"].fillna(0) > 0)
    return both
