"""
What a health code rests on: feeds, official risk grades, and what the own screening found.

Screening knows people by its own pseudonyms; here, in memory alone, they become those of the
health code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analytics.analysis import health_code, risk
from analytics.codes import PersonnelType, Purpose
from analytics.loop import findings, ledger, persons
from analytics.pool import published
from analytics.pool.areas import areas
from analytics.privacy import vault
from analytics.privacy.purposes import Reader
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import ibis.expr.types as ir

    from analytics.analysis.health_code import Rules
    from analytics.privacy.keys import Ring
    from analytics.study import Study

READER: Final = Reader("code_officer", Purpose.HEALTH_CODE)
FEEDS: Final = health_code.evidence.FEEDS


def told(
    study: Study, ring: Ring, moment: datetime, views: Mapping[str, ir.Table], rules: Rules,
    connection: Any,
) -> ir.Table:  # fmt: skip
    """
    Tell every change of code that the evidence at hand gives.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
        Opens the latest screening up to the moment, if there is one.
    moment : datetime
        With a zone.
    views : mapping of str to ibis.Table
        Linked rows of `FEEDS` as the purpose health code sees them.
    rules : Rules
    connection : ibis backend

    Returns
    -------
    CODE_CHANGES table
    """
    known = records(study, ring, moment, views, connection)
    return health_code.tell(known, rules, views.get("code_appeals"))


def records(
    study: Study, ring: Ring, moment: datetime, views: Mapping[str, ir.Table], connection: Any
) -> dict[str, ir.Table]:
    """
    Put the records at hand together, as `evidence.gather` takes them.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    moment : datetime
    views : mapping of str to ibis.Table
    connection : ibis backend
        All as :func:`told` takes them.

    Returns
    -------
    dict of str to ibis.Table
        Feeds; types where anybody was screened; grades where a list was published.
    """
    known = health_code.evidence.of_feeds(views)
    for name, rows in (
        ("screening", screened(study, ring, moment)),
        ("grades", graded(study, moment)),
    ):
        if rows.num_rows:
            known[name] = connection.create_table(f"{name}_known", rows, temp=True, overwrite=True)
    return known


def graded(study: Study, moment: datetime) -> pa.Table:
    """
    Read each county's official risk grades, those of an urban area for each of its districts.

    Parameters
    ----------
    study : Study
    moment : datetime
        With a zone; lists published later are not read.

    Returns
    -------
    pyarrow.Table
        ``county``, ``grade`` (a `RiskGrade`) and ``since``, the end of the list's day; empty
        where no list was published.
    """
    listed = published.grades(study, moment)
    places = risk.units(areas(study), "urban_area")
    inside = places.loc[places["unit_type"] == "urban_area", ["unit", "adcode"]]
    urban = listed[listed["unit_type"] == "urban_area"].merge(
        inside, left_on="region", right_on="unit"
    )
    alone = listed[listed["unit_type"] == "county"].assign(adcode=lambda rows: rows["region"])
    rows = pd.concat([urban, alone]).dropna(subset=["adcode"])
    since = pd.to_datetime(rows["date"]) + pd.Timedelta(days=1)
    return pa.table(
        {
            "county": pa.array(rows["adcode"], pa.string()),
            "grade": pa.array(rows["grade"], pa.string()),
            "since": pa.array(since.dt.to_pydatetime(), pa.timestamp("us")),
        }
    )


def screened(study: Study, ring: Ring, moment: datetime) -> pa.Table:
    """
    Read the types of personnel of the latest screening, under the health code's pseudonyms.

    Returns
    -------
    pyarrow.Table
        ``person``, ``category`` (a `PersonnelType`) and ``since``; empty where nobody was
        screened.
    """
    schema = pa.schema(
        [("person", pa.string()), ("category", pa.string()), ("since", pa.timestamp("us"))]
    )
    day = findings.latest_screening(study, moment.astimezone(ZONE).date())
    if day is None:
        return schema.empty_table()
    held = study.state / "vault"
    found = vault.unseal_table(held, f"screening/{day}/persons", ring)
    stated = vault.unseal_table(held, "linkage/persons", ring)["person"]
    keys = pc.unique(stated.drop_null())
    names = pa.table({
        purpose: persons.pseudonyms_of(keys, ring, purpose)
        for purpose in ("screening", "health_code")
    })  # fmt: skip
    types = [str(each) for each in PersonnelType]
    return ledger.query(
        """
        select n.health_code as person, f.category::varchar as category,
            f.since::timestamp as since
        from found f join names n on n.screening = f.person
        where f.category::varchar in (select unnest($types)) and f.since is not null
        """,
        {"types": types}, found=found, names=names,
    ).cast(schema)  # fmt: skip
