"""What a sidecar sees that delivers events."""

import grpc
from contract.daprkit.toy import THINGS
from dapr.proto import appcallback_service_v1, appcallback_v1
from google.protobuf import empty_pb2


def deliver(port: int, data: bytes, **metadata: str) -> grpc.StatusCode | None:
    """Deliver an event as a sidecar does, its metadata beside it; return how it was refused."""
    request = appcallback_v1.TopicEventRequest(
        id="frame-1",
        source="camera",
        type="picture",
        data=data,
        data_content_type="application/octet-stream",
        pubsub_name="pubsub",
        topic="things",
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        try:
            stub.OnTopicEvent(request, metadata=tuple(metadata.items()))
        except grpc.RpcError as error:
            return error.code()
    return None


def test_a_sidecar_learns_of_the_subscriptions(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        (subscription,) = stub.ListTopicSubscriptions(empty_pb2.Empty()).subscriptions
    assert (subscription.pubsub_name, subscription.topic) == ("pubsub", "things")
    assert subscription.dead_letter_topic == "things-dead"


def test_an_event_is_a_request_whose_metadata_are_options(port: int) -> None:
    assert deliver(port, b"abc", color="red", weight="much") is None
    assert THINGS[-1].body == b"abc"
    assert THINGS[-1].query == {"color": "red"}
    assert THINGS[-1].content_type == "application/octet-stream"


def test_an_event_that_cannot_be_answered_is_refused_by_its_code(port: int) -> None:
    assert deliver(port, b"poison") is grpc.StatusCode.FAILED_PRECONDITION
