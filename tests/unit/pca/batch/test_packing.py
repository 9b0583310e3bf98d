"""What parts are summed up as comes back from its bytes exactly, or not at all."""

import numpy as np
import pytest
from unit.pca.numbers.data import normal

from meshlens.pca.batch.outline import Outline
from meshlens.pca.batch.packing import (
    pack_factor,
    pack_moments,
    pack_outline,
    pack_tally,
    unpack_factor,
    unpack_moments,
    unpack_outline,
    unpack_tally,
)
from meshlens.pca.drawing.scenes.tally import Cells, Tally
from meshlens.pca.numbers.moments import Moments, fold
from meshlens.pca.numbers.solvers.factors import Factor


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("extremes", [False, True])
@pytest.mark.parametrize("p", [1, 2, 7])
def test_moments_come_back_exactly(p: int, *, scatter: bool, extremes: bool) -> None:
    moments = fold(normal(0, 50, p) + 3, scatter=scatter, extremes=extremes)
    data = pack_moments(moments, dropped=5)
    found, dropped = unpack_moments(data)
    assert found is not None
    assert dropped == 5
    assert found.n == moments.n
    for name in ("shift", "offset", "squares", "scatter", "extremes"):
        expected = getattr(moments, name)
        if expected is None:
            assert getattr(found, name) is None
        else:
            np.testing.assert_array_equal(getattr(found, name), expected)
    assert pack_moments(found, dropped) == data


def test_a_triangle_is_kept_of_a_scatter() -> None:
    p = 100
    data = pack_moments(fold(normal(0, 500, p)))
    assert len(data) == 24 + 4 * 8 + 8 * (2 * p + p * (p + 1) // 2)


def test_no_observation_has_no_moments() -> None:
    assert unpack_moments(pack_moments(None, 7)) == (None, 7)


@pytest.mark.parametrize("n", [1, 3, 50])
def test_a_factor_comes_back_exactly(n: int) -> None:
    factor = Factor.of([normal(1, n, 4)], 4)
    found = unpack_factor(pack_factor(factor))
    assert found.n == n
    np.testing.assert_array_equal(found.rows, factor.rows)
    np.testing.assert_array_equal(np.tril(factor.rows, -1), 0)


@pytest.mark.parametrize("n", [0, 1, 2000])
@pytest.mark.parametrize("whole", [False, True])
def test_an_outline_comes_back_exactly(n: int, *, whole: bool) -> None:
    points = normal(2, n, 2)
    distances = np.square(points).sum(axis=1)
    outline = Outline.empty(whole=whole).add(np.arange(1, n + 1), points, distances, rows=n + 5)
    found = unpack_outline(pack_outline(outline))
    assert (found.rows, found.whole) == (n + 5, whole)
    for name in ("numbers", "points", "distances"):
        np.testing.assert_array_equal(getattr(found, name), getattr(outline, name))


@pytest.mark.parametrize("n", [0, 1, 5000])
@pytest.mark.parametrize("groups", [1, 3])
def test_a_tally_comes_back_exactly(n: int, groups: int) -> None:
    cells = Cells(68.0, 72.25, 2.0, 40, 50)
    pixels = normal(3, n, 2) * 20 + [100, 100]
    tally = Tally.of(pixels, np.arange(n) % groups, groups, cells)
    data = pack_tally(tally)
    found = unpack_tally(data)
    assert found.cells == cells
    for name in ("counts", "places", "codes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(tally, name))
    assert pack_tally(found) == data


def test_damaged_bytes_are_refused() -> None:
    moments = pack_moments(fold(normal(0, 50, 3)))
    factor = pack_factor(Factor.of([normal(1, 9, 3)], 3))
    for damaged in (
        b"",
        moments[:-8],
        moments[:20],
        moments + b"0" * 8,
        factor,
        b"x" + moments[1:],
    ):
        with pytest.raises(ValueError, match="must be"):
            unpack_moments(damaged)
    for damaged in (b"", factor[:-8], moments, factor[:16] + b"\xff" * 8 + factor[24:]):
        with pytest.raises(ValueError, match="must be"):
            unpack_factor(damaged)
    # Whole, but of other numbers than they say.
    wrong = bytearray(moments)
    wrong[32] = 2
    with pytest.raises(ValueError, match="there must be 7 numbers, not 12"):
        unpack_moments(bytes(wrong))
    wrong = bytearray(factor)
    wrong[32] = 9
    with pytest.raises(ValueError, match="must not have more rows than columns"):
        unpack_factor(bytes(wrong))


def test_moments_of_another_shift_are_refused() -> None:
    one, other = (Moments.of(normal(seed, 5, 2)) for seed in (0, 1))
    with pytest.raises(ValueError, match="must have the same shift"):
        one.merge(other)
