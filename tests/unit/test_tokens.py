"""Health-code tokens: standards' own examples, and every way to cheat at a gate."""

from __future__ import annotations

import dataclasses
import re
import secrets
import zlib
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from analytics.codes import HealthCode
from analytics.errors import ParameterError, VerificationError
from analytics.methods import base45, tokens

NOW = datetime(2020, 3, 25, 8, tzinfo=UTC)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def claims(**changes: object):
    """Claims of a green code for one day."""
    green = tokens.Claims("420000", bytes(range(16)), HealthCode.GREEN, "2020-03-25.1",
                          NOW, NOW + timedelta(days=1))  # fmt: skip
    return dataclasses.replace(green, **changes)


@pytest.fixture(scope="module", params=["ES256", "EdDSA"])
def key(request):
    """A signing key of each algorithm."""
    return tokens.generate_key(request.param)


@pytest.fixture(scope="module")
def keys(key):
    """What a gate trusts, read from PEM."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return tokens.trusted([pem])


def message(text):
    """The COSE message within a token."""
    return zlib.decompress(base45.decode(text.removeprefix(tokens.PREFIX)))


def wrap(content):
    """A token around any bytes."""
    return tokens.PREFIX + base45.encode(tokens.stored(content))


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"),
     (b"ietf!", "QED8WEX0"), (b"", "")],
)  # fmt: skip
def test_base45_examples(content, text):
    """Sections 4.3 and 4.4 of RFC 9285."""
    assert base45.encode(content) == text
    assert base45.decode(text) == content


@given(st.binary(max_size=300))
def test_base45_and_zlib_come_back(content):
    """What was encoded is decoded; our stored block is zlib to everybody."""
    assert base45.decode(base45.encode(content)) == content
    assert zlib.decompress(tokens.stored(content)) == content


@given(st.text(alphabet=ALPHABET, max_size=12))
def test_base45_has_one_text_for_each_content(text):
    """What decodes at all encodes to the same text."""
    try:
        content = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(content) == text


@pytest.mark.parametrize("text", ["GGW", ":::", "a00", "0", "é00", "::"])
def test_base45_refuses(text):
    """Groups above 65,535 or 255, foreign characters, a lone last one."""
    with pytest.raises(ValueError, match=r"Base45|ascii"):
        base45.decode(text)


@pytest.mark.parametrize("code", HealthCode)
def test_what_was_issued_is_verified(key, keys, code):
    """Claims come back whole, from a text that a QR code's alphanumeric mode holds."""
    issued = claims(code=code, pseudonym=secrets.token_bytes(16))
    text = tokens.issue(issued, key)
    assert tokens.verify(text, keys, NOW) == issued
    assert set(text) <= set(ALPHABET)


def test_form_is_cose_and_cwt(key):
    """Tag 18, a protected header of algorithm and key id, claims by their registered keys."""
    tag = cbor2.loads(message(tokens.issue(claims(), key)))
    protected, unprotected, payload, signature = tag.value
    algorithm = -8 if isinstance(key, ed25519.Ed25519PrivateKey) else -7
    assert (tag.tag, dict(unprotected), len(signature)) == (18, {}, 64)
    assert dict(cbor2.loads(protected)) == {1: algorithm, 4: tokens.key_id(key.public_key())}
    stated = dict(cbor2.loads(payload))
    assert stated[1] == "420000"
    assert stated[4] - stated[6] == 86_400


def test_nothing_of_a_person(key):
    """Only what Claims lists is in a token; two tokens of one person share no bytes of them."""
    first, second = (claims(pseudonym=secrets.token_bytes(16)) for _ in range(2))
    payloads = [cbor2.loads(cbor2.loads(message(tokens.issue(c, key))).value[2])
                for c in (first, second)]  # fmt: skip
    assert set(payloads[0]) == {1, 2, 4, 5, 6, -65_537, -65_538}
    assert {k: v for k, v in payloads[0].items() if k != 2} == {
        k: v for k, v in payloads[1].items() if k != 2
    }
    assert payloads[0][2] != payloads[1][2]


def test_times(key, keys):
    """Valid from issue to expiry, with two minutes for clocks that differ."""
    text = tokens.issue(claims(), key)
    for moment in (NOW - timedelta(minutes=2), NOW + timedelta(days=1, seconds=119)):
        assert tokens.verify(text, keys, moment)
    with pytest.raises(VerificationError, match="has expired"):
        tokens.verify(text, keys, NOW + timedelta(days=1, minutes=2))
    with pytest.raises(VerificationError, match="not valid yet"):
        tokens.verify(text, keys, NOW - timedelta(minutes=2, seconds=1))


def test_unknown_key(key):
    """A key nobody trusts, and a trusted name with another key behind it."""
    text = tokens.issue(claims(), key)
    with pytest.raises(VerificationError, match="nobody trusted"):
        tokens.verify(text, {}, NOW)
    for algorithm, reason in (("ES256", "changed|nobody"), ("EdDSA", "changed|nobody")):
        other = tokens.generate_key(algorithm).public_key()
        with pytest.raises(VerificationError, match=reason):
            tokens.verify(text, {tokens.key_id(key.public_key()): other}, NOW)


