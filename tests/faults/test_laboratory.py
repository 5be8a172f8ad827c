"""JupyterLab as delivered, seen from outside: a token, this machine only, nothing in git."""

from __future__ import annotations

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
    """The real server, beside a user's configuration that would open it wide: port, token, pid."""
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
    yield port, re.search(r"token=([0-9a-f]+)", said)[1], running.pid
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


def test_its_files_stay_out_of_git_and_hold_no_outputs():
    """What it leaves (checkpoints, state) is ignored; `make check` refuses outputs."""
    for name in ("notebooks/.ipynb_checkpoints/x.ipynb", "data/hubei-2020/state/lab/config/x"):
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
