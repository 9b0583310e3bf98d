"""The raw form of tensors: little-endian, row by row; texts behind their lengths."""

import struct

import numpy as np

from meshlens.protocols.models import Array

_LENGTH = struct.Struct("<I")


class TextsCut(ValueError):
    """The raw form of texts ends within one."""


def decode_numbers(data: "bytes | memoryview", dtype: np.dtype[np.generic]) -> Array:
    """Return numbers (n,); a view of `data` where its alignment allows it.

    Raises:
        ValueError: the bytes are no whole number of elements.
    """
    if not len(data):
        return np.empty(0, dtype)
    numbers = np.frombuffer(data, dtype.newbyteorder("<"))
    return numbers if numbers.flags.aligned else numbers.copy()


def decode_texts(data: "bytes | memoryview") -> list[bytes]:
    """Return the texts whose lengths, of four bytes each, stand before them.

    Raises:
        TextsCut: it ends within a length, or within a text.
    """
    view, texts, place = memoryview(data), [], 0
    while place < len(view):
        if len(view) - place < _LENGTH.size:
            raise TextsCut(
                f"string length indicator|{_LENGTH.size} bytes|{len(view) - place} bytes"
            )
        (length,) = _LENGTH.unpack_from(view, place)
        place += _LENGTH.size
        if len(view) - place < length:
            raise TextsCut(f"string data|string of length {length}|{len(view) - place} bytes")
        texts.append(bytes(view[place : place + length]))
        place += length
    return texts


def as_texts(texts: list[bytes]) -> Array:
    """Return texts as an array (n,) of objects."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def encode_raw(array: Array) -> bytes:
    """Return the raw form of a tensor."""
    if array.dtype.kind in "OSU":
        texts = [_as_bytes(text) for text in array.reshape(-1).tolist()]
        return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.tobytes()


def _as_bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()
