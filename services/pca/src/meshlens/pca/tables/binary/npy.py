"""NumPy's .npy -> columns, and back; objects are never unpickled.

Format: numpy.lib.format, versions 1.0 to 3.0.
"""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib import format as npy_format

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import Array, RawTable, ReadOptions

Header: TypeAlias = tuple[tuple[int, ...], bool, np.dtype[Any]]

MAGIC = b"\x93NUMPY"

_VERSION = len(MAGIC)  # offset of the two version bytes
_LONGEST_HEADER = 1 << 16
_LONGEST_AXIS = (1 << 63) - 1
_NUMBER_KINDS = "iuf"


@dataclass(frozen=True, slots=True)
class Layout:
    """A table of numbers in a file.

    Attributes:
        shape: (n, p), or (n,) of p numbers with names.
        fortran: whether its columns follow each other, not its rows.
        dtype: of a number, or of a row if they have names.
        start: where the numbers begin.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, empty if they have none."""
        return self.dtype.names or ()

    @property
    def size(self) -> int:
        """The bytes that the numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def refuse(self, size: int) -> InvalidTable:
        """Return the fault of a file of another size than it should have."""
        return _invalid(
            f"shape {self.shape} of {str(self.dtype)[:80]} takes {self.size} bytes",
            f"{size - self.start} after the header",
            "save the array again",
        )


def decode_npy(body: bytes, options: ReadOptions) -> RawTable:
    """Read a matrix (n, p) of numbers, or a structured array (n,) of p numbers with names.

    Nothing is allocated before shape and dtype are known to fit the size of the body.

    Raises:
        InvalidTable: it is no .npy, or holds something else.
    """
    del options
    layout = read_layout(body)
    if len(body) - layout.start != layout.size:
        raise layout.refuse(len(body))
    shape, dtype, names = layout.shape, layout.dtype, layout.names
    order: Literal["F", "C"] = "F" if layout.fortran else "C"
    array = np.frombuffer(body, dtype, offset=layout.start).reshape(shape, order=order)
    with np.errstate(over="ignore"):  # a long double may overflow to infinity, which is rejected
        if not names:
            return RawTable(np.array(array, dtype=np.float64, order="C"), range(1, shape[1] + 1))
        values = np.stack([array[name].astype(np.float64) for name in names], axis=1)
    return RawTable(values, range(1, len(names) + 1), names)


def read_layout(body: bytes) -> Layout:
    """Return how the array is laid out in a file that begins with these bytes.

    Raises:
        InvalidTable: it is no .npy, or holds no table of numbers.
    """
    shape, fortran, dtype, start = _decode_header(body)
    names = dtype.names or ()
    kinds = [dtype[name] for name in names] or [dtype]
    if dtype.hasobject or any(kind.kind not in _NUMBER_KINDS or kind.subdtype for kind in kinds):
        raise _invalid(
            "a .npy must hold numbers", str(dtype)[:80], "save integers or floats, never objects"
        )
    # numpy's reader accepts negative lengths, booleans and integers too long for Python to print.
    possible = all(type(length) is int and 0 < length <= _LONGEST_AXIS for length in shape)
    if len(shape) != (1 if names else 2) or not possible:
        raise _invalid(
            "a .npy must hold a matrix of shape (n, p)",
            f"shape {str(shape)[:80]}",
            "save one row for each observation",
        )
    return Layout(shape, fortran, dtype, start)


def encode_npy(values: Array) -> bytes:
    """Return a matrix as .npy, version 1.0, in C order."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values), allow_pickle=False)
    return file.getvalue()


def _decode_header(body: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether the order is Fortran's, dtype, and where the data start."""
    if not body.startswith(MAGIC):
        raise _invalid(
            "a .npy must begin with its magic", repr(body[:_VERSION]), "save it with numpy.save"
        )
    version = body[_VERSION : _VERSION + 2]
    read = _READERS.get(version[:1])
    if read is None:
        raise _invalid("a .npy must be of version 1 to 3", repr(version), "save it again")
    file = io.BytesIO(body)
    file.seek(_VERSION + 2)
    try:
        shape, fortran, dtype = read(file)
    except Exception as error:  # noqa: BLE001 - a made-up header is refused in many ways
        raise _invalid(
            "the header of a .npy must be whole and short, and say descr, fortran_order and shape",
            f"{type(error).__name__}: {str(error)[:80]}",
            "save it with numpy.save",
        ) from None
    return shape, fortran, dtype, file.tell()


def _read_header_1(file: io.BytesIO) -> Header:
    return npy_format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)


def _read_header_2(file: io.BytesIO) -> Header:
    return npy_format.read_array_header_2_0(file, max_header_size=_LONGEST_HEADER)


def _read_header_3(file: io.BytesIO) -> Header:
    """Read what numpy has no public reader for: 2.0 with names in UTF-8 instead of Latin-1."""
    shape, fortran, dtype = _read_header_2(file)
    if dtype.names:
        dtype.names = tuple(name.encode("latin-1").decode() for name in dtype.names)
    return shape, fortran, dtype


_READERS: Mapping[bytes, Callable[[io.BytesIO], Header]] = {
    b"\1": _read_header_1,
    b"\2": _read_header_2,
    b"\3": _read_header_3,
}


def _invalid(expected: str, got: str, remedy: str) -> InvalidTable:
    return InvalidTable(expected, got=got, remedy=remedy)
