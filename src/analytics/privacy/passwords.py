"""Files under a password: encrypted workbooks that any office program opens, or age."""

from __future__ import annotations

import io
import secrets
import stat
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from analytics.errors import KeyringError, SetupError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHORTEST = 8  # characters
_SALT = 16  # bytes
_OLE = b"\xd0\xcf\x11\xe0"
_AGE = b"age-encryption.org/"


def from_file(path: Path) -> str:
    """
    Read a password from the first line of a file that only its owner can read.

    Raises
    ------
    KeyringError
        If others can read it, or it holds no password of at least eight characters.
    """
    check_private(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    return strong(lines[0] if lines else "")


def check_private(path: Path) -> None:
    """
    Refuse a file with a password in it that others can read.

    Raises
    ------
    KeyringError
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyringError(
            f"'{path}' has mode {mode:04o}: others can read the password in it",
            remedy=f"chmod 600 {path}, and take another password",
        )


def strong(password: str) -> str:
    """
    Give a password back if it is long enough.

    Raises
    ------
    KeyringError
        If it has fewer than eight characters.
    """
    if len(password) < _SHORTEST:
        raise KeyringError(f"the password has fewer than {_SHORTEST} characters")
    return password


def lock_workbook(content: bytes, password: str, salt: bytes | None = None) -> bytes:
    """
    Encrypt an XLSX as office programs do.

    Parameters
    ----------
    content : bytes
        The workbook in clear.
    password : str
    salt : bytes, optional
        As `fresh_salt` or `salt_of` gives; one of its own without it.

    Notes
    -----
    Each workbook has a random key of its own, which alone is under the password. Workbooks that
    leave together under one password may share a salt: who finds the password opens all of them
    with or without it, and within `rounds_once` its 100,000 rounds are gone through once.

    References
    ----------
    [MS-OFFCRYPTO] 2.3.4.10, agile encryption: AES-256, SHA-512, 100,000 rounds.
    """
    return bytes(_agile().encrypt(strong(password), io.BytesIO(content), salt))


def fresh_salt() -> bytes:
    """Draw a salt for workbooks that leave together."""
    return secrets.token_bytes(_SALT)


def salt_of(content: bytes) -> bytes | None:
    """Salt of an encrypted workbook; None of any other file."""
    if not content.startswith(_OLE):
        return None
    import msoffcrypto

    return bytes(msoffcrypto.OfficeFile(io.BytesIO(content)).info["passwordSalt"])


_gone_through: ContextVar[dict[Any, Any] | None] = ContextVar("_gone_through", default=None)


@contextmanager
def rounds_once() -> Iterator[None]:
    """
    Go through a password's rounds once for all workbooks of one salt that are worked on within.

    What they give is as good as the password, and is forgotten at the end of the outermost.
    """
    known = _gone_through.get()
    token = _gone_through.set({} if known is None else known)
    try:
        yield
    finally:
        _gone_through.reset(token)


@cache
def _agile() -> Any:
    """
    Agile encryption that heeds `rounds_once`.

    msoffcrypto (6.1) goes through the rounds for each file; nothing else of it is touched.
    """
    from msoffcrypto.method.ecma376_agile import ECMA376Agile

    each = ECMA376Agile._derive_iterated_hash_from_password  # noqa: SLF001

    def once(*told: Any) -> Any:
        known = _gone_through.get()
        if known is None:
            return each(*told)
        if told not in known:
            known[told] = each(*told)
        return known[told]

    ECMA376Agile._derive_iterated_hash_from_password = staticmethod(once)  # noqa: SLF001
    return ECMA376Agile


def lock_age(content: bytes, password: str) -> bytes:
    """
    Encrypt any file under a password with age, armoured for the post.

    Raises
    ------
    SetupError
        If the extra ``age`` is not installed.

    References
    ----------
    https://age-encryption.org/v1, scrypt recipient.
    """
    return bytes(_pyrage().passphrase.encrypt(content, strong(password)))


def locked(content: bytes) -> bool:
    """Whether a file is under a password."""
    return content.startswith((_OLE, _AGE))


def unlock(content: bytes, password: str) -> bytes:
    """
    Decrypt a file of either kind; one that is in clear stays as it is.

    Raises
    ------
    VerificationError
        If the password is another or the file is damaged.
    SetupError
        If it is an age file and the extra ``age`` is not installed.
    """
    if not locked(content):
        return content
    refusal = VerificationError(
        "the file does not open with this password, or it is damaged",
        remedy="ask the team for the password the list was exported with",
    )
    if content.startswith(_AGE):
        pyrage = _pyrage()
        try:
            return bytes(pyrage.passphrase.decrypt(content, password))
        except pyrage.DecryptError:
            raise refusal from None
    import msoffcrypto
    from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

    _agile()
    plain = io.BytesIO()
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(content))
        office.load_key(password=password)  # another password fails on the integrity's MAC
        office.decrypt(plain, verify_integrity=True)
    except (InvalidKeyError, DecryptionError, FileFormatError, ParseError, ValueError, OSError):
        raise refusal from None
    return plain.getvalue()


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise SetupError("age is not installed", remedy="uv sync --extra age") from error
    return pyrage
