"""The command line answers at once, refuses with distinct codes and never with a traceback."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests import workbench_root

from analytics import cli, errors
from analytics.reporting import laboratory, readiness

HEAVY = ("pandas", "numpy", "papermill", "geopandas", "plotly", "sklearn", "ibis", "splink", "rich")


def workbench(*arguments: str, root: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "analytics", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=None if root is None else {"WORKBENCH_ROOT": str(root), "PATH": "/usr/bin:/bin"},
    )


def test_help_loads_nothing_heavy():
    loaded = f"import sys, analytics.cli; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == ""


def leaves(command: Any, path: str = "workbench") -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    else:
        for name, each in below.items():
            yield from leaves(each, f"{path} {name}")


def test_every_command_has_help_with_an_example():
    found = dict(leaves(typer.main.get_command(cli.app)))
    assert {"workbench report", "workbench check", "workbench lab"} <= set(found)
    examples = {name: f"Example: {name}" in (command.help or "") for name, command in found.items()}
    assert [name for name, has_one in examples.items() if not has_one] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["report", "risk_gradng"], errors.ParameterError, "did you mean 'risk_grading'?"),
        (["report", "--as-of", "2020-02-30"], errors.ParameterError, "as_of: "),
        (["report", "-p", "window_dais=7"], errors.ParameterError, "did you mean 'window_days'?"),
        (["report", "-p", "window_days"], errors.ParameterError, "has no '='"),
        (["report", "--lang", "fr"], errors.ParameterError, "'fr' is not a language"),
        (["report", "--study", "hubei"], errors.ParameterError, "there is no study 'hubei'"),
        (["lab", "--study", "hubei2020"], errors.StudyError, "did you mean 'hubei-2020'?"),
    ],
)
def test_wrong_input_is_refused_plainly(
    arguments: list[str], code: type[errors.WorkbenchError], said: str
):
    run = workbench(*arguments)
    assert run.returncode == code.exit_code
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_laboratory_listens_on_this_machine_only_and_keeps_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WORKBENCH_ROOT", str(workbench_root.make(tmp_path)))
    arguments, environment = laboratory.command("", browser=False, port=8899)
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert not any("token" in each or "password" in each for each in arguments)
    assert environment["WORKBENCH_STUDY"] == "hubei-2020"


def test_laboratory_does_without_the_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_ROOT", str(workbench_root.make(tmp_path)))
    monkeypatch.setattr(laboratory, "find_spec", lambda _: None)
    arguments, _ = laboratory.command("", browser=False, port=8899)
    assert not [each for each in arguments if "Scheduler" in each]
    assert not (tmp_path / "jobs").exists()


def test_everything_needed_is_found_here():
    missing = [item for item in readiness.inspect() if item.needed and not item.ready]
    assert missing == []


@pytest.mark.parametrize(
    ("said", "ready", "state"),
    [
        ('openjdk version "17.0.21" 2026-11-17', True, "4.0.1, Java 17"),
        ('java version "1.8.0_392"', False, "4.0.1, Java 1"),
        ("", False, "4.0.1, no Java"),
    ],
)
def test_spark_is_ready_with_a_java_it_runs_on(monkeypatch, tmp_path, said, ready, state):
    monkeypatch.setattr(
        readiness,
        "_extra",
        lambda name, _: readiness.Finding(f"[{name}]", True, "4.0.1"),  # noqa: FBT003
    )
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    if said:
        java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (found,) = (item for item in readiness.inspect() if item.part == "[spark]")
    assert (found.ready, found.state) == (ready, state)
    assert "openjdk-17" in found.remedy


def test_a_missing_part_is_named_with_its_remedy():
    missing = readiness.Finding("chart library", ready=False, state="absent", remedy="run npm ci")
    with pytest.raises(errors.SetupError, match="chart library: run npm ci"):
        readiness.refuse([missing])


def test_larger_sources_come_from_a_mirror_and_a_wrong_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = workbench_root.make(tmp_path / "workbench")
    digest = hashlib.sha256(b"day,cases\n").hexdigest()
    (root / "data" / "hubei-2020" / "sources.toml").write_text(
        f'[[derived]]\nfile = "small.csv"\nsha256 = "{digest}"\n'
    )
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("WORKBENCH_ROOT", str(root))
    (mirror / "small.csv").write_bytes(b"day,cases\nforged\n")
    forged = workbench("data", "fetch", "--mirror", str(mirror), root=root)
    assert forged.returncode == errors.SourceError.exit_code
    (mirror / "small.csv").write_bytes(b"day,cases\n")
    brought = workbench("data", "fetch", "small.csv", "--mirror", str(mirror), root=root)
    assert Path(brought.stdout.strip()).read_bytes() == b"day,cases\n"
    assert "1 of 1 are in" in workbench("data", "list", root=root).stdout


LONG_QUERY = """
import os, signal, threading
import duckdb
from analytics import cli

def ask():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        while True:
            duckdb.connect().execute("select sum(hash(range)) from range(20000000)").fetchall()
    except Exception as error:
        {wrapping}

cli.app = ask
cli.main()
"""


@pytest.mark.parametrize(
    "wrapping",
    [
        "raise",
        "raise ValueError('a library that wraps') from error",
        "raise errors.ContractError('ours that wraps') from None",
    ],
)
@pytest.mark.fault("Ctrl-C during a query", "command line", "says so, exit 130, nothing unforeseen")
def test_an_interrupted_query_is_an_interruption(wrapping):
    """DuckDB gives an error of its own for it, and libraries above it one of theirs."""
    code = LONG_QUERY.format(wrapping=wrapping).replace("import cli", "import cli, errors")
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 130
    assert ended.stderr.startswith("interrupted (exit 130): what was finished stands")
    assert ended.stdout == ""


PROMPT = """
import os, signal, sys
import typer
from analytics import cli

def read(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)

def ask():
    typer.Typer.__call__(app)

app = typer.Typer()

@app.command()
def question():
    sys.modules[typer.prompt.__module__].visible_prompt_func = read
    typer.prompt("password")

cli.app = ask
cli.main()
"""


@pytest.mark.parametrize(("answer", "code"), [("", 1), ("interrupt", 130)])
def test_an_interruption_at_a_prompt_is_one(answer, code):
    """The end of input is none."""
    program = PROMPT if answer else PROMPT.replace("os.kill(os.getpid(), signal.SIGINT)",
                                                   "raise EOFError")  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == code
    assert ("interrupted (exit 130)" in ended.stderr) == bool(answer)


def test_an_error_said_to_come_of_itself_is_no_interruption():
    error = ValueError("turned in a circle")
    error.__cause__ = error
    assert not errors.interrupted(error)
