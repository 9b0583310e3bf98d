"""Files of tables, and what a source reads of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet as pq

from meshlens.batch.job import Fields
from meshlens.pca.batch.sources.table import TableSource, describe, open_table
from meshlens.pca.options import ReadingOptions, parse_options

# Parts of tables of a few rows.
SMALL = {"cells": 12, "text": 64}
Array = npt.NDArray[np.float64]


def source_of(
    *files: Path | str,
    query: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
) -> TableSource:
    limits = SMALL if limits is None else limits
    options = parse_options(ReadingOptions, query or {})
    fields = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name in options.model_fields_set
        for value in [getattr(options, name)]
    }
    return open_table(describe([*map(str, files)], reading=fields, limits=limits))


def read_parts(source: TableSource, parts: Sequence[Fields]) -> list[Array]:
    """Return the numbers of each part."""
    width = len(source.names)
    return [
        np.concatenate([np.empty((0, width)), *(block.copy() for block in source.read(part))])
        for part in parts
    ]


def read_all(
    *files: Path | str,
    query: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Array:
    source = source_of(*files, query=query, limits=limits)
    return np.concatenate(read_parts(source, source.plan()))


def write_parquet(path: Path, columns: Any, **options: Any) -> Path:  # noqa: ANN401 - whatever Arrow takes
    pq.write_table(pa.table(columns), path, **{"row_group_size": 3, **options})
    return path


def write_arrow(
    path: Path,
    columns: Any,  # noqa: ANN401 - whatever Arrow takes
    *,
    stream: bool = False,
    compression: str | None = None,
) -> Path:
    table = pa.table(columns)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=3)
    return path
