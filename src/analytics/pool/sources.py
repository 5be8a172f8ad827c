"""
Larger public sources: brought by address and sha256, or taken from a mirror folder.

A study's ``sources.toml`` lists them. An original whose sha256 is on record must match it. An
original nobody of this project has held in hand has none: it is refused, unless its first arrival
is trusted explicitly; its sha256 is then recorded in ``sources.lock`` beside the file and binds
every later arrival. A derived file has a sha256 but no address and comes from a mirror only.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from analytics.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.study import Study

MIRROR = "WORKBENCH_MIRROR"


@dataclass(frozen=True)
class Source:
    """One larger file: where it comes from, what it must be, and whether it is here."""

    file: str
    kind: Literal["original", "derived"]
    url: str | None
    sha256: str | None
    licence: str
    note: str
    state: Literal["here", "altered", "absent"]
    path: Path


def folder(study: Study) -> Path:
    """Folder that fetched files of a study are kept in."""
    return study.folder.parent / "fetched" / study.name


def known(study: Study) -> list[Source]:
    """
    List the larger sources of a study and whether each is here.

    Raises
    ------
    SourceError
        If the study has no ``sources.toml``.
    """
    path = study.folder / "sources.toml"
    if not path.is_file():
        raise SourceError(
            f"study '{study.name}' has no sources.toml", remedy="list its sources there"
        )
    register = tomllib.loads(path.read_text(encoding="utf-8"))
    recorded = _recorded(study)
    sources = []
    for kind, table in (("original", "larger"), ("derived", "derived")):
        for entry in register.get(table, []):
            sha256 = entry.get("sha256") or recorded.get(entry["file"])
            place = folder(study) / entry["file"]
            sources.append(
                Source(
                    file=entry["file"],
                    kind="original" if kind == "original" else "derived",
                    url=entry.get("url"),
                    sha256=sha256,
                    licence=entry.get("licence", ""),
                    note=entry.get("note", ""),
                    state=_state(place, sha256),
                    path=place,
                )
            )
    return sources


def fetch(
    study: Study,
    files: Iterable[str] = (),
    mirror: Path | str | None = None,
    *,
    trust_first: bool = False,
) -> list[Path]:
    """
    Bring larger sources into the study's fetched folder.

    Parameters
    ----------
    study : Study
    files : iterable of str
        Names to bring; none named means all.
    mirror : path, optional
        Folder that holds the files under their names; nothing is then asked of the network.
        The environment's WORKBENCH_MIRROR stands in for it.
    trust_first : bool
        Accept an original without a sha256 on record and record what arrived.

    Returns
    -------
    list of Path
        Files that are now here, in the register's order; those that were are not brought again.

    Raises
    ------
    SourceError
        If a name is unknown, or any file could not be had or is not the one on record. What
        could be brought was; every failure is listed.
    """
    place = mirror if mirror is not None else os.environ.get(MIRROR)
    wanted = _chosen(known(study), list(files), study)
    here, failures = [], []
    for source in wanted:
        try:
            if source.state != "here":
                _bring(source, Path(place) if place else None, trust_first=trust_first)
            here.append(source.path)
        except SourceError as error:
            failures.append(f"{source.file}: {error.what}")
    if failures:
        raise SourceError(
            f"{len(failures)} of {len(wanted)} sources of '{study.name}' could not be had; "
            f"{len(here)} are here",
            failures,
            f"name a folder that holds them: --mirror DIR or {MIRROR}; an original without a "
            "sha256 on record is accepted with --trust-first",
        )
    return here


def _chosen(sources: list[Source], files: list[str], study: Study) -> list[Source]:
    """Choose the sources of the names given, all if none."""
    strange = sorted(set(files) - {source.file for source in sources})
    if strange:
        raise SourceError(
            f"study '{study.name}' has no such source",
            [f"'{name}' is not in its sources.toml" for name in strange],
            "see `workbench data list`",
        )
    return [source for source in sources if not files or source.file in files]


def _bring(source: Source, mirror: Path | None, *, trust_first: bool) -> None:
    """Bring one file, check it, and put it in place whole or not at all."""
    import pooch

    if source.sha256 is None and not trust_first:
        raise SourceError("no sha256 of it is on record, so nothing that arrives can be checked")
    arriving = source.path.with_name(f".{source.file}.arriving")
    source.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if mirror is not None:
            _copy(mirror / source.file, arriving)
        elif source.url is None:
            raise SourceError("it has no address of its own and is taken from a mirror only")
        else:
            _download(source.url, arriving)
        found = pooch.file_hash(str(arriving), alg="sha256")
        if source.sha256 is None:
            _record(source.path, found)
        elif found != source.sha256:
            raise SourceError(f"what arrived has sha256 {found[:12]}…, not {source.sha256[:12]}…")
        arriving.replace(source.path)
    finally:
        arriving.unlink(missing_ok=True)


def _copy(original: Path, arriving: Path) -> None:
    if not original.is_file():
        raise SourceError(f"the mirror has no '{original.name}'")
    arriving.write_bytes(original.read_bytes())


def _download(url: str, arriving: Path) -> None:
    import pooch

    try:
        pooch.HTTPDownloader(timeout=60)(url, str(arriving), None)
    except Exception as error:
        # requests, urllib3 and the operating system each raise their own kinds
        raise SourceError(f"{url} could not be fetched ({type(error).__name__})") from error


def _state(path: Path, sha256: str | None) -> Literal["here", "altered", "absent"]:
    """Whether a file is here, and still the one on record."""
    import pooch

    if not path.is_file():
        return "absent"
    same = sha256 is not None and pooch.file_hash(str(path), alg="sha256") == sha256
    return "here" if same else "altered"


def _recorded(study: Study) -> dict[str, str]:
    """Read the sha256s recorded when first arrivals were trusted."""
    lock = folder(study) / "sources.lock"
    if not lock.is_file():
        return {}
    pairs = (line.split("  ", 1) for line in lock.read_text(encoding="utf-8").splitlines() if line)
    return {name: sha256 for sha256, name in pairs}


def _record(path: Path, sha256: str) -> None:
    """Append a trusted first arrival, in the format of sha256sum."""
    with (path.parent / "sources.lock").open("a", encoding="utf-8") as lock:
        lock.write(f"{sha256}  {path.name}\n")
