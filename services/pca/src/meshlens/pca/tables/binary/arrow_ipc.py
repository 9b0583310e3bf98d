"""Arrow IPC -> columns, and columns -> Arrow IPC.

Import this module where such input arrives: it takes 40 MB.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.arrow_bounds import FILE_MAGIC, measure
from meshlens.pca.tables.columns import (
    MOST_COLUMNS,
    Content,
    NameColumn,
    RawTable,
    ReadOptions,
    holds_names,
    too_wide,
)
from meshlens.pca.tables.dictionary import Dictionary

_PANDAS_INDEX = "__index_level_0__"
# A body may decompress to this many times its size, and always to this many bytes.
_MOST_GROWTH, _ALWAYS_ALLOWED = 16, 64 << 20
_NUMBER = pa.float64()


def decode_arrow(body: bytes, options: ReadOptions) -> RawTable:
    """Read a stream or a file of record batches, compressed or not.

    Compressed data are measured before they are decompressed. The batches of a file are read in
    order, as from a stream; its footer is not trusted.

    Raises:
        InvalidTable: it is damaged or too large, or some column is neither numbers nor names.
    """
    source = pa.py_buffer(body)
    if body.startswith(FILE_MAGIC):
        source = source.slice(len(FILE_MAGIC))
    try:
        with pa.ipc.open_stream(source) as reader:
            numbers, texts = _split_schema(reader.schema, options.group)
            rows = _check_size(source, len(body), len(reader.schema))
            values = np.empty((rows, len(numbers)))
            cells = [Dictionary() for _ in texts]
            row = 0
            for batch in reader:
                # Reading does not check offsets; a bad one may point anywhere.
                batch.validate(full=True)
                end = row + batch.num_rows
                for column, index in enumerate(numbers):
                    numeric = batch.column(index).cast(_NUMBER, safe=False)
                    values[row:end, column] = numeric.to_numpy(zero_copy_only=False)
                for names, index in zip(cells, texts, strict=True):
                    names.add(batch.column(index))
                row = end
            fields = reader.schema.names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidTable(
            "the body must be an Arrow IPC stream or file",
            got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            remedy="write it again, with record batches of numbers",
        ) from None
    if not row:
        raise InvalidTable("the body must hold observations", got="no rows", remedy="send some")
    return RawTable(
        values=values[:row],
        places=[index + 1 for index in numbers],
        names=tuple(fields[index] for index in numbers),
        texts=tuple(
            NameColumn(
                fields[index],
                tuple(names),
                names_rows=fields[index] == _PANDAS_INDEX,
                place=index + 1,
            )
            for index, names in zip(texts, cells, strict=True)
        ),
    )


def encode_arrow(
    names: Sequence[str], columns: Sequence[Sequence[Any] | npt.NDArray[Any]]
) -> bytes:
    """Return columns as an Arrow IPC stream of one batch."""
    batch = pa.record_batch([pa.array(column) for column in columns], names=[*names])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _split_schema(schema: pa.Schema, group: str) -> tuple[list[int], list[int]]:
    """Return the indices of the columns of numbers and of names."""
    if len(schema) > MOST_COLUMNS:
        raise too_wide(len(schema))
    numbers: list[int] = []
    texts: list[int] = []
    for index, field in enumerate(schema):
        kind = field.type
        is_dictionary = pa.types.is_dictionary(kind)
        kind = kind.value_type if is_dictionary else kind
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if not (is_text or is_number or (pa.types.is_decimal(kind) and not is_dictionary)):
            place = Place(column=index + 1, field=field.name)
            raise InvalidTable(
                "every column must hold numbers or names",
                got=f"{str(kind)[:80]} in {place}",
                remedy="convert it or leave it out",
                places=[place],
            )
        declared = is_number and (is_dictionary or field.name in (group, _PANDAS_INDEX))
        content = {Content.NAME if is_text else Content.NUMBER}
        (texts if holds_names(content, declared=declared) else numbers).append(index)
    if not numbers:
        raise InvalidTable(
            "at least one column must hold numbers", got="none", remedy="send numbers"
        )
    return numbers, texts


def _check_size(source: pa.Buffer, size: int, columns: int) -> int:
    """Return the number of rows, if what they take is in proportion to the body."""
    most = max(_MOST_GROWTH * size, _ALWAYS_ALLOWED)
    rows = decoded = 0
    for message in pa.ipc.MessageReader.open_stream(source):
        body = message.body
        part = measure(message.metadata.to_pybytes(), memoryview(body or b""))
        rows, decoded = rows + part.rows, decoded + part.decoded
        if part.rows < 0 or max(decoded, 8 * columns * rows) > most:
            raise InvalidTable(
                f"a body of {size} bytes may decompress to {most} bytes",
                got=f"{max(decoded, 8 * columns * rows)} or more",
                remedy="send it uncompressed or in parts",
            )
    return rows
