"""A source for tests: slices of an array in a file, a number of rows a part."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.source import GroupedBlock, Source
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]

# A number in a part of the file that cannot be read.
NOISE = -6.66e66

_BLOCKS = 3  # of a part


class ArraySource:
    """The rows of a file that numpy has saved; one with `labels` beside it has groups.

    Args:
        given: its `file`, and how many `rows` a part has.
        names: of the columns.
    """

    def __init__(self, given: Fields, names: Sequence[str]) -> None:
        self._file = Path(given["file"])
        self._rows = int(given["rows"])
        self.names = tuple(names) or tuple(
            f"x{column + 1}" for column in range(self._load().shape[1])
        )

    @property
    def reading(self) -> Reading:
        return Reading(format=".npy")

    def _load(self) -> Array:
        values: Array = np.load(self._file, mmap_mode="r")
        return values

    def identify(self) -> Fields:
        return {"file": self._file.name, "size": self._file.stat().st_size}

    def plan(self) -> Sequence[Fields]:
        n, size = len(self._load()), self._file.stat().st_size
        starts = range(0, n, self._rows)
        return [{"rows": [start, min(start + self._rows, n)], "size": size} for start in starts]

    def locate(self, part: Fields) -> str:
        return f"{self._file.name}, rows {part['rows'][0] + 1} to {part['rows'][1]}"

    def read(self, part: Fields) -> Iterator[Array]:
        for start, end in self._cut(part):
            block = np.array(self._load()[start:end], order="F")
            if (block == NOISE).any():
                raise PartFailed("a file must be readable", got="noise", remedy="copy it again")
            yield block

    def read_groups(self, part: Fields, column: str) -> Iterator[GroupedBlock]:
        labels = np.load(self._file.with_name(f"{column}.npy"))
        for block, (start, end) in zip(self.read(part), self._cut(part), strict=True):
            known, codes = np.unique(labels[start:end], return_inverse=True)
            yield GroupedBlock(block, codes, known.tolist())

    def _cut(self, part: Fields) -> Iterator[tuple[int, int]]:
        if self._file.stat().st_size != part["size"]:
            raise InputChanged("a file must not change", got="another size", remedy="start again")
        start, end = part["rows"]
        step = max(1, (end - start) // _BLOCKS)
        return ((row, min(row + step, end)) for row in range(start, end, step))


def open_array(given: Fields, names: Sequence[str] = ()) -> Source:
    """Open a file as the opener of a job does."""
    return ArraySource(given, names)


JOB = FitJob(open_array)


def save(folder: Path, values: Array, name: str = "table.npy") -> Path:
    """Save an array as a file."""
    folder.mkdir(exist_ok=True, parents=True)
    np.save(folder / name, values)
    return folder / name


def fit_parts(
    file: Path,
    folder: Path,
    *,
    rows: int = 100,
    workers: int = 1,
    skip: bool = False,
    scores: bool = False,
    picture: Any = False,  # noqa: ANN401 - whatever a caller says
    **options: Any,  # noqa: ANN401 - as a query has them
) -> tuple[Mapping[str, Any], FolderObjects]:
    """Run the job; return its summary and its objects."""
    objects = FolderObjects(folder)
    identity = JOB.identify(
        {
            "input": {"file": str(file), "rows": rows},
            "options": options,
            "scores": scores,
            "picture": picture,
        }
    )
    with one_thread():
        result = run(JOB, identity, objects, workers=workers, skip=skip)
    return result.summary, objects
