"""Every report's manifest holds where the audit log stood; a log cut since is found from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import workbench_root
from typer.testing import CliRunner

from analytics import study as studies
from analytics.cli import app
from analytics.errors import AuditError
from analytics.privacy import audit
from analytics.reporting import run


def verify(reports: Path) -> str:
    found = CliRunner().invoke(app, ["audit", "verify", "--manifests", str(reports)])
    if isinstance(found.exception, AuditError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five entries, then a report, then two more."""
    place = workbench_root.make(tmp_path / "workbench")
    monkeypatch.setenv("WORKBENCH_ROOT", str(place))
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    monkeypatch.chdir(place)
    path = studies.load("hubei-2020").state / "audit.jsonl"
    for number in range(5):
        audit.record(path, "read", "cases", role="epidemiologist", counts={"rows": number})
    made = run.make(
        run.orders(["risk_grading"], {}, languages=("zh",), output=place / "reports")[0]
    )
    assert made.error is None, made.error
    for number in range(2):
        audit.record(path, "read", "register", role="code_officer", counts={"rows": number})
    return path


@pytest.mark.fault(
    "audit log cut after a report", "publication", "found from the report's manifest"
)
def test_a_cut_end_is_located_from_the_manifest(log: Path):
    reports = Path("reports")
    (manifest,) = reports.rglob("manifest.json")
    entry = json.loads(manifest.read_text(encoding="utf-8"))["reports"]["risk_grading"]
    assert entry["audit"].startswith("audit:5:")
    assert "7 entries, whole; 1 anchors agree" in verify(reports)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:5]))  # what followed the report cannot be known
    assert "5 entries, whole" in verify(reports)
    log.write_bytes(b"".join(lines[:3]))
    with pytest.raises(AuditError) as cut:
        verify(reports)
    assert cut.value.breaches == (
        "after line 3: the end was cut; a manifest saw 5 entries, 2 more",
    )


def test_a_damaged_log_stops_no_report_and_is_told(log: Path):
    log.write_bytes(log.read_bytes() + b"no entry\n")
    made = run.make(run.orders(["risk_grading"], {}, languages=("en",), output=Path("again"))[0])
    assert made.error is None
    (manifest,) = Path("again").rglob("manifest.json")
    entry = json.loads(manifest.read_text(encoding="utf-8"))["reports"]["risk_grading"]
    assert entry["audit"].startswith("damaged")
    with pytest.raises(AuditError):
        verify(Path("reports"))
