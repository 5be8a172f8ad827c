"""A page is held against its manifest, and that against its inputs: every answer is distinct."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date, timedelta

import pytest
from tests import workbench_root
from tests.pool_study import DAY, Row, content, when
from typer.testing import CliRunner

from analytics import cli, errors, study
from analytics.pool import deliveries, pooling
from analytics.privacy import audit, disk, keys, retention
from analytics.reporting import crate, manifest, provenance, run

PERSON = (
    "case_number,reporting_county,classification,reported,id_number\n"
    "1,420102,确诊病例,2020-01-30,11010519491231002X\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workbench with two deliveries and the report made from them."""
    place = workbench_root.make(tmp_path_factory.mktemp("provenance") / "workbench")
    with pytest.MonkeyPatch.context() as patch:
        at(place, patch)
        chosen = study.load()
        ring = keys.create(chosen.name)
        deliveries.drop(chosen, "cases", DAY, PERSON.encode(), delivered=when(0))
        deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]))
        assert len(pooling.run(chosen, ring).added) == 2
        audit.record(chosen.state / "audit.jsonl", "read", "beds", role="clerk")
        order = run.orders(["risk_grading"], {}, languages=("zh", "en"), output=place / "reports")
        assert run.make(order[0]).error is None
    return place


def at(place, patch):
    patch.setenv("WORKBENCH_ROOT", str(place))
    patch.setenv("WORKBENCH_KEYS", str(place.parent / "keys"))
    patch.delenv("WORKBENCH_HOME", raising=False)


@pytest.fixture
def page(made, tmp_path, monkeypatch):
    shutil.copytree(made.parent, tmp_path / "all")
    place = tmp_path / "all" / "workbench"
    at(place, monkeypatch)
    return place / "reports" / "hubei-2020" / "2020-02-29" / "risk_grading.zh.html"


def standings(page):
    return [(found.part, found.standing) for found in provenance.verify(page)]


WHOLE = [
    ("page", "agrees"),
    ("research object", "agrees"),
    ("parameters", "agrees"),
    ("code", "agrees"),
    ("inputs", "agrees"),
    ("archive", "agrees"),
]


def test_a_page_as_published_agrees_throughout(page):
    assert manifest.read(page.parent)["risk_grading"]["audit"].startswith("audit:1:")
    assert standings(page) == WHOLE
    assert standings(page.with_name("risk_grading.en.html")) == WHOLE


