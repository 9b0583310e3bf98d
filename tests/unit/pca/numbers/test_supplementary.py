"""Correlations of variables beside an analysis with its components."""

import numpy as np

from meshlens.pca.numbers.supplementary import correlate

RANDOM = np.random.default_rng(12)


def test_correlations_are_pearsons() -> None:
    scores, values = RANDOM.normal(size=(30, 3)), RANDOM.normal(size=(30, 2))
    expected = np.asarray(np.corrcoef(np.hstack([scores, values]).T))[:3, 3:]
    np.testing.assert_allclose(correlate(scores, values), expected, rtol=1e-12)


def test_missing_numbers_are_left_out_with_their_observations() -> None:
    scores, values = RANDOM.normal(size=(30, 2)), RANDOM.normal(size=(30, 1))
    values[[3, 8]] = np.nan
    known = np.isfinite(values[:, 0])
    np.testing.assert_allclose(
        correlate(scores, values), correlate(scores[known], values[known]), rtol=1e-12
    )


def test_what_does_not_vary_has_no_correlation() -> None:
    scores = RANDOM.normal(size=(5, 2))
    scores[:, 1] = 0
    values = np.column_stack([[0.1 + 0.2, 0.3, 0.3, 0.3, 0.3], np.arange(5.0), np.full(5, np.nan)])
    correlations = correlate(scores, values)
    assert np.isnan(correlations[:, [0, 2]]).all()
    assert np.isnan(correlations[1]).all()
    assert abs(correlations[0, 1]) <= 1
