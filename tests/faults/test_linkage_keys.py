"""Rotated keys and purged deliveries between two linkages: person keys stay, old names go."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv
from tests import pool_study
from tests.made_up_people import records
from typer.testing import CliRunner

from analytics import engine
from analytics.cli import app
from analytics.codes import Purpose
from analytics.pool import deliveries, linkage, linked, pooling
from analytics.pool.linkage.sealed import link_study
from analytics.privacy import crosswalk, keys, vault
from analytics.privacy.purposes import Reader
from analytics.study import ZONE, moment

EARLY, LATE = date(2020, 2, 20), date(2020, 2, 21)
SCREENING = Reader("epidemiologist", Purpose.SCREENING)
PEOPLE = records(450, seed=19)
MORE = {
    "resident_register": ("police", {}),
    "cases": ("health", {"case_number": "C", "reporting_county": "420102",
                         "classification": "confirmed", "reported": "2020-02-19"}),
}  # fmt: skip


def drop(study, feed, day, which):
    """Deliver some of a department's people on a day."""
    department, more = MORE[feed]
    rows = PEOPLE.filter(pc.equal(PEOPLE["department"], department))
    rows = rows.filter(pc.and_(pc.is_valid(rows["id_card"]), which(rows["truth"])))
    numbers = rows["record"]
    rows = rows.rename_columns({"id_card": "id_number"}).select(
        ["id_number", "name", "birth_date", "phone", "county", "address"]
    )
    for name, value in more.items():
        filled = pc.binary_join_element_wise(value, numbers, "") if len(value) == 1 else None
        rows = rows.append_column(name, filled or pa.array([value] * rows.num_rows))
    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink)
    at = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
    deliveries.drop(study, feed, day, bytes(sink.getvalue()), delivered=at)
    return set(rows["id_number"].to_pylist())


def command(*arguments: str) -> str:
    found = CliRunner().invoke(app, arguments)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture
def study(tmp_path, monkeypatch):
    chosen = pool_study.make(monkeypatch, tmp_path)
    keys.create(chosen.name)
    return chosen


def sealed(study, name):
    return vault.unseal_table(study.state / "vault", f"linkage/{name}", keys.load(study.name))


def person_of(study):
    return {
        (row["department"], row["record"]): row["person"]
        for row in sealed(study, "records").to_pylist()
    }


def seen(study, feed, column):
    """A column of a feed as screening sees it, without gaps."""
    connection = engine.connect()
    try:
        ring = keys.load(study.name)
        views = linked.read(study, moment(LATE), SCREENING, ring, connection, feeds=[feed])
        return engine.rows(views[feed], connection)[column].drop_null()
    finally:
        connection.disconnect()


def everyone(truth):
    return pc.is_valid(truth)


@pytest.mark.fault(
    "keys rotated between linkages", "keys", "persons stay one; no old pseudonym remains"
)
def test_person_keys_survive_a_rotation_and_no_old_pseudonym_does(study):
    for feed in MORE:
        drop(study, feed, EARLY, everyone)
    pooling.run(study, keys.load(study.name))
    link_study(study, keys.load(study.name), train=True, memory_limit_mb=500)
    ring, before = keys.load(study.name), person_of(study)
    old = {name: seen(study, "cases", name) for name in ("person", "id_number", "phone")}
    registered = len(seen(study, "resident_register", "person"))
    waiting = linkage.review_list(study, ring)
    command("keys", "rotate", "--study", study.name)
    told = command("link", "--study", study.name, "--memory", "500")
    assert " 0 new, 0 merged" in told
    assert person_of(study) == before
    new = keys.load(study.name)
    assert new.retired == (ring.fingerprint,)
    for name, values in old.items():
        present = set(seen(study, "cases", name).to_pylist())
        assert len(present) == len(set(values.to_pylist())) > 100
        assert not present & set(values.to_pylist())
        if name == "person":
            translated = crosswalk.translate(
                study.state / "vault", values, new, Purpose.SCREENING, ring.fingerprint
            )
            assert set(translated.to_pylist()) == present
    # the archive calls a register's row by its number, as it was keyed when it came
    assert len(seen(study, "resident_register", "person")) == registered > 100
    again = linkage.review_list(study, new)
    assert again.drop_columns("pair").equals(waiting.drop_columns("pair"))
    assert not set(again["pair"].to_pylist()) & set(waiting["pair"].to_pylist())


def test_a_purge_forgets_whom_no_kept_delivery_names(study):
    """Even people came early, odd ones late; some of either came twice."""
    gone = drop(study, "resident_register", EARLY, lambda t: pc.equal(pc.bit_wise_and(t, 1), 0))
    drop(study, "cases", EARLY, lambda t: pc.equal(pc.bit_wise_and(t, 3), 0))
    kept = drop(study, "resident_register", LATE, lambda t: pc.equal(pc.bit_wise_and(t, 1), 1))
    kept |= drop(study, "cases", LATE, lambda t: pc.not_equal(pc.bit_wise_and(t, 3), 0))
    gone -= kept
    assert min(len(gone), len(kept)) > 30
    pooling.run(study, keys.load(study.name))
    link_study(study, keys.load(study.name), train=True, memory_limit_mb=500)
    before = person_of(study)
    assert gone <= set(sealed(study, "persons")["id_number"].to_pylist())
    command("purge", "--yes", "--before", LATE.isoformat(), "--study", study.name)
    told = command("link", "--study", study.name, "--memory", "500")
    assert "2 purged, 0 unreadable" in told
    after = person_of(study)
    assert 0 < len(after) < len(before)
    assert after.items() <= before.items()
    for name in ("records", "persons", "resolved"):
        table = sealed(study, name)
        values = {value for column in table.columns for value in column.to_pylist()}
        assert not gone & values, name
    for name in ("links", "review"):
        assert set(sealed(study, name)["record_left"].to_pylist()) <= {one for _, one in after}
    assert set(sealed(study, "rows")["person"].drop_null().to_pylist()) <= set(after.values())
