"""
The vault: identified files and tables, each sealed under the key of the day it came in.

How a sealed file is made, `analytics.privacy.sealing` says. Names stand in clear, and so tell on
nobody; a purged name is never used again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

from analytics.errors import ArchiveError, BusyError, KeyringError, ParameterError
from analytics.privacy import audit, disk, keys, sealing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

_PATIENCE_SECONDS = 600.0
SUFFIX = ".sealed"
TOMBSTONE = ".purged"
_ENDED = "vault.ended"
"""File that stands while nobody writes: where it is missing, the last writer was killed."""


def seal(
    vault: Path, source: Path, name: str, received: date, ring: keys.Ring, *, keep: bool = False
) -> sealing.Sealed:
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
    sealing.Sealed
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
            header = sealing.header(name, received, of_day[received])
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
                sealing.fill(target, header, key, lambda out: _copy(stream, out))
                _unchanged(source, before, os.fstat(stream.fileno()))
    return before


def seal_table(
    vault: Path, table: pa.Table, name: str, received: date, ring: keys.Ring, *, anew: bool = False
) -> sealing.Sealed:
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

    def write(out: sealing.Sealing) -> None:
        sink = pa.PythonFile(out, mode="w")
        packed = pa.ipc.IpcWriteOptions(compression="zstd")  # a fifth is left to seal and read back
        with pa.ipc.new_stream(sink, table.schema, options=packed) as writer:
            writer.write_table(table)

    path = _path(vault, name)
    key = keys.period_key(ring, received, make=True)
    with held(vault):
        if path.exists() and not anew:
            raise ArchiveError(f"the vault holds a '{name}' already")
        with disk.writing(path, os.replace if anew else disk.place_new) as target:
            sealing.fill(target, sealing.header(name, received, key), key, write)
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


def check(vault: Path, name: str, ring: keys.Ring) -> sealing.Sealed:
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
    sealing.Sealed
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
        raise sealing.damaged(name, breaches)
    return opened.sealed


def inspect(vault: Path, name: str) -> sealing.Sealed:
    """Read a sealed file's header, without a key and so without proof."""
    with _existing(vault, name).open("rb") as stream:
        return sealing.read_header(stream, name)[0]


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


def _open(vault: Path, name: str, ring: keys.Ring) -> sealing.Opened:
    with contextlib.ExitStack() as closing:
        stream = closing.enter_context(_existing(vault, name).open("rb"))
        sealed, associated = sealing.read_header(stream, name)
        cipher = sealing.cipher(_key(ring, sealed), sealed.salt)
        opened = sealing.Opened(stream, sealed, cipher, associated)
        closing.pop_all()
    return opened


def _copy(stream: BinaryIO, out: sealing.Sealing) -> None:
    stream.seek(0)
    while content := stream.read(sealing.CHUNK):
        out.write(content)


def _key(ring: keys.Ring, sealed: sealing.Sealed) -> keys.Secret:
    key = keys.period_key(ring, sealed.period)
    if sealing.fingerprint(key) != sealed.key:
        raise KeyringError(
            f"'{sealed.name}' is sealed under key {sealed.key}; the ring's key of "
            f"{sealed.period} is {sealing.fingerprint(key)}",
            remedy="use the ring it was sealed with",
        )
    return key


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
    ended = vault / _ENDED
    with disk.locked(vault / "vault.lock", _PATIENCE_SECONDS):
        if ended.exists():
            ended.unlink()
        else:
            for folder in {path.parent for path in vault.rglob(".partial-*")}:
                disk.sweep(folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # without it the next writer sweeps in vain
                ended.touch(mode=0o600)


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
