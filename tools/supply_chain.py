"""
What this project stands on: licences, a bill of materials, and known vulnerabilities.

    supply_chain.py licences [--check]   docs/licences.md, from what is installed
    supply_chain.py sbom [FILE]          CycloneDX 1.6 of both lock files, with their hashes
    supply_chain.py advisories [PLACE…]  against stored OSV or PyPA databases, offline

``advisories`` looks into folders and zip files (OSV JSON, PyPA YAML), by default those of the
variable WORKBENCH_ADVISORIES. It exits with 0 if nothing is known, 1 if something is, and
23 if there is no database: then nothing was examined, and that is said.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[1]
LICENCES = ROOT / "docs" / "licences.md"
CANNOT = 23  # the exit code of a SetupError
_COPYLEFT = re.compile(r"\b(?:A?GPL|LGPL|MPL|EPL|CDDL|EUPL|OSL|CECILL|GNU|Mozilla)", re.IGNORECASE)
_ALGORITHMS = {"sha256": "SHA-256", "sha512": "SHA-512"}


@dataclass(frozen=True)
class Part:
    """One locked package: where it comes from, what it is for, its hashes and what it needs."""

    ecosystem: str  # PyPI or npm, as OSV calls them
    name: str
    version: str
    use: str  # report: what a report needs; dev: checks and tests; extra: optional
    hashes: tuple[str, ...] = ()  # algorithm:hexadecimal
    needs: tuple[str, ...] = ()


def parts(root: Path = ROOT) -> list[Part]:
    """Every package of both lock files, by ecosystem and name."""
    return sorted([*_python(root), *_node(root)], key=lambda part: (part.ecosystem, part.name))


def _python(root: Path) -> Iterator[Part]:
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))["package"]
    (own,) = [package for package in lock if "registry" not in package["source"]]
    by_name = {package["name"]: package for package in lock if package is not own}
    report = _closure(own.get("dependencies", []), by_name)
    dev = _closure(own.get("optional-dependencies", {}).get("dev", []), by_name)
    for name, package in by_name.items():
        use = "report" if name in report else "dev" if name in dev else "extra"
        files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
        needs = {each["name"] for each in package.get("dependencies", [])}
        hashes = tuple(sorted(each["hash"] for each in files))
        yield Part("PyPI", name, package["version"], use, hashes, tuple(sorted(needs)))


def _closure(wanted: list[Any], by_name: dict[str, Any]) -> set[str]:
    """Names of packages that are wanted here, and of all that they want in turn."""
    found: set[tuple[str, str]] = set()
    open_ends = list(wanted)
    while open_ends:
        each = open_ends.pop()
        if "marker" in each and not Marker(each["marker"]).evaluate():
            continue
        package = by_name[each["name"]]
        for extra in ("", *each.get("extra", [])):
            if (each["name"], extra) not in found:
                found.add((each["name"], extra))
                optional = package.get("optional-dependencies", {}).get(extra, [])
                open_ends += optional if extra else package.get("dependencies", [])
    return {name for name, _ in found}


def _node(root: Path) -> Iterator[Part]:
    import base64

    lock = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, entry in lock.items():
        if path:
            algorithm, _, digest = entry["integrity"].partition("-")
            value = f"{algorithm}:{base64.b64decode(digest).hex()}"
            use = "dev" if entry.get("dev") else "report"
            yield Part("npm", path.removeprefix("node_modules/"), entry["version"], use, (value,))


# --- licences


def licence(part: Part, root: Path = ROOT) -> str:
    """Licence of an installed package in its own words; empty where it is not installed."""
    if part.ecosystem == "npm":
        path = root / "node_modules" / part.name / "package.json"
        return str(json.loads(path.read_text("utf-8"))["license"]) if path.is_file() else ""
    try:
        said: Any = metadata.metadata(part.name)
    except metadata.PackageNotFoundError:
        return ""
    classified = [
        line.rpartition(" :: ")[2]
        for line in said.get_all("Classifier") or []
        if line.startswith("License ::") and line != "License :: OSI Approved"
    ]
    first = (said.get("License") or "").strip().splitlines()
    stated = first[0].strip() if first and len(first[0]) <= 60 else ""  # noqa: PLR2004 - a name, no text
    named = said.get("License-Expression") or ", ".join(classified) or stated
    return named or _of_text(part) or "not stated"


_TEXTS = {
    "MIT": "Permission is hereby granted, free of charge",
    "BSD": "Redistribution and use in source and binary forms",
    "Apache-2.0": "Apache License",
}


def _of_text(part: Part) -> str:
    """Licence told by the words of the package's licence file, where it names none elsewhere."""
    texts = [
        Path(path.locate()).read_text(encoding="utf-8")
        for path in metadata.files(part.name) or []
        if path.name.upper().startswith("LICEN")
    ]
    words = " ".join(" ".join(texts).split())
    return next((name for name, said in _TEXTS.items() if said in words), "")


