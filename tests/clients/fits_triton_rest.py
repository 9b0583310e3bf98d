# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tritonclient[http]==2.73.0"]
# ///
"""Calls a fit of pca as a model, by tritonclient's HTTP client, and prints what it got, as JSON.

uv run --script fits_triton_rest.py ADDRESS < {"model": ID, "values": [[...], ...]}
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def main() -> None:
    """Make the calls."""
    wanted = json.load(sys.stdin)
    model, values = wanted["model"], np.array(wanted["values"])
    client = triton.InferenceServerClient(f"{sys.argv[1]}/v1.0/invoke/pca/method")

    def infer(array: np.ndarray[Any, Any], *, to: str = model, binary: bool) -> dict[str, str]:
        datatype = {"f8": "FP64", "f4": "FP32"}[array.dtype.str[1:]]
        sent = triton.InferInput("observations", list(array.shape), datatype)
        sent.set_data_from_numpy(array, binary_data=binary)
        names = ("scores", "t2", "spe")
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
        result = client.infer(to, [sent], outputs=outputs)
        return {name: result.as_numpy(name).tobytes().hex() for name in names}

    def fail(call: Callable[[], object]) -> str:
        try:
            call()
        except InferenceServerException as error:
            return str(error.status())
        return ""

    client.load_model(model)
    seen = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(model),
        "unknown_ready": client.is_model_ready("0" * 64),
        "metadata": client.get_model_metadata(model),
        "config": client.get_model_config(model),
        "index": client.get_model_repository_index(),
        "outputs": infer(values, binary=True),
        "json": infer(values, binary=False),
        "narrow": infer(values.astype(np.float32), binary=True),
        "columns": fail(lambda: infer(values[:, :2].copy(), binary=True)),
        "unknown": fail(lambda: infer(values, to="0" * 64, binary=True)),
        "unload": fail(lambda: client.unload_model(model)),
        "statistics": client.get_inference_statistics(model),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
