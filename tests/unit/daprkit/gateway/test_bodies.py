"""Bodies keep their bytes both ways."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.bodies import decode_body, encode_body
from meshlens.daprkit.gateway.http import HttpAnswer


@given(st.binary())
def test_base64_has_the_bytes_that_were_sent(body: bytes) -> None:
    assert decode_body(base64.b64encode(body).decode(), encoded=True) == body


@given(st.binary(), st.sampled_from(["text/plain", "image/png", "application/json", ""]))
def test_an_answer_has_the_bytes_of_the_method(body: bytes, content_type: str) -> None:
    text, encoded = encode_body(HttpAnswer(200, {"content-type": content_type}, body))
    assert (base64.b64decode(text) if encoded else text.encode()) == body


@pytest.mark.parametrize("text", [None, ""])
@pytest.mark.parametrize("encoded", [True, False])
def test_no_body_is_an_empty_one(text: str | None, *, encoded: bool) -> None:
    assert decode_body(text, encoded=encoded) == b""


@pytest.mark.parametrize("text", ["a", "ab!d", "é", "YWJj\n", "YW Jj"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="must be base64"):
        decode_body(text, encoded=True)


@pytest.mark.parametrize(
    "body", [b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n", b"\x1f\x8b\x08\x00", b"\xff\xfe1\x00"]
)
def test_a_file_that_a_platform_has_read_as_text_is_refused_with_the_remedy(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="binary media type"):
        decode_body(body.decode(errors="replace"), encoded=False)


def test_text_may_hold_the_sign_for_broken_bytes() -> None:
    assert decode_body("name,\ufffd", encoded=False) == "name,\ufffd".encode()


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/csv; charset=utf-8", True),
        ("text/html", True),
        ("image/svg+xml", True),
        ("application/json", True),
        ("application/openapi+json", True),
        ("application/x-ndjson", True),
        ("text/plain; charset=latin-1", False),
        ("application/pdf", False),
        ("application/x-npy", False),
        ("image/png", False),
        ("application/vnd.apache.arrow.stream", False),
        ("", False),
    ],
)
def test_text_is_told_by_its_type(content_type: str, *, is_text: bool) -> None:
    answer = HttpAnswer(200, {"content-type": content_type}, b"abc")
    assert encode_body(answer)[1] is not is_text


def test_what_is_compressed_is_no_text() -> None:
    headers = {"content-type": "text/csv", "content-encoding": "gzip"}
    assert encode_body(HttpAnswer(200, headers, b"abc")) == ("YWJj", True)


def test_nothing_is_text() -> None:
    assert encode_body(HttpAnswer(204)) == ("", False)
