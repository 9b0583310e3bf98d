"""What each protocol costs a request of classify, beside the invoke method, in the same minute.

Every way sends the same picture to the same small model and reads the scores, one call at a time,
in turn with all others. The reference is the invoke method over gRPC.
"""

import argparse
import base64
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from load import Body, by_grpc, by_message, by_path
from mesh import ROOT, Mesh, Profile
from v2 import INFER, v2_body, v2_request

from meshlens.protocols.wire import tensorflow_pb2, tfserving_pb2

PICTURE = ROOT / "services/classify/samples/digit-7.png"
MODEL, INPUT = "digits", "picture"
REFERENCE = "invoke, gRPC"


def tf_request(picture: bytes) -> bytes:
    """Return the message by which TensorFlow Serving's Predict sends a picture."""
    request = tfserving_pb2.PredictRequest()
    request.model_spec.name = MODEL
    tensor = request.inputs[INPUT]
    tensor.dtype = tensorflow_pb2.DT_STRING
    tensor.tensor_shape.dim.add(size=1)
    tensor.string_val.append(picture)
    return request.SerializeToString()


def tf_body(picture: bytes) -> bytes:
    """Return the body by which TensorFlow Serving's REST sends a picture."""
    return json.dumps({"instances": [{"b64": base64.b64encode(picture).decode()}]}).encode()


def find_ways(mesh: Mesh, picture: bytes) -> dict[str, Any]:
    """Return each way to send a picture, by its name, the reference first."""
    app, listener = mesh.app_port("classify"), mesh.listener_port("classify")
    predict, infer = f"models/{MODEL}/predict", f"v2/models/{MODEL}/infer"
    serving = f"v1/models/{MODEL}:predict"
    binary, length = v2_body(INPUT, picture)
    return {
        REFERENCE: by_grpc(app, Body("classify", predict, picture, "image/png")),
        "invoke, listener": by_path(listener, f"/{predict}", picture, {}),
        "V2, gRPC": by_message(app, INFER, v2_request(MODEL, INPUT, picture)),
        "V2, listener": by_path(listener, f"/{infer}", binary, length),
        "TF Serving, gRPC": by_message(
            app, "/tensorflow.serving.PredictionService/Predict", tf_request(picture)
        ),
        "TF Serving, listener": by_path(listener, f"/{serving}", tf_body(picture), {}),
    }


def measure(ways: dict[str, Callable[[], object]], rounds: int, calls: int) -> None:
    """Print the median microseconds of each way, and how they compare with the reference."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, call in ways.items():
            for _ in range(calls):
                started = time.perf_counter()
                call()
                if number:  # the first round warms up
                    seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(each) * 1e6 for name, each in seconds.items()}
    print(f"{'way':24} {'us':>8} {'beside':>8} {'ratio':>6}")
    for name, median in medians.items():
        ground = medians[REFERENCE]
        print(f"{name:24} {median:8.0f} {median - ground:+8.0f} {median / ground:6.2f}")


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--calls", type=int, default=50)
    options = arguments.parse_args()
    picture = PICTURE.read_bytes()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = {"classify": {"EVENTS": "off"}}
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, env=env, listens=True))
        ways = find_ways(mesh, picture)
        print(f"classify {MODEL} {PICTURE.name}, EVENTS=off, one caller, no sidecar between")
        measure(
            {name: stack.enter_context(way) for name, way in ways.items()},
            options.rounds,
            options.calls,
        )


if __name__ == "__main__":
    main()
