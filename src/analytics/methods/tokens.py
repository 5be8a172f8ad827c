"""
Health-code tokens that a gate verifies offline.

A token is a signed statement, CBOR Web Token in COSE_Sign1 (RFC 8392, RFC 9052), wrapped in
zlib (RFC 1950) and Base45 (RFC 9285), so that a QR code carries it in its alphanumeric mode.
It holds a code, the rule it came from, times, and a pseudonym made for this token's lifetime:
no name, number, phone or place of a person. Who holds the public keys can verify it; nothing
else is asked or told.

One statement has one text only: containers are rebuilt and compared, and of the two
equivalent ECDSA signatures only the lower is taken, so that a changed text never passes, not
even where the change would mean nothing. For the same reason the zlib stream is one stored
block: most of a token is random and does not compress, and compressors differ.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from analytics.codes import HealthCode
from analytics.errors import ParameterError, VerificationError
from analytics.methods import base45

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey
    PublicKey = EllipticCurvePublicKey | Ed25519PublicKey

PREFIX = "EWB1:"
LONGEST = timedelta(days=7)  # a pseudonym that lives longer lets journeys be joined
QR_VERSION = 11
_MOST = 1_024  # bytes of a token at most; what is longer is not read
_PSEUDONYM = 16
_STORED = b"\x78\x01\x01"
_ES256, _EDDSA = -7, -8  # RFC 9053
_ALGORITHM, _KEY_ID = 1, 4  # header labels, RFC 9052
_ISSUER, _SUBJECT, _EXPIRY, _NOT_BEFORE, _ISSUED = 1, 2, 4, 5, 6  # claims, RFC 8392
_CODE, _RULE = -65_537, -65_538  # private use, RFC 8392
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_REMEDY = "Let the holder renew the code; if that fails as well, ask for the paper certificate."


@dataclass(frozen=True)
class Claims:
    """
    What a token says.

    Parameters
    ----------
    issuer : str
        Who answers for it, such as the region code of the province.
    pseudonym : bytes
        16 bytes, made anew for each token's lifetime; they say nothing about the person.
    code : HealthCode
        Green, yellow or red.
    rule : str
        Version of the rules the code came from.
    issued, expires : datetime
        From when and until when it holds, in whole seconds and with a zone.
    """

    issuer: str
    pseudonym: bytes
    code: HealthCode
    rule: str
    issued: datetime
    expires: datetime

    def __post_init__(self) -> None:
        breaches = []
        if len(self.pseudonym) != _PSEUDONYM:
            breaches.append(f"the pseudonym has {len(self.pseudonym)} bytes, not {_PSEUDONYM}")
        if self.issued.tzinfo is None or self.expires.tzinfo is None:
            breaches.append("a time has no zone")
        elif not timedelta(0) < self.expires - self.issued <= LONGEST:
            breaches.append(
                f"it holds for {self.expires - self.issued}, not 0 to {LONGEST.days} days"
            )
        if len(self.issuer) + len(self.rule) > 64:  # noqa: PLR2004 (the QR code stays small)
            breaches.append("issuer and rule have more than 64 characters together")
        if breaches:
            raise ParameterError("a health code cannot be issued so", breaches)


def generate_key(algorithm: Literal["ES256", "EdDSA"] = "ES256") -> PrivateKey:
    """
    Make a signing key.

    Parameters
    ----------
    algorithm : {'ES256', 'EdDSA'}
        ECDSA on P-256 with SHA-256, which verifies faster, or Ed25519.

    Returns
    -------
    private key
        Of the cryptography package, which also stores and loads it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def key_id(key: PublicKey) -> bytes:
    """
    Name a public key: the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo.

    Parameters
    ----------
    key : public key
        ES256 or EdDSA.

    Returns
    -------
    bytes
        As it stands in a token's header.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).digest()[:8]


def trusted(pems: Iterable[bytes]) -> dict[bytes, PublicKey]:
    """
    Read the public keys a gate trusts.

    Parameters
    ----------
    pems : iterable of bytes
        One public key each, PEM.

    Returns
    -------
    dict
        Key by its id.

    Raises
    ------
    ParameterError
        If a text is no public key, or of another kind than ES256 and EdDSA.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys: dict[bytes, PublicKey] = {}
    for position, pem in enumerate(pems):
        try:
            key: Any = load_pem_public_key(pem)
            _algorithm(key)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ParameterError(f"trusted key {position} is no ES256 or EdDSA key") from error
        keys[key_id(key)] = key
    return keys


def issue(claims: Claims, key: PrivateKey) -> str:
    """
    Sign a token.

    Parameters
    ----------
    claims : Claims
        What it says.
    key : private key
        ES256 or EdDSA.

    Returns
    -------
    str
        Text for a QR code.
    """
    import cbor2

    public = key.public_key()
    algorithm = _algorithm(public)
    protected = cbor2.dumps({_ALGORITHM: algorithm, _KEY_ID: key_id(public)}, canonical=True)
    statement = {
        _ISSUER: claims.issuer,
        _SUBJECT: claims.pseudonym,
        _EXPIRY: int(claims.expires.timestamp()),
        _NOT_BEFORE: int(claims.issued.timestamp()),
        _ISSUED: int(claims.issued.timestamp()),
        _CODE: list(HealthCode).index(claims.code),
        _RULE: claims.rule,
    }
    payload = cbor2.dumps(statement, canonical=True)
    signature = _sign(key, _to_be_signed(protected, payload))
    return PREFIX + base45.encode(stored(_enveloped(protected, payload, signature)))


