"""TensorProto <-> arrays.

The original takes what contradicts itself (values of another type's field, more values than the
shape has elements, numbers that their type cannot hold) and drops a part of it. Here it is refused.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from meshlens.protocols.models import Array
from meshlens.protocols.texts import list_texts
from meshlens.protocols.tfserving.dtypes import (
    STRING,
    DataType,
    find_dtype,
    find_number,
)
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.wire.tensorflow_pb2 import TensorProto

_CONTENT = "tensor_content"
_AROUND = {"dtype", "tensor_shape", "version_number"}
_MOST_AXES = 64  # of an array
_LARGEST = 2**63 - 1
# Fields whose values stand in a message as they do in memory.
_AS_IN_MEMORY = {"float_val", "double_val", "scomplex_val", "dcomplex_val", "bool_val"}
_LENGTH_DELIMITED = 2


def read_tensor(proto: TensorProto, alias: str, *, most_bytes: int) -> Array:
    """Return the array in a message.

    Args:
        proto: a list of values that is too short repeats its last one, and no values are zeros.
        alias: what errors call it.
        most_bytes: of the array, and of all its strings.

    Raises:
        Refused: INVALID_ARGUMENT: the message contradicts itself, or is too large.
    """
    try:
        return _read(proto, most_bytes)
    except ValueError as error:
        raise invalid(f"tensor parsing error: {alias} ({error})") from None


def write_tensor(array: Array, proto: TensorProto) -> None:
    """Write an array into a message, its values in the field of their type.

    Raises:
        Refused: UNIMPLEMENTED: no field holds values of its type.
    """
    type_ = find_dtype(array.dtype)
    proto.MergeFrom(TensorProto(dtype=type_.enum))
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    if not array.size:
        return
    if type_.field in _AS_IN_MEMORY:
        number = TensorProto.DESCRIPTOR.fields_by_name[type_.field].number
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        head = _encode_varint(number << 3 | _LENGTH_DELIMITED) + _encode_varint(len(data))
        proto.MergeFromString(head + data)
    elif type_ is STRING:
        proto.string_val.extend(list_texts(array))
    else:
        bits = array.view(np.uint16) if type_.field == "half_val" else array
        getattr(proto, type_.field).extend(bits.ravel().tolist())


def _read(proto: TensorProto, most_bytes: int) -> Array:
    """Return the array in a message.

    Raises:
        ValueError: the message contradicts itself, or is too large.
    """
    type_ = find_number(proto.dtype)
    if type_ is None:
        raise ValueError(f"type {proto.dtype} is none that requests may hold")
    shape = _read_shape(proto)
    count = math.prod(shape)
    if count * type_.dtype.itemsize > most_bytes:
        raise ValueError(f"{count} elements take more than {most_bytes} bytes")
    values = {field.name: value for field, value in proto.ListFields() if field.name not in _AROUND}
    content = values.pop(_CONTENT, None)
    typed = values.pop(type_.field, ())
    if values or (content and len(typed)):
        others = ", ".join([*values, *([_CONTENT] if content else []), type_.field])
        raise ValueError(f"values in {others} at once, where {type_.name} is meant")
    if content:
        array = _read_content(content, type_, count)
    elif type_ is STRING:
        array = _read_strings(typed, count, most_bytes)
    else:
        array = _read_values(typed, type_, count)
    return array.reshape(shape)


def _read_shape(proto: TensorProto) -> tuple[int, ...]:
    if proto.tensor_shape.unknown_rank:
        raise ValueError("its shape is unknown")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise ValueError("a dimension is negative")
    if len(shape) > _MOST_AXES:
        raise ValueError(f"more than {_MOST_AXES} dimensions")
    # Of an empty tensor the other dimensions may not overflow either.
    if math.prod(size or 1 for size in shape) > _LARGEST:
        raise ValueError("its dimensions overflow")
    return shape


def _read_content(content: bytes, type_: DataType, count: int) -> Array:
    if type_ is STRING:
        return _fill(_split_strings(content, count))
    wanted = count * type_.dtype.itemsize
    if len(content) != wanted:
        raise ValueError(f"{len(content)} bytes of tensor_content, where {wanted} are expected")
    array: Array = np.frombuffer(content, type_.dtype.newbyteorder("<")).astype(
        type_.dtype, copy=False
    )
    if type_.name == "bool" and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError("a bool that is neither 0 nor 1")
    return array


def _read_values(typed: Sequence[Any], type_: DataType, count: int) -> Array:
    """Return numbers from the field of their type."""
    if not len(typed):
        return np.zeros(count, type_.dtype)
    if type_.dtype.kind == "c":
        parts = np.array(typed, np.float32 if type_.name == "complex64" else np.float64)
        if parts.size % 2:
            raise ValueError("an odd number of real and imaginary parts")
        values: Array = parts.view(type_.dtype)
    elif type_.name == "half":
        values = _fit(np.array(typed), np.dtype(np.uint16)).view(np.float16)
    elif type_.dtype.kind in "iu":
        values = _fit(np.array(typed), type_.dtype)
    else:
        values = np.array(typed, type_.dtype)
    return _repeat_last(values, count)


def _fit(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return integers as those of a type.

    Raises:
        ValueError: the type cannot hold one of them.
    """
    bounds = np.iinfo(dtype.str)
    least, largest = int(values.min()), int(values.max())
    if least < bounds.min or largest > bounds.max:
        wrong = least if least < bounds.min else largest
        raise ValueError(f"{wrong} is not from {bounds.min} to {bounds.max}")
    return values.astype(dtype, copy=False)


def _read_strings(typed: Sequence[bytes], count: int, most_bytes: int) -> Array:
    if not len(typed):
        return np.full(count, b"", object)
    if (count - len(typed)) * len(typed[-1]) > most_bytes:
        raise ValueError(f"{count} strings take more than {most_bytes} bytes")
    return _repeat_last(_fill(list(typed)), count)


def _repeat_last(values: Array, count: int) -> Array:
    """Return so many values, the last one repeated.

    Raises:
        ValueError: there are more.
    """
    if values.size > count:
        raise ValueError(f"{values.size} values, where at most {count} are expected")
    if values.size == count:
        return values
    filled: Array = np.full(count, values[-1], values.dtype)
    filled[: values.size] = values
    return filled


def _fill(strings: Sequence[bytes]) -> Array:
    array = np.empty(len(strings), object)
    array[:] = strings
    return array


def _split_strings(content: bytes, count: int) -> list[bytes]:
    """Return the strings in tensor_content: all their lengths, then all their bytes.

    Raises:
        ValueError: it has more or fewer bytes.
    """
    if count > len(content):
        raise ValueError(f"{len(content)} bytes of tensor_content cannot hold {count} strings")
    lengths, at = [], 0
    for _ in range(count):
        length, at = _decode_varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise ValueError(f"{len(content)} bytes of tensor_content are not {count} strings")
    strings = []
    for length in lengths:
        strings.append(content[at : at + length])
        at += length
    return strings


def _decode_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("tensor_content ends within the length of a string")


def _encode_varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits at a time
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
