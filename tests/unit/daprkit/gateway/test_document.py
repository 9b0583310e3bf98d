"""JSON is read if it is an object of texts, however large these are."""

import json
import tracemalloc

import pytest

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.document import parse_object

MIB = 1024 * 1024


def test_large_texts_are_read() -> None:
    text = 'a"\\,{[\n' * 500_000
    assert parse_object(json.dumps({"body": text}).encode(), "it") == {"body": text}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"1,2,3",
        b"\xff\xd8",
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1} {}',
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_object(body, "it")
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [' + b"[]," * (5 * MIB) + b"0]}",
        b'{"a": [' + b'"",' * (5 * MIB) + b"0]}",
        b'{"a": ' + b'""' * (7 * MIB) + b"}",
        b'"' + b'\\"' * (7 * MIB),
        b"{" * (15 * MIB),
    ],
    ids=["lists", "texts", "empty texts", "quotes", "braces"],
)
def test_what_is_large_by_its_structure_takes_little_memory(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest):
            parse_object(body, "it")
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()
