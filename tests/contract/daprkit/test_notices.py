"""Notices reach the broker as CloudEvents, and disturb nothing where it is away."""

import logging

import pytest
from contract.daprkit.broker import PUBSUB, Broker, serving_broker

from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.notices import Notices
from meshlens.daprkit.sidecar.topic import Topic


def notices(broker: Broker) -> Notices:
    sidecar = Sidecar(ServerSettings(app_id="toy", dapr_grpc_port=broker.port))
    topic = Topic(sidecar, pubsub=PUBSUB, topic="agreement", timeout=5.0)
    return Notices(topic, service="toy", event_type="toy.notice.v1")


def test_a_notice_says_what_it_is_about() -> None:
    with serving_broker() as broker:
        sending = notices(broker)
        sending.publish("models/m/shadow", {"agreed": 3})
        (event,) = broker.accepted
    assert (event["type"], event["source"]) == ("toy.notice.v1", "toy")
    assert (event["subject"], event["data"]) == ("models/m/shadow", {"agreed": 3})
    assert (sending.sent, sending.lost) == (1, 0)


def test_what_no_broker_accepts_is_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving_broker() as broker:
        sending = notices(broker)
        broker.down = True
        with caplog.at_level(logging.WARNING):
            sending.publish("a", {})
            sending.publish("b", {})
        broker.down = False
        sending.publish("c", {})
        assert [event["subject"] for event in broker.accepted] == ["c"]
    assert (sending.sent, sending.lost) == (1, 2)
    assert caplog.text.count("toy.notice.v1 is lost") == 1
