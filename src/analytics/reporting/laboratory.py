"""JupyterLab on the workbench's notebooks: this machine only, token asked, kernel ready."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from importlib import metadata
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from analytics import study as studies
from analytics.errors import SetupError
from analytics.render.blocks import Language

_PACK = "jupyterlab-language-pack-zh-CN"
_EXTENSION = "epidemic-workbench"
_REPORTS, _EXAMPLES = "疫情报告 Epidemic reports", "示例 Gallery"
_SHELVES = (  # folder, category of its tiles, where a click copies to
    ("notebooks", _REPORTS, None),
    ("notebooks/templates", _REPORTS, "notebooks"),
    ("docs/gallery", _EXAMPLES, "notebooks"),
)
_NO_TILES = "const TILES = [];"


def command(
    study: str, *, browser: bool, port: int, language: Language = "en"
) -> tuple[list[str], dict[str, str]]:
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
    language : {"zh", "en"}
        Of JupyterLab's own menus, unless the user chose one there.

    Raises
    ------
    StudyError
        If there is no such study.
    SetupError
        If the language pack is not installed.
    """
    chosen = studies.load(study)
    root = studies.root()
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.allow_remote_access=False",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={browser}",
        "--LabApp.default_url=/lab/tree/notebooks",
        f"--LabApp.extra_labextensions_path={_tiles(chosen, root)}",
        f"--LabApp.app_settings_dir={_settings(chosen, language)}",
        *_scheduler(chosen, root),
        *(["--ServerApp.allow_root=True"] if os.geteuid() == 0 else []),
    ]
    own = {
        "WORKBENCH_STUDY": chosen.name,
        "WORKBENCH_ROOT": str(root),
        "WORKBENCH_LANGUAGE": language,
    }
    return arguments, {**os.environ, **own, **_unconfigured(chosen)}


def _scheduler(study: studies.Study, root: Path) -> list[str]:
    """Have JupyterLab's scheduler, where installed, make reports; its files are this account's."""
    if find_spec("jupyter_scheduler") is None:
        return []
    place = study.state / "lab" / "scheduler"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # a root that is only read has no outputs to show
        (root / "jobs").mkdir(mode=0o700, exist_ok=True)
    return [
        "--Scheduler.execution_manager_class=analytics.reporting.jobs.ReportJob",
        f"--Scheduler.staging_path={place / 'staging'}",
        "--Scheduler.output_directory=jobs",
        f"--SchedulerApp.db_url=sqlite:///{place / 'jobs.sqlite'}",
    ]


def _tiles(study: studies.Study, root: Path) -> Path:
    """Write the extension that gives the launcher a tile per notebook, template and example."""
    found = [
        {"category": category, "label": _heading(path), "caption": path.stem,
         "path": path.relative_to(root).as_posix(), "copyTo": copy}
        for folder, category, copy in _SHELVES
        for path in sorted((root / folder).glob("*.ipynb"))
    ]  # fmt: skip
    code = (files("analytics") / "reporting" / "launcher.js").read_text(encoding="utf-8")
    tiles = json.dumps(found, ensure_ascii=False).replace("<", "\\u003c")
    folder = study.state / "lab" / "extensions"
    place = folder / _EXTENSION
    (place / "static").mkdir(parents=True, exist_ok=True)
    described = {
        "name": _EXTENSION,
        "version": metadata.version("epidemic-workbench"),
        "jupyterlab": {
            "extension": True,
            "_build": {"load": "static/tiles.js", "extension": "./extension"},
        },
    }
    (place / "package.json").write_text(json.dumps(described), encoding="utf-8")
    made = code.replace(_NO_TILES, f"const TILES = {tiles};")
    (place / "static" / "tiles.js").write_text(made, encoding="utf-8")
    return folder


def _heading(notebook: Path) -> str:
    """First heading of a notebook; its name where it has none."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = "".join(cells[0]["source"]).splitlines() if cells else []
    return lines[0].removeprefix("# ") if lines and lines[0].startswith("# ") else notebook.stem


def _unconfigured(study: studies.Study) -> dict[str, str]:
    """
    Keep the user's Jupyter configuration out, which could open the server or drop its token.

    Looks and layouts that the user chose in JupyterLab stay.
    """
    from jupyter_core.paths import jupyter_config_dir

    users = Path(jupyter_config_dir()) / "lab"
    folder = study.state / "lab" / "config"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "JUPYTER_CONFIG_DIR": str(folder),
        "JUPYTERLAB_SETTINGS_DIR": str(users / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(users / "workspaces"),
    }


def _settings(study: studies.Study, language: Language) -> Path:
    """Write what a new user starts with: a language, and no news fetched from outside."""
    chosen: dict[str, dict[str, object]] = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false", "checkForUpdates": False,
        },
    }  # fmt: skip
    if language != "en":
        try:
            metadata.version(_PACK)
        except metadata.PackageNotFoundError:
            raise SetupError(
                "JupyterLab's Chinese language pack is not installed",
                remedy="pip install 'epidemic-workbench[lab]'",
            ) from None
        chosen["@jupyterlab/translation-extension:plugin"] = {"locale": "zh_CN"}
    folder = study.state / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(chosen), encoding="utf-8")
    return folder


def start(study: str, *, browser: bool, port: int, language: Language = "en") -> NoReturn:
    """Become JupyterLab, from the root: its scheduler writes from there; does not return."""
    for name in ("WORKBENCH_HOME", "WORKBENCH_ROOT"):
        if named := os.environ.get(name):
            os.environ[name] = str(Path(named).absolute())
    os.chdir(studies.root())
    arguments, environment = command(study, browser=browser, port=port, language=language)
    sys.stdout.write(f"JupyterLab opens for study '{environment['WORKBENCH_STUDY']}'\n")
    sys.stdout.flush()
    os.execve(arguments[0], arguments, environment)  # noqa: S606 - replaces this process on purpose
