"""Who is stranded: one row per person, from every department's records, with what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from analytics.codes import PRIVATE_LODGING
from analytics.errors import ContractError

if TYPE_CHECKING:
    import ibis.expr.types as ir

STATUSES = ("placed", "referred", "waiting")
REASONS = {
    "placed": "has a bed at a site",
    "private": "lodges privately: the community visits",
    "unregistered": "known by another trace: to be visited and registered",
    "asked": "asks for a bed",
    "street": "sleeps outside",
}
EVIDENCE = ("registered", "called", "lodged", "roamed", "enrolled", "awaited", "assisted")
NEEDS = (
    "halal", "language", "infant", "wheelchair", "medicine", "permit", "money", "contact_home",
)  # fmt: skip
COLUMNS = (
    "person", "group", "household", "county", "home", "sex", "birth_date", "nationality",
    "spoken", "since", "lodging", *NEEDS, "unclear", "permit_expires", *EVIDENCE,
    "quarantine", "code", "site", "room_type", "room", "status", "reason",
)  # fmt: skip
CALLS = ("stranded", "lodging", "food", "medicine", "travel", "money")
_COMPATRIOTS = ("HKG", "MAC", "TWN")
_PERMIT_DAYS = 30
_HOTEL_NIGHTS = 3
_SEEN_DAYS, _SEEN_WINDOW = 7, 14


def register(known: Mapping[str, ir.Table], as_of: date, province: str) -> ir.Table:
    """
    Gather everyone held up in the province who is known to any department.

    Parameters
    ----------
    known : mapping of feed to ibis.Table
        Columns of each contract that the purpose may see, and ``person``. ``stranded`` must be
        there; ``hotline, hotel_stays, roaming, student_rolls, return_to_work, assistance,
        placements, quarantine, resident_register`` add to it; ``voiced`` (person and yes-or-no
        columns of `needs.NEEDS` and ``unclear``) says what free words asked for, ``codes``
        (person, code) the health code.
    as_of : date
        Known by 24:00 of this day.
    province : str
        Region code of the province.

    Returns
    -------
    ibis.Table
        One row per person, `COLUMNS`: ``person, group, household, county, home, sex, birth_date,
        nationality, spoken, since, lodging``, `NEEDS` and ``unclear`` (bool),
        ``permit_expires``, `EVIDENCE` (bool), ``quarantine`` (bool), ``code``, ``site``,
        ``room_type``, ``room``, ``status`` (of `STATUSES`), ``reason`` (of `REASONS`).

    Raises
    ------
    ContractError
        If there is no table of registrations.

    Notes
    -----
    A registration linked to nobody stands for a person of its own. People registered as
    residents enter only by a registration as stranded. A trace without registration counts
    as known and is referred to the community, so that known = placed + referred + waiting.
    """
    import ibis

    if "stranded" not in known:
        raise ContractError(
            "nobody's registration as stranded was handed over",
            remedy="read the feed 'stranded' too",
        )
    end = as_of + timedelta(days=1)
    home = province[:2]
    own = _registrations(known["stranded"], as_of)
    traces = _traces(known, as_of, end, home)
    everyone = own.select("person")
    for trace in traces.values():
        everyone = everyone.union(trace.select("person"), distinct=True)
    gone = own.filter(own["left"].notnull()).select("person")
    everyone = everyone.distinct().anti_join(gone, "person")
    rows = everyone.left_join(own, "person").drop("person_right")
    for name in EVIDENCE[1:]:
        rows = _marked(rows, traces.get(name), name)
    rows = rows.mutate(registered=rows["registration_number"].notnull())
    rows = _with(rows, _particulars(known, home), ("county", "nationality", "home"))
    rows = rows.mutate(group=_group(rows))
    rows = _needing(rows, known, as_of, end)
    rows = _marked(rows, _observed(known, as_of), "quarantine")
    rows = _attached(rows, known.get("codes"), ("code",))
    rows = _attached(rows, _stays(known, as_of), ("site", "room_type", "room"))
    placed = rows["site"].notnull()
    private = rows["registered"] & rows["lodging"].isin(PRIVATE_LODGING).fill_null(False)  # noqa: FBT003
    street = (rows["lodging"] == "street").fill_null(False)  # noqa: FBT003
    status = ibis.cases(
        (placed, "placed"), (private | ~rows["registered"], "referred"), else_="waiting"
    )
    reason = ibis.cases(
        (placed, "placed"), (~rows["registered"], "unregistered"), (private, "private"),
        (street, "street"), else_="asked",
    )  # fmt: skip
    rows = rows.mutate(status=status, reason=reason)
    return rows.select(*COLUMNS)


def _registrations(stranded: ir.Table, as_of: date) -> ir.Table:
    """Latest registration of each person held up inside; who left by now has a day in `left`."""
    import ibis

    inside = stranded.filter(
        stranded["direction"] == "inside", stranded["registered"].cast("date") <= as_of
    )
    key = ibis.coalesce(inside["person"], ibis.literal("registration ").concat(
        inside["registration_number"]))  # fmt: skip
    inside = inside.mutate(person=key, left=inside["left"].cast("date"))
    first = ibis.row_number().over(
        group_by="person", order_by=[ibis.desc("registered"), ibis.desc("registration_number")]
    )
    inside = inside.mutate(_first=first)
    inside = inside.filter(inside["_first"] == 0).drop("_first")
    left = (inside["left"] <= as_of).fill_null(False)  # noqa: FBT003
    wanted = {
        "spoken": "language", "halal_": "halal", "infant_": "infant",
        "wheelchair_": "wheelchair", "medicine_": "medicine",
    }  # fmt: skip
    plain = (
        "person", "registration_number", "group", "sex", "birth_date", "nationality", "home",
        "county", "household", "since", "lodging", "permit_expires",
    )  # fmt: skip
    inside = _complete(inside, (*plain, *wanted.values()))
    return inside.select(
        *plain,
        **{new: inside[old] for new, old in wanted.items()},
        left=left.ifelse(inside["left"], ibis.null("date")),
    )


_KINDS = {
    "halal": "boolean", "infant": "boolean", "wheelchair": "boolean", "medicine": "boolean",
    "since": "date", "permit_expires": "date", "birth_date": "date",
}  # fmt: skip


def _complete(rows: ir.Table, names: tuple[str, ...]) -> ir.Table:
    import ibis

    missing = {n: ibis.null(_KINDS.get(n, "string")) for n in names if n not in rows.columns}
    rows = rows.mutate(**missing) if missing else rows
    dates = {n: rows[n].cast("date") for n in names if _KINDS.get(n) == "date"}
    return rows.mutate(**dates) if dates else rows


def _traces(
    known: Mapping[str, ir.Table], as_of: date, end: date, home: str
) -> dict[str, ir.Table]:
    """Persons whom each other list shows as held up here."""
    found: dict[str, ir.Table] = {}
    if "hotline" in known:
        calls = known["hotline"]
        found["called"] = calls.filter(calls["topic"].isin(CALLS), calls["called"] < _moment(end))
    if "hotel_stays" in known:
        found["lodged"] = _guests(known["hotel_stays"], as_of, end, home)
    if "roaming" in known:
        found["roamed"] = _roamers(known["roaming"], as_of, home)
    if "student_rolls" in known:
        rolls = known["student_rolls"]
        away = ~rolls["home"].startswith(home) | (rolls["home"].isnull() & (
            rolls["nationality"] != "CHN"))  # fmt: skip
        found["enrolled"] = rolls.filter(rolls["on_campus"], away)
    if "return_to_work" in known:
        lists = known["return_to_work"]
        found["awaited"] = lists.filter(
            lists["origin"].startswith(home), ~lists["destination"].startswith(home)
        )
    if "assistance" in known:
        found["assisted"] = known["assistance"]
    for name, rows in found.items():
        rows = rows.filter(rows["person"].notnull()).select("person").distinct()  # noqa: PLW2901
        if "resident_register" in known:
            residents = known["resident_register"]
            rows = rows.anti_join(  # noqa: PLW2901
                residents.filter(residents["person"].notnull()).select("person"),
                "person",
            )
        found[name] = rows
    return found


def _moment(day: date) -> Any:
    import ibis

    return ibis.timestamp(day.isoformat()).cast("timestamp('Asia/Shanghai')")


def _guests(stays: ir.Table, as_of: date, end: date, home: str) -> ir.Table:
    nights = as_of - timedelta(days=_HOTEL_NIGHTS)
    staying = stays["check_out"].isnull() | (stays["check_out"] >= _moment(end))
    outsider = (~stays["origin"].startswith(home)).fill_null(False) | (  # noqa: FBT003
        stays["nationality"] != "CHN"
    ).fill_null(False)  # noqa: FBT003
    return stays.filter(staying, stays["check_in"] < _moment(nights), outsider)


def _roamers(roaming: ir.Table, as_of: date, home: str) -> ir.Table:
    day = roaming["date"].cast("date")
    seen = roaming.filter(
        day <= as_of, day > as_of - timedelta(days=_SEEN_WINDOW),
        roaming["city"].startswith(home), ~roaming["home"].startswith(home),
        roaming["person"].notnull(),
    )  # fmt: skip
    days = seen.group_by("person").agg(days=seen["date"].nunique())
    return days.filter(days["days"] >= _SEEN_DAYS)


def _particulars(known: Mapping[str, ir.Table], home: str) -> ir.Table | None:
    """County, nationality and home of those without a registration, from the other lists."""
    import ibis

    parts = []
    asked = {
        "hotel_stays": ("county", "nationality", "origin"),
        "hotline": ("county", "", ""),
        "student_rolls": ("county", "nationality", "home"),
        "assistance": ("county", "", ""),
        "roaming": ("city", "", "home"),
        "return_to_work": ("origin", "", "destination"),
    }
    for rank, (feed, names) in enumerate(asked.items()):
        if feed not in known:
            continue
        rows = known[feed]
        county, nationality, origin = (
            rows[n].cast("string") if n and n in rows.columns else ibis.null("string")
            for n in names
        )
        parts.append(
            rows.filter(rows["person"].notnull(), county.startswith(home)).select(
                person=rows["person"],
                county=county,
                nationality=nationality,
                home=origin,
                rank=ibis.literal(rank),
            )
        )
    if not parts:
        return None
    together = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return together.group_by("person").agg(
        county=together["county"].argmin(together["rank"]),
        nationality=together["nationality"].max(),
        home=together["home"].argmin(together["rank"]),
    )


def _group(rows: ir.Table) -> Any:
    import ibis

    return ibis.coalesce(
        rows["group"],
        ibis.cases(
            (rows["nationality"].isin(_COMPATRIOTS).fill_null(False), "hong_kong_macao_taiwan"),  # noqa: FBT003
            ((rows["nationality"] != "CHN").fill_null(False), "foreigner"),  # noqa: FBT003
            (rows["enrolled"], "university_student"),
            (rows["awaited"], "migrant_worker"),
            else_="unknown",
        ),
    )


def _needing(rows: ir.Table, known: Mapping[str, ir.Table], as_of: date, end: date) -> ir.Table:
    """Needs by registration, by what was called about, and by free words."""
    import ibis

    no = False
    if "hotline" in known:
        calls = known["hotline"]
        calls = calls.filter(calls["called"] < _moment(end), calls["person"].notnull())
        topics = calls.group_by("person").agg(
            _money=(calls["topic"] == "money").any(), _medicine=(calls["topic"] == "medicine").any()
        )
        rows = _attached(rows, topics, ("_money", "_medicine"))
    else:
        rows = rows.mutate(_money=ibis.literal(no), _medicine=ibis.literal(no))
    voiced = ("halal", "language", "infant", "wheelchair", "medicine", "permit", "money",
              "contact_home", "unclear")  # fmt: skip
    if "voiced" in known:
        said = known["voiced"]
        said = said.group_by("person").agg(**{f"_said_{n}": said[n].any() for n in voiced})
        rows = _attached(rows, said, tuple(f"_said_{n}" for n in voiced))
    else:
        rows = rows.mutate(**{f"_said_{n}": ibis.literal(no) for n in voiced})
    soon = as_of + timedelta(days=_PERMIT_DAYS)
    stated = {
        "halal": rows["halal_"], "infant": rows["infant_"], "wheelchair": rows["wheelchair_"],
        "medicine": rows["medicine_"].fill_null(no) | rows["_medicine"].fill_null(no),
        "language": rows["spoken"].notnull() & (rows["spoken"] != "cmn"),
        "permit": rows["permit_expires"] <= soon,
        "money": rows["_money"],
        "contact_home": ibis.literal(no),
        "unclear": ibis.literal(no),
    }  # fmt: skip
    return rows.mutate(**{
        name: value.fill_null(no) | rows[f"_said_{name}"].fill_null(no)
        for name, value in stated.items()
    })  # fmt: skip


def _observed(known: Mapping[str, ir.Table], as_of: date) -> ir.Table | None:
    if "quarantine" not in known:
        return None
    rows = known["quarantine"]
    rows = rows.mutate(start=rows["started"].cast("date"), released=rows["released"].cast("date"))
    ended = (rows["released"] <= as_of).fill_null(False)  # noqa: FBT003
    return rows.filter(rows["start"] <= as_of, ~ended, rows["person"].notnull())


def _stays(known: Mapping[str, ir.Table], as_of: date) -> ir.Table | None:
    import ibis

    if "placements" not in known:
        return None
    rows = known["placements"]
    came, left = rows["check_in"].cast("date"), rows["check_out"].cast("date")
    rows = rows.filter(
        came <= as_of,
        ~(left <= as_of).fill_null(False),  # noqa: FBT003
        rows["person"].notnull(),
    )
    latest = ibis.row_number().over(
        group_by="person", order_by=[ibis.desc("check_in"), ibis.desc("placement_number")]
    )
    rows = rows.mutate(_latest=latest)
    return rows.filter(rows["_latest"] == 0)


def _marked(rows: ir.Table, others: ir.Table | None, name: str) -> ir.Table:
    """Add a yes-or-no column: whether the person is among `others`."""
    import ibis

    if others is None:
        return rows.mutate(**{name: ibis.literal(False)})  # noqa: FBT003
    mark = others.select("person").distinct().mutate(_mark=ibis.literal(True))  # noqa: FBT003
    joined = rows.left_join(mark, "person").drop("person_right")
    return joined.mutate(**{name: joined["_mark"].fill_null(False)}).drop("_mark")  # noqa: FBT003


def _attached(rows: ir.Table, others: ir.Table | None, names: tuple[str, ...]) -> ir.Table:
    """Bring columns of another table over, one row per person there."""
    import ibis

    if others is None:
        return rows.mutate(**{name: ibis.null("string") for name in names})
    return rows.left_join(others.select("person", *names), "person").drop("person_right")


def _with(rows: ir.Table, others: ir.Table | None, names: tuple[str, ...]) -> ir.Table:
    """Fill gaps of columns from another table."""
    import ibis

    if others is None:
        return rows
    renamed = others.select("person", **{f"_{name}": others[name] for name in names})
    joined = rows.left_join(renamed, "person").drop("person_right")
    filled = joined.mutate(**{n: ibis.coalesce(joined[n], joined[f"_{n}"]) for n in names})
    return filled.drop(*(f"_{name}" for name in names))
