"""
The vault: identified files and tables, sealed under the key of the day they came in.

A sealed file is a header in clear (name, day, key's fingerprint, salt) and chunks of one MiB
under AES-256-GCM. A chunk's nonce is its position and whether it is the last; its
associated data is the header's digest. So a flipped bit, a swapped or missing chunk, a cut
end and a foreign header are all refused, and any part can be read without the rest.

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
import stat
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from analytics.errors import ArchiveError, BusyError, KeyringError, ParameterError
from analytics.privacy import audit, disk, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

_MAGIC = b"EWVAULT\x01"
_CHUNK = 1 << 20  # bytes of plain text
_TAG = 16  # bytes GCM adds
_HEADER_LIMIT = 4096
_PATIENCE_SECONDS = 600.0
SUFFIX = ".sealed"
TOMBSTONE = ".purged"


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


def seal(
    vault: Path, source: Path, name: str, received: date, ring: keys.Ring, *, keep: bool = False
) -> Sealed:
    """
    Seal a file and remove the original.

    Parameters
    ----------
    vault : Path
        The vault's folder, made if there is none.
    source : Path
        The original. It is removed once what was sealed has been read back and agrees.
    name : str
        Name in the vault, as ``health/2020-02-29/cases.csv``; see :func:`audit.impersonal`.
    received : date
        Day it came in; the file can be read until that day's key is destroyed.
    ring : keys.Ring
    keep : bool
        Leave the original where it is.

    Returns
    -------
    Sealed
        Sealing the same file under the same name again changes nothing.

    Raises
    ------
    ArchiveError
        If the name holds another file, or was purged.
    BusyError
        If the original is still being written.
    ParameterError
        If the name could tell on somebody, or the original is no plain file.
    """
    seal_all(vault, [(source, name, received)], ring, keep=keep)
    return inspect(vault, name)


def seal_all(
    vault: Path,
    originals: Sequence[tuple[Path, str, date]],
    ring: keys.Ring,
    *,
    keep: bool = False,
) -> None:
    """
    Seal several files under one hold of the vault, each as :func:`seal` does.

    Parameters
    ----------
    vault : Path
        The vault's folder, made if there is none.
    originals : sequence of tuple
        File, its name in the vault, day it came in. An original is removed only once all are
        sealed, have been read back and are durable.
    ring : keys.Ring
    keep : bool
        Leave the originals where they are.
    """
    paths = [_path(vault, name) for _, name, _ in originals]
    days = {received for _, _, received in originals}
    of_day = {day: keys.period_key(ring, day, make=True) for day in sorted(days)}
    with held(vault):
        seen = []
        for path, (source, name, received) in zip(paths, originals, strict=True):
            header = _header(name, received, of_day[received])
            seen.append(_sealed(vault, path, source, (name, header), of_day[received], ring))
        if keep:
            return
        for (source, _, _), before in zip(originals, seen, strict=True):
            _unchanged(source, before)
            source.unlink()
        for folder in {source.parent for source, _, _ in originals}:
            disk.sync(folder)


def _sealed(
    vault: Path, path: Path, source: Path, named: tuple[str, bytes], key: keys.Secret,
    ring: keys.Ring,
) -> os.stat_result:  # fmt: skip
    """Seal one file, or find it sealed already; what the original was like when it was read."""
    name, header = named
    with _original(source) as stream:
        before = os.fstat(stream.fileno())
        if path.exists():
            _same_or_refuse(vault, name, stream, ring)
        else:
            with disk.writing(path, disk.place_new) as target:
                _fill(target, header, key, lambda out: _copy(stream, out))
                _unchanged(source, before, os.fstat(stream.fileno()))
    return before


def seal_table(
    vault: Path, table: pa.Table, name: str, received: date, ring: keys.Ring, *, anew: bool = False
) -> Sealed:
    """
    Seal a table, as the person table that linkage makes.

    Parameters
    ----------
    vault : Path
        The vault's folder, made if there is none.
    table : pyarrow.Table
    name : str
        Name in the vault.
    received : date
        Day whose key it is sealed under.
    ring : keys.Ring
    anew : bool
        Put it in the place of the table that has this name now.

    Raises
    ------
    ArchiveError
        If the name is taken and `anew` is false, or was purged.
    """
    import pyarrow as pa

    def write(out: _Sealing) -> None:
        sink = pa.PythonFile(out, mode="w")
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)

    path = _path(vault, name)
    key = keys.period_key(ring, received, make=True)
    with held(vault):
        if path.exists() and not anew:
            raise ArchiveError(f"the vault holds a '{name}' already")
        with disk.writing(path, os.replace if anew else disk.place_new) as target:
            _fill(target, _header(name, received, key), key, write)
    return inspect(vault, name)


def unseal(vault: Path, name: str, ring: keys.Ring) -> BinaryIO:
    """
    Open a sealed file for reading, from any place in it; nothing is written to disk.

    Parameters
    ----------
    vault : Path
        Folder of sealed files.
    name : str
        As it was sealed under.
    ring : keys.Ring
        Keys of the study, retired ones too.

    Returns
    -------
    binary stream
        What was sealed, decrypted as it is read.

    Raises
    ------
    ArchiveError
        If there is none, it was purged, or it is damaged; a damaged chunk is refused when
        it is reached, a cut end at once.
    KeyringError
        If the ring has no key for it, or another.
    """
    opened = _open(vault, name, ring)
    try:
        opened.prove(opened.last)
    except ArchiveError:
        opened.close()
        raise
    return io.BufferedReader(opened)


def unseal_table(vault: Path, name: str, ring: keys.Ring) -> pa.Table:
    """
    Read a sealed table into memory.

    Parameters
    ----------
    vault : Path
    name : str
    ring : keys.Ring
        As for :func:`unseal`, all three.

    Raises
    ------
    ArchiveError, KeyringError
        As :func:`unseal`; a damaged chunk anywhere refuses the table.
    """
    import pyarrow as pa

    with unseal(vault, name, ring) as stream, pa.ipc.open_stream(stream) as reader:
        return reader.read_all()


def check(vault: Path, name: str, ring: keys.Ring) -> Sealed:
    """
    Read a sealed file through.

    Parameters
    ----------
    vault : Path
    name : str
    ring : keys.Ring
        As for :func:`unseal`, all three.

    Returns
    -------
    Sealed
        What its head says.

    Raises
    ------
    ArchiveError
        If it is damaged; every damaged chunk is listed.
    """
    breaches: list[str] = []
    with _open(vault, name, ring) as opened:
        for index in range(opened.last + 1):
            try:
                opened.prove(index)
            except ArchiveError as error:
                breaches += error.breaches
    if breaches:
        raise _damaged(name, breaches)
    return opened.sealed


def inspect(vault: Path, name: str) -> Sealed:
    """Read a sealed file's header, without a key and so without proof."""
    with _existing(vault, name).open("rb") as stream:
        return _read_header(stream, name)[0]


