"""Work lists through ODK Central: pyodk itself against a server that answers as documented."""

from __future__ import annotations

import io
import json
import threading
import uuid
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
import pyxform.xls2xform
from tests import loop_study as drawn
from typer.testing import CliRunner

from analytics.cli import app
from analytics.errors import KeyringError, ParameterError, SourceError
from analytics.loop import ledger, odk, push, worklists

LIST = "420102.community.1"


class Central(ThreadingHTTPServer):
    """Entity lists of one project, as ODK Central's API (v1) documents them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.datasets: dict[str, dict[str, object]] = {}
        self.entities: list[dict[str, object]] = []
        self.refusing = False
        self.seen: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    """Sessions, datasets, properties, entities in bulk, the OData table, deletion."""

    server: Central

    def log_message(self, *_: object) -> None:
        pass

    def _say(self, said: object, status: int = 200) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> dict[str, object]:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(text.decode())
        return json.loads(text)

    def do_POST(self) -> None:
        path, central = urlsplit(self.path).path, self.server
        said = self._body()
        if central.refusing:
            self._say({"code": 403.1, "message": "The authenticated actor has no rights."}, 403)
        elif path == "/v1/sessions":
            self._say({"token": "t", "csrf": "c", "expiresAt": "2030-01-01T00:00:00.000Z",
                       "createdAt": "2020-01-01T00:00:00.000Z"})  # fmt: skip
        elif path == "/v1/projects/7/datasets":
            central.datasets[str(said["name"])] = {
                "name": said["name"], "createdAt": "2020-02-10T00:00:00.000Z", "projectId": 7,
                "approvalRequired": said["approvalRequired"], "properties": [],
            }  # fmt: skip
            self._say(central.datasets[str(said["name"])])
        elif path.endswith("/properties"):
            held = central.datasets[path.split("/")[5]]["properties"]
            held.append({"name": said["name"], "odataName": said["name"], "forms": [],
                         "publishedAt": "2020-02-10T00:00:00.000Z"})  # fmt: skip
            self._say({"success": True})
        else:
            names = {p["name"] for p in central.datasets[path.split("/")[5]]["properties"]}
            for one in said["entities"]:
                assert set(one["data"]) <= names
                central.entities.append(
                    {"__id": str(uuid.uuid4()), "label": one["label"],
                     "__system": {"version": 1, "conflict": None},
                     **dict.fromkeys(names), **one["data"]}
                )  # fmt: skip
            self._say({"success": True})

    def do_GET(self) -> None:
        path, central = urlsplit(self.path), self.server
        if path.path == "/v1/projects/7/datasets":
            self._say([{k: v for k, v in d.items() if k != "properties"}
                       for d in central.datasets.values()])  # fmt: skip
        elif path.path.endswith(".svc/Entities"):
            asked = parse_qs(path.query)
            start, many = int(asked["$skip"][0]), int(asked["$top"][0])
            self._say({"value": central.entities[start : start + many],
                       "@odata.context": f"{central.address}/$metadata#Entities"})  # fmt: skip
        else:
            self._say(central.datasets[path.path.split("/")[5]])

    def do_DELETE(self) -> None:
        gone = self.path.rsplit("/", 1)[1]
        self.server.entities = [e for e in self.server.entities if e["__id"] != gone]
        self._say({"success": True})


@pytest.fixture
def central():
    server = Central()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def told(monkeypatch, tmp_path, central):
    """A study with rows pushed, and pyodk's file."""
    study, ring = drawn.make(monkeypatch, tmp_path)
    push.push(study, drawn.findings(ring, range(24)), ring, drawn.hours(0))
    file = tmp_path / "central.toml"
    file.write_text(f'[central]\nbase_url = "{central.address}"\nusername = "a@b.cn"\n'
                    'password = "p"\ndefault_project_id = 7\n')  # fmt: skip
    file.chmod(0o600)
    return study, ring, file


def send(told, hour=1):
    study, ring, file = told
    with odk.client(file) as server:
        return odk.send(server, study, LIST, ring, drawn.hours(hour), entity_list="work_lines")


def test_lines_go_to_the_server_once_and_name_nobody(told, central):
    study, ring, _ = told
    ((sheet, _, _),) = worklists.lay_out(study, [LIST], ring, drawn.hours(1))
    many = len(sheet.lines)
    assert send(told) == odk.Sent(LIST, sheet.version, many, 0, 0)
    assert send(told) == odk.Sent(LIST, sheet.version, 0, many, 0)
    assert len(central.entities) == many
    sent = "".join(central.seen)
    for person in range(24):
        assert f"154{person:08d}" not in sent
        assert f"42990119800101{person:04d}" not in sent
        assert f"某{person}" not in json.loads(json.dumps(sent))
    assert "解放路" not in sent


