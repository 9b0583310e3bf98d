"""NumPy's .npy -> columns, and back; objects are never unpickled.

Format: numpy.lib.format, versions 1.0 to 3.0.
"""

import ast
import io
import math
from typing import Any

import numpy as np
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import Array, RawTable, ReadOptions

MAGIC = b"\x93NUMPY"

_LONGEST_HEADER = 1 << 16
_SIZE_OF_LENGTH = {1: 2, 2: 4, 3: 4}
_NUMBER_KINDS = "iuf"


def decode_npy(body: bytes, options: ReadOptions) -> RawTable:
    """Read a matrix (n, p) of numbers, or a structured array (n,) of p numbers with names.

    Nothing is allocated before shape and dtype are known to fit the size of the body.

    Raises:
        InvalidTable: it is no .npy, or holds something else.
    """
    del options
    dtype, fortran, shape, start = _decode_header(body)
    names = dtype.names or ()
    kinds = [dtype[name] for name in names] or [dtype]
    if dtype.hasobject or any(kind.kind not in _NUMBER_KINDS or kind.subdtype for kind in kinds):
        raise _invalid(
            "a .npy must hold numbers", str(dtype)[:80], "save integers or floats, never objects"
        )
    if len(shape) != (1 if names else 2) or 0 in shape:
        raise _invalid(
            "a .npy must hold a matrix of shape (n, p)",
            f"shape {shape}",
            "save one row for each observation",
        )
    size = math.prod(shape) * dtype.itemsize
    if len(body) - start != size:
        raise _invalid(
            f"shape {shape} of {dtype} takes {size} bytes",
            f"{len(body) - start} after the header",
            "save the array again",
        )
    array = np.frombuffer(body, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):  # A long double may be infinite as a double, which is refused.
        if not names:
            return RawTable(np.array(array, dtype=np.float64, order="C"), range(1, shape[1] + 1))
        values = np.stack([array[name].astype(np.float64) for name in names], axis=1)
    return RawTable(values, range(1, len(names) + 1), names)


def encode_npy(values: Array) -> bytes:
    """Return a matrix as .npy, version 1.0, in C order."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values), allow_pickle=False)
    return file.getvalue()


def _decode_header(body: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    """Return dtype, whether the order is Fortran's, shape, and where the data start."""
    if not body.startswith(MAGIC):
        raise _invalid(
            "a .npy must begin with its magic", repr(body[:6]), "save it with numpy.save"
        )
    size = _SIZE_OF_LENGTH.get(body[6] if len(body) > 6 else 0)  # noqa: PLR2004 - after the magic
    if size is None:
        raise _invalid("a .npy must be of version 1 to 3", repr(body[6:8]), "save it again")
    start = 8 + size + int.from_bytes(body[8 : 8 + size], "little")
    if not 8 + size < start <= min(len(body), _LONGEST_HEADER):
        raise _invalid(
            "the header of a .npy must be whole and short", f"{start} bytes", "save it again"
        )
    try:
        header = ast.literal_eval(body[8 + size : start].decode().strip())
        descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
        dtype = np.lib.format.descr_to_dtype(descr)
        whole = isinstance(fortran, bool) and isinstance(shape, tuple)
        if not whole or not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError("shape and order must be a tuple of lengths and a truth value")  # noqa: TRY301 - it is told as the others are
    except Exception as error:  # noqa: BLE001 - a made-up header is refused in many ways
        raise _invalid(
            "the header of a .npy must say descr, fortran_order and shape",
            f"{type(error).__name__}: {str(error)[:80]}",
            "save it with numpy.save",
        ) from None
    return dtype, fortran, shape, start


def _invalid(expected: str, got: str, remedy: str) -> InvalidTable:
    return InvalidTable(expected, got=got, remedy=remedy)
