"""Large delimited text -> arrays, by Arrow.

Import this module where such input arrives: it takes 40 MB.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv

from meshlens.pca.tables.columns import Array
from meshlens.pca.tables.dictionary import Dictionary

_BLOCK = 1 << 18  # bytes of text parsed at a time; several blocks are in flight
_END = ord("\n")
_NUMBER, _NAME = pa.float64(), pa.dictionary(pa.int32(), pa.string())


def read_line(
    line: bytes, *, width: int, delimiter: str, decimal: str, missing: Sequence[str]
) -> Array | None:
    """Return the numbers (n, width) of one line, nan where missing.

    Return None if a cell is neither a number nor missing, or the last row is incomplete.
    """
    # An empty last cell may be a whole row, which Arrow would skip.
    if b'"' in line or line.endswith(delimiter.encode()):
        return None
    read = read_rows(
        _break_line(line, width, delimiter.encode()),
        width=width,
        texts=(),
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
    delimiter: str,
    decimal: str,
    missing: Sequence[str],
    start: int = 0,
    quote: str = '"',
    blank_rows: bool = False,
) -> tuple[Array, list[tuple[str, ...]]] | None:
    """Read rows of text.

    Args:
        body: UTF-8.
        width: columns of a row.
        texts: indices of the columns that hold names; the others hold numbers.
        delimiter: the field delimiter.
        decimal: the decimal mark.
        missing: cells that stand for a missing number.
        start: where the first observation begins.
        quote: what encloses cells.
        blank_rows: whether a blank line is a row with a missing cell.

    Returns:
        The numbers (n, p), nan where missing, and the columns of names; None if a cell is
        neither, or rows are not `width` long.
    """
    if body.count(quote.encode(), start) % 2:
        return None  # Arrow would close the last quote itself.
    columns = [str(index) for index in range(width)]
    numbers = [index for index in range(width) if index not in texts]
    # A cell takes at least one byte, the comma or line break after it.
    most = min(body.count(b"\n") + body.count(b"\r"), len(body) // width) + 1
    values = np.empty((most, len(numbers)))
    cells = [Dictionary() for _ in texts]
    row = 0
    try:
        with csv.open_csv(
            pa.BufferReader(pa.py_buffer(body).slice(start)),
            csv.ReadOptions(column_names=columns, block_size=_BLOCK),
            csv.ParseOptions(
                delimiter=delimiter, quote_char=quote, ignore_empty_lines=not blank_rows
            ),
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
