"""Programs that tests start: each with a log, and an end for all it starts."""

import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from meshlens.command.mesh.ports import free_ports
from meshlens.command.mesh.processes import eventually, kill_group

__all__ = ["Process", "eventually", "free_ports", "is_listening", "running_in"]

_LOG_TAIL = 40


class Process:
    """One program that leads a session of its own; its output goes to a file."""

    def __init__(
        self, name: str, command: Sequence[str], *, folder: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.may_end = False
        self.log_path = folder / f"{name}.log"
        # Where a test run is killed hard, the kernel ends what it started.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(  # noqa: S603 - the caller's own program
                [*guard, *command],
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._child.poll()

    def log(self, lines: int | None = None) -> str:
        """Return what it wrote, or the last `lines` of it."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            written = log.read().decode(errors="replace").splitlines()
        return "\n".join(written if lines is None else written[-lines:])

    def terminate(self) -> None:
        """Send SIGTERM to the program alone, as an orchestrator does."""
        self.may_end = True
        self._child.terminate()

    def wait(self, seconds: float) -> int:
        """Return the exit code once it has ended.

        Raises:
            TimeoutError: it still runs after `seconds`.
        """
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"{self.name} still runs {seconds} s after its signal:\n{self.log(_LOG_TAIL)}"
            ) from None

    def kill(self) -> None:
        """Kill it and all that it started."""
        self.may_end = True
        kill_group(self._child)


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of the host."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def running_in(folder: Path) -> list[str]:
    """The command lines of processes whose working directory is in a folder, even a deleted one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(folder)):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue  # it has just ended, or is a zombie that its parent has yet to collect
    return found
