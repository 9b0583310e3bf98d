"""Sends points to pca and a picture to classify, by proxied gRPC.

It calls OnInvoke on its own sidecar, with the app's name in the metadata: the only way that passes
the deadline on to the app and has the sidecar retry. It needs grpcio and the stubs of Dapr's SDK,
and nothing from the app.
"""

import json
import os
import sys
from pathlib import Path

import grpc
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf.any_pb2 import Any

# The sidecars limit the size of messages; gRPC's default limit, 4 MiB, is lower.
_MAX_MESSAGE = 32 * 1024 * 1024


def invoke(
    mesh: appcallback_service_v1.AppCallbackStub, app: str, method: str, kind: str, path: str
) -> common_v1.InvokeResponse:
    """Send a file to a method of an app and return the answer."""
    answer: common_v1.InvokeResponse = mesh.OnInvoke(
        common_v1.InvokeRequest(
            method=method, data=Any(value=Path(path).read_bytes()), content_type=kind
        ),
        metadata=[("dapr-app-id", app)],
        timeout=30,
    )
    return answer


def main(points: str, picture: str) -> None:
    """Send both files and print what comes back."""
    sidecar = f"127.0.0.1:{os.environ.get('DAPR_GRPC_PORT', '3511')}"
    options = [("grpc.max_receive_message_length", _MAX_MESSAGE)]
    with grpc.insecure_channel(sidecar, options) as channel:
        mesh = appcallback_service_v1.AppCallbackStub(channel)
        plot = invoke(mesh, "pca", "plot", "text/csv", points)
        print(f"plot: {plot.content_type}, {len(plot.data.value)} bytes")
        answer = json.loads(invoke(mesh, "classify", "classify", "image/jpeg", picture).data.value)
        best = answer["labels"][0]
        print(f"label: {best['label']}, p = {best['probability']:.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - the program and two files
        sys.exit("usage: with_proxied_grpc.py iris.csv coffee.jpg")
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:  # without a mesh: UNAVAILABLE, and the address that refused
        sys.exit(f"{error.code().name}: {error.details()}")
