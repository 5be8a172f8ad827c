"""Copies of published pages in any store that `fsspec` reaches, such as S3, SFTP or WebDAV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analytics.errors import ParameterError, PublicationError, SetupError
from analytics.reporting import manifest

LISTING: Final = "published.json"
"""SHA-256 of every file in the store, by path; written last."""
SENT: Final = frozenset({".html", ".json", ".pdf"})
"""Endings of the files that leave: pages, what they were made of, and their prints."""
_INDEX: Final = ("index.html", "index.en.html")


@dataclass(frozen=True)
class Sent:
    """
    What a call sent.

    Parameters
    ----------
    files, size : int
        Files sent and their bytes.
    unchanged : int
        Files that the store held as they are.
    """

    files: int
    size: int
    unchanged: int


def send(
    folder: Path,
    store: str,
    *,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Sent:
    """
    Bring a store up to a folder of reports.

    Parameters
    ----------
    folder : Path
        As `workbench report` fills it.
    store : str
        Where to, as fsspec writes it: ``s3://bucket/reports``, ``sftp://host/www``, ``file:///srv``.
    options : mapping, optional
        For the store's driver; what is secret it takes from the environment.
    progress : callable, optional
        Told of each file sent.

    Returns
    -------
    Sent
        A second call with nothing new sends nothing. Pages come before the lists that name them,
        so that no reader finds a list ahead of its pages; nothing in the store is removed.

    Raises
    ------
    SetupError
        If fsspec, or the driver of this store, is not installed.
    ParameterError
        If there is no report in the folder, or fsspec knows no such store.
    PublicationError
        If the store refuses, or holds something else than was sent; what was sent before stays.
    """
    files = list(_files(folder))
    if not files:
        raise ParameterError(
            f"there is no report in '{folder}'", remedy="make one first: workbench report"
        )
    system, root = _opened(store, dict(options or {}))
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    place = f"{root.rstrip('/')}/"
    try:
        held = _listed(system, place)
        changed = [name for name in files if held.get(name) != digests[name]]
        for name in changed:
            _put(system, f"{place}{name}", (folder / name).read_bytes())
            if progress:
                progress(name)
        if changed:
            listing = json.dumps(held | digests, indent=1, sort_keys=True)
            _put(system, f"{place}{LISTING}", f"{listing}\n".encode())
    except (OSError, ValueError) as error:
        raise PublicationError(
            f"store '{store}' could not be written: {type(error).__name__}",
            [str(error)] if str(error) else [],
            "see that it is there and that the environment's credentials may write; then run it "
            "again, it goes on where it stopped",
        ) from error
    size = sum((folder / name).stat().st_size for name in changed)
    return Sent(len(changed), size, len(files) - len(changed))


def _files(folder: Path) -> Iterator[str]:
    """
    Files to send: pages, then manifests, then the lists of pages.

    Only of folders that a manifest makes a report's: a replay's state and keys may lie beside.
    """
    places = sorted(path.parent for path in folder.glob(f"*/*/{manifest.NAME}"))
    found = [
        path.relative_to(folder).as_posix()
        for place in places
        for path in place.iterdir()
        if path.is_file() and path.suffix in SENT and not path.name.startswith(".")
    ]
    lists = [name for name in _INDEX if places and (folder / name).is_file()]
    yield from sorted(found, key=lambda name: (name.endswith(".json"), name))
    yield from lists


def _opened(store: str, options: dict[str, Any]) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise SetupError(
            "pages cannot go to a store: fsspec is not installed",
            remedy="pip install 'epidemic-workbench[store]'",
        ) from None
    try:
        system, root = fsspec.url_to_fs(store, **options)
    except ImportError as error:
        raise SetupError(f"the driver of '{store}' is not installed: {error}") from None
    except (ValueError, TypeError) as error:
        raise ParameterError(f"'{store}' names no store", [str(error)]) from None
    return system, str(root)


def _listed(system: Any, place: str) -> dict[str, str]:
    """Read what an earlier call noted; nothing where there is no note, or it is damaged."""
    try:
        said = json.loads(system.cat_file(f"{place}{LISTING}"))
    except (FileNotFoundError, ValueError):
        return {}
    return dict(said) if isinstance(said, dict) else {}


def _put(system: Any, path: str, content: bytes) -> None:
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    system.pipe_file(path, content)
    arrived = system.cat_file(path)
    if arrived != content:
        raise ValueError(f"'{path}' holds {len(arrived):,} bytes that are not those sent")
