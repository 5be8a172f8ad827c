"""
Verifications of health-code tokens a second on one core, and tampered tokens accepted.

The peer is python-cwt (``uv run --with cwt``), an implementation of the same standards by
others: it decodes our very COSE_Sign1 messages, without Base45 and zlib, and must read the
same claims from them. Tampering changes a character of the text, or a bit inside that is then
wrapped anew with a right checksum, so that only the signature can tell.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from analytics.codes import HealthCode
from analytics.errors import VerificationError
from analytics.methods import base45, tokens

TOKENS, TAMPERED = 3_000, 100_000

CWT = """
import json, sys, time
import cwt
asked = json.load(sys.stdin)
key = cwt.COSEKey.from_pem(asked["key"], kid=bytes.fromhex(asked["kid"]))
messages = [bytes.fromhex(one) for one in asked["messages"]]
start = time.process_time()
read = [cwt.decode(one, key) for one in messages]
seconds = time.process_time() - start
json.dump({"seconds": seconds, "subjects": [one[2].hex() for one in read]}, sys.stdout)
"""


def unwrapped(text: str) -> bytes:
    """Take the COSE message out of a token."""
    return zlib.decompress(base45.decode(text.removeprefix(tokens.PREFIX)))


def wrapped(message: bytes) -> str:
    """Put any message into a token, as zlib of one stored block."""
    return tokens.PREFIX + base45.encode(tokens.stored(message))


def tamper(texts: list[str], number: int) -> list[str]:
    """Change a character of half of them, and a bit within the other half."""
    generator = np.random.default_rng(11)
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    changed = []
    for turn in range(number):
        text = texts[turn % len(texts)]
        if turn % 2:
            place = int(generator.integers(len(text)))
            other = alphabet.replace(text[place], "")
            letter = other[int(generator.integers(len(other)))]
            changed.append(text[:place] + letter + text[place + 1 :])
        else:
            message = bytearray(unwrapped(text))
            bit = int(generator.integers(8 * len(message)))
            message[bit // 8] ^= 1 << bit % 8
            changed.append(wrapped(bytes(message)))
    return changed


def accepted(texts: list[str], keys: dict[bytes, tokens.PublicKey], now: datetime) -> int:
    """How many of the texts are taken for valid."""
    number = 0
    for text in texts:
        try:
            tokens.verify(text, keys, now)
        except VerificationError:
            continue
        number += 1
    return number


def peer_rate(texts: list[str], key: tokens.PublicKey, subjects: list[str]) -> float | None:
    """Verifications a second by python-cwt; None where uv is not there to bring it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        return None
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    messages = [unwrapped(text).hex() for text in texts]
    asked = {"key": pem, "kid": tokens.key_id(key).hex(), "messages": messages}
    command = [uv, "run", "--no-project", "--quiet", "--with", "cwt", "python", "-c", CWT]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=500
    )
    found = json.loads(done.stdout)
    if found["subjects"] != subjects:
        raise AssertionError("python-cwt reads other claims from our tokens")
    return len(texts) / found["seconds"]


def run() -> list[dict[str, object]]:
    """Measure both algorithms; count the tampered ones that pass."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows: list[dict[str, object]] = []
    for algorithm in ("ES256", "EdDSA"):
        key = tokens.generate_key(algorithm)
        keys = {tokens.key_id(key.public_key()): key.public_key()}
        claims = [
            tokens.Claims(
                "420000",
                secrets.token_bytes(16),
                HealthCode.GREEN,
                "2020-03-25.1",
                now,
                now + timedelta(days=1),
            )
            for _ in range(TOKENS)
        ]
        texts = [tokens.issue(one, key) for one in claims]
        start = time.process_time()
        valid = accepted(texts, keys, now)
        rate = TOKENS / (time.process_time() - start)
        wrong = accepted(tamper(texts, TAMPERED // 2), keys, now)
        if valid != TOKENS or wrong:
            raise AssertionError(f"{valid} of {TOKENS} valid, {wrong} tampered tokens accepted")
        tracemalloc.start()
        accepted(texts[:100], keys, now)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        theirs = peer_rate(texts, key.public_key(), [one.pseudonym.hex() for one in claims])
        rows.append(
            {
                "name": f"tokens/{algorithm}",
                "what": "verifications a second on one core, from the text on; "
                f"{wrong} of {TAMPERED // 2:,} tampered accepted",
                "ours": rate,
                "peer": f"python-cwt, without Base45 and zlib: {theirs:.0f}"
                if theirs
                else "not run: uv is not there",
                "ratio": rate / theirs if theirs else None,
                "peak_memory_mb": peak,
            }
        )
    return rows


if __name__ == "__main__":
    print(*run(), sep="\n")
