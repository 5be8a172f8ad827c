"""
Provenance: whether a page is the one that was published, and whether its inputs still stand.

    page ──hash──► manifest ──fingerprint──► page's own words
                       └──hashes──► study's files, archive's list, parts

The page itself holds the fingerprint of what it was made from, so that a manifest of another
run is told apart from a page that was changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from analytics import study as studies
from analytics.errors import ArchiveError, ParameterError, ProvenanceError, StudyError
from analytics.privacy import disk
from analytics.reporting import crate, manifest
from analytics.reporting.parameters import REPORTS, parse

Standing = Literal["agrees", "grown", "purged", "differs", "absent"]
_STATED = re.compile(rb"<dt>fingerprint</dt><dd><code>([0-9a-f]{64})</code>")
_ADDED = {"pages", "prints", "blocks", "audit", "fingerprint"}  # the fingerprint leaves them out
_AGAIN = "make the report again: `workbench report`"


@dataclass(frozen=True)
class Finding:
    """One part of a page's provenance: how it stands, in one sentence."""

    part: str
    standing: Standing
    said: str


def verify(page: Path) -> list[Finding]:
    """
    Hold a published page against its manifest, and the manifest against what it names.

    Parameters
    ----------
    page : Path
        The page; its manifest lies beside it.

    Returns
    -------
    list of Finding
        Page, manifest, parameters, code, inputs, in this order. Inputs that grew, were purged or
        are not here, and another code version, are findings and no errors: the page
        stands, but cannot be made again from what is here now.

    Raises
    ------
    ParameterError
        If there is no such page.
    ProvenanceError
        If the page was changed, its manifest was edited, lost or is another run's.
    ArchiveError
        If inputs were changed or damaged; each is listed.

    Notes
    -----
    Who can rewrite page and manifest together can make them agree. Against that stands only a
    copy of the manifest kept elsewhere, or making the report again: it is a function of
    its inputs, so the pages must come out byte for byte.
    """
    if not page.is_file():
        raise ParameterError(f"there is no page '{page}'")
    name, entry = _entry(page)
    study_known = entry["study"] in _studies()
    if entry["report"] not in REPORTS:  # a page made of pages
        published = Finding("page", "agrees", f"as published, under the name '{name}'")
        return [published, _crate(page.parent), _code(entry), _blocks(page.parent, entry)]
    findings = [
        Finding("page", "agrees", f"as published, under the name '{name}'"),
        _crate(page.parent),
        _parameters(entry) if study_known else Finding("parameters", "absent", "no such study"),
        _code(entry),
    ]
    return findings + (
        _inputs(entry) if study_known else [Finding("inputs", "absent", "the study is not here")]
    )


def _studies() -> list[str]:
    try:
        return studies.names()
    except StudyError:
        return []


def _entries(page: Path) -> dict[str, Any]:
    """Entries of the manifest beside a page, each in agreement with its own fingerprint."""
    path = page.parent / manifest.NAME
    if not path.is_file():
        raise ProvenanceError(f"'{page.name}' has no manifest beside it", remedy=_AGAIN)
    entries = manifest.read(page.parent)
    if not entries:
        raise ProvenanceError(f"the manifest '{path}' is torn or lists no report", remedy=_AGAIN)
    for stem, entry in entries.items():
        if not _consistent(entry):
            raise ProvenanceError(
                f"the manifest '{path}' was edited: the entry of '{stem}' does not agree with "
                "its own fingerprint",
                remedy=_AGAIN,
            )
    return entries


def _entry(page: Path) -> tuple[str, dict[str, Any]]:
    """Entry of the manifest that knows the page's bytes, and the name it was published by."""
    entries = _entries(page)
    content = page.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    stated = _STATED.search(content)
    own = stated[1].decode() if stated else ""
    for entry in entries.values():
        for name, said in entry.get("prints", {}).items():
            if said["sha256"] == digest:
                return name, entry
    known = [(n, e) for e in entries.values() for n, d in e["pages"].items() if d == digest]
    for name, entry in sorted(known, key=lambda found: found[0] != page.name):
        if entry["fingerprint"] == own:
            return name, entry
    printed = any(page.name in entry.get("prints", {}) for entry in entries.values())
    if not printed and own not in {entry["fingerprint"] for entry in entries.values()}:
        raise ProvenanceError(
            f"'{page.name}' and the manifest beside it are of different runs: the page was made "
            f"from {own[:12] or 'nothing it names'}, which the manifest does not know",
            remedy="find the manifest that was published with the page, or " + _AGAIN,
        )
    raise ProvenanceError(f"'{page.name}' was changed after it was published", remedy=_AGAIN)


