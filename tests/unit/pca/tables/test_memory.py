"""A million rows take less than three times their array, and a bomb takes next to nothing."""

import bz2
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from unit.pca.tables.bodies import write_parquet, write_zip

from meshlens.pca.tables.growth import find_limit

ROWS = 1_000_000

# The high-water mark of a process of its own: it never falls, and counts what Arrow allocates.
MEASURE = """
import io, json, sys
import numpy as np
import pyarrow as pa
from meshlens.pca.tables.binary import arrow_ipc, parquet
from meshlens.pca.tables.containers import workbook
from meshlens.pca.tables.delimited import arrow_csv
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.errors import PcaError
from meshlens.pca.tables.table import decode_table

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

def work(body, content_type):
    try:
        table = decode_table(body, content_type)
        fit(table.values, standardize=True)
    except PcaError as error:
        print(str(error)[:200], file=sys.stderr)

small = b"1.25,-2.5\\n2.25,7.5\\n" * 10_000
work(small, "text/csv")
work(json.dumps([[1.5, 2], [3, 4.5]] * 10).encode(), "application/json")
body, content_type = eval(sys.argv[1])
before = peak()
work(body, content_type)
print(peak() - before)
"""

LINES = f'b"1.25,-2.5\\n2.25,7.5\\n" * {ROWS // 2}'
GROUPS = f'b"x,y,kind\\n" + b"1.25,-2.5,a\\n2.25,7.5,b\\n" * {ROWS // 2}'
INPUTS = {
    "rows": (LINES, "text/csv"),
    "groups": (GROUPS, "text/csv"),
    "one line": (f'b"1.25,-2.5,2.25,7.5," * {ROWS // 2 - 1} + b"1,2,3,4"', "text/csv"),
    "JSON": (
        f'b"[" + b"[1.25,-2.5],[2.25,7.5]," * {ROWS // 2 - 1} + b"[1,2],[3,4]]"',
        "application/json",
    ),
    "a fault in the last row": (f'{LINES} + b"1,oops"', "text/csv"),
    "a row that is too short": (f'{LINES} + b"1"', "text/csv"),
}


def measure(expression: str, content_type: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, f"({expression}, {content_type!r})"],
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout), done.stderr


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="only Linux reports the high-water mark"
    ),
]


@pytest.mark.parametrize("name", INPUTS)
def test_a_million_rows_take_less_than_three_times_their_array(name: str) -> None:
    taken, _ = measure(*INPUTS[name])
    assert taken < 3 * ROWS * 2 * 8


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_bomb_in_arrow_is_refused_before_it_is_unpacked(compression: str, tmp_path: Path) -> None:
    # The bomb is built elsewhere, so that only reading it is measured: 800 MB of zeros.
    batch = pa.record_batch([pa.array(np.zeros(10_000_000))], names=["x"])
    with pa.OSFile(str(tmp_path / "bomb"), "wb") as sink:
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
            for _ in range(10):
                writer.write_batch(batch)
    body = f"open({str(tmp_path / 'bomb')!r}, 'rb').read()"
    taken, message = measure(body, "application/vnd.apache.arrow.stream")
    assert "may decompress" in message
    assert taken < 1 << 24


def test_a_bomb_in_any_container_is_refused_within_what_it_may_hold(tmp_path: Path) -> None:
    # What a small body may decompress to, and as much again while it is joined.
    most = 2 * find_limit(0) + (1 << 24)
    zeros = b"0,0\n" * 4_000_000
    # Streams one after the other; an archive has no such thing.
    bombs = {
        "gzip": gzip.compress(zeros, 1) * 25,
        "bzip2": bz2.compress(zeros, 1) * 25,
        "zip": write_zip({"a.csv": zeros * 10}),
        "workbook": write_zip({"xl/workbook.xml": b"", "xl/worksheets/sheet1.xml": zeros * 10}),
        "Parquet": write_parquet({"x": np.zeros(20_000_000)}, use_dictionary=False),
    }
    for name, bomb in bombs.items():
        path = tmp_path / name
        path.write_bytes(bomb)
        taken, message = measure(f"open({str(path)!r}, 'rb').read()", "application/octet-stream")
        assert "may decompress" in message, name
        assert taken < most, name


def test_many_columns_are_refused_before_they_are_parsed() -> None:
    taken, message = measure('(b"1," * 1_000_000 + b"1\\n") * 4', "text/csv")
    assert "at most 100000 variables, got 1000001" in message
    assert taken < 1 << 24