def discard(vault: Path, name: str) -> None:
    """Remove a sealed file that nothing asks for, without a tombstone."""
    path = _existing(vault, name)
    path.unlink()
    disk.sync(path.parent)


def holds(vault: Path, name: str) -> bool:
    """Whether there is a sealed file of this name."""
    return audit.impersonal(name) and (vault / f"{name}{SUFFIX}").is_file()


def names(vault: Path, folder: str = "") -> tuple[str, ...]:
    """Names of all sealed files, or of those in one folder of the vault, sorted."""
    found = (path.relative_to(vault).as_posix() for path in (vault / folder).rglob(f"*{SUFFIX}"))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found))


class _Sealing(io.RawIOBase):
    """Takes plain bytes and writes chunks; the last one when closed."""

    def __init__(self, target: BinaryIO, cipher: Cipher, associated: bytes) -> None:
        self._target, self._cipher, self._associated = target, cipher, associated
        self._waiting = bytearray()
        self._index = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.digest.update(content)
        self._waiting += content
        while len(self._waiting) > _CHUNK:
            self._emit(bytes(self._waiting[:_CHUNK]), last=False)
            del self._waiting[:_CHUNK]
        return memoryview(content).nbytes

    def finish(self) -> None:
        self._emit(bytes(self._waiting), last=True)

    def _emit(self, content: bytes, *, last: bool) -> None:
        nonce = _nonce(self._index, last=last)
        self._target.write(self._cipher.encrypt(nonce, content, self._associated))
        self._index += 1


