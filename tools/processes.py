"""Programs as processes: free ports for them, a wait by condition, an end for all they start."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

# Below 32768, where Linux begins to choose ports for outgoing connections.
_PORTS = range(20_000, 32_768)
_POLL_SECONDS = 0.05
_LOG_TAIL = 40

T = TypeVar("T")


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


def kill_group(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group that a process leads, and wait for the process."""
    with suppress(ProcessLookupError):  # nothing of the group is left
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()


def eventually(condition: Callable[[], T], what: str, *, within: float = 20.0) -> T:
    """Return the first true value of `condition`.

    Raises:
        TimeoutError: there was none `within` so many seconds; the message says `what`.
    """
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(_POLL_SECONDS)
    return value


def free_ports() -> Iterator[int]:
    """Yield ports that nobody listens on, each one once, from a place drawn at random."""
    start = secrets.randbelow(len(_PORTS))
    for offset in range(len(_PORTS)):
        port = _PORTS[(start + offset) % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        yield port


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of the host."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
