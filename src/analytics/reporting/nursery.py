"""
Nursery of kernels: a process that has imported what reports need, and forks a kernel at a word.

Importing pandas and its kin takes longer than most reports, and so does reading a country's
boundaries. The nursery does both once; each kernel is a fork of it, used by one run and gone.
It reads nothing that may change while it runs, and opens no database, so that every kernel
starts from the same state. It serves the process that started it and that process's workers,
over a socket in a private folder. When the process that asked for a kernel goes, so does the
kernel; when the one that started the nursery goes, everything does.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from multiprocessing.connection import Client, Connection, wait
from pathlib import Path
from typing import Any, Final

# What reports import inside functions, and what a kernel itself needs
HEAVY: Final = (
    "duckdb",
    "geopandas",
    "ibis.backends.duckdb",
    "IPython.core.completer",
    "ipykernel.kernelapp",
    "pandas",
    "plotly.graph_objects",
    "pyarrow.parquet",
)


# What reads ahead for a study, if a notebook imports it; by `foresee`
FORESEEING: Final = ("analytics.pool.boundaries",)

_LONGEST: Final = 60  # of a temporary folder's name: with ours it must stay below 108 characters


def place() -> str | None:
    """Folder for private folders: the usual one, unless its name is too long for a socket in it."""
    return None if len(tempfile.gettempdir()) <= _LONGEST else "/tmp"  # noqa: S108 - made private


def can_stand() -> bool:
    """Whether this system can fork, and watch a process that is no child."""
    return hasattr(os, "pidfd_open") and hasattr(os, "fork")


def prepare(*notebooks: Path) -> str:
    """
    Begin to warm up for notebooks, while this process does other things.

    Returns
    -------
    str
        Address of its nursery, to `borrow` in its workers; empty where it borrows one itself, or
        there can be none.
    """
    borrows = os.getpid() in _lines and os.getpid() not in _own
    if borrows or not can_stand():
        return ""
    return _standing(notebooks).address


def borrow(address: str) -> None:
    """Have kernels from the nursery of another process, as long as it stands."""
    with contextlib.suppress(OSError):
        _lines[os.getpid()] = Client(address, family="AF_UNIX")


def kernel(notebook: Path, wanted: dict[str, Any]) -> int:
    """
    Ask for a kernel, which ends with this process at the latest.

    Parameters
    ----------
    notebook : Path
        What will run: its imports are done already, if the nursery is started for it.
    wanted : dict
        arguments (of the kernel), environment, folder, study.

    Returns
    -------
    int
        Its process number.

    Raises
    ------
    OSError, EOFError
        If the nursery is gone, and its successor, too.
    """
    called = _lines.get(os.getpid())
    if called is not None:
        with contextlib.suppress(OSError, EOFError):
            return _asked(called, wanted)
    called = _lines[os.getpid()] = Client(_standing((notebook,)).address, family="AF_UNIX")
    return _asked(called, wanted)


def _asked(called: Connection[Any, Any], wanted: dict[str, Any]) -> int:
    called.send_bytes(json.dumps(wanted).encode())
    return int(called.recv_bytes())


class _Nursery:
    """A nursery that has imported some modules, as the process that starts it sees it."""

    def __init__(self, imports: Iterable[str]) -> None:
        self._folder = tempfile.mkdtemp(prefix="workbench-", dir=place())
        self.address = str(Path(self._folder) / "nursery")
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(self.address)
            door.listen()
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [sys.executable, "-m", "analytics.reporting.nursery", str(door.fileno()), *imports],
                pass_fds=[door.fileno()],
                stdin=subprocess.PIPE,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
        atexit.register(self.close)

    def stands(self) -> bool:
        """Whether its process still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it go, and all kernels with it."""
        atexit.unregister(self.close)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


# By process: a fork has no part in its parent's
_own: dict[int, _Nursery] = {}
_lines: dict[int, Connection[Any, Any]] = {}


def _standing(notebooks: Iterable[Path]) -> _Nursery:
    """Nursery of this process; a new one, warm for these notebooks, if it died."""
    own = _own.get(os.getpid())
    if own is None or not own.stands():
        if own is not None:
            own.close()
        named = dict.fromkeys(name for notebook in notebooks for name in _imports(notebook))
        own = _own[os.getpid()] = _Nursery(named)
    return own


@cache
def _imports(notebook: Path) -> tuple[str, ...]:
    """Modules that a notebook's cells import."""
    with contextlib.suppress(OSError, ValueError, KeyError, SyntaxError):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        named: list[str] = []
        for node in ast.walk(ast.parse("\n".join(sources))):
            if isinstance(node, ast.Import):
                named += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                named += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        return tuple(dict.fromkeys(named))
    return ()


