"""Triangular factors of tall tables, folded block by block and merged; numpy only.

A table and its factor R, of table = Q R, have the same singular values and right singular vectors.
R of stacked tables is that of their stacked factors ("TSQR"; Demmel, Grigori, Hoemmen and Langou
2012), so that parts of a table can be reduced apart, without squaring its condition number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The triangular factor of centred and scaled observations.

    Attributes:
        n: number of observations.
        rows: (min(n, p), p), upper triangular, its diagonal not negative.
    """

    n: int
    rows: Array

    @classmethod
    def of(cls, blocks: Iterable[Array], p: int) -> Self:
        """Return the factor of blocks (m, p) of centred and scaled observations."""
        n, rows = 0, np.zeros((0, p))
        for block in blocks:
            n += len(block)
            rows = _reduce(rows, block)
        return cls(n, rows)

    def merge(self, other: Self) -> Self:
        """Return the factor of both."""
        return type(self)(self.n + other.n, _reduce(self.rows, other.rows))


def _reduce(above: Array, below: Array) -> Array:
    """Return the factor of two tables, one above the other."""
    rows = np.asarray(np.linalg.qr(np.concatenate([above, below]), mode="r"))
    # Which signs LAPACK chooses is its own affair.
    rows[np.diagonal(rows) < 0] *= -1.0
    return rows
