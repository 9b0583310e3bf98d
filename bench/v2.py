"""A picture as V2, the Open Inference Protocol, has it, and the class that an answer finds best."""

import base64
import json
from collections.abc import Mapping

import numpy as np

from meshlens.protocols.inference.rpc.inference import INFERENCE
from meshlens.protocols.wire import inference_pb2

INFER = f"/{INFERENCE}/ModelInfer"
_LENGTH = "inference-header-content-length"
_NUMBERS = {"FP32": np.float32, "UINT8": np.uint8, "INT8": np.int8}


def v2_request(model: str, name: str, picture: bytes) -> bytes:
    """Return the message by which V2 over gRPC sends a picture to the input of this name."""
    request = inference_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name=name, datatype="BYTES", shape=[1])
    request.raw_input_contents.append(len(picture).to_bytes(4, "little") + picture)
    return request.SerializeToString()


def v2_body(name: str, picture: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers by which V2 over REST sends a picture behind the JSON."""
    data = len(picture).to_bytes(4, "little") + picture
    sent = {
        "name": name,
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [sent], "parameters": {"binary_data_output": True}}).encode()
    return head + data, {_LENGTH: str(len(head))}


def v2_json(name: str, picture: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that have a picture in the JSON, in base64."""
    sent = {
        "name": name,
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"content_type": "base64"},
        "data": [base64.b64encode(picture).decode()],
    }
    return json.dumps({"inputs": [sent]}).encode(), {"content-type": "application/json"}


def best_of_message(answer: bytes) -> int:
    """Return the index of the highest score of an answer of V2 over gRPC."""
    response = inference_pb2.ModelInferResponse.FromString(answer)
    (output,) = response.outputs
    if response.raw_output_contents:
        (data,) = response.raw_output_contents
        return int(np.frombuffer(data, _NUMBERS[output.datatype]).argmax())
    ((_, numbers),) = output.contents.ListFields()
    return int(np.argmax(numbers))


def best_of_body(headers: Mapping[str, str], body: bytes) -> int:
    """Return the index of the highest score of an answer of V2 over REST."""
    length = int(headers.get(_LENGTH, len(body)))
    (output,) = json.loads(body[:length])["outputs"]
    if length < len(body):
        return int(np.frombuffer(body[length:], _NUMBERS[output["datatype"]]).argmax())
    return int(np.argmax(output["data"]))
