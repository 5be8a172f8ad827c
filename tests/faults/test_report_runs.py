"""Whatever befalls a run, the last good report survives byte for byte and the failure is marked."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from tests import workbench_root
from tests.workbench_root import LEAD, SHOW

from analytics import errors
from analytics.reporting import publication, run

Make = Callable[..., run.Outcome]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbench with a good report, made once."""
    place = workbench_root.make(tmp_path_factory.mktemp("published"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_ROOT", str(place))
        made = run.make(order(place / "reports"))
    assert made.error is None, made.error
    return place


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = workbench_root.make(tmp_path / "workbench")
    monkeypatch.setenv("WORKBENCH_ROOT", str(place))
    monkeypatch.chdir(place)
    return place


def order(output: Path, *, cell_timeout: int = 1800, memory: int = 0) -> run.Order:
    asked = {"cell_timeout": cell_timeout, "memory": memory}
    return run.orders(["risk_grading"], {}, languages=("zh", "en"), output=output, **asked)[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix in {".html", ".json"}
    }


@pytest.fixture
def good(root: Path, published: Path) -> dict[str, bytes]:
    shutil.copytree(published / "reports", root / "reports")
    return contents(order(root / "reports").folder)


def test_a_good_run_leaves_pages_manifest_and_nothing_else(root: Path, good: dict[str, bytes]):
    pages = {"risk_grading.zh.html", "risk_grading.en.html"}
    beside = {"manifest.json", "ro-crate-metadata.json", "risk_grading.blocks.json"}
    assert set(good) == pages | beside
    folder = order(root / "reports").folder
    hidden = [p.name for p in folder.iterdir() if p.name not in good and p.suffix != ".lock"]
    assert hidden == []


def test_nothing_new_to_do_is_said_and_nothing_runs(root: Path, good: dict[str, bytes]):
    assert run.make(order(root / "reports")).fresh
    assert contents(order(root / "reports").folder) == good


def test_a_rerun_on_the_same_inputs_is_byte_identical(root: Path, good: dict[str, bytes]):
    again = replace(order(root / "reports"), again=True)
    assert run.make(again).error is None
    assert contents(again.folder) == good


def test_a_page_that_was_tampered_with_is_made_again(root: Path, good: dict[str, bytes]):
    page = order(root / "reports").page("zh")
    page.write_bytes(page.read_bytes() + b" ")
    assert not run.make(order(root / "reports")).fresh
    assert contents(order(root / "reports").folder) == good


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("raise ValueError('card 42010619800101001X')", "cell 4 raised ValueError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its kernel died"),
        ("while True: pass", "a cell ran longer than 6 s"),
        ("import sys; sys.exit(0)", "it stopped before cell 5"),
    ],
)
@pytest.mark.fault(
    "endless cell", "notebooks", "stopped at its time limit; good report stands; record marked"
)
@pytest.mark.fault(
    "kernel killed from outside", "notebooks", "exit code 14; good report stands; record marked"
)
@pytest.mark.fault(
    "cell raises with a person's number",
    "notebooks",
    "the number is in no message; good report stands",
)
def test_a_failed_run_keeps_the_good_report_and_marks_itself(
    root: Path, good: dict[str, bytes], cell: str, reason: str
):
    workbench_root.make(root, SHOW, cell, LEAD)
    outcome = run.make(order(root / "reports", cell_timeout=6))
    folder = outcome.order.folder
    assert isinstance(outcome.error, errors.RunError)
    assert reason in str(outcome.error)
    assert "42010619800101001X" not in str(outcome.error)
    assert contents(folder) == good
    record = nbformat.read(folder / "risk_grading.failed.ipynb", as_version=4)
    assert record.metadata["workbench"]["outcome"] == "failed"
    statuses = [c.metadata["papermill"]["status"] for c in record.cells if c.cell_type == "code"]
    assert statuses[-2:] == ["failed", "pending"]


