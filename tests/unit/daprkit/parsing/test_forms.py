"""A form is read by its separators: what is between them never matters."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.parsing.forms import MOST_FIELDS, Parts, parse_form

MEGABYTE = 1_000_000
CURL = "------------------------d74496d66958873e"
BROWSER = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

boundaries = st.text("ABCxyz0189'()+_,-./:=?", min_size=1, max_size=70)
# Line breaks and dashes are what a parser may take for the end of a part.
contents = st.lists(
    st.one_of(st.binary(max_size=50), st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"\r\n--"]))
).map(b"".join)


def write(boundary: str, *contents: bytes, end: bytes = b"\r\n") -> bytes:
    mark = b"--" + boundary.encode()
    head = b'%s%sContent-Disposition: form-data; name="a"; filename="f"%s%s'
    parts = [head % (mark, end, end, end) + content + end for content in contents]
    return b"".join(parts) + mark + b"--" + end


def read(body: bytes, boundary: str = "b", most: int = 32) -> Parts:
    return parse_form(body, boundary, most=most)


@given(boundaries, st.lists(contents, max_size=5))
def test_every_file_comes_back_byte_for_byte(boundary: str, files: list[bytes]) -> None:
    body = write(boundary, *files)
    # The one thing that a sender must see to is that its boundary is in no file.
    if all(b"\r\n--" + boundary.encode() not in b"\r\n" + file + b"\r\n" for file in files):
        assert [content for _, content in read(body, boundary).files] == files


@pytest.mark.slow
@pytest.mark.parametrize("boundary", [CURL, BROWSER])
@pytest.mark.parametrize("size", [200_000, MEGABYTE, 16 * MEGABYTE])
def test_a_file_of_random_bytes_is_read_whatever_its_bytes(boundary: str, size: int) -> None:
    import random  # noqa: PLC0415 - beside its seed

    source = random.Random(size)  # noqa: S311 - bytes of a test
    for _ in range(20 if size <= MEGABYTE else 1):
        content = source.randbytes(size)
        assert read(write(boundary, content), boundary).files == [("f", content)]


def test_line_feeds_alone_separate_parts_if_the_first_separator_ends_in_one() -> None:
    files = [b"1\r\n2", b"\n", b""]
    assert [content for _, content in read(write("b", *files, end=b"\n")).files] == files


def test_what_stands_before_and_after_a_form_is_no_part() -> None:
    assert read(b"preamble\r\n" + write("b", b"1") + b"epilogue").files == [("f", b"1")]


def test_a_boundary_that_begins_like_the_content_ends_nothing() -> None:
    assert read(write("b", b"1\r\n--bc\r\n2")).files == [("f", b"1\r\n--bc\r\n2")]


def test_names_are_read_with_their_quotes_letters_and_folds() -> None:
    body = write("b", b"1").replace(b'; filename="f"', b';\r\n filename="a \\"\xc3\xa4\\".png"')
    assert read(body).files == [('a "ä".png', b"1")]


def test_a_text_without_a_file_name_is_a_field() -> None:
    body = write("b", "größe".encode()).replace(b'; filename="f"', b"")
    assert read(body).fields == [("a", "größe")]


def test_too_many_parts_are_refused_with_the_limit() -> None:
    fields = write("b", *[b""] * (MOST_FIELDS + 1)).replace(b'; filename="f"', b"")
    with pytest.raises(InvalidRequest, match=f"at most {MOST_FIELDS} fields"):
        read(fields)
    with pytest.raises(InvalidRequest, match="at most 2 files"):
        read(write("b", b"1", b"2", b"3"), most=2)


WHOLE = write("b", b"1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "separator"),
        (WHOLE.replace(b"--b\r\n", b"--c\r\n").replace(b"--b--", b"--c--"), "separator"),
        (WHOLE.removesuffix(b"--b--\r\n"), "breaks off"),
        (WHOLE.replace(b"\r\n\r\n", b"\r\n"), "no empty line"),
        (WHOLE.replace(b"form-data", b"attachment"), "no header"),
        (WHOLE.replace(b'name="a"; ', b""), "no header"),
        (WHOLE.replace(b"Content", b"X: " + b"y" * 20_000 + b"\r\nContent"), "bytes of headers"),
    ],
)
def test_a_form_that_is_none_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=re.compile(f"multipart/form-data.*{reason}")):
        read(body)


@given(st.binary(max_size=300), boundaries)
def test_other_bytes_are_refused_or_read_and_nothing_else(body: bytes, boundary: str) -> None:
    for whole in (body, b"--" + boundary.encode() + b"\r\n" + body):
        try:
            read(whole, boundary)
        except InvalidRequest as fault:
            assert fault.remedy  # noqa: PT017 - the other outcome is right, too
