"""Publishes what is in the outbox, in its order, for as long as it takes.

An event goes out once the one before it is accepted. If the broker refuses one again and again, the
last that it has accepted is sent once more: if it takes that, which its consumers drop by its id,
the fault is the event's own, and it is tried alone beside the others. A component that takes many
events as one gets them so.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import structlog

from meshlens.daprkit.errors import OutboxUnavailable
from meshlens.daprkit.outbox.file import Entry
from meshlens.daprkit.outbox.store import Outbox
from meshlens.daprkit.sidecar.topic import Topic

# Failures in a row after which the fault may be the event's own.
_PATIENCE = 3
# The same if none was accepted yet, so that the one behind it must be sent before its turn.
_LONG_PATIENCE = 10
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_MOST_DOUBLINGS = 30
# Of an event that the broker refuses while it takes others.
_LONGEST_PAUSE_ALONE = 300.0
_HURRIED_PAUSE = 0.2

_log = structlog.get_logger(__name__)


def choose_pause(failures: int, longest: float) -> float:
    """Return the seconds before the next try: twice as many each time, and by chance fewer."""
    chance = random.uniform(0.5, 1.0)  # noqa: S311 - it spreads tries, and hides nothing
    return chance * min(longest, _SHORTEST_PAUSE * 2.0 ** min(failures, _MOST_DOUBLINGS))


@dataclass(slots=True)
class _Alone:
    """An event that the broker has refused while it took others.

    Attributes:
        entry: the event.
        failures: how often.
        due: when it is tried again, as `time.monotonic` counts.
    """

    entry: Entry
    failures: int
    due: float


class Publisher:
    """Publishes the events of an outbox, by a thread of its own.

    Args:
        outbox: the events.
        topic: where they go.
        on_published: if given, called with each event that the broker has accepted, as JSON.

    Attributes:
        sent: events that the broker has accepted.
        retried: tries that have failed.
    """

    def __init__(
        self, outbox: Outbox, topic: Topic, on_published: Callable[[bytes], None] | None = None
    ) -> None:
        self.sent = self.retried = 0
        self._outbox = outbox
        self._topic = topic
        self._on_published = on_published
        self._changed = threading.Condition()
        # Every event up to it is accepted, or tried alone.
        self._cursor = 0
        self._alone: dict[int, _Alone] = {}
        self._last: Entry | None = None
        # Tries in a row after which no event was accepted.
        self._failures = 0
        self._down_since: float | None = None
        self._hurried = self._woken = False
        # Tries in a hurry that found no sidecar.
        self._absences = 0
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="outbox-publisher", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def hurry(self) -> None:
        """From now on make short pauses only."""
        with self._changed:
            self._hurried = self._woken = True
            self._changed.notify_all()

    def await_accepted(self, number: int, seconds: float) -> bool:
        """Wait until the broker has accepted an event; return whether it has.

        Args:
            number: of the event.
            seconds: how long to wait at most. In a hurry, a try that finds no sidecar ends it: one
                that leaves with the service does not come back.
        """
        with self._changed:
            absences = self._absences
            self._changed.wait_for(
                lambda: self._has_accepted(number) or self._absences > absences, seconds
            )
            return self._has_accepted(number)

    def close(self, seconds: float) -> None:
        """Publish what the broker takes within `seconds`, and end.

        A try that fails ends it at once: what is left stays in the outbox.
        """
        with self._changed:
            self._deadline = time.monotonic() + seconds
            self._woken = True
            self._changed.notify_all()
        self._outbox.wake()
        self._thread.join(seconds)
        if self._outbox.depth:
            _log.warning("events wait for the next start", events=self._outbox.depth)

    def _run(self) -> None:
        while True:
            pause = self._publish_next()
            with self._changed:
                if self._deadline is not None and (pause or not self._outbox.depth):
                    return
                if pause:
                    longest = _HURRIED_PAUSE if self._hurried else pause
                    self._changed.wait_for(lambda: self._woken, min(pause, longest))
                    self._woken = False

    def _publish_next(self) -> float:
        """Publish what is due; return the seconds to wait before the next try."""
        tidy = self._outbox.tidy()
        for alone in [it for it in self._alone.values() if it.due <= time.monotonic()]:
            self._try_alone(alone)
        try:
            batch = self._outbox.read(self._cursor)
        except OutboxUnavailable as error:
            _log.error("the outbox cannot be read", error=str(error))
            return choose_pause(_PATIENCE, _LONGEST_PAUSE)
        if batch:
            return self._publish(batch)
        if self._deadline is None:
            due = min((it.due for it in self._alone.values()), default=None)
            due_seconds = None if due is None else max(0.0, due - time.monotonic())
            seconds = min((it for it in (due_seconds, tidy) if it is not None), default=None)
            self._outbox.await_event(self._cursor, seconds, lambda: self._deadline is not None)
            return 0.0
        # The rest is refused on its own, and has just been tried.
        return _SHORTEST_PAUSE

    def _publish(self, batch: Sequence[Entry]) -> float:
        try:
            at_once = self._failures < _PATIENCE and self._topic.takes_bulk()
            fault = self._publish_at_once(batch) if at_once else self._publish_singly(batch)
        except grpc.RpcError as error:
            fault = self._topic.describe(error)
        if not fault:
            return 0.0
        self._note_failure()
        self._failures += 1
        if self._down_since is None:
            self._down_since = time.monotonic()
            _log.warning(
                "the broker takes no events; they wait in the outbox",
                pubsub=self._topic.pubsub,
                error=fault,
                events=self._outbox.depth,
            )
        return choose_pause(self._failures, _LONGEST_PAUSE)

    def _publish_at_once(self, batch: Sequence[Entry]) -> str:
        """Publish events by one call; return why not all of them are settled."""
        refusals = self._topic.publish_all({str(entry.number): entry.event for entry in batch})
        refused: list[Entry] = []
        for entry in batch:
            if str(entry.number) in refusals:
                refused.append(entry)
                continue
            for each in refused:
                self._set_apart(each, refusals[str(each.number)])
            refused.clear()
            self._accept(entry)
        return refusals[str(refused[0].number)] if refused else ""

    def _publish_singly(self, batch: Sequence[Entry]) -> str:
        """Publish events one by one; return why not all of them are settled."""
        for place, entry in enumerate(batch):
            fault = self._send(entry)
            if fault and self._takes_another(batch[place + 1 :]):
                fault = self._send(entry)
                if fault:
                    self._set_apart(entry, fault)
                    continue
            if fault:
                return fault
            self._accept(entry)
            if self._is_over():
                break
        return ""

    def _takes_another(self, behind: Sequence[Entry]) -> bool:
        """Whether the broker takes another event than the one that it has refused."""
        if self._last and self._failures >= _PATIENCE:
            return not self._send(self._last)
        if behind and self._failures >= _LONG_PATIENCE:
            return not self._send(behind[0])
        return False

    def _send(self, entry: Entry) -> str:
        """Publish an event; return why it is not accepted."""
        try:
            self._topic.publish(entry.event, wait=False)
        except grpc.RpcError as error:
            return self._topic.describe(error)
        return ""

    def _accept(self, entry: Entry) -> None:
        self._last = entry
        self._failures = 0
        with self._changed:
            self._cursor = entry.number
        self._settle(entry)

    def _set_apart(self, entry: Entry, fault: str) -> None:
        self.retried += 1
        with self._changed:
            self._alone[entry.number] = _Alone(entry, 1, time.monotonic())
            self._cursor = entry.number
        _log.warning("the broker refuses an event", id=entry.event.identity, error=fault)

    def _try_alone(self, alone: _Alone) -> None:
        if not self._send(alone.entry):
            with self._changed:
                del self._alone[alone.entry.number]
            self._settle(alone.entry)
            return
        self._note_failure()
        alone.failures += 1
        alone.due = time.monotonic() + choose_pause(alone.failures, _LONGEST_PAUSE_ALONE)

    def _note_failure(self) -> None:
        self.retried += 1
        if self._hurried and not self._topic.has_sidecar():
            with self._changed:
                self._absences += 1
                self._changed.notify_all()

    def _has_accepted(self, number: int) -> bool:
        return self._cursor >= number and number not in self._alone

    def _settle(self, entry: Entry) -> None:
        self._outbox.remove([entry])
        self.sent += 1
        with self._changed:
            self._changed.notify_all()
        if self._down_since is not None:
            seconds, self._down_since = time.monotonic() - self._down_since, None
            _log.info(
                "the broker takes events again",
                pubsub=self._topic.pubsub,
                seconds=round(seconds, 1),
                events=self._outbox.depth,
            )
        if self._on_published:
            self._on_published(entry.event.data())

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline
