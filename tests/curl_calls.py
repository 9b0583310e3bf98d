"""Makes the calls of tests/clients by curl."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import numpy as np
from client_programs import MakeCall
from installed import need


def curl_by(protocol: str) -> MakeCall:
    """Return what makes a call, as the programs of tests/clients do.

    The exception is curl's exit code, and the text is the whole body.

    Args:
        protocol: inference, V2's; or serving, that of TensorFlow Serving.
    """
    program = need("curl", "apt-get install curl")

    def call(line: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        path, body = (_infer if protocol == "inference" else _predict)(line)
        headers = [part for header in line["headers"].items() for part in ("-H", ": ".join(header))]
        done = subprocess.run(
            [
                *(program, "-sS", "--fail-with-body", "--data-binary", "@-", *headers),
                *("-w", "\n%{http_code} %{content_type}", f"{line['base']}/{path}"),
            ],
            input=json.dumps(body),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        text, _, end = done.stdout.rpartition("\n")
        status, _, content_type = end.partition(" ")
        if not done.returncode:
            answer = json.loads(text)
            outputs = answer["outputs"] if protocol == "inference" else []
            values = outputs[0]["data"] if outputs else answer["predictions"]
            return {"output": np.array(values, np.float32).tobytes().hex()}
        assert f"The requested URL returned error: {status}" in done.stderr
        return {
            "exception": str(done.returncode),
            "status": int(status),
            "text": text,
            "content_type": content_type,
        }

    return call


def _infer(line: Mapping[str, Any]) -> tuple[str, object]:
    tensor = {"name": line["input"], "datatype": "FP32", "shape": np.shape(line["tensor"])}
    wanted = {"name": line["output"]}
    body = {"inputs": [{**tensor, "data": line["tensor"]}], "outputs": [wanted]}
    return f"v2/models/{line['model']}/infer", body


def _predict(line: Mapping[str, Any]) -> tuple[str, object]:
    return f"v1/models/{line['model']}:predict", {"instances": line["tensor"]}
