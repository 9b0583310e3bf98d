"""A tensor of the Open Inference Protocol -> columns."""

from reprlib import repr as shorten

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import RawTable, ReadOptions
from meshlens.pca.tables.documents.columns import SHAPES
from meshlens.pca.tables.documents.rows import decode_rows
from meshlens.pca.tables.reading import Reading

_DATATYPES = frozenset(
    ["FP16", "FP32", "FP64", "BF16"]
    + [f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
)
_AS_IT_IS = ReadOptions(header=False)


def decode_tensor(tensor: object) -> RawTable:
    """Read {"name": ..., "shape": [n, p], "datatype": "FP64", "data": [...]}, flat or nested.

    Raises:
        InvalidTable: it is no tensor of two axes, or its data have another shape or type.
    """
    if not isinstance(tensor, dict) or not {"shape", "data"} <= {*tensor}:
        raise InvalidTable(
            "an input must have shape, datatype and data", got=shorten(tensor), remedy=SHAPES
        )
    shape, data, datatype = tensor["shape"], tensor["data"], tensor.get("datatype", "FP64")
    if datatype not in _DATATYPES:
        raise InvalidTable(
            "datatype must be a number's", got=shorten(datatype), remedy="send FP64 or FP32"
        )
    match shape:
        case [int(n), int(p)] if n > 0 and p > 0 and isinstance(data, list):
            pass
        case _:
            raise InvalidTable(
                "a tensor must have shape [n, p] and a list of data",
                got=f"shape {shorten(shape)}",
                remedy="send one row for each observation",
            )
    if data and isinstance(data[0], list):
        rows = data
    elif len(data) == n * p:
        rows = [data[start : start + p] for start in range(0, n * p, p)]
    else:
        raise InvalidTable(
            f"a tensor of shape [{n}, {p}] must have {n * p} values",
            got=f"{len(data)}",
            remedy="correct the shape or the data",
        )
    read = decode_rows(rows, _AS_IT_IS, Reading(format="Open Inference tensor"))
    if read.values.shape != (n, p):
        raise InvalidTable(
            f"data must have the shape [{n}, {p}] that the tensor says",
            got=f"{[*read.values.shape]}",
            remedy="correct the shape or the data",
        )
    return read
