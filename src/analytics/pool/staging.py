"""
Which published files of a study have not been staged yet; answered from hashes alone.

Once a study's published files are in its archive, ``staged.json`` in its state folder
says what they, and ``study.toml``, looked like. Fetched files whose entry in ``sources.toml``
names a feed are staged as well, once they are here.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from analytics.pool import sources
from analytics.privacy import disk

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.study import Study

# Each file and the feed that carries it
FEEDS = {
    "official_confirmed.csv": "official_counts",
    "official_deaths.csv": "official_counts",
    "official_recovered.csv": "official_counts",
    "official_grades.csv": "official_grades",
    "population.csv": "population",
    "county_cumulative.csv": "county_cumulative",
    "wuhan_outflow_share.csv": "outflow_shares",
}


def fetched(study: Study) -> list[tuple[Path, dict[str, Any]]]:
    """List the fetched files that feed the archive, each with its entry in the register."""
    register = study.folder / "sources.toml"
    if not register.is_file():
        return []
    listed = tomllib.loads(register.read_text(encoding="utf-8"))
    entries = [*listed.get("larger", []), *listed.get("derived", [])]
    folder = sources.folder(study)
    feeding = [(folder / entry["file"], entry) for entry in entries if "feed" in entry]
    return [
        (path, entry)
        for path, entry in feeding
        if path.is_file() and disk.sha256(path) == entry.get("sha256")
    ]


def present(study: Study) -> dict[str, str]:
    """SHA-256 of each published file beside the study's ``study.toml``, and of that."""
    paths = [study.folder / name for name in FEEDS if (study.folder / name).is_file()]
    paths += [path for path, _ in fetched(study)]
    if paths:
        paths.append(study.folder / "study.toml")
    return {path.name: disk.sha256(path) for path in paths if path.is_file()}


def staged(study: Study) -> dict[str, str]:
    """SHA-256 of each file as it was when staged; empty if the archive is gone or new."""
    path = study.state / "staged.json"
    listed = study.state / "archive" / "manifest.jsonl"
    if not path.is_file() or not listed.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return {}


def current(study: Study) -> bool:
    """Whether the archive holds the study's published files as they are now."""
    return present(study) == staged(study)


def remember(study: Study, files: dict[str, str]) -> None:
    """Write down which files were staged, whole or not at all."""
    path = study.state / "staged.json"
    arriving = path.with_name(".staged.json")
    arriving.write_text(json.dumps(files, indent=1) + "\n", encoding="utf-8")
    arriving.replace(path)
