"""What Arrow messages take once decompressed is known from their metadata."""

import numpy as np
import pyarrow as pa
import pytest
from unit.pca.tables.bodies import write_arrow

from meshlens.pca.tables.binary.arrow_bounds import Size, measure

ROWS = 1000


def split(body: bytes) -> list[tuple[bytes, memoryview]]:
    """The metadata and the body of each message of a stream."""
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(body))
    return [(each.metadata.to_pybytes(), memoryview(each.body or b"")) for each in reader]


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_a_batch_takes_its_columns_however_it_is_compressed(compression: str | None) -> None:
    columns = {"x": np.zeros(ROWS), "y": np.zeros(ROWS, dtype=np.int16)}
    schema, batch = split(write_arrow(columns, compression=compression))
    assert measure(*schema) == Size(0, 0)
    assert measure(*batch) == Size(ROWS, ROWS * (8 + 2))
    assert (len(batch[1]) < ROWS) is (compression is not None)


def test_a_dictionary_takes_memory_and_has_no_rows() -> None:
    kinds = pa.array(["setosa", "virginica"] * ROWS).dictionary_encode()
    _, dictionary, batch = split(write_arrow({"kind": kinds}, compression="zstd"))
    assert measure(*dictionary) == Size(0, len("setosavirginica") + 3 * 4)
    assert measure(*batch) == Size(2 * ROWS, 2 * ROWS * 4)


@pytest.mark.parametrize("buffer", [(0, -(1 << 62)), (-8, 8 * ROWS)])
def test_a_buffer_of_less_than_nothing_makes_no_room_for_another(buffer: tuple[int, int]) -> None:
    metadata, body = split(write_arrow({"x": np.zeros(ROWS)}))[1]
    true = np.array([0, 8 * ROWS], dtype="<i8").tobytes()
    assert metadata.count(true) == 1
    with pytest.raises(ValueError, match="expected buffers in the body"):
        measure(metadata.replace(true, np.array(buffer, dtype="<i8").tobytes()), body)


def test_a_compressed_buffer_outside_the_body_is_refused() -> None:
    metadata, body = split(write_arrow({"x": np.zeros(ROWS)}, compression="zstd"))[1]
    with pytest.raises(ValueError, match="8 bytes"):
        measure(metadata, body[:4])


@pytest.mark.parametrize("keep", [0, 3, 4, 20])
def test_metadata_that_are_cut_short_are_refused(keep: int) -> None:
    metadata, body = split(write_arrow({"x": np.zeros(ROWS)}))[1]
    with pytest.raises(ValueError, match="expected an offset within"):
        measure(metadata[:keep], body)
