"""How many bytes of bodies may be in memory at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from meshlens.daprkit.errors import TooManyBytes


@dataclass(slots=True)
class Share:
    """What one request holds of it, in bytes."""

    memory: "Memory"
    held: int = 0

    def add(self, size: int) -> None:
        """Hold more for a body that is on its way.

        Raises:
            TooManyBytes: there is no room.
        """
        if self.memory.held + size > self.memory.limit:
            raise TooManyBytes(self.memory.limit)
        self.hold(size)

    def hold(self, size: int) -> None:
        """Hold more for an answer, room or not: it is there already."""
        self.held += size
        self.memory.held += size


@dataclass(slots=True)
class Memory:
    """Counts the bytes of all requests. Used by one thread.

    Attributes:
        limit: how many bytes there may be.
        held: how many there are.
    """

    limit: int
    held: int = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Count the bytes of one request until it ends."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held
