"""
The catalogue: one page that lists every study, date and report with its standing.

It is read off the folders' manifests and records alone, so it can be written again at any
time; how fresh a report is depends on the moment of writing, and on nothing else here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from analytics import study as studies
from analytics.errors import StudyError
from analytics.render import catalogue_page
from analytics.render.blocks import LANGUAGES, Language, Text
from analytics.reporting import manifest, publication

FILES: dict[Language, str] = {"zh": "index.html", "en": "index.en.html"}


@dataclass(frozen=True)
class Listing:
    """One report of the catalogue: where its pages are and how they stand."""

    study: str
    study_title: Text
    nature: str
    as_of: str
    report: str
    stem: str
    pages: dict[str, str]  # language → path from the catalogue
    made: datetime | None  # when the oldest page was written; None: there is no page
    failed: str = ""  # path to the record of a later run that failed


def listings(output: Path) -> list[Listing]:
    """Every report under an output folder, newest date first."""
    found: list[Listing] = []
    for folder in sorted(path.parent for path in output.glob("*/*/" + manifest.NAME)):
        for stem, entry in sorted(manifest.read(folder).items()):
            found.append(_listing(output, folder, stem, entry))
    for record in sorted(output.glob("*/*/*.failed.ipynb")):
        stem = record.name.removesuffix(".failed.ipynb")
        if stem not in manifest.read(record.parent):
            found.append(_listing(output, record.parent, stem, {"report": stem.split(".")[0]}))
    by_name = sorted(found, key=lambda row: (row.study, row.stem))
    return sorted(by_name, key=lambda row: row.as_of, reverse=True)


def write(output: Path) -> None:
    """
    Write the catalogue in both languages.

    Raises
    ------
    PublicationError
        If it cannot be written.
    """
    now = datetime.now(UTC)
    with publication.lock(output, "index", wait_seconds=60):
        rows = listings(output)
        publication.publish(
            {
                output / FILES[language]: catalogue_page.html(rows, language, FILES, now).encode()
                for language in LANGUAGES
            }
        )


def _listing(output: Path, folder: Path, stem: str, entry: dict[str, object]) -> Listing:
    study, as_of = folder.parent.name, folder.name
    names = entry.get("pages")
    paths = [folder / name for name in names] if isinstance(names, dict) else []
    standing = [path for path in paths if path.is_file()]
    made = min((path.stat().st_mtime for path in standing), default=None)
    failed = folder / f"{stem}.failed.ipynb"
    return Listing(
        study=study,
        study_title=_title(study),
        nature=str(entry.get("nature", "")),
        as_of=as_of,
        report=str(entry.get("report", stem)),
        stem=stem,
        pages={path.name.split(".")[-2]: path.relative_to(output).as_posix() for path in standing},
        made=None if made is None else datetime.fromtimestamp(made, UTC),
        failed=failed.relative_to(output).as_posix() if failed.exists() else "",
    )


def _title(study: str) -> Text:
    try:
        title = studies.load(study).title
    except StudyError:
        return Text(study, study)
    return Text(title.zh, title.en)
