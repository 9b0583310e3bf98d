"""Named columns -> the bytes of an answer, as the caller likes them best."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.tables.npy import encode_npy
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = Sequence[Any] | npt.NDArray[Any]

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"

# The first is what a caller gets who does not say.
TABLES = (JSON, CSV, NPY, ARROW)


def encode_json(answer: Mapping[str, Any]) -> bytes:
    """Return one line of JSON."""
    return json.dumps(answer, allow_nan=False).encode() + b"\n"


def encode_csv(names: Sequence[str], columns: Sequence[Column]) -> bytes:
    """Return a line of names and one line for each row; numbers come back to the last bit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    lists = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns)
    writer.writerows(zip(*lists, strict=True))
    return text.getvalue().encode()


def encode_matrix(
    matrix: Array, names: Sequence[str], table: Table, media_type: str, **further: Column
) -> bytes:
    """Return a matrix as a table.

    Args:
        matrix: (n, m).
        names: of its columns.
        table: what it was computed from; names and groups of its rows stand in front. An .npy
            holds the matrix alone.
        media_type: CSV, NPY or ARROW.
        further: columns (n,) behind it.
    """
    if media_type == NPY:
        return encode_npy(matrix)
    front: dict[str, Column] = {"name": table.labels} if table.labels else {}
    front |= {"group": table.groups} if table.groups else {}
    return encode_columns(
        [*front, *names, *further],
        [*front.values(), *matrix.T, *further.values()],
        media_type,
    )


def encode_columns(names: Sequence[str], columns: Sequence[Column], media_type: str) -> bytes:
    """Return columns as CSV or as an Arrow stream; several may have the same name."""
    if media_type == CSV:
        return encode_csv(names, columns)
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other answers do without

    return arrow_ipc.encode_arrow(names, columns)
