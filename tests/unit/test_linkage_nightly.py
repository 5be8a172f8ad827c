"""Linking night after night: each original is checked once, and what it gives is the same."""

from __future__ import annotations

from datetime import datetime

import pyarrow.compute as pc
import pytest
from tests import pool_study
from tests.faults.test_linkage_keys import EARLY, LATE, MORE, drop, everyone, person_of, sealed

from analytics.errors import ArchiveError
from analytics.pool import deliveries, pooling
from analytics.pool.linkage import originals
from analytics.pool.linkage.sealed import link_study
from analytics.privacy import keys, retention, vault
from analytics.study import ZONE


def link(study, *, train=False):
    return link_study(study, keys.load(study.name), train=train, memory_limit_mb=500)


def told(study):
    """What linking sealed, in no order: persons, whose each row is, and who is who."""
    tables = {name: sealed(study, name).to_pylist() for name in ("persons", "rows", "resolved")}
    rows = {name: sorted(map(repr, table)) for name, table in tables.items()}
    return rows | {"records": person_of(study)}


@pytest.fixture
def nights(tmp_path, monkeypatch):
    """Link a first night, have more cases delivered on the next day, and note what is read."""
    study = pool_study.make(monkeypatch, tmp_path)
    keys.create(study.name)
    for feed in MORE:
        drop(study, feed, EARLY, everyone)
    pooling.run(study, keys.load(study.name))
    link(study, train=True)
    drop(study, "cases", LATE, lambda truth: pc.less(truth, 200))
    pooling.run(study, keys.load(study.name))
    read, plain = [], originals.reading.read
    monkeypatch.setattr(
        originals.reading, "read", lambda path, *more: read.append(path.name) or plain(path, *more)
    )
    return study, read


def noted(study):
    return vault.names(study.state / "vault", "linkage/stated")


def forget(study, names):
    for name in names:
        vault.discard(study.state / "vault", name)


def test_what_the_pool_checked_is_not_read_again(nights):
    study, read = nights
    assert link(study).originals.deliveries == 3
    assert read == []


def test_a_day_lies_in_one_table_once_it_is_linked(nights):
    study, _ = nights
    assert [name.count("/") for name in noted(study)] == [2, 3]
    link(study)
    assert [name.count("/") for name in noted(study)] == [2, 2]


def test_a_night_reads_the_new_originals_alone(nights):
    study, read = nights
    forget(study, [name for name in noted(study) if name.count("/") > 2])
    assert link(study).originals.deliveries == 3
    assert [name.partition(".")[0] for name in read] == ["cases"]
    link(study)
    assert len(read) == 1


def test_what_was_noted_counts_as_if_it_were_read_now(nights):
    study, read = nights
    link(study)
    before = told(study)
    forget(study, noted(study))
    link(study)
    assert len(read) == 3
    assert told(study) == before


