"""Moments that are folded are those of the whole."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from unit.pca.numbers.data import normal

from meshlens.pca.numbers.moments import Moments, find_shift, fold


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=6),
    st.floats(-1e9, 1e9),
    st.integers(0, 1000),
)
def test_moments_of_parts_make_the_moments_of_the_whole(
    lengths: list[int], offset: float, seed: int
) -> None:
    values = np.round(normal(seed, sum(lengths), 3) * 1000) + round(offset)
    cuts = np.cumsum([0, *lengths])
    shift = values[0]
    parts = [Moments.of(values[start:end], shift=shift) for start, end in pairwise(cuts)]
    whole = fold(values)
    for order in (parts, parts[::-1]):
        merged = order[0]
        for part in order[1:]:
            merged = merged.merge(part)
        assert merged.n == whole.n
        assert merged.scatter is not None
        assert whole.scatter is not None
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-14, atol=1e-12)
        np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(merged.squares, whole.squares, rtol=1e-9)


def test_parts_that_are_folded_about_the_shift_of_the_first_make_the_whole() -> None:
    values = normal(1, 90_000, 3) + 1e6
    values[:, 1] = 0.1
    shift = find_shift(values[:2048])
    parts = [
        fold(part, shift=shift, extremes=True) for part in np.array_split(values, [100, 70_000])
    ]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    whole = fold(values, extremes=True)
    assert merged.mean[1] == whole.mean[1] == 0.1
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-15)
    np.testing.assert_allclose(merged.squares, whole.squares, rtol=1e-13)
    assert merged.extremes is not None
    np.testing.assert_array_equal(merged.extremes, [values.min(axis=0), values.max(axis=0)])


def test_the_layout_of_a_block_changes_no_bit() -> None:
    values = normal(2, 5000, 4)
    rows, columns = fold(values), fold(np.asfortranarray(values))
    assert rows.scatter is not None
    assert columns.scatter is not None
    np.testing.assert_array_equal(rows.scatter, columns.scatter)
    np.testing.assert_array_equal(rows.offset, columns.offset)
