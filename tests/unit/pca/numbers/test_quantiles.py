"""Quantiles against SciPy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meshlens.pca.numbers.quantiles import f_quantile, normal_quantile


@given(st.floats(1e-6, 1 - 1e-6), st.integers(1, 400), st.integers(1, 2_000_000))
def test_quantiles_of_f_are_those_of_scipy(share: float, d1: int, d2: int) -> None:
    assert f_quantile(share, d1, d2) == pytest.approx(stats.f.ppf(share, d1, d2), rel=1e-8)


def test_quantiles_of_the_normal_distribution_are_those_of_scipy() -> None:
    for share in (1e-9, 0.025, 0.5, 0.95, 0.999):
        assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), rel=1e-12)
