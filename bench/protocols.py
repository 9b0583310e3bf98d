"""What each protocol costs a request of classify, beside the invoke method, in the same minute.

Every way sends the same picture to the same small model and reads the scores, one call at a time,
in turn with all others. The reference is the invoke method over gRPC.
"""

import argparse
import base64
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
from load import Body, Call, by_grpc
from mesh import ROOT, Mesh, Profile

from meshlens.protocols.inference.rpc.inference import INFERENCE
from meshlens.protocols.wire import inference_pb2, tensorflow_pb2, tfserving_pb2

PICTURE = ROOT / "services/classify/samples/digit-7.png"
MODEL, INPUT = "digits", "picture"
REFERENCE = "invoke, gRPC"
LENGTH = "inference-header-content-length"


def v2_request(picture: bytes) -> bytes:
    """Return the message by which V2 over gRPC sends a picture."""
    request = inference_pb2.ModelInferRequest(model_name=MODEL)
    request.inputs.add(name=INPUT, datatype="BYTES", shape=[1])
    request.raw_input_contents.append(len(picture).to_bytes(4, "little") + picture)
    return request.SerializeToString()


def v2_body(picture: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers by which V2 over REST sends a picture."""
    data = len(picture).to_bytes(4, "little") + picture
    sent = {
        "name": INPUT,
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [sent], "parameters": {"binary_data_output": True}}).encode()
    return head + data, {LENGTH: str(len(head))}


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


@contextmanager
def by_message(port: int, method: str, message: bytes) -> Iterator[Call]:
    """Call a method of a gRPC service on the app's own port."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        yield lambda: call(message)


@contextmanager
def by_listener(port: int, method: str, body: bytes, headers: dict[str, str]) -> Iterator[Call]:
    """Call a method by its path on the app's own listener for HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def call() -> None:
        connection.request("POST", f"/{method}", body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{method} answered {response.status}: {text[:200]!r}")

    yield call
    connection.close()


def find_ways(mesh: Mesh, picture: bytes) -> dict[str, Any]:
    """Return each way to send a picture, by its name, the reference first."""
    app, listener = mesh.app_port("classify"), mesh.listener_port("classify")
    predict, infer = f"models/{MODEL}/predict", f"v2/models/{MODEL}/infer"
    serving = f"v1/models/{MODEL}:predict"
    binary, length = v2_body(picture)
    return {
        REFERENCE: by_grpc(app, Body("classify", predict, picture, "image/png")),
        "invoke, listener": by_listener(listener, predict, picture, {}),
        "V2, gRPC": by_message(app, f"/{INFERENCE}/ModelInfer", v2_request(picture)),
        "V2, listener": by_listener(listener, infer, binary, length),
        "TF Serving, gRPC": by_message(
            app, "/tensorflow.serving.PredictionService/Predict", tf_request(picture)
        ),
        "TF Serving, listener": by_listener(listener, serving, tf_body(picture), {}),
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
