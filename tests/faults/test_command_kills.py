"""Two hundred kills of whole commands, as an operator or the system deals them out."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from tests import workbench_root
from tests.pool_study import DAY, Row, content, when
from tests.workbench_root import LEAD, SHOW

from analytics import study
from analytics.pool import archive, deliveries, pooling
from analytics.privacy import keys
from analytics.reporting import provenance, run

FILES, ROWS, KILLS = 6, 40, 10
PERSON = "case_number,reporting_county,classification,reported\n{0},420102,确诊病例,2020-01-30\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A workbench with a good report, and deliveries with and without persons waiting."""
    root = workbench_root.make(tmp_path / "workbench")
    monkeypatch.setenv("WORKBENCH_ROOT", str(root))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    chosen = study.load()
    keys.create(chosen.name)
    assert run.make(order(root)).error is None
    for n in range(FILES):
        rows = [Row(f"F{i}", "2020-01-30", str(i % 7)) for i in range(n, n + ROWS)]
        deliveries.drop(chosen, "beds", DAY + timedelta(n), content(rows), delivered=when(n))
        case = PERSON.format(n + 1).encode()
        deliveries.drop(chosen, "cases", DAY + timedelta(n), case, delivered=when(n))
    return root


def order(root):
    return run.orders(["risk_grading"], {}, languages=("zh", "en"), output=root / "reports")[0]


def descendants(pid):
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(c) for c in listed] + [d for c in listed for d in descendants(int(c))]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def strike(root, command, seconds):
    """Start a command, kill it after so long, and say which processes it leaves behind."""
    running = subprocess.Popen(
        [sys.executable, "-m", "analytics", *command],
        cwd=root, env=os.environ.copy(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(seconds)
    family = descendants(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    deadline = time.monotonic() + 30
    while any(map(alive, family)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [pid for pid in family if alive(pid)]


@pytest.mark.fault(
    "whole commands killed 200 times", "command line",
    "0 torn files, 0 lost rows, 0 lost reports, 0 orphan kernels",
)  # fmt: skip
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_ten_kills_lose_nothing_and_leave_nobody(place, seed):
    """Pool and report in turn, ten kills a seed; each leaves whole files, the end is complete."""
    chance, chosen = random.Random(seed), study.load()
    pages = [order(place).page(language) for language in ("zh", "en")]
    for number in range(KILLS):
        if number % 2:
            command = ["report", "risk_grading", "--again"]
            workbench_root.make(place, SHOW, LEAD, f"'version {number}'")
        else:
            command = ["pool", "--quiet"]
        assert strike(place, command, chance.uniform(0.2, 8)) == []
        archive.entries(chosen.state / "archive")
        assert archive.verify(chosen.state / "archive") == []
        assert [page.name for page in pages if not page.read_bytes().endswith(b"</html>\n")] == []
    pooling.run(chosen, keys.load(chosen.name))
    entries = archive.entries(chosen.state / "archive")
    assert len(entries) == 2 * FILES
    assert sum(entry.accepted for entry in entries) == FILES * (ROWS + 1)
    assert not any(p.is_file() for p in (chosen.state / "inbox").rglob("*"))
    assert run.make(order(place)).error is None
    assert run.make(order(place)).fresh
    for page in pages:
        assert {each.standing for each in provenance.verify(page)} == {"agrees"}
