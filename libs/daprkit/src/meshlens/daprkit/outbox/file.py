"""One file of the outbox: an SQLite database with the events that no broker has accepted yet."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from meshlens.daprkit.application.events import CloudEvent
from meshlens.daprkit.errors import DaprkitError

# Takes a path and keyword arguments, as sqlite3.connect.
Connect: TypeAlias = Callable[..., sqlite3.Connection]

# What a row takes besides its event, about.
ROW_BYTES = 256
# Of one read: what a sidecar gets at once.
MOST_EVENTS = 100
MOST_BYTES = 1024 * 1024

_VERSION = 1
_SCHEMA = """CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  body BLOB NOT NULL,
  trace TEXT NOT NULL,
  recorded REAL NOT NULL
)"""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# The database and what SQLite keeps beside it.
_SUFFIXES = ("", "-wal", "-shm")

_REMEDY = "look into the file by the program sqlite3; the service goes on with a new one"


class OutboxDamaged(DaprkitError):
    """A file of the outbox cannot be read as one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the file.

    Attributes:
        number: its place in the order.
        event: the event.
        recorded: when it was written, in seconds since the epoch.
    """

    number: int
    event: CloudEvent
    recorded: float

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return len(self.event.body) + ROW_BYTES


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file.

    Attributes:
        count: events.
        size: the bytes that they take, about.
        last: the largest number; 0 without any.
    """

    count: int
    size: int
    last: int


class OutboxFile:
    """A file that is open. It is for one thread at a time.

    Args:
        path: of the file, which is made if it is not there.
        connect: opens the database.

    Attributes:
        path: the same.

    Raises:
        OutboxDamaged: it is no file of an outbox, or not whole.
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, path: Path, connect: Connect = sqlite3.connect) -> None:
        self.path = path
        self._database = connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to report
                self._database.close()
            if isinstance(error, sqlite3.Error) and _is_damage(error):
                raise OutboxDamaged(
                    f"{path} must be an SQLite database", got=str(error), remedy=_REMEDY
                ) from error
            raise

    def measure(self) -> Content:
        """Return what is in it."""
        query = "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(max(number), 0)"
        count, size, last = self._database.execute(f"{query} FROM events").fetchone()
        return Content(count, size + count * ROW_BYTES, last)

    def write(self, added: Iterable[Entry], removed: Sequence[int] = ()) -> None:
        """Add and remove entries, all or none; afterwards that survives a loss of power.

        Raises:
            sqlite3.Error: none is added or removed, unless it was the last step that failed.
        """
        self._database.execute("BEGIN IMMEDIATE")
        # First, since on a full disk it makes room.
        self._database.executemany(
            "DELETE FROM events WHERE number BETWEEN ? AND ?", _find_runs(removed)
        )
        self._database.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (
                (
                    entry.number,
                    entry.event.identity,
                    entry.event.body,
                    json.dumps(dict(entry.event.trace)),
                    entry.recorded,
                )
                for entry in added
            ),
        )
        self._database.execute("COMMIT")

    def read(self, after: int) -> list[Entry]:
        """Return the next entries, at most MOST_EVENTS and, but for the first, MOST_BYTES."""
        rows = self._database.execute(
            "SELECT number, id, body, trace, recorded FROM events WHERE number > ?"
            " ORDER BY number LIMIT ?",
            (after, MOST_EVENTS),
        )
        entries: list[Entry] = []
        size = 0
        for number, identity, body, trace, recorded in rows:
            size += len(body)
            if entries and size > MOST_BYTES:
                break
            entries.append(Entry(number, CloudEvent(identity, body, json.loads(trace)), recorded))
        rows.close()
        return entries

    def oldest(self) -> float | None:
        """Return when the first entry was written, in seconds since the epoch; None without any."""
        query = "SELECT recorded FROM events ORDER BY number LIMIT 1"
        row = self._database.execute(query).fetchone()
        return None if row is None else float(row[0])

    def close(self) -> None:
        """Close it; an open transaction is undone."""
        self._database.close()

    def _prepare(self) -> None:
        execute = self._database.execute
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"no write-ahead log here, but {mode}")
        # With NORMAL a loss of power would undo the last commits.
        execute("PRAGMA synchronous = FULL")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise OutboxDamaged(
                f"{self.path} must be an outbox of version {_VERSION}",
                got=f"version {version}",
                remedy=_REMEDY,
            )
        faults = [fault for (fault,) in execute("PRAGMA quick_check(1)")]
        if faults != ["ok"]:
            raise OutboxDamaged(f"{self.path} must be whole", got=str(faults[0]), remedy=_REMEDY)
        execute(_SCHEMA)
        execute(f"PRAGMA user_version = {_VERSION}")
        try:
            self.measure()
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise
            raise OutboxDamaged(
                f"{self.path} must have the outbox's columns", got=str(error), remedy=_REMEDY
            ) from error


def _find_runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return numbers as first and last of those that follow one another."""
    first = last = 0
    for number in sorted(numbers):
        if number != last + 1:
            if last:
                yield first, last
            first = number
        last = number
    if last:
        yield first, last


def set_aside(path: Path) -> Path:
    """Rename a database so that it is never opened again, nor lost; return its new path."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def delete(path: Path) -> None:
    """Delete a database."""
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED
