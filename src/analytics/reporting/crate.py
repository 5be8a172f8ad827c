"""
Research object: what a folder of reports was made from, in the words other archives read.

``ro-crate-metadata.json`` (RO-Crate 1.1, profile Process Run Crate 0.5) beside ``manifest.json``
says of each published report which inputs (by SHA-256), parameters and code version gave which
pages. It is a function of the manifest, so equal manifests give equal crates, byte for byte.

References
----------
Soiland-Reyes et al. (2022), Packaging research artefacts with RO-Crate, *Data Science* 5(2),
https://doi.org/10.3233/DS-210053. RO-Crate 1.1, https://w3id.org/ro/crate/1.1. Process Run
Crate 0.5, https://w3id.org/ro/wfrun/process/0.5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from analytics.reporting.manifest import DISTRIBUTION

NAME = "ro-crate-metadata.json"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",  # names `sha256`, which 1.1 lacks
]
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_LICENCE = "https://spdx.org/licenses/Apache-2.0"
_LANGUAGES = {"zh": "zh-CN", "en": "en"}
_PYTHON = "https://www.python.org/"

Entity = dict[str, Any]


def text(entries: dict[str, Any]) -> bytes:
    """
    Write out the crate of a folder of reports.

    Parameters
    ----------
    entries : dict
        Entries of the folder's manifest by report stem.

    Returns
    -------
    bytes
        JSON-LD, its entities in order of ``@id``.

    Notes
    -----
    ``datePublished`` is the day as of which the reports know: neither manifest nor crate depend
    on when they were written.
    """
    found: dict[str, Entity] = {}
    for stem, entry in sorted(entries.items()):
        for entity in _report(stem, entry):
            found.setdefault(entity["@id"], entity)
    pages = sorted(name for entry in entries.values() for name in entry.get("pages", {}))
    actions = sorted(name for name, e in found.items() if e["@type"] == "CreateAction")
    graph = [_descriptor(), _root(entries, pages, actions), *_context()]
    graph += [found[name] for name in sorted(found)]
    crate = {"@context": CONTEXT, "@graph": graph}
    return (json.dumps(crate, indent=1, ensure_ascii=False) + "\n").encode()


def _descriptor() -> Entity:
    return {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": _to("./"),
        "conformsTo": _to("https://w3id.org/ro/crate/1.1"),
    }


def _root(entries: dict[str, Any], pages: list[str], actions: list[str]) -> Entity:
    known = [entry for entry in entries.values() if "study" in entry]
    study = ", ".join(sorted({entry["study"] for entry in known}))
    as_of = max((entry["as_of"] for entry in known), default="")
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Reports of study {study} as of {as_of}",
        "description": "Pages of epidemic reports, each with inputs, parameters and code version",
        "datePublished": as_of,
        "license": _to(_LICENCE),
        "conformsTo": _to(PROFILE),
        "hasPart": [_to(name) for name in ("manifest.json", *pages)],
        "mentions": [_to(name) for name in actions],
    }


def _context() -> list[Entity]:
    return [
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {"@id": _LICENCE, "@type": "CreativeWork", "name": "Apache License 2.0",
         "description": "of code and layout; figures of public notices are facts"},
        {"@id": _PYTHON, "@type": "ComputerLanguage", "name": "Python"},
        {"@id": "manifest.json", "@type": "File", "name": "Manifest of the reports",
         "encodingFormat": "application/json"},
    ]  # fmt: skip


def _report(stem: str, entry: dict[str, Any]) -> Iterator[Entity]:
    """Yield the run of one report and all it names."""
    inputs = [
        _input(entry["study"], name, digest) for name, digest in sorted(entry["inputs"].items())
    ]
    values = [_parameter(stem, name, value) for name, value in sorted(entry["parameters"].items())]
    notebook, package = _notebook(entry), _package(entry)
    pages = [_page(entry, *page) for page in sorted(entry.get("pages", {}).items())]
    yield from (*inputs, *values, *pages, notebook, package, *_libraries(entry))
    yield {
        "@id": f"#run-{entry['fingerprint']}",
        "@type": "CreateAction",
        "name": f"Run of report '{stem}'",
        "identifier": entry["fingerprint"],
        "instrument": _to(notebook["@id"]),
        "object": [_to(each["@id"]) for each in (*inputs, *values)],
        "result": [_to(each["@id"]) for each in pages],
        "actionStatus": _to("http://schema.org/CompletedActionStatus"),
    }


def _input(study: str, name: str, digest: str) -> Entity:
    """Describe an input, which lies outside the crate and is known by its hash alone."""
    return {
        "@id": f"#input-{digest}",
        "@type": "CreativeWork",
        "name": f"{study}/{name}",
        "sha256": digest,
        **({"description": "list of all deliveries in the archive"} if name == "archive" else {}),
    }


def _parameter(stem: str, name: str, value: Any) -> Entity:
    return {
        "@id": f"#parameter-{stem}-{name}",
        "@type": "PropertyValue",
        "name": name,
        "value": value if isinstance(value, str) else json.dumps(value),
    }


def _notebook(entry: dict[str, Any]) -> Entity:
    return {
        "@id": f"#notebook-{entry['notebook']}",
        "@type": ["SoftwareApplication", "SoftwareSourceCode"],
        "name": f"notebooks/{entry['report']}.ipynb",
        "sha256": entry["notebook"],
        "programmingLanguage": _to(_PYTHON),
        "softwareRequirements": _to(f"#code-{entry['code']}"),
    }


def _package(entry: dict[str, Any]) -> Entity:
    return {
        "@id": f"#code-{entry['code']}",
        "@type": "SoftwareApplication",
        "name": DISTRIBUTION,
        "softwareVersion": entry["versions"].get(DISTRIBUTION, ""),
        "sha256": entry["code"],
        "softwareRequirements": [_to(each["@id"]) for each in _libraries(entry)],
    }


def _libraries(entry: dict[str, Any]) -> list[Entity]:
    return [
        {
            "@id": f"https://pypi.org/project/{name}/{version}/",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": version,
        }
        for name, version in sorted(entry["versions"].items())
        if name != DISTRIBUTION
    ]


def _page(entry: dict[str, Any], name: str, digest: str) -> Entity:
    language = name.rsplit(".", 2)[-2]
    return {
        "@id": name,
        "@type": "File",
        "name": f"{entry['report']} ({language})",
        "encodingFormat": "text/html",
        "inLanguage": _LANGUAGES.get(language, language),
        "sha256": digest,
    }


def _to(identity: str) -> dict[str, str]:
    return {"@id": identity}
