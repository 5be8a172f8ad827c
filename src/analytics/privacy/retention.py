"""
Retention: what came in before a day is destroyed by destroying the keys of its days.

The moment of destruction is one replacement of one file in the key ring, for all days at
once; from then on the sealed bytes mean nothing, wherever copies of them lie. What follows
(a tombstone in each file's place) only tidies up, and is completed by the next purge if it
is killed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from analytics.errors import ArchiveError
from analytics.privacy import audit, disk, keys, vault

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Tombstone:
    """
    What is left of a purged file.

    Attributes
    ----------
    name : str
        Its name in the vault.
    period : date
        Day it came in.
    purged : datetime
        When its key was destroyed.
    size : int
        Bytes of the original.
    sha256 : str
        Digest of the sealed bytes; tells nothing of the original.
    """

    name: str
    period: date
    purged: datetime
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"inputs purged on {self.purged.date()}: '{self.name}' of {self.period}"


def purge(folder: Path, before: date, ring: keys.Ring) -> tuple[Tombstone, ...]:
    """
    Make everything that came in before a day unreadable for good.

    Parameters
    ----------
    folder : Path
        The vault.
    before : date
        First day that is kept.
    ring : keys.Ring

    Returns
    -------
    tuple of Tombstone
        One per file that lost its content now; empty if all was done already.

    Notes
    -----
    Backups of the key folder made before must be destroyed too, else the keys in them still
    open backups of the vault.
    """
    keys.destroy(ring, before)
    destroyed = {gone.period: gone.destroyed for gone in keys.destroyed(ring)}
    buried = []
    with vault.held(folder):
        for name in vault.names(folder):
            period = vault.inspect(folder, name).period
            if period in destroyed:
                buried.append(_bury(folder, _tombstone(folder, name, destroyed[period])))
    return tuple(buried)


def purged(folder: Path, name: str, ring: keys.Ring | None = None) -> Tombstone | None:
    """
    Answer whether a file was purged.

    Parameters
    ----------
    folder : Path
        The vault.
    name : str
        Name in the vault.
    ring : keys.Ring, optional
        Also tells of files whose keys are destroyed but whose tombstone was not written
        yet, because the purge was killed.

    Returns
    -------
    Tombstone or None
        None if the file was never purged.

    Raises
    ------
    ArchiveError
        If its tombstone is not readable.
    """
    if not audit.impersonal(name):
        return None
    path = folder / f"{name}{vault.TOMBSTONE}"
    if path.is_file():
        return _read(path, name)
    if ring is None or not vault.holds(folder, name):
        return None
    period = vault.inspect(folder, name).period
    moments = [gone.destroyed for gone in keys.destroyed(ring) if gone.period == period]
    return _tombstone(folder, name, moments[0]) if moments else None


def tombstones(folder: Path) -> tuple[Tombstone, ...]:
    """All tombstones in the vault, by name."""
    paths = sorted(folder.rglob(f"*{vault.TOMBSTONE}"))
    found = ((p, p.relative_to(folder).as_posix().removesuffix(vault.TOMBSTONE)) for p in paths)
    return tuple(_read(path, name) for path, name in found)


def _tombstone(folder: Path, name: str, moment: datetime) -> Tombstone:
    sealed = vault.inspect(folder, name)
    with (folder / f"{name}{vault.SUFFIX}").open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Tombstone(name, sealed.period, moment, sealed.size, digest)


def _bury(folder: Path, stone: Tombstone) -> Tombstone:
    said = asdict(stone) | {"period": str(stone.period), "purged": stone.purged.isoformat()}
    path = folder / f"{stone.name}{vault.TOMBSTONE}"
    disk.replace(path, json.dumps(said, indent=1).encode())
    (folder / f"{stone.name}{vault.SUFFIX}").unlink()
    disk.sync(path.parent)
    return stone


def _read(path: Path, name: str) -> Tombstone:
    try:
        said = json.loads(path.read_bytes())
        stone = Tombstone(
            name=said["name"],
            period=date.fromisoformat(said["period"]),
            purged=datetime.fromisoformat(said["purged"]),
            size=int(said["size"]),
            sha256=said["sha256"],
        )
    except (ValueError, KeyError, TypeError):
        stone = None
    if stone is None or stone.name != name:
        raise ArchiveError(f"the tombstone of '{name}' in '{os.fspath(path)}' is damaged")
    return stone
