"""Linked feeds as screening reads them: their columns, known by the day, about known persons."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from analytics import tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

    Linked = Mapping[str, ir.Table]

_KINDS = {
    "date": "date",
    "moment": "timestamp(6)",
    "integer": "int64",
    "number": "float64",
    "yes_no": "boolean",
}


def end_of(as_of: date) -> datetime:
    """24:00 of a day, without zone as the archive keeps moments."""
    return datetime.combine(as_of + timedelta(days=1), time())


def feed(linked: Linked, name: str, *columns: str) -> ir.Table:
    """
    Columns of one linked feed; a feed or column that is not there is empty.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
        Feeds with ``person``, as `pool.linked.read` gives them.
    name : str
        Feed.
    *columns : str
        Columns of its contract; ``person`` comes with them.
    """
    import ibis

    contract = tables.contract(name)
    kinds = {column: _KINDS.get(contract[column].kind, "string") for column in columns}
    kinds = {"person": "string", **kinds}
    if name not in linked:
        return ibis.memtable(ibis.schema(kinds).to_pyarrow().empty_table())
    table = linked[name]
    present = table.columns
    held = {
        column: table[column].cast(kind) if column in present else ibis.null(kind)
        for column, kind in kinds.items()
    }
    return table.select(**held)


def everybody(linked: Linked) -> list[ir.Table]:
    """Tables of ``person``: everybody that any linked row is about, any number of times."""
    found = [table.select("person") for table in linked.values() if "person" in table.columns]
    return found or [feed({}, "cases").select("person")]


def cases(linked: Linked, as_of: date) -> ir.Table:
    """
    Cases reported by the day that somebody is linked to or that nobody is.

    Columns: person, case_number, reporting_county, classification, onset, reported,
    confirmed, ended (how: outcome known by the day, else empty), ended_on.
    """
    import ibis

    found = feed(
        linked, "cases", "case_number", "reporting_county", "classification", "onset",
        "reported", "confirmed", "outcome", "outcome_date",
    )  # fmt: skip
    found = found.filter(found["reported"] <= as_of)
    over = found["outcome"].isin(["recovered", "died"]) & (
        found["outcome_date"].isnull() | (found["outcome_date"] <= as_of)
    )
    known = found.mutate(
        ended=over.ifelse(found["outcome"], ibis.null("string")),
        ended_on=over.ifelse(found["outcome_date"], ibis.null("date")),
        confirmed=(found["confirmed"] <= as_of).ifelse(found["confirmed"], ibis.null("date")),
    )
    return without(known, "outcome", "outcome_date")


def tests(linked: Linked, as_of: date) -> ir.Table:
    """Tests with a result by the end of the day: person, test_number, method, sampled, result."""
    found = feed(linked, "tests", "test_number", "method", "sampled", "resulted", "result")
    known = (found["resulted"] < end_of(as_of)) & found["result"].notnull()
    return without(found.filter(known & found["person"].notnull()), "resulted")


def visits(linked: Linked, as_of: date, fever_celsius: float = 37.3) -> ir.Table:
    """
    Visits to fever clinics by the end of the day.

    Columns: person, visit_number, visited, county, onset (the day of the visit where it is
    not known), fever, respiratory, imaging, lymphocytes_low, exposure, diagnosis.
    """
    found = feed(
        linked, "fever_visits", "visit_number", "visited", "county", "onset", "temperature",
        "respiratory", "imaging", "lymphocytes_low", "exposure", "diagnosis",
    )  # fmt: skip
    found = found.filter((found["visited"] < end_of(as_of)) & found["person"].notnull())
    known = found.mutate(
        onset=found["onset"].coalesce(found["visited"].date()),
        fever=found["temperature"] >= fever_celsius,
    )
    return without(known, "temperature")


def declarations(linked: Linked, as_of: date, fever_celsius: float) -> ir.Table:
    """Read declarations by the end of the day: fever is as stated, or as the temperature says."""
    found = feed(
        linked, "declarations", "declaration_number", "declared", "temperature", "fever",
        "respiratory", "contact", "travel",
    )  # fmt: skip
    found = found.filter((found["declared"] < end_of(as_of)) & found["person"].notnull())
    # either says yes: yes; one says no and the other nothing: no; neither: unknown
    hot = found["temperature"] >= fever_celsius
    said = found["fever"].coalesce(hot) | hot.coalesce(found["fever"])
    return without(found.mutate(fever=said), "temperature")


def without(table: ir.Table, *columns: str) -> ir.Table:
    """Leave columns out, as a selection: Ibis writes one once, and a drop anew at every use."""
    return table.select(*(name for name in table.columns if name not in columns))


def sure(value: ir.Value) -> ir.Value:
    """Whether it is yes for certain: unknown counts as no."""
    import ibis

    return value.fill_null(ibis.literal(value=False))


def possible(value: ir.Value) -> ir.Value:
    """Whether it may be yes: unknown counts as yes."""
    import ibis

    return value.fill_null(ibis.literal(value=True))
