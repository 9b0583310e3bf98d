"""Requests over gRPC: what they mean, and what is refused of them in Triton's words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from unit.protocols.fake_models import FakeModels, identity

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.elements import encode_raw
from meshlens.protocols.inference.rpc.descriptions import make_config
from meshlens.protocols.inference.rpc.messages import (
    find_id,
    make_error,
    make_response,
    make_streamed,
    parse_request,
    read_request,
)
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.tensors import InferAnswer
from meshlens.protocols.wire import inference_pb2 as pb

LISTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
RAW_ONLY = ("FP16",)
SERVER = InferenceServer(
    FakeModels(*(identity(name, None, find_dtype(name)) for name in (*LISTS, *RAW_ONLY))),
    name="toy",
    version="1",
    ready=lambda: True,
)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, NDArray[np.generic], bool]:
    """A type, an array of it, and whether to send its elements in the list of their type."""
    datatype = draw(st.sampled_from((*LISTS, *RAW_ONLY)))
    dtype = find_dtype(datatype)
    assert dtype is not None
    shape = draw(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    elements = st.binary(max_size=5) if dtype.kind == "O" else None
    array = draw(arrays(dtype, shape, elements=elements))
    return datatype, array, draw(st.booleans()) and datatype in LISTS


def request_of(datatype: str, array: NDArray[np.generic], *, typed: bool) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name=datatype, id="mine")
    sent = message.inputs.add(name="x", datatype=datatype, shape=array.shape)
    if typed:
        sent.contents.SetInParent()
        getattr(sent.contents, LISTS[datatype]).extend(array.reshape(-1).tolist())
    else:
        message.raw_input_contents.append(encode_raw(array))
    return message


def infer(message: pb.ModelInferRequest) -> pb.ModelInferResponse:
    body = message.SerializeToString()
    response = make_response(SERVER.infer(read_request(parse_request(body))))
    return pb.ModelInferResponse.FromString(response.SerializeToString())


def refusal_of(message: pb.ModelInferRequest) -> str:
    with pytest.raises(Refused) as caught:
        infer(message)
    assert caught.value.status is Status.INVALID_ARGUMENT
    return str(caught.value)


@given(sent=tensors())
def test_elements_arrive_and_return_as_they_are_in_either_form(
    sent: tuple[str, NDArray[np.generic], bool],
) -> None:
    datatype, array, typed = sent
    response = infer(request_of(datatype, array, typed=typed))
    (output,) = response.outputs
    assert (output.name, output.datatype, tuple(output.shape)) == ("y", datatype, array.shape)
    # Always raw: some clients read nothing else.
    assert not output.HasField("contents")
    assert list(response.raw_output_contents) == [encode_raw(array)]
    assert response.id == "mine"


@given(sent=tensors(), more=st.integers(-3, 3).filter(bool))
def test_more_or_fewer_elements_than_the_shape_has_are_refused(
    sent: tuple[str, NDArray[np.generic], bool], more: int
) -> None:
    datatype, array, typed = sent
    message = request_of(datatype, array, typed=typed)
    del message.inputs[0].shape[:]
    message.inputs[0].shape.append(max(0, array.size + more))
    if max(0, array.size + more) == array.size:
        return
    words = refusal_of(message)
    assert "input byte size mismatch" in words or "string elements" in words


@given(sent=tensors(), cut=st.integers(1, 3))
def test_raw_contents_that_end_early_or_go_on_are_refused(
    sent: tuple[str, NDArray[np.generic], bool], cut: int
) -> None:
    datatype, array, _ = sent
    message = request_of(datatype, array, typed=False)
    raw = message.raw_input_contents[0]
    message.raw_input_contents[0] = raw + bytes(cut)
    assert "mismatch" in (words := refusal_of(message)) or "string" in words
    if raw:
        message.raw_input_contents[0] = raw[:-cut]
        assert "mismatch" in (words := refusal_of(message)) or "string" in words


@pytest.mark.parametrize(
    ("datatype", "field", "value", "words"),
    [
        ("UINT8", "uint_contents", 300, "type UINT8, got 300 in place 0"),
        ("INT8", "int_contents", -129, "type INT8, got -129 in place 0"),
        ("INT16", "int_contents", 1 << 20, "type INT16, got 1048576 in place 0"),
        ("UINT16", "uint_contents", 1 << 16, "type UINT16, got 65536 in place 0"),
    ],
)
def test_a_number_out_of_its_types_range_is_refused(
    datatype: str, field: str, value: int, words: str
) -> None:
    message = pb.ModelInferRequest(model_name=datatype)
    sent = message.inputs.add(name="x", datatype=datatype, shape=[1])
    getattr(sent.contents, field).append(value)
    assert words in refusal_of(message)


def test_bfloat16_goes_both_ways_as_its_bytes(bfloat16: np.dtype[np.generic]) -> None:
    server = InferenceServer(
        FakeModels(identity("half", (-1,), bfloat16)), name="toy", version="1", ready=lambda: True
    )
    array = np.array([1.5, -2], bfloat16)
    message = request_of("BF16", array, typed=False)
    message.model_name = "half"
    response = make_response(server.infer(read_request(message)))
    assert response.outputs[0].datatype == "BF16"
    assert list(response.raw_output_contents) == [array.tobytes()] == [b"\xc0\x3f\x00\xc0"]


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_halves_of_a_float_are_raw_only(datatype: str) -> None:
    message = pb.ModelInferRequest(model_name="FP16")
    sent = message.inputs.add(name="x", datatype=datatype, shape=[1])
    sent.contents.fp32_contents.append(1)
    assert refusal_of(message) == (
        "unexpected explicit tensor data for input tensor 'x' for model 'FP16' of type 'FP32',"
        f" expected datatype '{datatype}'"
    )


def message_with(*sent: dict[str, Any], raw: list[bytes] | None = None) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name="FP32", raw_input_contents=raw or [])
    for each in sent:
        message.inputs.add(name="x", datatype="FP32", shape=[1], **each)
    return message


ONE = {"contents": pb.InferTensorContents(fp32_contents=[1.0])}
WRONG = {"contents": pb.InferTensorContents(int_contents=[1])}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            message_with(ONE, raw=[bytes(4)]),
            (
                "contents field must not be specified when using raw_input_contents for 'x' for"
                " model 'FP32'"
            ),
        ),
        (
            message_with({}, {}, raw=[bytes(4)]),
            "unable to find data for input tensor 'x' for model 'FP32' in request.",
        ),
        (
            message_with({}),
            "unable to find data for input tensor 'x' for model 'FP32' in request.",
        ),
        (
            message_with({}, raw=[bytes(4), bytes(4)]),
            (
                "the number of inputs (1) does not match the expected number of raw input contents"
                " (2) for model 'FP32'."
            ),
        ),
        (
            message_with(WRONG),
            (
                "unexpected explicit tensor data for input tensor 'x' for model 'FP32' of type"
                " 'INT32', expected datatype 'FP32'"
            ),
        ),
        (
            message_with({"contents": pb.InferTensorContents()}),
            (
                "[request id: <id_unknown>] input byte size mismatch for input 'x' for model"
                " 'FP32'. Expected 4, got 0"
            ),
        ),
    ],
)
def test_contents_in_the_wrong_place_are_refused(message: pb.ModelInferRequest, words: str) -> None:
    assert refusal_of(message) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "timeout",
            {"uint64_param": 1},
            "invalid value type for 'timeout' parameter, expected int64_param.",
        ),
        ("timeout", {"int64_param": -1}, "invalid value for 'timeout', expected value >= 0."),
        (
            "key",
            {"bool_param": True},
            "invalid value type for 'key' parameter, expected string_param.",
        ),
        ("key", {}, "invalid value type for 'key' parameter, expected string_param."),
        ("priority", {"int64_param": -1}, "invalid value for 'priority', expected value >= 0."),
        (
            "priority",
            {"string_param": "1"},
            "invalid value type for 'priority' parameter, expected int64_param or uint64_param.",
        ),
        (
            "sequence_start",
            {"int64_param": 1},
            "invalid value type for 'sequence_start' parameter, expected bool_param.",
        ),
        (
            "triton_anything",
            {"int64_param": 1},
            (
                "parameter keys starting with 'triton_' are reserved for Triton usage. Only the"
                " following keys starting with 'triton_' are allowed:"
                " triton_enable_empty_final_response"
            ),
        ),
    ],
)
def test_parameters_of_another_type_are_refused(
    name: str, value: dict[str, Any], words: str
) -> None:
    message = message_with(ONE)
    message.parameters[name].MergeFrom(pb.InferParameter(**value))
    assert refusal_of(message) == words


@pytest.mark.parametrize(
    "value", [{"uint64_param": 1}, {"string_param": "1"}, {"bool_param": True}, {}]
)
def test_a_count_of_classes_is_an_int64(value: dict[str, Any]) -> None:
    message = message_with(ONE)
    output = message.outputs.add(name="y")
    output.parameters["classification"].MergeFrom(pb.InferParameter(**value))
    assert refusal_of(message) == (
        "invalid value type for 'classification' parameter, expected int64_param"
    )


def test_parameters_that_the_protocol_has_are_taken() -> None:
    message = message_with(ONE)
    message.parameters["timeout"].int64_param = 60_000_000
    message.parameters["priority"].uint64_param = 1
    message.parameters["sequence_id"].string_param = "s"
    message.parameters["mine"].double_param = 0.5
    message.outputs.add(name="y").parameters["classification"].int64_param = 3
    response = infer(message)
    assert response.outputs[0].datatype == "BYTES"
    assert list(response.raw_output_contents) == [b"\x0a\x00\x00\x001.000000:0"]


@pytest.mark.parametrize(
    ("dtype", "type_"),
    [
        (np.bool_, pb.TYPE_BOOL),
        (np.float16, pb.TYPE_FP16),
        (object, pb.TYPE_STRING),
        (np.complex64, pb.TYPE_INVALID),
    ],
)
def test_a_configuration_names_the_types_that_the_protocol_has(dtype: object, type_: int) -> None:
    models = FakeModels(identity("any", None, dtype))
    server = InferenceServer(models, name="toy", version="1", ready=lambda: True)
    (taken,) = make_config(server.describe("any")).config.input
    assert (taken.data_type, list(taken.dims)) == (type_, [-1])


def test_what_is_no_request_is_refused() -> None:
    for body in (b"\xff\xff", b"\x0a\x05x"):
        with pytest.raises(Refused, match="expected a ModelInferRequest, got bytes"):
            parse_request(body)
        assert find_id(body) == ""


def test_a_request_of_countless_fields_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Refused, match="of at most 10000 fields, got more"):
        parse_request(b"\x2a\x00" * 4_000_000)


def test_a_shape_of_countless_axes_is_refused() -> None:
    message = message_with({}, raw=[bytes(4)])
    message.inputs[0].shape.extend([2**62] * 1_000_000)
    words = refusal_of(message)
    assert "unexpected shape for input 'x'" in words
    assert len(words) < 2000


def test_a_message_of_a_stream_is_an_answer_or_an_error() -> None:
    streamed = make_streamed(InferAnswer("m", "1", [], "mine"))
    assert streamed.infer_response.id == "mine"
    assert streamed.infer_response.parameters["triton_final_response"].bool_param
    assert not streamed.error_message
    failed = make_error("no", "mine")
    assert (failed.error_message, failed.infer_response.id) == ("no", "mine")


@pytest.mark.parametrize("typed", [True, False])
def test_countless_texts_are_refused(typed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    message = pb.ModelInferRequest(model_name="BYTES")
    sent = message.inputs.add(name="x", datatype="BYTES", shape=[1_000_001])
    if typed:
        sent.contents.bytes_contents.extend([b""] * 1_000_001)
    else:
        message.raw_input_contents.append(bytes(4 * 1_000_001))
    with pytest.raises(Refused, match="at most 1000000 string elements") as caught:
        infer(message)
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