@pytest.mark.parametrize("killed", [1, 2])
def test_a_killed_pool_leaves_no_note_that_counts(tmp_path, monkeypatch, killed):
    """After the notes, after parts and before the list: told twice is told once."""
    study = pool_study.make(monkeypatch, tmp_path)
    ring = keys.create(study.name)
    for feed in MORE:
        drop(study, feed, EARLY, everyone)
    append = pooling.archive.append

    def dies(*_):  # noqa: ANN002, ANN202
        raise KeyboardInterrupt

    for _ in range(killed):
        monkeypatch.setattr(pooling.archive, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            pooling.run(study, ring)
        drop(study, "cases", LATE, lambda truth: pc.less(truth, 200))
    monkeypatch.setattr(pooling.archive, "append", append)
    pooling.run(study, ring)
    rows = link(study, train=True).originals.rows
    before = told(study)
    forget(study, noted(study))
    assert link(study).originals.rows == rows
    assert told(study) == before


def case(study, hour, phone):
    """Deliver one case with a phone at an hour of the second day."""
    content = (
        "case_number,reporting_county,classification,reported,name,phone,county\n"
        f"C-told,420102,confirmed,2020-02-19,宁无双,{phone},420102\n"
    )
    at = datetime(LATE.year, LATE.month, LATE.day, hour, tzinfo=ZONE)
    deliveries.drop(study, "cases", LATE, content.encode(), delivered=at)
    pooling.run(study, keys.load(study.name))


def test_a_content_that_proves_to_have_been_told_sooner_counts_from_then(nights):
    """The correction came at nine; what it corrects was told at eight, though listed at ten."""
    study, _ = nights
    case(study, 10, "13900000001")
    case(study, 9, "13900000002")
    case(study, 8, "13900000001")
    link(study)
    before = told(study)
    phones = set(sealed(study, "persons")["phone"].to_pylist())
    assert ("13900000002" in phones, "13900000001" in phones) == (True, False)
    forget(study, noted(study))
    link(study)
    assert told(study) == before


def test_what_the_pool_notes_while_people_are_linked_waits_for_the_next_night(nights, monkeypatch):
    study, read = nights
    groups = originals._groups

    def meanwhile(*given):  # noqa: ANN002, ANN202
        monkeypatch.setattr(originals, "_groups", groups)
        case(study, 10, "13900000001")
        return groups(*given)

    monkeypatch.setattr(originals, "_groups", meanwhile)
    first = link(study).originals.deliveries
    read.clear()  # the pool's own
    assert link(study).originals.deliveries == first + 1
    assert read == []


@pytest.mark.fault(
    "Ctrl-C while a delivery is read", "deliveries", "not refused: it waits for the next run"
)
def test_an_interruption_while_a_delivery_is_read_refuses_nothing(nights, monkeypatch):
    """DuckDB, which reads lines of JSON, gives an error of its own for it."""
    study, _ = nights
    before = len(pooling.archive.entries(study.state / "archive"))
    case(study, 9, "13900000001")
    link(study)
    told_before = told(study)

    def interrupted(*_):  # noqa: ANN002, ANN202
        raise RuntimeError("Query interrupted") from KeyboardInterrupt()

    with monkeypatch.context() as patch:
        patch.setattr(originals.reading, "_read_csv", interrupted)
        with pytest.raises(RuntimeError, match="Query interrupted"):
            case(study, 10, "13900000002")
        forget(study, noted(study))
        with pytest.raises(RuntimeError, match="Query interrupted"):
            link(study)
    link(study)
    assert told(study) == told_before
    pooling.run(study, keys.load(study.name))
    listed = pooling.archive.entries(study.state / "archive")[before:]
    assert [(one.accepted, one.refused) for one in listed] == [(1, ""), (1, "")]


@pytest.mark.fault(
    "delivery of a day that was purged",
    "deliveries",
    "it waits and is named; all others are taken in",
)
def test_a_delivery_of_a_purged_day_holds_up_no_other(nights):
    study, _ = nights
    ring = keys.load(study.name)
    retention.purge(study.state / "vault", LATE, ring)
    drop(study, "cases", EARLY, lambda truth: pc.less(truth, 100))
    drop(study, "resident_register", LATE, lambda truth: pc.less(truth, 100))
    held = len(pooling.archive.entries(study.state / "archive"))
    for _ in range(2):
        with pytest.raises(ArchiveError, match="1 deliveries name persons") as failed:
            pooling.run(study, ring)
        assert failed.value.breaches == (f"health: cases, {EARLY}",)
        assert len(pooling.archive.entries(study.state / "archive")) == held + 1


@pytest.mark.slow
def test_all_is_read_again_where_the_names_of_regions_changed(nights, monkeypatch):
    study, read = nights
    link(study)
    read.clear()
    names, patterns = originals.regions.places(study)
    changed = (names.slice(1), patterns)
    monkeypatch.setattr(originals.regions, "places", lambda _: changed)
    link(study)
    feeds = sorted(name.partition(".")[0] for name in read)
    assert feeds == ["cases", "cases", "resident_register"]


def test_people_are_not_forgotten_for_an_original_that_is_lost(nights):
    study, _ = nights
    link(study)
    before = person_of(study)
    held = study.state / "vault"
    (name,) = [one for one in vault.names(held) if "resident_register" in one]
    vault.discard(held, name)
    with pytest.raises(ArchiveError, match="1 originals are missing") as failed:
        link(study)
    assert failed.value.breaches == (name,)
    assert person_of(study) == before
