"""Purged means unreadable for good, and known to be."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from analytics.errors import ArchiveError, KeyringError
from analytics.privacy import crosswalk, keys, pseudonyms, retention, vault

DAYS = [date(2020, 2, day) for day in (1, 2, 3)]


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Ring:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return keys.create("wuhan")


@pytest.fixture
def folder(tmp_path: Path, ring: keys.Ring) -> Path:
    for day in DAYS:
        source = tmp_path / f"{day}"
        source.write_bytes(b"x" * 1000)
        vault.seal(tmp_path / "vault", source, f"health/{day}/cases", day, ring)
    return tmp_path / "vault"


@pytest.mark.fault("retention purge", "keys", "days' keys destroyed; what came later stays")
def test_only_what_came_in_before_is_purged(folder, ring):
    buried = retention.purge(folder, DAYS[2], ring)
    assert [(stone.name, stone.period, stone.size) for stone in buried] == [
        (f"health/{day}/cases", day, 1000) for day in DAYS[:2]
    ]
    assert vault.names(folder) == ("health/2020-02-03/cases",)
    with vault.unseal(folder, "health/2020-02-03/cases", ring) as stream:
        assert len(stream.read()) == 1000
    with pytest.raises(ArchiveError, match="was purged"):
        vault.unseal(folder, "health/2020-02-01/cases", ring)


def test_purging_again_changes_nothing(folder, ring):
    first = retention.purge(folder, DAYS[2], ring)
    assert retention.purge(folder, DAYS[2], ring) == ()
    assert retention.tombstones(folder) == first


def test_a_verifier_is_told_without_keys(folder, ring):
    name = "health/2020-02-01/cases"
    assert retention.purged(folder, name) is None
    stone = retention.purge(folder, DAYS[1], ring)[0]
    assert retention.purged(folder, name) == stone
    assert str(stone).startswith(f"inputs purged on {stone.purged.date()}")
    assert retention.purged(folder, "health/2020-02-03/cases") is None
    assert retention.purged(folder, "never/was") is None
    assert retention.purged(folder, "../../etc/passwd") is None


@pytest.mark.fault("copy of the vault made before a purge", "keys", "unreadable too")
def test_a_copy_of_the_vault_made_before_is_unreadable_too(folder, ring, tmp_path):
    shutil.copytree(folder, tmp_path / "backup")
    retention.purge(folder, DAYS[2], ring)
    with pytest.raises(ArchiveError, match="inputs of 2020-02-01 were purged on"):
        vault.unseal(tmp_path / "backup", "health/2020-02-01/cases", ring)


def test_destroyed_keys_without_tombstones_are_told_with_the_ring(folder, ring):
    keys.destroy(ring, DAYS[1])
    name = "health/2020-02-01/cases"
    assert retention.purged(folder, name) is None
    told = retention.purged(folder, name, ring)
    assert told is not None
    assert told.period == DAYS[0]
    assert retention.purge(folder, DAYS[1], ring) == (told,)


def test_purged_names_and_days_are_not_used_again(folder, ring, tmp_path):
    retention.purge(folder, DAYS[1], ring)
    source = tmp_path / "again"
    source.write_bytes(b"y")
    with pytest.raises(ArchiveError, match="purged"):
        vault.seal(folder, source, "health/2020-02-01/cases", DAYS[2], ring)
    with pytest.raises(ArchiveError, match="purged"):
        vault.seal(folder, source, "health/2020-02-01/late", DAYS[0], ring)
    assert source.exists()


def test_purge_survives_rotation(folder, ring):
    retention.purge(folder, DAYS[1], ring)
    new = keys.rotate(ring)
    assert [gone.period for gone in keys.destroyed(new)] == DAYS[:1]


def test_damaged_tombstone_is_said(folder, ring):
    retention.purge(folder, DAYS[1], ring)
    (folder / "health/2020-02-01/cases.purged").write_text("{}")
    with pytest.raises(ArchiveError, match="tombstone"):
        retention.purged(folder, "health/2020-02-01/cases")


PERSONS = pa.table({
    "person": ["0f" * 16, "1f" * 16],
    "document": [None, "passport"],
    "id_number": ["110105491231002", "123456789"],
    "phone": ["+8613812345678", None],
})  # fmt: skip


def test_crosswalk_leads_from_the_first_to_the_third_generation(tmp_path, ring):
    folder = tmp_path / "vault"
    identifiers = crosswalk.persons(PERSONS)
    kept = {
        use: pseudonyms.pseudonymise(identifiers[0], ring, use, identifiers[1])
        for use in ("archive", "travel")
    }
    second = crosswalk.rotate(folder, ring, *identifiers)
    third = crosswalk.rotate(folder, second, *identifiers)
    for use, old in kept.items():
        new = pseudonyms.pseudonymise(identifiers[0], third, use, identifiers[1])
        found = crosswalk.translate(folder, old, third, use, ring.fingerprint)
        assert found.to_pylist() == new.to_pylist()
        assert not set(old.to_pylist()) & set(new.to_pylist()) - {None}
    assert crosswalk.translate(folder, new, third, use, third.fingerprint).to_pylist() == (
        new.to_pylist()
    )


def test_unknown_pseudonyms_translate_to_null_and_unknown_generations_are_refused(tmp_path, ring):
    new = crosswalk.rotate(tmp_path / "vault", ring, *crosswalk.persons(PERSONS))
    unknown = pa.array(["00" * 16])
    found = crosswalk.translate(tmp_path / "vault", unknown, new, "travel", ring.fingerprint)
    assert found.to_pylist() == [None]
    with pytest.raises(KeyringError, match="none of study"):
        crosswalk.translate(tmp_path / "vault", unknown, new, "travel", "feedfeedfeedfeed")


def test_crosswalks_are_sealed(tmp_path, ring):
    identifiers = crosswalk.persons(PERSONS)
    new = crosswalk.rotate(tmp_path / "vault", ring, *identifiers)
    shown = [
        value.encode()
        for generation in (ring, new)
        for value in pseudonyms.pseudonymise(*identifiers[:1], generation, "travel").to_pylist()
        if value
    ]
    for path in (tmp_path / "vault").rglob("*.sealed"):
        content = path.read_bytes()
        assert not [value for value in shown if value in content]
