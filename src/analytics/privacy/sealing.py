"""
One sealed file: a header in clear, and chunks that each prove where they belong.

The header holds name, day, the key's fingerprint and a salt; chunks are one MiB under AES-256-GCM.
A chunk's nonce is its position and whether it is the last; its associated data is the
header's digest. So a flipped bit, a swapped or missing chunk, a cut end and a foreign header are
all refused, and any part can be read without the rest.

References
----------
Hoang, Reyhanitabar, Rogaway & Vizár (2015), Online authenticated-encryption and its
nonce-reuse misuse-resistance (STREAM). NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from analytics.errors import ArchiveError
from analytics.privacy import keys

if TYPE_CHECKING:
    from collections.abc import Callable

_MAGIC = b"EWVAULT\x01"
CHUNK = 1 << 20  # bytes of plain text
_TAG = 16  # bytes GCM adds
_HEADER_LIMIT = 4096


@dataclass(frozen=True)
class Sealed:
    """
    What a sealed file's header says.

    Attributes
    ----------
    name : str
        Its name in the vault.
    period : date
        Day it came in, whose key it is under.
    size : int
        Bytes of the original.
    key : str
        Fingerprint of the day's key.
    salt : str
        Makes the file's own key.
    """

    name: str
    period: date
    size: int
    key: str
    salt: str


class Cipher(Protocol):
    """What of an AEAD cipher is used here."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Encrypt and authenticate.

        Parameters
        ----------
        nonce : bytes
            Never used twice with one key.
        data : bytes
        associated_data : bytes or None
            Authenticated, not encrypted.
        """

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Undo :meth:`encrypt`.

        Raises
        ------
        cryptography.exceptions.InvalidTag
            If key, nonce, data or associated data are not those it was sealed with.
        """


