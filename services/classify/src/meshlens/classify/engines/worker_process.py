"""One worker process: started, called, watched and ended by the service."""

import itertools
import logging
import mmap
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, TypeAlias

from meshlens.classify.engines.worker_calls import GRACE_SECONDS, Calls
from meshlens.classify.engines.worker_server import KEY_BYTES
from meshlens.classify.errors import EngineCrashed, EngineGone, InvalidModel, ModelTooSlow

_GONE = (EOFError, ConnectionError, FileNotFoundError)
_END_SECONDS = 10.0
_PART_BYTES = 2 << 20
# Fields of /proc/PID/stat behind the program's name, which may have blanks. They count pages.
_GIVEN, _HELD = 7, 21
# What a model, which is a program, has no use for.
_SECRETS = frozenset({"APP_API_TOKEN", "DAPR_API_TOKEN"})
# What a program does to itself; SIGKILL comes from outside, and says nothing about the inputs.
_CRASHES = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP}
)

_log = logging.getLogger(__name__)

# Called with the reason.
OnEnd: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a process.

    Attributes:
        given: bytes that the kernel has given it so far, returned since or not.
        held: bytes that it has now.
    """

    given: int
    held: int


class WorkerProcess:
    """A Python that runs the module of a manager, and ends when this one does.

    Args:
        manager: of its module, which `worker_server.serve` is called with there.
        arguments: of the manager's `Worker`.
        runtime: what it runs, for messages.
        last: whether it computes only while nothing else wants to, and no call may take longer
            than its time.

    Attributes:
        worker: a proxy of the manager's `Worker`.
        models: how many it has.
        calls: those that it is computing.

    Raises:
        InvalidModel: it ended before it could open any.
    """

    def __init__(
        self,
        manager: type[BaseManager],
        arguments: tuple[object, ...],
        runtime: str,
        *,
        last: bool = False,
    ) -> None:
        self._runtime = runtime
        key = secrets.token_bytes(KEY_BYTES)
        self._folder = tempfile.TemporaryDirectory(prefix="classify-")
        self._child = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", manager.__module__, self._folder.name],
            env={name: value for name, value in os.environ.items() if name not in _SECRETS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C must reach only the service, which drains first. Linux's autogroup would give a
            # session of its own as much of the cores as the service, whatever priority it has.
            process_group=0,
        )
        if last:
            _let_others_go_first(self._child.pid)
        self._log = threading.Thread(target=self._log_lines, name="worker-log", daemon=True)
        self._log.start()
        self._watchers: set[OnEnd] = set()
        self._watching = threading.Lock()
        self._reason = ""
        self._numbers = itertools.count()
        self.models = 0
        self.calls = Calls(self._child.kill, grace=0 if last else GRACE_SECONDS)
        try:
            with reporting_the_end(self):
                self.worker: Any = self._connect(manager, key, arguments)
        except EngineGone as error:
            self.end()
            raise InvalidModel(str(error)) from error
        except BaseException:
            self.end()
            raise
        threading.Thread(target=self._report_the_end, name="worker-end", daemon=True).start()
        _log.info("%s runs in process %d", runtime, self._child.pid)

    def _connect(
        self, manager: type[BaseManager], key: bytes, arguments: tuple[object, ...]
    ) -> object:
        """Return its worker once it listens."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        assert self._child.stdout is not None  # noqa: S101 - the same
        with self._child.stdout as stdout:
            self._child.stdin.write(key)
            self._child.stdin.flush()
            obstacle = stdout.readline().decode().strip()
        if obstacle:
            _log.warning(
                "%s's process is not isolated (%s): a model in it can reach the network",
                self._runtime,
                obstacle,
            )
        connected = manager(f"{self._folder.name}/socket", authkey=key)
        connected.connect()
        worker: object = connected.Worker(*arguments)  # type: ignore[attr-defined] # registered by name
        return worker

    def send(self, data: bytes) -> int:
        """Send the bytes of a model; return the number that the worker knows them by.

        They go in parts: what is pickled at once holds the GIL.
        """
        number = next(self._numbers)
        for start in range(0, len(data), _PART_BYTES):
            self.worker.add(number, data[start : start + _PART_BYTES])
        return number

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def measure_memory(self) -> Memory:
        """Return its memory; none where that is not known: not on Linux, and after its end."""
        try:
            line = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return Memory(0, 0)
        fields = line.rpartition(")")[2].split()
        return Memory(*(int(fields[at]) * mmap.PAGESIZE for at in (_GIVEN, _HELD)))

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def watch(self, on_end: OnEnd) -> None:
        """Call a function once it has ended, unless `leave` comes before."""
        with self._watching:
            if not self._reason:
                self._watchers.add(on_end)
                return
        on_end(self._reason)

    def leave(self, on_end: OnEnd) -> None:
        """Call the function no more."""
        with self._watching:
            self._watchers.discard(on_end)

    def _report_the_end(self) -> None:
        self._log.join()  # its output ends with it
        reason = str(self.explain_end(None))
        with self._watching:
            self._reason = reason
            watchers = tuple(self._watchers)
        for on_end in watchers:
            on_end(reason)

    def end(self) -> None:
        """End it; when this returns its memory is free."""
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        with suppress(OSError):  # it may have ended already
            self._child.stdin.close()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self.calls.end()
        self._log.join()
        self._folder.cleanup()
        _log.info("%s's process %d has ended", self._runtime, self._child.pid)

    def explain_end(self, call: int | None) -> EngineGone:
        """Return why it ended during a call, once its connections have been closed."""
        if call is not None:
            self.calls.fail(call)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_SECONDS)
        code = self._child.poll()
        ended = f"{self._runtime}'s process {self._child.pid} has ended with code {code}"
        if call is not None and self.calls.was_late(call):
            return ModelTooSlow(
                "the model must answer within the time of the request",
                got="no answer; its process was ended",
                remedy="send less at once, or give the request more time",
            )
        if call is not None and self.calls.was_alone(call) and -(code or 0) in _CRASHES:
            return EngineCrashed(
                f"the model cannot compute with these inputs: {ended}"
                f" ({signal.Signals(-(code or 0)).name})",
                remedy="send other inputs, or correct the model; it is being restarted",
            )
        return EngineGone(ended, remedy="it is being restarted: try again in a moment")

    def _log_lines(self) -> None:
        """Log each line that the process and TensorFlow write to stderr."""
        assert self._child.stderr is not None  # noqa: S101 - for the type checker
        with self._child.stderr as stderr:
            for line in stderr:
                _log.debug(
                    "%s's process: %s", self._runtime, line.decode(errors="replace").rstrip()
                )


def _let_others_go_first(pid: int) -> None:
    """Give a process that has just begun, and all its threads to come, only what others leave."""
    with suppress(AttributeError, OSError):  # not on every platform
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def reporting_the_end(process: WorkerProcess, call: int | None = None) -> Iterator[None]:
    """Raise an EngineGone that explains the end of a process, if it ends meanwhile."""
    try:
        yield
    except _GONE as error:
        raise process.explain_end(call) from error
