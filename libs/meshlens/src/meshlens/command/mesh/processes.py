"""A wait by condition, and an end for a process with all that it started."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

_POLL_SECONDS = 0.05

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
