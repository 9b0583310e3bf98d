"""Mean and scatter of observations, folded block by block; numpy only.

Blocks are merged as in Chan, Golub and LeVeque (1983), "Algorithms for computing the sample
variance". All values are shifted by the mean of the first block before anything is summed, so
that an offset far above the spread costs no digits. Parts of a table that are folded apart have
the shift of the first one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

# A block of this many numbers fits into a core's cache.
_NUMBERS = 1 << 15
# With fewer, BLAS spends as long on preparing a product of few variables as on the product.
_FOLDED = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The count, mean and scatter of observations.

    Attributes:
        n: number of observations.
        shift: (p,), subtracted from all of them first; a constant column's value.
        offset: (p,), mean of what is left.
        squares: (p,), sums of the squared deviations from the mean.
        scatter: (p, p), sums of the products of deviations; None if not computed.
        extremes: (2, p), the least and the greatest observation; None if not computed.
    """

    n: int
    shift: Array
    offset: Array
    squares: Array
    scatter: Array | None
    extremes: Array | None = None

    @property
    def mean(self) -> Array:
        """(p,), of the observations."""
        return self.shift + self.offset

    @classmethod
    def of(
        cls,
        block: Array,
        *,
        shift: Array | None = None,
        scatter: bool = True,
        extremes: bool = False,
    ) -> Self:
        """Return the moments of one block (n, p), n at least 1."""
        if shift is None:
            shift = find_shift(block)
        # numpy sums along rows, in pairs, several times as fast as along columns.
        columns = np.subtract(block.T, shift[:, np.newaxis], order="C")
        offset = columns.mean(axis=1)
        columns -= offset[:, np.newaxis]
        ends = np.stack([block.min(axis=0), block.max(axis=0)]) if extremes else None
        if not scatter:
            return cls(len(block), shift, offset, np.square(columns).sum(axis=1), None, ends)
        products = columns @ columns.T
        return cls(len(block), shift, offset, products.diagonal().copy(), products, ends)

    def merge(self, other: Self) -> Self:
        """Return the moments of both.

        Raises:
            ValueError: their shifts differ, so that their offsets cannot be compared.
        """
        if not np.array_equal(self.shift, other.shift):
            raise ValueError("moments that are merged must have the same shift")
        n = self.n + other.n
        distance = other.offset - self.offset
        weight = self.n * (other.n / n)
        offset = self.offset + distance * (other.n / n)
        squares = self.squares + other.squares + np.square(distance) * weight
        scatter, extremes = None, None
        if self.scatter is not None and other.scatter is not None:
            scatter = self.scatter + other.scatter + np.outer(distance, distance) * weight
        if self.extremes is not None and other.extremes is not None:
            (low, high), (lower, higher) = self.extremes, other.extremes
            extremes = np.stack([np.minimum(low, lower), np.maximum(high, higher)])
        return type(self)(n, self.shift, offset, squares, scatter, extremes)


def fold(
    values: Array, *, shift: Array | None = None, scatter: bool = True, extremes: bool = False
) -> Moments:
    """Return the moments of observations (n, p), n at least 1.

    Args:
        values: of any layout; columns that are contiguous in memory are the quickest.
        shift: (p,), as `find_shift` has found it in the first part of a table; that of the first
            block if None.
        scatter: whether to compute it.
        extremes: whether to compute them.
    """
    blocks = split_blocks(values, _FOLDED)
    moments = Moments.of(next(blocks), shift=shift, scatter=scatter, extremes=extremes)
    for block in blocks:
        moments = moments.merge(
            Moments.of(block, shift=moments.shift, scatter=scatter, extremes=extremes)
        )
    return moments


def find_shift(block: Array) -> Array:
    """Return (p,), the means of a block (n, p), n at least 1; the value of a constant column."""
    columns = np.array(block.T, order="C")
    # The mean of equal numbers can differ from them in the last bit.
    constant = (columns == columns[:, :1]).all(axis=1)
    return np.where(constant, columns[:, 0], columns.mean(axis=1))


def split_blocks(values: Array, numbers: int = _NUMBERS) -> Iterator[Array]:
    """Yield the rows in blocks of a size that is quick to work on."""
    n, p = values.shape
    rows = max(p, numbers // p, 1)
    for start in range(0, n, rows):
        yield values[start : start + rows]
