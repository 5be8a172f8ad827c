"""The schedule: what falls due, once; who runs it; what became of it; who is told."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests import pool_study
from typer.testing import CliRunner

from analytics.cli import app
from analytics.errors import KeyringError, ParameterError
from analytics.reporting import notices, publication, schedule, timers
from analytics.study import ZONE

MORNING = "30 7 * * *"
START = datetime(2020, 2, 29, 7, 0, tzinfo=ZONE)


@pytest.fixture
def study(tmp_path, monkeypatch):
    return pool_study.make(monkeypatch, tmp_path)


def job(**other: object):
    entries = {"name": "morning", "cron": MORNING, "command": ("check",), "since": START}
    return schedule.Job(**{**entries, **other})


def ran(slot):
    return schedule.Run("morning", slot.isoformat(), slot.isoformat(), 1.0, 1, 0, "here")


def at(day, hour, minute=0):
    return datetime(2020, 2, 29, hour, minute, tzinfo=ZONE) + timedelta(days=day)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (at(0, 7, 29), [], None),  # not yet
        (at(0, 7, 30), [], at(0, 7, 30)),  # on the minute
        (at(0, 9), [at(0, 7, 30)], None),  # has run
        (at(3, 8), [at(0, 7, 30)], at(3, 7, 30)),  # three missed: owed once, for the latest
        (at(3, 7, 29), [at(0, 7, 30)], at(2, 7, 30)),
    ],
)
def test_a_job_is_owed_once_however_many_slots_were_missed(now, before, expected):
    assert schedule.slot(job(), [ran(slot) for slot in before], now) == expected


def test_nothing_before_a_job_was_added_is_caught_up():
    assert schedule.slot(job(since=at(0, 8)), [], at(0, 9)) is None


def test_a_command_s_days_are_those_of_the_time_it_was_due():
    said = job(command=("report", "--as-of", "{yesterday},{today}"))
    assert schedule.spoken(said, at(1, 7, 30))[-1] == "2020-02-29,2020-03-01"


def add(study, *command: str, **other: object):
    added = schedule.add(
        study, **{"name": "morning", "cron": "* * * * *", "command": command, **other}
    )
    return added, added.since + timedelta(minutes=2)


def test_due_jobs_run_once_and_are_on_record(study):
    _, later = add(study, "--version")
    ((done_job, done),) = schedule.run_due(study, later)
    assert (done_job.name, done.exit_code, done.tries) == ("morning", 0, 1)
    assert list(schedule.run_due(study, later)) == []
    assert schedule.runs(study) == [done]


def test_a_torn_record_loses_only_its_line(study):
    _, later = add(study, "--version")
    record = study.state / "schedule" / "runs.jsonl"
    record.write_text('{"job": "morn')
    ((_, done),) = schedule.run_due(study, later)
    assert schedule.runs(study) == [done]


@pytest.mark.parametrize(
    ("command", "code", "tries"),
    [
        (("report", "no_such_report"), 12, 1),  # would fail again
        (("deliveries", "show", "nothing/2020-01-01/none.csv"), None, 3),
        (("no-such-command",), 2, 1),
    ],
)
def test_what_may_pass_is_tried_again_and_what_cannot_is_not(study, command, code, tries):
    _, later = add(study, *command, retries=2, pause_seconds=0)
    ((_, done),) = schedule.run_due(study, later)
    assert done.exit_code != 0
    assert done.exit_code == (code or done.exit_code)
    assert done.tries == (tries if done.exit_code not in schedule._LASTING else 1)


def test_a_job_without_end_is_ended(study, monkeypatch):
    added, _ = add(study, "lab", "--no-browser", "--port", "18997", minutes=1, retries=0)
    wait = schedule.subprocess.Popen.wait
    monkeypatch.setattr(
        schedule.subprocess.Popen,
        "wait",
        lambda process, timeout=None: wait(process, timeout and timeout / 20),
    )
    assert schedule._run(study, added, START).exit_code == -1


def test_two_machines_never_run_one_job(study):
    _, later = add(study, "--version")
    folder = study.state / "schedule"
    lease = folder / "morning.lease.json"
    far, past = later + timedelta(days=9000), datetime(2020, 1, 1, tzinfo=ZONE)
    lease.write_text(json.dumps({"host": "another", "until": far.isoformat()}))
    assert list(schedule.run_due(study, later)) == []
    lease.write_text(json.dumps({"host": "another", "until": past.isoformat()}))  # it died
    with publication.lock(folder, lease.name):
        assert list(schedule.run_due(study, later)) == []
    assert [done.exit_code for _, done in schedule.run_due(study, later)] == [0]
    assert not lease.exists()


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"cron": "7:30"}, "cron"),
        ({"name": "Morning run"}, "name"),
        ({"command": ()}, "command"),
        ({"minutes": 0}, "minutes"),
        ({"command": ("report", "--as-of", "{tomorrow}")}, "stands for no day"),
    ],
)
def test_an_impossible_job_is_refused(study, entries, said):
    with pytest.raises(ParameterError, match=said):
        add(study, *entries.pop("command", ("check",)), **entries)
    assert schedule.jobs(study) == {}


class Receiver(BaseHTTPRequestHandler):
    told: list[dict[str, object]] = []  # noqa: RUF012 - one list for the one server

    def do_POST(self):
        self.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object):
        pass


@pytest.fixture
def told(study):
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = notices.addresses_path(study)
        path.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT, 0o600))
        path.write_text(f"# duty desk\njson://127.0.0.1:{server.server_port}\n")
        Receiver.told.clear()
        yield Receiver.told
        server.shutdown()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # apprise's own
def test_a_failure_is_told_and_a_success_with_what_it_printed(study, told, tmp_path):
    printed = tmp_path / "digest.zh.pdf"
    printed.write_bytes(b"%PDF-1.4")
    good = schedule.Run("morning", at(0, 7).isoformat(), "", 3.0, 1, 0, "here", (str(printed),))
    bad = schedule.Run("morning", at(0, 7).isoformat(), "", 3.0, 3, 14, "here")
    assert notices.of_run(study, job(), good) is False
    assert notices.of_run(study, job(send=True), good)
    assert notices.of_run(study, job(), bad)
    titles = [notice["title"] for notice in told]
    assert ["完成" in titles[0], "失败" in titles[1]] == [True, True]
    assert [len(notice["attachments"]) for notice in told] == [1, 0]
    assert "exit code 14" in told[1]["message"]


def test_addresses_others_may_read_are_refused(study):
    path = notices.addresses_path(study)
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text("json://127.0.0.1")
    path.chmod(0o644)
    with pytest.raises(KeyringError):
        notices.addresses(study)


def test_timers_carry_folders_and_no_secret(study, monkeypatch):
    monkeypatch.setenv("WORKBENCH_SECRET", "hush")
    service, timer = timers.units(study, 5).values()
    assert "schedule run-due --study hubei-2020" in service
    assert os.environ["WORKBENCH_HOME"] in service
    assert "OnCalendar=*:0/5" in timer
    line = timers.cron_line(study, 5)
    assert line.startswith("*/5 * * * * cd ")
    assert "hush" not in service + timer + line


def call(*arguments: str):
    result = CliRunner().invoke(app, ["schedule", *arguments, "--study", "hubei-2020"])
    return result.exit_code, result.output


@pytest.mark.usefixtures("study")
def test_commands_add_list_run_and_remove():
    code, told = call("add", "morning", "--cron", MORNING, "--", "check")
    assert (code, "next: " in told) == (0, True)
    assert call("list")[1].count("morning") == 1
    assert call("run-due") == (0, "")
    assert call("remove", "morning")[0] == 0
    assert "no jobs" in call("list")[1]


def test_a_command_that_there_is_not_is_not_scheduled():
    told = CliRunner().invoke(app, ["schedule", "add", "x", "--cron", MORNING, "--", "reprot"])
    assert isinstance(told.exception, ParameterError)
    assert "did you mean 'report'?" in str(told.exception)
