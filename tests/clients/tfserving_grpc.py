# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tensorflow-serving-api==2.21.0"]
# ///
"""Calls classify by the stub of tensorflow-serving-api, as it is, and prints what it got, as JSON.

uv run --script tfserving_grpc.py ADDRESS APP_ID < PICTURE
uv run --script tfserving_grpc.py --calls < CALLS
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from calls import make_calls
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

MODEL = "digits"
PATIENCE = 30.0


def ask_example(
    picture: bytes,
) -> tuple[classification_pb2.ClassificationRequest, regression_pb2.RegressionRequest]:
    """Return requests to classify, and to regress, an example that holds a picture."""
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name = MODEL
    example = classify.input.example_list.examples.add()
    example.features.feature["image/encoded"].bytes_list.value.append(picture)
    regress = regression_pb2.RegressionRequest(input=classify.input)
    regress.model_spec.name = MODEL
    return classify, regress


def ask_state(model: str) -> get_model_status_pb2.GetModelStatusRequest:
    """Return a request for the states of a model."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    return request


def predict_once(call: dict[str, Any], tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Make one call of `calls`."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = call["model"]
    request.inputs[call["input"]].CopyFrom(tf.make_tensor_proto(tensor))
    with grpc.insecure_channel(call["url"]) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(request, PATIENCE, metadata=tuple(call["headers"].items()))
    return np.array(answer.outputs[call["output"]].float_val, np.float32)


def main() -> None:
    """Make the calls."""
    if sys.argv[1:] == ["--calls"]:
        make_calls(predict_once, lambda error: (error.code().name, error.details()))
        return
    address, app_id = sys.argv[1:]
    picture = sys.stdin.buffer.read()
    channel = grpc.insecure_channel(address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    metadata = (("dapr-app-id", app_id),)

    def send(call: Callable[..., Any], request: object, **options: object) -> Any:  # noqa: ANN401 - messages
        return call(request, **{"timeout": PATIENCE, "metadata": metadata, **options})

    def fail(call: Callable[..., Any], request: object, **options: object) -> list[str | None]:
        try:
            send(call, request, **options)
        except grpc.RpcError as error:
            return [error.code().name, error.details()]
        return []

    about = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    about.model_spec.name = MODEL
    described = send(stub.GetModelMetadata, about)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert described.metadata["signature_def"].Unpack(signatures)
    ((signature, function),) = signatures.signature_def.items()
    ((taken, info),) = function.inputs.items()
    (given,) = function.outputs
    shape = [dim.size for dim in info.tensor_shape.dim]
    numbers = np.linspace(0, 1, np.prod(shape), dtype=np.float32).reshape(shape)

    def ask(model: str = MODEL, array: Any = numbers, **spec: Any) -> predict_pb2.PredictRequest:  # noqa: ANN401 - arrays
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.inputs[taken].CopyFrom(tf.make_tensor_proto(array))
        for name, value in spec.items():
            if name == "version":
                request.model_spec.version.value = value
            else:
                setattr(request.model_spec, name, value)
        return request

    def hex_of(answer: Any) -> str:  # noqa: ANN401 - a message
        return np.array(answer.outputs[given].float_val, np.float32).tobytes().hex()

    listed = ask()
    listed.inputs[taken].CopyFrom(tf.make_tensor_proto(numbers.tolist(), dtype=tf.float32))
    whole = send(stub.Predict, ask())
    filtered = ask()
    filtered.output_filter.append("nothing")
    classes, regress = ask_example(picture)
    classified = send(stub.Classify, classes).result.classifications[0].classes
    version = send(models.GetModelStatus, ask_state(MODEL)).model_version_status[0]
    seen = {
        "signature": signature,
        "method": function.method_name,
        "dtype": info.dtype,
        "input": numbers.tobytes().hex(),
        "output": hex_of(whole),
        "content": whole.outputs[given].tensor_content.hex(),
        "answered": [whole.model_spec.name, whole.model_spec.version.value],
        "listed": hex_of(send(stub.Predict, listed)),
        "zipped": hex_of(send(stub.Predict, ask(), compression=grpc.Compression.Gzip)),
        "picture": hex_of(send(stub.Predict, ask(array=[picture]))),
        "classes": [[each.label, each.score] for each in classified],
        "state": [version.version, version.state, version.status.error_code],
        "no_spec": fail(stub.Predict, predict_pb2.PredictRequest()),
        "no_name": fail(stub.Predict, ask("")),
        "unknown_version": fail(stub.Predict, ask(version=5)),
        "unknown_label": fail(stub.Predict, ask(version_label="x")),
        "unknown_signature": fail(stub.Predict, ask(signature_name="x")),
        "wrong_type": fail(stub.Predict, ask(array=numbers.astype(np.int64))),
        "unknown_output": fail(stub.Predict, filtered),
        "no_regression": fail(stub.Regress, regress),
        "unknown_state": fail(models.GetModelStatus, ask_state("nobody")),
        "reload": fail(
            models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()
        ),
        # Over before it is sent: with 0 it still is, and a sidecar may end it first.
        "too_late": fail(stub.Predict, ask(), timeout=-1)[0],
        "no_app": fail(stub.Predict, ask(), metadata=()),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
