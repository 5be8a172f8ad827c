"""Cases, tests and screening of a small province on the risk page, as far as they may leave."""

from __future__ import annotations

from datetime import date, datetime

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from analytics import study as studies
from analytics import tables
from analytics.pool import archive
from analytics.privacy import keys, vault
from analytics.reporting import patients

DAY = date(2020, 2, 29)
STUDY = "hubei-2020-simulated"


def view(feed, rows):
    schema = archive.schema(tables.contract(feed))
    typed = pa.schema([*schema, ("person", pa.string())])
    return ibis.memtable(pa.Table.from_pylist(rows, typed))


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    chosen = studies.load(STUDY)
    ring = keys.create(STUDY)
    persons = pa.table({
        "person": [f"p{n}" for n in range(60)],
        "category": ["confirmed"] * 40 + ["suspected"] * 15 + ["none"] * 5,
        "county": ["420106"] * 30 + ["420502"] * 25 + ["110101"] * 5,
    })  # fmt: skip
    indicators = pa.table({
        "indicator": ["lost"], "numerator": [20], "denominator": [100], "unknown": [0],
    })  # fmt: skip
    for name, table in (("persons", persons), ("indicators", indicators)):
        vault.seal_table(chosen.state / "vault", table, f"screening/{DAY}/{name}", DAY, ring)
    return chosen


def case(number, age, sex="female", severity="mild"):
    return {"person": f"p{number}", "case_number": f"c{number}", "age": age, "sex": sex,
            "severity": severity, "classification": "confirmed", "reported": DAY}  # fmt: skip


def test_nothing_is_shown_where_nobody_was_screened(study):
    assert patients.patients(study, date(2020, 2, 28)) is None


def test_counts_leave_only_where_no_small_one_can_be_worked_out(study, monkeypatch):
    cases = [case(n, 30) for n in range(25)] + [
        case(n, 65, "male", "severe") for n in range(25, 40)
    ]
    cases += [case(40, 85)]
    tests = [
        {"person": f"p{n}", "test_number": f"t{n}", "method": "nucleic_acid",
         "result": "positive" if n < 20 else "negative", "sampled": datetime(2020, 2, 27, 9)}
        for n in range(60)
    ]  # fmt: skip
    linked = {"cases": view("cases", cases), "tests": view("tests", tests)}
    monkeypatch.setattr(patients.linked, "read", lambda *_, **__: linked)
    found = patients.patients(study, DAY)
    assert found.screened == DAY
    whole = found.totals.table.set_index(["county", "category"])["persons"]
    assert whole[("420000", "confirmed")] == 40
    assert found.indicators["numerator"].tolist() == [20]
    ages = found.by_age.set_index("age_group")
    shown = ages.melt()["value"].dropna()
    assert ((shown == 0) | (shown >= 10)).all()
    assert pd.isna(ages.loc["80+", "female"])
    assert found.tests.set_index("date").loc["2020-02-27", ["tested", "positive"]].tolist() == [
        60, 20]  # fmt: skip
    assert found.beds is None
