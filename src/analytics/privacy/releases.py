"""
Ledger of everything released: append-only, chained, and holding only what was published.

One JSON line per release. A hidden cell is stored as hidden: the ledger tells an intruder
nothing that the releases themselves did not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from analytics.errors import AuditError, BusyError

_GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """
    One release, as the public saw it.

    Parameters
    ----------
    name, population, measure : str
        What was released; releases of one population and measure are differenced.
    as_of, since : str
        Days counted, ISO; ``since`` is empty when counted from the beginning.
    stock : bool
        A level on a day, not events over days.
    threshold : int
        Threshold the hidden cells were protected to.
    covers : mapping of str to mapping of str to list of str
        Per dimension and label, the finest categories under it, in cell order.
    lower, upper : tuple of int or None
        Published limits per cell, row-major; None where hidden.
    """

    name: str
    population: str
    measure: str
    as_of: str
    since: str
    stock: bool
    threshold: int
    covers: dict[str, dict[str, tuple[str, ...]]]
    lower: tuple[int | None, ...]
    upper: tuple[int | None, ...]

    @property
    def identity(self) -> str:
        """Digest of all of it."""
        return hashlib.sha256(_canonical(vars(self)).encode()).hexdigest()

    def repeats(self, other: Entry) -> bool:
        """Whether it is the other release again, in the same order of cells."""
        return self == other and self.identity == other.identity


@dataclass(frozen=True)
class Ledger:
    """
    Releases of one study.

    Parameters
    ----------
    path : Path
        Its file, made on first use with mode 0600; ``ledger_of`` names a study's own.
    """

    path: Path

    @contextmanager
    def held(self, seconds: float = 60.0) -> Iterator[None]:
        """
        Let no other release be decided meanwhile.

        Raises
        ------
        BusyError
            If another release holds the ledger longer than that.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(f"{self.path}.lock", timeout=seconds):
                yield
        except Timeout as error:
            raise BusyError(
                "another release holds the ledger of releases", remedy="try again shortly"
            ) from error

    def entries(self) -> list[Entry]:
        """
        All releases so far, oldest first.

        Raises
        ------
        AuditError
            If a line was edited, cut out or reordered; says which.
        """
        if not self.path.exists():
            _verified.pop(self.path, None)
            return []
        text = self.path.read_text(encoding="utf-8")
        before, chain, entries = _verified.get(self.path, ("", _GENESIS, ()))
        if not text.startswith(before):
            before, chain, entries = "", _GENESIS, ()
        fresh = []
        for number, line in enumerate(text[len(before) :].splitlines(), before.count("\n") + 1):
            try:
                stored = json.loads(line)
                link, body = stored.pop("chain"), stored
                chain = _link(chain, body)
                if link != chain:
                    raise ValueError  # noqa: TRY301
                fresh.append(_entry(body))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise AuditError(
                    f"the ledger of releases was changed at line {number}",
                    remedy="restore it from a copy: without it no release can be differenced",
                ) from error
        _verified[self.path] = text, chain, (*entries, *fresh)
        return [*entries, *fresh]

    def append(self, entry: Entry) -> None:
        """Add a release, unless it is there already; whole or not at all."""
        if any(entry.repeats(known) for known in self.entries()):
            return
        before, chain, _ = _verified.get(self.path, ("", _GENESIS, ()))
        body = json.loads(_canonical(vars(entry)))
        line = _canonical({**body, "chain": _link(chain, body)})
        fresh = self.path.with_name(f".{self.path.name}.new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(f"{before}{line}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


_verified: dict[Path, tuple[str, str, tuple[Entry, ...]]] = {}
"""Ledgers as this process last read them, the last link of the chain, and what they hold."""


def ledger_of(state: Path) -> Ledger:
    """Ledger of releases in a study's state folder."""
    return Ledger(state / "releases.jsonl")


def day(text: str) -> date | None:
    """Date of an entry's day; None for the beginning of time."""
    return date.fromisoformat(text) if text else None


def _canonical(body: dict[str, Any]) -> str:
    # order of labels is the order of cells, so keys are not sorted
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"))


def _link(chain: str, body: dict[str, Any]) -> str:
    return hashlib.sha256((chain + _canonical(body)).encode()).hexdigest()


def _entry(body: dict[str, Any]) -> Entry:
    covers = {
        dimension: {label: tuple(atoms) for label, atoms in labels.items()}
        for dimension, labels in body["covers"].items()
    }
    limits = {side: tuple(body[side]) for side in ("lower", "upper")}
    return Entry(**{**body, **limits, "covers": covers})
