"""Classify and regress over REST."""

import json

import pytest
from unit.protocols.tfserving.rest.calling import Rest
from unit.protocols.tfserving.served import PROVENANCE, offer

from meshlens.daprkit.application.status import Status
from meshlens.protocols.tfserving.rest.examples import read_examples
from meshlens.protocols.wire.tensorflow_pb2 import Example

INVALID = Status.INVALID_ARGUMENT
CLASSIFY, REGRESS = "v1/models/rows:classify", "v1/models/rows:regress"
NOT_EXPECTED = "has element with unexpected JSON type:"


@pytest.fixture
def rest() -> Rest:
    return Rest(offer())


def test_classes_come_in_the_order_of_the_model(rest: Rest) -> None:
    body = json.dumps({"examples": [{"a": 1}, {"a": 1.5, "b": "x", "c": True}]})
    reply = rest.send("POST", CLASSIFY, body)
    assert json.loads(reply.body) == {
        "results": [[["many", 1.0], ["few", 0.25]], [["many", 3.0], ["few", 0.25]]]
    }
    assert (reply.model, reply.version, reply.result) == ("rows", "1", {"examples": 2})
    assert reply.provenance == PROVENANCE


def test_numbers_of_examples_share_their_context(rest: Rest) -> None:
    body = {"signature_name": "count", "context": {"all": [1]}, "examples": [{"a": 1}, {}]}
    assert rest.post(REGRESS, body) == {"results": [2.0, 1.0]}


def test_pictures_are_classified_by_their_labels(rest: Rest) -> None:
    body = {"examples": [{"image/encoded": {"b64": "cGljdHVyZQ=="}}, {"any": "pictures"}]}
    assert rest.post("v1/models/pictures:classify", body) == {
        "results": [[["light", 7.0], ["dark", 7.0]], [["light", 8.0], ["dark", 8.0]]]
    }


def test_features_get_the_type_of_their_values() -> None:
    values = {
        "ints": [1, -(2**63)],
        "floats": [0.5, 1e30, 2**64],
        "flags": [True, False],
        "texts": ["é", {"b64": "/w=="}],
        "none": [],
        "one": 1.0,
    }
    (example,) = read_examples({"examples": [values]})
    features = Example.FromString(example).features.feature
    assert list(features["ints"].int64_list.value) == [1, -(2**63)]
    assert list(features["floats"].float_list.value) == [0.5, pytest.approx(1e30), 2**64]
    assert list(features["flags"].int64_list.value) == [1, 0]
    assert list(features["texts"].bytes_list.value) == ["é".encode(), b"\xff"]
    assert features["none"].WhichOneof("kind") is None
    assert list(features["one"].float_list.value) == [1.0]


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (CLASSIFY, "{}", ("JSON Value: {} When method is classify, key 'examples' is expected and"
         " was not found")),
        (CLASSIFY, '{"examples": 1}',
         'JSON Value: {\n    "examples": 1\n} Expecting \'examples\' value to be an list/array'),
        (CLASSIFY, '{"examples": []}',
         'JSON Value: {\n    "examples": []\n} \'examples\' value is an empty array'),
        (CLASSIFY, '{"examples": [1]}', "Example must be JSON object but got JSON Number"),
        (CLASSIFY, '{"examples": [], "context": [1]}',
         "Example must be JSON object but got JSON Array"),
        (CLASSIFY, '{"examples": [{"a": null}]}', f"Feature: a {NOT_EXPECTED} Null"),
        (CLASSIFY, '{"examples": [{"a": [[1]]}]}', f"Feature: a {NOT_EXPECTED} Array"),
        (CLASSIFY, '{"examples": [{"a": [{}]}]}', f"Feature: a {NOT_EXPECTED} Object"),
        (CLASSIFY, '{"examples": [{"a": [1, 1.5]}]}',
         "Unexpected element type in feature: a expecting type: int64"),
        (CLASSIFY, '{"examples": [{"a": [1.5, "x"]}]}',
         "Unexpected element type in feature: a expecting type: float"),
        (CLASSIFY, '{"examples": [{"a": ["x", true]}]}',
         "Unexpected element type in feature: a expecting type: bytes"),
        (CLASSIFY, f'{{"examples": [{{"a": {2**63}}}]}}',
         "Feature: a has uint64 element. Only int64 is supported."),
        (CLASSIFY, '{"examples": [{"a": 1e39}]}',
         "Cannot convert JSON value: 1e+39 to float without loss of precision."),
        (CLASSIFY, '{"examples": [{}], "signature_name": "x"}',
         "No signature was found with the name: x"),
        (REGRESS, '{"examples": [{}]}', ("Expected regression signature method_name to be"
         " tensorflow/serving/regress. Was: tensorflow/serving/classify")),
        ("v1/models/double:classify", '{"examples": [{}]}', ("Expected classification signature"
         " method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict")),
        ("v1/models/pictures:classify", '{"examples": [{"a": 1, "b": 2}]}', ("Expected an encoded"
         " picture as the feature image/encoded or image, got the features a, b")),
    ],
)  # fmt: skip
def test_texts_are_those_of_the_original(rest: Rest, path: str, body: str, text: str) -> None:
    assert rest.refusal("POST", path, body) == (INVALID, text)


def test_an_unknown_model_is_not_found_after_the_body_is_read(rest: Rest) -> None:
    status, text = rest.refusal("POST", "v1/models/none:classify", '{"examples": [{}]}')
    assert (status, text) == (Status.NOT_FOUND, "Servable not found for request: Latest(none)")
