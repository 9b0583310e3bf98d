# /// script
# requires-python = ">=3.11"
# dependencies = ["tritonclient[grpc]==2.73.0"]
# ///
"""Calls a fit of pca as a model, by tritonclient's gRPC client, and prints what it got, as JSON.

uv run --script fits_triton_grpc.py ADDRESS < {"model": ID, "values": [[...], ...]}
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

PCA = {"dapr-app-id": "pca"}


def main() -> None:
    """Make the calls."""
    wanted = json.load(sys.stdin)
    model, values = wanted["model"], np.array(wanted["values"])
    client = triton.InferenceServerClient(sys.argv[1])

    def infer(array: np.ndarray[Any, Any], *, to: str = model, **options: Any) -> Any:  # noqa: ANN401 - tritonclient's
        datatype = {"f8": "FP64", "f4": "FP32", "i4": "INT32"}[array.dtype.str[1:]]
        sent = triton.InferInput("observations", array.shape, datatype)
        sent.set_data_from_numpy(array)
        return client.infer(to, [sent], headers=PCA, **options)

    def read(result: Any) -> dict[str, str]:  # noqa: ANN401 - tritonclient's
        return {name: result.as_numpy(name).tobytes().hex() for name in ("scores", "t2", "spe")}

    def fail(call: Callable[[], object]) -> list[str]:
        try:
            call()
        except InferenceServerException as error:
            return [error.status(), error.message()]
        return []

    hole = values.copy()
    hole[1, 2] = np.nan
    client.load_model(model, headers=PCA)
    only = triton.InferRequestedOutput("t2")
    seen = {
        "live": client.is_server_live(headers=PCA),
        "ready": client.is_server_ready(headers=PCA),
        "model_ready": client.is_model_ready(model, headers=PCA),
        "unknown_ready": client.is_model_ready("0" * 64, headers=PCA),
        "server": client.get_server_metadata(headers=PCA, as_json=True),
        "metadata": client.get_model_metadata(model, headers=PCA, as_json=True),
        "config": client.get_model_config(model, headers=PCA, as_json=True),
        "index": client.get_model_repository_index(headers=PCA, as_json=True),
        "outputs": read(infer(values)),
        "narrow": read(infer(values.astype(np.float32))),
        "only": [it.name for it in infer(values, outputs=[only]).get_response().outputs],
        "nan": fail(lambda: infer(hole)),
        "columns": fail(lambda: infer(values[:, :2].copy())),
        "integers": fail(lambda: infer(values.astype(np.int32))),
        "unknown": fail(lambda: infer(values, to="0" * 64)),
        "no_id": fail(lambda: infer(values, to="digits")),
        "version": fail(lambda: infer(values, model_version="2")),
        "unload": fail(lambda: client.unload_model(model, headers=PCA)),
        "statistics": client.get_inference_statistics(model, headers=PCA, as_json=True),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
