"""
Pages made of pages: the day's digest, and what changed between two days.

Every report leaves the blocks of its pages beside them; a digest is put together from those
alone, so that it says what the reports say and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from analytics.errors import ParameterError
from analytics.privacy import disk
from analytics.render import digest as render
from analytics.render import page
from analytics.render.blocks import LANGUAGES
from analytics.reporting import crate, manifest, publication
from analytics.reporting.parameters import STANDARD

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.render.blocks import Block
    from analytics.study import Study

DIGEST: Final = "digest"
_BLOCKS: Final = ".blocks.json"

Stored = dict[str, list[dict[str, Any]]]


def blocks_of(folder: Path, stem: str) -> Path:
    """File of the blocks that a report's pages were laid out from."""
    return folder / f"{stem}{_BLOCKS}"


def kept(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks without charts and maps: what a page says in words, figures and tables."""
    return [
        {name: part for name, part in block.items() if name != "charts"}
        for block in blocks
        if block.get("kind") in {"masthead", "lead", "headlines", "decisions", "section"}
    ]


def stored(folder: Path) -> Stored:
    """Blocks of a day's standard reports by name, where their pages stand as published."""
    found: Stored = {}
    for stem, entry in manifest.read(folder).items():
        path = blocks_of(folder, stem)
        sound = path.is_file() and entry.get("blocks") == disk.sha256(path)
        if stem in STANDARD and sound:
            found[stem] = json.loads(path.read_text(encoding="utf-8"))
    return {name: found[name] for name in STANDARD if name in found}


def write(output: Path, study: Study, day: date) -> tuple[Path, ...]:
    """
    Write the day's digest in both languages.

    Parameters
    ----------
    output : Path
        Folder of all reports.
    study : Study
    day : date
        Whose reports are put together.

    Returns
    -------
    tuple of Path
        The pages: what needs a decision, what each report finds, and which is missing or failed.

    Raises
    ------
    ParameterError
        If no report of that day is there.
    PublicationError
        If the pages cannot be written.
    """
    folder = _folder(output, study, day)
    reports = _there(folder, study, day)
    failed = [name for name in STANDARD if (folder / f"{name}.failed.ipynb").is_file()]
    blocks = render.digest(study, day, reports, failed, STANDARD)
    return _publish(folder, DIGEST, study, day, blocks, _inputs(folder, reports))


def changes(output: Path, study: Study, since: date, day: date) -> tuple[Path, ...]:
    """
    Write what changed in the reports between two days, in both languages.

    Parameters
    ----------
    output : Path
        Folder of all reports.
    study : Study
    since, day : date
        Days whose reports are compared.

    Returns
    -------
    tuple of Path
        The pages: headline figures, decisions that came and went, cells of tables that differ.

    Raises
    ------
    ParameterError
        If either day has no report, or the first is not before the second.
    PublicationError
        If the pages cannot be written.
    """
    if since >= day:
        raise ParameterError(f"{since} is not before {day}", remedy="--since names the earlier day")
    folder, earlier = _folder(output, study, day), _folder(output, study, since)
    after, before = _there(folder, study, day), _there(earlier, study, since)
    found = render.changes(study, since, day, before, after)
    stem = f"changes.since-{since}"
    return _publish(folder, stem, study, day, found, _inputs(folder, after))


def _folder(output: Path, study: Study, day: date) -> Path:
    return output / study.name / day.isoformat()


def _there(folder: Path, study: Study, day: date) -> Stored:
    reports = stored(folder)
    if not reports:
        raise ParameterError(
            f"no report of study '{study.name}' as of {day} is there",
            remedy=f"workbench report --study {study.name} --as-of {day}",
        )
    return reports


def _inputs(folder: Path, reports: Stored) -> dict[str, str]:
    known = manifest.read(folder)
    return {f"{name}{_BLOCKS}": str(known[name]["blocks"]) for name in reports}


def _publish(
    folder: Path, stem: str, study: Study, day: date, blocks: list[Block], inputs: dict[str, str]
) -> tuple[Path, ...]:
    """Lay pages out and put them beside those they are made of."""
    made_from = {
        "report": stem.partition(".")[0], "study": study.name, "nature": study.nature,
        "as_of": day.isoformat(), "parameters": {}, "inputs": inputs, "notebook": "",
        "code": manifest.code(), "versions": manifest.versions(),
    }  # fmt: skip
    text = json.dumps(made_from, sort_keys=True, ensure_ascii=False)
    made_from["fingerprint"] = hashlib.sha256(text.encode()).hexdigest()
    hrefs = {language: f"{stem}.{language}.html" for language in LANGUAGES}
    plain = [block.to_json() for block in blocks]
    pages = {
        folder / hrefs[language]: page.html(
            plain, language, languages=hrefs, made=made_from
        ).encode()
        for language in LANGUAGES
    }
    digests = {path.name: hashlib.sha256(body).hexdigest() for path, body in pages.items()}
    with publication.lock(folder, manifest.NAME, wait_seconds=60):
        entries = manifest.read(folder)
        entries[stem] = {**made_from, "pages": digests}
        described = {folder / crate.NAME: crate.text(entries)}
        publication.publish({**pages, **described, folder / manifest.NAME: manifest.text(entries)})
    return tuple(pages)
