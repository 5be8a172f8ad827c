"""
Publication: a file appears whole or not at all, and one run at a time writes an output.

A new file is written beside its destination, flushed to the disk and renamed over it;
whatever goes wrong before the rename leaves the old file byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analytics.errors import BusyError, PublicationError
from analytics.privacy import disk


@contextmanager
def lock(folder: Path, name: str, *, wait_seconds: float = 0) -> Iterator[None]:
    """
    Hold an output for this run alone; the operating system lets go when the run dies.

    Raises
    ------
    BusyError
        If another run holds it for longer than `wait_seconds`.
    PublicationError
        If the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    path = folder / f".{name}.lock"
    held = FileLock(path, timeout=wait_seconds)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout as error:
        raise BusyError(
            f"another run is writing '{folder / name}'",
            remedy="wait for it to end; nothing was changed",
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        held.release()


def publish(files: dict[Path, bytes]) -> None:
    """
    Replace files by new content: all are written and flushed before the first is renamed.

    Parameters
    ----------
    files : dict of Path to bytes
        In the order in which they shall appear; the last one is the sign that all are there.

    Raises
    ------
    PublicationError
        If one cannot be written (disk full, folder read-only); none has changed then.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.draft")
            waiting.append((draft, path))
            _write_through(draft, content)
        for draft, path in waiting:
            draft.replace(path)
        for folder in {path.parent for path in files}:
            disk.sync(folder)
    except OSError as error:
        for draft, _ in waiting:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise _unwritable(next(iter(files)), error) from error


def _write_through(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # a killed run's, or a link that leads elsewhere
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _unwritable(path: Path, error: OSError) -> PublicationError:
    return PublicationError(
        f"'{path}' could not be written: {os.strerror(error.errno or 0)}",
        remedy="make room or give the right to write there, then run again; "
        "the last good version stands unchanged",
    )
