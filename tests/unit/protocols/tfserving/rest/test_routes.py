"""Paths, statuses and texts of the REST API."""

import gzip
import json
import math

import numpy as np
import pytest
from unit.protocols.tfserving.rest.calling import Rest
from unit.protocols.tfserving.rest.refusals import REFUSALS
from unit.protocols.tfserving.served import MOST_BYTES, NoPicture, offer

from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import BodyTooLarge, MethodNotFound

INVALID = Status.INVALID_ARGUMENT
ROWS = '{"instances": [[1, 2]]}'
JOIN = "v1/models/join:predict"
DOUBLE = "v1/models/double:predict"


@pytest.fixture
def rest() -> Rest:
    return Rest(offer())


def test_rows_are_answered_as_rows(rest: Rest) -> None:
    assert rest.post(DOUBLE, {"instances": [[1, 2.5], [3, 4]]}) == {
        "predictions": [[2.0, 5.0], [6.0, 8.0]]
    }
    assert rest.post(DOUBLE, {"instances": [{"x": [1, 2]}]}) == {"predictions": [[2.0, 4.0]]}
    assert rest.post(JOIN, {"instances": [{"a": 1, "b": 2.5}, {"b": 0, "a": 2}]}) == {
        "predictions": [
            {"sum": 3.5, "rows": 0, "both": False},
            {"sum": 2.0, "rows": 1, "both": True},
        ]
    }


def test_columns_are_answered_as_columns(rest: Rest) -> None:
    assert rest.post(DOUBLE, {"inputs": [[1, 2.5]]}) == {"outputs": [[2.0, 5.0]]}
    assert rest.post(DOUBLE, {"inputs": {"x": [[1, 2]], "more": 1}}) == {"outputs": [[2.0, 4.0]]}
    assert rest.post(JOIN, {"inputs": {"a": [1], "b": [2]}}) == {
        "outputs": {"sum": [3.0], "rows": [0], "both": [False]}
    }
    assert rest.post("v1/models/scalar:predict", {"inputs": 3}) == {"outputs": 6.0}


def test_a_version_and_a_label_choose(rest: Rest) -> None:
    body = {"instances": [[1, 2]]}
    for chosen, version in (("", "3"), ("/versions/1", "1"), ("/labels/stable", "1")):
        reply = rest.send("POST", f"v1/models/double{chosen}:predict", json.dumps(body))
        assert (reply.model, reply.version) == ("double", version)
        assert reply.content_type == "application/json"
        assert reply.result == {"shapes": {"y": [1, 2]}}


def test_a_signature_is_chosen_by_name(rest: Rest) -> None:
    body = {"signature_name": "other", "inputs": {"a": [1], "b": [2]}}
    assert rest.post(DOUBLE, body)["outputs"]["sum"] == [3.0]


def test_what_stands_behind_the_document_is_ignored(rest: Rest) -> None:
    assert rest.send("POST", DOUBLE, ROWS + "\n\n and more").body


def test_a_packed_body_is_unpacked(rest: Rest) -> None:
    packed = gzip.compress(ROWS.encode()[:10]) + gzip.compress(ROWS.encode()[10:])
    reply = rest.send("POST", DOUBLE, packed, content_encoding="gzip")
    assert json.loads(reply.body) == {"predictions": [[2.0, 4.0]]}


def test_a_packed_body_is_bounded(rest: Rest) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with pytest.raises(BodyTooLarge) as refused:
        rest.send("POST", DOUBLE, bomb, content_encoding="gzip")
    assert refused.value.size == MOST_BYTES + 1


@pytest.mark.parametrize("cut", [1, 5, -1])
def test_a_damaged_packed_body_is_refused(rest: Rest, cut: int) -> None:
    packed = gzip.compress(ROWS.encode())[:cut]
    with pytest.raises(Exception, match="Failed to uncompress"):
        rest.send("POST", DOUBLE, packed, content_encoding="gzip")


@pytest.mark.parametrize(("verb", "path", "body", "status", "text"), REFUSALS)
def test_statuses_and_texts_are_those_of_the_original(
    rest: Rest, verb: str, path: str, body: str, status: Status, text: str
) -> None:
    assert rest.refusal(verb, path, body) == (status, text)


def test_what_an_error_quotes_is_cut(rest: Rest) -> None:
    body = json.dumps({"instances": {"x": "y" * 5000}})
    status, text = rest.refusal("POST", DOUBLE, body)
    assert status is INVALID
    assert text.startswith('JSON Value: {\n    "instances": {\n        "x": "yyy')
    assert text.endswith("yyy...TRUNCATED")
    assert len(text) == 1024 + len("...TRUNCATED")


def test_integers_stand_for_floats_that_hold_them(rest: Rest) -> None:
    path = "v1/models/echo-f4:predict"
    assert rest.post(path, {"inputs": [16777215, -16777215]}) == {
        "outputs": [16777215.0, -16777215.0]
    }
    assert rest.post(path, {"inputs": [10**25]}) == {"outputs": [1e25]}


