"""Sends classify a topic event, which only its own sidecar may do; prints the status code."""

import grpc
from dapr.proto import appcallback_service_v1, appcallback_v1

with grpc.insecure_channel("127.0.0.1:50001") as channel:
    stub = appcallback_service_v1.AppCallbackStub(channel)
    event = appcallback_v1.TopicEventRequest(topic="images", pubsub_name="pubsub", data=b"x")
    try:
        stub.OnTopicEvent(event, metadata=(("dapr-app-id", "classify"),), timeout=10)
    except grpc.RpcError as error:
        print(error.code().name)
    else:
        print("OK")
