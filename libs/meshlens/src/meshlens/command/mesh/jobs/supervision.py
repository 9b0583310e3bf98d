"""Keeps programs running: what ends is started again, until all are to end."""

import contextlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

from meshlens.command.mesh.processes import kill_group

_LOOK_SECONDS = 0.2
# Before a program that has ended is started again, so that one that cannot run does not spin.
_PAUSE_SECONDS = 1.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running.

    Attributes:
        name: for its log.
        command: its words.
        env: its whole environment.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]


class Supervisor:
    """Keeps some programs running, from `start` to `close`.

    Args:
        folder: they work in.
        logs: folder for what they write.
        programs: in the order in which they start; they end the other way round.
    """

    def __init__(self, folder: Path, logs: Path, programs: Sequence[Program]) -> None:
        self._folder = folder
        self._logs = logs
        self._programs = tuple(programs)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start all programs, and begin to watch them."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for program in self._programs:
            self._launch(program)
        self._thread.start()

    def close(self) -> None:
        """End all programs; what does not end within seconds is killed."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for program in reversed(self._programs):
            running = self._running.get(program.name)
            if running:
                running.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(_STOP_SECONDS)
                kill_group(running)

    def pid(self, name: str) -> int:
        """Return the process id that a program has now."""
        with self._lock:
            return self._running[name].pid

    def log(self, name: str) -> str:
        """Return all that a program has written."""
        path = self._log(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.txt"

    def _launch(self, program: Program) -> None:
        # Where this process is killed hard, the kernel ends what it has started.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self._log(program.name).open("ab") as log:
            started = subprocess.Popen(  # noqa: S603 - Dapr's programs and our own
                [*guard, *program.command],
                cwd=self._folder,
                env=dict(program.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # out of Ctrl-C's reach: `close` ends it in its turn
            )
        with self._lock:
            self._running[program.name] = started

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for program in self._programs:
                if self._running[program.name].poll() is None:
                    continue
                if self._stopping.wait(_PAUSE_SECONDS):
                    return
                self._launch(program)
