"""The dialect of delimited text: delimiter, decimal mark, and how a cell is read."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import chain, islice
from operator import methodcaller

import numpy as np

from meshlens.pca.tables.cells import MISSING
from meshlens.pca.tables.columns import MOST_COLUMNS, Array, Content, too_wide

BLANK = " \r\n"  # a line of tabs is a row of missing cells

_HEAD = 100  # rows that determine which columns hold numbers
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_MISSING = frozenset(MISSING)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Field delimiter and decimal mark."""

    delimiter: str
    decimal: str = "."

    def parse(self, cell: str) -> float | None:
        """Return the number in a cell, nan if it is missing, None if there is something else.

        It reads less than float() does: ASCII without underscores.
        """
        cell = cell.strip()
        if cell in _MISSING:
            return math.nan
        if self.decimal != ".":
            if "." in cell:
                return None
            cell = cell.replace(self.decimal, ".")
        if "_" in cell or not cell.isascii():
            return None
        try:
            return float(cell)
        except ValueError:
            return None

    def parse_all(self, cells: Sequence[str]) -> Array | None:
        """Return the numbers in cells if each holds one, else None; many times as fast."""
        joined = "".join(cells)
        if "_" in joined or not joined.isascii():
            return None
        if self.decimal != ".":
            if "." in joined:
                return None
            cells = [cell.replace(self.decimal, ".") for cell in cells]
        try:
            return np.array([*map(float, cells)])
        except ValueError:
            return None

    def classify(self, cell: str) -> Content:
        """Return what a cell holds; infinity counts as a number."""
        number = self.parse(cell)
        if number is None:
            return Content.NAME
        return Content.MISSING if math.isnan(number) else Content.NUMBER

    def classify_all(self, cells: Sequence[str]) -> set[Content]:
        """Return the set of contents found in the cells of a column."""
        if self.parse_all(cells) is not None:
            return {Content.NUMBER}
        return {*map(self.classify, {*cells})}

    def read_records(self, body: bytes) -> Iterator[list[str]]:
        """Yield the cells of each line that is not blank.

        Raises:
            csv.Error: a quote is not closed, or a field is too long.
        """
        return csv.reader(
            _read_lines(body), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )


def sniff_line(line: bytes) -> Dialect:
    """Return the dialect of a body that is one line."""
    delimiter = _find_delimiter(line)
    start = line[:1000].decode(errors="ignore").split(delimiter)
    return Dialect(delimiter, _find_decimal(delimiter, start))


def sniff(body: bytes) -> tuple[Dialect, list[list[str]]]:
    """Return the dialect and the first rows of a body of several lines.

    Raises:
        InvalidTable: a row has more columns than are read.
        csv.Error: a quote is not closed, or a field is too long.
    """
    first = next(_read_lines(body))
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = _find_delimiter(unquoted.encode())
    if unquoted.count(delimiter) >= MOST_COLUMNS:
        raise too_wide(unquoted.count(delimiter) + 1)
    head = list(islice(Dialect(delimiter).read_records(body), _HEAD))
    return Dialect(delimiter, _find_decimal(delimiter, chain.from_iterable(head))), head


def _find_delimiter(line: bytes) -> str:
    return next((mark for mark in "\t;" if mark.encode() in line), ",")


def _find_decimal(delimiter: str, cells: Iterable[str]) -> str:
    if delimiter == ",":
        return "."
    return "," if any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) else "."


def _read_lines(body: bytes) -> Iterator[str]:
    """Yield the lines that are not blank, one at a time: a list of them takes much memory."""
    lines = TextIOWrapper(BytesIO(body), encoding="utf-8", newline="")
    return filter(methodcaller("strip", BLANK), lines)
