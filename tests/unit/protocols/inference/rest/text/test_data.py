"""The JSON data of tensors: exact for every type and shape, or refused."""

import base64
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from meshlens.protocols.inference.rest.text.data import read_array, read_strings, write_array

MB = 1_000_000
TYPES = [*(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
TYPES += ["float32", "float64", "bool"]

tensors = st.sampled_from(TYPES).flatmap(
    lambda name: arrays.arrays(np.dtype(name), arrays.array_shapes(max_dims=4, max_side=4))
)


@given(tensors, st.sampled_from(["flat", "nested"]), st.sampled_from([None, 1]))
def test_what_a_client_writes_is_read_bit_for_bit(
    tensor: NDArray[Any], form: str, indent: int | None
) -> None:
    data = tensor.ravel() if form == "flat" else tensor
    text = json.dumps(data.tolist(), indent=indent).encode()
    read = read_array(text, tensor.dtype, tensor.shape)
    assert read.dtype == tensor.dtype
    np.testing.assert_array_equal(read, tensor)


@given(tensors)
def test_what_is_written_is_read_again(tensor: NDArray[Any]) -> None:
    read = read_array(write_array(tensor), tensor.dtype, tensor.shape)
    np.testing.assert_array_equal(read, tensor)


@given(tensors, st.integers(1, 3))
def test_one_number_more_or_less_is_refused(tensor: NDArray[Any], more: int) -> None:
    flat = tensor.ravel().tolist()
    for wrong in (flat[:-1], [*flat, *flat[:more]]):
        with pytest.raises(ValueError, match="Shape does not match true shape of 'data' field"):
            read_array(json.dumps(wrong).encode(), tensor.dtype, tensor.shape)


@pytest.mark.parametrize(
    ("text", "dtype", "shape", "why"),
    [
        ("[[1, 2, 3], [4, 5, 6]]", "float32", (3, 2), "Shape does not match"),
        ("[[1, 2], [3]]", "float32", (3,), "lists have different lengths"),
        ("[[1], 2, [3, 4]]", "int8", (4,), "lists have different lengths"),
        ("[[1] 2]", "int8", (1,), "no comma between it and its neighbour"),
        ("[1 [2]]", "int8", (1,), "no comma between it and its neighbour"),
        ("[1 [,2]]", "int8", (2,), "no comma between it and its neighbour"),
        ("[[1,] 2]", "int8", (2,), "no comma between it and its neighbour"),
        ("[[1,2],[3 4]]", "int8", (1,), "different lengths"),
        ("[[1,2,],[3]]", "int8", (2, 2), "different lengths"),
        ("[[1,],[,2]]", "int8", (2, 2), "expected value"),
        ("[1][2]", "int8", (2,), "no comma between it and its neighbour"),
        ("[1],[2]", "int8", (2,), "brackets do not match"),
        ("[[1]", "int8", (1,), "brackets do not match"),
        ("[1,]", "int8", (2,), "trailing comma"),
        ("[1,,2]", "int8", (3,), "expected value"),
        ("[1 2]", "int8", (1,), "expected `,` or `]`"),
        ("[01]", "int8", (1,), "invalid number"),
        ("[+1]", "float32", (1,), "expected value"),
        ("[1.]", "float32", (1,), "invalid number"),
        ("[1.0]", "int32", (1,), "expected values of type int32, got 1.0"),
        ("[1e2]", "int32", (1,), "expected values of type int32, got 100.0"),
        ("[NaN]", "int32", (1,), "expected values of type int32, got nan"),
        ("[true]", "int32", (1,), "expected values of type int32, got True"),
        ("[1, true]", "float32", (2,), "expected values of type float32, got True"),
        ("[null]", "float32", (1,), "expected values of type float32, got None"),
        ("[1]", "bool", (1,), "expected values of type bool, got 1"),
        ("[true, 0]", "bool", (2,), "expected values of type bool, got 0"),
        ("[300]", "uint8", (1,), "300 is out of range of uint8"),
        ("[-1]", "uint64", (1,), "-1 is out of range of uint64"),
        ("[18446744073709551616]", "uint64", (1,), "is out of range of uint64"),
        ("[9223372036854775808]", "int64", (1,), "is out of range of int64"),
        ("[1e39]", "float32", (1,), "out of range of float32"),
        ("[1e400]", "float64", (1,), "out of range of float64"),
        ("[1" + "0" * 400 + "]", "float64", (1,), "out of range of float64"),
        ("[Infinity, 1e39]", "float32", (2,), "out of range of float32"),
        ("[" * 101 + "1" + "]" * 101, "int8", (1,), "nested more than 100 deep"),
    ],
)
def test_data_that_is_not_the_tensor_is_refused(
    text: str, dtype: str, shape: tuple[int, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        read_array(text.encode(), np.dtype(dtype), shape)


def test_words_for_reals_that_json_lacks_are_read_and_written() -> None:
    tensor = read_array(b"[NaN, Infinity, -Infinity, 0.1]", np.dtype("float32"), (4,))
    assert write_array(tensor) == b"[NaN,Infinity,-Infinity,0.10000000149011612]"


@given(st.text(alphabet="[],1 ", max_size=12).map(lambda text: f"[{text}]"))
def test_what_no_parser_reads_is_not_read(text: str) -> None:
    try:
        expected = np.array(json.loads(text), np.int64)
    except ValueError:
        expected = None
    for shape in {(1,), (2,), (3,), (4,), expected.shape if expected is not None else ()}:
        try:
            read = read_array(text.encode(), np.dtype("int64"), shape)
        except ValueError:
            continue
        assert expected is not None, text
        assert read.tolist() == expected.reshape(shape).tolist()


@pytest.mark.parametrize("shape", [(2, 2), (4,), (1, 2, 1, 2)])
def test_sizes_of_one_may_be_left_out(shape: tuple[int, ...]) -> None:
    text = b"[[1, 2], [3, 4]]"
    if shape == (4,):
        with pytest.raises(ValueError, match="Shape does not match"):
            read_array(text, np.dtype("int8"), shape)
    else:
        assert read_array(text, np.dtype("int8"), shape).shape == shape


def test_an_empty_tensor_has_no_numbers() -> None:
    assert read_array(b"[ ]", np.dtype("float32"), (0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "dtype", "size", "most"),
    [
        (b"[" + b"1" * 8 * MB + b"]", "float32", 1, 6),
        (b"[0." + b"1" * 8 * MB + b"]", "float32", 1, 6),
        (b"[" + b"0," * 4 * MB + b"0]", "uint8", 4 * MB + 1, 4),
        (b"[" + b"0," * 4 * MB + b"0]", "float64", 4 * MB + 1, 8),
        (b"[" * 4 * MB + b"]" * 4 * MB, "float32", 1, 4),
        (b"[" + b"[0]," * 2 * MB + b"[0]]", "uint8", 2 * MB + 1, 4),
        (b"[" + b"[0,0,0,0,0,0,0,0,0]," * 400_000 + b"[0,0,0,0,0,0,0,0,0]]", "uint8", 3600009, 20),
    ],
    ids=["digits", "fraction", "bytes", "doubles", "deep", "lists", "rows"],
)
def test_hostile_numbers_take_a_small_multiple_of_their_text(
    text: bytes, dtype: str, size: int, most: int
) -> None:
    tracemalloc.start()
    try:
        with suppress(ValueError):
            read_array(text, np.dtype(dtype), (size,))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < most * len(text)


def test_strings_are_bytes_in_utf_8_or_base64() -> None:
    words = [["ä", ""], ["b", "c"]]
    tensor = read_strings(words, (2, 2))
    assert tensor.tolist() == [["ä".encode(), b""], [b"b", b"c"]]
    assert json.loads(write_array(tensor)) == ["ä", "", "b", "c"]
    jpeg = b"\xff\xd8\xff"
    encoded = [base64.b64encode(jpeg).decode()]
    assert read_strings(encoded, (1,), base64=True).tolist() == [jpeg]


@pytest.mark.parametrize(
    ("data", "shape", "encoding", "why"),
    [
        ("a", (1,), "utf-8", "non-array as array"),
        (["a", 1], (2,), "utf-8", "non-string as string"),
        ([["a"], ["b", "c"]], (3,), "utf-8", "different lengths"),
        ([["a"], "b"], (2,), "utf-8", "different lengths"),
        (["a", "b"], (3,), "utf-8", "Shape does not match"),
        (["%"], (1,), "base64", "expected base64"),
        (["ä"], (1,), "base64", "expected base64"),
    ],
)
def test_data_that_is_no_strings_is_refused(
    data: object, shape: tuple[int, ...], encoding: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        read_strings(data, shape, base64=encoding == "base64")


def test_bytes_that_are_no_text_are_not_written() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        write_array(np.array([b"\xff"], object))
