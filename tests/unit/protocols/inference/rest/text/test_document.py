"""The JSON of a request: the numbers of tensors stay text, and nothing grows beyond the body."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.rest.text.document import Document, read_document

MB = 1_000_000


def restore(document: Document) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return the document with its arrays in their places."""

    def walk(value: Any) -> Any:  # noqa: ANN401 - as above
        match value:
            case dict():
                return {name: walk(item) for name, item in value.items()}
            case list():
                return [walk(item) for item in value]
            case str() if value in document.arrays:
                return json.loads(bytes(document.arrays[value]))
            case _:
                return value

    return walk(document.root)


def test_only_arrays_of_numbers_are_cut_out() -> None:
    text = (
        b'{"inputs": [{"data" : [1, [2, 3]]}, {"data": ["[4]", "x"]}, {"data": 5}], "shape": [6]}'
    )
    document = read_document(text)
    assert [bytes(array) for array in document.arrays.values()] == [b"[1, [2, 3]]"]
    assert restore(document) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        rb'{"a": "\"data\": [1]"}',
        rb'{"a\"data": [1], "b": [2]}',
        rb'{"data\\": [1]}',
        b'{"a": "\\"data\\":[", "data": [1, 2], "b": "]"}',
        b'{"data": [[1, {"data": [2]}], 3]}',
        b'{"data": [{"data": [1]}, {"data": [2]}]}',
        b'{"data": [1, "2]", 3]}',
        b'{"data": [1], "b": []}',
        b'{"data": []}',
        b'{"data":[true,null,NaN]}',
        b'{"data": {"data": [1]}}',
    ],
)
def test_strings_that_look_like_arrays_stay_as_they_are(text: bytes) -> None:
    assert repr(restore(read_document(text))) == repr(json.loads(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='"\\data:[]{},1'),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["data", 'a"data', "b"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["data", "\\data", "c"]), JSON))
def test_any_document_is_what_a_parser_reads(document: dict[str, Any]) -> None:
    assert restore(read_document(json.dumps(document).encode())) == document


@given(st.text(alphabet='"data:[]{}, 1\\').map(lambda text: f'{{"data":{text}}}'.encode()))
def test_what_no_parser_reads_is_not_read(text: bytes) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    try:
        document = read_document(text)
        read = restore(document)
    except (Refused, ValueError):
        read = None
    assert read == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "EOF"),
        (b"[]", "expected a JSON object"),
        (b"{", "EOF"),
        (b'{"a": 1} 2', "trailing characters"),
        (b"\xff", "expected value"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion limit"),
    ],
)
def test_what_is_no_json_object_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(Refused, match=f"^failed to parse the request JSON buffer: .*{why}") as no:
        read_document(text)
    assert no.value.status is Status.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": ' + b"1" * 8 * MB + b"}",
        b'{"a": [' + b"[]," * 2 * MB + b"[]]}",
        b'{"a": [' + b"{}," * 2 * MB + b"{}]}",
        b"{" + b'"data":[],' * MB + b'"data":[]}',
        b'{"data":' * MB,
        b'"data":[' * MB,
    ],
    ids=["digits", "lists", "objects", "arrays", "nested", "unclosed"],
)
def test_a_hostile_document_takes_little_more_than_its_bytes(text: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            read_document(text)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()