class _Opened(io.RawIOBase):
    """Gives plain bytes of a sealed file, chunk by proven chunk."""

    def __init__(self, stream: BinaryIO, sealed: Sealed, cipher: Cipher, associated: bytes) -> None:
        self._stream, self.sealed = stream, sealed
        self._cipher, self._associated = cipher, associated
        self._position = 0
        self.last = max(0, (sealed.size - 1) // _CHUNK)
        body = sealed.size + _TAG * (self.last + 1)
        self._start = os.fstat(stream.fileno()).st_size - body
        self._held = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.sealed.size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self.sealed.size:
            return 0
        index, skipped = divmod(self._position, _CHUNK)
        content = self.prove(index)[skipped : skipped + len(buffer)]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        self._held = (-1, b"")
        self._stream.close()
        super().close()

    def prove(self, index: int) -> bytes:
        """Plain bytes of one chunk, counted from 0."""
        from cryptography.exceptions import InvalidTag

        if self._held[0] != index:
            self._stream.seek(self._start + index * (_CHUNK + _TAG))
            sealed = self._stream.read(_CHUNK + _TAG)
            nonce = _nonce(index, last=index == self.last)
            try:
                self._held = (index, self._cipher.decrypt(nonce, sealed, self._associated))
            except (InvalidTag, ValueError):
                place = f"chunk {index + 1} of {self.last + 1}: altered, misplaced or cut"
                raise _damaged(self.sealed.name, [place]) from None
        return self._held[1]


def _open(vault: Path, name: str, ring: keys.Ring) -> _Opened:
    with contextlib.ExitStack() as closing:
        stream = closing.enter_context(_existing(vault, name).open("rb"))
        sealed, associated = _read_header(stream, name)
        opened = _Opened(stream, sealed, _cipher(_key(ring, sealed), sealed.salt), associated)
        closing.pop_all()
    return opened


def _fill(
    target: BinaryIO, header: bytes, key: keys.Secret, write: Callable[[_Sealing], object]
) -> None:
    """Write a sealed file, then read it back and compare."""
    target.write(header)
    target.flush()
    target.seek(0)
    sealed, associated = _read_header(target, "", whole=False)
    cipher = _cipher(key, sealed.salt)
    with contextlib.closing(_Sealing(target, cipher, associated)) as out:
        write(out)
        out.finish()
        written = out.digest.digest()
    target.flush()
    target.seek(0)
    sealed, associated = _read_header(target, sealed.name)
    back = hashlib.sha256()
    opened = _Opened(_borrowed(target), sealed, cipher, associated)
    with opened:
        for index in range(opened.last + 1):
            back.update(opened.prove(index))
    if back.digest() != written:
        raise ArchiveError(f"'{sealed.name}' did not read back as it was sealed; nothing changed")
    target.seek(0, os.SEEK_END)


def _borrowed(target: BinaryIO) -> BinaryIO:
    """Another handle on an open file, at the same place, that may be closed."""
    return os.fdopen(os.dup(target.fileno()), "rb")


def _copy(stream: BinaryIO, out: _Sealing) -> None:
    stream.seek(0)
    while content := stream.read(_CHUNK):
        out.write(content)


def _header(name: str, received: date, key: keys.Secret) -> bytes:
    said = {
        "name": name,
        "period": received.isoformat(),
        "key": _fingerprint(key),
        "salt": secrets.token_hex(32),
    }
    content = json.dumps(said, sort_keys=True).encode()
    return _MAGIC + len(content).to_bytes(4, "big") + content


def _read_header(stream: BinaryIO, name: str, *, whole: bool = True) -> tuple[Sealed, bytes]:
    """Header, and the digest of it that every chunk is bound to; `name` must be the header's."""
    start = stream.read(len(_MAGIC) + 4)
    length = int.from_bytes(start[len(_MAGIC) :], "big")
    content = stream.read(length) if length <= _HEADER_LIMIT else b""
    body = os.fstat(stream.fileno()).st_size - len(start) - length
    try:
        said = json.loads(content)
        sealed = Sealed(
            name=said["name"],
            period=date.fromisoformat(said["period"]),
            size=body - _TAG * max(1, -(-body // (_CHUNK + _TAG))),
            key=said["key"],
            salt=said["salt"],
        )
    except (ValueError, KeyError, TypeError):
        sealed = None
    foreign = sealed is not None and name and sealed.name != name
    if not start.startswith(_MAGIC) or sealed is None or foreign or (whole and sealed.size < 0):
        raise _damaged(name, ["header: altered, cut or of another file"])
    return sealed, hashlib.sha256(start + content).digest()


def _key(ring: keys.Ring, sealed: Sealed) -> keys.Secret:
    key = keys.period_key(ring, sealed.period)
    if _fingerprint(key) != sealed.key:
        raise KeyringError(
            f"'{sealed.name}' is sealed under key {sealed.key}; the ring's key of "
            f"{sealed.period} is {_fingerprint(key)}",
            remedy="use the ring it was sealed with",
        )
    return key


def _cipher(key: keys.Secret, salt: str) -> Cipher:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(keys.expand(key, "file", salt))


def _fingerprint(key: keys.Secret) -> str:
    return keys.expand(key, "fingerprint")[:8].hex()


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])


def _damaged(name: str, breaches: list[str]) -> ArchiveError:
    remedy = "restore it from its backup, or ask the department to deliver it again"
    return ArchiveError(f"'{name}' in the vault is damaged:", breaches, remedy)


def _path(vault: Path, name: str) -> Path:
    if not audit.impersonal(name) or any(part.endswith(".") for part in name.split("/")):
        raise ParameterError(
            "a name for the vault was refused, since names stand in clear",
            remedy="use ASCII words and slashes, as health/2020-02-29/cases.csv, and no number "
            "of a person",
        )
    path = vault / f"{name}{SUFFIX}"
    tombstone = vault / f"{name}{TOMBSTONE}"
    if tombstone.exists():
        raise ArchiveError(f"'{name}' was purged from the vault; its name is not used again")
    disk.make_private(path.parent)
    return path


def _existing(vault: Path, name: str) -> Path:
    if holds(vault, name):
        return vault / f"{name}{SUFFIX}"
    purged = audit.impersonal(name) and (vault / f"{name}{TOMBSTONE}").exists()
    if purged:
        raise ArchiveError(f"'{name}' was purged from the vault")
    raise ArchiveError(
        "the vault holds no file of that name", remedy="analytics.privacy.vault.names lists them"
    )


@contextlib.contextmanager
def held(vault: Path) -> Iterator[None]:
    """Keep other writers out of the vault, and clear away what killed ones left."""
    disk.make_private(vault)
    with disk.locked(vault / "vault.lock", _PATIENCE_SECONDS):
        for folder in {path.parent for path in vault.rglob(".partial-*")}:
            disk.sweep(folder)
        yield


@contextlib.contextmanager
def _original(source: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ParameterError(f"the file to seal cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ParameterError("the file to seal is no plain file")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _unchanged(source: Path, *before: os.stat_result) -> None:
    now = source.lstat()
    seen = [(s.st_ino, s.st_size, s.st_mtime_ns) for s in (*before, now)]
    if len(set(seen)) > 1:
        raise BusyError(
            "the file to seal changed while it was read; nothing was sealed",
            remedy="seal it once its writer has finished",
        )


def _same_or_refuse(vault: Path, name: str, stream: BinaryIO, ring: keys.Ring) -> None:
    with unseal(vault, name, ring) as held:
        ours = hashlib.file_digest(held, "sha256").digest()  # type: ignore[arg-type]
        same = ours == hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
    if not same:
        raise ArchiveError(
            f"the vault holds another file under '{name}'",
            remedy="a correction comes under a name of its own",
        )
