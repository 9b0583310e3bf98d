"""What is refused, with which status and text: those of Triton where it has them."""

import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from unit.protocols.inference.rest.served import Served

from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.errors import InvalidRequest

MB = 1_000_000
X: Mapping[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}
BINARY = {key: value for key, value in X.items() if key != "data"}
BAD, UNKNOWN = Status.INVALID_ARGUMENT, Status.NOT_FOUND
JSON = "failed to parse the request JSON buffer: "
DATA = "Unable to parse 'data': "
SHAPE = "Unable to parse 'shape': "
ONE_OF = (
    "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters',"
    " 'shared_memory_region' in 'parameters'. But"
)
NOT_UNSIGNED = "attempt to access JSON non-unsigned-integer as unsigned-integer"


def without(*names: str, **fields: object) -> Mapping[str, Any]:
    return {"inputs": [{**{key: X[key] for key in X if key not in names}, **fields}]}


def parameters(**values: object) -> Mapping[str, Any]:
    return {"inputs": [{**BINARY, "parameters": values}]}


def wants(output: object, **fields: object) -> Mapping[str, Any]:
    return {"inputs": [X], "outputs": [output], **fields}


# What is wrong with the JSON of a request for the model `row`, of one input x (1, 3).
REQUESTS: list[tuple[object, Status, str]] = [
    # The document.
    ([], BAD, JSON + "expected a JSON object"),
    ({}, BAD, "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
    ({"inputs": {}}, BAD, "Unable to parse 'inputs': attempt to access JSON non-array as array"),
    ({"inputs": [1]}, BAD, "Unable to parse 'inputs': attempt to access JSON non-object as object"),
    ({"id": 1, "inputs": [X]}, BAD, "Unable to parse 'id': attempt to access JSON non-string"),
    ({"inputs": [X], "outputs": {}}, BAD, "Unable to parse 'outputs': attempt to access JSON non-"),
    ({"inputs": [X], "parameters": []}, BAD, "Unable to parse 'parameters': attempt to access"),
    ({"inputs": [X], "parameters": {"timeout": -1}}, BAD, "Unable to parse 'timeout': "),
    ({"inputs": [X], "parameters": {"timeout": True}}, BAD, "Unable to parse 'timeout': "),
    ({"inputs": [X], "parameters": {"key": 1}}, BAD, "Unable to parse 'key': "),
    (
        {"inputs": [X], "parameters": {"binary_data_output": 1}},
        BAD,
        "Unable to parse 'binary_data_output': attempt to access JSON non-boolean as boolean",
    ),
    (
        {"inputs": [X], "parameters": {"triton_x": 1}},
        BAD,
        (
            "parameter keys starting with 'triton_' are reserved for Triton usage and should not be"
            " specified."
        ),
    ),
    # Where the data is.
    (without("data"), BAD, f"{ONE_OF} no field is set"),
    (
        without(parameters={"binary_data_size": 12}),
        BAD,
        f"{ONE_OF} set 'data' 'binary_data_size'",
    ),
    (
        parameters(binary_data_size=1, shared_memory_region="r"),
        BAD,
        f"{ONE_OF} set 'binary_data_size' 'shared_memory_region'",
    ),
    (
        parameters(shared_memory_region="r"),
        UNKNOWN,
        "Unable to find shared memory region: 'r'",
    ),
    (parameters(binary_data_size="1"), BAD, "Unable to parse 'binary_data_size': "),
    (parameters(binary_data_size=-1), BAD, "Unable to parse 'binary_data_size': " + NOT_UNSIGNED),
    (
        parameters(binary_data_size=12),
        BAD,
        "unexpected size for input 'x', expecting 12 additional bytes for model 'row'",
    ),
    # The input.
    (without("name"), BAD, "Unable to parse 'name': attempt to access non-existing object member"),
    (without(name=1), BAD, "Unable to parse 'name': attempt to access JSON non-string as string"),
    (without("datatype"), BAD, "Unable to parse 'datatype': "),
    (without("shape"), BAD, SHAPE + "attempt to access non-existing object member 'shape'"),
    (without(shape=3), BAD, SHAPE + "attempt to access JSON non-array as array"),
    (without(shape=[1, -3]), BAD, SHAPE + NOT_UNSIGNED),
    (without(shape=[1, 3.0]), BAD, SHAPE + NOT_UNSIGNED),
    (without(shape=[True, 3]), BAD, SHAPE + NOT_UNSIGNED),
    (without(shape=[2**31, 2**31, 2**31]), BAD, SHAPE + "more than "),
    (without(shape=[2**64, 0]), BAD, SHAPE + "more than "),
    (without(shape=[1] * 65), BAD, SHAPE + "more than 64 axes"),
    (without(datatype="FP31"), BAD, "invalid datatype for input x"),
    (
        without(datatype="FP16"),
        BAD,
        (
            "receiving FP16 data via JSON is not supported. Please use the binary data format for"
            " input x"
        ),
    ),
    (
        without(datatype="BF16"),
        BAD,
        (
            "receiving BF16 data via JSON is not supported. Please use the binary data format for"
            " input x"
        ),
    ),
    (without(shape=[1, 2]), BAD, DATA + "Shape does not match true shape of 'data' field"),
    (without(data=3), BAD, DATA + "expected an array of FP32 for input x"),
    (without(data=["1", 2, 3]), BAD, DATA + "expected an array of FP32 for input x"),
    (without(data=[1, 2, {}]), BAD, DATA + "expected an array of FP32 for input x"),
    (without(data=[1, 2, None]), BAD, DATA + "expected values of type float32, got None"),
    (without(data=[1, 2, 1e39]), BAD, DATA + "a number is out of range of float32"),
    (
        without(datatype="BYTES", shape=[0], data=[[]]),
        BAD,
        DATA + "attempt to access JSON non-array",
    ),
    (without(datatype="BYTES"), BAD, DATA + "attempt to access JSON non-array as array"),
    (
        without(datatype="FP64"),
        BAD,
        (
            "[request id: <id_unknown>] inference input 'x' data-type is 'FP64', but model 'row'"
            " expects 'FP32'"
        ),
    ),
    (
        {"id": "7", **without(data=[1, 2], shape=[1, 2])},
        BAD,
        "[request id: 7] unexpected shape for input 'x' for model 'row'. Expected [1,3], got [1,2]",
    ),
    (without(name="y"), BAD, "unexpected inference input 'y' for model 'row'"),
    ({"inputs": [X, X]}, BAD, "input 'x' already exists in request"),
    (
        {"inputs": []},
        BAD,
        (
            "[request id: <id_unknown>] expected 1 inputs but got 0 inputs for model 'row'. Got"
            " inputs [], but missing required inputs ['x']. Please provide all required inputs."
        ),
    ),
    # The outputs.
    (wants({}), BAD, "Unable to parse 'name': attempt to access non-existing object member"),
    (wants({"name": "y"}), BAD, "unexpected inference output 'y' for model 'row'"),
    (
        wants({"name": "x", "parameters": {"classification": -1}}),
        BAD,
        "Unable to parse 'classification': " + NOT_UNSIGNED,
    ),
    (
        wants({"name": "x", "parameters": {"binary_data": "yes"}}),
        BAD,
        "Unable to parse 'binary_data': attempt to access JSON non-boolean as boolean",
    ),
]


def refuse(model: str, body: bytes, **headers: str) -> tuple[Status, str]:
    with pytest.raises(Refused) as refused:
        Served().call("POST", f"v2/models/{model}/infer", body, **headers)
    return refused.value.status, str(refused.value)


@pytest.mark.parametrize(("fields", "status", "text"), REQUESTS)
def test_a_wrong_request_is_refused_in_the_words_of_triton(
    fields: object, status: Status, text: str
) -> None:
    found, said = refuse("row", json.dumps(fields).encode())
    assert found is status
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("header", "status", "text"),
    [
        ("x", BAD, "inference header size should be in range (0, 5), got: x"),
        ("-1", BAD, "inference header size should be in range (0, 5), got: -1"),
        ("6", BAD, "inference header size should be in range (0, 5), got: 6"),
        ("1.0", BAD, "inference header size should be in range (0, 5), got: 1.0"),
        ("²", BAD, "inference header size should be in range (0, 5), got: ²"),
        ("9" * 5000, BAD, "inference header size should be in range (0, 5), got: 9999"),
        ("", BAD, "inference header size should be in range (0, 5), got: "),
        ("4", BAD, JSON),
    ],
)
def test_a_wrong_size_of_the_json_is_refused(header: str, status: Status, text: str) -> None:
    found, said = refuse("row", b"12345", inference_header_content_length=header)
    assert found is status
    assert said.startswith(text)
    assert len(said) < 200


