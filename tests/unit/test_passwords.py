"""Workbooks under a password: any office program opens them, and none without it."""

from __future__ import annotations

import io
import subprocess
import sys

import msoffcrypto
import openpyxl
import pytest

from analytics.errors import KeyringError, VerificationError
from analytics.privacy import passwords

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def plain():
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["解放大道77号", "13812345678"])
    book.save(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def together(plain):
    """Two lists of one export."""
    salt = passwords.fresh_salt()
    return [passwords.lock_workbook(plain, PASSWORD, salt) for _ in range(2)]


def test_a_workbook_opens_with_its_password_in_a_program_of_its_own(together, plain, tmp_path):
    path = tmp_path / "list.xlsx"
    path.write_bytes(together[1])
    code = (
        "import sys, msoffcrypto; office = msoffcrypto.OfficeFile(open(sys.argv[1], 'rb')); "
        "office.load_key(password=sys.argv[2], verify_password=True); "
        "office.decrypt(sys.stdout.buffer, verify_integrity=True)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path), PASSWORD], capture_output=True, check=True
    )
    assert ran.stdout == plain


def test_lists_that_leave_together_share_a_salt_and_nothing_else(together):
    first, second = (msoffcrypto.OfficeFile(io.BytesIO(one)).info for one in together)
    shared = {name for name, value in first.items() if second[name] == value}
    secret = {"encryptedKeyValue", "encryptedVerifierHashInput", "encryptedVerifierHashValue",
              "encryptedHmacKey", "encryptedHmacValue", "keyDataSalt"}  # fmt: skip
    assert secret <= first.keys()
    assert shared & secret == set()
    assert first["passwordSalt"] == second["passwordSalt"] == passwords.salt_of(together[0])
    assert first["spinValue"] == 100_000


def test_lists_that_leave_apart_share_nothing(plain):
    one, other = (passwords.lock_workbook(plain, PASSWORD) for _ in range(2))
    assert passwords.salt_of(one) != passwords.salt_of(other)


@pytest.mark.parametrize("tried", ["correct hors", "Correct horse", "correct horse "])
def test_no_other_password_opens_what_was_opened_before(together, plain, tried):
    assert passwords.unlock(together[0], PASSWORD) == plain
    with pytest.raises(VerificationError, match="does not open with this password"):
        passwords.unlock(together[0], tried)


def test_rounds_are_gone_through_once_within_a_block_and_forgotten_after(plain, monkeypatch):
    from msoffcrypto.method.ecma376_agile import ECMA376Agile

    gone, salt = [], passwords.fresh_salt()
    passwords._agile.cache_clear()
    each = ECMA376Agile._derive_iterated_hash_from_password
    counted = staticmethod(lambda *told: (gone.append(told[1]), each(*told))[1])
    monkeypatch.setattr(ECMA376Agile, "_derive_iterated_hash_from_password", counted)
    try:
        with passwords.rounds_once():
            first, second = (passwords.lock_workbook(plain, PASSWORD, salt) for _ in range(2))
            with passwords.rounds_once():
                assert passwords.unlock(second, PASSWORD) == plain
            assert len(gone) == 1
        passwords.unlock(first, PASSWORD)
        assert len(gone) == 2
    finally:
        monkeypatch.undo()
        passwords._agile.cache_clear()


def test_a_short_password_locks_nothing(plain):
    with pytest.raises(KeyringError, match="fewer than 8 characters"):
        passwords.lock_workbook(plain, "1234567")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"age-encryption.org/v1"])
def test_what_is_no_encrypted_workbook_has_no_salt(content):
    assert passwords.salt_of(content) is None