def test_what_is_not_finite_goes_both_ways(rest: Rest) -> None:
    reply = rest.send("POST", DOUBLE, '{"inputs": [[NaN, Infinity], [-Infinity, 0]]}')
    assert b"[[NaN, Infinity], [-Infinity, 0.0]]" in reply.body
    answer = json.loads(reply.body)["outputs"]
    assert math.isnan(answer[0][0])
    assert answer[1] == [-math.inf, 0.0]


def test_bytes_are_base64_where_the_name_of_an_output_says_bytes(rest: Rest) -> None:
    answer = rest.post("v1/models/texts:predict", {"instances": ["hé", {"b64": "aGk"}]})
    assert answer == {
        "predictions": [
            {"text": "hé", "raw_bytes": {"b64": "aMOp"}},
            {"text": "hi", "raw_bytes": {"b64": "aGk="}},
        ]
    }


def test_bytes_that_are_no_text_are_refused_where_an_output_is_text(rest: Rest) -> None:
    status, text = rest.refusal("POST", "v1/models/texts:predict", '{"inputs": [{"b64": "/w=="}]}')
    assert status is INVALID
    assert "text holds bytes that are no UTF-8" in text


@pytest.mark.parametrize("body", ['{"instances": ["%s"]}', '{"inputs": {"image": "%s"}}'])
def test_strings_are_pictures_for_a_model_of_pictures(rest: Rest, body: str) -> None:
    reply = rest.send("POST", "v1/models/pictures:predict", body % "picture")
    (answer,) = json.loads(reply.body).values()
    assert answer == [[7.0, 7.0]]


def test_pictures_may_be_base64_and_several(rest: Rest) -> None:
    body = {"instances": [{"b64": "cGljdHVyZQ=="}, {"b64": "cGljdHVyZXM="}]}
    assert rest.post("v1/models/pictures:predict", body) == {
        "predictions": [[7.0, 7.0], [8.0, 8.0]]
    }
    with pytest.raises(NoPicture):
        rest.post("v1/models/pictures:predict", {"instances": ["none"]})


def test_pictures_are_bounded(rest: Rest) -> None:
    body = json.dumps({"instances": ["picture"] * (MOST_BYTES // 48 + 1)})
    status, text = rest.refusal("POST", "v1/models/pictures:predict", body)
    assert status is Status.RESOURCE_EXHAUSTED
    assert "send fewer at once" in text


def test_numbers_for_a_model_of_pictures_are_numbers(rest: Rest) -> None:
    pixels = np.ones((1, 2, 2, 3)).tolist()
    assert rest.post("v1/models/pictures:predict", {"instances": pixels}) == {
        "predictions": [[1.0, 1.0]]
    }


def test_the_state_of_versions_is_as_the_original_writes_it(rest: Rest) -> None:
    fine = {"error_code": "OK", "error_message": ""}
    assert rest.get("v1/models/double") == {
        "model_version_status": [
            {"version": "3", "state": "AVAILABLE", "status": fine},
            {"version": "1", "state": "AVAILABLE", "status": fine},
        ]
    }
    assert rest.get("v1/models/double/labels/none") == rest.get("v1/models/double")
    assert rest.get("v1/models/join/versions/0")["model_version_status"][0]["version"] == "0"
    assert rest.get("v1/models/failed")["model_version_status"] == [
        {
            "version": "1",
            "state": "END",
            "status": {"error_code": "FAILED_PRECONDITION", "error_message": "no such file"},
        }
    ]


def test_metadata_is_as_the_original_writes_it(rest: Rest) -> None:
    answer = rest.get("v1/models/double/versions/1/metadata")
    shape = {"dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}], "unknown_rank": False}
    assert answer["model_spec"] == {"name": "double", "signature_name": "", "version": "1"}
    assert answer["metadata"]["signature_def"]["signature_def"] == {
        "serving_default": {
            "inputs": {"x": {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "x"}},
            "outputs": {"y": {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "y"}},
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        }
    }
    functions = rest.get("v1/models/rows/metadata")["metadata"]["signature_def"]["signature_def"]
    assert functions["serving_default"]["method_name"] == "tensorflow/serving/classify"
    assert functions["count"]["method_name"] == "tensorflow/serving/regress"


def test_paths_are_compared_as_they_are_written(rest: Rest) -> None:
    assert rest.get("v1/models/double")
    assert rest.refusal("GET", "v1/Models/double") == (
        INVALID,
        "Malformed request: GET /v1/Models/double",
    )
    with pytest.raises(MethodNotFound):
        rest.send("GET", "V1/models/double")


def test_every_version_is_described(rest: Rest) -> None:
    functions = rest.get("v1/models/echo-O/metadata")["metadata"]["signature_def"]["signature_def"]
    assert functions["serving_default"]["inputs"]["x"]["tensor_shape"] == {
        "dim": [],
        "unknown_rank": True,
    }
