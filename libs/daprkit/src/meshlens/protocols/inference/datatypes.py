"""The names that the protocol has for the types of elements."""

from collections.abc import Mapping

import numpy as np

# By numpy's names; that of BF16 is ml_dtypes'.
_NAMES: Mapping[str, str] = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "bfloat16": "BF16",
    "object": "BYTES",
}
# What numpy itself can hold: all but BF16.
_DTYPES = {name: np.dtype(own) for own, name in _NAMES.items() if own != "bfloat16"}


def name_datatype(dtype: np.dtype[np.generic]) -> str:
    """Return the protocol's name for a type; numpy's in capitals if it has none, as COMPLEX64."""
    return _NAMES.get(dtype.name, dtype.name.upper())


def is_datatype(name: str) -> bool:
    """Return whether the protocol has a type of that name."""
    return name in _DTYPES or name == "BF16"


def name_in_config(datatype: str) -> str:
    """Return what the configuration of a model calls a type; of no name, it is invalid."""
    if datatype == "BYTES":
        return "TYPE_STRING"
    return f"TYPE_{datatype}" if is_datatype(datatype) else "TYPE_INVALID"


def find_dtype(name: str) -> np.dtype[np.generic] | None:
    """Return numpy's type for the protocol's name; None if there is none, as for BF16."""
    return _DTYPES.get(name)
