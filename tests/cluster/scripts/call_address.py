"""Calls classify by address, like a program without a sidecar; prints the status code."""

import sys

import grpc
from dapr.proto import appcallback_service_v1, common_v1

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = appcallback_service_v1.AppCallbackStub(channel)
    names = (("dapr-app-id", "classify"), ("dapr-callee-app-id", "classify"))
    try:
        stub.OnInvoke(common_v1.InvokeRequest(method="models"), metadata=names, timeout=10)
    except grpc.RpcError as error:
        print(error.code().name)
    else:
        print("OK")
