"""Everything departments know about stranded people, as the resettlement officer may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics import engine
from analytics.codes import Purpose
from analytics.pool import archive, boundaries, linked
from analytics.pool.areas import areas
from analytics.privacy import keys
from analytics.privacy.purposes import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import ibis.expr.types as ir
    import pandas as pd

    from analytics.study import Study

READER = Reader("resettlement_officer", Purpose.RESETTLEMENT)
PERSONAL = (
    "stranded", "hotline", "hotel_stays", "roaming", "student_rolls", "return_to_work",
    "assistance", "placements", "quarantine", "resident_register",
)  # fmt: skip
_PROJECTED = 4547  # CGCS2000, Gauss-Krueger zone of central China [m]


@dataclass(frozen=True)
class Stranded:
    """
    What is known of stranded people and of sites at a moment.

    Parameters
    ----------
    known : mapping of feed to ibis.Table
        Columns the purpose may see and ``person``; feeds in `PERSONAL`.
    sites, rooms, calls, given : DataFrame
        SITES, ROOMS, HOTLINE and ASSISTANCE as known at the moment.
    places : DataFrame
        As `places` gives them.
    deliveries : DataFrame
        ``feed, department, deliveries, delivered, rows``: what these figures rest on.
    """

    known: Mapping[str, ir.Table]
    sites: pd.DataFrame
    rooms: pd.DataFrame
    calls: pd.DataFrame
    given: pd.DataFrame
    places: pd.DataFrame
    deliveries: pd.DataFrame


def read(study: Study, at: datetime, connection: Any) -> Stranded:
    """
    Read what was known of stranded people at a moment.

    Parameters
    ----------
    study : Study
    at : datetime
        Deliveries that arrived later are left out; without zone, Asia/Shanghai is meant.
    connection : ibis backend
        As `engine.connect` gives.

    Returns
    -------
    Stranded
        Without rows where no department delivered any registration.

    Raises
    ------
    ArchiveError
        If registrations were delivered, but the study's people were never linked.
    KeyringError
        If registrations were delivered, and there is no ring.
    """
    folder = study.state / "archive"
    entries = [entry for entry in archive.entries(folder) if entry.delivered <= at]
    if any(entry.feed == "stranded" for entry in entries):
        personal = linked.read(study, at, READER, keys.load(study.name), connection, feeds=PERSONAL)
    else:
        known = archive.as_of(folder, at, connection, feeds=PERSONAL)
        personal = {feed: _nobody(known[feed], connection) for feed in PERSONAL}
    housing = archive.as_of(folder, at, connection, feeds=("sites", "rooms"))
    return Stranded(
        personal, engine.collect(housing["sites"], connection),
        engine.collect(housing["rooms"], connection),
        engine.collect(personal["hotline"], connection),
        engine.collect(personal["assistance"], connection),
        places(study), _deliveries(entries),
    )  # fmt: skip


def _nobody(rows: ir.Table, connection: Any) -> ir.Table:
    """Table of a feed nobody delivered, with the column of persons."""
    import ibis
    import pyarrow as pa

    empty = engine.rows(rows.limit(0), connection)
    return ibis.memtable(empty.append_column("person", pa.array([], pa.string())))


def places(study: Study) -> pd.DataFrame:
    """
    Points inside counties and prefectures, from which ways are measured.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        ``region, longitude, latitude, name, name_en, prefecture``; longitude and latitude in
        CGCS2000 (EPSG:4490).
    """
    import pandas as pd

    parts = []
    for level in ("county", "prefecture"):
        drawn = boundaries.read(study, level)
        point = drawn.to_crs(_PROJECTED).representative_point().to_crs(4490)
        parts.append(pd.DataFrame({
            "region": drawn["adcode"], "longitude": point.x, "latitude": point.y,
            "name": drawn["name"],
        }))  # fmt: skip
    found = pd.concat(parts, ignore_index=True).drop_duplicates("region", ignore_index=True)
    known = areas(study).drop_duplicates("adcode").set_index("adcode")
    for name in ("name_en", "prefecture"):
        found[name] = found["region"].map(known[name]) if name in known else None
    above = areas(study).drop_duplicates("prefecture").set_index("prefecture")
    wide = found["region"].map(above["prefecture_name_en"])
    found["name_en"] = found["name_en"].fillna(wide).fillna(found["name"])
    found["prefecture"] = found["prefecture"].fillna(found["region"])
    return found


def _deliveries(entries: list[Any]) -> pd.DataFrame:
    import pandas as pd

    wanted = {*PERSONAL, "sites", "rooms"}
    rows = [
        {"feed": e.feed, "department": e.department, "delivered": e.delivered, "rows": e.accepted}
        for e in entries if e.feed in wanted
    ]  # fmt: skip
    columns = ["feed", "department", "delivered", "rows"]
    table = pd.DataFrame(rows, columns=columns)
    return table.groupby(["department", "feed"], as_index=False).agg(
        deliveries=("rows", "size"), delivered=("delivered", "max"), rows=("rows", "sum")
    )
