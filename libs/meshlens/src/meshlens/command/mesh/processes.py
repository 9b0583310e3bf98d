"""A wait by condition, an end for a process with all that it started, and who listens where."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_POLL_SECONDS = 0.05
_LISTENING = "0A"

T = TypeVar("T")


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


def kill_group(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group that a process leads, and wait for the process."""
    with suppress(ProcessLookupError):  # nothing of the group is left
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()


def find_listeners() -> dict[int, Path]:
    """Return the processes that listen, as folders of /proc, by port.

    Those that Linux shows to this user; on other systems there are none.
    """
    ports = {}
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:  # not Linux, or no IPv6
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING:
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    listeners = {}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if ports else ():
        try:
            target = str(descriptor.readlink())
        except OSError:  # the process has ended, or is another user's
            continue
        if target in ports:
            listeners[ports[target]] = descriptor.parent.parent
    return listeners
