"""Parquet by groups of rows, as its footer describes them.

Import this module where such input arrives: Arrow takes 40 MB.
"""

from collections.abc import Iterator, Mapping, Sequence

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.arrow_blocks import reading, sample_schema
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.parquet_groups import GroupReader, Loaded, open_loaded
from meshlens.pca.batch.sources.reader import Limits, gather
from meshlens.pca.tables.binary.arrow_columns import split_schema
from meshlens.pca.tables.binary.parquet_bounds import END, find_footer, read_groups
from meshlens.pca.tables.columns import ReadOptions

_LARGEST_FOOTER = 1 << 28
_GUESSED = 1 << 16  # bytes that Arrow reads at the end before it knows how long the footer is


class ParquetReader:
    """A Parquet file, as its footer describes it.

    Raises:
        ValueError: the footer is damaged.
        InvalidTable: some column holds neither numbers nor names.
    """

    written = "Parquet"

    @reading()
    def __init__(self, file: File, options: ReadOptions, limits: Limits) -> None:
        self._limits = limits
        length = find_footer(file.read(max(file.size - END, 0), min(END, file.size)))
        start = file.size - END - length
        if start < 0 or length > _LARGEST_FOOTER:
            raise ValueError(f"expected a footer in the file, got one of {length} bytes")
        above = max(min(start, file.size - _GUESSED), 0)
        end = file.read(above, file.size - above)
        self._groups = read_groups(end[start - above : -END])
        opened = open_loaded(Loaded(file.size, {above: end}))
        self._metadata, schema = opened.metadata, opened.schema_arrow
        columns = split_schema(schema, options.declared)
        self._names: Sequence[str] = schema.names
        rows = [group.rows for group in self._groups]
        wide = any(len(group.chunks) != len(schema) for group in self._groups)
        if wide or min(rows, default=0) < 0 or sum(rows) != self._metadata.num_rows:
            raise ValueError(
                "expected a footer whose groups of rows have the rows and columns of the file"
            )
        self.sample = sample_schema(columns)

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts: neighbouring groups of rows."""
        del file
        rows = [group.rows for group in self._groups]
        for start, end in gather(rows, columns, self._limits.cells):
            first = sum(rows[:start])
            yield {"groups": [start, end], "rows": [first, first + sum(rows[start:end])]}

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks of a part."""
        places = self._find_places([self._names[index] for index in columns])
        with reading():
            reader = GroupReader(file, self._metadata, places, self._limits)
            for number in range(*part["groups"]):
                yield from reader.read(number, self._groups[number])

    def _find_places(self, names: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Return which columns Arrow takes for those of names: a.b and a.c for a as well."""
        places: dict[str, list[int]] = {name: [] for name in names}
        for place, name in enumerate(self._names):
            steps = name.split(".")
            for depth in range(1, len(steps) + 1):
                places.get(".".join(steps[:depth]), []).append(place)
        return places