@pytest.mark.parametrize(
    ("fields", "behind", "text"),
    [
        ({"binary_data_size": 12}, bytes(13), "unexpected additional input data for model 'row'"),
        (
            {"binary_data_size": 12},
            bytes(11),
            "unexpected size for input 'x', expecting 1 addition",
        ),
        ({"binary_data_size": 8}, bytes(8), "[request id: <id_unknown>] input byte size mismatch"),
    ],
)
def test_binary_data_of_another_size_is_refused(
    fields: Mapping[str, int], behind: bytes, text: str
) -> None:
    head = json.dumps(parameters(**fields)).encode()
    found, said = refuse("row", head + behind, inference_header_content_length=str(len(head)))
    assert found is BAD
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("model", "body", "text"),
    [
        ("two", b"", "Raw request must only have 1 input (found 2) to be deduced but got 2 inputs"),
        (
            "none",
            b"",
            "Raw request must only have 1 input (found 0) to be deduced but got 0 inputs",
        ),
        ("planes", b"", "The shape of the raw input 'x' can not be deduced because there are more"),
        ("texts", b"", "For BYTE datatype raw input 'x', the model must have input shape [1]"),
        ("row", bytes(8), "[request id: <id_unknown>] input byte size mismatch for input 'x'"),
        ("rows", bytes(13), "[request id: <id_unknown>] input byte size mismatch for input 'x'"),
    ],
)
def test_a_tensor_alone_that_leaves_something_open_is_refused(
    model: str, body: bytes, text: str
) -> None:
    found, said = refuse(model, body, inference_header_content_length="0")
    assert found is BAD
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("model", "output", "text"),
    [
        (
            "FP16",
            {},
            "sending FP16 data via JSON is not supported. Please use the binary data format",
        ),
        ("BYTES", {}, "expected UTF-8 in output 'x' for JSON"),
        ("odd", {}, "[request id: <id_unknown>] inference input 'x' data-type is"),
        (
            "BYTES",
            {"classification": 1},
            "class result not available for output due to unsupported",
        ),
        ("FP16", {"classification": 1}, "class result not available for output due to unsupported"),
    ],
)
def test_an_output_that_json_cannot_hold_is_refused(
    model: str, output: Mapping[str, int], text: str
) -> None:
    datatype = "FP16" if model == "odd" else model
    raw = b"\x01\x00\x00\x00\xff" if model == "BYTES" else bytes(2)
    tensor = {**BINARY, "datatype": datatype, "shape": [1]}
    tensor |= {"parameters": {"binary_data_size": len(raw)}}
    wanted = [{"name": "x", "parameters": output}]
    head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode()
    found, said = refuse(model, head + raw, inference_header_content_length=str(len(head)))
    assert found is BAD
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("verb", "path", "status", "text"),
    [
        ("GET", "v2/models/no", UNKNOWN, "Request for unknown model: 'no' is not found"),
        ("GET", "v2/models/no/config", UNKNOWN, "Request for unknown model: 'no' is not found"),
        ("GET", "v2/models/no/ready", UNKNOWN, "Request for unknown model: 'no' is not found"),
        ("GET", "v2/models/no/stats", BAD, "requested model 'no' is not available"),
        ("POST", "v2/models/no/infer", UNKNOWN, "Request for unknown model: 'no' is not found"),
        (
            "POST",
            "v2/models/row/versions/9/infer",
            UNKNOWN,
            "Request for unknown model: 'row' version 9 is not found",
        ),
        (
            "GET",
            "v2/models/row/versions/9/ready",
            UNKNOWN,
            "Request for unknown model: 'row' version 9 is not found",
        ),
        (
            "POST",
            "v2/models/row/versions/x/infer",
            BAD,
            (
                "failed to get model version from specified version string 'x' (details: stol),"
                " version should be an integral value > 0"
            ),
        ),
        (
            "POST",
            "v2/repository/models/no/load",
            UNKNOWN,
            "Request for unknown model: 'no' is not found",
        ),
        (
            "POST",
            "v2/repository/models/no/unload",
            UNKNOWN,
            "Request for unknown model: 'no' is not found",
        ),
        (
            "POST",
            "v2/repository/models/none/load",
            Status.FAILED_PRECONDITION,
            "failed to load 'none', it has no inputs",
        ),
    ],
)
def test_what_is_not_there_is_refused_in_the_words_of_triton(
    verb: str, path: str, status: Status, text: str
) -> None:
    body = json.dumps({"inputs": [X]}).encode() if path.endswith("infer") else b""
    with pytest.raises(Refused) as refused:
        Served().call(verb, path, body)
    assert refused.value.status is status
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("index", {"ready": 1}, "Unable to parse 'ready': attempt to access JSON non-boolean"),
        ("index", [], JSON + "expected a JSON object"),
        ("models/row/load", {"parameters": {"config": "{}"}}, "expected no parameter 'config'"),
        ("models/row/load", {"parameters": {"file:1/x": ""}}, "expected no parameter 'file:1/x'"),
        (
            "models/row/unload",
            {"parameters": []},
            "Unable to parse 'parameters': attempt to access",
        ),
    ],
)
def test_no_files_are_taken_from_callers(path: str, body: object, text: str) -> None:
    with pytest.raises(Refused) as refused:
        Served().call("POST", f"v2/repository/{path}", json.dumps(body).encode())
    assert refused.value.status is BAD
    assert str(refused.value).startswith(text)