def test_answers_come_back_by_the_one_way_and_twice_change_nothing(told, central, tmp_path):
    study, ring, file = told
    send(told)
    answered = central.entities[:3]
    for each, verdict in zip(answered, ("confirmed", "refuted", "unreachable"), strict=True):
        each |= {"verdict_1": verdict, "verified": "2020-02-10", "evidence": "visit",
                 "remark": "=cmd"}  # fmt: skip
    with odk.client(file) as server:
        path, lines = odk.collect(server, LIST, tmp_path / "back", entity_list="work_lines")
    assert lines == 3
    done = drawn.receive(study, path, ring, drawn.hours(8))
    assert (done.team, done.answers, done.aside) == (LIST, 3, ())
    again = drawn.receive(study, path, ring, drawn.hours(9))
    assert (again.answers, again.repeated) == (0, 3)
    balance = ledger.balance(ledger.rows(study, drawn.hours(9)))
    assert balance["pushed"] == balance["verified"] + balance["outstanding"] + balance["returned"]
    assert (balance["verified"], balance["returned"]) == (2, 1)


def test_a_line_changed_on_the_server_is_set_aside(told, central, tmp_path):
    study, ring, file = told
    send(told)
    central.entities[0] |= {"verdict_1": "confirmed", "verified": "2020-02-10", "reason": "other"}
    with odk.client(file) as server:
        path, _ = odk.collect(server, LIST, tmp_path / "back", entity_list="work_lines")
    done = drawn.receive(study, path, ring, drawn.hours(8))
    assert (done.answers, done.aside) == (0, ((2, "seal", "seal"),))


def test_lines_of_an_earlier_version_leave_unless_answered(told, central):
    study, ring, _ = told
    many = send(told).added
    central.entities[0] |= {"verdict_1": "confirmed", "verified": "2020-02-10"}
    push.push(study, drawn.findings(ring, range(24, 40)), ring, drawn.hours(2))
    later = send(told, hour=3)
    assert later.retired == many - 1
    assert sum(1 for each in central.entities if each["list_version"] == "1") == 1


def test_what_the_server_refuses_is_said_without_what_was_sent(told, central):
    study, ring, file = told
    server = odk.client(file)
    central.refusing = True
    with pytest.raises(SourceError) as caught:
        odk.send(server, study, LIST, ring, drawn.hours(1), entity_list="work_lines")
    server.close()
    assert caught.value.breaches == ("status 403",)
    with pytest.raises(SourceError) as caught:
        odk.client(file)
    assert "account" in str(caught.value)


def test_passwords_lie_in_private_files_and_go_over_https(told):
    _, _, file = told
    file.chmod(0o644)
    with pytest.raises(KeyringError):
        odk.client(file)
    plain = '[central]\nbase_url = "http://odk.example"\nusername = "a"\npassword = "p"\n'
    for text in ("[central]\n", "not toml", plain):
        file.chmod(0o600)
        file.write_text(text)
        with pytest.raises(ParameterError):
            odk.client(file)


def test_the_form_is_an_xlsform_that_updates_the_line(told):
    """pyxform, the reference converter, takes it and writes where each answer is kept."""
    study, _, _ = told
    content = odk.form("work_lines", "核查", worklists.counties(study), 2)
    xform = pyxform.xls2xform.convert(io.BytesIO(content), file_type=".xlsx").xform
    assert 'dataset="work_lines"' in xform
    assert 'update="1"' in xform or "baseVersion" in xform
    for column in ("verdict_1", "verdict_2", "verified", "evidence", "moved_to", "remark"):
        assert f'entities:saveto="{column}"' in xform
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert {row[1].value for row in book["choices"].iter_rows(min_row=2)} >= {
        "confirmed", "refuted", "unreachable", "moved", "420102", worklists.OUTSIDE,
    }  # fmt: skip


def test_the_commands_push_pull_and_write_the_form(told, central, tmp_path):
    _, _, file = told

    def run(*words: object) -> str:
        result = CliRunner().invoke(app, ["worklists", "odk", *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.output

    at = ("--study", "hubei-2020", "--at", "2020-02-10T09:00")
    assert f"{LIST} v1: " in run("push", LIST, "--config", file, *at)
    central.entities[0] |= {"verdict_1": "属实", "verified": str(date(2020, 2, 10))}
    said = run("pull", LIST, "--config", file, "--output", tmp_path / "back", *at)
    assert "1 lines answered" in said
    run("form", "--study", "hubei-2020", "--output", tmp_path / "form.xlsx")
    assert (tmp_path / "form.xlsx").read_bytes().startswith(b"PK")
