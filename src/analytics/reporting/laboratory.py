"""JupyterLab on the workbench's notebooks: this machine only, token asked, kernel ready."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from analytics import study as studies


def command(study: str, *, browser: bool, port: int) -> tuple[list[str], dict[str, str]]:
    """
    Say what to run, and in which environment.

    Parameters
    ----------
    study : str
        Name of the study; empty for this session's.
    browser : bool
        Whether to open a browser window.
    port : int
        Port to listen on; the next free one is taken if it is in use.

    Raises
    ------
    StudyError
        If there is no such study.
    """
    chosen = studies.load(study)
    root = studies.root()
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={browser}",
        "--LabApp.default_url=/lab/tree/notebooks",
        *(["--ServerApp.allow_root=True"] if os.geteuid() == 0 else []),
    ]
    return arguments, {**os.environ, "WORKBENCH_STUDY": chosen.name, "WORKBENCH_ROOT": str(root)}


def start(study: str, *, browser: bool, port: int) -> NoReturn:
    """Become JupyterLab; does not return."""
    arguments, environment = command(study, browser=browser, port=port)
    sys.stdout.write(f"JupyterLab opens for study '{environment['WORKBENCH_STUDY']}'\n")
    sys.stdout.flush()
    os.execve(arguments[0], arguments, environment)  # noqa: S606 - replaces this process on purpose
