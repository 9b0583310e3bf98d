"""Delimited text by ranges of lines; what its columns are is decided once, at its beginning."""

import codecs
from collections.abc import Iterator, Sequence

from meshlens.batch.job import Fields
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.lines import cut_lines, find_end
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.batch.sources.reader import Limits, count_block
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import ReadOptions
from meshlens.pca.tables.delimited.dialect import strip_end
from meshlens.pca.tables.delimited.ranges import decide_text, read_range
from meshlens.pca.tables.table import check_infinite


class TextReader:
    """A text of rows, as its beginning describes it.

    Raises:
        InvalidTable: that has more than one reading.
    """

    def __init__(self, file: File, options: ReadOptions, limits: Limits) -> None:
        self._limits = limits
        start = file.read(0, min(limits.start, file.size))
        if len(start) < file.size:
            end = find_end(start, b'"') or start.rfind(b"\n") + 1
            if not end:
                raise InvalidTable(
                    "text that is read in parts must have rows that end with a line feed",
                    got=f"none in the first {len(start)} bytes",
                    remedy="write one row a line",
                )
            start = start[:end]
        else:
            start = strip_end(start)
        self._decisions = decide_text(start, options)
        self.sample = self._decisions.sample
        self._mark = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
        numbers = self._decisions.columns.notations
        self._order = {index: at for at, index in enumerate(numbers)}

    @property
    def written(self) -> str:
        """That it is text, with the decimal mark of its numbers, and their units."""
        columns = self._decisions.columns
        notations = columns.notations.items()
        units = {columns.layout.names[at]: one.unit for at, one in notations if one.unit}
        marks = {one.mark for _, one in notations}
        return ", ".join(
            ["text"]
            + [f"decimal mark {mark!r}" for mark in marks]
            + [f"{name!r} in {unit!r}" for name, unit in sorted(units.items())]
        )

    def cut(self, file: File, columns: int) -> Iterator[Fields]:
        """Yield the parts: ranges of lines."""
        del columns
        dialect = self._decisions.dialect
        for lines in cut_lines(
            file,
            self._limits.text,
            quote=dialect.quote,
            delimiter=dialect.delimiter,
            table=self._mark + self._decisions.start,
        ):
            first = lines.first - 1
            yield {
                "bytes": [lines.start, lines.end],
                "lines": lines.first,
                "rows": [first or self._decisions.head.rows[0][0] - 1, first + lines.count],
            }

    def read(self, file: File, part: Fields, columns: Sequence[int]) -> Iterator[Array]:
        """Yield the blocks of a part."""
        start, end = part["bytes"]
        body = file.read(start, end - start)
        raw = read_range(self._decisions, body, part["lines"], last=end == file.size)
        if raw is None:
            return
        chosen = [self._order[index] for index in columns]
        values = raw.values
        if chosen != [*range(values.shape[1])]:
            values = values[:, chosen]
        check_infinite(values, lambda row, column: raw.place(row, chosen[column]))
        step = count_block(len(columns))
        for at in range(0, len(values), step):
            yield values[at : at + step]
