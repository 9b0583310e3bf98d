"""Arrow's readers and writers: CSV that is large, and Arrow IPC; the only importer of pyarrow.

Import this module where such input arrives: it takes 40 MB.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.arrow_bounds import measure
from meshlens.pca.tables.columns import MOST_COLUMNS, Array, Columns, Reading, Text, too_wide
from pyarrow import csv

FILE_MAGIC = b"ARROW1\0\0"
STREAM_MAGIC = b"\xff\xff\xff\xff"

_PANDAS_INDEX = "__index_level_0__"
_BLOCK = 1 << 18  # bytes of text at once; several are under way
# A body may decompress to so many times its size, and to so much in any case.
_MOST_GROWTH, _ALWAYS_ALLOWED = 16, 64 << 20
_END = ord("\n")
_LINE = re.compile(rb"[^\r\n]*")
_NUMBER, _NAME = pa.float64(), pa.dictionary(pa.int32(), pa.string())


def read_line(
    line: bytes, *, width: int, delimiter: str, decimal: str, missing: Sequence[str]
) -> Array | None:
    """Return the numbers (n, width) of one line, nan where missing.

    None if others are among them, or the last row is not whole.
    """
    # A last cell that is empty may be all of its row, which Arrow would pass over.
    if b'"' in line or line.endswith(delimiter.encode()):
        return None
    read = read_rows(
        _break_line(line, width, delimiter.encode()),
        width=width,
        texts=(),
        skip=0,
        delimiter=delimiter,
        decimal=decimal,
        missing=missing,
        blank_rows=width == 1,
    )
    return None if read is None else read[0]


def read_rows(
    body: bytes | bytearray,
    *,
    width: int,
    texts: Sequence[int],
    skip: int,
    delimiter: str,
    decimal: str,
    missing: Sequence[str],
    blank_rows: bool = False,
) -> tuple[Array, list[tuple[str, ...]]] | None:
    """Read rows of text.

    Args:
        body: UTF-8.
        width: columns of a row.
        texts: indices of the columns that hold names; the others hold numbers.
        skip: rows above the first observation.
        delimiter: between cells.
        decimal: before decimals.
        missing: cells that stand for a missing number.
        blank_rows: whether a blank line is a row with a missing cell.

    Returns:
        The numbers (n, p), nan where missing, and the columns of names; None if a cell is
        neither, or rows are not `width` long.
    """
    if body.count(b'"') % 2:
        return None  # Arrow would close the last quote itself.
    if skip and _LINE.match(body)[0].count(b'"') % 2:  # type: ignore[index] # it matches anything
        return None  # Arrow would pass over the first line of the names only.
    columns = [str(index) for index in range(width)]
    numbers = [index for index in range(width) if index not in texts]
    # A cell takes a byte at least, the comma or the end of the line behind it.
    most = min(body.count(b"\n") + body.count(b"\r"), len(body) // width) + 1
    values = np.empty((most, len(numbers)))
    cells = [_Names() for _ in texts]
    row = 0
    try:
        with csv.open_csv(
            pa.BufferReader(body),
            csv.ReadOptions(column_names=columns, skip_rows_after_names=skip, block_size=_BLOCK),
            csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=not blank_rows),
            csv.ConvertOptions(
                column_types={
                    name: _NAME if index in texts else _NUMBER for index, name in enumerate(columns)
                },
                null_values=list(missing),
                decimal_point=decimal,
            ),
        ) as reader:
            for batch in reader:
                end = row + batch.num_rows
                for column, index in enumerate(numbers):
                    values[row:end, column] = batch.column(index).to_numpy(zero_copy_only=False)
                for names, index in zip(cells, texts, strict=True):
                    names.add(batch.column(index))
                row = end
    except pa.ArrowInvalid:
        return None
    return values[:row], [tuple(names) for names in cells]


def _break_line(line: bytes, width: int, delimiter: bytes) -> bytearray:
    """Return a copy with every width-th delimiter replaced by the end of a line.

    Arrow takes a line for one row, and rows of one cell for more work than rows of several.
    """
    copy = bytearray(len(line) + 1)
    rows = np.frombuffer(copy, dtype=np.uint8)
    seen = 0
    for start in range(0, len(line), _BLOCK):
        part = np.frombuffer(line[start : start + _BLOCK], dtype=np.uint8)
        places = np.flatnonzero(part == delimiter[0])
        rows[start : start + len(part)] = part
        rows[start + places[(width - 1 - seen) % width :: width]] = _END
        seen += len(places)
    rows[-1] = _END
    return copy


def decode_arrow(body: bytes, reading: Reading) -> Columns:
    """Read a stream or a file of record batches, compressed or not.

    What is to be decompressed is measured first. Of a file, the batches are read in their order
    as from a stream, and its footer is not trusted.

    Raises:
        InvalidTable: it is damaged or too large, or some column is neither numbers nor names.
    """
    source = pa.py_buffer(body)
    if body.startswith(FILE_MAGIC):
        source = source.slice(len(FILE_MAGIC))
    try:
        with pa.ipc.open_stream(source) as reader:
            numbers, texts = _part_columns(reader.schema, reading.group)
            rows = _check_size(source, len(body), len(reader.schema))
            values = np.empty((rows, len(numbers)))
            cells = [_Names() for _ in texts]
            row = 0
            for batch in reader:
                # Reading checks no offsets; an unchecked one may lead anywhere.
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
    return Columns(
        values=values[:row],
        places=[index + 1 for index in numbers],
        names=tuple(fields[index] for index in numbers),
        texts=tuple(
            Text(fields[index], tuple(names), names_rows=fields[index] == _PANDAS_INDEX)
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


def _part_columns(schema: pa.Schema, group: str) -> tuple[list[int], list[int]]:
    """Return the indices of the columns of numbers and of names."""
    if len(schema) > MOST_COLUMNS:
        raise too_wide(len(schema))
    numbers, texts = [], []
    for index, field in enumerate(schema):
        kind = field.type
        is_dictionary = pa.types.is_dictionary(kind)
        kind = kind.value_type if is_dictionary else kind
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        is_names = is_dictionary or field.name in (group, _PANDAS_INDEX)
        if is_text or (is_number and is_names):
            texts.append(index)
        elif (is_number or pa.types.is_decimal(kind)) and not is_dictionary:
            numbers.append(index)
        else:
            place = Place(column=index + 1, field=field.name)
            raise InvalidTable(
                "every column must hold numbers or names",
                got=f"{str(kind)[:80]} in {place}",
                remedy="convert it or leave it out",
                places=[place],
            )
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


class _Names:
    """A column of names that arrives in parts, each name kept once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._codes: list[npt.NDArray[np.int32]] = []

    def add(self, column: pa.Array) -> None:
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        # The last one stands for what is missing.
        names = [*column.dictionary.to_pylist(), None]
        codes = [self._code("" if name is None else str(name).strip()) for name in names]
        indices = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        self._codes.append(np.array(codes, dtype=np.int32)[indices])

    def __len__(self) -> int:
        return sum(map(len, self._codes))

    def __iter__(self) -> Iterator[str]:
        codes: Iterator[int] = chain.from_iterable(code.data for code in self._codes)
        return map([*self._known].__getitem__, codes)

    def _code(self, name: str) -> int:
        return self._known.setdefault(name, len(self._known))
