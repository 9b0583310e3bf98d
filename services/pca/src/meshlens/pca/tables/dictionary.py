"""A column of names that arrives from Arrow in parts, each name kept once."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Dictionary:
    """A column of names that arrives in parts, each name kept once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._codes: list[npt.NDArray[np.int32]] = []

    def add(self, column: pa.Array) -> None:
        """Append a part, plain or dictionary-encoded strings; null becomes an empty name."""
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        # Missing cells have index -1, hence the name appended last.
        names = [*column.dictionary.to_pylist(), None]
        codes = [self._code("" if name is None else str(name).strip()) for name in names]
        indices = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        self._codes.append(np.array(codes, dtype=np.int32)[indices])

    def __len__(self) -> int:
        return sum(map(len, self._codes))

    def __iter__(self) -> Iterator[str]:
        codes: Iterator[int] = chain.from_iterable(code.data for code in self._codes)
        return map([*self._known].__getitem__, codes)

    def _code(self, name: str) -> int:
        return self._known.setdefault(name, len(self._known))
