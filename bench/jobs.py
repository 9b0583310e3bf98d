"""A fit over the parts of a table, relative to the least that reads and folds the same numbers.

Folding alone is compared with numpy's product of columns in memory; a whole job over Parquet, as
`pca fit` runs it, with the same job over the plainest reader there can be, in the same minute,
and with scikit-learn's IncrementalPCA over that reader. Each has a process of its own, whose peak
memory is its own. Seconds are of the CPU, so that other work on the machine counts little; all of
it is done on one BLAS thread. Answers are compared with numpy's own of two passes over the file:
means, then products of deviations.
"""

import argparse
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.decomposition import IncrementalPCA

from meshlens.batch.job import Fields
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.source import Opener
from meshlens.pca.batch.sources.table import describe, open_table
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.models import decode_model
from meshlens.pca.numbers.moments import fold
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]

_GROUP = 1 << 18  # rows of a row group
_GROUPS = 4  # row groups of a part
_BATCH = 1 << 16
_VARIABLES = 20
# How columns may be written: pyarrow's defaults first.
_ENCODINGS: Mapping[str, Mapping[str, Any]] = {
    "dictionary, snappy": {},
    "plain, snappy": {"use_dictionary": False},
    "plain": {"use_dictionary": False, "compression": "none"},
    "plain, zstd": {"use_dictionary": False, "compression": "zstd"},
}


def main() -> None:
    """Print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--columns", type=int, nargs="*", default=[3, 20, 100])
    arguments.add_argument(
        "--parquet", type=int, default=10, help="millions of rows x 20 to write and fit"
    )
    arguments.add_argument("--encodings", nargs="+", choices=_ENCODINGS, default=[*_ENCODINGS])
    arguments.add_argument("--group", type=int, default=_GROUP, help="rows of a row group")
    arguments.add_argument("--workers", type=int, default=1)
    options = arguments.parse_args()
    with one_thread():
        if options.columns:
            compare_folds(options.columns, options.rounds)
        if options.parquet:
            n = options.parquet * 1_000_000
            compare_files(n, options.group, options.encodings, options.workers, options.rounds)


def compare_folds(columns: Sequence[int], rounds: int) -> None:
    """Print how long folding takes, relative to the product alone."""
    print("columns  fold / x.T @ x  fold, million rows a second")
    for p in columns:
        n = (1 << 24) // p
        values = np.asfortranarray(np.random.default_rng(0).normal(size=(n, p)))

        def multiply(values: Array = values) -> object:
            return values.T @ values

        def add_up(values: Array = values) -> object:
            return fold(values)

        product, folded = best(multiply, rounds), best(add_up, rounds)
        print(f"{p:7}  {folded / product:14.2f}  {n / folded / 1e6:8.1f}")


def best(work: Callable[[], object], rounds: int) -> float:
    """Return the least CPU seconds of some rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


@dataclass(frozen=True, slots=True)
class RowGroups:
    """A Parquet file of doubles without missing numbers: the least that a source can do."""

    path: str
    names: tuple[str, ...]

    @classmethod
    def open(cls, given: Fields, names: Sequence[str] = ()) -> "RowGroups":
        """Open it, as the opener of a job."""
        return cls(given["file"], tuple(names) or tuple(pq.read_schema(given["file"]).names))

    @property
    def reading(self) -> Reading:
        """Say its format."""
        return Reading(format="Parquet")

    def identify(self) -> Fields:
        """Return its size."""
        return {"size": Path(self.path).stat().st_size}

    def plan(self) -> Sequence[Fields]:
        """Cut it into parts of some row groups."""
        count = pq.ParquetFile(self.path).num_row_groups
        return [
            {"groups": [start, min(start + _GROUPS, count)]} for start in range(0, count, _GROUPS)
        ]

    def locate(self, part: Fields) -> str:
        """Return the row groups."""
        return f"row groups {part['groups']}"

    def read(self, part: Fields) -> Iterator[Array]:
        """Yield blocks whose columns are contiguous."""
        with pq.ParquetFile(self.path, memory_map=True) as file:
            groups = range(*part["groups"])
            for batch in file.iter_batches(_BATCH, row_groups=groups, use_threads=False):
                block = np.empty((batch.num_rows, len(self.names)), order="F")
                for column, cells in enumerate(batch.columns):
                    block[:, column] = cells.to_numpy()
                yield block


