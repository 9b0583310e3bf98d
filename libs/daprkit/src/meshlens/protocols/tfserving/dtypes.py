"""TensorFlow's types of elements <-> numpy's."""

from dataclasses import dataclass

import numpy as np

from meshlens.daprkit.application.status import Status
from meshlens.protocols.tfserving.refusals import refuse

DType = np.dtype[np.generic]


@dataclass(frozen=True, slots=True)
class DataType:
    """A type of elements.

    Attributes:
        number: of the enum in messages.
        name: TensorFlow's word for it in errors.
        dtype: numpy's; object for strings of bytes.
        field: of a TensorProto, which holds its values.
    """

    number: int
    name: str
    dtype: DType
    field: str

    @property
    def enum(self) -> str:
        """The name of the enum's value."""
        return f"DT_{self.name.upper()}"


def _known(number: int, name: str, kind: str, field: str) -> DataType:
    return DataType(number, name, np.dtype(kind), field)


DATA_TYPES = (
    _known(1, "float", "f4", "float_val"),
    _known(2, "double", "f8", "double_val"),
    _known(3, "int32", "i4", "int_val"),
    _known(4, "uint8", "u1", "int_val"),
    _known(5, "int16", "i2", "int_val"),
    _known(6, "int8", "i1", "int_val"),
    _known(7, "string", "O", "string_val"),
    _known(8, "complex64", "c8", "scomplex_val"),
    _known(9, "int64", "i8", "int64_val"),
    _known(10, "bool", "?", "bool_val"),
    _known(17, "uint16", "u2", "int_val"),
    _known(18, "complex128", "c16", "dcomplex_val"),
    _known(19, "half", "f2", "half_val"),
    _known(22, "uint32", "u4", "uint32_val"),
    _known(23, "uint64", "u8", "uint64_val"),
)
STRING = next(each for each in DATA_TYPES if each.name == "string")
_BY_NUMBER = {each.number: each for each in DATA_TYPES}
_BY_KIND = {(each.dtype.kind, each.dtype.itemsize): each for each in DATA_TYPES}
_BFLOAT16 = "bfloat16"  # of ml_dtypes, which is there where TensorFlow is


def find_number(number: int) -> DataType | None:
    """Return the type that has this number in messages, None if it is none of ours."""
    return _BY_NUMBER.get(number)


def find_dtype(dtype: DType) -> DataType:
    """Return the type of an array's elements; all that hold bytes or text are strings.

    Raises:
        Refused: UNIMPLEMENTED: no field of a message holds such elements.
    """
    if dtype.kind in "OSU":
        return STRING
    if dtype.name == _BFLOAT16:
        return DataType(14, _BFLOAT16, dtype, "half_val")
    known = _BY_KIND.get((dtype.kind, dtype.itemsize))
    if known is None:
        raise refuse(
            Status.UNIMPLEMENTED,
            f"tensors of the type {dtype.name} cannot be sent by this protocol; cast them in the"
            " model",
        )
    return known
