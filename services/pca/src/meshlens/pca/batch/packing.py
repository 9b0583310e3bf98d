"""Moments, factors and what a picture needs, as canonical bytes: and back exactly.

A head of 8 bytes that names the kind, two counts, then whole numbers and doubles, all of them
little-endian and of 8 bytes. Of a symmetric matrix the upper triangle is kept.
"""

import struct
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.batch.outline import Outline
from meshlens.pca.drawing.scenes.tally import Cells, Tally
from meshlens.pca.numbers.moments import Moments
from meshlens.pca.numbers.solvers.factors import Factor

Array: TypeAlias = npt.NDArray[np.float64]

_MOMENTS, _FACTOR, _OUTLINE, _TALLY = b"moments1", b"factor-1", b"outline1", b"tally--1"
_COUNTS = struct.Struct("<8sQQ")
_HAS_SCATTER, _HAS_EXTREMES = 1, 2


def pack_moments(moments: Moments | None, dropped: int = 0) -> bytes:
    """Return the bytes of moments, and of how many observations were left out of them.

    Args:
        moments: None if there was no observation.
        dropped: how many had missing numbers.
    """
    if moments is None:
        return _pack(_MOMENTS, [0, 0, 0, dropped], [])
    p, flags = len(moments.shift), 0
    arrays = [moments.shift, moments.offset]
    if moments.scatter is None:
        arrays.append(moments.squares)
    else:
        flags |= _HAS_SCATTER
        arrays.append(moments.scatter[np.triu_indices(p)])
    if moments.extremes is not None:
        flags |= _HAS_EXTREMES
        arrays.append(moments.extremes.ravel())
    return _pack(_MOMENTS, [moments.n, p, flags, dropped], arrays)


def unpack_moments(data: bytes) -> tuple[Moments | None, int]:
    """Return the moments in bytes, and how many observations were left out.

    Raises:
        ValueError: they are other bytes, or damaged.
    """
    (n, p, flags, dropped), numbers = _unpack(_MOMENTS, 4, data)
    if not n:
        _split(numbers, [])
        return None, dropped
    triangle = p * (p + 1) // 2 if flags & _HAS_SCATTER else p
    extremes = 2 * p if flags & _HAS_EXTREMES else 0
    shift, offset, products, ends = _split(numbers, [p, p, triangle, extremes])
    scatter, squares = None, products
    if flags & _HAS_SCATTER:
        scatter = np.zeros((p, p))
        scatter[np.triu_indices(p)] = products
        squares = scatter.diagonal().copy()
        scatter += np.triu(scatter, 1).T
    known = ends.reshape(2, p) if extremes else None
    return Moments(n, shift, offset, squares, scatter, known), dropped


def pack_factor(factor: Factor) -> bytes:
    """Return the bytes of a factor, without the zeros below its diagonal."""
    r, p = factor.rows.shape
    return _pack(_FACTOR, [factor.n, r, p], [factor.rows[np.triu_indices(r, m=p)]])


def unpack_factor(data: bytes) -> Factor:
    """Return the factor in bytes.

    Raises:
        ValueError: they are other bytes, or damaged.
    """
    (n, r, p), numbers = _unpack(_FACTOR, 3, data)
    if r > p:
        raise ValueError("a factor must not have more rows than columns")
    (entries,) = _split(numbers, [r * p - r * (r - 1) // 2])
    rows = np.zeros((r, p))
    rows[np.triu_indices(r, m=p)] = entries
    return Factor(n, rows)


def pack_outline(outline: Outline) -> bytes:
    """Return the bytes of an outline."""
    arrays = [outline.numbers.astype(np.float64), outline.points.ravel(), outline.distances]
    return _pack(_OUTLINE, [outline.rows, outline.whole, len(outline.numbers)], arrays)


def unpack_outline(data: bytes) -> Outline:
    """Return the outline in bytes.

    Raises:
        ValueError: they are other bytes, or damaged.
    """
    (rows, whole, m), values = _unpack(_OUTLINE, 3, data)
    numbers, points, distances = _split(values, [m, 2 * m, m])
    return Outline(rows, bool(whole), numbers.astype(np.intp), points.reshape(m, 2), distances)


def pack_tally(tally: Tally) -> bytes:
    """Return the bytes of a tally, without its empty cells."""
    cells, counts = tally.cells, tally.counts.ravel()
    filled = np.flatnonzero(counts)
    whole = [filled, counts[filled], tally.codes]
    arrays = [np.array([cells.left, cells.top, cells.side]), tally.places.ravel(), *whole]
    shape = [*tally.counts.shape, len(filled), len(tally.places)]
    return _pack(_TALLY, shape, [array.astype(np.float64) for array in arrays])


def unpack_tally(data: bytes) -> Tally:
    """Return the tally in bytes.

    Raises:
        ValueError: they are other bytes, or damaged.
    """
    (groups, rows, columns, filled, m), values = _unpack(_TALLY, 5, data)
    ends, places, *whole = _split(values, [3, 2 * m, filled, filled, m])
    at, found, codes = (array.astype(np.intp) for array in whole)
    left, top, side = ends.tolist()
    counts = np.zeros(groups * rows * columns, dtype=np.intp)
    counts[at] = found
    cells = Cells(left, top, side, rows, columns)
    return Tally(cells, counts.reshape(groups, rows, columns), places.reshape(m, 2), codes)


def _pack(kind: bytes, counts: Sequence[int], arrays: Sequence[Array]) -> bytes:
    numbers = np.concatenate([np.zeros(0), *arrays]).astype("<f8")
    head = _COUNTS.pack(kind, len(counts), len(numbers))
    return head + struct.pack(f"<{len(counts)}Q", *counts) + numbers.tobytes()


def _unpack(kind: bytes, most: int, data: bytes) -> tuple[tuple[int, ...], Array]:
    known = _COUNTS.unpack_from(data) if len(data) >= _COUNTS.size else (b"", 0, 0)
    found, counts, numbers = known
    if found != kind or counts != most or len(data) != _COUNTS.size + 8 * (counts + numbers):
        raise ValueError(f"{kind.decode()} must be whole, not {len(data)} bytes of {found!r}")
    fields = struct.unpack_from(f"<{most}Q", data, _COUNTS.size)
    values = np.frombuffer(data, "<f8", offset=_COUNTS.size + 8 * most).astype(np.float64)
    return fields, values


def _split(numbers: Array, lengths: Sequence[int]) -> list[Array]:
    if sum(lengths) != len(numbers):
        raise ValueError(f"there must be {sum(lengths)} numbers, not {len(numbers)}")
    return np.split(numbers, np.cumsum(lengths)[:-1]) if lengths else []
