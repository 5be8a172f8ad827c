"""What the project stands on: locked by hash, listed by licence, examined or said not to be."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def chain():
    spec = importlib.util.spec_from_file_location("chain", ROOT / "tools" / "supply_chain.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain"] = module
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_has_a_hash(chain):
    found = chain.parts()
    assert len(found) > 150
    assert {part.ecosystem for part in found} == {"PyPI", "npm"}
    assert [part.name for part in found if not part.hashes] == []
    kinds = {each.split(":")[0] for part in found for each in part.hashes}
    assert kinds == {"sha256", "sha512"}


def test_what_a_report_needs_is_told_from_what_tests_need(chain):
    use = {part.name: part.use for part in chain.parts()}
    assert (use["duckdb"], use["pytest"], use["pyspark"]) == ("report", "dev", "extra")
    assert use["plotly.js-basic-dist-min"] == "report"
    assert use["axe-core"] == "dev"


def test_every_package_in_use_has_its_licence_on_the_page(chain):
    """The committed list names each installed package of both lock files, and its licence."""
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(("| PyPI", "| npm"))]
    assert {row[1] for row in rows} == {
        part.name for part in chain.parts() if part.use != "extra" and chain.licence(part)
    }
    assert [row[1] for row in rows if row[3] == "not stated"] == []


@pytest.mark.parametrize(
    ("words", "flagged"),
    [
        ("MIT", False),
        ("MPL-2.0 AND MIT", True),
        ("GPL-2.0-only OR MIT", False),
        ("GPL-2.0-only OR LGPL-3.0-only", True),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", True),
        ("Apache-2.0 OR BSD-2-Clause", False),
    ],
)
def test_copyleft_is_flagged_unless_there_is_a_choice(chain, words, flagged):
    assert chain.copyleft(words) is flagged


def test_bill_of_materials_is_valid_whole_and_repeatable(chain):
    found = chain.parts()
    written = chain.bill(found)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None
    said = json.loads(written)
    listed = {component["purl"]: component for component in said["components"]}
    assert set(listed) == {f"pkg:{p.ecosystem.lower()}/{p.name}@{p.version}" for p in found}
    (duckdb,) = [p for p in found if p.name == "duckdb"]
    hashes = {
        f"sha256:{each['content']}"
        for each in listed[f"pkg:pypi/duckdb@{duckdb.version}"]["hashes"]
    }
    assert hashes == set(duckdb.hashes)
    assert chain.bill(found) == written


def advisory(name, ecosystem, *events, versions=(), **more):  # noqa: ANN002, ANN003
    span = {"type": "ECOSYSTEM", "events": [dict([event]) for event in events]}
    package = {"name": name, "ecosystem": ecosystem}
    entry = {"package": package, "ranges": [span], "versions": list(versions)}
    return {"id": "X-1", "modified": "2020-02-29T00:00:00Z", "affected": [entry], **more}


TWICE = [("introduced", "0"), ("fixed", "1.2"), ("introduced", "2.0"), ("fixed", "2.3")]


@pytest.mark.parametrize(
    ("events", "version", "meant"),
    [
        ([("introduced", "0"), ("fixed", "3.1.6")], "3.1.5", True),
        ([("introduced", "0"), ("fixed", "3.1.6")], "3.1.6", False),
        ([("introduced", "2.0")], "1.9", False),
        ([("introduced", "2.0"), ("last_affected", "2.4")], "2.4", True),
        ([("introduced", "2.0"), ("last_affected", "2.4")], "2.5", False),
        (TWICE, "2.1", True),
        (TWICE, "1.5", False),
        ([("introduced", "0"), ("fixed", "1.0.0-beta.2")], "1.0.0-beta.1", True),
    ],
)  # fmt: skip
def test_ranges_are_read_as_osv_says(chain, events, version, meant):
    (affected,) = advisory("x", "PyPI", *events)["affected"]
    assert chain.affects(affected, version) is meant


@pytest.fixture
def database(tmp_path):
    """A stored database: one advisory as JSON in a zip, one as YAML as PyPA writes them."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        hit = advisory("Jinja2", "PyPI", ("introduced", "0"), summary="sandbox breakout")
        gone = advisory("pandas", "PyPI", ("introduced", "0"), withdrawn="2020-03-01T00:00:00Z")
        archive.writestr("X-1.json", json.dumps(hit))
        archive.writestr("X-2.json", json.dumps(gone | {"id": "X-2"}))
    (tmp_path / "vulns").mkdir()
    (tmp_path / "vulns" / "PYSEC-1.yaml").write_text(
        "id: PYSEC-1\naffected:\n- package: {name: numpy, ecosystem: PyPI}\n"
        "  ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {fixed: '1.0'}]}]\n"
    )
    return tmp_path


def test_known_vulnerabilities_are_found_offline(chain, database, capsys):
    assert chain.main(["advisories", str(database)]) == 1
    said = capsys.readouterr().out
    assert "jinja2 " in said
    assert "X-1 sandbox breakout" in said
    assert "2 advisories, newest of 2020-02-29: 1 found" in said


def test_nothing_known_is_said_with_what_was_examined(chain, database, capsys):
    assert chain.main(["advisories", str(database / "vulns")]) == 0
    assert "1 advisories" in capsys.readouterr().out


@pytest.mark.parametrize("given", [[], ["/nonexistent"]])
def test_without_a_database_nothing_is_claimed(chain, given, capsys, monkeypatch):
    monkeypatch.delenv("WORKBENCH_ADVISORIES", raising=False)
    assert chain.main(["advisories", *given]) == chain.CANNOT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nothing was examined" in captured.err
