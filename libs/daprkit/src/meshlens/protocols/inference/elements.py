"""The raw form of tensors: little-endian, row by row; texts behind their lengths."""

import struct

import numpy as np

from meshlens.protocols.models import Array
from meshlens.protocols.texts import list_texts

# Texts of a tensor; each takes ten times the bytes of its length, and more in a message.
MOST_TEXTS = 1_000_000
_LENGTH = struct.Struct("<I")


class TooManyTexts(ValueError):
    """The raw form has more texts than are read."""


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


def decode_texts(data: "bytes | memoryview", most: int = MOST_TEXTS) -> list[bytes]:
    """Return the texts whose lengths, of four bytes each, stand before them.

    Args:
        data: the raw form.
        most: how many there may be.

    Raises:
        TextsCut: it ends within a length, or within a text.
        TooManyTexts: there are more.
    """
    texts: list[bytes] = []
    place, end = 0, len(data)
    while place < end:
        if len(texts) == most:
            raise TooManyTexts(f"expected at most {most} texts, got more")
        if end - place < _LENGTH.size:
            raise TextsCut(f"string length indicator|{_LENGTH.size} bytes|{end - place} bytes")
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        if end - place < length:
            raise TextsCut(f"string data|string of length {length}|{end - place} bytes")
        texts.append(bytes(data[place : place + length]))
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
        raw = bytearray()
        for text in list_texts(array):
            raw += _LENGTH.pack(len(text))
            raw += text
        return bytes(raw)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.tobytes()
