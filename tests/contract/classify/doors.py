"""Ways by which a model is asked: each returns the version that has answered, and its answer."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import grpc
import numpy as np
from contract.classify.test_inference import PATIENCE, Stream, call
from contract.classify.test_inference_rest import invoke

from meshlens.protocols.tfserving.rpc.tensors import write_tensor
from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire import tfserving_pb2 as wire

NONE: Mapping[str, str] = {}
# Asks the model `m`, which multiplies, with metadata or headers; by `key` where a door has one.
Door: TypeAlias = Callable[..., tuple[str, float]]


def infer(x: float, key: str = "", version: str = "") -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="m", model_version=version)
    request.inputs.add(name="x", datatype="FP32", shape=[1])
    request.raw_input_contents.append(np.array([x], np.float32).tobytes())
    if key:
        request.parameters["key"].string_param = key
    return request


def read(response: pb.ModelInferResponse) -> tuple[str, float]:
    return response.model_version, float(np.frombuffer(response.raw_output_contents[0], "<f4")[0])


def ask_by_invoke(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, key: str = ""
) -> tuple[str, float]:
    path = "models/m/predict" + (f"?key={key}" if key else "")
    body, _ = invoke(channel, path, json.dumps({"inputs": {"x": [x]}}).encode(), **headers)
    answer = json.loads(body)
    return answer["version"], answer["outputs"]["y"][0]


def ask_by_v2(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, key: str = ""
) -> tuple[str, float]:
    metadata = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return read(call(channel, "ModelInfer", infer(x, key), metadata=_name_caller(metadata)))


def ask_by_v2_stream(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, key: str = ""
) -> tuple[str, float]:
    metadata = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    stream = Stream(channel, *_name_caller(metadata))
    answer = stream.ask(infer(x, key))
    assert stream.end() == []
    return read(answer.infer_response)


def ask_by_v2_rest(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, key: str = ""
) -> tuple[str, float]:
    request: dict[str, Any] = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [x]}]
    }
    if key:
        request["parameters"] = {"key": key}
    body, _ = invoke(channel, "v2/models/m/infer", json.dumps(request).encode(), **headers)
    answer = json.loads(body)
    return answer["model_version"], answer["outputs"][0]["data"][0]


def predict(
    channel: grpc.Channel, request: wire.PredictRequest, *metadata: tuple[str, str]
) -> wire.PredictResponse:
    method = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        request_serializer=wire.PredictRequest.SerializeToString,
        response_deserializer=wire.PredictResponse.FromString,
    )
    answer: wire.PredictResponse = method(request, timeout=PATIENCE, metadata=metadata)
    return answer


def ask_by_tfserving(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, label: str = ""
) -> tuple[str, float]:
    request = wire.PredictRequest()
    request.model_spec.name = "m"
    if label:
        request.model_spec.version_label = label
    write_tensor(np.array([x], np.float32), request.inputs["x"])
    metadata = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    answer = predict(channel, request, *_name_caller(metadata))
    (y,) = (
        np.frombuffer(answer.outputs["y"].tensor_content, "<f4")
        if (answer.outputs["y"].tensor_content)
        else answer.outputs["y"].float_val
    )
    return str(answer.model_spec.version.value), float(y)


def ask_by_tfserving_rest(
    channel: grpc.Channel, x: float, headers: Mapping[str, str] = NONE, key: str = ""
) -> tuple[str, float]:
    path = "v1/models/m:predict" + (f"?key={key}" if key else "")
    body, _ = invoke(channel, path, json.dumps({"inputs": {"x": [x]}}).encode(), **headers)
    (y,) = json.loads(body)["outputs"]
    # The answer does not name its version; the models differ by their factors.
    return str(round(y / x)), y


def use_tool(
    channel: grpc.Channel, picture: bytes, headers: Mapping[str, str] = NONE, **arguments: object
) -> Mapping[str, Any]:
    """Return what the tool `classify` answers to an agent."""
    image = base64.b64encode(picture).decode()
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "classify", "arguments": {"image": image, **arguments}},
    }
    body, _ = invoke(channel, "mcp", json.dumps(message).encode(), **headers)
    answer: Mapping[str, Any] = json.loads(body)["result"]["structuredContent"]
    return answer


def _name_caller(metadata: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return metadata as a sidecar sends it with a call that it proxies."""
    return tuple(
        (f"dapr-{name}" if name == "caller-app-id" else name, value) for name, value in metadata
    )


WITH_KEYS: Mapping[str, Door] = {
    "invoke": ask_by_invoke,
    "V2 gRPC": ask_by_v2,
    "V2 stream": ask_by_v2_stream,
    "V2 REST": ask_by_v2_rest,
    "TensorFlow Serving REST": ask_by_tfserving_rest,
}
DOORS: Mapping[str, Door] = {
    **WITH_KEYS,
    "TensorFlow Serving gRPC": ask_by_tfserving,
}
