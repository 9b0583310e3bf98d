"""Large bodies, which are parsed in parts."""

import json
import tracemalloc
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from unit.protocols.tfserving.rest.calling import Rest
from unit.protocols.tfserving.served import (
    Computation,
    NoPicture,
    Served,
    ServedModels,
    one,
    spec,
)

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.rest.text.parts import parse_object

MIB = 1 << 20
LARGE = 600_000
VALUES = [
    [1, -2.5, [True, None]],
    [[], {}, [[]], [{}]],
    {"": 0, "é": {"x": [1, 2]}, "]": "}", "a,b": "c,d"},
    ['"', "\\", '\\"', "[", "{,", "\u2028", ""],
    [0.1, 1e300, 2**70],
]


def read(value: object) -> object:
    """Return a value with everything that is in it."""
    if isinstance(value, Mapping):
        return {name: read(each) for name, each in value.items()}
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value
    return [read(each) for each in value]


def enlarge(text: str, wrapped: int) -> str:
    """Return the JSON of a list with as many values as make it large, in further lists."""
    return "[" * wrapped + ", ".join([text] * (LARGE // len(text))) + "]" * wrapped


@pytest.mark.parametrize("wrapped", [1, 3])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_large_is_read_as_every_parser_does(
    value: object, wrapped: int, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=indent is None)
    body = f' {{"a": {text}, "b" : {enlarge(text, wrapped)} , "c": 1}} behind'
    document = parse_object(body.encode(), ("a", "b", "c"))
    assert read(document) == json.loads(body.strip().removesuffix("behind"))


@pytest.mark.parametrize("end", ["", "]", "}", ",1"])
@pytest.mark.parametrize("cut", [300_000, 600_000, -30, -3, -1])
def test_what_is_cut_is_refused(cut: int, end: str) -> None:
    body = f'{{"a": 1, "b": {enlarge(json.dumps(VALUES), 2)}}}'
    broken = (body[:cut] + end).encode()
    if broken == body.encode():  # what was cut off is the end that is put on
        assert read(parse_object(broken, ())) == json.loads(body)
    else:
        with pytest.raises(Refused):
            read(parse_object(broken, ()))


def serve(function: Computation) -> Rest:
    models = ServedModels([Served("m", "1", one(function))], {}, [])
    return Rest(Offer(models, most_bytes=64 * MIB))


def predictor(dtype: str) -> Computation:
    def answer(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        return {"x": np.array([len(tensors["x"])])}

    return Computation([spec("x", dtype, None)], [spec("x", "i8")], answer)


def refuse(_tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    raise NoPicture("expected a picture")


def fill(around: str, part: str, size: int = 2 * MIB) -> bytes:
    """Return a body with as many parts as make it large in the place of a star."""
    return around.replace("*", ",".join([part] * (size // len(part)))).encode()


def shorten(body: object) -> str:
    return str(body)[:40]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("around", "part", "dtype"),
    [
        ('{"instances":[*]}', "[1]", "f4"),
        ('{"instances":[*,[1,2]]}', "[1]", "f4"),
        ('{"instances":[*]', "[1]", "f4"),
        ('{"inputs":[*,["1"]]}', "[1]", "f4"),
        ('{"inputs":{"x":[1],"y":[*]}}', "[1]", "f4"),
        ('{"instances":[*]}', "{}", "f4"),
        ('{"instances":[*]}', '{"x":1}', "f4"),
        ('{"instances":[*,{"y":1}]}', '{"x":1}', "f4"),
        ('{"instances":[*]}', '{"b64":""}', "O"),
        ('{"instances":[*]}', r'"\\\""', "O"),
        ('{"instances":[*]}', "null", "f4"),
        ('{"instances":[*]}', "1", "f4"),
        ('{"inputs":[*]}', "1.5", "i4"),
        ('{"inputs":{*}}', '"x":1', "f4"),
    ],
)
def test_a_hostile_request_takes_a_small_multiple_of_its_bytes(
    around: str, part: str, dtype: str
) -> None:
    function = predictor(dtype)
    body = fill(around, part)
    peak = measure(serve(function), "v1/models/m:predict", body)
    result = sum(tensor.nbytes for call in function.calls for tensor in call.values())
    assert peak < 8 * len(body) + 2 * result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("around", "part"),
    [
        ('{"examples":[*]}', '{"a":1,"b":[2.5]}'),
        ('{"examples":[{"a":[*]}]}', "1"),
        ('{"examples":[*]}', "{}"),
        ('{"context":{*},"examples":[{}]}', '"x":1'),
    ],
)
def test_hostile_examples_take_a_small_multiple_of_their_bytes(around: str, part: str) -> None:
    function = Computation([spec("inputs", "O")], [spec("scores", "f4")], refuse)
    body = fill(around, part)
    # Each example becomes bytes that are an object.
    assert measure(serve(function), "v1/models/m:classify", body) < 20 * len(body)


def measure(rest: Rest, path: str, body: bytes) -> int:
    """Return the bytes that a request takes, which is answered or the caller's fault."""
    refused: Refused | None = None
    tracemalloc.start()
    try:
        rest.send("POST", path, body)
    except Refused as error:
        refused = error
    except NoPicture:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if refused:
        assert refused.status is Status.INVALID_ARGUMENT
        assert len(str(refused)) < 2000
    return peak


def test_a_batch_of_images_in_nested_lists_is_read() -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3))
    function = predictor("f4")
    for key, name in (("instances", ""), ("instances", "x"), ("inputs", "")):
        listed: Any = images.tolist()
        listed = [{name: each} for each in listed] if name else listed
        body = json.dumps({"signature_name": "serving_default", key: listed})
        serve(function).send("POST", "v1/models/m:predict", body)
        assert np.array_equal(function.calls.pop()["x"], images)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        ("[1]", "Expecting tensor size: 2 but got: 1"),
        ("[[1], [2]]", "Expecting shape [2] but got: [2,1]"),
        ("[1, true]", "JSON Value: true Type: True is not of expected type: float"),
        ("[1, [2]]", "Encountered list at unexpected level: 1 expected < 1"),
    ],
)
@pytest.mark.parametrize("size", [100, LARGE])
def test_the_first_fault_is_named_in_a_batch_of_any_size(last: str, text: str, size: int) -> None:
    body = fill(f'{{"instances": [*, {last}]}}', "[1, 2.5]", size)
    place = body.count(b"2.5")
    status, refusal = serve(predictor("f4")).refusal("POST", "v1/models/m:predict", body)
    assert status is Status.INVALID_ARGUMENT
    assert refusal == (
        f"Failed to process element: {place} of 'instances' list. Error: INVALID_ARGUMENT: {text}"
    )


@pytest.mark.parametrize(
    ("key", "last", "text"),
    [
        (
            "instances",
            '{"y": 1}',
            "key: y of 'instances' list. Error: INVALID_ARGUMENT: JSON object",
        ),
        ("instances", "[1]", "Expecting object but got list at item"),
        ("instances", '{"x": "1"}', "key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON"),
        ("inputs", "[1]", "Type: Object is not of expected type: float"),
    ],
)
@pytest.mark.parametrize("size", [100, LARGE])
def test_the_fault_of_a_named_input_is_the_same_in_any_size(
    key: str, last: str, text: str, size: int
) -> None:
    body = fill(f'{{"{key}": [*, {last}]}}', '{"x": 1}', size)
    status, refusal = serve(predictor("f4")).refusal("POST", "v1/models/m:predict", body)
    assert status is Status.INVALID_ARGUMENT
    assert text in refusal


@pytest.mark.parametrize("around", ['{"inputs": *}', '{"inputs": [*]}', '{"instances": [1, *]}'])
def test_a_number_of_countless_digits_takes_a_small_multiple_of_them(around: str) -> None:
    body = around.replace("*", "1" * 16 * MIB).encode()
    assert measure(serve(predictor("f4")), "v1/models/m:predict", body) < 3 * len(body)
    _, text = serve(predictor("f4")).refusal("POST", "v1/models/m:predict", body)
    assert text.startswith("JSON Parse error: Number too big to be stored in double. at offset: ")


def test_what_is_nested_without_end_is_refused() -> None:
    for body in (
        b'{"inputs":' + b"[" * MIB + b"]" * MIB + b"}",
        b'{"a":' * MIB + b"1" + b"}" * MIB,
    ):
        status, text = serve(predictor("f4")).refusal("POST", "v1/models/m:predict", body)
        assert status is Status.INVALID_ARGUMENT
        assert text.startswith("JSON Parse error: Lists and objects are nested too deep.")
