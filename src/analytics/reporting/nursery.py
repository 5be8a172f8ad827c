"""
Nursery of kernels: a process that has imported what reports need, and forks a kernel at a word.

Importing pandas and its kin takes longer than most reports, and so does reading a country's
boundaries. The nursery does both once; each kernel is a fork of it, used by one run and gone.
It reads nothing that may change while it runs, and opens no database, so that every kernel
starts from the same state. When the process that started it goes, so do
its kernels.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any

# What reports import inside functions, and what a kernel itself needs
HEAVY = (
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
FORESEEING = ("analytics.pool.boundaries",)


def main() -> None:
    """Serve the socket whose number and first imports stand in the arguments."""
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the runner to decide
    signal.signal(signal.SIGCHLD, _reap)
    for module in (*HEAVY, *sys.argv[2:]):
        with contextlib.suppress(ImportError):  # the kernel that needs it will say so
            importlib.import_module(module)
    born: set[int] = set()
    foreseen: set[str] = set()
    with line, line.makefile("rb") as requests:
        for request in requests:
            wanted = json.loads(request)
            _foresee(wanted["study"], foreseen)
            kernel = os.fork()
            if kernel == 0:
                requests.close()
                line.close()
                _become_kernel(wanted)
            born.add(kernel)
            line.sendall(f"{kernel}\n".encode())
    for kernel in born:
        with contextlib.suppress(OSError):
            os.killpg(kernel, signal.SIGKILL)


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
