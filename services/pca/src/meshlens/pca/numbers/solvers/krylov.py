"""The first few components of a table with many rows and columns, as exact as all; numpy only.

Randomized block Krylov iteration (Musco and Musco 2015) with full orthogonalization. Halko's
subspace iteration with a fixed number of steps is wrong in the third digit where variances are
close to each other; here the iteration ends when the components are exact, or says that it will
take too long.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

# A component is exact if covariance x component differs from variance x component by this part of
# the variance: a variance is then as exact as from all components, and a direction to this part
# of the distance to the next variance.
TOLERANCE = 1e-11

_OVERSAMPLING = 10
# With a larger part of all dimensions, finding all components takes no longer.
_LARGEST_PART = 0.25
# So that it can converge at all before that.
_LEAST_STEPS = 4
# With smaller variances beside the first, the products of the table lose more than six digits.
_CONDITION = 1e-4
# Looking for the components in the basis costs as much as several steps: not before it has grown.
_GROWTH = 1.25


def find_leading(standard: Array, k: int) -> tuple[Array, Array] | None:
    """Return the first k squared singular values (k,), descending, and right vectors (k, p).

    The random numbers are always the same, so that the same input gives the same answer.

    Args:
        standard: (n, p), centred and scaled.
        k: fewer than n and p.

    Returns:
        None if they cannot be exact, or not before the basis holds a quarter of all dimensions.
    """
    n, p = standard.shape
    # The longer side is multiplied away.
    tall = standard if n >= p else standard.T
    side, width = min(n, p), k + _OVERSAMPLING
    most = int(_LARGEST_PART * side)
    if _LEAST_STEPS * width > most:
        return None
    basis, products = np.empty((side, most), order="F"), np.zeros((most, most))
    block = np.linalg.qr(np.random.default_rng(0).normal(size=(side, width)))[0]
    size, checked = 0, 0
    while size + width <= most:
        basis[:, size : size + width] = block
        image = tall.T @ (tall @ block)
        before, size = size, size + width
        known = basis[:, :size]
        products[:size, before:size] = known.T @ image
        image = _orthogonalize(image, known)
        block, coupling = np.linalg.qr(image)
        # Where the image adds no dimension, qr has filled up with what may lie in the basis.
        block = np.linalg.qr(_orthogonalize(block, known))[0]
        if size >= _GROWTH * checked or size + width > most:
            checked = size
            squares, vectors = np.linalg.eigh(products[:size, :size], UPLO="U")
            squares, vectors = squares[: -k - 1 : -1], vectors[:, : -k - 1 : -1]
            residuals = np.linalg.norm(coupling @ vectors[before:], axis=0)
            exact = (residuals <= TOLERANCE * squares).all()
            if exact and squares[-1] >= _CONDITION * squares[0]:
                found = known @ vectors
                if n < p:
                    found = standard.T @ found / np.sqrt(squares)
                return squares, found.T.copy()
    return None


def _orthogonalize(block: Array, basis: Array) -> Array:
    """Return what of a block is orthogonal to a basis; twice is enough."""
    for _ in range(2):
        block = block - basis @ (basis.T @ block)
    return block