def copyleft(words: str) -> bool:
    """Whether a licence asks that changes be passed on, in each of its alternatives."""
    return all(_COPYLEFT.search(choice) for choice in re.split(r"\bOR\b", words))


def licences(found: Iterable[Part]) -> str:
    """Lay the licence list out as Markdown."""
    known = [(part, licence(part)) for part in found if part.use != "extra"]
    rows = [
        f"| {part.ecosystem} | {part.name} | {part.use} | {words.replace('|', '/')} "
        f"| {'copyleft' if copyleft(words) else ''} |"
        for part, words in known
        if words
    ]
    flagged = [part.name for part, words in known if words and copyleft(words)]
    absent = [part.name for part, words in known if not words]
    return "\n".join(
        [
            "# Licences",
            "",
            "What the packages of both lock files say themselves, where they are installed with",
            "`make test`. Written by `make licences`; do not edit. Use *report*: needed to make a",
            "report; *dev*: for checks and tests only. A licence is flagged as copyleft if each of",
            "its alternatives is; the flag does not stand in for reading it.",
            "",
            f"{len(rows)} packages, {len(flagged)} flagged: {', '.join(flagged) or 'none'}.",
            *([f"Not installed where this was written: {', '.join(absent)}."] if absent else []),
            "",
            "| from | package | use | licence | flag |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


# --- bill of materials


def bill(found: Iterable[Part]) -> str:
    """
    Write a CycloneDX 1.6 bill of materials.

    Its serial number is made from its content, and it bears no time: equal lock files give
    equal bills.

    References
    ----------
    ECMA-424, CycloneDX Bill of Materials Standard, https://ecma-international.org/
    """
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        bom_ref=project["name"],
    )
    made = {}
    listed = list(found)
    for part in listed:
        url = PackageURL(part.ecosystem.lower(), name=part.name, version=part.version)
        made[part.ecosystem, part.name] = Component(
            name=part.name,
            version=part.version,
            purl=url,
            bom_ref=url.to_string(),
            scope=ComponentScope.REQUIRED if part.use == "report" else ComponentScope.OPTIONAL,
            hashes=[
                HashType(alg=HashAlgorithm(_ALGORITHMS[kind]), content=value)
                for kind, _, value in (each.partition(":") for each in part.hashes)
            ],
        )
    bom = Bom(components=made.values(), serial_number=uuid.uuid5(uuid.NAMESPACE_URL, repr(listed)))
    bom.metadata.component = own
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(own, [made[p.ecosystem, p.name] for p in listed if p.use == "report"])
    for part in listed:
        bom.register_dependency(
            made[part.ecosystem, part.name],
            [made["PyPI", name] for name in part.needs if ("PyPI", name) in made],
        )
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


# --- known vulnerabilities


def advisories(places: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Every advisory of folders and zip files in OSV's form, JSON or YAML."""
    for place in places:
        if zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as archive:
                for name in archive.namelist():
                    yield from _advisory(name, archive.read(name))
        else:
            for path in sorted(place.rglob("*")):
                if path.suffix in {".json", ".yaml", ".zip"} and path.is_file():
                    if path.suffix == ".zip":
                        yield from advisories([path])
                    else:
                        yield from _advisory(path.name, path.read_bytes())


def _advisory(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    if name.endswith(".json"):
        said = json.loads(content)
    elif name.endswith(".yaml"):
        import yaml

        said = yaml.safe_load(content)
    else:
        return
    if isinstance(said, dict) and "affected" in said and not said.get("withdrawn"):
        yield said


def affects(affected: dict[str, Any], version: str) -> bool:
    """
    Whether an advisory's entry means a version.

    References
    ----------
    Open Source Vulnerability format, "Evaluation", https://ossf.github.io/osv-schema/
    """
    if version in affected.get("versions", []):
        return True
    ranges = affected.get("ranges", [])
    return any(_within(each, version) for each in ranges if each["type"] != "GIT")


def _within(span: dict[str, Any], version: str) -> bool:
    own, inside = _version(version), False
    events = [(_version(text), kind) for event in span["events"] for kind, text in event.items()]
    for moment, kind in sorted(events, key=lambda event: event[0]):
        if kind == "introduced" and own >= moment:
            inside = True
        elif (kind == "fixed" and own >= moment) or (kind == "last_affected" and own > moment):
            inside = False
    return inside


def _version(text: Any) -> Version:
    try:
        return Version(str(text))
    except InvalidVersion:  # semver's pre-releases, mostly
        numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", str(text))
        return Version(numbers[0] if numbers else "0")


def examine(found: Iterable[Part], known: Iterable[dict[str, Any]]) -> tuple[list[str], int, str]:
    """Lines of what is known of the packages, how many advisories there were, newest change."""
    by_name = {(part.ecosystem, canonicalize_name(part.name)): part for part in found}
    lines, count, newest = [], 0, ""
    for advisory in known:
        count, newest = count + 1, max(newest, str(advisory.get("modified", "")))
        for affected in advisory["affected"]:
            package = affected.get("package", {})
            name = canonicalize_name(package.get("name", ""))
            part = by_name.get((package.get("ecosystem", ""), name))
            if part and affects(affected, part.version):
                summary = advisory.get("summary") or advisory.get("details", "").split("\n")[0]
                lines.append(f"{part.name} {part.version} ({part.use}): {advisory['id']} {summary}")
    return sorted(set(lines)), count, newest


def check_advisories(given: list[str]) -> int:
    """Print what stored databases know; returns the exit code."""
    named = given or os.environ.get("WORKBENCH_ADVISORIES", "").split(os.pathsep)
    places = [Path(each) for each in named if each]
    lines: list[str] = []
    count, newest = 0, ""
    if places and all(place.exists() for place in places):
        lines, count, newest = examine(parts(), advisories(places))
    if not count:
        print(
            "no database of advisories was found, so nothing was examined. Fetch\n"
            "PyPI/all.zip and npm/all.zip from OSV, or PyPA's advisory-database, on a machine\n"
            "with a network; name folder or file in WORKBENCH_ADVISORIES, or make advisories DB=…",
            file=sys.stderr,
        )
        return CANNOT
    print(*lines, sep="\n" if lines else "")
    print(f"{len(parts())} packages, {count} advisories, newest of {newest[:10] or 'unknown day'}: "
          f"{len(lines)} found")  # fmt: skip
    return int(bool(lines))


def main(arguments: list[str]) -> int:
    """Do what is asked; returns the exit code."""
    asked, *rest = arguments or [""]
    if asked == "advisories":
        return check_advisories(rest)
    if asked == "sbom":
        target = Path(rest[0]) if rest else ROOT / "build" / "sbom.cdx.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(bill(parts()), encoding="utf-8")
        print(target)
        return 0
    if asked == "licences":
        written = licences(parts())
        if rest == ["--check"]:
            return int(LICENCES.read_text(encoding="utf-8") != written)
        LICENCES.write_text(written, encoding="utf-8")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
