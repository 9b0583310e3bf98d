"""Which reader a file has, by its first bytes; some formats can only be read whole."""

import re

from meshlens.pca.batch.sources.npy import NpyReader
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, Reader
from meshlens.pca.batch.sources.text import TextReader
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.arrow_bounds import FILE_MAGIC, STREAM_MAGIC
from meshlens.pca.tables.binary.npy import MAGIC as NPY_MAGIC
from meshlens.pca.tables.binary.parquet_bounds import MAGIC as PARQUET_MAGIC
from meshlens.pca.tables.columns import ReadOptions, empty_body
from meshlens.pca.tables.containers import archive
from meshlens.pca.tables.containers.compression import find_compression
from meshlens.pca.tables.containers.signatures import refuse_foreign

_START = 1 << 12
_JSON = re.compile(rb"\s*(?:\[\s*[\[{]|\{\s*\")")


def open_reader(file: File, options: ReadOptions, limits: Limits) -> Reader:
    """Return what reads a file.

    Raises:
        InvalidTable: its format can only be read whole, or is none that is read.
        ValueError: it is damaged.
    """
    start = file.read(0, min(_START, file.size))
    if not start:
        raise empty_body()
    refuse_foreign(start)
    whole = find_whole(start)
    if whole:
        raise InvalidTable(
            "a table that is read in parts must be Parquet, Arrow, .npy or text of rows",
            got=whole,
            remedy="write it as one of these",
        )
    if start.startswith(NPY_MAGIC):
        return NpyReader(file, options, limits)
    if start.startswith((FILE_MAGIC, STREAM_MAGIC)):
        from meshlens.pca.batch.sources.arrow_ipc import ArrowReader  # noqa: PLC0415 - Arrow takes 40 MB, which other input does without

        return ArrowReader(file, options, limits)
    if start.startswith(PARQUET_MAGIC):
        from meshlens.pca.batch.sources.parquet import ParquetReader  # noqa: PLC0415 - as above

        return ParquetReader(file, options, limits)
    return TextReader(file, options, limits)


def find_whole(start: bytes) -> str:
    """Return the format of a file that can only be read whole, empty if it has parts.

    Args:
        start: its first bytes.
    """
    compression = find_compression(start)
    if compression:
        return f"a compressed file ({compression.name})"
    if start.startswith(archive.MAGIC):
        return "a zip archive or a workbook"
    return "JSON" if _JSON.match(start) else ""
