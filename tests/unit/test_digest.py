"""A day's digest and what changed between two days, from the blocks that reports left."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest
from typer.testing import CliRunner

from analytics import study as studies
from analytics.cli import app
from analytics.errors import ParameterError
from analytics.render import blocks as b
from analytics.render.blocks import Text
from analytics.reporting import catalogue, digest, manifest, provenance

DAY, BEFORE = date(2020, 2, 29), date(2020, 2, 28)


def text(said):
    return Text(f"{said}（中）", said)


def report(new=570, decision="check the gates", grades=("low", "high")):
    rows = tuple({"unit": text(f"county {n}"), "grade": g, "new": n} for n, g in enumerate(grades))
    columns = (b.Column("unit", text("Unit")), b.Column("grade", text("Grade")),
               b.Column("new", text("New"), "number"))  # fmt: skip
    table = b.Table(text("Grades"), columns, rows, name="grades")
    return [
        b.Masthead(text("Risk"), text("Hubei"), str(DAY), "real", status="reviewed"),
        b.Lead(text(f"{new} new cases")),
        b.Headlines((b.Headline(text("New cases"), text(f"{new}"), text("+5"), text("-2"),
                                text("of 66,907")),)),
        b.Decisions((b.Decision(text(decision), text("the command"), text("tomorrow")),)),
        b.Section(title=text("Grades"), tables=(table,)),
    ]  # fmt: skip


@pytest.fixture
def output(tmp_path):
    """Put reports of both days where a run would have."""

    def put(day, name, blocks) -> None:
        folder = tmp_path / "hubei-2020" / str(day)
        folder.mkdir(parents=True, exist_ok=True)
        kept = json.dumps(digest.kept([one.to_json() for one in blocks])).encode()
        digest.blocks_of(folder, name).write_bytes(kept)
        entries = manifest.read(folder)
        made_from = {
            "report": name, "study": "hubei-2020", "nature": "real", "as_of": str(day),
            "parameters": {}, "inputs": {}, "notebook": "0" * 64, "code": "0" * 64, "versions": {},
        }  # fmt: skip
        told = json.dumps(made_from, sort_keys=True, ensure_ascii=False).encode()
        entries[name] = {
            **made_from, "fingerprint": hashlib.sha256(told).hexdigest(), "pages": {},
            "blocks": hashlib.sha256(kept).hexdigest(),
        }  # fmt: skip
        (folder / manifest.NAME).write_bytes(manifest.text(entries))

    put(BEFORE, "risk_grading", report(new=423, grades=("high", "high")))
    put(DAY, "risk_grading", report(decision="open a site", grades=("low", "high", "medium")))
    put(DAY, "loop", report(new=1))
    return tmp_path


def test_a_digest_says_what_the_reports_say_and_which_is_missing(output):
    study = studies.load("hubei-2020")
    failed = output / "hubei-2020" / str(DAY) / "data_quality.failed.ipynb"
    failed.write_text("{}")
    zh, en = digest.write(output, study, DAY)
    page = en.read_text()
    for said in ("570 new cases", "open a site", "New cases (of 66,907)", "1 reports failed",
                 'href="./risk_grading.en.html"', "reviewed", "the latest run failed"):  # fmt: skip
        assert said in page, said
    assert "2项待决" in zh.read_text()
    assert "缺" in zh.read_text()
    standing = {found.part: found.standing for found in provenance.verify(en)}
    assert (standing["page"], standing["blocks"]) == ("agrees", "agrees")
    assert "digest" in {row.stem for row in catalogue.listings(output)}


def test_changes_name_figures_decisions_and_cells(output):
    study = studies.load("hubei-2020")
    _, en = digest.changes(output, study, BEFORE, DAY)
    page = en.read_text()
    for said in ("1 headline figures changed; 1 decisions are new, 1 have gone", "423", "570",
                 "New for decision: open a site", "No longer for decision: check the gates",
                 "county 0", "whole row", "Push, verification and feedback"):  # fmt: skip
        assert said in page, said
    assert "county 1" not in page


def test_blocks_that_were_changed_since_are_not_believed(output):
    folder = output / "hubei-2020" / str(DAY)
    path = digest.blocks_of(folder, "risk_grading")
    path.write_text(path.read_text().replace("570", "999"))
    assert list(digest.stored(folder)) == ["loop"]


def test_a_day_without_reports_and_days_in_the_wrong_order_are_refused(output):
    study = studies.load("hubei-2020")
    with pytest.raises(ParameterError):
        digest.write(output, study, date(2020, 2, 1))
    with pytest.raises(ParameterError):
        digest.changes(output, study, DAY, DAY)


def test_the_command_prints_its_pages(output):
    asked = ["digest", "--as-of", str(DAY), "--output", str(output)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert result.output.count("digest.") == 2
    result = CliRunner().invoke(app, [*asked, "--since", str(BEFORE)])
    assert result.exit_code == 0
    assert result.output.count("changes.since-2020-02-28") == 2
