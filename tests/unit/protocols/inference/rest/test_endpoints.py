"""What each path answers: tensors of every type in each form, and who answers at all."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from unit.protocols.inference.rest.served import MAX_BODY, MODELS, NUMBERS, PROVENANCE, Served

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.errors import BodyTooLarge
from meshlens.daprkit.messages import Reply
from meshlens.protocols.inference.datatypes import find_dtype, name_datatype
from meshlens.protocols.inference.elements import decode_numbers, decode_texts, encode_raw
from meshlens.protocols.models import Array

numbers = st.sampled_from(NUMBERS).flatmap(
    lambda name: arrays.arrays(np.dtype(name), arrays.array_shapes(min_dims=0, max_side=3))
)
texts = st.lists(st.text(max_size=5).map(str.encode), min_size=1, max_size=4).map(
    lambda items: np.array([*items, None], object)[:-1]
)
tensors = st.one_of(numbers, texts)


@pytest.fixture
def served() -> Served:
    return Served()


def show(array: Array, form: str) -> tuple[Mapping[str, Any], bytes]:
    """Return an input in a form, and the binary data behind it."""
    head = {"name": "x", "datatype": name_datatype(array.dtype), "shape": array.shape}
    if form == "binary":
        raw = encode_raw(array)
        return {**head, "parameters": {"binary_data_size": len(raw)}}, raw
    data = array.tolist() if form == "nested" and array.ndim else array.ravel().tolist()
    return {**head, "data": json.loads(json.dumps(data, default=bytes.decode))}, b""


def infer(
    array: Array, form: str, *, served: Served | None = None, **fields: object
) -> tuple[Mapping[str, Any], bytes, Reply]:
    """Return the JSON of the answer to an array, what is behind it, and the reply."""
    tensor, behind = show(array, form)
    text = json.dumps({"inputs": [tensor], **fields}).encode()
    headers = {"inference_header_content_length": str(len(text))} if behind else {}
    path = f"v2/models/{tensor['datatype']}/infer"
    reply = (served or Served()).call("POST", path, text + behind, **headers)
    header = reply.headers.get("inference-header-content-length")
    size = len(reply.body) if header is None else int(header)
    return json.loads(reply.body[:size]), reply.body[size:], reply


def read_output(output: Mapping[str, Any], behind: bytes) -> Array:
    dtype = find_dtype(output["datatype"])
    assert dtype is not None
    if "data" in output:
        data = [it.encode() if isinstance(it, str) else it for it in output["data"]]
        flat = np.array([*data, None], object)[:-1].astype(dtype)
    elif output["datatype"] == "BYTES":
        flat = np.array([*decode_texts(behind), None], object)[:-1]
    else:
        flat = decode_numbers(behind, dtype)
    return flat.reshape(output["shape"])


@given(tensors, st.sampled_from(["flat", "nested", "binary"]), st.booleans())
def test_what_is_sent_in_any_form_comes_back_in_any_form(
    tensor: Array,
    form: str,
    binary: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    if tensor.dtype == np.float16:
        form, binary = "binary", True
    elif form != "binary" and tensor.size == 0:
        form = "flat"
    wanted = [{"name": "x", "parameters": {"binary_data": binary}}]
    answer, behind, reply = infer(tensor, form, outputs=wanted, id="7")
    assert {key: answer[key] for key in ("id", "model_version")} == {
        "id": "7",
        "model_version": "1",
    }
    (output,) = answer["outputs"]
    assert reply.content_type == ("application/octet-stream" if binary else "application/json")
    assert ("inference-header-content-length" in reply.headers) is binary
    np.testing.assert_array_equal(read_output(output, behind), tensor)
    assert reply.result == {"shapes": {"x": list(tensor.shape)}}
    assert reply.provenance == PROVENANCE
    assert (reply.model, reply.version) == (name_datatype(tensor.dtype), "1")


@given(tensors, st.integers(-3, 3))
def test_binary_data_of_another_length_is_refused(tensor: Array, more: int) -> None:
    head, raw = show(tensor, "binary")
    wrong = raw[: len(raw) + more] if more < 0 else raw + bytes(more)
    for size in {len(raw), len(wrong)}:
        fields = {**head, "parameters": {"binary_data_size": size}}
        text = json.dumps({"inputs": [fields]}).encode()
        if wrong == raw:
            continue
        with pytest.raises(Refused) as refused:
            Served().call(
                "POST",
                f"v2/models/{head['datatype']}/infer",
                text + wrong,
                inference_header_content_length=str(len(text)),
            )
        assert refused.value.status is Status.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("parameters", "wanted", "binary"),
    [
        ({}, None, False),
        ({"binary_data_output": True}, None, True),
        ({"binary_data_output": True}, {}, True),
        ({"binary_data_output": True}, {"binary_data": False}, False),
        ({"binary_data_output": False}, {"binary_data": True}, True),
        ({}, {}, False),
    ],
)
def test_an_output_says_its_form_itself_or_the_request_says_it(
    parameters: Mapping[str, bool],
    wanted: Mapping[str, bool] | None,
    binary: bool,  # noqa: FBT001 - a column of the table
) -> None:
    outputs: dict[str, Any] = (
        {} if wanted is None else {"outputs": [{"name": "x", "parameters": wanted}]}
    )
    tensor = np.array([1, 2], np.int32)
    answer, behind, _ = infer(tensor, "flat", parameters=parameters, **outputs)
    assert bool(behind) is binary
    np.testing.assert_array_equal(read_output(answer["outputs"][0], behind), tensor)


def test_inputs_take_their_binary_data_in_their_order(served: Served) -> None:
    a = {"name": "a", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 2}}
    b = {"name": "b", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}}
    text = json.dumps({"inputs": [b, a]}).encode()
    behind = b"\x01\x00\x00\x00z\x05\x06"
    header = str(len(text))
    reply = served.call(
        "POST", "v2/models/two/infer", text + behind, inference_header_content_length=header
    )
    outputs = {output["name"]: output["data"] for output in json.loads(reply.body)["outputs"]}
    assert outputs == {"a": [5, 6], "b": ["z"]}


def test_keys_that_clients_add_are_ignored() -> None:
    answer, _, _ = infer(np.array([1.5], np.float32), "flat", model_name="other", extra=[1])
    assert answer["model_name"] == "FP32"
    assert "id" not in answer


def test_the_largest_elements_come_with_their_labels() -> None:
    wanted = [{"name": "x", "parameters": {"classification": 2}}]
    answer, _, _ = infer(np.array([[0.1, 0.9, 0.3]], np.float32), "flat", outputs=wanted)
    (output,) = answer["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
    assert output["data"] == ["0.900000:1:apple", "0.300000:2:fig"]


def test_a_picture_is_sent_instead_of_its_pixels(served: Served) -> None:
    tensor: dict[str, Any] = {"name": "x", "datatype": "BYTES", "shape": [1]}
    tensor |= {"data": ["cGljdHVyZSAx"], "parameters": {"content_type": "base64"}}
    body = json.dumps({"inputs": [tensor]}).encode()
    reply = served.call("POST", "v2/models/picture/infer", body)
    assert json.loads(reply.body)["outputs"][0]["data"] == [9.0]


@pytest.mark.parametrize(
    ("model", "body", "shape"),
    [
        ("row", np.arange(3, dtype=np.float32).tobytes(), [1, 3]),
        ("rows", np.arange(6, dtype=np.float32).tobytes(), [2, 3]),
        ("rows", b"", [0, 3]),
        ("text", b"as it is", [1, 1]),
        ("text", b"", [1, 1]),
    ],
)
def test_a_tensor_alone_is_a_request(
    served: Served, model: str, body: bytes, shape: list[int]
) -> None:
    reply = served.call(
        "POST", f"v2/models/{model}/infer", body, inference_header_content_length="0"
    )
    size = int(reply.headers["inference-header-content-length"])
    (output,) = json.loads(reply.body[:size])["outputs"]
    assert output["shape"] == shape
    behind = reply.body[size:]
    assert behind == body if model != "text" else decode_texts(behind) == [body]


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_bodies_are_packed_both_ways(
    served: Served, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    tensor = np.zeros(5000, np.float32)
    text, behind = show(tensor, "binary")
    head = json.dumps({"inputs": [text], "parameters": {"binary_data_output": True}}).encode()
    reply = served.call(
        "POST",
        "v2/models/FP32/infer",
        pack(head + behind),
        content_encoding=encoding,
        accept_encoding=encoding,
        inference_header_content_length=str(len(head)),
    )
    assert reply.headers["content-encoding"] == encoding
    unpacked = zlib.decompress(reply.body, 32 + zlib.MAX_WBITS)
    assert unpacked[int(reply.headers["inference-header-content-length"]) :] == behind


def test_a_bomb_is_refused(served: Served) -> None:
    bomb = gzip.compress(bytes(2 * MAX_BODY))
    for path in ("v2/models/FP32/infer", "v2/repository/index"):
        with pytest.raises(BodyTooLarge):
            served.call("POST", path, bomb, content_encoding="gzip")


def test_time_in_the_queue_is_bounded_by_the_request(served: Served) -> None:
    admission = Admission(1, 1)
    tensor, _ = show(np.array([1], np.int8), "flat")

    def ask(microseconds: int) -> Reply:
        fields = {"inputs": [tensor], "parameters": {"timeout": microseconds}}
        return served.call("POST", "v2/models/INT8/infer", json.dumps(fields).encode())

    def run(microseconds: int) -> Reply:
        return admission.run(lambda: ask(microseconds), seconds=10, on_caller_gone=lambda _: True)

    try:
        assert run(10_000_000).content_type == "application/json"
        with pytest.raises(Refused, match=r"^Request timeout expired$") as refused:
            run(1)
    finally:
        admission.close()
    assert refused.value.status is Status.UNAVAILABLE


def test_health_is_said_in_the_words_of_kserve(served: Served) -> None:
    assert served.call("GET", "v2/health/live").body == b'{"live":true}'
    assert served.call("GET", "v2/health/ready").body == b'{"ready":true}'
    assert json.loads(served.call("GET", "v2/models/row/ready").body)["ready"] is True
    served.ready = False
    assert served.call("GET", "v2/health/live").body == b'{"live":true}'
    with pytest.raises(Refused) as refused:
        served.call("GET", "v2/health/ready")
    assert refused.value.status is Status.UNAVAILABLE


def test_server_and_models_are_described(served: Served) -> None:
    server = json.loads(served.call("GET", "v2").body)
    assert (server["name"], server["version"]) == ("echo", "1.2")
    assert "binary_tensor_data" in server["extensions"]
    assert json.loads(served.call("GET", "v2/models").body) == {"models": list(MODELS)}
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 3]}
    for path in ("v2/models/rows", "v2/models/rows/versions/1"):
        assert json.loads(served.call("GET", path).body) == {
            "name": "rows",
            "versions": ["1"],
            "platform": "meshlens_echo",
            "inputs": [tensor],
            "outputs": [tensor],
        }
        config = json.loads(served.call("GET", f"{path}/config").body)
        assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 3]}]
    texts = json.loads(served.call("GET", "v2/models/text/config").body)
    assert texts["output"][0]["data_type"] == "TYPE_STRING"
    odd = json.loads(served.call("GET", "v2/models/odd/config").body)
    assert odd["input"][0]["data_type"] == "TYPE_INVALID"


def test_what_was_computed_is_counted(served: Served) -> None:
    infer(np.zeros((2, 3), np.float32), "flat", served=served)
    (stats,) = json.loads(served.call("GET", "v2/models/FP32/stats").body)["model_stats"]
    assert (stats["name"], stats["inference_count"], stats["execution_count"]) == ("FP32", 1, 1)
    assert stats["inference_stats"]["success"]["count"] == 1
    every = json.loads(served.call("GET", "v2/models/stats").body)["model_stats"]
    assert {each["name"] for each in every} == set(MODELS)


def test_models_are_unloaded_and_loaded(served: Served) -> None:
    unload = served.call("POST", "v2/repository/models/row/unload")
    assert json.loads(unload.body) == {"name": "row", "unload": True}
    index = json.loads(served.call("POST", "v2/repository/index").body)
    assert {"name": "row", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"} in index
    ready = json.loads(served.call("POST", "v2/repository/index", b'{"ready": true}').body)
    assert {each["name"] for each in ready} == set(MODELS) - {"row"}
    with pytest.raises(Refused) as refused:
        served.call("GET", "v2/models/row/ready")
    assert refused.value.status is Status.UNAVAILABLE
    load = served.call("POST", "v2/repository/models/row/load", b'{"parameters": {}}')
    assert json.loads(load.body) == {"name": "row", "load": True}
    assert served.call("GET", "v2/models/row/ready").content_type == "application/json"


def test_a_label_stands_for_a_version(served: Served) -> None:
    for what in ("", "/ready", "/config"):
        found = json.loads(served.call("GET", f"v2/models/row/versions/stable{what}").body)
        assert found["name"] == "row"
    with pytest.raises(Refused, match="version string 'canary'"):
        served.call("GET", "v2/models/row/versions/canary/ready")


def test_names_may_hold_any_sign_but_a_slash(served: Served) -> None:
    assert json.loads(served.call("GET", "v2/models/ä b%/ready").body)["name"] == "ä b%"


def test_only_inferences_wait_for_a_worker(served: Served) -> None:
    lanes = {route.path: route.lane for route in served.routes}
    assert {path for path, lane in lanes.items() if lane is Lane.WORK} == {
        "v2/models/<name>/infer",
        "v2/models/<name>/versions/<version>/infer",
    }
    assert {path for path, lane in lanes.items() if lane is Lane.ADMIN} == {
        "v2/repository/models/<name>/load",
        "v2/repository/models/<name>/unload",
    }


def test_an_error_has_the_body_of_triton(served: Served) -> None:
    for route in served.routes:
        assert route.failure is not None
        assert route.failure(Status.NOT_FOUND, 'no "x"') == b'{"error":"no \\"x\\""}'
