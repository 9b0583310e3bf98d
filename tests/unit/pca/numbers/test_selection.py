"""How many components are kept."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from unit.pca.numbers.data import normal

from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.numbers.selection import Spectrum, keep_parallel, keep_share, simulate_chance


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95, 0.999])
def test_a_share_of_the_variance_keeps_what_scikit_learn_keeps(share: float) -> None:
    values = datasets.load_wine().data
    reference = PCA(share).fit(StandardScaler().fit_transform(values))
    model = fit(values, k=keep_share(share), standardize=True)
    assert len(model.components) == reference.n_components_
    np.testing.assert_allclose(model.explained_variance, reference.explained_variance_, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("standardized", [False, True])
@pytest.mark.parametrize(("n", "p"), [(60, 5), (8, 12), (2000, 3)])
def test_chance_is_what_unrelated_variables_show(n: int, p: int, *, standardized: bool) -> None:
    variance = np.ones(p) if standardized else np.arange(1.0, p + 1)
    spectrum = Spectrum(n, variance, variance[: min(n, p)], standardized)
    chance = simulate_chance(spectrum, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        values = generator.normal(size=(n, p)) * np.sqrt(variance)
        matrix = np.corrcoef(values.T) if standardized else np.cov(values.T)
        drawn.append(np.linalg.eigvalsh(matrix)[::-1][: min(n - 1, p)])
    np.testing.assert_allclose(chance, np.quantile(drawn, 0.95, axis=0), rtol=0.12)


@pytest.mark.parametrize("standardize", [False, True])
def test_parallel_analysis_finds_the_factors(*, standardize: bool) -> None:
    factors = normal(12, 300, 3) @ normal(13, 3, 12) * 2
    values = factors + normal(14, 300, 12)
    rule = keep_parallel(np.random.default_rng(0))
    assert len(fit(values, k=rule, standardize=standardize).components) == 3
    scaled = normal(15, 400, 6) * [100, 50, 20, 10, 5, 1]
    rule = keep_parallel(np.random.default_rng(0))
    assert len(fit(scaled, k=rule, standardize=standardize).components) == 1
