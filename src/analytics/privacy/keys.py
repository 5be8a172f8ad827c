"""
The key ring of a study: where keys live, how they are derived, rotated and destroyed.

A ring is a folder outside the project, mode 0700, with files of mode 0600:

- ``ring.json`` holds the root key of the present generation. Replacing it is the one
  moment a rotation takes place in.
- ``periods-<generation>.json`` holds a random data key for each day on which something was
  sealed, wrapped under the root key; a destroyed key leaves a tombstone in its place.

The folder is ``WORKBENCH_KEYS/<study>``, or ``~/.config/epidemic-workbench/keys/<study>``
(``XDG_CONFIG_HOME`` is heeded). ``WORKBENCH_KEYS=os-keyring`` puts the root key in the
operating system's keyring instead and leaves only wrapped keys in the folder.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from analytics.errors import ArchiveError, KeyringError, StudyError
from analytics.privacy import disk
from analytics.study import ZONE, root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SERVICE = "epidemic-workbench"
_OS_KEYRING = "os-keyring"
_FORMAT = 1
_KEY_BYTES = 32


class Secret(bytes):
    """Key material: used as bytes, never shown and never pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<secret, {len(self)} bytes>"

    __str__ = __repr__

    def __format__(self, how: str) -> str:
        return format(repr(self), how)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to leave the process."""
        raise KeyringError("a key does not leave its process", remedy="open the ring there")


@dataclass(frozen=True)
class Destroyed:
    """What is left of a period's key: the day it covered and the moment it was destroyed."""

    period: date
    destroyed: datetime


@dataclass(frozen=True)
class Ring:
    """
    One generation of a study's keys, opened.

    Attributes
    ----------
    study : str
        Whose keys they are.
    folder : Path
        Where the ring lives.
    in_os_keyring : bool
        Whether the root key lives in the operating system's keyring.
    generation : int
        1 for the first, one more for each rotation.
    created : datetime
        When this generation began.
    retired : tuple of str
        Fingerprints of the generations before, oldest first; their keys are gone.
    root : Secret
        The root key, 32 bytes; only :func:`derive` reads it.
    """

    study: str
    folder: Path
    in_os_keyring: bool
    generation: int
    created: datetime
    retired: tuple[str, ...]
    root: Secret

    @property
    def fingerprint(self) -> str:
        """Name of this generation, 16 hexadecimal digits; tells nothing of the key."""
        return derive(self, "fingerprint")[:8].hex()


def _config() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / _SERVICE


def apart(state: Path) -> Path:
    """
    Folder for the keys of a state that is not the studies' own, outside it and the project.

    Parameters
    ----------
    state : Path
        Folder of that state; each has a folder of keys of its own.
    """
    name = hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:16]
    return _config() / "apart" / name


def location(study: str) -> tuple[Path, bool]:
    """
    Folder of a study's ring, and whether its root key is in the operating system's keyring.

    Raises
    ------
    KeyringError
        If the folder would lie within the project or its state: keys and what they protect
        may not be copied away together.
    """
    if Path(study).name != study:
        raise KeyringError(f"'{study}' is no name of a study")
    named = os.environ.get("WORKBENCH_KEYS", "")
    in_os_keyring = named == _OS_KEYRING
    own = _config() / "keys"
    folder = (Path(named) if named and not in_os_keyring else own).absolute() / study
    projects = [Path(home)] if (home := os.environ.get("WORKBENCH_HOME")) else []
    with contextlib.suppress(StudyError):
        projects.append(root())
    if any(folder.resolve().is_relative_to(project.resolve()) for project in projects):
        raise KeyringError(
            f"the key folder '{folder}' lies within the project",
            remedy="set WORKBENCH_KEYS to a folder outside the project and outside WORKBENCH_HOME",
        )
    return folder, in_os_keyring


def create(study: str) -> Ring:
    """
    Make a study's first key.

    Raises
    ------
    KeyringError
        If there is a ring already: it is never overwritten.
    """
    folder, in_os_keyring = location(study)
    ring = Ring(study, folder, in_os_keyring, 1, _now(), (), _fresh())
    disk.make_private(folder)
    disk.check_private(folder)
    with disk.locked(folder / "writer.lock"):
        disk.sweep(folder)
        if _stored(folder, study, in_os_keyring) is not None:
            raise KeyringError(
                f"study '{study}' has keys in '{folder}' already",
                remedy="`workbench keys status` shows them; `workbench keys rotate` renews them",
            )
        disk.replace(_periods_path(folder, 1), b"{}")
        _store(ring)
    return ring


