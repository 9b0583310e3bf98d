"""EVENTS=outbox: the answer waits for the disk, and the event for the broker."""

from collections.abc import Callable

from meshlens.daprkit.application.envelope import Envelope
from meshlens.daprkit.application.events import Answered
from meshlens.daprkit.errors import EventNotConfirmed, OutboxUnavailable
from meshlens.daprkit.outbox.publisher import Publisher
from meshlens.daprkit.outbox.store import Outbox
from meshlens.daprkit.sidecar.topic import Topic

# How long what is left may take to leave once everything is answered.
SECONDS_FOR_LAST_EVENTS = 5.0


class OutboxEvents:
    """`publish` returns when the event is in the outbox.

    Once the service drains, it returns when the broker has accepted the event, unless a later
    process will find the outbox.

    Args:
        make_outbox: opens the outbox.
        topic: of the events.
        envelope: what they have in common.
        stays: whether a later process will find the outbox.
        on_published: if given, called with each event that the broker has accepted, as JSON.
    """

    def __init__(
        self,
        make_outbox: Callable[[], Outbox],
        topic: Topic,
        envelope: Envelope,
        *,
        stays: bool,
        on_published: Callable[[bytes], None] | None = None,
    ) -> None:
        self._make_outbox = make_outbox
        self._topic = topic
        self._envelope = envelope
        self._stays = stays
        self._on_published = on_published
        self._outbox: Outbox | None = None
        self._publisher: Publisher | None = None
        self._drains = False

    def open(self) -> None:
        """Open the outbox, and begin to publish what is in it.

        Raises:
            OutboxUnusable: its folder cannot be used.
        """
        self._outbox = self._make_outbox()
        self._publisher = Publisher(self._outbox, self._topic, self._on_published)
        self._publisher.start()

    def admit(self) -> None:
        """Let a request pass whose event will have a place.

        Raises:
            OutboxFull: it would have none.
        """
        if self._outbox:
            self._outbox.admit()

    def publish(self, answered: Answered) -> None:
        """Write the outcome down.

        Raises:
            OutboxUnavailable: it cannot be written, so the caller must not get it.
            EventNotConfirmed: the service drains, the broker has not accepted it, and no other
                process will find it.
        """
        if self._outbox is None or self._publisher is None:
            raise OutboxUnavailable(
                "the outbox must be open", got="a service that has not begun", remedy="try again"
            )
        number = self._outbox.append(self._envelope.wrap(answered))
        if self._drains and not self._publisher.await_accepted(number, self._topic.timeout):
            raise EventNotConfirmed(
                "the broker must accept the event of a result within"
                f" {self._topic.timeout:g} s once the service shuts down",
                got="no answer of it" if self._topic.has_sidecar() else "no sidecar any more",
                remedy="try again; a replica or its successor answers. With OUTBOX_STAYS=true"
                " results need not wait, if a later start of the service finds OUTBOX_FOLDER",
            )

    def drain(self) -> None:
        """From now on wait for the broker, too, unless the outbox stays."""
        self._drains = not self._stays
        if self._publisher:
            self._publisher.hurry()

    def close(self) -> None:
        """Publish what the broker takes at once; the rest stays for the next process."""
        if self._publisher:
            self._publisher.close(SECONDS_FOR_LAST_EVENTS)
        if self._outbox:
            self._outbox.close()

    # What metrics show.

    def depth(self) -> int:
        """Return how many events no broker has accepted yet."""
        return self._outbox.depth if self._outbox else 0

    def measure_age(self) -> float:
        """Return the seconds since the oldest of them was written; 0 without any."""
        return self._outbox.measure_age() if self._outbox else 0.0

    def sent(self) -> int:
        """Return how many the broker has accepted."""
        return self._publisher.sent if self._publisher else 0

    def retried(self) -> int:
        """Return how many tries have failed."""
        return self._publisher.retried if self._publisher else 0
