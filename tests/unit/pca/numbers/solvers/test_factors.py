"""Factors that are merged have the singular values of the whole."""

import numpy as np
import pytest
from unit.pca.numbers.data import normal

from meshlens.pca.numbers.solvers.factors import Factor


@pytest.mark.parametrize("n", [3, 50, 1000])
def test_factors_of_parts_make_the_factor_of_the_whole(n: int) -> None:
    values = normal(0, n, 5) * [1, 1e-3, 1e-6, 1, 1e3]
    whole = Factor.of([values], 5)
    merged = Factor.of([values[: n // 3]], 5).merge(Factor.of([values[n // 3 :]], 5))
    assert merged.n == whole.n == n
    assert merged.rows.shape == (min(n, 5), 5)
    assert (np.diagonal(merged.rows) >= 0).all()
    expected = np.linalg.svd(values, compute_uv=False)
    for factor in (whole, merged):
        found = np.linalg.svd(factor.rows, compute_uv=False)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * expected[0])


def test_no_rows_change_nothing() -> None:
    factor = Factor.of([normal(0, 9, 3)], 3)
    merged = Factor.of([], 3).merge(factor)
    assert merged.n == 9
    np.testing.assert_allclose(merged.rows, factor.rows, atol=1e-14)
