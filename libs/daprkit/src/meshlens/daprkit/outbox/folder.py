"""The folder of an outbox: each process has a file in it of its own, for as long as it lives.

The lock of a file ends with its process, however that ends. So a file that nobody has locked is a
new process's to take over, with the events of the one before.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meshlens.daprkit.errors import OutboxUnusable

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is this process's alone.

    Attributes:
        path: of the database, which need not be there.
        lock: descriptor that holds the lock.
    """

    path: Path
    lock: int

    def release(self) -> None:
        """Leave it to others."""
        os.close(self.lock)


def claim_files(folder: Path) -> tuple[Claim, list[Claim]]:
    """Return a file for this process, and those that dead ones have left beside it.

    Raises:
        OutboxUnusable: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = next(_claim(folder, range(_MOST)))
        left = sorted(int(path.stem) for path in folder.glob("*.db") if path.stem.isdecimal())
        return own, list(_claim(folder, [number for number in left if number < _MOST]))
    except OSError as error:
        raise OutboxUnusable(
            "OUTBOX_FOLDER must be a folder on a local disk that the service may write to",
            got=f"{folder}: {error.strerror}",
            remedy="name another, or run the service with EVENTS=confirmed or EVENTS=off",
        ) from error
    except StopIteration:
        raise OutboxUnusable(
            f"at most {_MOST} services may share an OUTBOX_FOLDER",
            got=str(folder),
            remedy="name another for each replica",
        ) from None


def _claim(folder: Path, numbers: range | list[int]) -> Iterator[Claim]:
    for number in numbers:
        lock = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            yield Claim(folder / f"{number}.db", lock)
