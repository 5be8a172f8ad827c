"""JupyterLab as delivered, seen from outside: a token, this machine only, nothing in git."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from tests import workbench_root

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
c.IdentityProvider.token = ""
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.password = ""
c.ServerApp.allow_remote_access = True
c.ServerApp.disable_check_xsrf = True
"""


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The real server, beside a user's configuration that would open it wide: port, token, root."""
    place = tmp_path_factory.mktemp("laboratory")
    root = workbench_root.make(place / "workbench")
    shutil.copytree(ROOT / "notebooks" / "templates", root / "notebooks" / "templates")
    shutil.copytree(ROOT / "docs" / "gallery", root / "docs" / "gallery")
    (place / "home" / ".jupyter").mkdir(parents=True)
    (place / "home" / ".jupyter" / "jupyter_server_config.py").write_text(OPEN)
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    running = subprocess.Popen(
        [sys.executable, "-m", "analytics", "lab", "--no-browser", "--port", str(port)],
        env={**kept, "WORKBENCH_ROOT": str(root), "HOME": str(place / "home")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    said = ""
    deadline = time.monotonic() + 90
    while "token=" not in said and time.monotonic() < deadline:
        line = running.stdout.readline()
        assert line, said
        said += line
    yield port, re.search(r"token=([0-9a-f]+)", said)[1], root
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()


def answer(port, path, **headers):  # noqa: ANN003
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    for _ in range(50):
        try:
            with urllib.request.urlopen(asked, timeout=20) as found:
                return found.status, found.url
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code, refused.url
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


@pytest.mark.fault(
    "JupyterLab asked without its token",
    "notebooks",
    "refused, whatever the user's own configuration",
)
@pytest.mark.parametrize("path", ["/api/contents", "/api/kernels", "/api/sessions", "/files/data"])
def test_nothing_is_answered_without_the_token(server, path):
    port, token, _ = server
    assert len(token) >= 48
    for headers in ({}, {"Authorization": "token " + "0" * 48}):
        code, place = answer(port, path, **headers)
        assert code == 403 or "/login?next=" in place


def test_the_page_asks_for_the_token(server):
    port, token, _ = server
    assert "/login" in answer(port, "/lab")[1]
    assert answer(port, "/api/contents", Authorization=f"token {token}")[0] == 200


def test_another_name_for_this_machine_is_refused(server):
    """A page elsewhere cannot lead a browser here under its own name (DNS rebinding)."""
    port, token, _ = server
    said = answer(port, "/api/contents", Authorization=f"token {token}", Host="evil.example")
    assert said[0] == 403


@pytest.mark.fault("JupyterLab asked from another machine", "notebooks", "listens on loopback only")
def test_it_listens_on_this_machine_only(server):
    """Every listening socket of the port, in both families, is on the loopback address."""
    port, _, _ = server
    places = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and local.endswith(f":{port:04X}"):
                places.append(local.split(":")[0])
    assert places == ["0100007F"]


def ask(port, token, path, method=None, **sent):  # noqa: ANN003
    """Ask the scheduler's interface: what it answers, read."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/scheduler/{path}",
        headers={"Authorization": f"token {token}"},
        data=json.dumps(sent).encode() if sent else None,
        method=method,
    )
    with urllib.request.urlopen(asked, timeout=20) as found:
        return json.loads(found.read() or "null")


def submit(port, token, **parameters):  # noqa: ANN003
    """Submit a job on the report: its number."""
    asked = {"name": "grades", "input_uri": "notebooks/risk_grading.ipynb",
             "parameters": parameters, "runtime_environment_name": "python",
             "output_formats": ["ipynb", "html"]}  # fmt: skip
    return ask(port, token, "jobs", **asked)["job_id"]


def until(port, token, number, reached):
    """Wait until a job has got somewhere: its record."""
    deadline = time.monotonic() + 90
    while not reached(job := ask(port, token, f"jobs/{number}")):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def has_ended(job):
    return job["status"] in {"COMPLETED", "FAILED"}  # it begins as "STOPPED"


def test_a_job_of_its_scheduler_makes_the_report(server):
    """Submitted, run in its own process and brought back as JupyterLab does all three."""
    port, token, root = server
    answer(port, "/api/contents", Authorization=f"token {token}")  # until it answers
    assert ask(port, token, "config")["supported_features"]["parameters"] is True
    number = submit(port, token, window_days="7", as_of='"2020-02-20"')
    job = until(port, token, number, has_ended)
    assert job["status"] == "COMPLETED", job["status_message"]
    folder = root / "reports" / "hubei-2020" / "2020-02-20"
    pages = {path.name for path in folder.iterdir() if path.suffix == ".html"}
    assert pages == {f"risk_grading.window-days-7.{each}.html" for each in ("zh", "en")}
    listed = json.loads((folder / "manifest.json").read_text())["reports"]
    assert list(listed) == ["risk_grading.window-days-7"]
    ask(port, token, f"jobs/{number}/download_files")
    job = until(port, token, number, lambda job: job["downloaded"])
    brought = {each["file_format"]: root / each["file_path"] for each in job["job_files"]}
    shown = folder / "risk_grading.window-days-7.en.html"
    assert brought["html"].read_bytes() == shown.read_bytes()
    assert "A window of 7 days" in brought["ipynb"].read_text()
    assert (root / "jobs").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@pytest.mark.fault(
    "job of JupyterLab's scheduler stopped, or its process killed",
    "notebooks",
    "its kernel ends with it; the next job makes the report",
)
def test_a_job_that_is_stopped_leaves_nothing_running(server):
    port, token, root = server
    answer(port, "/api/contents", Authorization=f"token {token}")
    begun = root / "begun"
    endless = f"import os\nopen({str(begun)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"
    workbench_root.make(root, workbench_root.SHOW, endless)
    number = submit(port, token, as_of="2020-02-19")
    until(port, token, number, lambda _: begun.exists() and begun.read_text())
    ask(port, token, f"jobs/{number}", "PATCH", status="STOPPED")
    kernel = Path("/proc") / begun.read_text()
    until(port, token, number, lambda _: not kernel.exists())
    assert ask(port, token, f"jobs/{number}")["status"] == "STOPPED"
    workbench_root.make(root)
    job = until(port, token, submit(port, token, as_of="2020-02-19"), has_ended)
    assert job["status"] == "COMPLETED", job["status_message"]


def test_its_files_stay_out_of_git_and_hold_no_outputs():
    """What it leaves (checkpoints, state) is ignored; `make check` refuses outputs."""
    state = "data/hubei-2020/state/lab/config/x"
    for name in ("notebooks/.ipynb_checkpoints/x.ipynb", state, "jobs/x/x.html"):
        asked = ["git", "check-ignore", "--no-index", "-q", name]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0, name
    checked = [sys.executable, "tools/check.py", "--notebooks"]
    assert subprocess.run(checked, cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
def test_the_launcher_has_a_tile_per_notebook_and_one_that_copies_a_template(server):
    """Seen in a real browser: what a new analyst is offered, and where a new analysis opens."""
    port, token, _ = server
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/lab/tree/notebooks?token={token}")
        cards = page.locator(".jp-LauncherCard")
        page.locator(".jp-LauncherCard", has_text="New analysis").wait_for(timeout=60_000)
        offered = [cards.nth(place).inner_text() for place in range(cards.count())]
        assert {
            "risk_grading", "新分析 · New analysis", "自定规则 · A rule of one's own",
        } <= set(offered)  # fmt: skip
        assert page.locator(".Toastify__toast").count() == 0
        page.locator(".jp-LauncherCard", has_text="New analysis").click()
        page.wait_for_url("**/notebooks/analysis*.ipynb", timeout=30_000)
        browser.close()
