"""
Schedule: which commands a study runs by themselves, when they ran, and what became of them.

The operating system wakes `run_due` every few minutes; it runs what has fallen due since,
each missed job once. A lease in the study's state keeps two machines from running one job.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from analytics.errors import BusyError, ContractError, ParameterError, StudyError
from analytics.privacy.disk import make_private, replace
from analytics.reporting import publication
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analytics.study import Study

_MINUTE = timedelta(minutes=1)
# A second try would end the same way: usage, contract, parameter, study
_LASTING = frozenset({2, ContractError.exit_code, ParameterError.exit_code, StudyError.exit_code})


def _cron(text: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(text, datetime(2020, 1, 1, tzinfo=ZONE)))
    except (CronSimError, StopIteration) as error:
        message = f"'{text}' is no time table in cron's five fields, as '30 7 * * *'"
        raise ValueError(message) from error
    return text


DAYS = {"{today}": 0, "{yesterday}": 1}
"""Words of a command that stand for a day, and how many days before the slot it is."""


def _words(command: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(re.findall(r"\{[^{}]*\}", " ".join(command))) - set(DAYS))
    if unknown:
        message = f"{', '.join(unknown)} stands for no day; {' and '.join(DAYS)} do"
        raise ValueError(message)
    return command


class Job(BaseModel):
    """A command that runs by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="what it is called")
    cron: Annotated[str, AfterValidator(_cron)] = Field(description="when, in cron's five fields")
    command: Annotated[tuple[str, ...], AfterValidator(_words)] = Field(
        min_length=1, description="words after `workbench`; `DAYS` stand for days"
    )
    since: datetime = Field(description="nothing before this moment is caught up")
    minutes: int = Field(60, ge=1, description="longest time of one try")
    retries: int = Field(2, ge=0, le=10, description="further tries after a failure")
    pause_seconds: int = Field(60, ge=0, description="between tries")
    send: bool = Field(default=False, description="send the PDFs it printed when it succeeds")


@dataclass(frozen=True)
class Run:
    """What became of a job: `slot` is when it was due, `exit_code` -1 where time ran out."""

    job: str
    slot: str
    started: str
    seconds: float
    tries: int
    exit_code: int
    host: str
    pages: tuple[str, ...] = ()


def spoken(job: Job, due: datetime) -> tuple[str, ...]:
    """Words of a job's command on a slot, days written out."""
    return tuple(dated(word, due) for word in job.command)


def dated(text: str, due: datetime) -> str:
    """Write out the days that `DAYS` stand for in a text, as of a moment of the study's zone."""
    for name, back in DAYS.items():
        text = text.replace(name, (due - timedelta(days=back)).date().isoformat())
    return text


