"""
The archive's list as a report's manifest remembers it: read without any engine, so quickly.

A list only grows, so a state of it that a manifest knows by its SHA-256 is a beginning of
today's list, or the list was changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics.errors import ArchiveError
from analytics.privacy import disk, retention

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.privacy.retention import Tombstone

NAME = "manifest.jsonl"
MOST = 256 << 20  # bytes of parts that are hashed again at once; beyond, they are only counted


@dataclass(frozen=True)
class Beginning:
    """
    A remembered state of an archive's list, found again.

    Attributes
    ----------
    entries : tuple of dict
        Its lines, as written.
    later : int
        Deliveries that came after.
    """

    entries: tuple[dict[str, Any], ...]
    later: int


def part_path(folder: Path, feed: str, part: str) -> Path:
    """Say where a part of a feed lies in an archive; its name is its SHA-256."""
    return folder / "parts" / feed / f"{part}.parquet"


def sealed_name(department: str, day: str, feed: str, sha256: str) -> str:
    """
    Name the sealed original of a delivery that names persons, in the vault.

    Parameters
    ----------
    department : str
    day : str
        The delivery is for, ISO.
    feed : str
    sha256 : str
        Of the file delivered.
    """
    return f"{department}/{day}/{feed}.{sha256[:32]}"


def beginning(folder: Path, digest: str) -> Beginning | None:
    """
    Find the state of an archive's list that had a SHA-256; None where it never had it.

    Parameters
    ----------
    folder : Path
        The archive.
    digest : str
        SHA-256 of the list, as a report's manifest remembers it.
    """
    path = folder / NAME
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    running = hashlib.sha256()
    for place, line in enumerate(lines, start=1):
        running.update(line)
        if running.hexdigest() == digest:
            return Beginning(tuple(map(_entry, lines[:place])), len(lines) - place)
    return None


def _entry(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
        for needed in ("feed", "department", "date", "sha256", "part"):
            said[needed] = str(said[needed])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError("the archive's list holds a line that is no delivery") from error
    return dict(said)


def damaged(folder: Path, known: Beginning) -> tuple[list[str], bool]:
    """
    Compare the parts of a list's state with their names, which are their SHA-256.

    Returns
    -------
    list of str
        What is missing or damaged, one line a part.
    bool
        Whether each was hashed again; beyond `MOST` bytes they are only looked for.
    """
    parts = {(e["feed"], e["part"]) for e in known.entries if e["part"]}
    paths = {part_path(folder, feed, part): (feed, part) for feed, part in parts}
    hashed = sum(path.stat().st_size for path in paths if path.is_file()) <= MOST
    found = []
    for path, (feed, part) in sorted(paths.items()):
        if not path.is_file():
            found.append(f"part {feed}/{part[:12]} is missing")
        elif hashed and disk.sha256(path) != part:
            found.append(f"part {feed}/{part[:12]} is damaged")
    return found, hashed


def purged(vault: Path, known: Beginning) -> list[Tombstone]:
    """Tombstones of originals that a list's state names, by name."""
    names = {sealed_name(e["department"], e["date"], e["feed"], e["sha256"]) for e in known.entries}
    return [stone for stone in retention.tombstones(vault) if stone.name in names]
