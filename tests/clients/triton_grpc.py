# /// script
# requires-python = ">=3.11"
# dependencies = ["tritonclient[grpc]==2.73.0"]
# ///
"""Calls classify by tritonclient's gRPC client, as it is, and prints what it got, as JSON.

uv run --script triton_grpc.py ADDRESS [APP_ID] < PICTURE
uv run --script triton_grpc.py --calls < CALLS
"""

import json
import queue
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from calls import make_calls
from tritonclient.utils import InferenceServerException

MODEL = "digits"


def infer_once(call: dict[str, Any], tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Make one call of `calls`."""
    given = triton.InferInput(call["input"], list(tensor.shape), "FP32")
    given.set_data_from_numpy(tensor)
    client = triton.InferenceServerClient(call["url"])
    try:
        answer = client.infer(call["model"], [given], headers=call["headers"])
    finally:
        client.close()
    values: np.ndarray[Any, Any] = answer.as_numpy(call["output"])
    return values


def main() -> None:
    """Make the calls."""
    if sys.argv[1:] == ["--calls"]:
        make_calls(infer_once, lambda error: (error.status(), error.message()))
        return
    address, *app_ids = sys.argv[1:]
    headers = {"dapr-app-id": app_ids[0]} if app_ids else {}
    picture = sys.stdin.buffer.read()
    client = triton.InferenceServerClient(address)
    metadata = client.get_model_metadata(MODEL, headers=headers, as_json=True)
    taken, given = metadata["inputs"][0], metadata["outputs"][0]
    numbers = np.linspace(0, 1, np.prod([int(size) for size in taken["shape"]]), dtype=np.float32)
    numbers = numbers.reshape([int(size) for size in taken["shape"]])
    tensor = triton.InferInput(taken["name"], numbers.shape, taken["datatype"])
    tensor.set_data_from_numpy(numbers)
    encoded = triton.InferInput(taken["name"], [1], "BYTES")
    encoded.set_data_from_numpy(np.array([picture], object))

    def infer(model: str, sent: Any, **options: Any) -> Any:  # noqa: ANN401 - tritonclient's
        return client.infer(model, [sent], headers=headers, **options)

    def read(result: Any) -> str:  # noqa: ANN401 - tritonclient's
        return str(result.as_numpy(given["name"]).tobytes().hex())

    def fail(call: Callable[[], object]) -> list[str]:
        try:
            call()
        except InferenceServerException as error:
            return [type(error).__name__, error.status(), error.message()]
        return []

    def stream() -> list[str]:
        """Send a right request, a wrong one and a right one; return how each was answered."""
        answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
        # A sidecar with a retry policy carries a stream only with this.
        streaming = {**headers, "dapr-stream": "true"}
        client.start_stream(lambda result, error: answers.put((result, error)), headers=streaming)
        seen = []
        for model, number in ((MODEL, "1"), ("nobody", "2"), (MODEL, "3")):
            client.async_stream_infer(model, [tensor], request_id=number)
            result, error = answers.get(timeout=20)
            seen.append(error.message() if error else f"{result.get_response().id} {read(result)}")
        client.stop_stream()
        return seen

    client.unload_model(MODEL, headers=headers)
    unloaded = client.is_model_ready(MODEL, headers=headers)
    refused = fail(lambda: infer(MODEL, tensor))
    client.load_model(MODEL, headers=headers)
    whole = infer(MODEL, tensor, request_id="mine")
    top = triton.InferRequestedOutput(given["name"], class_count=2)
    nothing = triton.InferRequestedOutput("nothing")
    seen = {
        "live": client.is_server_live(headers=headers),
        "ready": client.is_server_ready(headers=headers),
        "model_ready": client.is_model_ready(MODEL, headers=headers),
        "unknown_ready": client.is_model_ready("nobody", headers=headers),
        "unloaded": unloaded,
        "server": client.get_server_metadata(headers=headers, as_json=True),
        "metadata": metadata,
        "config": client.get_model_config(MODEL, headers=headers, as_json=True),
        "index": client.get_model_repository_index(headers=headers, as_json=True),
        "id": whole.get_response().id,
        "input": numbers.tobytes().hex(),
        "output": read(whole),
        "zipped": read(infer(MODEL, tensor, compression_algorithm="gzip")),
        "picture": read(infer(MODEL, encoded)),
        "classes": [
            text.decode()
            for text in infer(MODEL, encoded, outputs=[top]).as_numpy(given["name"])[0]
        ],
        "stream": stream(),
        "statistics": client.get_inference_statistics(MODEL, headers=headers, as_json=True),
        "unknown_version": fail(lambda: infer(MODEL, tensor, model_version="9")),
        "unknown_output": fail(lambda: infer(MODEL, tensor, outputs=[nothing])),
        "unavailable": refused,
        # Over before it is sent: with 0 it still is, and a sidecar may end it first.
        "too_late": fail(lambda: infer(MODEL, tensor, client_timeout=-1))[:2],
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
