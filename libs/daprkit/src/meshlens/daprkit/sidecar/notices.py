"""Notices: events of a service about itself, which may be lost."""

import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grpc

from meshlens.daprkit.application.events import CloudEvent
from meshlens.daprkit.sidecar.topic import Topic

_log = logging.getLogger(__name__)


class Notices:
    """Publishes notices of one type; one that the broker does not accept is counted and lost.

    Args:
        topic: where to.
        service: the app, which is the source of the events.
        event_type: their CloudEvents type.

    Attributes:
        sent: how many the broker has accepted.
        lost: how many it has not.
    """

    def __init__(self, topic: Topic, *, service: str, event_type: str) -> None:
        self._topic = topic
        self._service = service
        self._type = event_type
        self.sent = self.lost = 0

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Publish one, and return once the broker has accepted it, or has not.

        Args:
            subject: what it is about.
            data: JSON values.
        """
        identity = str(uuid.uuid4())
        event = {
            "specversion": "1.0",
            "id": identity,
            "source": self._service,
            "type": self._type,
            "subject": subject,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
        try:
            self._topic.publish(CloudEvent(identity, json.dumps(event).encode()), wait=False)
        except grpc.RpcError as error:
            self.lost += 1
            if self.lost == 1:
                reason = self._topic.describe(error)
                _log.warning("an event %s is lost: %s; others are counted", self._type, reason)
            return
        self.sent += 1
