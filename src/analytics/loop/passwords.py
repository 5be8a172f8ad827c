"""Files under a password: encrypted workbooks that any office program opens, or age."""

from __future__ import annotations

import io
import stat
from typing import TYPE_CHECKING, Any

from analytics.errors import KeyringError, SetupError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

_SHORTEST = 8  # characters
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


def lock_workbook(content: bytes, password: str) -> bytes:
    """
    Encrypt an XLSX as office programs do.

    References
    ----------
    [MS-OFFCRYPTO] 2.3.4.10, agile encryption: AES-256, SHA-512, 100,000 rounds.
    """
    from msoffcrypto.format.ooxml import OOXMLFile

    sealed = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(strong(password), sealed)
    return sealed.getvalue()


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
