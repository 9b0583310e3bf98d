"""EVENTS=confirmed: the answer waits for the broker."""

from collections.abc import Callable

import grpc

from meshlens.daprkit.application.envelope import Envelope
from meshlens.daprkit.application.events import Answered
from meshlens.daprkit.errors import EventNotConfirmed
from meshlens.daprkit.sidecar.topic import Topic

_REMEDY = (
    "try again, or run the service with EVENTS=outbox, which keeps events until the broker is back"
)


class ConfirmedEvents:
    """`publish` returns after the broker has accepted the event.

    Args:
        topic: of the events.
        envelope: what they have in common.
        on_published: if given, called with each event that the broker has accepted, as JSON.
    """

    def __init__(
        self,
        topic: Topic,
        envelope: Envelope,
        *,
        on_published: Callable[[bytes], None] | None = None,
    ) -> None:
        self._topic = topic
        self._envelope = envelope
        self._on_published = on_published
        self._drains = False

    def admit(self) -> None:
        """Let every request pass: whether the broker is there is seen when it is needed."""

    def publish(self, answered: Answered) -> None:
        """Publish the outcome and wait until the broker has accepted it.

        Raises:
            EventNotConfirmed: it has not accepted it, so the caller must not get the result.
        """
        event = self._envelope.wrap(answered)
        try:
            self._topic.publish(event, wait=not self._drains)
        except grpc.RpcError as error:
            got, remedy = self._topic.explain(error, remedy=_REMEDY)
            raise EventNotConfirmed(
                f"pub/sub {self._topic.pubsub!r} must accept the event of a result within"
                f" {self._topic.timeout:g} s",
                got=got,
                remedy=f"{remedy}; EVENTS=off does without events",
            ) from error
        if self._on_published:
            self._on_published(event.data())

    def drain(self) -> None:
        """From now on wait for no sidecar that is not there: one that has left stays away."""
        self._drains = True