def write(path: Path, n: int, group: int, options: Mapping[str, Any]) -> None:
    """Write n rows of 20 variables, a row group at a time."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(_VARIABLES, _VARIABLES))
    names = [f"x{column + 1}" for column in range(_VARIABLES)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    with pq.ParquetWriter(path, schema, **options) as writer:
        for start in range(0, n, group):
            values = generator.normal(size=(min(group, n - start), _VARIABLES)) @ mixing + 100
            table = pa.table([*np.ascontiguousarray(values.T)], schema=schema)
            writer.write_table(table, row_group_size=group)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a job has taken.

    Attributes:
        seconds: of the CPU.
        wall: by the clock.
        peak: bytes of memory at most.
        variances: (p,), of the components.
    """

    seconds: float
    wall: float
    peak: int
    variances: Array


_OPENERS: Mapping[str, tuple[Opener, Callable[[str], Fields]]] = {
    "meshlens": (open_table, lambda path: describe([path])),
    "least": (RowGroups.open, lambda path: {"file": path}),
}


_PEER = "scikit-learn"


def compare_files(n: int, group: int, encodings: Sequence[str], workers: int, rounds: int) -> None:
    """Print how long jobs over files take, how much memory, and how exact their answers are."""
    print(f"\n{n:,} rows x {_VARIABLES} in groups of {group:,}, {workers} workers")
    print("                         million rows a second                memory     variances off")
    print("                              of the CPU   by the    time    at most     at most,")
    print(
        "Parquet              GB  fit least sklearn  clock   ratio   MiB ratio    of largest of own"
    )
    for encoding in encodings:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.parquet"
            write(path, n, group, _ENCODINGS[encoding])
            found: dict[str, list[Measured]] = {name: [] for name in (*_OPENERS, _PEER)}
            for _ in range(rounds):
                for name, measured in found.items():
                    measured.append(apart(name, str(path), workers))
            fitted, least, peer = (
                min(each, key=lambda one: one.seconds) for each in found.values()
            )
            peaks = [max(one.peak for one in each) >> 20 for each in found.values()]
            expected = find_variances(path)
            print(
                f"{encoding:18} {path.stat().st_size / 1e9:4.1f} {n / fitted.seconds / 1e6:4.1f}"
                f" {n / least.seconds / 1e6:5.1f} {n / peer.seconds / 1e6:7.2f}"
                f" {n / fitted.wall / 1e6:6.1f} {fitted.seconds / least.seconds:7.2f}"
                f" {peaks[0]:5} {peaks[0] / peaks[1]:5.2f} {compare(fitted.variances, expected)}"
            )
            print(
                f"  {_PEER}: {peer.seconds / fitted.seconds:.1f} times as long, {peaks[2]} MiB,"
                f" off {compare(peer.variances, expected)}"
            )


def apart(name: str, path: str, workers: int) -> Measured:
    """Return what a job takes in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(measure, name, path, workers).result()


def measure(name: str, path: str, workers: int) -> Measured:
    """Fit a file; return what it takes."""
    with one_thread():
        wall, start = time.monotonic(), time.process_time()
        variances = fit_incrementally(path) if name == _PEER else fit_as_job(name, path, workers)
        seconds, wall = time.process_time() - start, time.monotonic() - wall
    status = Path("/proc/self/status").read_text()
    (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", status)
    return Measured(seconds, wall, int(peak) << 10, variances)


def fit_as_job(name: str, path: str, workers: int) -> Array:
    """Fit by a job; return the variances."""
    opener, given = _OPENERS[name]
    job = FitJob(opener)
    with tempfile.TemporaryDirectory() as folder:
        objects = FolderObjects(Path(folder))
        run(job, job.identify({"input": given(path)}), objects, workers=workers)
        return decode_model(objects.get("model.json") or b"").explained_variance


def fit_incrementally(path: str) -> Array:
    """Fit by scikit-learn, a batch at a time; return the variances."""
    model = IncrementalPCA()
    for block in read_all(Path(path)):
        model.partial_fit(block)
    variances: Array = model.explained_variance_
    return variances


def find_variances(path: Path) -> Array:
    """Return the variances by two passes over a file, the largest first."""
    n, total = 0, np.zeros(_VARIABLES)
    for block in read_all(path):
        n += len(block)
        total += block.sum(axis=0)
    mean, scatter = total / n, np.zeros((_VARIABLES, _VARIABLES))
    for block in read_all(path):
        deviations = block - mean
        scatter += deviations.T @ deviations
    variances = np.linalg.eigvalsh(scatter / (n - 1))[::-1]
    return variances.astype(np.float64, copy=False)


def compare(found: Array, expected: Array) -> str:
    """Say how far variances are off, relative to the largest, and to their own at most."""
    off = np.abs(found - expected)
    return f"{off.max() / expected[0]:12.0e} {(off / expected).max():6.0e}"


def read_all(path: Path) -> Iterator[Array]:
    """Yield all blocks of a file."""
    source = RowGroups.open({"file": str(path)})
    for part in source.plan():
        yield from source.read(part)


if __name__ == "__main__":
    main()
