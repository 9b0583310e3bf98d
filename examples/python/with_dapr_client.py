"""Sends points to pca and a picture to classify, with Dapr's Python SDK.

The SDK uses the HTTP API of the sidecar at DAPR_HTTP_PORT, which neither passes on deadlines nor
retries what an app answers; with_proxied_grpc.py does both.
"""

import json
import os
import socket
import sys
from pathlib import Path

from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprInternalError


def check_sidecar() -> None:
    """End the program if no sidecar listens; the SDK would wait for one for a minute."""
    port = os.environ.get("DAPR_HTTP_PORT", "3500")
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
    except OSError as error:
        sys.exit(f"no sidecar at 127.0.0.1:{port} ({error}); start the mesh: make run")


def main(points: str, picture: str) -> None:
    """Send both files and print what comes back."""
    with DaprClient() as mesh:
        plot = mesh.invoke_method(
            "pca",
            "plot",
            data=Path(points).read_bytes(),
            content_type="text/csv",
            http_verb="POST",
            timeout=30,
        )
        print(f"plot: {plot.content_type}, {len(plot.data)} bytes")
        answer = mesh.invoke_method(
            "classify",
            "classify",
            data=Path(picture).read_bytes(),
            content_type="image/jpeg",
            http_verb="POST",
            timeout=30,
        )
        best = json.loads(answer.data)["labels"][0]
        print(f"label: {best['label']}, p = {best['probability']:.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - the program and two files
        sys.exit("usage: with_dapr_client.py iris.csv coffee.jpg")
    check_sidecar()
    try:
        main(*sys.argv[1:])
    except DaprInternalError as error:
        sys.exit(str(error))
