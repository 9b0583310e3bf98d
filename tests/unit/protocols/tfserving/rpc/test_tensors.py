"""TensorProto <-> arrays."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from installed import need_module

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.dtypes import DATA_TYPES
from meshlens.protocols.tfserving.rpc.tensors import read_tensor, write_tensor
from meshlens.protocols.wire.tensorflow_pb2 import TensorProto, TensorShapeProto

MOST = 100_000
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
NUMBERS = [each.dtype for each in DATA_TYPES if each.dtype.kind != "O"]
STRINGS = arrays.arrays(object, SHAPES, elements=st.binary(max_size=200))
ANY = st.sampled_from(NUMBERS).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES)) | STRINGS


def read(proto: TensorProto) -> Array:
    return read_tensor(proto, "x", most_bytes=MOST)


def make(dtype: str, shape: list[int], **values: Any) -> TensorProto:  # noqa: ANN401 - of any field
    dims = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])
    return TensorProto(dtype=dtype, tensor_shape=dims, **values)


def write(array: Array) -> TensorProto:
    proto = TensorProto()
    write_tensor(array, proto)
    return TensorProto.FromString(proto.SerializeToString())


def encode_content(array: Array) -> bytes:
    if array.dtype.kind != "O":
        return array.tobytes()
    lengths = b"".join(
        bytes([len(item)]) if len(item) < 128 else bytes([len(item) & 127 | 128, len(item) >> 7])
        for item in array.ravel().tolist()
    )
    return lengths + b"".join(array.ravel().tolist())


@given(ANY)
def test_what_is_written_is_read_as_the_same_array(array: Array) -> None:
    again = read(write(array))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    if array.dtype.kind == "O":
        assert again.tolist() == array.tolist()
    else:
        assert again.tobytes() == array.tobytes()


@given(ANY)
def test_content_is_read_as_the_same_array(array: Array) -> None:
    typed = write(array)
    content = TensorProto(
        dtype=typed.dtype, tensor_shape=typed.tensor_shape, tensor_content=encode_content(array)
    )
    again = read(content)
    assert again.shape == array.shape
    if array.dtype.kind == "O":
        assert again.tolist() == array.tolist()
    else:
        assert again.tobytes() == array.tobytes()


def test_values_stand_in_the_field_of_their_type() -> None:
    assert list(write(np.array([1.5], np.float32)).float_val) == [1.5]
    assert list(write(np.array([True, False])).bool_val) == [True, False]
    assert list(write(np.array([-1], np.int8)).int_val) == [-1]
    assert list(write(np.array([1], np.float16)).half_val) == [0x3C00]
    assert list(write(np.array([1 + 2j], np.complex64)).scomplex_val) == [1, 2]
    assert list(write(np.array([b"a", "é"], object)).string_val) == [b"a", "é".encode()]
    assert not write(np.array([1.5], np.float32)).tensor_content


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (make("DT_FLOAT", [2, 2], float_val=[1, 2]), [[1, 2], [2, 2]]),
        (make("DT_FLOAT", [2], float_val=[]), [0, 0]),
        (make("DT_INT64", [3], int64_val=[7]), [7, 7, 7]),
        (make("DT_STRING", [2], string_val=[b"a"]), [b"a", b"a"]),
        (make("DT_STRING", [2]), [b"", b""]),
        (make("DT_COMPLEX64", [2], scomplex_val=[1, 2]), [1 + 2j, 1 + 2j]),
        (make("DT_HALF", [2], half_val=[0x3C00]), [1, 1]),
        (make("DT_FLOAT", [], float_val=[3]), 3),
    ],
)
def test_the_last_value_is_repeated(proto: TensorProto, expected: object) -> None:
    assert read(proto).tolist() == expected


@pytest.mark.parametrize(
    ("proto", "why"),
    [
        (make("DT_FLOAT", [10**12], float_val=[1]), "1000000000000 elements take more than"),
        (make("DT_STRING", [10**12], string_val=[b"a"]), "elements take more than"),
        (make("DT_STRING", [10_000], string_val=[b"a" * 1000]), "10000 strings take more than"),
        (make("DT_FLOAT", [-1], float_val=[1]), "a dimension is negative"),
        (make("DT_FLOAT", [2**62, 4], float_val=[1]), "its dimensions overflow"),
        (make("DT_FLOAT", [0, 2**62, 4]), "its dimensions overflow"),
        (make("DT_FLOAT", [1] * 65, float_val=[1]), "more than 64 dimensions"),
        (TensorProto(dtype="DT_FLOAT", tensor_shape=TensorShapeProto(unknown_rank=True)),
         "its shape is unknown"),
        (make("DT_INVALID", [1]), "type 0 is none"),
        (make("DT_BFLOAT16", [1], half_val=[1]), "type 14 is none"),
        (make("DT_FLOAT", [1], float_val=[1, 2]), "2 values, where at most 1 are expected"),
        (make("DT_FLOAT", [1], double_val=[1]), "values in double_val, float_val at once"),
        (make("DT_FLOAT", [1], float_val=[1], tensor_content=b"abcd"), "at once"),
        (make("DT_FLOAT", [2], tensor_content=b"abcd"), "4 bytes of tensor_content, where 8"),
        (make("DT_UINT8", [1], int_val=[300]), "300 is not from 0 to 255"),
        (make("DT_INT8", [1], int_val=[-129]), "-129 is not from -128 to 127"),
        (make("DT_HALF", [1], half_val=[-1]), "-1 is not from 0 to 65535"),
        (make("DT_COMPLEX64", [1], scomplex_val=[1]), "an odd number"),
        (make("DT_BOOL", [1], tensor_content=b"\2"), "a bool that is neither"),
        (make("DT_STRING", [2], tensor_content=b"\1\1a"), "are not 2 strings"),
        (make("DT_STRING", [9], tensor_content=b"\1"), "cannot hold 9 strings"),
        (make("DT_STRING", [1], tensor_content=b"\xff\xff"), "ends within the length"),
        (make("DT_STRING", [1], tensor_content=b"\xff" * 9), "ends within the length"),
    ],
)  # fmt: skip
def test_a_message_that_contradicts_itself_is_refused(proto: TensorProto, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read(proto)
    assert refused.value.status is Status.INVALID_ARGUMENT
    assert str(refused.value).startswith("tensor parsing error: x (")
    assert why in str(refused.value)


@given(st.binary(max_size=200))
def test_any_message_is_an_array_or_refused(data: bytes) -> None:
    proto = TensorProto()
    try:
        proto.MergeFromString(data)
    except Exception:  # noqa: BLE001 - it is no message
        return
    try:
        array = read(proto)
    except Refused:
        return
    assert array.nbytes <= MOST
    assert array.size == math.prod(dim.size for dim in proto.tensor_shape.dim)


@pytest.mark.slow
def test_tensorflow_agrees() -> None:
    need_module("tensorflow", "uv sync --group train")
    import tensorflow as tf  # noqa: PLC0415 - seconds

    for dtype in NUMBERS:
        array = np.arange(6).reshape(2, 3).astype(dtype)
        theirs = tf.make_tensor_proto(array)
        assert read(TensorProto.FromString(theirs.SerializeToString())).tolist() == array.tolist()
        listed = tf.make_tensor_proto(array.tolist(), dtype=array.dtype)
        assert read(TensorProto.FromString(listed.SerializeToString())).tolist() == array.tolist()
        ours = type(theirs).FromString(write(array).SerializeToString())
        assert tf.make_ndarray(ours).tolist() == array.tolist()
    texts = np.array([[b"a"], [b"\xff" * 300]], object)
    theirs = tf.make_tensor_proto(texts)
    assert read(TensorProto.FromString(theirs.SerializeToString())).tolist() == texts.tolist()
    content = encode_content(texts)
    packed = type(theirs)(
        dtype=theirs.dtype, tensor_shape=theirs.tensor_shape, tensor_content=content
    )
    assert (
        tf.io.parse_tensor(packed.SerializeToString(), tf.string).numpy().tolist() == texts.tolist()
    )
