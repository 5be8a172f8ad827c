"""Laws of the vault and the audit log, for whatever is sealed, said or damaged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import ArchiveError, AuditError, KeyringError
from analytics.privacy import audit, keys, sealing, vault

DAY = date(2020, 2, 29)


@pytest.fixture(scope="module", autouse=True)
def _small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "CHUNK", 64)
        yield


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> keys.Ring:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_KEYS", str(tmp_path_factory.mktemp("keys") / "keys"))
        return keys.create("wuhan")


def sealed(folder: Path, content: bytes, ring: keys.Ring) -> Path:
    source = folder / "source"
    source.write_bytes(content)
    vault.seal(folder / "vault", source, "cases", DAY, ring)
    return folder / "vault" / "cases.sealed"


@settings(deadline=None, max_examples=15)
@given(content=st.binary(max_size=1000), place=st.integers(0, 1100), length=st.integers(0, 300))
def test_any_part_reads_as_it_was(ring, content, place, length):
    with tempfile.TemporaryDirectory() as folder:
        sealed(Path(folder), content, ring)
        with vault.unseal(Path(folder) / "vault", "cases", ring) as stream:
            stream.seek(place)
            assert stream.read(length) == content[place : place + length]


@settings(deadline=None, max_examples=30)
@given(content=st.binary(max_size=300), draw=st.data())
def test_any_flipped_bit_and_any_cut_is_refused(ring, content, draw):
    with tempfile.TemporaryDirectory() as folder:
        path = sealed(Path(folder), content, ring)
        whole = path.read_bytes()
        bit = draw.draw(st.integers(0, len(whole) * 8 - 1))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        cut = draw.draw(st.integers(0, len(whole) - 1))
        for damaged in (bytes(flipped), whole[:cut]):
            path.write_bytes(damaged)
            with pytest.raises((ArchiveError, KeyringError)):
                vault.check(Path(folder) / "vault", "cases", ring)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=8), st.data())
def test_any_change_of_the_log_is_found_with_an_anchor(counts, draw):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.jsonl"
        for count in counts:
            head = audit.record(log, "read", "cases", role="clerk", counts={"rows": count})
        assert audit.verify(log, [head]).head.entries == len(counts)
        content = bytearray(log.read_bytes())
        place = draw.draw(st.integers(0, len(content) - 1))
        change = draw.draw(st.sampled_from(["flip", "cut", "drop", "insert"]))
        if change == "flip":
            content[place] ^= 1
        elif change == "cut":
            del content[place:]
        elif change == "drop":
            del content[place]
        else:
            content.insert(place, 48)
        log.write_bytes(content)
        with pytest.raises(AuditError):
            audit.verify(log, [head])


@given(st.text(max_size=60))
def test_names_in_clear_are_plain_ascii_without_long_numbers(name):
    if audit.impersonal(name):
        assert name.isascii()
        assert ".." not in name.split("/")
        assert json.loads(json.dumps(name)) == name


@given(
    st.from_regex(r"[0-9]{17}[0-9Xx]|1[3-9][0-9]{9}", fullmatch=True),
    st.text("abc/-_.", max_size=5),
    st.text("abcdef/-_.", max_size=5),
)
def test_no_identity_or_phone_number_passes_as_a_name(number, before, after):
    assert not audit.impersonal(before + number + after)
