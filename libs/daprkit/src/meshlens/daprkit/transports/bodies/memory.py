"""How many bytes of bodies may be in memory at the same time, whatever carries them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from meshlens.daprkit.errors import TooManyBytes

# Of a container's limit, less kept answers, bodies may take so much. What is made of them takes
# several times as much: protobuf's copies, decoded pictures, tables.
_SHARE = 8


@dataclass(slots=True)
class Share:
    """What one request holds of it, in bytes; or one message after the other of a stream."""

    memory: "Memory"
    held: int = 0

    def add(self, size: int) -> None:
        """Hold more for a body that is on its way.

        Raises:
            TooManyBytes: there is no room.
        """
        self.memory.take(size, self.held)
        self.held += size

    def give_back(self) -> None:
        """Hold nothing any more: what it held is answered, and may be followed by another."""
        self.memory.give_back(self.held)
        self.held = 0

    def hold(self, size: int) -> None:
        """Hold more for an answer, room or not: it is there already."""
        self.memory.take(size)
        self.held += size


@dataclass(slots=True)
class Memory:
    """Counts the bytes of all requests, from any thread.

    Attributes:
        limit: how many bytes there may be.
        held: how many there are.
    """

    limit: int
    held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Count the bytes of one request until it ends."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def check(self) -> None:
        """Let a body come whose size is not known yet.

        Raises:
            TooManyBytes: there is no room for any.
        """
        if self.held >= self.limit:
            raise TooManyBytes(self.limit)

    def take(self, size: int, own: int | None = None) -> None:
        """Hold bytes.

        Args:
            size: how many.
            own: how many their request holds already. A request that is alone has room: whether its
                body is too large is not for others to say. If not given, there need be no room.

        Raises:
            TooManyBytes: there is no room.
        """
        with self._lock:
            if own is not None and self.held > own and self.held + size > self.limit:
                raise TooManyBytes(self.limit)
            self.held += size

    def give_back(self, size: int) -> None:
        """Hold bytes no more."""
        with self._lock:
            self.held -= size


def choose_limit(largest: int, places: int, container: int | None, *, kept: int = 0) -> int:
    """Return the bytes that bodies may take together.

    Args:
        largest: size of the largest body.
        places: requests that may be in the service.
        container: bytes that the process may take in all; None if there is no limit.
        kept: bytes of them that answers may take while they are kept, from which nothing is made.
    """
    most = largest * places
    if container is not None:
        most = min(most, (container - kept) // _SHARE)
    return max(most, largest)
