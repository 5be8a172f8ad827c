"""Register of data requests: who asks which fields, what for, until when, by whose leave."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from analytics import tables
from analytics.codes import Purpose
from analytics.errors import ParameterError
from analytics.privacy.disk import make_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Request:
    """One request for fields of one feed; approved once somebody's name stands under it."""

    number: int
    asked_by: str
    feed: str
    fields: tuple[str, ...]
    purpose: Purpose
    until: date
    approved_by: str = ""


def register(path: Path) -> tuple[Request, ...]:
    """All requests, the latest state of each."""
    found: dict[int, Request] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        said = json.loads(line)
        said |= {
            "fields": tuple(said["fields"]),
            "purpose": Purpose(said["purpose"]),
            "until": date.fromisoformat(said["until"]),
        }
        found[said["number"]] = Request(**said)
    return tuple(found[number] for number in sorted(found))


def ask(
    path: Path, asked_by: str, feed: str, fields: tuple[str, ...], purpose: str, until: date
) -> Request:
    """
    Register a request for fields of a feed; somebody else has to approve it.

    Parameters
    ----------
    path : Path
        The register, one request a line.
    asked_by : str
        Person or body.
    feed : str
    fields : tuple of str
        Columns of its contract.
    purpose : str
        One of `codes.Purpose`.
    until : date
        Last day that it is to hold.

    Returns
    -------
    Request
        With its number, not approved yet.

    Raises
    ------
    ParameterError
        If the purpose is unknown, or the feed has no such field, or the purpose may not see it.
    """
    contract = tables.contract(feed)
    if purpose not in list(Purpose):
        raise ParameterError(
            f"there is no purpose '{purpose}'", remedy=f"purposes: {', '.join(Purpose)}"
        )
    allowed = {c.name for c in contract.columns if Purpose(purpose) in c.purposes}
    unknown = {c.name for c in contract.columns}
    wrong = [f"'{f}' is no field of '{feed}'" for f in fields if f not in unknown]
    wrong += [f"purpose '{purpose}' may not see '{f}'" for f in fields if f in unknown - allowed]
    if wrong:
        raise ParameterError("the request cannot be registered", wrong)
    number = 1 + max((request.number for request in register(path)), default=0)
    return _note(path, Request(number, asked_by, feed, fields, Purpose(purpose), until))


def approve(path: Path, number: int, approved_by: str) -> Request:
    """
    Approve a request; nobody approves their own.

    Parameters
    ----------
    path : Path
        The register.
    number : int
        Of the request.
    approved_by : str
        Person or body.

    Returns
    -------
    Request
        As it stands now.

    Raises
    ------
    ParameterError
        If there is no such request, or it was asked by the same person or body.
    """
    found = {request.number: request for request in register(path)}
    if number not in found:
        raise ParameterError(f"there is no request {number}")
    if found[number].asked_by == approved_by:
        raise ParameterError("who asks cannot approve")
    return _note(path, Request(**(asdict(found[number]) | {"approved_by": approved_by})))


def _note(path: Path, request: Request) -> Request:
    said = asdict(request) | {"until": request.until.isoformat()}
    make_private(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(said, ensure_ascii=False).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    return request
