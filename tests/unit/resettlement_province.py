"""A small made-up province: feeds as an analysis receives them, one row written out each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa

DAY = date(2020, 2, 20)
_ZONE = pa.timestamp("us", tz="Asia/Shanghai")


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2020, 2, day, hour, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)


_KINDS = {
    "halal": pa.bool_(), "wheelchair": pa.bool_(), "infant": pa.bool_(), "medicine": pa.bool_(),
    "registered": pa.date32(), "since": pa.date32(), "left": pa.date32(),
    "permit_expires": pa.date32(), "birth_date": pa.date32(), "called": _ZONE, "answered": _ZONE,
    "check_in": pa.date32(), "check_out": pa.date32(), "started": pa.date32(),
    "released": pa.date32(), "on_campus": pa.bool_(), "date": pa.date32(),
}  # fmt: skip
_FEEDS = {
    "stranded": (
        "person", "registration_number", "registered", "direction", "group", "sex", "birth_date",
        "nationality", "language", "home", "county", "household", "since", "left", "lodging",
        "halal", "wheelchair", "infant", "medicine", "permit_expires",
    ),
    "hotline": ("person", "call_number", "called", "answered", "topic", "county"),
    "hotel_stays": ("person", "check_in", "check_out", "origin", "nationality", "county"),
    "placements": ("person", "placement_number", "site", "room_type", "room", "check_in",
                   "check_out"),
    "quarantine": ("person", "started", "released"),
    "student_rolls": ("person", "home", "nationality", "county", "on_campus"),
    "roaming": ("person", "date", "city", "home"),
    "return_to_work": ("person", "origin", "destination"),
    "resident_register": ("person",),
    "assistance": ("person", "measure", "status", "requested", "given", "amount", "county"),
}  # fmt: skip


def table(feed: str, *rows: dict[str, object]) -> ibis.Table:
    """Rows of a feed, columns not named being empty."""
    moments = {"check_in": _ZONE, "check_out": _ZONE} if feed == "hotel_stays" else {}
    dates = {"requested": pa.date32(), "given": pa.date32(), "amount": pa.float64()}
    kinds = {**_KINDS, **moments, **(dates if feed == "assistance" else {})}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in _FEEDS[feed]])
    full = [{name: row.get(name) for name in _FEEDS[feed]} for row in rows]
    return ibis.memtable(pa.Table.from_pylist(full, schema=schema))


def stranded(person: str | None, **more: object) -> dict[str, object]:
    """One registration as stranded, a man of Henan alone in Wuhan's Jiang'an unless said."""
    return {
        "person": person, "registration_number": f"Z{person}", "registered": date(2020, 2, 10),
        "direction": "inside", "group": "tourist", "sex": "male", "nationality": "CHN",
        "language": "cmn", "home": "410100", "county": "420102", "since": date(2020, 1, 23),
        "lodging": "site", **more,
    }  # fmt: skip
