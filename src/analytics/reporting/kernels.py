"""
Kernels of report runs: this environment's own, in private, and warm where they can be.

A kernel talks over sockets in a private folder (transport ``ipc``: no port is opened) and
sees neither the user's IPython profile nor other kernels' specifications, so that a
report is a function of its inputs. Where the system can fork and watch a process, kernels
are forks of a `nursery`, each used once; elsewhere they start cold.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import jupyter_client.manager  # first: provisioning needs it loaded
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from analytics.reporting import nursery


def standard_memory() -> int:
    """Nine tenths of the machine's memory, or of what its control group allows [MB]."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    allowed = ""
    with suppress(OSError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:  # noqa: PTH123
        allowed = limit.read().strip()
    most = min(machine, int(allowed)) if allowed.isdigit() else machine
    return most * 9 // 10 >> 20


def manager(
    private: Path, notebook: Path, memory: int, study: str
) -> type[jupyter_client.manager.AsyncKernelManager]:
    """
    Class of kernel managers for one run.

    Parameters
    ----------
    private : Path
        Folder for sockets and the connection file, for the runner's eyes only.
    notebook : Path
        What will run: its imports are what a warm kernel has done already.
    memory : int
        Most private memory the kernel may ask for [MB].
    study : str
        Study that the notebook will be about.
    """

    class PrivateKernel(jupyter_client.manager.AsyncKernelManager):
        """The kernel of this very environment, over sockets in a folder of our own."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(
                transport="ipc",
                connection_file=str(private / "kernel.json"),
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
                client_factory=_Listener,
                **settings,
            )
            if nursery.can_stand():
                self.provisioner = _Warm(
                    kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
                )
                self.provisioner.notebook = notebook
                self.provisioner.study = study

        async def start_kernel(  # type: ignore[override] # declared for both worlds there
            self, **settings: Any
        ) -> None:
            """Start it, and let it ask for no more memory than it may have."""
            await super().start_kernel(**settings)
            pid = getattr(self.provisioner, "pid", None)
            if pid and hasattr(resource, "prlimit"):
                most = memory << 20
                # RLIMIT_AS would also count what libraries only reserve
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))

        async def _async_wait(self, pollinterval: float = 0.005) -> None:
            """Wait for its end, looking more often than every tenth of a second."""
            await super()._async_wait(pollinterval)

    return PrivateKernel


class _Listener(AsyncKernelClient):
    """Client of a kernel that nobody else talks to: what it says first is known."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - its name there
        """
        Wait until the kernel has answered, and is heard to rest.

        A client that others may disturb waits for a silence of a fifth of a second instead.

        Raises
        ------
        RuntimeError
            If it dies, or takes longer than `timeout` [s].
        """
        latest = time.monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._rests(self.kernel_info()):
            if not await self.is_alive():
                raise RuntimeError("the kernel died before it was ready")
            if time.monotonic() > latest:
                raise RuntimeError(f"the kernel was not ready within {timeout} s")

    async def _rests(self, asked: str) -> bool:
        """Whether a question is answered, and the rest after it heard."""
        with suppress(Empty):
            reply = await self.get_shell_msg(timeout=1)
            while reply["msg_type"] != "kernel_info_reply":
                reply = await self.get_shell_msg(timeout=1)
            self._handle_kernel_info_reply(reply)
            while True:
                heard = await self.get_iopub_msg(timeout=0.2)
                rests = heard["content"].get("execution_state") == "idle"
                if rests and heard["parent_header"].get("msg_id") == asked:
                    return True
        return False


class _Fork:
    """A process that is not our child, as jupyter_client wants to see one."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self.watch = os.pidfd_open(pid)
        except ProcessLookupError:  # gone already
            self.watch = -1

    def poll(self) -> int | None:
        """None while it runs; of a process that is not our child nothing more is known."""
        if self.watch < 0:
            return -1
        if select.select([self.watch], [], [], 0)[0]:
            os.close(self.watch)
            self.watch = -1
        return None if self.watch >= 0 else -1

    def wait(self) -> int:
        """Wait for its end."""
        if self.watch >= 0:
            select.select([self.watch], [], [])
        return self.poll() or -1

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.watch >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.watch, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class _Warm(LocalProvisioner):
    """Starts a kernel as a fork of the nursery."""

    notebook = Path()
    study = ""

    async def launch_kernel(self, cmd: list[str], **settings: Any) -> Any:
        """Fork a kernel that heeds the arguments of the command it is started instead of."""
        wanted = {
            "arguments": cmd[cmd.index("ipykernel_launcher") + 1 :],
            "environment": {
                **(settings.get("env") or os.environ),
                "JPY_PARENT_PID": str(os.getpid()),
            },
            "folder": os.fspath(settings.get("cwd") or Path.cwd()),
            "study": self.study,
        }
        born = _Fork(nursery.kernel(self.notebook, wanted))
        self.process = born  # type: ignore[assignment] # all of a Popen that is asked for
        self.pid = self.pgid = born.pid  # it leads a group of its own
        self.cwd = settings.get("cwd")
        return self.connection_info