def jobs(study: Study) -> dict[str, Job]:
    """
    Jobs of a study, by name.

    Raises
    ------
    StudyError
        If the list is not readable.
    """
    path = _folder(study) / "jobs.json"
    if not path.is_file():
        return {}
    try:
        listed = [Job(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise StudyError(
            f"the schedule of study '{study.name}' is not readable",
            remedy=f"mend or remove '{path}', then add its jobs again",
        ) from error
    return {job.name: job for job in listed}


def add(study: Study, **entries: Any) -> Job:
    """
    Put a job on the schedule, in place of one of the same name.

    Raises
    ------
    ParameterError
        Listing every entry that cannot be.
    """
    try:
        job = Job(since=datetime.now(ZONE), **entries)
    except ValidationError as error:
        breaches = [
            f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
        raise ParameterError("this job cannot be scheduled:", breaches) from None
    with publication.lock(_folder(study), "jobs", wait_seconds=10):
        _write(study, {**jobs(study), job.name: job})
    return job


def remove(study: Study, name: str) -> None:
    """
    Take a job off the schedule; the record of its runs stays.

    Raises
    ------
    ParameterError
        If there is no such job.
    """
    with publication.lock(_folder(study), "jobs", wait_seconds=10):
        listed = jobs(study)
        if name not in listed:
            known = ", ".join(listed) or "none yet"
            raise ParameterError(f"there is no job '{name}'", remedy=f"jobs: {known}")
        _write(study, {key: job for key, job in listed.items() if key != name})


def runs(study: Study) -> list[Run]:
    """List the runs on record, oldest first; a line torn by a crash is left out."""
    path = _folder(study) / "runs.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        with suppress(ValueError, TypeError):
            said = json.loads(line)
            found.append(Run(**{**said, "pages": tuple(said["pages"])}))
    return found


def slot(job: Job, before: Sequence[Run], now: datetime) -> datetime | None:
    """
    Moment a job has last fallen due and not run for; None where it owes nothing.

    Parameters
    ----------
    job : Job
    before : sequence of Run
        All runs on record.
    now : datetime

    Notes
    -----
    However many slots were missed, the job is owed once, for the latest of them.
    """
    from cronsim import CronSim

    handled = [datetime.fromisoformat(run.slot) for run in before if run.job == job.name]
    latest: datetime = next(CronSim(job.cron, now.astimezone(ZONE) + _MINUTE, reverse=True))
    return latest if latest > max([job.since, *handled]) else None


def coming(job: Job, now: datetime) -> datetime:
    """Next moment a job falls due."""
    from cronsim import CronSim

    following: datetime = next(CronSim(job.cron, now.astimezone(ZONE)))
    return following


def run_due(study: Study, now: datetime) -> Iterator[tuple[Job, Run]]:
    """
    Run every job that is due, one after the other.

    Parameters
    ----------
    study : Study
    now : datetime

    Yields
    ------
    tuple of Job and Run
        Each on record when it is yielded.

    Notes
    -----
    A job that another process or machine is running is passed over.
    """
    for job in jobs(study).values():
        with suppress(BusyError), _leased(study, job):
            due = slot(job, runs(study), now)
            if due is None:
                continue
            done = _run(study, job, due)
            line = json.dumps(asdict(done), ensure_ascii=False) + "\n"
            _append(_folder(study) / "runs.jsonl", line.encode())
            yield job, done


def _run(study: Study, job: Job, due: datetime) -> Run:
    began, clock = datetime.now(ZONE), time.monotonic()
    log = _folder(study) / "logs" / f"{job.name}.{due:%Y%m%dT%H%M}.log"
    make_private(log.parent)
    tries, code = 0, 1
    while tries <= job.retries and code != 0 and not (tries and code in _LASTING):
        if tries:
            time.sleep(job.pause_seconds)
        tries += 1
        code = _once(job, spoken(job, due), log)
    named = log.read_text(encoding="utf-8", errors="replace") if code == 0 else ""
    return Run(
        job=job.name,
        slot=due.isoformat(),
        started=began.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        tries=tries,
        exit_code=code,
        host=socket.gethostname(),
        pages=tuple(re.findall(r"^(\S+\.(?:html|pdf))  ", named, re.MULTILINE)),
    )


def _once(job: Job, words: tuple[str, ...], log: Path) -> int:
    """One try, its output in a private log; -1 where it ran out of time and was ended."""
    command = [sys.executable, "-m", "analytics", *words]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=job.minutes * 60)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return -1


@contextmanager
def _leased(study: Study, job: Job) -> Iterator[None]:
    """
    Hold a job for this process, across machines that share the state.

    The lock holds among processes of one machine; the lease, which runs out by itself,
    among machines whose file system does not share locks.
    """
    path = _folder(study) / f"{job.name}.lease.json"
    length = (job.retries + 1) * (job.minutes * 60 + job.pause_seconds) + 60
    with publication.lock(path.parent, path.name):
        with suppress(OSError, ValueError, KeyError):
            held = json.loads(path.read_text(encoding="utf-8"))
            elsewhere = held["host"] != socket.gethostname()
            if elsewhere and datetime.fromisoformat(held["until"]) > datetime.now(ZONE):
                raise BusyError(f"'{held['host']}' is running job '{job.name}'")
        until = datetime.now(ZONE) + timedelta(seconds=length)
        said = {"host": socket.gethostname(), "until": until.isoformat()}
        replace(path, json.dumps(said).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _folder(study: Study) -> Path:
    folder = study.state / "schedule"
    make_private(folder)
    return folder


def _write(study: Study, listed: dict[str, Job]) -> None:
    content = [job.model_dump(mode="json") for job in listed.values()]
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    replace(_folder(study) / "jobs.json", text.encode())


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        torn = stream.seek(0, os.SEEK_END) and (stream.seek(-1, os.SEEK_END), stream.read(1))[1]
        stream.write((b"\n" if torn not in (0, b"\n") else b"") + line)
        stream.flush()
        os.fsync(stream.fileno())
