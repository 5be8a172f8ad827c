"""
Notices of scheduled runs, by mail, webhook or whatever else `apprise` reaches.

Addresses hold passwords: they stand in a private file beside the keys, one a line, never in
the schedule, an argument or a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.errors import PublicationError, SetupError
from analytics.privacy import keys
from analytics.privacy.disk import read_private
from analytics.render.blocks import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analytics.reporting.schedule import Job, Run
    from analytics.study import Study

_NAME = "notify"


def addresses_path(study: Study) -> Path:
    """File of the addresses, mode 0600, in the folder of the study's keys."""
    folder, _ = keys.location(study.name)
    return folder / _NAME


def addresses(study: Study) -> list[str]:
    """
    Addresses that notices go to; none where there is no file.

    Raises
    ------
    KeyringError
        If others may read the file.
    """
    path = addresses_path(study)
    if not path.is_file():
        return []
    lines = read_private(path).decode().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def of_run(study: Study, job: Job, run: Run) -> bool:
    """
    Send the notice a run calls for: its failure, or what it printed where that was asked for.

    Returns
    -------
    bool
        Whether a notice was sent.

    Raises
    ------
    SetupError
        If there are addresses and `apprise` is not installed.
    PublicationError
        If an address did not take it.
    """
    if run.exit_code == 0 and not job.send:
        return False
    told = addresses(study)
    if not told:
        return False
    title, body = words(study, run)
    prints = [page for page in run.pages if page.endswith(".pdf")]
    send(told, title, body, prints if run.exit_code == 0 else ())
    return True


def words(study: Study, run: Run) -> tuple[str, str]:
    """Title and body of the notice of a run, in both languages; no figure and no person in it."""
    good = run.exit_code == 0
    outcome = Text("完成", "done") if good else Text("失败", "failed")
    why = {0: Text("", ""), -1: Text("超时", "ran out of time")}
    reason = why.get(run.exit_code, Text(f"退出码 {run.exit_code}", f"exit code {run.exit_code}"))
    title = f"{study.title.zh}：{run.job} {outcome.zh} / {study.title.en}: {run.job} {outcome.en}"
    lines = [
        f"{run.slot} · {run.seconds:.0f} s · {run.tries} × · {run.host}",
        f"{reason.zh} / {reason.en}" if reason.zh else "",
        "" if good else f"workbench schedule list --study {study.name}",
    ]
    return title, "\n".join(line for line in lines if line)


def send(told: Sequence[str], title: str, body: str, attached: Sequence[str] = ()) -> None:
    """
    Send a notice to every address.

    Parameters
    ----------
    told : sequence of str
        Addresses as apprise writes them; they may hold passwords and are never repeated.
    title, body : str
    attached : sequence of str
        Paths of files.

    Raises
    ------
    SetupError
        If apprise is not installed.
    PublicationError
        If an address is of no known kind or did not take it; the others have it.
    """
    try:
        import apprise
    except ImportError:
        raise SetupError(
            "notices cannot be sent: apprise is not installed",
            remedy="pip install 'epidemic-workbench[notify]'",
        ) from None
    failed = []
    for number, address in enumerate(told, start=1):
        door = apprise.Apprise()
        if not door.add(address):
            failed.append(f"address {number} is of no kind that apprise knows")
        elif not door.notify(title=title, body=body, attach=list(attached) or None):
            failed.append(f"address {number} did not take it")
    if failed:
        raise PublicationError(
            f"{len(failed)} of {len(told)} notices were not sent:",
            failed,
            "see the file of addresses; the run itself stands as it was",
        )
