"""The command that screens a study's people: sealed tables in, sealed tables and totals out."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv
from tests import pool_study
from tests.drawn import linked as drawn
from tests.made_up_people import records
from typer.testing import CliRunner

from analytics.cli import app
from analytics.pool import deliveries, linked, pooling
from analytics.pool.linkage.sealed import link_study
from analytics.privacy import keys, vault
from analytics.study import ZONE

DAY = date(2020, 2, 20)
WHEN = datetime(2020, 2, 20, 9, tzinfo=ZONE)
PEOPLE = records(300, seed=8)


def file(rows):
    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink)
    return bytes(sink.getvalue())


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    study = pool_study.make(monkeypatch, tmp_path)
    ring = keys.create(study.name)
    rows = PEOPLE.filter(pc.is_valid(PEOPLE["id_card"])).rename_columns({"id_card": "id_number"})
    rows = rows.select(["id_number", "name", "birth_date", "phone", "county", "department",
                        "record"])  # fmt: skip
    police = rows.filter(pc.equal(rows["department"], "police"))
    health = rows.filter(pc.equal(rows["department"], "health"))
    size = health.num_rows
    number = pc.binary_join_element_wise("C", health["record"], "")
    many = pa.array(["confirmed" if place % 30 else "suspected" for place in range(size)])
    cases = health.append_column("case_number", number).append_column("classification", many)
    cases = cases.append_column("reporting_county", pa.array(["420102"] * size))
    cases = cases.append_column("reported", pa.array(["2020-02-19"] * size))
    for feed, table in {"resident_register": police, "cases": cases}.items():
        delivered = table.drop_columns(["department", "record"])
        deliveries.drop(study, feed, DAY, file(delivered), delivered=WHEN)
    pooling.run(study, ring)
    link_study(study, ring, train=True, memory_limit_mb=500)
    return study, ring


def run(study: str) -> str:
    arguments = ["screen", "--study", study, "--as-of", "2020-02-20", "--memory", "512"]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).output


def checked(study, ring) -> pa.Table:
    """Run the command twice and hold what it printed against what it sealed."""
    said = run(study.name)
    folder = study.state / "vault"
    persons = vault.unseal_table(folder, "screening/2020-02-20/persons", ring)
    trace = vault.unseal_table(folder, "screening/2020-02-20/trace", ring)
    counts = {each["values"]: each["counts"] for each in
              persons["category"].value_counts().to_pylist()}  # fmt: skip
    assert counts["confirmed"] > 10
    assert 0 < counts["suspected"] < 10
    printed = dict(line.split()[:2] for line in said.splitlines() if line.startswith("  "))
    assert printed["suspected"] == "hidden"
    assert printed["confirmed"] in {f"{counts['confirmed']:,}", "hidden"}
    managed = persons.filter(pc.not_equal(persons["category"], "none"))["person"]
    assert set(managed.to_pylist()) == set(trace["person"].to_pylist())
    assert run(study.name) == said
    return persons


@pytest.mark.slow
def test_screen_reads_pooled_and_linked_records(pooled):
    persons = checked(*pooled)
    assert not set(PEOPLE["id_card"].to_pylist()) & set(persons["person"].to_pylist())


def test_screen_seals_everything_and_prints_totals_without_small_cells(tmp_path, monkeypatch):
    study = pool_study.make(monkeypatch, tmp_path)
    ring = keys.create(study.name)
    cases = [
        "person | case_number | reporting_county | classification | reported | onset | confirmed"
    ]
    cases += [f"p{n} | c{n} | 420106 | {'confirmed' if n % 7 else 'suspected'} | 2020-02-19 | |"
              for n in range(40)]  # fmt: skip
    given = {"cases": drawn("cases", "\n".join(cases))}

    def read(*_: object, **__: object) -> dict[str, object]:
        return given

    monkeypatch.setattr(linked, "read", read)
    checked(study, ring)