def load(study: str) -> Ring:
    """
    Open a study's ring.

    Raises
    ------
    KeyringError
        If there is none (none is ever made on the way), it is not private, or not sound.
    """
    folder, in_os_keyring = location(study)
    content = _stored(folder, study, in_os_keyring) if folder.is_dir() else None
    if content is None:
        raise KeyringError(
            f"study '{study}' has no keys in '{folder}'",
            remedy="`workbench keys create` makes them; a lost key is restored from its backup",
        )
    ring = _parse(content, study, folder, in_os_keyring)
    if ring is None:
        raise KeyringError(
            f"the ring of study '{study}' in '{folder}' is damaged",
            remedy="restore the folder from its backup",
        )
    return ring


def derive(ring: Ring, *context: str) -> Secret:
    """
    Derive a key for one use.

    Parameters
    ----------
    ring : Ring
    *context : str
        What the key is for, from the general to the special.

    Returns
    -------
    Secret
        32 bytes; another context or generation gives an unrelated key.

    References
    ----------
    RFC 5869, HMAC-based extract-and-expand key derivation function.
    """
    return expand(ring.root, *context)


def expand(key: Secret, *context: str) -> Secret:
    """Derive a key from another, as :func:`derive` does from the root key."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    label = json.dumps([_SERVICE, _FORMAT, *context]).encode()
    return Secret(HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=label).derive(key))


def period_key(ring: Ring, period: date, *, make: bool = False) -> Secret:
    """
    Take the data key of one day.

    Parameters
    ----------
    ring : Ring
    period : date
        The day something was received.
    make : bool
        Make the key if that day has none yet.

    Raises
    ------
    ArchiveError
        If the key was destroyed: what it sealed is gone for good.
    KeyringError
        If there is none, or it does not belong to this ring.
    """
    label = period.isoformat()
    if make and label not in _periods(ring):
        with disk.locked(ring.folder / "writer.lock"):
            present = _periods(ring)
            if label not in present:
                present[label] = {"key": _wrap(ring, label, _fresh())}
                _write_periods(ring, present)
    entry = _periods(ring).get(label)
    if entry is None:
        raise KeyringError(f"study '{ring.study}' has no key for {label}")
    if "destroyed" in entry:
        raise ArchiveError(f"inputs of {label} were purged on {entry['destroyed'][:10]}")
    return _unwrap(ring, label, entry["key"])


def periods(ring: Ring) -> tuple[date, ...]:
    """Days that have a key, in order."""
    return tuple(
        date.fromisoformat(label)
        for label, entry in sorted(_periods(ring).items())
        if "destroyed" not in entry
    )


def destroyed(ring: Ring) -> tuple[Destroyed, ...]:
    """Days whose keys were destroyed, in order."""
    return tuple(
        Destroyed(date.fromisoformat(label), datetime.fromisoformat(entry["destroyed"]))
        for label, entry in sorted(_periods(ring).items())
        if "destroyed" in entry
    )


def destroy(ring: Ring, before: date) -> tuple[Destroyed, ...]:
    """
    Destroy the data keys of all days before a day, in one step.

    Returns
    -------
    tuple of Destroyed
        One per key destroyed now; empty if there was none left.
    """
    with disk.locked(ring.folder / "writer.lock"):
        disk.sweep(ring.folder)
        _drop_stale(load(ring.study))
        present = _periods(ring)
        old = [
            label
            for label, entry in present.items()
            if date.fromisoformat(label) < before and "destroyed" not in entry
        ]
        now = _now().isoformat()
        if old:
            _write_periods(ring, present | {label: {"destroyed": now} for label in old})
    return tuple(Destroyed(date.fromisoformat(x), datetime.fromisoformat(now)) for x in sorted(old))


def rotate(ring: Ring, prepare: Callable[[Ring], None] | None = None) -> Ring:
    """
    Begin a new generation.

    Parameters
    ----------
    ring : Ring
        The present generation.
    prepare : callable, optional
        Is handed the new generation before it is in force, to write what both generations
        are needed for (the crosswalk). If it fails or dies, the old generation stands.

    Returns
    -------
    Ring
        The new generation, in force. The old root key is gone; sealed files stay readable,
        since their keys were wrapped anew.

    Raises
    ------
    KeyringError
        If `ring` is not the present generation any more.
    """
    new = replace(
        ring,
        generation=ring.generation + 1,
        created=_now(),
        retired=(*ring.retired, ring.fingerprint),
        root=_fresh(),
    )
    with disk.locked(ring.folder / "writer.lock"):
        disk.sweep(ring.folder)
        if load(ring.study).root != ring.root:
            raise KeyringError(
                f"study '{ring.study}' was rotated by another run", remedy="nothing is left to do"
            )
        if prepare is not None:
            prepare(new)
        rewrapped = {
            label: entry
            if "destroyed" in entry
            else {"key": _wrap(new, label, _unwrap(ring, label, entry["key"]))}
            for label, entry in _periods(ring).items()
        }
        path = _periods_path(ring.folder, new.generation)
        disk.replace(path, json.dumps(rewrapped, indent=1, sort_keys=True).encode())
        _store(new)  # the switch
        _drop_stale(new)
    return new


def _now() -> datetime:
    return datetime.now(ZONE).replace(microsecond=0)


def _fresh() -> Secret:
    return Secret(secrets.token_bytes(_KEY_BYTES))


def _wrap(ring: Ring, label: str, key: Secret) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(12)
    bound = json.dumps([ring.study, ring.generation, label]).encode()
    sealed = AESGCM(derive(ring, "wrap")).encrypt(nonce, key, bound)
    return base64.b64encode(nonce + sealed).decode()


def _unwrap(ring: Ring, label: str, wrapped: str) -> Secret:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    bound = json.dumps([ring.study, ring.generation, label]).encode()
    try:
        sealed = base64.b64decode(wrapped, validate=True)
        return Secret(AESGCM(derive(ring, "wrap")).decrypt(sealed[:12], sealed[12:], bound))
    except (InvalidTag, ValueError):
        message = f"the key of {label} in '{ring.folder}' is damaged or of another ring"
    raise KeyringError(message, remedy="restore the key folder from its backup")


def _periods_path(folder: Path, generation: int) -> Path:
    return folder / f"periods-{generation}.json"


def _periods(ring: Ring) -> dict[str, dict[str, str]]:
    path = _periods_path(ring.folder, ring.generation)
    with _quiet(ring.folder):
        try:
            found: dict[str, dict[str, str]] = json.loads(disk.read_private(path))
        except FileNotFoundError:
            message = f"'{path}' is missing: the ring was rotated meanwhile, or lost a file"
        except ValueError:
            message = f"'{path}' is damaged"
        else:
            return found
    raise KeyringError(message, remedy="open the ring anew, or restore it from its backup")


def _write_periods(ring: Ring, content: dict[str, dict[str, str]]) -> None:
    path = _periods_path(ring.folder, ring.generation)
    with _quiet(ring.folder):
        disk.overwrite(path, json.dumps(content, indent=1, sort_keys=True).encode())


@contextlib.contextmanager
def _quiet(folder: Path) -> Iterator[None]:
    """Keep readers and the overwriting of an old file apart."""
    with disk.locked(folder / "reader.lock"):
        yield


def _parse(content: Secret, study: str, folder: Path, in_os_keyring: bool) -> Ring | None:  # noqa: FBT001
    try:
        said = json.loads(content)
        ring = Ring(
            study=said["study"],
            folder=folder,
            in_os_keyring=in_os_keyring,
            generation=int(said["generation"]),
            created=datetime.fromisoformat(said["created"]),
            retired=tuple(said["retired"]),
            root=Secret(base64.b64decode(said["root"], validate=True)),
        )
    except (ValueError, KeyError, TypeError):
        return None
    whole = said.get("format") == _FORMAT and ring.study == study and len(ring.root) == _KEY_BYTES
    return ring if whole else None


def _written(ring: Ring) -> Secret:
    said = {
        "format": _FORMAT,
        "study": ring.study,
        "generation": ring.generation,
        "created": ring.created.isoformat(),
        "retired": ring.retired,
        "root": base64.b64encode(ring.root).decode(),
    }
    return Secret(json.dumps(said, indent=1).encode())


def _store(ring: Ring) -> None:
    content = _written(ring)
    path = ring.folder / "ring.json"
    if ring.in_os_keyring:
        _os_keyring().set_password(_SERVICE, ring.study, content.decode())
        return
    with _quiet(ring.folder):
        if path.exists():
            disk.overwrite(path, content)
        else:
            disk.replace(path, content)


def _drop_stale(ring: Ring) -> None:
    """Remove wrapped keys of generations that a rotation left or never reached."""
    present = _periods_path(ring.folder, ring.generation)
    for path in ring.folder.glob("periods-*.json"):
        if path != present:
            path.unlink()


def _stored(folder: Path, study: str, in_os_keyring: bool) -> Secret | None:  # noqa: FBT001
    disk.check_private(folder)
    if in_os_keyring:
        content = _os_keyring().get_password(_SERVICE, study)
        return None if content is None else Secret(content.encode())
    path = folder / "ring.json"
    with _quiet(folder):
        return Secret(disk.read_private(path)) if os.path.lexists(path) else None


def _os_keyring() -> Any:
    try:
        import keyring
    except ModuleNotFoundError:
        message = "WORKBENCH_KEYS asks for the operating system's keyring; 'keyring' is missing"
    else:
        return keyring
    raise KeyringError(message, remedy="pip install 'epidemic-workbench[keyring]'")
