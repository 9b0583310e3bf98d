"""Parquet -> columns.

Import this module where such input arrives: Arrow takes 40 MB.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet as pq

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.arrow_columns import no_rows, split_schema
from meshlens.pca.tables.binary.parquet_bounds import measure_pages, read_footer
from meshlens.pca.tables.columns import RawTable, ReadOptions
from meshlens.pca.tables.growth import find_limit, too_large

_BATCH = 1 << 14  # rows in memory as Arrow at once
_MOST_METADATA = 1 << 20  # bytes of a string, and entries of a list, in the footer


def decode_parquet(body: bytes, options: ReadOptions) -> RawTable:
    """Read a Parquet file without nested columns.

    Its pages are measured before they are decompressed, and hold as many rows as the footer says.
    Columns of text stay dictionaries, whose size is that of their different names.

    Raises:
        InvalidTable: it is damaged, encrypted or too large, or some column is neither numbers nor
            names.
    """
    try:
        with _open(body, []) as file:
            columns = split_schema(file.schema_arrow, options.declared)
            rows = _check_size(file.metadata, body)
            texts = [file.schema_arrow.names[index] for index in columns.texts]
        with _open(body, texts) as file:
            return columns.read(_read_batches(file), rows, "Parquet")
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise InvalidTable(
            "the body must be a Parquet file",
            got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            remedy="write it again, with columns of numbers",
        ) from None


def _open(body: bytes, dictionaries: list[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(body),
        read_dictionary=dictionaries,
        pre_buffer=False,
        thrift_string_size_limit=_MOST_METADATA,
        thrift_container_size_limit=_MOST_METADATA,
    )


def _read_batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    yield from file.iter_batches(batch_size=_BATCH)


def _check_size(metadata: pq.FileMetaData, body: bytes) -> int:
    """Return the number of rows, if what they take is in proportion to the body."""
    size, most = len(body), find_limit(len(body))
    taken = 8 * metadata.num_columns * metadata.num_rows
    if metadata.num_rows < 0 or taken > most:
        raise too_large(size, taken)
    if not metadata.num_rows:
        raise no_rows()
    decoded = 0
    for number, group in enumerate(read_footer(body)):
        for chunk in group.chunks:
            pages = measure_pages(body, chunk.start, chunk.length, most - decoded)
            decoded += pages.decoded
            if decoded > most:
                raise too_large(size, decoded)
            pages.check_rows(group.rows, number)
    return int(metadata.num_rows)
