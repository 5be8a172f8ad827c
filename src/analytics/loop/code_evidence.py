"""
What a health code rests on: departments' feeds, and what the workbench's own screening found.

Screening knows people by its own pseudonyms; here, in memory alone, they become those of the
health code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from analytics.analysis import health_code
from analytics.codes import PersonnelType, Purpose
from analytics.loop import findings, ledger, persons
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
    records = health_code.evidence.of_feeds(views)
    types = screened(study, ring, moment)
    if types.num_rows:
        records["screening"] = connection.create_table("types_screened", types, temp=True)
    return health_code.tell(records, rules, views.get("code_appeals"))


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
