"""The limits that the kernel sets a worker process, where it can.

While a model is loaded there are none: what loading takes is the operator's choice. Then the calls
of all its models together may take so much memory more, and none of them writes a file. What a
program asks for beyond that is refused, and it says so or dies; the service does not.
"""

import ctypes
import re
import sys
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_DATA_SIZE = re.compile(r"^VmData:\s+(\d+) kB$", re.MULTILINE)
_KIB = 1024
_UNLIMITED = -1
_SET_NO_HUGE_PAGES = 41


def forbid_dumps() -> None:
    """Let a crash leave no copy of the memory on the disk."""
    _set_soft("RLIMIT_CORE", 0)


def forbid_huge_pages() -> None:
    """Let the kernel give memory in small pages only, so that a count of pages tells bytes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_NO_HUGE_PAGES, 1, 0, 0, 0)


def lift_bounds() -> None:
    """Let a model be loaded."""
    _set_soft("RLIMIT_DATA", _UNLIMITED)
    _set_soft("RLIMIT_FSIZE", _UNLIMITED)


def bound_calls(memory: int) -> None:
    """Let calls take at most `memory` bytes beyond what is taken now, and write no files.

    Args:
        memory: bytes; 0 for no limit.
    """
    _set_soft("RLIMIT_FSIZE", 0)
    with suppress(OSError):  # not on every platform
        taken = _DATA_SIZE.search(_STATUS.read_text(encoding="ascii"))
        if memory and taken:
            _set_soft("RLIMIT_DATA", int(taken.group(1)) * _KIB + memory)


def _set_soft(name: str, limit: int) -> None:
    """Set the limit that counts; the hard one stays, so that this one can be raised again."""
    with suppress(ImportError, AttributeError, OSError, ValueError):  # not on every platform
        import resource  # noqa: PLC0415 - Unix only

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        wanted = resource.RLIM_INFINITY if limit == _UNLIMITED else limit
        beyond = hard != resource.RLIM_INFINITY and (limit == _UNLIMITED or wanted > hard)
        resource.setrlimit(kind, (hard if beyond else wanted, hard))