def _consistent(entry: Any) -> bool:
    try:
        rest = {key: value for key, value in entry.items() if key not in _ADDED}
        text = json.dumps(rest, sort_keys=True, ensure_ascii=False)
        sound = isinstance(entry["pages"], dict) and isinstance(entry["inputs"], dict)
        return sound and entry["fingerprint"] == hashlib.sha256(text.encode()).hexdigest()
    except (AttributeError, KeyError, TypeError):
        return False


def _crate(folder: Path) -> Finding:
    path = folder / crate.NAME
    if not path.is_file():
        return Finding("research object", "absent", f"no '{crate.NAME}' beside the page")
    same = path.read_bytes() == crate.text(manifest.read(folder))
    said = "describes the manifest's reports" if same else "is not what the manifest gives"
    return Finding("research object", "agrees" if same else "differs", said)


def _parameters(entry: dict[str, Any]) -> Finding:
    try:
        parsed = parse(entry["report"], entry["parameters"])
    except ParameterError as error:
        return Finding("parameters", "differs", f"today's models refuse them: {error.what}")
    written = json.dumps(parsed.model_dump(mode="json"), sort_keys=True)
    same = written == json.dumps(entry["parameters"], sort_keys=True)
    shown = ", ".join(f"{name}={value}" for name, value in entry["parameters"].items())
    return Finding("parameters", "agrees" if same else "differs", shown)


def _code(entry: dict[str, Any]) -> Finding:
    notebook = studies.root() / "notebooks" / f"{entry['report']}.ipynb" if _studies() else None
    now = {
        "code": manifest.code(),
        "notebook": disk.sha256(notebook) if notebook and notebook.is_file() else "",
        "versions": manifest.versions(),
    }
    other = [part for part, value in now.items() if entry[part] != value]
    own = entry["versions"].get(manifest.DISTRIBUTION, "unknown")
    said = f"version {own}, code {entry['code'][:12]}"
    if other:
        said += f"; here {' and '.join(other)} differ"
    return Finding("code", "differs" if other else "agrees", said)


def _blocks(folder: Path, entry: dict[str, Any]) -> Finding:
    """Hold the blocks that a digest was put together from against those beside it."""
    wrong = [
        name
        for name, digest in sorted(entry["inputs"].items())
        if not (folder / name).is_file() or disk.sha256(folder / name) != digest
    ]
    if wrong:
        return Finding("blocks", "differs", f"made anew since: {', '.join(wrong)}")
    return Finding("blocks", "agrees", f"of {len(entry['inputs'])} reports beside it")


def _inputs(entry: dict[str, Any]) -> list[Finding]:
    from analytics.pool import listing

    study = studies.load(entry["study"])
    now, then = manifest.given(study), dict(entry["inputs"])
    listed = then.pop("archive", None)
    wrong = [
        f"{name}: {'was changed' if name in now else 'is gone'}"
        for name, digest in sorted(then.items())
        if now.get(name) != digest
    ]
    added = sorted(set(now) - set(then))
    findings = [Finding("inputs", "agrees", f"{len(then)} files of study '{study.name}'")]
    if added:
        findings.append(Finding("inputs", "grown", f"new since: {', '.join(added)}"))
    archive = study.state / "archive"
    if listed and not (archive / listing.NAME).is_file():
        findings.append(Finding("archive", "absent", "the study's archive is not here"))
    elif listed:
        known = listing.beginning(archive, listed)
        if known is None:
            wrong.append("archive: its list never stood as the manifest remembers it")
        else:
            lost, hashed = listing.damaged(archive, known)
            wrong += lost
            findings += _archive(known, hashed, listing.purged(study.state / "vault", known))
    if wrong:
        raise ArchiveError(
            f"the page is as published, but {len(wrong)} of its inputs are not what it was made "
            "from:",
            wrong,
            "bring them back from backup, or make the report again from what is here",
        )
    return findings


def _archive(known: Any, hashed: bool, stones: list[Any]) -> list[Finding]:  # noqa: FBT001
    how = "each part hashed again" if hashed else "each part is there; `archive verify` hashes them"
    found = [Finding("archive", "agrees", f"{len(known.entries)} deliveries, {how}")]
    if known.later:
        found.append(Finding("archive", "grown", f"{known.later} deliveries came since"))
    days = sorted({stone.purged.date().isoformat() for stone in stones})
    if stones:
        said = (
            f"inputs purged on {', '.join(days)}: {len(stones)} originals can never be read again"
        )
        found.append(Finding("archive", "purged", said))
    return found