def verify(
    text: str,
    keys: Mapping[bytes, PublicKey],
    now: datetime,
    *,
    leeway: timedelta = timedelta(minutes=2),
) -> Claims:
    """
    Verify a token offline.

    Parameters
    ----------
    text : str
        What the QR code holds.
    keys : mapping
        Trusted public keys by id, as `trusted` gives them.
    now : datetime
        With a zone.
    leeway : timedelta
        How much the clocks of issuer and gate may differ.

    Returns
    -------
    Claims
        What the issuer signed.

    Raises
    ------
    VerificationError
        If the text is no token, was changed, was signed by nobody trusted, is not valid yet
        or no longer. The message holds nothing from the token.
    """
    import cbor2

    envelope = _opened(text)
    try:
        tag = cbor2.loads(envelope)
        protected, unprotected, payload, signature = tag.value
        header = cbor2.loads(protected)
        algorithm, identity = header[_ALGORITHM], header[_KEY_ID]
        whole = not unprotected and _enveloped(protected, payload, signature) == envelope
    except Exception as error:
        # whatever a decoder makes of hostile bytes, the answer at the gate is one
        raise VerificationError("this is no health code: it cannot be read", (), _REMEDY) from error
    if not whole or len(header) != 2:  # noqa: PLR2004 (algorithm and key id, nothing else)
        raise VerificationError("this is no health code: it has another form", (), _REMEDY)
    key = keys.get(identity) if isinstance(identity, bytes) else None
    if key is None or _algorithm(key) != algorithm:
        raise VerificationError("the health code is signed by nobody trusted here", (), _REMEDY)
    if not _is_signed(key, signature, _to_be_signed(protected, payload)):
        raise VerificationError("the health code was changed or forged", (), _REMEDY)
    claims = _claimed(cbor2.loads(payload))
    if now >= claims.expires + leeway:
        raise VerificationError("the health code has expired", (), _REMEDY)
    if now < claims.issued - leeway:
        raise VerificationError("the health code is not valid yet", (), "Check the gate's clock.")
    return claims


def qr_svg(text: str, *, scale: float = 4) -> str:
    """
    Draw a token as a QR code.

    Parameters
    ----------
    text : str
        As `issue` gives it.
    scale : float
        Size of a module [px].

    Returns
    -------
    str
        SVG, of version 11 or lower and error correction M or better.

    Raises
    ------
    ParameterError
        If the text is too long for that.
    """
    import segno

    try:
        code = segno.make_qr(text, error="m", mode="alphanumeric")
    except (segno.DataOverflowError, ValueError) as error:
        raise ParameterError("a QR code cannot hold this text") from error
    if int(code.version) > QR_VERSION:
        raise ParameterError(f"the QR code would have version {code.version}, above {QR_VERSION}")
    return code.svg_inline(scale=scale)


def stored(content: bytes) -> bytes:
    """
    Wrap bytes as a zlib stream of one stored block (RFC 1950, RFC 1951).

    Parameters
    ----------
    content : bytes
        At most 65,535.

    Returns
    -------
    bytes
        What any zlib decompresses to the content.
    """
    size = struct.pack("<HH", len(content), len(content) ^ 0xFFFF)
    return _STORED + size + content + struct.pack(">I", zlib.adler32(content))


def _opened(text: str) -> bytes:
    """Unwrap Base45 and zlib, without trusting any length they state."""
    if not text.startswith(PREFIX) or len(text) > 2 * _MOST:
        raise VerificationError("this is no health code: it does not begin as one", (), _REMEDY)
    try:
        wrapped = base45.decode(text[len(PREFIX) :])
        content = zlib.decompressobj().decompress(wrapped, _MOST)
    except (ValueError, zlib.error) as error:
        raise VerificationError("this is no health code: it cannot be read", (), _REMEDY) from error
    if stored(content) != wrapped:
        raise VerificationError("this is no health code: it has another form", (), _REMEDY)
    return content


def _enveloped(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    import cbor2

    sign1 = cbor2.CBORTag(18, [protected, {}, payload, signature])  # COSE_Sign1
    return cbor2.dumps(sign1, canonical=True)


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    import cbor2

    return cbor2.dumps(["Signature1", protected, b"", payload], canonical=True)


def _claimed(statement: Any) -> Claims:
    """Read a statement somebody trusted signed; they may still have signed another kind."""
    try:
        return Claims(
            statement[_ISSUER],
            statement[_SUBJECT],
            list(HealthCode)[statement[_CODE]],
            statement[_RULE],
            datetime.fromtimestamp(statement[_NOT_BEFORE], UTC),
            datetime.fromtimestamp(statement[_EXPIRY], UTC),
        )
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, ParameterError) as error:
        raise VerificationError("what was signed is no health code", (), _REMEDY) from error


def _algorithm(key: PublicKey) -> int:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PublicKey):
        return _EDDSA
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return _ES256
    raise ValueError("neither ES256 nor EdDSA")


def _sign(key: PrivateKey, message: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message)
    first, second = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return first.to_bytes(32, "big") + min(second, _ORDER - second).to_bytes(32, "big")


def _is_signed(key: PublicKey, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if len(signature) != 64:  # noqa: PLR2004 (both algorithms')
        return False
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message)
            return True
        first, second = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        if second > _ORDER // 2:
            return False
        encoded = utils.encode_dss_signature(first, second)
        key.verify(encoded, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