def main() -> None:
    """Serve the socket whose number and first imports stand in the arguments."""
    door = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the runner to decide
    signal.signal(signal.SIGCHLD, _reap)
    gc.disable()  # nothing read ahead is rubbish: to look for it took a third of the time
    for module in (*HEAVY, *sys.argv[2:]):
        with contextlib.suppress(ImportError):  # the kernel that needs it will say so
            importlib.import_module(module)
    born: dict[Connection[Any, Any], set[int]] = {}
    signal.signal(signal.SIGTERM, lambda *_: _end(born, door))
    foreseen: set[str] = set()
    owner = sys.stdin.fileno()
    while True:
        for speaker in wait([owner, door, *born]):
            if speaker == owner:
                _end(born, door)
            elif speaker is door:
                born[Connection(door.accept()[0].detach())] = set()
            elif isinstance(speaker, Connection):
                _serve(speaker, born, foreseen, door)


def _serve(
    speaker: Connection[Any, Any],
    born: dict[Connection[Any, Any], set[int]],
    foreseen: set[str],
    door: socket.socket,
) -> None:
    """Fork the kernel that is asked for; where nobody asks any more, end those of that line."""
    try:
        wanted = json.loads(speaker.recv_bytes())
    except (EOFError, OSError):
        _kill(born.pop(speaker))
        speaker.close()
        return
    _foresee(wanted["study"], foreseen)
    gc.freeze()  # a kernel looks for rubbish among its own things only
    kernel = os.fork()
    if kernel == 0:
        door.close()
        for other in born:
            other.close()
        gc.enable()
        _become_kernel(wanted)
    born[speaker].add(kernel)
    with contextlib.suppress(OSError):  # it is gone: the next look at its line says so
        speaker.send_bytes(str(kernel).encode())


def _kill(kernels: set[int]) -> None:
    for kernel in kernels:
        with contextlib.suppress(OSError):  # it has ended, or is another's by now
            if os.waitpid(kernel, os.WNOHANG) == (0, 0):
                os.killpg(kernel, signal.SIGKILL)


def _end(born: dict[Connection[Any, Any], set[int]], door: socket.socket) -> None:
    """Leave nothing behind, even where the owner was killed."""
    for kernels in born.values():
        _kill(kernels)
    shutil.rmtree(Path(door.getsockname()).parent, ignore_errors=True)
    os._exit(0)


def _foresee(study: str, foreseen: set[str]) -> None:
    """Read ahead for a study, the first time it is asked for."""
    if study in foreseen:
        return
    foreseen.add(study)
    with contextlib.suppress(Exception):  # the kernel that needs it will say so
        from analytics import study as studies

        chosen = studies.load(study)
        for name in FORESEEING:
            if name in sys.modules:
                sys.modules[name].foresee(chosen)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become_kernel(wanted: dict[str, Any]) -> None:
    """Turn a fork into a kernel in the folder and environment it was asked for."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["folder"])
        from ipykernel.kernelapp import IPKernelApp

        app: Any = IPKernelApp.instance()
        # the kernel goes when this process goes
        app.initialize([*wanted["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"])
        app.start()
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