@pytest.mark.parametrize(
    "cell", ["held = bytearray(4 << 30)", "import numpy; held = numpy.ones(1 << 29)"]
)
@pytest.mark.fault(
    "cell out of memory",
    "notebooks",
    "its kernel's limit stops it; the machine and other reports go on",
)
def test_a_cell_that_asks_for_too_much_memory_ends_alone(
    root: Path, good: dict[str, bytes], cell: str
):
    """The limit is the kernel's: the machine, and every other report, go on."""
    workbench_root.make(root, SHOW, cell, LEAD)
    outcome = run.make(order(root / "reports", memory=1500))
    assert "cell 4 asked for more memory than 1500 MB" in str(outcome.error)
    assert isinstance(outcome.error, errors.RunError)
    assert contents(outcome.order.folder) == good


def test_a_run_without_masthead_is_no_report(root: Path, good: dict[str, bytes]):
    workbench_root.make(root, "1 + 1")
    outcome = run.make(order(root / "reports"))
    assert isinstance(outcome.error, errors.RunError)
    assert contents(outcome.order.folder) == good


@pytest.mark.usefixtures("good")
def test_the_next_good_run_clears_the_failed_one_away(root: Path):
    workbench_root.make(root, SHOW, "1 / 0")
    failed = run.make(order(root / "reports")).order.folder / "risk_grading.failed.ipynb"
    assert failed.exists()
    workbench_root.make(root)
    assert run.make(order(root / "reports")).fresh or not failed.exists()


def command(root: Path, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "analytics", "report", "risk_grading", "--output", str(output)],
        env={**os.environ, "WORKBENCH_ROOT": str(root)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(child) for child in listed]
    return found + [grandchild for child in found for grandchild in children(child)]


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.fault(
    "runner killed while cells run", "notebooks", "good report byte for byte; kernel ends with it"
)
def test_a_killed_runner_leaves_the_good_report_and_no_orphan(root: Path, good: dict[str, bytes]):
    workbench_root.make(root, SHOW, "import time; open('started', 'w').close(); time.sleep(600)")
    runner = command(root, root / "reports")
    wait_until((root / "started").exists)
    kernels = children(runner.pid)
    assert kernels
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    wait_until(lambda: not any(map(alive, kernels)))
    assert contents(order(root / "reports").folder) == good
    workbench_root.make(root, SHOW, LEAD + "\n")
    outcome = run.make(order(root / "reports", cell_timeout=60))
    assert outcome.error is None


@pytest.mark.fault(
    "two runs of one report at once", "publication", "the second is refused, exit code 15"
)
def test_a_second_run_of_one_output_is_refused_at_once(root: Path, good: dict[str, bytes]):
    wanted = replace(order(root / "reports"), again=True)
    with publication.lock(wanted.folder, wanted.stem):
        outcome = run.make(wanted)
    assert isinstance(outcome.error, errors.BusyError)
    assert contents(wanted.folder) == good


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB: a real one where we may mount it, else a limit on file size."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=True)
        yield place
        subprocess.run(["umount", "-l", str(place)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, before[1]))
        yield place
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault("disk full", "publication", "exit code 16 or 14; good report byte for byte")
def test_a_full_disk_keeps_the_good_report(root: Path, small_disk: Path):
    made = run.make(order(small_disk))
    assert made.error is None, made.error
    standing = contents(made.order.folder)
    workbench_root.make(root, SHOW, "Lead(Text('长' * 200_000, 'long'))")
    outcome = run.make(order(small_disk))
    assert isinstance(outcome.error, errors.PublicationError | errors.RunError)
    assert "No space left" in str(outcome.error) or "File too large" in str(outcome.error)
    assert contents(outcome.order.folder) == standing