class Sealing(io.RawIOBase):
    """Takes plain bytes and writes chunks; the last one when closed."""

    def __init__(self, target: BinaryIO, cipher: Cipher, associated: bytes) -> None:
        self._target, self._cipher, self._associated = target, cipher, associated
        self._waiting = bytearray()
        self._index = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        """Say that this end takes bytes."""
        return True

    def write(self, content: Any) -> int:
        """Take plain bytes; all but the last chunk of them go on sealed."""
        self.digest.update(content)
        self._waiting += content
        while len(self._waiting) > CHUNK:
            self._emit(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return memoryview(content).nbytes

    def finish(self) -> None:
        """Seal the last chunk, which may be empty and says that it is the last."""
        self._emit(bytes(self._waiting), last=True)

    def _emit(self, content: bytes, *, last: bool) -> None:
        nonce = _nonce(self._index, last=last)
        self._target.write(self._cipher.encrypt(nonce, content, self._associated))
        self._index += 1


class Opened(io.RawIOBase):
    """Gives plain bytes of a sealed file, chunk by proven chunk."""

    def __init__(self, stream: BinaryIO, sealed: Sealed, cipher: Cipher, associated: bytes) -> None:
        self._stream, self.sealed = stream, sealed
        self._cipher, self._associated = cipher, associated
        self._position = 0
        self.last = max(0, (sealed.size - 1) // CHUNK)
        body = sealed.size + _TAG * (self.last + 1)
        self._start = os.fstat(stream.fileno()).st_size - body
        self._held = (-1, b"")

    def readable(self) -> bool:
        """Say that this end gives bytes."""
        return True

    def seekable(self) -> bool:
        """Say that it opens anywhere: every chunk stands by itself."""
        return True

    def tell(self) -> int:
        """Place in the plain text [bytes]."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the plain text [bytes]."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.sealed.size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from one chunk, proven first; 0 at the end."""
        if self._position >= self.sealed.size:
            return 0
        index, skipped = divmod(self._position, CHUNK)
        content = self.prove(index)[skipped : skipped + len(buffer)]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        """Forget the plain text held, and close the file."""
        self._held = (-1, b"")
        self._stream.close()
        super().close()

    def prove(self, index: int) -> bytes:
        """
        Give the plain bytes of one chunk.

        Parameters
        ----------
        index : int
            Counted from 0.

        Raises
        ------
        ArchiveError
            If it was altered, is misplaced or cut.
        """
        from cryptography.exceptions import InvalidTag

        if self._held[0] != index:
            self._stream.seek(self._start + index * (CHUNK + _TAG))
            sealed = self._stream.read(CHUNK + _TAG)
            nonce = _nonce(index, last=index == self.last)
            try:
                self._held = (index, self._cipher.decrypt(nonce, sealed, self._associated))
            except (InvalidTag, ValueError):
                place = f"chunk {index + 1} of {self.last + 1}: altered, misplaced or cut"
                raise damaged(self.sealed.name, [place]) from None
        return self._held[1]


def fill(
    target: BinaryIO, header: bytes, key: keys.Secret, write: Callable[[Sealing], object]
) -> None:
    """
    Write a sealed file, then read it back and compare.

    Parameters
    ----------
    target : binary file
        Open for writing and reading, empty.
    header : bytes
        As :func:`header` writes it.
    key : Secret
        Of the file's day.
    write : callable
        Writes the plain bytes into the `Sealing` it is given.

    Raises
    ------
    ArchiveError
        If what was read back is not what was written.
    """
    target.write(header)
    target.flush()
    target.seek(0)
    sealed, associated = read_header(target, "", whole=False)
    own = cipher(key, sealed.salt)
    with contextlib.closing(Sealing(target, own, associated)) as out:
        write(out)
        out.finish()
        written = out.digest.digest()
    target.flush()
    target.seek(0)
    sealed, associated = read_header(target, sealed.name)
    back = hashlib.sha256()
    opened = Opened(_borrowed(target), sealed, own, associated)
    with opened:
        for index in range(opened.last + 1):
            back.update(opened.prove(index))
    if back.digest() != written:
        raise ArchiveError(f"'{sealed.name}' did not read back as it was sealed; nothing changed")
    target.seek(0, os.SEEK_END)


def _borrowed(target: BinaryIO) -> BinaryIO:
    """Another handle on an open file, at the same place, that may be closed."""
    return os.fdopen(os.dup(target.fileno()), "rb")


def header(name: str, received: date, key: keys.Secret) -> bytes:
    """
    Write the header of a file that is to be sealed, with a salt of its own.

    Parameters
    ----------
    name : str
        In the vault.
    received : date
        Day whose key it goes under.
    key : Secret
        That key, of which only the fingerprint is told.
    """
    said = {
        "name": name,
        "period": received.isoformat(),
        "key": fingerprint(key),
        "salt": secrets.token_hex(32),
    }
    content = json.dumps(said, sort_keys=True).encode()
    return _MAGIC + len(content).to_bytes(4, "big") + content


def read_header(stream: BinaryIO, name: str, *, whole: bool = True) -> tuple[Sealed, bytes]:
    """
    Read a sealed file's header.

    Parameters
    ----------
    stream : binary file
        At its beginning; left where the chunks begin.
    name : str
        That the header must have; empty for any.
    whole : bool
        Whether the chunks must be there; not while the file is being written.

    Returns
    -------
    Sealed
        What the header says, without proof: opening a chunk proves it.
    bytes
        Digest of the header, to which every chunk is bound.

    Raises
    ------
    ArchiveError
        If it is altered, cut, or another file's.
    """
    start = stream.read(len(_MAGIC) + 4)
    length = int.from_bytes(start[len(_MAGIC) :], "big")
    content = stream.read(length) if length <= _HEADER_LIMIT else b""
    body = os.fstat(stream.fileno()).st_size - len(start) - length
    try:
        said = json.loads(content)
        sealed = Sealed(
            name=said["name"],
            period=date.fromisoformat(said["period"]),
            size=body - _TAG * max(1, -(-body // (CHUNK + _TAG))),
            key=said["key"],
            salt=said["salt"],
        )
    except (ValueError, KeyError, TypeError):
        sealed = None
    foreign = sealed is not None and name and sealed.name != name
    if not start.startswith(_MAGIC) or sealed is None or foreign or (whole and sealed.size < 0):
        raise damaged(name, ["header: altered, cut or of another file"])
    return sealed, hashlib.sha256(start + content).digest()


def cipher(key: keys.Secret, salt: str) -> Cipher:
    """Give the cipher of one file, under a key that its day's key and its salt make."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(keys.expand(key, "file", salt))


def fingerprint(key: keys.Secret) -> str:
    """Name a key without telling it: 16 hexadecimal digits."""
    return keys.expand(key, "fingerprint")[:8].hex()


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])


def damaged(name: str, breaches: list[str]) -> ArchiveError:
    """Make the error that says what of a sealed file does not hold, and what to do."""
    remedy = "restore it from its backup, or ask the department to deliver it again"
    return ArchiveError(f"'{name}' in the vault is damaged:", breaches, remedy)
