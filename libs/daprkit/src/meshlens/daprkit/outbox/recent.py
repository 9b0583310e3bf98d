"""The last entries of the outbox, in memory: what was just written need not be read again."""

from collections import deque
from collections.abc import Iterable

from meshlens.daprkit.outbox.file import MOST_BYTES, MOST_EVENTS, Entry


class RecentEntries:
    """Entries that follow one another, as many as one read of the file has at most."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Keep entries that follow those kept so far; the first are forgotten at the bound."""
        for entry in entries:
            self._entries.append(entry)
            self._bytes += entry.size
        while len(self._entries) > MOST_EVENTS or self._bytes > MOST_BYTES:
            self._forget_first()

    def read(self, after: int) -> list[Entry]:
        """Return those after a number, and forget the others.

        Returns:
            Nothing if the next one is not kept.
        """
        while self._entries and self._entries[0].number <= after:
            self._forget_first()
        if self._entries and self._entries[0].number == after + 1:
            return list(self._entries)
        return []

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._bytes = 0

    def _forget_first(self) -> None:
        self._bytes -= self._entries.popleft().size
