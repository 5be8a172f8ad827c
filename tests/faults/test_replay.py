"""A replay that is killed goes on where it was, and loses nobody, no row and no number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED = (
    "--from", "2020-02-20", "--to", "2020-02-23", "--people", "1500", "--worlds", "2",
    "--world-people", "3000", "--reports", "none",
)  # fmt: skip


BESIDE = """
import os, time
from analytics.reporting.run import worker
beside = worker()
print(beside.submit(os.getpid).result(), flush=True)
beside.submit(time.sleep, 120).result()
"""


@pytest.mark.fault("killed beside a process of its own", "notebooks", "that one ends too")
def test_a_process_beside_ends_with_the_one_that_was_killed():
    """It used to wait for work for ever, and hold what both had open."""
    first = subprocess.Popen(
        [sys.executable, "-c", BESIDE], cwd=ROOT, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert first.stdout is not None
    assert int(first.stdout.readline()) != first.pid
    first.kill()
    first.communicate(timeout=60)  # ends once nobody holds the pipe


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "analytics", "replay", *ASKED, "--output", str(folder)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.fault("replay killed in a day", "loop", "it goes on; nobody, no row is lost")
def test_a_killed_replay_goes_on_and_loses_nothing(tmp_path):
    folder = tmp_path / "replay"
    first = start(folder)
    note = folder / "days" / "2020-02-20.json"
    deadline = time.monotonic() + 300
    while not note.is_file() and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(12)  # in the middle of the second day
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = note.read_bytes()
    assert not (folder / "days" / "2020-02-23.json").is_file()
    again = start(folder)
    _, said = again.communicate(timeout=1800)
    assert again.returncode == 0, said.decode()[-800:]
    assert note.read_bytes() == kept
    account = json.loads(
        (folder / "home" / "hubei-2020-simulated" / "replay" / "account.json").read_text()
    )
    assert account["lost"]["people"] == account["lost"]["rows"] == 0
    assert account["lost"]["leaks"] == {}
    struck = [one for day in account["days"] for one in day["faults"]]
    assert {one["fault"] for one in struck} == {"late_department", "half_copied", "forged_list"}
    assert all(one["withstood"] for one in struck)
    assert sum(day["counts"]["answers"] for day in account["days"]) > 0
    assert all(day["counts"]["deliveries"] and day["counts"]["accepted"] for day in account["days"])
    pages = list((folder / "pages").rglob("replay.*.html"))
    assert {page.name for page in pages} == {"replay.zh.html", "replay.en.html"}
