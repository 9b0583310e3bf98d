"""The events that no broker has accepted yet: on the disk before `append` returns.

Events that come at the same time share one commit, which also removes what the broker has accepted.
The last of them stay in memory, so that what has just been written need not be read.
"""

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import structlog

from meshlens.daprkit.application.events import CloudEvent
from meshlens.daprkit.errors import OutboxFull, OutboxUnavailable
from meshlens.daprkit.outbox.file import (
    Connect,
    Entry,
    OutboxDamaged,
    OutboxFile,
    delete,
    set_aside,
)
from meshlens.daprkit.outbox.folder import Claim, claim_files
from meshlens.daprkit.outbox.group import Group
from meshlens.daprkit.outbox.recent import RecentEntries

# What is accepted may stay in the file for so long, unless an event that is added takes it along.
_REMOVE_SECONDS = 0.2
# What a full or broken disk, or a damaged file, raises.
_FAULTS = (sqlite3.Error, OutboxDamaged, OSError)

_log = structlog.get_logger(__name__)


class Outbox:
    """Events in the order in which they came, in a file of this process.

    Args:
        folder: of the file; those that dead processes have left there are taken over.
        limit: bytes from which on no request is admitted. What is at work by then still fits.
        connect: opens a database.

    Raises:
        OutboxUnusable: the folder cannot be used.
    """

    def __init__(self, folder: Path, limit: int, connect: Connect = sqlite3.connect) -> None:
        self._limit = limit
        self._connect = connect
        self._claim, left = claim_files(folder)
        # Of the database, for as long as it is used. It is taken before the other one.
        self._using = threading.Lock()
        self._file: OutboxFile | None = None
        self._fails = False
        self._group = Group(self._commit)
        self._changed = threading.Condition()
        self._recent = RecentEntries()
        self._accepted: dict[int, int] = {}
        self._accepted_since = 0.0
        self._count = self._size = self._last = 0
        self._closed = False
        try:
            with self._using:
                self._open()
                for claim in left:
                    self._adopt(claim)
        except _FAULTS as error:
            # Opening is tried again with each event.
            self._report(error)

    @property
    def depth(self) -> int:
        """The number of events that no broker has accepted yet."""
        return self._count

    def measure_age(self) -> float:
        """Return the seconds since the oldest of them was written; 0 without any.

        NaN if the disk does not say.
        """
        if not self._count:
            return 0.0
        with self._using:
            try:
                oldest = self._file and self._file.oldest()
            except _FAULTS as error:
                self._report(error)
                return math.nan
        return max(0.0, time.time() - oldest) if oldest else 0.0

    def admit(self) -> None:
        """Let a request pass whose event will have a place.

        Raises:
            OutboxFull: it would have none.
        """
        if self._size >= self._limit:
            raise OutboxFull(
                f"the events that wait for the broker must have less than {self._limit} bytes",
                got=f"{self._size} bytes in {self._count} events",
                remedy="try again once the broker takes events, or raise OUTBOX_SIZE",
            )

    def append(self, event: CloudEvent) -> int:
        """Write an event, and return its number when it will survive a loss of power.

        Raises:
            OutboxUnavailable: it is not written, as far as is known.
        """
        try:
            return self._group.add(event)
        except _FAULTS as error:
            raise OutboxUnavailable(
                "the event of a result must be written to the outbox",
                got=str(error),
                remedy="try again; the disk of the service may be full",
            ) from error

    def read(self, after: int) -> list[Entry]:
        """Return the next events after a number, a bounded number of them.

        Raises:
            OutboxUnavailable: they cannot be read.
        """
        with self._changed:
            if recent := self._recent.read(after):
                return recent
        with self._using:
            self._check_open()
            try:
                return (self._file or self._open()).read(after)
            except _FAULTS as error:
                self._shut()
                raise OutboxUnavailable(
                    "the outbox must be readable",
                    got=str(error),
                    remedy="look at the disk of the service",
                ) from error

    def await_event(self, after: int, seconds: float | None, given_up: Callable[[], bool]) -> None:
        """Wait until there is an event after a number.

        Args:
            after: the number.
            seconds: how long to wait; None for as long as it takes.
            given_up: whether nobody wants it any more, looked at again after `wake`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._last > after or given_up(), seconds)

    def wake(self) -> None:
        """Let those who wait for an event look whether somebody still wants it."""
        with self._changed:
            self._changed.notify_all()

    def remove(self, entries: Iterable[Entry]) -> None:
        """Forget events that the broker has accepted; the file follows soon.

        If the process ends before, they are published again.
        """
        with self._changed:
            if not self._accepted:
                self._accepted_since = time.monotonic()
            for entry in entries:
                self._accepted[entry.number] = entry.size
                self._count -= 1
                self._size -= entry.size

    def tidy(self) -> float | None:
        """Remove from the file what has been accepted for a while, and return when to come again.

        Returns:
            Seconds; None if there is nothing to remove.
        """
        if not self._accepted:
            return None
        left = self._accepted_since + _REMOVE_SECONDS - time.monotonic()
        if left > 0.0:
            return left
        with contextlib.suppress(*_FAULTS, OutboxUnavailable):  # reported; the next time may do
            self._commit(())
        return _REMOVE_SECONDS if self._accepted else None

    def close(self) -> None:
        """Leave the file to another process."""
        with contextlib.suppress(*_FAULTS, OutboxUnavailable):  # reported; they are sent again
            self._commit(())
        with self._using:
            self._closed = True
            self._shut()
        self._claim.release()

    def _check_open(self) -> None:
        if self._closed:
            raise OutboxUnavailable(
                "the outbox must be open", got="a service that has stopped", remedy="start it"
            )

    def _commit(self, events: Sequence[CloudEvent]) -> Sequence[int]:
        """Write events down, and remove what is accepted; return their numbers."""
        with self._using:
            self._check_open()
            try:
                return self._write(events)
            except _FAULTS as error:
                self._shut()
                self._report(error)
                raise

    def _write(self, events: Sequence[CloudEvent]) -> Sequence[int]:
        file = self._file or self._open()
        now = time.time()
        added = [Entry(number, event, now) for number, event in enumerate(events, self._last + 1)]
        with self._changed:
            accepted = tuple(self._accepted)
        file.write(added, accepted)
        self._fails = False
        with self._changed:
            self._drop(accepted)
            self._count += len(added)
            self._size += sum(entry.size for entry in added)
            self._last += len(added)
            self._recent.add(added)
            self._changed.notify_all()
        return [entry.number for entry in added]

    def _drop(self, removed: Iterable[int]) -> None:
        for number in removed:
            del self._accepted[number]
        self._accepted_since = time.monotonic()

    def _open(self) -> OutboxFile:
        """Open the file, and find out what is in it."""
        path = self._claim.path
        try:
            file = OutboxFile(path, self._connect)
        except OutboxDamaged as error:
            _set_aside(path, error)
            file = OutboxFile(path, self._connect)
        self._file = file
        with self._changed:
            accepted = tuple(self._accepted)
        if accepted:
            file.write((), accepted)
        self._take_stock(file, accepted)
        return file

    def _take_stock(self, file: OutboxFile, removed: Sequence[int] = ()) -> None:
        content = file.measure()
        with self._changed:
            self._drop(removed)
            # It may hold an event of which it is not known that it does.
            self._recent.clear()
            self._count = content.count - len(self._accepted)
            self._size = content.size - sum(self._accepted.values())
            self._last = max(self._last, content.last)
            self._changed.notify_all()

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file:
            # Nobody uses it again, whatever is wrong with it.
            with contextlib.suppress(sqlite3.Error):
                file.close()

    def _report(self, error: Exception) -> None:
        if not self._fails:
            _log.error("the outbox cannot be used", path=str(self._claim.path), error=str(error))
        self._fails = True

    def _adopt(self, claim: Claim) -> None:
        """Move the events of a dead process into the file of this one."""
        try:
            left = OutboxFile(claim.path, self._connect)
        except OutboxDamaged as error:
            _set_aside(claim.path, error)
            claim.release()
            return
        own = self._file or self._open()
        number = count = 0
        try:
            while entries := left.read(number):
                number = entries[-1].number
                count += len(entries)
                own.write(
                    Entry(place, entry.event, entry.recorded)
                    for place, entry in enumerate(entries, self._last + 1)
                )
                self._take_stock(own)
        finally:
            left.close()
        delete(claim.path)
        claim.release()
        _log.info("a dead process's events are taken over", path=str(claim.path), events=count)


def _set_aside(path: Path, error: OutboxDamaged) -> None:
    aside = set_aside(path)
    _log.error(
        "a file of the outbox is damaged: it is kept, and a new one begun",
        path=str(path),
        kept=str(aside),
        error=str(error),
    )
