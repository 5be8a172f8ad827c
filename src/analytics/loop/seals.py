"""
Seals on what is pushed: a MAC per line, so that a forged or shifted row is found.

A spreadsheet program rewrites every byte of a file, so a signature of the file is worth
nothing. Instead each line carries a MAC over what was pushed: study, list, version, line, rows
and every locked value. Spaces and line ends may change; nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from typing import TYPE_CHECKING

from analytics.privacy import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.privacy.keys import Ring

_HEXADECIMALS = 32  # of 64: RFC 2104, section 5, allows half
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})(?=_)")  # XLSX would read a character into it


def plain(text: object) -> str:
    """Text as it can stand in a cell: no control characters, no escapes, line ends as LF."""
    said = "" if text is None else str(text)
    if said.isascii() and said.isprintable() and "_x" not in said:
        return said.strip()
    if said.isprintable() and "_x" not in said:
        return unicodedata.normalize("NFC", said).strip()
    said = _UNPRINTABLE.sub("", said.replace("\r\n", "\n").replace("\r", "\n"))
    return unicodedata.normalize("NFC", _ESCAPE.sub(r"_x\1 ", said)).strip()


def plain_column(texts: Sequence[object]) -> list[str]:
    """Each text as :func:`plain` gives it; a column that is plain as a whole is not taken apart."""
    try:
        whole = "\x20".join(texts)  # type: ignore[arg-type]  # other cells than text raise
    except TypeError:
        return [plain(text) for text in texts]
    if "_x" not in whole and whole.isprintable() and unicodedata.is_normalized("NFC", whole):
        return [text.strip() for text in texts]  # type: ignore[attr-defined]
    return [plain(text) for text in texts]


def seal(study: str, ring: Ring, lines: Iterable[Sequence[str]]) -> list[str]:
    """
    Seal lines of work lists.

    Parameters
    ----------
    study : str
        Name of the study.
    ring : keys.Ring
    lines : iterable of sequence of str
        For each line its list, version and every pushed value, in a fixed order, each as
        :func:`plain` gives it.

    Returns
    -------
    list of str
        ``<generation>-<MAC>`` of each, under a key derived for this use alone.

    References
    ----------
    RFC 2104, HMAC: keyed-hashing for message authentication.
    """
    base = hmac.new(keys.derive(ring, "loop", "seal"), digestmod=hashlib.sha256)
    generation = ring.fingerprint[:8]
    sealed = []
    for values in lines:
        one = base.copy()
        written = [" ".join(value.split()) for value in values]
        one.update(json.dumps([study, *written], ensure_ascii=False).encode())
        sealed.append(f"{generation}-{one.hexdigest()[:_HEXADECIMALS]}")
    return sealed


def fault(ring: Ring, given: str, expected: str) -> str:
    """
    Say why a seal does not hold.

    Parameters
    ----------
    ring : keys.Ring
    given : str
        Seal as it came back; blanks around it do not count.
    expected : str
        Seal of what was sent out.

    Returns
    -------
    str
        Empty if it holds; ``old_key`` if a key made it that was rotated since; else ``seal``.
    """
    if hmac.compare_digest(given.strip().encode(), expected.encode()):
        return ""
    retired = {fingerprint[:8] for fingerprint in ring.retired}
    return "old_key" if given.strip().partition("-")[0] in retired else "seal"
