"""Arrow IPC that is damaged, too large, or holds something else."""

import numpy as np
import pyarrow as pa
import pytest
from unit.pca.tables.bodies import STREAM, X, Y, write_arrow

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.table import decode_table


def bomb(rows: int, *, compression: str | None = "zstd") -> bytes:
    return write_arrow({"x": np.zeros(rows), "y": np.zeros(rows)}, compression=compression)


BAD_ARROW: dict[str, tuple[bytes, str]] = {
    "a bomb": (bomb(5_000_000), "may decompress to 67108864 bytes, got 80000000"),
    "a bomb in a file": (
        write_arrow({"x": np.zeros(9_000_000)}, file=True, compression="lz4"),
        "may decompress",
    ),
    "a bomb of small numbers": (
        write_arrow({"x": np.zeros(9_000_000, dtype=np.int8)}, compression="zstd"),
        "may decompress",
    ),
    "nulls": (write_arrow({"x": pa.nulls(10)}), r"null in column 1 \(x\)"),
    "lists": (write_arrow({"x": [[1], [2]]}), r"list.* in column 1 \(x\)"),
    "durations": (write_arrow({"x": pa.array([1], pa.duration("s"))}), "duration"),
    "dates only": (write_arrow({"x": pa.array([1], pa.timestamp("s"))}), "at least one column"),
    "names only": (write_arrow({"x": ["a", "b"]}), "at least one column must hold numbers"),
    "no rows": (write_arrow({"x": pa.array([], pa.float64())}), "no rows"),
    "names without rows": (
        write_arrow(
            {
                "x": pa.array([], pa.float64()),
                "k": pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), ["a", "b"]),
            }
        ),
        "no rows",
    ),
    "a dictionary of nulls": (
        write_arrow({"x": [1.0], "k": pa.array([None], pa.null()).dictionary_encode()}),
        "null in column 2",
    ),
    "missing": (write_arrow({"x": [1, None], "y": [1, 2]}), r"1 missing .*row 2, column 1 \(x\)"),
    "infinity": (write_arrow({"x": [1, np.inf]}), r"inf at row 2, column 1 \(x\)"),
    "cut short": (write_arrow({"x": X, "y": Y})[:-60], "Arrow IPC"),
    "nothing but a magic": (b"\xff\xff\xff\xff", "Arrow IPC"),
    "something else": (b"1,2\n3,4\n5,6\n7,8", "Arrow IPC"),
}


@pytest.mark.parametrize("name", BAD_ARROW)
def test_bad_arrow_is_refused(name: str) -> None:
    body, message = BAD_ARROW[name]
    with pytest.raises(InvalidTable, match=message):
        decode_table(body, STREAM)
