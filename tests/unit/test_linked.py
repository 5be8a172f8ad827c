"""Linked records: one person in every feed, another name for every purpose."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv
from tests import pool_study
from tests.made_up_people import records

from analytics import engine
from analytics.codes import Purpose
from analytics.errors import ArchiveError, PurposeError
from analytics.pool import deliveries, linked, pooling
from analytics.pool.linkage.sealed import link_study
from analytics.privacy import audit, keys
from analytics.privacy.purposes import Reader
from analytics.study import ZONE, moment

DAY = date(2020, 2, 20)
WHEN = datetime(2020, 2, 20, 9, tzinfo=ZONE)
SCREENING = Reader("epidemiologist", Purpose.SCREENING)
CODES = Reader("code_officer", Purpose.HEALTH_CODE)
PEOPLE = records(400, seed=8)


def file(rows):
    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink)
    return bytes(sink.getvalue())


def written(department, extra):
    """Rows of a department's people, with the columns its feed needs besides."""
    rows = PEOPLE.filter(pc.equal(PEOPLE["department"], department))
    rows = rows.filter(pc.is_valid(rows["id_card"])).rename_columns(
        {"id_card": "id_number"}  # as contracts call it
    )
    rows = rows.select(["id_number", "name", "birth_date", "phone", "county", "address", "record"])
    for name, value in extra.items():
        filled = pc.binary_join_element_wise(value, rows["record"], "") if len(value) == 1 else None
        rows = rows.append_column(name, filled or pa.array([value] * rows.num_rows))
    return rows.drop_columns(["record"])


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        study = pool_study.make(patch, tmp_path_factory.mktemp("linked"))
        ring = keys.create(study.name)
        register = written("police", {})
        cases = written("health", {
            "case_number": "C", "reporting_county": "420102", "classification": "confirmed",
            "reported": "2020-02-19",
        })  # fmt: skip
        phones = pc.drop_null(pc.unique(register["phone"]))
        seen = pa.table({"phone": phones}).append_column(
            "date", pa.array(["2020-02-19"] * len(phones))
        )
        seen = seen.append_column("city", pa.array(["420100"] * len(phones)))
        met = cases.select(["case_number", "county", "phone"]).append_column(
            "contact_number", pc.binary_join_element_wise("K", cases["case_number"], "")
        )
        met = met.append_column("last_contact", pa.array(["2020-02-18"] * met.num_rows))
        met = met.append_column("reported", pa.array(["2020-02-19 10:00"] * met.num_rows))
        for feed, rows in {
            "resident_register": register, "cases": cases, "roaming": seen, "contacts": met,
        }.items():  # fmt: skip
            deliveries.drop(study, feed, DAY, file(rows), delivered=WHEN)
        outcome = pooling.run(study, ring)
        assert [e.refused for e in outcome.added] == [""] * 4
        with pytest.raises(ArchiveError, match="never linked"):
            read(study, ring, SCREENING)
        link_study(study, ring, train=True, memory_limit_mb=500)
        yield study, ring


def read(study, ring, reader, feeds=None):
    connection = engine.connect()
    try:
        views = linked.read(study, moment(DAY), reader, ring, connection, feeds=feeds)
        return {feed: engine.rows(rows, connection) for feed, rows in views.items()}
    finally:
        connection.disconnect()


def joined(left, right, on):
    return left.join(right, on, join_type="inner")


def test_one_person_is_the_same_in_every_feed(pooled):
    """Case and register agree on the person wherever they state one number."""
    views = read(*pooled, SCREENING)
    both = joined(
        views["cases"].select(["id_number", "person"]),
        views["resident_register"]
        .select(["id_number", "person"])
        .rename_columns({"id_number": "id_number", "person": "registered"}),
        "id_number",
    )
    assert both.num_rows > 50
    assert both["person"].null_count == 0
    assert pc.all(pc.equal(both["person"], both["registered"])).as_py()


def test_a_phone_leads_to_its_only_holder(pooled):
    """A roaming row is the person's whose phone it is; a phone several share is nobody's."""
    views = read(*pooled, SCREENING)
    register = views["resident_register"].select(["phone", "person"])
    held = register.filter(pc.is_valid(register["phone"])).group_by("phone")
    holders = held.aggregate([("person", "count_distinct"), ("person", "min")])
    seen = joined(views["roaming"].select(["phone", "person"]), holders, "phone")
    alone = seen.filter(pc.equal(seen["person_count_distinct"], 1))
    shared = seen.filter(pc.greater(seen["person_count_distinct"], 1))
    known = alone.filter(pc.is_valid(alone["person"]))
    assert (shared.num_rows > 10, shared["person"].null_count) == (True, shared.num_rows)
    assert known.num_rows > 50
    assert pc.all(pc.equal(known["person"], known["person_min"])).as_py()


def test_numbers_of_a_persons_rows_still_join_their_feeds(pooled):
    """A contact names its case by the same number, which is not the department's own."""
    views = read(*pooled, SCREENING)
    met = joined(views["contacts"].select(["case_number"]), views["cases"], "case_number")
    assert met.num_rows == views["contacts"].num_rows > 0
    assert not pc.any(pc.starts_with(met["case_number"], "Cr")).as_py()


@pytest.mark.parametrize("column", ["person", "case_number", "id_number", "phone"])
def test_two_purposes_share_no_name(pooled, column):
    """Screening's and the code office's views have no name of a person or row in common."""
    one = read(*pooled, SCREENING, ["cases"])["cases"]
    other = read(*pooled, CODES, ["cases"])["cases"]
    assert one.num_rows == other.num_rows
    assert not set(one[column].to_pylist()) & set(other[column].to_pylist()) - {None}


def test_what_a_purpose_may_not_see_is_refused(pooled):
    """The code office has nothing to seek in the department that sees no reason for it."""
    study, ring = pooled
    before = (study.state / "audit.jsonl").read_text().count('"refuse"')
    with pytest.raises(PurposeError, match="roaming"):
        read(study, ring, CODES, ["roaming"])
    assert (study.state / "audit.jsonl").read_text().count('"refuse"') == before + 1


def test_everything_read_is_in_the_audit_log_with_role_and_purpose(pooled):
    """One entry a feed, as many rows as were handed out; the log's chain holds."""
    study, ring = pooled
    log = study.state / "audit.jsonl"
    before = audit.head(log).entries
    views = read(study, ring, SCREENING)
    entries = [json.loads(line) for line in log.read_text().splitlines()][before:]
    assert {e["object"]: e["counts"]["rows"] for e in entries} == {
        feed: view.num_rows for feed, view in views.items()
    }
    said = {(e["action"], e["role"], e["purpose"]) for e in entries}
    assert said == {("read", "epidemiologist", "screening")}
    assert audit.verify(log).head.entries == before + len(views)


def test_nobody_reads_without_saying_in_which_role_and_for_what(pooled):
    study, ring = pooled
    with pytest.raises(TypeError, match="role"):
        Reader()
    with pytest.raises(TypeError, match="purpose"):
        Reader("epidemiologist")
    with pytest.raises(PurposeError, match="may not read for"):
        read(study, ring, Reader("statistician", Purpose.SCREENING), ["cases"])
