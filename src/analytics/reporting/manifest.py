"""
Manifests: what a report was made from, so that it can be checked and made again.

A folder of reports, ``<output>/<study>/<as_of>/``, has one ``manifest.json`` with an entry per
report: parameters, hashes of every input file, of the code and the notebook, versions
of the libraries, and hashes of the pages. Nothing of that depends on when or where it ran. Beside
it stands where the study's audit log stood when the pages were published, so that a log cut
since is found.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from analytics import __version__
from analytics import study as studies
from analytics.errors import AuditError
from analytics.privacy import audit, disk
from analytics.reporting.parameters import ReportParameters

NAME = "manifest.json"
DISTRIBUTION = "epidemic-workbench"
MADE = ("state", "deliveries")  # folders of a study that are made, not given


def entry(report: str, parameters: ReportParameters, notebook: Path) -> dict[str, Any]:
    """
    Gather all that a report depends on.

    Parameters
    ----------
    report : str
    parameters : ReportParameters
    notebook : Path

    Returns
    -------
    dict
        report, study, as_of, parameters, code, inputs and versions; equal entries mean equal
        pages. ``fingerprint`` is the SHA-256 of the rest.
    """
    study = studies.load(parameters.study)
    made_from = {
        "report": report,
        "study": study.name,
        "nature": study.nature,
        "as_of": parameters.as_of.isoformat(),
        "parameters": parameters.model_dump(mode="json"),
        "inputs": _inputs(study),
        "notebook": disk.sha256(notebook),
        "code": code(),
        "versions": versions(),
    }
    text = json.dumps(made_from, sort_keys=True, ensure_ascii=False)
    return {**made_from, "fingerprint": hashlib.sha256(text.encode()).hexdigest()}


def anchor(study: str) -> dict[str, str]:
    """
    Where the study's audit log stands now, for the entry of a report just made.

    Returns
    -------
    dict
        `audit`: ``audit:<entries>:<digest>``, or that the log is damaged, which is no reason to
        make no report; empty where there is no log yet.
    """
    log = studies.load(study).state / "audit.jsonl"
    if not log.exists():
        return {}
    try:
        return {"audit": str(audit.head(log))}
    except AuditError:
        return {"audit": "damaged: see `workbench audit verify`"}


def read(folder: Path) -> dict[str, Any]:
    """Entries of a folder's manifest by report stem; empty where there is none or it is torn."""
    try:
        entries = json.loads((folder / NAME).read_text(encoding="utf-8"))["reports"]
    except (OSError, ValueError, KeyError):
        return {}
    return entries if isinstance(entries, dict) else {}


def text(entries: dict[str, Any]) -> bytes:
    """Write out a folder's manifest."""
    return (
        json.dumps({"reports": entries}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    ).encode()


def current(folder: Path, stem: str, fingerprint: str, pages: Iterable[str]) -> bool:
    """
    Whether a report's pages stand as its manifest says and would come out the same again.

    Parameters
    ----------
    folder : Path
        Folder of the pages and their manifest.
    stem : str
        File name of the pages without language and extension.
    fingerprint : str
        Of what the report would be made from now.
    pages : iterable of str
        File names that must be among those that stand.
    """
    known = read(folder).get(stem, {})
    digests = known.get("pages", {})
    return (
        known.get("fingerprint") == fingerprint
        and set(digests) >= set(pages)
        and all(
            (folder / name).is_file() and disk.sha256(folder / name) == digest
            for name, digest in digests.items()
        )
    )


def versions() -> dict[str, str]:
    """Version of Python's packages that this distribution asks for, and its own."""
    required = metadata.requires(DISTRIBUTION) or []
    core = [line for line in required if "extra ==" not in line]
    names = sorted({re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in core})
    return {DISTRIBUTION: __version__, **{name: metadata.version(name) for name in names}}


def code() -> str:
    """SHA-256 over every file of this package, by name and content."""
    return _digest_of_folder(Path(__file__).resolve().parents[1])


def given(study: studies.Study) -> dict[str, str]:
    """SHA-256 of each file that is given with a study, by its name in the study's folder."""
    return {
        path.relative_to(study.folder).as_posix(): disk.sha256(path)
        for path in sorted(study.folder.rglob("*"))
        if path.is_file() and path.relative_to(study.folder).parts[0] not in MADE
    }


def _inputs(study: studies.Study) -> dict[str, str]:
    # The archive's list of deliveries names every part by its hash
    listed = study.state / "archive" / "manifest.jsonl"
    files = given(study)
    return {**files, "archive": disk.sha256(listed)} if listed.is_file() else files


def _digest_of_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{disk.sha256(path)}\n".encode())
    return digest.hexdigest()
