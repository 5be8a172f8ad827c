"""The command that links a study's people: originals in the vault in, person table out."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv
from tests import pool_study
from tests.made_up_people import records
from typer.testing import CliRunner

from analytics.cli import app
from analytics.errors import ContractError
from analytics.pool import deliveries, pooling
from analytics.privacy import audit, crosswalk, keys, vault
from analytics.study import ZONE

DAY = date(2020, 2, 20)
MORE = {
    "resident_register": {},
    "cases": {
        "case_number": "C",
        "reporting_county": "420102",
        "classification": "confirmed",
        "reported": "2020-02-19",
    },
    "community_registration": {"registration_number": "G", "registered": "2020-02-19"},
}
FROM = {"resident_register": "police", "cases": "health", "community_registration": "government"}


def delivered(people, feed):
    """File of a feed with the records of its department."""
    rows = people.filter(pc.equal(people["department"], FROM[feed]))
    if feed == "resident_register":
        rows = rows.filter(pc.is_valid(rows["id_card"]))
    columns = {"id_number" if name == "id_card" else name: rows[name] for name in rows.column_names}
    kept = ("id_number", "name", "birth_date", "phone", "county", "address")
    table = pa.table({name: columns[name] for name in kept})
    for name, value in MORE[feed].items():
        number = pc.binary_join_element_wise(value, rows["record"], "")
        filled = pa.array([value] * rows.num_rows)
        table = table.append_column(name, number if len(value) == 1 else filled)
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    return bytes(sink.getvalue())


def run(*arguments: str):
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_link_reads_the_vault_and_seals_persons(tmp_path, monkeypatch):
    study = pool_study.make(monkeypatch, tmp_path)
    ring = keys.create(study.name)
    people = records(600, seed=5)
    for feed in FROM:
        when = datetime(2020, 2, 20, 9, tzinfo=ZONE)
        deliveries.drop(study, feed, DAY, delivered(people, feed), delivered=when)
    outcome = pooling.run(study, ring)
    accepted = sum(entry.accepted for entry in outcome.added)
    assert outcome.waiting == 0
    with pytest.raises(ContractError, match="train"):
        run("link", "--study", study.name, "--memory", "500")
    told = run("link", "--train", "--study", study.name, "--memory", "500")
    assert f"3 deliveries of 3 linked feeds read, 0 purged, 0 unreadable; {accepted} rows" in told
    folder = study.state / "vault"
    first = vault.unseal_table(folder, "linkage/persons", ring)
    unregistered = pc.and_(pc.equal(people["department"], "police"), pc.is_null(people["id_card"]))
    numbers = people.filter(
        pc.and_not(pc.is_in(people["department"], pa.array(list(FROM.values()))), unregistered)
    )
    right = share_of_one_key(first, numbers)
    assert right >= 0.97
    again = run("link", "--study", study.name, "--memory", "500")
    assert f"{accepted} records: {accepted} unchanged, 0 corrected" in again
    assert " 0 new, 0 merged" in again
    assert vault.unseal_table(folder, "linkage/persons", ring).sort_by(
        [(name, "ascending") for name in first.column_names]
    ) == first.sort_by([(name, "ascending") for name in first.column_names])
    identifiers, _ = crosswalk.persons(first)
    assert set(pc.unique(numbers["phone"].drop_null()).to_pylist()) <= set(identifiers.to_pylist())
    assert audit.verify(study.state / "audit.jsonl").head.entries == 5
    no_value_in_clear(tmp_path, people, told + again)


def share_of_one_key(persons, people):
    """Share of pairs of identity numbers and phones of one person that have one key."""
    said = persons.drop_null().group_by(["id_number", "phone"]).aggregate([("person", "min")])
    true = people.select(["id_card", "phone", "truth"]).drop_null()
    joined = true.join(said, ["id_card", "phone"], ["id_number", "phone"])
    keys_each = joined.group_by("truth").aggregate([("person_min", "count_distinct")])
    one = pc.equal(keys_each["person_min_count_distinct"], 1)
    return pc.mean(pc.cast(one, pa.int64())).as_py()


def no_value_in_clear(folder, people, told):
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    content += told.encode()
    for column in ("name", "id_card", "phone", "address"):
        for value in pc.unique(people[column].drop_null()).to_pylist():
            assert value.encode() not in content
