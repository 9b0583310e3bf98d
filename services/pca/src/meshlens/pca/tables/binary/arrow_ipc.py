"""Arrow IPC -> columns, and columns -> Arrow IPC.

Import this module where such input arrives: it takes 40 MB.
"""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.arrow_bounds import FILE_MAGIC, measure
from meshlens.pca.tables.binary.arrow_columns import split_schema
from meshlens.pca.tables.columns import RawTable, ReadOptions
from meshlens.pca.tables.growth import find_limit, too_large


def decode_arrow(body: bytes, options: ReadOptions) -> RawTable:
    """Read a stream or a file of record batches, compressed or not; Feather is such a file.

    Compressed data are measured before they are decompressed. The batches of a file are read in
    order, as from a stream; its footer is not trusted.

    Raises:
        InvalidTable: it is damaged or too large, or some column is neither numbers nor names.
    """
    source = pa.py_buffer(body)
    is_file = body.startswith(FILE_MAGIC)
    if is_file:
        source = source.slice(len(FILE_MAGIC))
    try:
        with pa.ipc.open_stream(source) as reader:
            columns = split_schema(reader.schema, options.declared)
            rows = _check_size(source, len(body), len(reader.schema))
            return columns.read(reader, rows, "Arrow file" if is_file else "Arrow stream")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidTable(
            "the body must be an Arrow IPC stream or file",
            got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            remedy="write it again, with record batches of numbers",
        ) from None


def encode_arrow(
    names: Sequence[str], columns: Sequence[Sequence[Any] | npt.NDArray[Any]]
) -> bytes:
    """Return columns as an Arrow IPC stream of one batch."""
    batch = pa.record_batch([pa.array(column) for column in columns], names=[*names])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _check_size(source: pa.Buffer, size: int, columns: int) -> int:
    """Return the number of rows, if what they take is in proportion to the body."""
    rows = decoded = 0
    for message in pa.ipc.MessageReader.open_stream(source):
        body = message.body
        part = measure(message.metadata.to_pybytes(), memoryview(body or b""))
        rows, decoded = rows + part.rows, decoded + part.decoded
        taken = max(decoded, 8 * columns * rows)
        if part.rows < 0 or taken > find_limit(size):
            raise too_large(size, taken)
    return rows
