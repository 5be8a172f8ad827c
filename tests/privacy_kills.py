"""
A process that does one deed of the privacy floor in a child and kills it at a chosen moment.

Run as a script it reads lines ``<deed> <folder> <moment>`` and answers each with the child's
exit code, or -9 if it was killed. A moment is the number of the file-system call before
which the child dies (``3``), or a time in seconds after which it is killed (``0.0125``).
``count`` lets it live and answers with the number of its file-system calls.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

DAYS = [date(2020, 2, day) for day in (1, 2, 3)]
seen = 0
STEPS = ("fsync", "replace", "link", "unlink", "mkdir", "open")


def identifiers() -> object:
    """Forty resident IDs, half of them of 15 digits."""
    import pyarrow as pa

    old = [f"4201025{number % 10}0101{number:03d}" for number in range(20)]
    return pa.array([*old, *(f"420102196{number % 10}0101{number:04d}" for number in range(20))])


def create(_folder: Path) -> None:
    """Make a key ring."""
    from analytics.privacy import keys

    keys.create("wuhan")


def rotate(folder: Path) -> None:
    """Begin a new generation with crosswalks."""
    from analytics.privacy import crosswalk, keys

    crosswalk.rotate(folder / "vault", keys.load("wuhan"), identifiers())


def purge(folder: Path) -> None:
    """Destroy two of three days."""
    from analytics.privacy import keys, retention

    retention.purge(folder / "vault", DAYS[2], keys.load("wuhan"))


def seal(folder: Path) -> None:
    """Seal a file from the inbox."""
    from analytics.privacy import keys, vault

    vault.seal(folder / "vault", folder / "inbox", "new/cases", DAYS[2], keys.load("wuhan"))


def record(folder: Path) -> None:
    """Write audit entries, and note each that was acknowledged."""
    from analytics.privacy import audit

    with (folder / "acknowledged").open("a") as acknowledged:
        for _ in range(20):
            head = audit.record(folder / "audit.jsonl", "read", "cases", role="clerk")
            acknowledged.write(f"{head}\n")
            acknowledged.flush()


DEEDS = {deed.__name__: deed for deed in (create, rotate, purge, seal, record)}


def _die_before(step: int) -> None:
    """Replace the calls that change a file system by ones that count, and die at one."""
    global seen  # noqa: PLW0603 - of this child only
    seen = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*arguments: Any, **options: Any) -> Any:
            global seen  # noqa: PLW0603
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return instead

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def _child(deed: str, folder: Path, moment: str) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        if "." not in moment:
            _die_before(0 if moment == "count" else int(moment))
        try:
            DEEDS[deed](folder)
        except BaseException as error:  # noqa: BLE001 - the child must never return
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os.write(writing, str(seen).encode())
        os._exit(0)
    os.close(writing)
    if "." in moment:
        time.sleep(float(moment))
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reading) as counted:
        return int(counted.read()) if moment == "count" and code == 0 else code


def serve() -> None:
    """Answer each line with what became of the child it asks for."""
    for line in sys.stdin:
        deed, folder, moment = line.split()
        sys.stdout.write(f"{_child(deed, Path(folder), moment)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    # Imported once, before the children; nothing here starts a thread.
    import filelock  # noqa: F401
    import pyarrow.acero
    import pyarrow.compute  # noqa: F401
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: F401
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: F401

    from analytics.privacy import crosswalk, pseudonyms, retention  # noqa: F401

    pseudonyms.canonical(identifiers())
    serve()
