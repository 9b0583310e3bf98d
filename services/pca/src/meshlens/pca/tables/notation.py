"""How the numbers of a column are written, and cells -> numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshlens.pca.tables.cells import dissect, is_missing, is_plain
from meshlens.pca.tables.columns import Array


@dataclass(frozen=True, slots=True)
class Notation:
    """How the numbers of a column are written.

    Attributes:
        mark: the decimal mark.
        unit: what stands before or behind each of them; empty for none.
        missing: further cells that say that a number is missing.
    """

    mark: str = "."
    unit: str = ""
    missing: frozenset[str] = frozenset()

    def parse(self, cell: str) -> float | None:
        """Return the number in a cell, nan if it is missing, None if there is something else."""
        cell = cell.strip()
        if is_missing(cell) or cell in self.missing:
            return math.nan
        if self.mark == "." and not self.unit and is_plain(cell):
            return float(cell)
        numeral = dissect(cell)
        if numeral is None:
            return float(cell) if is_plain(cell) and not self.unit and "." not in cell else None
        return numeral.number(self.mark) if numeral.unit == self.unit else None

    def parse_all(self, cells: Sequence[str]) -> Array | None:
        """Return the numbers in cells if each holds one, else None; many times as fast."""
        if self.unit:
            return None
        joined = "".join(cells)
        if "_" in joined or not joined.isascii():
            return None
        if self.mark != ".":
            if "." in joined:
                return None
            cells = [cell.replace(self.mark, ".") for cell in cells]
        try:
            return np.array([*map(float, cells)])
        except ValueError:
            return None
