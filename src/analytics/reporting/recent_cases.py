"""Cases of recent days: told so far, and expected in the end, as far as they may leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics import engine
from analytics import study as studies
from analytics.analysis import incidence
from analytics.errors import DisclosureError
from analytics.loop import findings
from analytics.pool import linked, versions
from analytics.privacy import keys
from analytics.privacy.release import Dimension, TableSpec, ledger_of, release
from analytics.reporting.patients import READER

if TYPE_CHECKING:
    from analytics.analysis.incidence import Completed
    from analytics.study import Study

_ESTIMATES = ["complete", "median", "lower", "upper"]
_ALL = "together"
_ONSET = ("reporting_county", "classification", "onset")


def recent_cases(study: Study, day: date, areas: pd.DataFrame) -> Completed:
    """
    Nowcast recent days from the archive's versions: of linked cases by onset, else of counts.

    Parameters
    ----------
    study : Study
    day : date
        Nothing told later is read.
    areas : AREAS table

    Returns
    -------
    incidence.Completed
        Of linked cases (where somebody was screened) a row is empty whose count may not leave:
        an estimate is as good as the count. Published counts leave as they are.
    """
    parents = dict(zip(areas["adcode"].astype(str), areas["prefecture"].astype(str), strict=True))
    screened = findings.latest_screening(study, day)
    connection = engine.connect()
    try:
        if screened is None:
            return _published(study, day, set(parents.values()), connection)
        history = linked.history(
            study, studies.moment(day), READER, keys.load(study.name), connection,
            feed="cases", wanted=_ONSET,
        )  # fmt: skip
        spells = engine.collect(incidence.onsets(history), connection)
    finally:
        connection.disconnect()
    told = incidence.by_evening(spells, parents, day)
    return _released(study, day, incidence.completed(told, study.region))


def _published(study: Study, day: date, areas: set[str], connection: Any) -> Completed:
    history = versions.history(
        study.state / "archive", studies.moment(day), connection, "official_counts"
    )
    confirmed = history.filter(history["measure"] == "confirmed")
    spells = engine.collect(
        confirmed.select(
            "date", "since", "until", "cumulative", adcode=confirmed["region"].cast("string")
        ),
        connection,
    )
    return incidence.published(spells, areas, day, study.region)


def _released(study: Study, day: date, found: Completed) -> Completed:
    """
    Keep of each area and day only what may leave.

    An estimate follows from the counts of its days and of the week before: it leaves where all
    of these may.
    """
    if found.missing:
        return found
    days, areas = found.days.copy(), found.areas.set_index("adcode")
    label = days["date"].dt.strftime("%Y-%m-%d")
    parts = {
        "reported": tuple(label[days["incomplete"]]),
        "before": tuple(label[~days["incomplete"]]),
    }
    counts = areas[[*parts]].drop(index=study.region)
    counts = counts.melt(ignore_index=False, var_name="date", value_name="persons").reset_index()
    place = Dimension.flat("adcode", tuple(counts["adcode"].unique()), study.region)
    told = _shown(study, day, counts, place, Dimension("date", dict.fromkeys(parts, _ALL), parts))
    now, before = (
        told.reindex([(code, part) for code in areas.index], fill_value=False).to_numpy(bool)
        for part in parts
    )
    areas.loc[~now, "reported"] = None
    areas.loc[~(now & before), _ESTIMATES] = None
    counts = pd.DataFrame({"date": label, "persons": days["reported"]})
    own = _shown(study, day, counts, Dimension.flat("date", tuple(label), _ALL))
    own = own.reindex(label, fill_value=False)
    week = own.astype(float).rolling(8, min_periods=1).min() == 1
    days.loc[~own.to_numpy(bool), "reported"] = None
    days.loc[~week.to_numpy(bool), _ESTIMATES[1:]] = None
    return replace(found, areas=areas.drop(columns="before").reset_index(), days=days)


def _shown(study: Study, day: date, counts: pd.DataFrame, *over: Dimension) -> pd.Series:
    """Whether each cell of a table of counts may leave, by its labels."""
    names = [dimension.name for dimension in over]
    spec = TableSpec(
        name=f"cases of recent days by {' and '.join(names)}",
        population="cases by onset",
        measure="persons",
        dimensions=over,
        as_of=day,
        stock=True,
    )
    try:
        table = release(counts.astype({"persons": int}), spec, ledger_of(study.state)).table
    except DisclosureError:
        return pd.Series(dtype=bool)
    return ~table.set_index(names if len(names) > 1 else names[0])["hidden"].astype(bool)
