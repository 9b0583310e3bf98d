# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tritonclient[http]==2.73.0"]
# ///
"""Calls a server by the Open Inference Protocol with NVIDIA's client, as its users do.

It reads a JSON object from standard input: `url`, `headers` (may be empty), `basic` (user and
password, or null), `model`, `input`, `output`, `tensor` (float32, nested lists) and `picture`
(base64). It prints a JSON object of what the client's calls return. With the argument --calls it
makes those of standard input instead (`calls`).
"""

import base64
import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from calls import make_calls
from tritonclient.http.auth import BasicAuth


def infer_once(call: dict[str, Any], tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Make one call of `calls`."""
    client = triton.InferenceServerClient(call["url"])
    if call["basic"]:
        client.register_plugin(BasicAuth(*call["basic"]))
    given = triton.InferInput(call["input"], list(tensor.shape), "FP32")
    given.set_data_from_numpy(tensor, binary_data=call["binary"])
    output = triton.InferRequestedOutput(call["output"], binary_data=call["binary"])
    try:
        answer = client.infer(call["model"], [given], outputs=[output], headers=call["headers"])
    finally:
        client.close()
    values: np.ndarray[Any, Any] = answer.as_numpy(call["output"])
    return values


def main() -> None:
    """Make every call once."""
    if sys.argv[1:] == ["--calls"]:
        make_calls(infer_once, lambda error: (error.status(), error.message()))
        return
    wanted: dict[str, Any] = json.load(sys.stdin)
    client = triton.InferenceServerClient(wanted["url"])
    if wanted["basic"]:
        client.register_plugin(BasicAuth(*wanted["basic"]))
    headers, model = wanted["headers"], wanted["model"]
    tensor = np.array(wanted["tensor"], np.float32)
    picture = np.array([base64.b64decode(wanted["picture"])], object)

    def infer(
        array: np.ndarray[Any, Any],
        *,
        binary: bool = True,
        classes: int = 0,
        default: bool = False,
        **options: str,
    ) -> list[Any]:
        datatype = "BYTES" if array.dtype == object else "FP32"
        given = triton.InferInput(wanted["input"], list(array.shape), datatype)
        given.set_data_from_numpy(array, binary_data=binary)
        output = triton.InferRequestedOutput(
            wanted["output"], binary_data=binary, class_count=classes
        )
        outputs = None if default else [output]
        # The client adds its own headers to the object that it is given.
        answer = client.infer(model, [given], outputs=outputs, headers=dict(headers), **options)
        values: list[Any] = answer.as_numpy(wanted["output"]).tolist()
        return values

    classes = infer(tensor, classes=2)
    found = {
        "live": client.is_server_live(headers=headers),
        "ready": client.is_server_ready(headers=headers),
        "model_ready": client.is_model_ready(model, headers=headers),
        "version_ready": client.is_model_ready(model, "1", headers=headers),
        "unknown_ready": client.is_model_ready("no-such", headers=headers),
        "server": client.get_server_metadata(headers=headers),
        "model": client.get_model_metadata(model, headers=headers),
        "config": client.get_model_config(model, headers=headers),
        "index": client.get_model_repository_index(headers=headers),
        "binary": infer(tensor),
        "all_binary": infer(tensor, default=True),
        "json": infer(tensor, binary=False),
        "version": infer(tensor, model_version="1"),
        "gzip": infer(
            tensor, request_compression_algorithm="gzip", response_compression_algorithm="gzip"
        ),
        "deflate": infer(
            tensor,
            request_compression_algorithm="deflate",
            response_compression_algorithm="deflate",
        ),
        "picture": infer(picture),
        "classes": [[text.decode() for text in row] for row in classes],
        "statistics": client.get_inference_statistics(model, headers=headers),
    }
    client.unload_model(model, headers=headers)
    found["unloaded"] = client.is_model_ready(model, headers=headers)
    client.load_model(model, headers=headers)
    found["loaded"] = client.is_model_ready(model, headers=headers)
    client.close()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