@pytest.mark.usefixtures("root")
@pytest.mark.fault("folder not writable", "publication", "exit code 16; nothing changes")
def test_an_unwritable_folder_is_said_and_nothing_changes(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    outcome = run.make(order(blocked))
    assert isinstance(outcome.error, errors.PublicationError)
    assert blocked.read_text() == "in the way"


def test_exit_codes_tell_failures_apart(root: Path):
    workbench_root.make(root, SHOW, "1 / 0")
    runner = command(root, root / "reports")
    _, said = runner.communicate(timeout=120)
    assert runner.returncode == errors.RunError.exit_code
    assert "Traceback" not in said


def test_reports_of_several_days_are_made_in_parallel_and_one_lost_worker_hurts_no_other(
    root: Path,
):
    die = (
        "import os, signal\nif parameters.as_of.day == 1: "
        "os.kill(int(os.environ['JPY_PARENT_PID']), signal.SIGKILL)"
    )
    workbench_root.make(root, SHOW, die, LEAD)
    days = ["2020-02-28", "2020-03-01", "2020-03-03"]
    wanted = run.orders(["risk_grading"], {}, days, languages=("zh", "en"), output=root / "reports")
    outcomes = {o.order.parameters.as_of.isoformat(): o for o in run.make_all(wanted, workers=2)}
    failed = outcomes.pop("2020-03-01")
    assert isinstance(failed.error, errors.RunError)
    assert {day: outcome.error for day, outcome in outcomes.items()} == {
        "2020-02-28": None,
        "2020-03-03": None,
    }
    listed = (root / "reports" / "index.html").read_text()
    assert [day for day in days if f"hubei-2020/{day}/risk_grading.zh.html" in listed] == [
        "2020-02-28",
        "2020-03-03",
    ]


def test_kernels_share_nothing_and_a_lost_nursery_hurts_one_report(root: Path):
    mark = "import analytics, os, time\nassert not hasattr(analytics, 'seen')\nanalytics.seen = 1"
    die = "if parameters.as_of.day == 1: os.kill(os.getppid(), 9), time.sleep(60)"
    workbench_root.make(root, SHOW, f"{mark}\n{die}", LEAD)
    days = ["2020-02-28", "2020-03-01", "2020-03-03"]
    wanted = run.orders(["risk_grading"], {}, days, languages=("zh",), output=root / "reports")
    outcomes = {o.order.parameters.as_of.day: o.error for o in run.make_all(wanted, workers=1)}
    assert isinstance(outcomes.pop(1), errors.RunError)
    assert outcomes == {28: None, 3: None}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.fault(
    "runner killed at a random moment",
    "publication",
    "pages whole, old or new; no orphan kernel; the next run heals",
)
def test_a_runner_killed_at_any_moment_leaves_whole_pages_and_the_next_run_heals(
    root: Path, good: dict[str, bytes], seed: int
):
    workbench_root.make(root, SHOW, LEAD, "'another version'")
    runner = command(root, root / "reports")
    time.sleep(random.Random(seed).uniform(0, 6))
    kernels = children(runner.pid) if runner.poll() is None else []
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    wait_until(lambda: not any(map(alive, kernels)))
    left = contents(order(root / "reports").folder)
    assert set(left) == set(good)
    pages = {name: page for name, page in left.items() if name.endswith(".html")}
    assert {name for name, page in pages.items() if not page.endswith(b"</html>\n")} == set()
    assert run.make(order(root / "reports")).error is None
    assert run.make(order(root / "reports")).fresh


def test_the_record_of_a_failed_run_is_for_this_account_only(root: Path):
    """Cells may have printed what no page shows."""
    workbench_root.make(root, SHOW, "1 / 0")
    outcome = run.make(order(root / "reports"))
    record = outcome.order.folder / "risk_grading.failed.ipynb"
    assert record.stat().st_mode & 0o077 == 0


@pytest.mark.fault(
    "link planted where a page is drafted", "publication", "replaced; what it led to is untouched"
)
def test_a_planted_link_is_not_followed(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / ".page.html.draft").symlink_to(victim)
    (folder / "page.html").symlink_to(victim)
    publication.publish({folder / "page.html": b"new"})
    assert victim.read_text() == "untouched"
    assert ((folder / "page.html").is_symlink(), (folder / "page.html").read_bytes()) == (
        False,
        b"new",
    )


@pytest.mark.fault(
    "path traversal in a report's parameter", "publication", "quoted; the page stays in its folder"
)
def test_a_parameter_of_words_leads_into_no_folder(root: Path):
    from analytics.reporting.parameters import ReportParameters

    class Named(ReportParameters):
        place: str = ""

    named = Named(place="../../../etc/x")
    wanted = run.Order("risk_grading", named, ("zh",), root / "reports")
    assert wanted.page("zh").resolve().parent == wanted.folder.resolve()
