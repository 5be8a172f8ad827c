"""Health codes rest on what screening found, under their own pseudonyms."""

from __future__ import annotations

from datetime import date, datetime

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from tests import loop_study as drawn

from analytics import engine, tables
from analytics import study as studies
from analytics.analysis import health_code
from analytics.loop import code_evidence
from analytics.pool import archive, published
from analytics.privacy import vault

DAY = date(2020, 2, 9)


@pytest.fixture
def study(monkeypatch, tmp_path):
    chosen, ring = drawn.make(monkeypatch, tmp_path, people=6)
    persons = pa.table({
        "person": [drawn.subject(ring, n) for n in range(4)],
        "category": ["confirmed", "close_contact", "recovered", "none"],
        "since": pa.array([date(2020, 2, 8)] * 3 + [None], pa.date32()),
    })  # fmt: skip
    vault.seal_table(chosen.state / "vault", persons, f"screening/{DAY}/persons", DAY, ring)
    return chosen, ring


def test_types_come_under_the_codes_pseudonyms_and_others_do_not_count(study):
    chosen, ring = study
    found = code_evidence.screened(chosen, ring, drawn.hours(1)).to_pylist()
    since = datetime(2020, 2, 8)
    assert sorted(found, key=lambda row: row["category"], reverse=True) == [
        {"person": drawn.subject(ring, 0, "health_code"), "category": "confirmed", "since": since},
        {"person": drawn.subject(ring, 1, "health_code"), "category": "close_contact",
         "since": since},
    ]  # fmt: skip
    assert code_evidence.screened(chosen, ring, drawn.hours(-48)).num_rows == 0


def test_whoever_screening_finds_to_be_a_case_loses_a_green_code(study):
    chosen, ring = study
    simulated = drawn.ROOT / "data" / "hubei-2020-simulated" / "health_code.toml"
    rules = health_code.rules.read(simulated)
    schema = pa.schema([*archive.schema(tables.contract("declarations")), ("person", pa.string())])
    who = [drawn.subject(ring, n, "health_code") for n in (0, 5)]
    declared = pa.Table.from_pylist(
        [{"person": one, "county": "420106", "temperature": 36.5,
          "declared": datetime(2020, 2, 9, 8)} for one in who], schema)  # fmt: skip
    connection = engine.connect()
    views = {"declarations": ibis.memtable(declared)}
    moment = drawn.hours(2)
    told = code_evidence.told(chosen, ring, moment, views, rules, connection)
    changes = connection.create_table("changes", engine.rows(told, connection), temp=True)
    asked = ibis.memtable(pa.table({"person": who}))
    now = health_code.fairness.standing(changes, asked, moment.replace(tzinfo=None))
    codes = {row["person"]: row["code"] for row in engine.rows(now, connection).to_pylist()}
    connection.disconnect()
    assert codes == {who[0]: "red", who[1]: "green"}


def test_an_urban_areas_grade_is_that_of_each_of_its_districts(monkeypatch):
    """Listed as of the 12th, it is in force from its end."""
    chosen = studies.load("hubei-2020")
    listed = pd.DataFrame(
        {
            "date": [date(2020, 3, 12)] * 2,
            "region": ["420700", "429021"],
            "unit_type": ["urban_area", "county"],
            "grade": ["medium", "low"],
        }
    )
    monkeypatch.setattr(published, "grades", lambda *_: listed)
    found = code_evidence.graded(chosen, studies.moment(DAY)).to_pylist()
    assert {row["county"]: row["grade"] for row in found} == {
        "420702": "medium", "420703": "medium", "420704": "medium", "429021": "low",
    }  # fmt: skip
    assert {row["since"] for row in found} == {datetime(2020, 3, 13)}
    monkeypatch.setattr(published, "grades", lambda *_: listed.iloc[:0])
    assert code_evidence.graded(chosen, studies.moment(DAY)).num_rows == 0
