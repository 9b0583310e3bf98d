"""Real databases on disks that break on purpose, and events to keep in them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meshlens.daprkit.application.events import CloudEvent
from meshlens.daprkit.outbox.file import Entry, OutboxFile


class Disk:
    """Opens databases whose operations fail by their number, counted over all of them.

    Args:
        fails: whether the operation of this number fails.
    """

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.fails = fails
        self.operations = 0

    def connect(self, path: Path, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 - sqlite3's own
        self._operate()
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:  # noqa: ANN401 - sqlite3's own
                disk._operate()
                return super().execute(*arguments)

            def executemany(self, *arguments: Any) -> sqlite3.Cursor:  # noqa: ANN401 - sqlite3's own
                disk._operate()
                return super().executemany(*arguments)

        return sqlite3.connect(path, factory=Connection, **options)

    def _operate(self) -> None:
        self.operations += 1
        if self.fails(self.operations):
            raise sqlite3.OperationalError("disk I/O error")


def connect_small(pages: int) -> Callable[..., sqlite3.Connection]:
    """Return what opens databases on a disk with room for so many pages."""

    def connect(path: Path, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 - sqlite3's own
        database: sqlite3.Connection = sqlite3.connect(path, **options)
        database.execute(f"PRAGMA max_page_count = {pages}")
        return database

    return connect


def event(name: object, size: int = 20) -> CloudEvent:
    return CloudEvent(f"{name}", b'{"data": "%s"}' % (b"x" * size), {"traceparent": f"00-{name}"})


def kept(path: Path) -> list[str]:
    """Return the ids of the events in a file, in their order."""
    file = OutboxFile(path)
    try:
        entries: list[Entry] = []
        while more := file.read(entries[-1].number if entries else 0):
            entries += more
        return [entry.event.identity for entry in entries]
    finally:
        file.close()
