"""Calls the tutorial's model: does someone with this cadence walk, jog or run?

DAPR_HTTP_PORT is the sidecar to call; Dapr sets it for every app.
"""

import argparse
import json
import os
import socket
import sys
import time
from typing import Any

from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprInternalError

GAITS = ("walk", "jog", "run")


def predict(mesh: DaprClient, cadence: float) -> dict[str, Any]:
    """Return the answer of classify."""
    answer = mesh.invoke_method(
        "classify",
        "models/gait/predict",
        data=json.dumps({"inputs": {"cadence": [[cadence]]}}),
        content_type="application/json",
        http_verb="POST",
        timeout=10,
    )
    prediction: dict[str, Any] = json.loads(answer.data)
    return prediction


def report(prediction: dict[str, Any]) -> str:
    """Print the most likely gait and return the version that answered."""
    (probabilities,) = prediction["outputs"]["probabilities"]
    probability, gait = max(zip(probabilities, GAITS, strict=True))
    version = str(prediction["version"])
    print(f"version {version}: {gait}, p = {probability:.2f}", flush=True)
    return version


def main(cadence: float, until: str | None) -> None:
    """Call once, or repeatedly until the given version answers."""
    with DaprClient() as mesh:
        version = report(predict(mesh, cadence))
        while until and version != until:
            time.sleep(0.05)
            prediction = predict(mesh, cadence)
            if prediction["version"] != version:
                version = report(prediction)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Call the tutorial's model.")
    parser.add_argument("cadence", type=float, help="steps per minute")
    parser.add_argument("--until", metavar="VERSION", help="call until this version answers")
    options = parser.parse_args()
    port = os.environ.get("DAPR_HTTP_PORT", "3500")
    try:
        # Else the SDK waits for a sidecar for a minute.
        socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
        main(options.cadence, options.until)
    except OSError as error:
        sys.exit(f"no sidecar at 127.0.0.1:{port} ({error}); start the mesh, then set the port")
    except DaprInternalError as error:
        sys.exit(str(error))
