"""Files: private ones read only when nobody else can, written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, BinaryIO

from analytics.errors import BusyError, KeyringError, PublicationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PARTIAL = ".partial-"


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents, each mode 0700, and make their names durable."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
        sync(place.parent)


def check_private(folder: Path, *files: Path) -> None:
    """
    Refuse a folder and files that anybody but the owner could read or change.

    Raises
    ------
    KeyringError
        If any is a link, belongs to somebody else, or is open to group or others; all are
        listed.
    """
    breaches = []
    for path in (folder, *files):
        status = path.lstat()
        proper = stat.S_ISDIR if path == folder else stat.S_ISREG
        mode = stat.S_IMODE(status.st_mode)
        if not proper(status.st_mode):
            breaches.append(f"'{path}' is a link or not a plain file or folder")
        if status.st_uid != os.geteuid():
            breaches.append(f"'{path}' belongs to user {status.st_uid}, not to {os.geteuid()}")
        if mode & 0o077:
            breaches.append(f"'{path}' has mode {mode:04o}: others can reach it")
    if breaches:
        raise KeyringError(
            f"the keys in '{folder}' are not private",
            breaches,
            f"chmod 700 {folder} && chmod 600 {folder}/*; if others may have read them, rotate",
        )


def read_private(path: Path) -> bytes:
    """
    Read a file of a private folder; the same open file is checked and read.

    Raises
    ------
    KeyringError
        If the folder or the file is open to others, as :func:`check_private`, or was opened to
        them meanwhile.
    """
    check_private(path.parent, path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
            raise KeyringError(f"'{path}' was opened to others while it was read")
        return stream.read()


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal; the file is read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(folder: Path) -> None:
    """Make a folder's entries durable: what was moved or made there outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(path: Path, place: Callable[[Path, Path], None]) -> Iterator[BinaryIO]:
    """
    Write a private file beside its final place, then move it there, durably.

    Parameters
    ----------
    path : Path
        Final place; whatever stands there stands until the new file is whole on disk.
    place : callable
        Moves the written file to `path`: ``os.replace``, or :func:`place_new`.

    Raises
    ------
    PublicationError
        If the disk is full or refuses; nothing half-written is left.
    """
    partial = path.parent / f"{_PARTIAL}{secrets.token_hex(8)}"
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # tells sweep() that its writer lives
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            place(partial, path)
        sync(path.parent)
    except OSError as error:
        raise PublicationError(
            f"could not write '{path}': {error.strerror}",
            remedy="what stood there before still stands; make room or permit writing, then repeat",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def place_new(partial: Path, path: Path) -> None:
    """Move a file to a place where nothing stands yet, never over anything."""
    os.link(partial, path)
    partial.unlink()


def replace(path: Path, content: bytes) -> None:
    """Put new content in a private file's place: after any crash the old or the new is there."""
    with writing(path, os.replace) as stream:
        stream.write(content)


def overwrite(path: Path, content: bytes) -> None:
    """
    Put new content in a file's place and write zeros over the old one's blocks.

    Zeroing is a courtesy of file systems that write in place; copy-on-write file systems,
    flash translation layers, snapshots and backups keep old blocks.
    """
    with path.open("r+b") as old:
        replace(path, content)
        old.write(bytes(os.fstat(old.fileno()).st_size))
        old.flush()
        os.fsync(old.fileno())


def sweep(folder: Path) -> int:
    """
    Remove what killed writers left behind; call it under the lock that writers here take.

    A file that is being written all the same is known by its own lock, and stays.
    """
    removed = 0
    for partial in folder.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError), partial.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            partial.unlink(missing_ok=True)
            removed += 1
    return removed


@contextlib.contextmanager
def locked(path: Path, seconds: float = 10.0) -> Iterator[None]:
    """
    Hold a lock between processes; the kernel frees it when its holder dies.

    Raises
    ------
    BusyError
        If another holds it for longer than `seconds`.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=seconds, mode=0o600):
            yield
    except Timeout as error:
        raise BusyError(
            f"another run has held '{path}' for {seconds:g} seconds",
            remedy="wait for it to end, then repeat",
        ) from error