def test_the_answer_comes_before_anything_heavy_is_loaded(page):
    """Under a second: neither pandas nor an engine is needed to compare hashes."""
    code = (
        "import sys; from analytics.cli import main\n"
        f"sys.argv = ['workbench', 'report', '--verify', {str(page)!r}]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'pandas', 'duckdb', 'pyarrow', 'papermill'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("agrees  page: as published")


@pytest.mark.fault("page changed after publication", "publication", "refused, exit code 26")
def test_a_page_with_one_byte_changed_is_tampered_with(page):
    body = page.read_bytes()
    page.write_bytes(body.replace("窗口 14 天".encode(), "窗口 15 天".encode(), 1))
    assert page.read_bytes() != body
    with pytest.raises(errors.ProvenanceError, match="was changed after it was published"):
        provenance.verify(page)


@pytest.mark.fault("manifest swapped", "publication", "refused, told apart from a changed page")
def test_a_manifest_of_another_run_is_told_apart_from_a_changed_page(page):
    path = page.parent / manifest.NAME
    entries = manifest.read(page.parent)
    (entry,) = entries.values()
    other = manifest.entry("risk_grading", run.parse("risk_grading", {"window_days": 7}),
                           study.root() / "notebooks" / "risk_grading.ipynb")  # fmt: skip
    path.write_bytes(manifest.text({"risk_grading": {**other, "pages": entry["pages"]}}))
    with pytest.raises(errors.ProvenanceError, match="of different runs"):
        provenance.verify(page)


def test_a_manifest_edited_without_its_fingerprint_is_found(page):
    path = page.parent / manifest.NAME
    path.write_text(path.read_text().replace('"window_days": 14', '"window_days": 15'))
    with pytest.raises(errors.ProvenanceError, match="was edited"):
        provenance.verify(page)


@pytest.mark.parametrize(("content", "said"), [(None, "no manifest"), (b'{"repo', "torn")])
def test_a_lost_or_torn_manifest_is_said(page, content, said):
    path = page.parent / manifest.NAME
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(errors.ProvenanceError, match=said):
        provenance.verify(page)


def test_a_forged_page_with_a_forged_hash_still_disagrees_with_its_own_words(page):
    """Whoever replaces a page by another and puts its hash in forgets what the page says itself."""
    import hashlib

    forged = page.read_bytes()
    own = manifest.read(page.parent)["risk_grading"]["fingerprint"]
    page.write_bytes(forged.replace(own.encode(), b"0" * 64))
    path = page.parent / manifest.NAME
    before = hashlib.sha256(forged).hexdigest()
    after = hashlib.sha256(page.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(errors.ProvenanceError, match="of different runs"):
        provenance.verify(page)


def test_a_printed_page_is_known_too_and_a_changed_one_refused(page):
    printed = page.with_suffix(".pdf")
    printed.write_bytes(b"%PDF-1.7 as printed")
    entries = manifest.read(page.parent)
    entries["risk_grading"]["prints"] = {
        printed.name: {"of": disk.sha256(page), "sha256": disk.sha256(printed)}
    }
    (page.parent / manifest.NAME).write_bytes(manifest.text(entries))
    assert standings(printed) == standings(page) == WHOLE
    printed.write_bytes(b"%PDF-1.7 as forged")
    with pytest.raises(errors.ProvenanceError, match="was changed after"):
        provenance.verify(printed)


def test_a_renamed_page_is_known_by_its_content(page):
    forwarded = page.with_name("report(1).html")
    page.rename(forwarded)
    assert "risk_grading.zh.html" in provenance.verify(forwarded)[0].said


def test_changed_and_lost_inputs_are_all_listed(page):
    folder = study.load().folder
    (folder / "study.toml").write_text((folder / "study.toml").read_text() + "\n")
    (part,) = study.load().state.glob("archive/parts/beds/*")
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    with pytest.raises(errors.ArchiveError, match="2 of its inputs") as refused:
        provenance.verify(page)
    assert refused.value.breaches == (
        "study.toml: was changed",
        f"part beds/{part.stem[:12]} is damaged",
    )


def test_an_archive_that_grew_is_no_fault(page):
    chosen = study.load()
    deliveries.drop(chosen, "beds", DAY + timedelta(1), content([Row("A", "2020-01-31", "2")]))
    pooling.run(chosen, keys.load(chosen.name))
    assert standings(page) == [*WHOLE, ("archive", "grown")]


def test_an_archive_of_another_history_is_refused(page):
    path = study.load().state / "archive" / "manifest.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(errors.ArchiveError, match="never stood as the manifest remembers"):
        provenance.verify(page)


def test_purged_inputs_are_told_with_their_day(page):
    chosen = study.load()
    retention.purge(chosen.state / "vault", DAY + timedelta(1), keys.load(chosen.name))
    answer = CliRunner().invoke(cli.app, ["report", "--verify", str(page)], catch_exceptions=False)
    assert answer.exit_code == 0
    assert "purged  archive: inputs purged on " in answer.output
    assert standings(page) == [*WHOLE, ("archive", "purged")]


def test_other_code_and_absent_data_are_said(page, monkeypatch):
    monkeypatch.setattr(manifest, "code", lambda: "0" * 64)
    assert ("code", "differs") in standings(page)
    shutil.rmtree(study.load().state)
    assert ("archive", "absent") in standings(page)


def test_crate_is_sound_and_says_what_the_manifest_says(page):
    """RO-Crate 1.1: descriptor, root with all it must have, references known or web names."""
    said = json.loads((page.parent / crate.NAME).read_text(encoding="utf-8"))
    graph = {entity["@id"]: entity for entity in said["@graph"]}
    assert len(graph) == len(said["@graph"])
    assert graph["ro-crate-metadata.json"]["conformsTo"]["@id"].startswith(
        "https://w3id.org/ro/crate/1."
    )
    root = graph["./"]
    assert {"name", "description", "license"} <= set(root)
    assert date.fromisoformat(root["datePublished"])

    def references(value):  # noqa: ANN202
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else []
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    unknown = {name for name in references(said["@graph"]) if name not in graph}
    assert {name for name in unknown if "://" not in name} == set()
    (entry,) = manifest.read(page.parent).values()
    (action,) = (e for e in graph.values() if e["@type"] == "CreateAction")
    results = {e["@id"]: graph[e["@id"]]["sha256"] for e in action["result"]}
    assert results == entry["pages"]
    used = [graph[e["@id"]] for e in action["object"]]
    given = {e["name"]: e["sha256"] for e in used if e["@type"] == "CreativeWork"}
    assert given == {f"hubei-2020/{name}": digest for name, digest in entry["inputs"].items()}
    values = {e["name"]: e["value"] for e in used if e["@type"] == "PropertyValue"}
    assert values["window_days"] == "14"
    package = graph[f"#code-{entry['code']}"]
    assert package["softwareVersion"] == entry["versions"]["epidemic-workbench"]
    assert all((page.parent / part["@id"]).is_file() for part in root["hasPart"])
