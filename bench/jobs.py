"""A fit over the parts of a table, relative to numpy's own product of the same numbers.

The reference is the fastest that one core could do: `x.T @ x` of columns in memory. Seconds are of
the CPU, so that other work on the machine counts little; all of it is done on one BLAS thread.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from meshlens.batch.job import Fields
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.models import decode_model
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.numbers.moments import fold
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]

_GROUP = 1 << 18  # rows of a row group
_GROUPS = 4  # row groups of a part
_BATCH = 1 << 16


def main() -> None:
    """Print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--columns", type=int, nargs="+", default=[3, 20, 100])
    arguments.add_argument(
        "--parquet", type=int, default=0, help="millions of rows x 20 to write and fit"
    )
    arguments.add_argument("--workers", type=int, default=1)
    options = arguments.parse_args()
    with one_thread():
        compare_folds(options.columns, options.rounds)
        if options.parquet:
            with tempfile.TemporaryDirectory() as folder:
                fit_file(Path(folder), options.parquet * 1_000_000, options.workers)


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


def write(path: Path, n: int) -> None:
    """Write n rows of 20 variables, a row group at a time."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(20, 20))
    names = [f"x{column + 1}" for column in range(20)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n, _GROUP):
            values = generator.normal(size=(min(_GROUP, n - start), 20)) @ mixing + 100
            table = pa.table([*np.ascontiguousarray(values.T)], schema=schema)
            writer.write_table(table, row_group_size=_GROUP)


def fit_file(folder: Path, n: int, workers: int) -> None:
    """Print how long a job takes for a file, how much memory, and how exact its answer is."""
    path = folder / "table.parquet"
    write(path, n)
    job = FitJob(RowGroups.open)
    objects = FolderObjects(folder / "job")
    identity = job.identify({"input": {"file": str(path)}})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, start = time.monotonic(), time.process_time()
    result = run(job, identity, objects, workers=workers)
    seconds, wall = time.process_time() - start, time.monotonic() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{n:,} rows x 20, {path.stat().st_size / 1e9:.1f} GB, {workers} workers:")
    print(
        f"  {n / seconds / 1e6:.1f} million rows a second of CPU, {n / wall / 1e6:.1f} by the clock"
    )
    print(f"  memory {peak >> 10} MiB at most, {before >> 10} before")
    reading = best(lambda: read_all(path), 1)
    print(f"  of these, reading alone takes {reading / seconds:.0%}")
    if n * 20 * 8 <= 1 << 30:
        model, whole = decode_model(objects.get("model.json") or b""), fit(load(path))
        off = np.abs(model.explained_variance - whole.explained_variance)
        largest, own = off.max() / whole.explained_variance[0], off / whole.explained_variance
        print(f"  variances are those in memory within {largest:.1e} of the largest,")
        print(f"  {own.max():.1e} of their own; {result.summary['solver']}")


def read_all(path: Path) -> None:
    """Read all blocks of a file."""
    source = RowGroups.open({"file": str(path)})
    for part in source.plan():
        for _ in source.read(part):
            pass


def load(path: Path) -> Array:
    """Return a file's rows."""
    source = RowGroups.open({"file": str(path)})
    return np.concatenate([block for part in source.plan() for block in source.read(part)])


if __name__ == "__main__":
    main()
