"""What is sealed is read back whole, or refused."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from analytics.errors import ArchiveError, BusyError, KeyringError, ParameterError
from analytics.privacy import disk, keys, sealing, vault

DAY = date(2020, 2, 29)
NAME = "health/2020-02-29/cases.csv"
MIB = 1 << 20
CANARY = "王小明,420102196503121234,13812345678".encode()


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Ring:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return keys.create("wuhan")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_bytes(CANARY * 90_000)
    return path


def sealed_file(folder: Path, name: str = NAME) -> Path:
    return folder / f"{name}.sealed"


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 17])
def test_round_trip(tmp_path, ring, folder, size):
    content = os.urandom(size)
    source = tmp_path / "source"
    source.write_bytes(content)
    sealed = vault.seal(folder, source, NAME, DAY, ring)
    assert (sealed.name, sealed.period, sealed.size) == (NAME, DAY, size)
    assert not source.exists()
    with vault.unseal(folder, NAME, ring) as stream:
        assert stream.read() == content
        for place in (0, size // 2, max(0, size - 3)):
            stream.seek(place)
            assert stream.read(5) == content[place : place + 5]
        assert stream.seek(-min(4, size), os.SEEK_END) == max(0, size - 4)
    assert vault.check(folder, NAME, ring) == sealed
    assert vault.names(folder) == (NAME,)


def test_pandas_reads_a_sealed_file_without_a_copy_on_disk(tmp_path, ring, folder):
    source = tmp_path / "counts.csv"
    source.write_text("county,confirmed\n420102,3\n")
    vault.seal(folder, source, "health/counts.csv", DAY, ring)
    with vault.unseal(folder, "health/counts.csv", ring) as stream:
        assert pd.read_csv(stream, dtype=str).to_dict("list") == {
            "county": ["420102"],
            "confirmed": ["3"],
        }


def test_nothing_outside_the_ring_can_be_read(tmp_path, ring, folder, inbox):
    vault.seal(folder, inbox, NAME, DAY, ring)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"420102196503121234" not in content, path
            assert "王小明".encode() not in content, path
            assert ring.root not in content, path
    assert sealed_file(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_keep_leaves_the_original(ring, folder, inbox):
    before = inbox.read_bytes()
    vault.seal(folder, inbox, NAME, DAY, ring, keep=True)
    assert inbox.read_bytes() == before


def test_sealing_again_is_idempotent_and_another_file_is_refused(ring, folder, inbox):
    first = vault.seal(folder, inbox, NAME, DAY, ring, keep=True)
    assert vault.seal(folder, inbox, NAME, DAY, ring) == first
    assert not inbox.exists()
    inbox.write_bytes(b"other")
    with pytest.raises(ArchiveError, match="another file"):
        vault.seal(folder, inbox, NAME, DAY, ring)
    assert inbox.read_bytes() == b"other"


@pytest.mark.parametrize(
    "name",
    ["../cases", "/etc/cases", "a//b", "病例", "a/420102196503121234.csv", "13812345678", "a/..",
     "E12345678/x", ".hidden", "", "a" * 300, "a\n"],
)  # fmt: skip
def test_names_that_tell_or_escape_are_refused(ring, folder, inbox, name):
    with pytest.raises(ParameterError) as caught:
        vault.seal(folder, inbox, name, DAY, ring)
    assert not name or name not in str(caught.value)
    assert inbox.exists()


def test_links_folders_and_missing_files_are_refused(tmp_path, ring, folder, inbox):
    (tmp_path / "link").symlink_to(inbox)
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "link", tmp_path / "pipe", tmp_path, tmp_path / "none"):
        with pytest.raises(ParameterError, match="file to seal"):
            vault.seal(folder, source, NAME, DAY, ring)
    assert inbox.exists()


def test_a_file_still_being_written_is_left(ring, folder, inbox, monkeypatch):
    copy = vault._copy

    def grow(stream, out) -> None:
        copy(stream, out)
        with inbox.open("ab") as late:
            late.write(b"late")

    monkeypatch.setattr(vault, "_copy", grow)
    with pytest.raises(BusyError, match="changed while it was read"):
        vault.seal(folder, inbox, NAME, DAY, ring)
    assert inbox.read_bytes().endswith(b"late")
    assert vault.names(folder) == ()


def test_a_writing_that_does_not_read_back_removes_nothing(ring, folder, inbox, monkeypatch):
    encrypt = sealing.Sealing._emit

    def lie(self, content, *, last) -> None:
        encrypt(self, b"x" + content[1:], last=last)

    monkeypatch.setattr(sealing.Sealing, "_emit", lie)
    with pytest.raises(ArchiveError, match="did not read back"):
        vault.seal(folder, inbox, NAME, DAY, ring)
    assert inbox.exists()
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {"vault.lock", "vault.ended"}


def test_full_disk_leaves_the_original_and_no_litter(ring, folder, inbox, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealing.Sealing, "_emit", full)
    from analytics.errors import PublicationError

    with pytest.raises(PublicationError, match="No space left"):
        vault.seal(folder, inbox, NAME, DAY, ring)
    assert inbox.exists()
    assert list(folder.rglob(".partial-*")) == []


def altered(path: Path, change: str) -> None:
    """Damage a sealed file of four chunks."""
    content = path.read_bytes()
    body = len(content) - 3 * MIB - 4 * 16 - (90_000 * len(CANARY) - 3 * MIB)
    chunk = MIB + 16
    parts = [content[:body], *(content[at : at + chunk] for at in range(body, len(content), chunk))]
    head, first, second, third, last = parts
    flipped = bytes([second[7] ^ 1])
    damaged = {
        "flipped bit": [head, first, second[:7] + flipped + second[8:], third, last],
        "swapped chunks": [head, second, first, third, last],
        "missing chunk": [head, first, third, last],
        "repeated chunk": [head, first, second, second, third, last],
        "cut at a chunk": [head, first, second, third],
        "cut in a chunk": [head, first, second, third, last[:-5]],
        "longer": [head, first, second, third, last, b"more"],
        "only a header": [head],
        "cut header": [head[:20]],
        "empty": [],
        "other day": [head.replace(b'"2020-02-29"', b'"2020-02-28"'), first, second, third, last],
        "other name": [head.replace(b"cases", b"tests"), first, second, third, last],
        "other salt": [head[:-3] + bytes([head[-3] ^ 1]) + head[-2:], first, second, third, last],
        "other magic": [b"X" + head[1:], first, second, third, last],
    }
    path.write_bytes(b"".join(damaged[change]))


@pytest.mark.parametrize(
    "change",
    ["flipped bit", "swapped chunks", "missing chunk", "repeated chunk", "cut at a chunk",
     "cut in a chunk", "longer", "only a header", "cut header", "empty", "other name",
     "other salt", "other magic"],
)  # fmt: skip
@pytest.mark.fault("sealed file damaged, cut or swapped", "keys", "refused, the chunk named")
def test_damage_is_refused(ring, folder, inbox, change):
    vault.seal(folder, inbox, NAME, DAY, ring)
    altered(sealed_file(folder), change)
    with pytest.raises(ArchiveError, match="is damaged"):
        vault.check(folder, NAME, ring)
    with (
        pytest.raises(ArchiveError, match="is damaged"),
        vault.unseal(folder, NAME, ring) as stream,
    ):
        stream.read()


def test_a_header_moved_to_another_day_is_refused(ring, folder, inbox):
    keys.period_key(ring, date(2020, 2, 28), make=True)
    vault.seal(folder, inbox, NAME, DAY, ring)
    altered(sealed_file(folder), "other day")
    with pytest.raises(KeyringError, match="sealed under key"):
        vault.unseal(folder, NAME, ring)


def test_every_damaged_chunk_is_named(ring, folder, inbox):
    vault.seal(folder, inbox, NAME, DAY, ring)
    path = sealed_file(folder)
    content = bytearray(path.read_bytes())
    content[MIB // 2] ^= 1
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        vault.check(folder, NAME, ring)
    assert [breach.split(":")[0] for breach in caught.value.breaches] == [
        "chunk 1 of 4",
        "chunk 4 of 4",
    ]


@pytest.mark.fault("sealed file moved to another day", "keys", "refused")
def test_a_file_under_another_name_is_refused(ring, folder, inbox):
    vault.seal(folder, inbox, NAME, DAY, ring)
    sealed_file(folder).rename(sealed_file(folder, "health/2020-02-29/tests.csv"))
    with pytest.raises(ArchiveError, match="header: altered, cut or of another file"):
        vault.unseal(folder, "health/2020-02-29/tests.csv", ring)


@pytest.mark.fault("wrong key", "keys", "refused; nothing decrypted")
def test_no_key_and_another_ring_are_refused(ring, folder, inbox, tmp_path, monkeypatch):
    vault.seal(folder, inbox, NAME, DAY, ring)
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "others"))
    with pytest.raises(KeyringError, match="has no keys"):
        keys.load("wuhan")
    other = keys.create("wuhan")
    with pytest.raises(KeyringError, match="no key for 2020-02-29"):
        vault.unseal(folder, NAME, other)
    keys.period_key(other, DAY, make=True)
    with pytest.raises(KeyringError, match="sealed under key"):
        vault.unseal(folder, NAME, other)


def test_rotation_leaves_sealed_files_readable(ring, folder, inbox):
    before = inbox.read_bytes()
    vault.seal(folder, inbox, NAME, DAY, ring)
    with vault.unseal(folder, NAME, keys.rotate(ring)) as stream:
        assert stream.read() == before


def test_tables_round_trip_and_are_replaced_only_on_request(ring, folder):
    persons = pa.table({"person": ["a", "b"], "id_number": ["110105491231002", None]})
    vault.seal_table(folder, persons, "linkage/persons", DAY, ring)
    assert vault.unseal_table(folder, "linkage/persons", ring) == persons
    with pytest.raises(ArchiveError, match="already"):
        vault.seal_table(folder, persons, "linkage/persons", DAY, ring)
    fewer = persons.slice(1)
    vault.seal_table(folder, fewer, "linkage/persons", date(2020, 3, 1), ring, anew=True)
    assert vault.unseal_table(folder, "linkage/persons", ring) == fewer
    assert vault.inspect(folder, "linkage/persons").period == date(2020, 3, 1)


def test_what_killed_writers_left_is_swept_and_living_writers_stay(ring, folder, inbox):
    folder.mkdir(mode=0o700)
    dead, alive = folder / ".partial-dead", folder / ".partial-alive"
    dead.write_bytes(b"x")
    alive.write_bytes(b"y")
    import fcntl

    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        vault.seal(folder, inbox, NAME, DAY, ring)
        assert not dead.exists()
        assert alive.exists()
    assert disk.sweep(folder) == 1


def test_header_says_no_more_than_it_must(ring, folder, inbox):
    vault.seal(folder, inbox, NAME, DAY, ring)
    start = sealed_file(folder).read_bytes()[:4096]
    said = json.loads(start[12 : 12 + int.from_bytes(start[8:12], "big")])
    assert sorted(said) == ["key", "name", "period", "salt"]
