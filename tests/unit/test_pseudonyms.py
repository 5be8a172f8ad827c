"""One person, one pseudonym for each use."""

from __future__ import annotations

import hmac
from pathlib import Path

import pyarrow as pa
import pytest

from analytics.codes import Purpose
from analytics.errors import ContractError
from analytics.privacy import keys, pseudonyms

RESIDENT = "11010519491231002X"  # the worked example of GB 11643-1999


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Ring:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return keys.create("wuhan")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        (RESIDENT, RESIDENT),
        ("110105491231002", RESIDENT),
        ("11010519491231002x", RESIDENT),
        ("１１０１０５１９４９１２３１００２Ｘ", RESIDENT),
        ("１１０１０５４９１２３１００２", RESIDENT),
        (" 110105 19491231 002X\t", RESIDENT),
        ("110105-19491231-002X", RESIDENT),
        ("110105\u300019491231\u00a0002x", RESIDENT),
        ("440524188001010014", "440524188001010014"),  # GB 11643-1999's second example
        ("110105194912310021", "110105194912310021"),  # a wrong check character is kept
        ("810000199408230021", "810000199408230021"),  # residence permit
        ("e12345678", "passport:E12345678"),
        ("H1234567802", "mainland_permit_hk_mo:H12345678"),
        ("h12345678", "mainland_permit_hk_mo:H12345678"),
        ("12345678 01", "mainland_permit_tw:12345678"),
        ("FRA110080010101", "permanent_resident:FRA110080010101"),
        ("", None),
        (" \u3000", None),
        (None, None),
    ],
)
def test_canonical_form(written, canonical):
    assert pseudonyms.canonical(pa.array([written], pa.string())).to_pylist() == [canonical]


@pytest.mark.parametrize(
    ("written", "document", "canonical"),
    [
        ("110105491231002", "resident_id", RESIDENT),
        ("110105491231002", "passport", "passport:110105491231002"),
        ("123456789", "passport", "passport:123456789"),
        ("M1234567801", "mainland_permit_hk_mo", "mainland_permit_hk_mo:M12345678"),
        ("+86 138-1234-5678", "phone", "phone:13812345678"),
        ("13812345678", "phone", "phone:13812345678"),
        ("0" * 32, "phone", "0" * 32),
    ],
)
def test_canonical_form_of_a_declared_document(written, document, canonical):
    found = pseudonyms.canonical(pa.array([written]), pa.array([document]))
    assert found.to_pylist() == [canonical]


def test_pseudonym_is_plain_hmac_sha_256_truncated_to_128_bits(ring):
    key = keys.derive(ring, "pseudonym", "travel")
    expected = hmac.digest(key, RESIDENT.encode(), "sha256").hex()[:32]
    found = pseudonyms.pseudonymise(pa.array([RESIDENT]), ring, Purpose.TRAVEL)
    assert found.to_pylist() == [expected]


def test_rfc_4231_test_cases_1_and_2():
    """The pads' states give the published digests of HMAC-SHA-256."""
    for key, message, expected in (
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
    ):
        states = pseudonyms._padded(key, 0x36), pseudonyms._padded(key, 0x5C)
        assert pseudonyms._keyed(pa.array([message]), *states).to_pylist() == [expected]


def test_both_forms_of_one_id_agree_and_purposes_do_not(ring):
    forms = pa.array([RESIDENT, "110105491231002", "１１０１０５４９１２３１００２"])
    found = {use: set(pseudonyms.pseudonymise(forms, ring, use).to_pylist()) for use in Purpose}
    assert all(len(values) == 1 for values in found.values())
    assert len(set().union(*found.values())) == len(Purpose)


def test_two_studies_share_no_pseudonym(ring):
    other = keys.create("beijing")
    values = [pseudonyms.pseudonymise(pa.array([RESIDENT]), r, "travel") for r in (ring, other)]
    assert values[0] != values[1]


def test_shapes_and_nulls_are_kept(ring):
    numbers = pa.chunked_array([[RESIDENT, None], [], ["E1234567", ""]], pa.string())
    found = pseudonyms.pseudonymise(numbers, ring, "travel")
    assert [value is None for value in found.to_pylist()] == [False, True, False, True]
    assert pseudonyms.pseudonymise(pa.array([], pa.string()), ring, "travel").to_pylist() == []
    assert pseudonyms.pseudonymise(pa.nulls(3), ring, "travel").null_count == 3


def test_sliced_and_dictionary_columns_give_the_same(ring):
    numbers = ["x", RESIDENT, None, "E1234567", RESIDENT]
    plain = pseudonyms.pseudonymise(pa.array(numbers).slice(1), ring, "travel").to_pylist()
    for column in (
        pa.array(numbers[1:]).dictionary_encode(),
        pa.array(numbers[1:], pa.large_string()),
        pa.chunked_array([numbers[1:3], numbers[3:]]).dictionary_encode(),
    ):
        assert pseudonyms.pseudonymise(column, ring, "travel").to_pylist() == plain


def test_declared_documents_follow_their_rows_across_batches(ring, monkeypatch):
    monkeypatch.setattr(pseudonyms, "_ROWS", 3)
    numbers = pa.chunked_array([["123456789"] * 4, ["E1234567"] * 4])
    documents = pa.array(["passport", None] * 4)
    found = pseudonyms.pseudonymise(numbers, ring, "travel", documents).to_pylist()
    assert found[:4:2] == [found[0]] * 2
    assert found[1] != found[0]
    assert len(set(found[4:])) == 1


def test_a_column_that_was_numbers_is_refused(ring):
    with pytest.raises(ContractError, match="came as double"):
        pseudonyms.pseudonymise(pa.array([1.1e17]), ring, "travel")
