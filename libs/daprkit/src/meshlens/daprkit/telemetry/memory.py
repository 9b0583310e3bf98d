"""The memory of the container that the process runs in, as its cgroup counts it (v2 or v1)."""

from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
# Without a limit, version 1 says a little less than 2**63.
_NO_LIMIT = 2**60


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of memory; None where the kernel does not say.

    Attributes:
        used: by all processes of the container, without pages that the kernel can drop, as the
            kubelet counts it.
        limit: at which the kernel ends one of them.
    """

    used: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class _Files:
    """What a version of cgroups calls its files, and the droppable pages in `memory.stat`."""

    folder: str
    used: str
    limit: str
    droppable: str


_VERSIONS = (
    _Files("", "memory.current", "memory.max", "inactive_file"),
    _Files("memory", "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
)


def read_memory(folder: Path = _CGROUP) -> Memory:
    """Return the memory of the container.

    Args:
        folder: of its cgroup.
    """
    for files in _VERSIONS:
        place = folder / files.folder
        limit = _read(place / files.limit)
        if limit is not None:
            return Memory(_read_used(place, files), _parse_limit(limit))
    return Memory(None, None)  # another kernel, or no container


def _read_used(place: Path, files: _Files) -> int | None:
    used, statistics = _read(place / files.used), _read(place / "memory.stat")
    if used is None or statistics is None:
        return None
    lines = dict(line.split(maxsplit=1) for line in statistics.splitlines())
    return max(0, int(used) - int(lines.get(files.droppable, 0)))


def _parse_limit(text: str) -> int | None:
    return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return None
