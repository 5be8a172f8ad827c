"""Pages in a store: what changed is sent, lists come last, nothing wrong stays unsaid."""

from __future__ import annotations

import json
import uuid

import fsspec
import pytest
from typer.testing import CliRunner

from analytics.cli import app
from analytics.errors import ParameterError, PublicationError
from analytics.reporting import stores

PAGES = {
    "index.html": "list",
    "hubei/2020-02-29/manifest.json": "{}",
    "hubei/2020-02-29/risk_grading.zh.html": "page",
    "hubei/2020-02-29/.risk_grading.lock": "",
    "hubei/2020-02-29/.risk_grading.zh.html.draft": "half a page",
    "hubei/2020-02-29/notes.txt": "not published",
    "replay/keys/hubei/ring.json": "a key",
    "replay/home/hubei/page.html": "state",
    "ring.json": "a key",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in PAGES.items():
        path = tmp_path / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "reports"


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    place = f"/{uuid.uuid4().hex}" if request.param == "memory" else f"{tmp_path}/store"
    return f"{request.param}://{place}"


def held(store):
    system, root = fsspec.url_to_fs(store)
    return {
        path.removeprefix(root).lstrip("/"): system.cat_file(path).decode()
        for path in system.find(root)
    }


def test_pages_come_before_the_lists_that_name_them_and_only_they(folder, store):
    order = []
    done = stores.send(folder, store, progress=order.append)
    assert order == [
        "hubei/2020-02-29/risk_grading.zh.html", "hubei/2020-02-29/manifest.json", "index.html",
    ]  # fmt: skip
    assert (done.files, done.size, done.unchanged) == (3, 10, 0)
    assert held(store).keys() == {*order, stores.LISTING}


def test_what_is_there_is_not_sent_again_and_what_is_gone_stays(folder, store):
    stores.send(folder, store)
    assert stores.send(folder, store) == stores.Sent(0, 0, 3)
    page = folder / "hubei/2020-02-29/risk_grading.zh.html"
    page.write_text("page, corrected", encoding="utf-8")
    (folder / "index.html").unlink()
    assert stores.send(folder, store) == stores.Sent(1, 15, 1)
    now = held(store)
    assert now["hubei/2020-02-29/risk_grading.zh.html"] == "page, corrected"
    assert now["index.html"] == "list"
    assert len(json.loads(now[stores.LISTING])) == 3


def test_a_damaged_list_makes_everything_be_sent_again(folder, store):
    stores.send(folder, store)
    system, root = fsspec.url_to_fs(store)
    system.pipe_file(f"{root}/{stores.LISTING}", b"{half")
    assert stores.send(folder, store).files == 3


def test_a_store_that_keeps_something_else_is_found_out(folder, store, monkeypatch):
    system, _ = fsspec.url_to_fs(store)
    plain = type(system).pipe_file
    monkeypatch.setattr(
        type(system), "pipe_file", lambda self, path, value: plain(self, path, value[:-1])
    )
    with pytest.raises(PublicationError, match="could not be written") as failed:
        stores.send(folder, store)
    assert "not those sent" in failed.value.breaches[0]


def test_no_report_and_no_such_store_are_refused(folder, tmp_path):
    with pytest.raises(ParameterError, match="no report"):
        stores.send(tmp_path / "empty", "memory://x")
    with pytest.raises(ParameterError, match="names no store"):
        stores.send(folder, "nosuch://x")


def test_the_command_says_what_it_sent(folder, store):
    told = CliRunner().invoke(app, ["publish", store, "--folder", str(folder)])
    assert told.exit_code == 0, told.output
    assert f"3 files sent (0.0 MB), 0 unchanged: {store}" in told.output
