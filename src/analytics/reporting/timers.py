"""What wakes the schedule: units of systemd, or a line of cron."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from analytics.errors import SetupError
from analytics.study import root

if TYPE_CHECKING:
    from analytics.study import Study

System = Literal["systemd", "cron"]

# Folders, never secrets
_CARRIED = ("WORKBENCH_HOME", "WORKBENCH_KEYS", "WORKBENCH_ROOT")


def command(study: Study) -> list[str]:
    """Words that run what is due for a study, from anywhere."""
    return [sys.executable, "-m", "analytics", "schedule", "run-due", "--study", study.name]


def units(study: Study, minutes: int) -> dict[str, str]:
    """
    Text of systemd's units of a user, by file name.

    Parameters
    ----------
    study : Study
    minutes : int
        How often to look.
    """
    carried = "".join(
        f'Environment="{name}={_unit(value)}"\n' for name, value in _carried().items()
    )
    name = f"workbench-{study.name}"
    return {
        f"{name}.service": "[Unit]\n"
        f"Description=Scheduled runs of study {study.name}\n\n"
        "[Service]\nType=oneshot\n"
        f"WorkingDirectory={_unit(str(root()))}\n{carried}"
        f"ExecStart={_unit(shlex.join(command(study)))}\n"
        "NoNewPrivileges=yes\nUMask=0077\n",
        f"{name}.timer": "[Unit]\n"
        f"Description=Look for scheduled runs of study {study.name}\n\n"
        f"[Timer]\nOnCalendar=*:0/{minutes}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n",
    }


def cron_line(study: Study, minutes: int) -> str:
    """Line of cron that looks every so many minutes, marked so that it is found again."""
    carried = " ".join(f"{name}={shlex.quote(value)}" for name, value in _carried().items())
    call = f"cd {shlex.quote(str(root()))} && {carried} {shlex.join(command(study))}"
    return f"*/{minutes} * * * * {call.replace('%', chr(92) + '%')} {_mark(study)}"


def install(study: Study, system: System, minutes: int) -> str:
    """
    Put the timer in place, in place of an earlier one of the study.

    Returns
    -------
    str
        What is left to do by hand; empty where nothing is.

    Raises
    ------
    SetupError
        If the system has no such timer.
    """
    if system == "systemd":
        folder = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "systemd/user"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units(study, minutes).items():
            (folder / name).write_text(text, encoding="utf-8")
        return f"systemctl --user daemon-reload; systemctl --user enable --now {name}"
    program = shutil.which("crontab")
    if program is None:
        raise SetupError("cron is not installed", remedy="apt-get install cron, or take systemd")
    standing = subprocess.run([program, "-l"], capture_output=True, text=True, check=False)  # noqa: S603
    kept = [line for line in standing.stdout.splitlines() if not line.endswith(_mark(study))]
    text = "\n".join([*kept, cron_line(study, minutes)]) + "\n"
    subprocess.run([program, "-"], input=text, text=True, check=True)  # noqa: S603
    return ""


def _unit(text: str) -> str:
    return text.replace("%", "%%")  # systemd's own placeholders


def _mark(study: Study) -> str:
    return f"# workbench {study.name}"


def _carried() -> dict[str, str]:
    found = {name: os.environ[name] for name in _CARRIED if os.environ.get(name)}
    return {name: value for name, value in found.items() if "\n" not in value}
