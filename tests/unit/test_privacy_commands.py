"""Commands of the privacy floor, from the outside."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from tests.workbench_root import STUDY
from typer.testing import CliRunner

from analytics.cli import privacy
from analytics.errors import KeyringError, ParameterError
from analytics.privacy import audit, keys, retention, vault


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "data" / "hubei-2020"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "project"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    return folder / "state"


def run(app: object, *arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def whole_app() -> object:
    from analytics.cli import app

    return app


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    "command",
    [("keys", "create"), ("keys", "rotate"), ("keys", "status"), ("audit", "verify"),
     ("audit", "head"), ("purge",)],
)  # fmt: skip
def test_every_command_explains_itself_with_an_example(command):
    assert f"Example: workbench {' '.join(command)}" in run(whole_app(), *command, "--help")


@pytest.mark.usefixtures("state")
def test_create_status_rotate_and_their_audit():
    run(whole_app(), "keys", "create")
    first = keys.load("hubei-2020")
    told = run(whole_app(), "keys", "status")
    assert f"fingerprint  {first.fingerprint}" in told
    assert first.root.hex() not in told
    with pytest.raises(KeyringError, match="no person table"):
        run(whole_app(), "keys", "rotate")
    run(whole_app(), "keys", "rotate", "--without-crosswalk")
    assert keys.load("hubei-2020").retired == (first.fingerprint,)
    head = run(whole_app(), "audit", "head").strip()
    assert "3 entries, whole; 1 anchors agree" in run(
        whole_app(), "audit", "verify", "--anchor", head
    )


def test_rotate_builds_crosswalks_from_the_person_table(state):
    ring = keys.create("hubei-2020")
    persons = pa.table({"person": ["0f" * 16], "id_number": ["110105491231002"]})
    vault.seal_table(state / "vault", persons, privacy.PERSONS, date(2020, 2, 29), ring)
    run(whole_app(), "keys", "rotate")
    led = [name for name in vault.names(state / "vault") if name.startswith("crosswalk/")]
    assert len(led) == 7


def test_purge_asks_first(state, tmp_path):
    ring = keys.create("hubei-2020")
    (tmp_path / "cases").write_text("x")
    vault.seal(state / "vault", tmp_path / "cases", "cases", date(2020, 2, 1), ring)
    refused = CliRunner().invoke(whole_app(), ["purge", "--before", "2020-03-01"], input="n\n")  # type: ignore[arg-type]
    assert refused.exit_code == 1
    assert vault.names(state / "vault") == ("cases",)
    assert "1 days and 1 files" in run(whole_app(), "purge", "--before", "2020-03-01", "--yes")
    assert retention.purged(state / "vault", "cases") is not None
    assert "purged days  1, 2020-02-01 to 2020-02-01" in run(whole_app(), "keys", "status")
    assert audit.head(state / "audit.jsonl").entries == 2


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    "arguments", [("purge", "--before", "1.3.2020"), ("audit", "verify", "--anchor", "x")]
)
def test_what_is_mistyped_is_refused(arguments):
    with pytest.raises(ParameterError):
        run(whole_app(), *arguments)


def test_an_edited_log_gives_exit_code_22_and_no_traceback(state):
    log = state / "audit.jsonl"
    for name in ("a", "b"):
        audit.record(log, "read", name, role="clerk")
    log.write_bytes(log.read_bytes().replace(b'"a"', b'"c"'))
    found = subprocess.run(
        [sys.executable, "-m", "analytics", "audit", "verify"],
        capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert found.returncode == 22
    assert "line 1: is no entry, or was edited" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("state")
def test_no_key_gives_exit_code_20():
    found = subprocess.run(
        [sys.executable, "-m", "analytics", "keys", "status"],
        capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert found.returncode == 20
    assert "workbench keys create" in found.stderr
