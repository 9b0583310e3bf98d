"""Arrow's batches -> blocks of numbers, and a schema -> the columns there are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.reader import count_block
from meshlens.pca.tables.binary.arrow_columns import Columns
from meshlens.pca.tables.columns import RawTable

_NUMBER = pa.float64()


@contextmanager
def reading() -> Iterator[None]:
    """Turn what Arrow raises of a damaged file into ValueError."""
    try:
        yield
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        # Of pages that cannot be decompressed, without a number.
        if error.errno is not None:
            raise
        raise ValueError(str(error)) from error


def sample_schema(columns: Columns) -> RawTable:
    """Return an observation of such columns, in which nothing is known."""
    unknown = [pa.nulls(1, field.type) for field in columns.schema]
    batch = pa.RecordBatch.from_arrays(unknown, names=columns.schema.names)
    return columns.read([batch], 1, "Arrow")


def split_batch(batch: pa.RecordBatch, names: Sequence[str]) -> Iterator[Array]:
    """Yield the numbers of a batch in blocks (m, p), whose columns follow each other in memory.

    Args:
        batch: has these columns, and perhaps others.
        names: of p columns of numbers.

    Raises:
        pa.ArrowException: it is damaged.
    """
    # Reading does not check offsets; a bad one may point anywhere.
    batch.validate(full=True)
    step = count_block(len(names))
    columns = [batch.column(name) for name in names]
    for start in range(0, batch.num_rows, step):
        part = min(step, batch.num_rows - start)
        values = np.empty((len(names), part))
        for row, column in zip(values, columns, strict=True):
            fill(row, column.slice(start, part))
        yield values.T


def fill(row: Array, column: pa.Array) -> None:
    """Fill a row (m,) with the m numbers of a column, nan where one is missing."""
    row[:] = column.cast(_NUMBER, safe=False).to_numpy(zero_copy_only=False)
