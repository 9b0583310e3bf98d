"""The same answer in different forms reads the same."""

import gzip
import json
from typing import Any

import numpy as np
import pytest

from meshlens.command.traffic.answers.bodies import read_http
from meshlens.command.traffic.answers.messages import read_grpc
from meshlens.command.traffic.answers.reading import Reading
from meshlens.command.traffic.exchange import Answer
from meshlens.protocols.wire import inference_pb2, tensorflow_pb2, tfserving_pb2

MIB = 1 << 20
INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
PREDICT = "/tensorflow.serving.PredictionService/Predict"


def read_body(body: bytes, status: str = "200", **headers: str) -> Reading:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return read_http(Answer(status, "", pairs, [body]), largest=MIB)


def read_message(message: Any, path: str = INFER) -> Reading:  # noqa: ANN401 - of any class
    return read_grpc(path, Answer("OK", bodies=[message.SerializeToString()]), largest=MIB)


def read_numbers(reading: Reading, name: str = "y") -> tuple[str, list[Any]]:
    tensor = reading.messages[0].tensors[name]
    return tensor.datatype, tensor.array.tolist()


def test_tensors_in_json_and_behind_it_are_the_same() -> None:
    output = {"name": "y", "datatype": "FP32", "shape": [1, 2]}
    flat = {"outputs": [{**output, "data": [0.5, 2]}], "model_name": "m"}
    nested = {"outputs": [{**output, "data": [[0.5, 2]]}], "model_name": "m"}
    sized = {**output, "parameters": {"binary_data_size": 8}}
    head = json.dumps({"outputs": [sized], "model_name": "m"}).encode()
    raw = np.array([0.5, 2], "<f4").tobytes()
    readings = [
        read_body(json.dumps(flat).encode()),
        read_body(gzip.compress(json.dumps(nested).encode()), content_encoding="gzip"),
        read_body(head + raw, Inference_Header_Content_Length=str(len(head))),
    ]
    for reading in readings:
        assert read_numbers(reading) == ("FP32", [[0.5, 2.0]])
        assert reading.messages[0].rest == {"model_name": "m"}


def test_texts_and_numbers_without_a_type_of_numpy_are_read() -> None:
    head = json.dumps(
        {
            "outputs": [
                {"name": "t", "datatype": "BYTES", "shape": [2], "data": ["a", "é"]},
                {
                    "name": "y",
                    "datatype": "BF16",
                    "shape": [1],
                    "parameters": {"binary_data_size": 2},
                },
            ]
        }
    ).encode()
    reading = read_body(head + b"\x80\x3f", Inference_Header_Content_Length=str(len(head)))
    assert read_numbers(reading, "t") == ("BYTES", [b"a", "é".encode()])
    assert read_numbers(reading, "y") == ("BF16", [1.0])


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no such model"},
        {"code": 5, "message": "no such model"},
        {"detail": "no such model"},
    ],
)
def test_the_text_of_an_error_is_found_wherever_a_server_puts_it(body: dict[str, object]) -> None:
    assert read_body(json.dumps(body).encode(), "404") == Reading("404", "no such model", [])


def test_an_error_that_is_no_json_has_its_body_as_text() -> None:
    assert read_body(b"Not Found", "404").text == "Not Found"


@pytest.mark.parametrize(
    "body",
    [
        b"<svg/>",
        b"[" * 100_000,
        b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [3], "data": [1]}]}',
        b'{"outputs": [[0.5]]}',
        b"",
    ],
)
def test_a_body_of_another_form_stays_what_it_is(body: bytes) -> None:
    (message,) = read_body(body).messages
    assert not message.tensors
    assert message.rest in (body, json.loads(body) if body.startswith(b"{") else body)


def test_a_packed_body_that_is_too_large_is_compared_as_it_is() -> None:
    packed = gzip.compress(b"0" * (MIB + 1))
    assert read_body(packed, content_encoding="gzip").messages[0].rest == packed


def test_raw_and_typed_contents_are_the_same() -> None:
    raw = inference_pb2.ModelInferResponse(model_name="m")
    raw.outputs.add(name="y", datatype="FP32", shape=[2])
    raw.raw_output_contents.append(np.array([0.5, 2], "<f4").tobytes())
    typed = inference_pb2.ModelInferResponse(model_name="m")
    typed.outputs.add(name="y", datatype="FP32", shape=[2]).contents.fp32_contents.extend([0.5, 2])
    for message in (raw, typed):
        reading = read_message(message)
        assert read_numbers(reading) == ("FP32", [0.5, 2.0])
        assert reading.messages[0].rest == {"model_name": "m"}


def test_the_error_of_a_message_of_a_stream_is_kept() -> None:
    message = inference_pb2.ModelStreamInferResponse(error_message="no such model")
    assert read_message(message, STREAM).messages[0].rest == {
        "error_message": "no such model",
        "infer_response": {},
    }


def test_outputs_of_predict_are_tensors() -> None:
    message = tfserving_pb2.PredictResponse()
    tensor = message.outputs["y"]
    tensor.dtype = tensorflow_pb2.DT_FLOAT
    tensor.float_val.extend([0.5, 2])
    tensor.tensor_shape.dim.add(size=2)
    assert read_numbers(read_message(message, PREDICT)) == ("float32", [0.5, 2.0])


@pytest.mark.parametrize("path", ["/of.another/Service", INFER])
def test_messages_that_cannot_be_read_stay_bytes(path: str) -> None:
    body = b"\xff\xff"
    (message,) = read_grpc(path, Answer("OK", bodies=[body]), largest=MIB).messages
    assert message.rest == body
