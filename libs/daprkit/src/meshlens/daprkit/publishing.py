"""Where a service's events go, by its settings, and what shows them."""

from collections.abc import Callable
from pathlib import Path

from meshlens.daprkit.application.envelope import Envelope
from meshlens.daprkit.application.events import Answered, Events, NoEvents
from meshlens.daprkit.outbox.events import OutboxEvents
from meshlens.daprkit.outbox.store import Outbox
from meshlens.daprkit.settings import EventMode, ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.events import ConfirmedEvents
from meshlens.daprkit.sidecar.topic import Topic
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.traces import Spans

_FOLDER = Path(".dapr/outbox")


def make_events(
    settings: ServerSettings,
    sidecar: Sidecar,
    metrics: Metrics,
    on_published: Callable[[bytes], None] | None,
    spans: Spans | None = None,
) -> Events:
    """Return where the events go.

    Args:
        settings: of the service.
        sidecar: the app's own.
        metrics: shows what is in the outbox.
        on_published: if given, called with each event that the broker has accepted, as JSON.
        spans: creates the spans of their publication; None to create none.
    """
    envelope = Envelope(settings.app_id, settings.event_type)
    topic = Topic(
        sidecar,
        spans=spans,
        pubsub=settings.pubsub,
        topic=settings.results_topic,
        timeout=settings.publish_timeout,
    )
    match settings.events:
        case EventMode.OUTBOX:
            folder = settings.outbox_folder or _FOLDER / settings.app_id
            events = OutboxEvents(
                lambda: Outbox(folder, settings.outbox_size),
                topic,
                envelope,
                stays=settings.outbox_stays,
                on_published=on_published,
            )
            _show(metrics, events)
            return events
        case EventMode.CONFIRMED:
            return ConfirmedEvents(topic, envelope, on_published=on_published)
        case EventMode.OFF:
            return NoEvents()


def _show(metrics: Metrics, events: OutboxEvents) -> None:
    metrics.gauge(
        "events_waiting", "Events in the outbox, which no broker has accepted yet.", events.depth
    )
    metrics.gauge(
        "events_oldest_seconds", "Age of the oldest event in the outbox.", events.measure_age
    )
    metrics.count("events_sent", "Events of the outbox that a broker accepted.", events.sent)
    metrics.count(
        "events_retried", "Tries to publish that failed, to be made again.", events.retried
    )


class TracedEvents:
    """Events whose recording is a span of the request, which their publication is part of.

    Args:
        events: where they go.
        spans: creates the spans.
    """

    def __init__(self, events: Events, spans: Spans) -> None:
        self._events = events
        self._tracer = spans.provider.get_tracer(__name__)

    def admit(self) -> None:
        """Let a request pass whose outcome can be published."""
        self._events.admit()

    def publish(self, answered: Answered) -> None:
        """Publish the outcome of one request, with the guarantee of the mode."""
        with self._tracer.start_as_current_span("event", record_exception=False):
            self._events.publish(answered)

    def drain(self) -> None:
        """Learn that the service is about to stop."""
        self._events.drain()