def test_every_bit_counts(key, keys):
    """Each bit of the message flipped in turn, wrapped anew with a right checksum."""
    content = message(tokens.issue(claims(), key))
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            tokens.verify(wrap(bytes(changed)), keys, NOW)


def test_every_character_counts(key, keys):
    """Each character of the text replaced, dropped and doubled in turn."""
    text = tokens.issue(claims(), key)
    for place, letter in enumerate(text):
        other = "A" if letter != "A" else "B"
        for changed in (text[:place] + other + text[place + 1 :],
                        text[:place] + text[place + 1 :],
                        text[:place] + "0" + text[place:]):  # fmt: skip
            if changed != text:
                with pytest.raises(VerificationError):
                    tokens.verify(changed, keys, NOW)


def test_the_other_signature_of_ecdsa():
    """(r, n - s) is as true as (r, s); only one of the two is taken."""
    key = tokens.generate_key("ES256")
    keys = {tokens.key_id(key.public_key()): key.public_key()}
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    tag = cbor2.loads(message(tokens.issue(claims(), key)))
    protected, _, payload, signature = tag.value
    high = order - int.from_bytes(signature[32:], "big")
    forged = [protected, {}, payload, signature[:32] + high.to_bytes(32, "big")]
    with pytest.raises(VerificationError, match="changed or forged"):
        tokens.verify(wrap(cbor2.dumps(cbor2.CBORTag(18, forged), canonical=True)), keys, NOW)


def test_other_containers_of_a_true_statement(key, keys):
    """Compressed anew, with an unprotected header, or in longer CBOR: not the token issued."""
    content = message(tokens.issue(claims(), key))
    parts = cbor2.loads(content).value
    with_header = cbor2.dumps(cbor2.CBORTag(18, [parts[0], {4: b"x"}, *parts[2:]]))
    compressed = tokens.PREFIX + base45.encode(zlib.compress(content, 9))
    for text in (wrap(with_header), wrap(content + b"\0"), compressed):
        with pytest.raises(VerificationError, match=r"another form|cannot be read"):
            tokens.verify(text, keys, NOW)


@pytest.mark.parametrize(
    "hostile",
    [
        "", "EWB1:", "HC1:6BF", "EWB1:é", "EWB1:" + "0" * 5_000,
        tokens.PREFIX + base45.encode(zlib.compress(bytes(10**6))),
        wrap(b""), wrap(b"\x81" * 900), wrap(cbor2.dumps([1, 2, 3, 4])), wrap(b"\xd2\x84"),
        wrap(cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", {}, b"", b""]))),
        wrap(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -7, 4: [1]}), {}, b"", b""]))),
    ],
)  # fmt: skip
def test_hostile_texts(keys, hostile):
    """Bombs, nests, stumps and other people's codes get the same plain refusal."""
    with pytest.raises(VerificationError):
        tokens.verify(hostile, keys, NOW)


def test_messages_hold_nothing_of_the_token(key, keys):
    """What a gate logs of a refusal names nobody."""
    text = tokens.issue(claims(rule="RULEX"), key)
    for moment, trust in ((NOW + timedelta(days=3), keys), (NOW, {})):
        with pytest.raises(VerificationError) as caught:
            tokens.verify(text, trust, moment)
        assert not re.search(r"RULEX|420000|EWB1", str(caught.value))


@pytest.mark.parametrize(
    "changes",
    [
        {"pseudonym": b"420106199001010018"},
        {"pseudonym": b"13900000000"},
        {"expires": NOW + timedelta(days=8)},
        {"expires": NOW},
        {"issued": datetime(2020, 3, 25)},
        {"rule": "x" * 60},
    ],
)
def test_what_is_not_issued(changes):
    """Numbers of people as pseudonyms, long lives, times without zone."""
    with pytest.raises(ParameterError, match="cannot be issued so"):
        claims(**changes)


def test_other_keys_are_not_trusted():
    """RSA is no key of ours; a text is no key at all."""
    other = rsa.generate_private_key(65_537, 2_048).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (pem, b"key"):
        with pytest.raises(ParameterError, match="trusted key 0"):
            tokens.trusted([text])


def test_qr_code(key):
    """The longest claims still fit version 11, with correction M; longer texts are refused."""
    import segno

    text = tokens.issue(claims(rule="r" * 58), key)
    assert int(segno.make_qr(text, error="m").version) <= 11
    assert tokens.qr_svg(text).startswith("<svg")
    with pytest.raises(ParameterError, match="above 11"):
        tokens.qr_svg("A" * 600)
    with pytest.raises(ParameterError, match="cannot hold"):
        tokens.qr_svg("A" * 9_000)


@pytest.mark.slow
def test_none_of_100_000_tampered_is_accepted(key, keys):
    """Characters and bits changed at random, in 50,000 tokens of each algorithm."""
    from benchmarks import tokens as benchmark

    texts = [tokens.issue(claims(pseudonym=secrets.token_bytes(16)), key) for _ in range(50)]
    assert benchmark.accepted(texts, keys, NOW) == 50
    assert benchmark.accepted(benchmark.tamper(texts, 50_000), keys, NOW) == 0
