"""Mean and scatter of observations, folded block by block; numpy only.

Blocks are merged as in Chan, Golub and LeVeque (1983), "Algorithms for computing the sample
variance". All values are shifted by the mean of the first block before anything is summed, so
that an offset far above the spread costs no digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

# A block of this many numbers fits into a core's cache.
_NUMBERS = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The count, mean and scatter of observations.

    Attributes:
        n: number of observations.
        shift: (p,), subtracted from all of them first; a constant column's value.
        offset: (p,), mean of what is left.
        squares: (p,), sums of the squared deviations from the mean.
        scatter: (p, p), sums of the products of deviations; None if not computed.
    """

    n: int
    shift: Array
    offset: Array
    squares: Array
    scatter: Array | None

    @property
    def mean(self) -> Array:
        """(p,), of the observations."""
        return self.shift + self.offset

    @classmethod
    def of(cls, block: Array, *, shift: Array | None = None, scatter: bool = True) -> Self:
        """Return the moments of one block (n, p), n at least 1."""
        # numpy sums along rows, in pairs, several times as fast as along columns.
        columns = np.array(block.T, order="C")
        if shift is None:
            # The mean of equal numbers can differ from them in the last bit.
            constant = (columns == columns[:, :1]).all(axis=1)
            shift = np.where(constant, block[0], columns.mean(axis=1))
        columns -= shift[:, np.newaxis]
        offset = columns.mean(axis=1)
        columns -= offset[:, np.newaxis]
        if not scatter:
            return cls(len(block), shift, offset, np.square(columns).sum(axis=1), None)
        products = columns @ columns.T
        return cls(len(block), shift, offset, products.diagonal().copy(), products)

    def merge(self, other: Self) -> Self:
        """Return the moments of both, which must have the same shift."""
        n = self.n + other.n
        distance = other.offset - self.offset
        weight = self.n * (other.n / n)
        offset = self.offset + distance * (other.n / n)
        squares = self.squares + other.squares + np.square(distance) * weight
        scatter = None
        if self.scatter is not None and other.scatter is not None:
            scatter = self.scatter + other.scatter + np.outer(distance, distance) * weight
        return type(self)(n, self.shift, offset, squares, scatter)


def fold(values: Array, *, scatter: bool = True) -> Moments:
    """Return the moments of observations (n, p), n at least 1, with or without their scatter."""
    blocks = split_blocks(values)
    moments = Moments.of(next(blocks), scatter=scatter)
    for block in blocks:
        moments = moments.merge(Moments.of(block, shift=moments.shift, scatter=scatter))
    return moments


def split_blocks(values: Array) -> Iterator[Array]:
    """Yield the rows in blocks of a size that is quick to work on."""
    n, p = values.shape
    rows = max(p, _NUMBERS // p, 1)
    for start in range(0, n, rows):
        yield values[start : start + rows]