def test_an_encoding_that_is_unknown_is_refused() -> None:
    assert refuse("row", b"{}", content_encoding="br") == (
        Status.UNIMPLEMENTED,
        "Unsupported compression type",
    )


@pytest.mark.parametrize(("verb", "path"), [("GET", "v2/models/row/infer"), ("POST", "v2")])
def test_another_verb_is_refused(verb: str, path: str) -> None:
    with pytest.raises(InvalidRequest):
        Served().call(verb, path)


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":'
        + b"[" * 100_000
        + b"1}]}",
        b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":['
        + b"1" * 16 * MB
        + b"]}]}",
        b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,' + b"9" * 4000 + b'],"data":[1]}]}',
        b'{"inputs":[{"name":"' + b"x" * 4 * MB + b'","datatype":"FP32","shape":[1],"data":[1]}]}',
        b'{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":['
        + b'"a",' * MB
        + b'"a"]}]}',
        b'{"inputs":[' + b'{"data":[]},' * 200_000 + b"{}]}",
        b'{"outputs":[' + b"{}," * 400_000 + b'{}],"inputs":[]}',
    ],
    ids=["nested", "nested data", "digits", "size", "name", "strings", "inputs", "outputs"],
)
def test_a_hostile_request_costs_a_small_multiple_of_its_bytes(body: bytes) -> None:
    tracemalloc.start()
    try:
        status, text = refuse("row", body)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body) + 16 * MB
    finally:
        tracemalloc.stop()
    assert status is BAD
    assert len(text) < 5 * MB
