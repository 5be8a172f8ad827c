"""
Every rule that holds, or cannot be decided, for every person, with its evidence.

Tables
------
MATCHES
    person, category, rule, edition, feed, record, feature, date, value (as text), holds
    (empty where what is known does not decide it). A row is one piece of evidence.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from analytics.analysis.screening import clinical, laboratory, pictures, records
from analytics.analysis.screening.contacts import KINDS
from analytics.analysis.screening.evidence import COLUMNS, match

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.evidence import Evidence
    from analytics.analysis.screening.protocols import Protocols
    from analytics.analysis.screening.records import Linked

_TOLD = ("person", "rule", "date", "holds")


def find(
    linked: Linked,
    contacts: ir.Table,
    protocols: Protocols,
    as_of: date,
    *,
    features: bool = True,
) -> ir.Table:
    """
    Find all matches of a day.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    contacts : CONTACTS_MADE table
        First generation.
    protocols : Protocols
    as_of : date
    features : bool
        Whether a rule on the clinical picture gets a row for each feature it asks for, or
        one only, as of all others then only what decides is told.

    Returns
    -------
    MATCHES table
        Without `features` only its columns person, rule, date and holds.
    """
    import ibis

    editions = protocols.diagnosis_on(as_of)
    closed = pictures.closings(linked, as_of)
    seen = pictures.visits(linked, contacts, closed, protocols, as_of)
    negative = laboratory.double_negative(linked, seen, protocols, as_of)
    picture = pictures.matching(seen, editions)
    cleared = laboratory.cleared(negative, picture, protocols)
    parts = [
        *clinical.cases(linked, editions, cleared, as_of),
        *laboratory.tests(linked, editions, protocols, as_of),
        clinical.visits(seen, editions, cleared),
        *clinical.pictures_of(seen, editions, cleared, features=features),
        laboratory.kept(negative, picture, protocols),
        *_fever(linked, seen, closed, protocols, as_of),
        _contacts(contacts, protocols, as_of),
    ]
    columns = COLUMNS if features else _TOLD
    return ibis.union(*(part.table(columns) for part in parts))


def _fever(
    linked: Linked, seen: ir.Table, closed: ir.Table, protocols: Protocols, as_of: date
) -> list[Evidence]:
    numbers = protocols.picture
    start = records.end_of(as_of) - timedelta(days=numbers.fever_days)
    recent = seen.filter(seen["visited"] >= start)
    said = recent.filter(recent["diagnosis"] == "fever")
    undiagnosed = recent.filter(recent["diagnosis"].isnull() & records.sure(recent["fever"]))
    clinic = {"feed": "fever_visits", "record": "visit_number"}
    parts = [
        match(said, "fever", "doctor_fever", date=said["visited"].date(), feature="diagnosis",
               value="fever", **clinic),
        match(undiagnosed, "fever", "fever_at_clinic", date=undiagnosed["visited"].date(),
               feature="fever", value="yes", **clinic),
    ]  # fmt: skip
    if "declarations" in linked:
        told = records.declarations(linked, as_of, numbers.fever_celsius)
        told = told.filter(records.sure(told["fever"]) & (told["declared"] >= start))
        told = pictures.still_open(told, "declared", closed)
        parts.append(match(told, "fever", "fever_declared", "declarations",
                            record="declaration_number", feature="fever",
                            date=told["declared"].date(), value="yes"))  # fmt: skip
    if "checkpoint_passes" in linked:
        gate = records.feed(linked, "checkpoint_passes", "pass_number", "passed", "temperature")
        gate = gate.filter(
            gate["person"].notnull()
            & (gate["passed"] < records.end_of(as_of))
            & (gate["passed"] >= start)
            & (gate["temperature"] >= numbers.fever_celsius)
        )
        gate = pictures.still_open(gate, "passed", closed)
        parts.append(match(gate, "fever", "fever_at_checkpoint", "checkpoint_passes",
                            record="pass_number", feature="temperature",
                            date=gate["passed"].date(), value=gate["temperature"]))  # fmt: skip
    return parts


def observed(contacts: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """Contacts still under observation: met no more than so many days ago."""
    first = as_of - timedelta(days=protocols.contact_on(as_of).observation_days)
    return contacts.filter((contacts["last"] >= first) & (contacts["first"] <= as_of))


def _contacts(contacts: ir.Table, protocols: Protocols, as_of: date) -> Evidence:
    now = observed(contacts, protocols, as_of)
    rule = now["kind"].cases(*((kind, f"contact_{kind}") for kind in KINDS))
    return match(now, "close_contact", rule, now["feed"], record="record", feature="contact",
                  date=now["last"], value=now["source_record"], holds=now["holds"],
                  edition=protocols.contact_on(as_of).edition)  # fmt: skip
