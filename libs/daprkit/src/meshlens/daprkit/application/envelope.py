"""Result events as CloudEvents."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from opentelemetry import propagate

from meshlens.daprkit.application.events import Answered, CloudEvent
from meshlens.daprkit.application.result_event import encode_event, make_event


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the events of a service have in common.

    Attributes:
        service: its name, their source.
        event_type: their CloudEvents type.
    """

    service: str
    event_type: str

    def wrap(self, answered: Answered) -> CloudEvent:
        """Return the event of one request, in the trace that is current."""
        trace: dict[str, str] = {}
        propagate.inject(trace)
        attributes = {
            "specversion": "1.0",
            "id": answered.identity,
            "source": self.service,
            "type": self.event_type,
            "subject": answered.method,
            # A sidecar would set the time of publication, which may be much later.
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            **{name: value for name, value in trace.items() if name.startswith("trace")},
        }
        if "traceparent" in trace:
            # Without this older name of it the sidecar replaces it.
            attributes["traceid"] = trace["traceparent"]
        data = encode_event(make_event(answered.identity, self.service, answered))
        head = json.dumps(attributes).encode()
        return CloudEvent(answered.identity, b'%s, "data": %s}' % (head[:-1], data), trace)
