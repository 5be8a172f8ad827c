"""Cases and contacts as linked records tell of them, counted for the risk report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analytics import engine
from analytics import study as studies
from analytics.analysis import screening
from analytics.codes import Purpose
from analytics.loop import findings
from analytics.pool import archive, linked
from analytics.pool.areas import areas
from analytics.privacy import keys, vault
from analytics.privacy.purposes import Reader
from analytics.privacy.release import Dimension, Released, TableSpec, ledger_of, release

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from analytics.study import Study

READER: Final = Reader("epidemiologist", Purpose.SCREENING)
AGES: Final = ("0–19", "20–39", "40–59", "60–79", "80+", "unknown")
_BAND: Final = 20  # years
SEXES: Final = ("female", "male", "unknown")
SEVERITIES: Final = ("mild", "ordinary", "severe", "critical", "unknown")
TEST_DAYS: Final = 14


@dataclass(frozen=True)
class Patients:
    """
    What may be shown of persons.

    Parameters
    ----------
    screened : date
        Day of the screening shown.
    totals : Released
        Persons by county and category.
    indicators : INDICATORS table
        Service indicators with numerator and denominator.
    by_age : CASES_BY_AGE table or None
        Confirmed cases by age, sex and severity.
    tests : TESTS table or None
        Nucleic-acid tests by day of sampling.
    beds : BEDS table or None
        Beds by ward, each hospital's latest count.
    """

    screened: date
    totals: Released
    indicators: pd.DataFrame
    by_age: pd.DataFrame | None
    tests: pd.DataFrame | None
    beds: pd.DataFrame | None


def patients(study: Study, day: date) -> Patients | None:
    """
    Count persons as the latest screening found them, and cases, tests and beds beside.

    Parameters
    ----------
    study : Study
    day : date
        Nothing told later is read; screenings as of later days are left out.

    Returns
    -------
    Patients or None
        None where nobody was screened: `workbench screen` does it.

    Raises
    ------
    DisclosureError
        If not even the coarsest table may leave.
    """
    screened = findings.latest_screening(study, day)
    if screened is None:
        return None
    ring = keys.load(study.name)
    place = study.state / "vault"
    persons, indicators = (
        vault.unseal_table(place, f"screening/{screened}/{name}", ring)
        for name in ("persons", "indicators")
    )
    connection = engine.connect()
    try:
        rows = connection.create_table("screened", persons, temp=True)
        counted = engine.collect(screening.totals(rows), connection)
        at = studies.moment(day)
        views = linked.read(study, at, READER, ring, connection, feeds=("cases", "tests"))
        cases = _cases(views["cases"], connection)
        tests = _tests(views["tests"], day, connection)
        beds = _beds(study, day, connection)
    finally:
        connection.disconnect()
    return Patients(
        screened=screened,
        totals=_totals(study, counted, screened),
        indicators=indicators.to_pandas(),
        by_age=_by_age(study, cases, day) if len(cases) else None,
        tests=_by_day(study, tests, day) if len(tests) else None,
        beds=beds,
    )


def _totals(study: Study, counted: pd.DataFrame, day: date) -> Released:
    """Release totals; who lives outside the province is of unknown county."""
    known = areas(study)
    above = known["prefecture"].where(known["prefecture"] != known["adcode"], study.region)
    parents = dict(zip(known["adcode"].astype(str), above.astype(str), strict=True))
    parents |= dict.fromkeys(set(parents.values()) - {study.region}, study.region)
    table = counted.assign(
        county=counted["county"].where(counted["county"].isin(list(parents)), "unknown")
    )
    counts = table.groupby(["county", "category"])["persons"].sum().reset_index()
    return release(counts, screening.spec(parents, day), ledger_of(study.state))


def _cases(cases: ir.Table, connection: Any) -> pd.DataFrame:
    """Count confirmed cases by age group, sex and severity."""
    confirmed = cases.filter(cases["classification"].startswith("confirmed"))
    band = confirmed["age"].cast("int64") // _BAND
    found = engine.collect(
        confirmed.group_by(
            band=band,
            sex=confirmed["sex"].cast("string").fill_null("unknown"),
            severity=confirmed["severity"].cast("string").fill_null("unknown"),
        ).agg(persons=confirmed.count()),
        connection,
    )
    place = (
        found["band"].clip(upper=len(AGES) - 2).astype("Float64").fillna(len(AGES) - 1).astype(int)
    )
    age = [AGES[at] for at in place]
    sex = found["sex"].where(found["sex"].isin(SEXES), "unknown")
    severity = found["severity"].where(found["severity"].isin(SEVERITIES), "unknown")
    return found.assign(age_group=age, sex=sex, severity=severity)


def _by_age(study: Study, cases: pd.DataFrame, day: date) -> pd.DataFrame:
    """Let out cases by age and sex, and by age and severity; hidden cells are empty."""
    table = pd.DataFrame({"age_group": AGES}).set_index("age_group")
    for name, categories in (("sex", SEXES), ("severity", SEVERITIES)):
        spec = TableSpec(
            name=f"confirmed cases by age and {name}",
            population="confirmed cases",
            measure="persons",
            dimensions=(Dimension.flat("age_group", AGES), Dimension.flat(name, categories)),
            as_of=day,
            stock=True,
        )
        counted = cases.groupby(["age_group", name])["persons"].sum().reset_index()
        shown = release(counted, spec, ledger_of(study.state)).table
        if {"age_group", name} <= set(shown.columns):
            cells = shown.assign(persons=shown["persons"].where(~shown["hidden"].astype(bool)))
            wide = cells.pivot_table(
                index="age_group", columns=name, values="persons", dropna=False
            )
            table = table.join(wide[[each for each in categories[:-1] if each in wide]])
    return table.reset_index()


def _tests(tests: ir.Table, day: date, connection: Any) -> pd.DataFrame:
    """Nucleic-acid tests of the last days by day of sampling and result."""
    dated = tests.mutate(date=tests["sampled"].date())
    recent = dated.filter(
        (dated["method"] == "nucleic_acid")
        & dated["result"].isin(["positive", "negative"])
        & (dated["date"] > day - timedelta(days=TEST_DAYS))
        & (dated["date"] <= day)
    )
    return engine.collect(
        recent.group_by("date", result=recent["result"].cast("string")).agg(persons=recent.count()),
        connection,
    )


def _by_day(study: Study, tests: pd.DataFrame, day: date) -> pd.DataFrame | None:
    """Let out tests by day and result, or of all days together where days hold too few."""
    days = tuple((day - timedelta(days=n)).isoformat() for n in range(TEST_DAYS - 1, -1, -1))
    spec = TableSpec(
        name="nucleic-acid tests by day",
        population="tests",
        measure="persons",
        dimensions=(
            Dimension.flat("date", days),
            Dimension.flat("result", ("positive", "negative"), "tested"),
        ),
        as_of=day,
        stock=True,
    )
    table = tests.assign(date=tests["date"].dt.date.astype(str))
    shown = release(table, spec, ledger_of(study.state)).table
    if "result" not in shown:
        return None
    if "date" not in shown:  # too few a day: the days together
        shown = shown.assign(date=f"{days[0]} – {days[-1]}")
        days = (f"{days[0]} – {days[-1]}",)
    cells = shown[shown["date"].isin(days)]
    cells = cells.assign(persons=cells["persons"].where(~cells["hidden"].astype(bool)))
    wide = cells.pivot_table(index="date", columns="result", values="persons", dropna=False)
    return wide.reindex(columns=["tested", "positive"]).reset_index()


def _beds(study: Study, day: date, connection: Any) -> pd.DataFrame | None:
    """Beds and intensive care: the sum of each hospital's latest count."""
    at = studies.moment(day)
    known = archive.as_of(study.state / "archive", at, connection, feeds=("beds",))["beds"]
    rows = engine.collect(
        known.select("facility", "date", "beds", "occupied", "intensive", "intensive_occupied"),
        connection,
    )
    if rows.empty:
        return None
    latest = rows.sort_values("date").drop_duplicates("facility", keep="last")
    return pd.DataFrame(
        {
            "ward": ["general", "intensive"],
            "beds": [latest["beds"].sum(), latest["intensive"].sum()],
            "occupied": [latest["occupied"].sum(), latest["intensive_occupied"].sum()],
        }
    )
