"""Fifty data sets against scikit-learn, and what is said about them against published formulas."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.decomposition import PcaModel, fit, project, reconstruct
from meshlens.pca.numbers.diagnostics import diagnose, find_limits
from meshlens.pca.numbers.moments import Moments, fold
from meshlens.pca.numbers.quantiles import f_quantile, normal_quantile
from meshlens.pca.numbers.selection import Spectrum, keep_parallel, keep_share, simulate_chance
from scipy import stats
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

Array = npt.NDArray[np.float64]

FAR = 1e9


def normal(seed: int, n: int, p: int) -> Array:
    return np.random.default_rng(seed).normal(size=(n, p))


def correlated(seed: int, n: int, p: int) -> Array:
    mixed: Array = normal(seed, n, p) @ normal(seed + 1000, p, p)
    return mixed


def decaying(seed: int, n: int, p: int) -> Array:
    turned: Array = np.linalg.qr(normal(seed + 1000, p, p))[0]
    return np.asarray(normal(seed, n, p) * 0.7 ** np.arange(p) @ turned)


def load(name: str, columns: slice = slice(None)) -> Array:
    values: Array = getattr(datasets, f"load_{name}")().data[:, columns].astype(float)
    return values


def far_off(n: int) -> Array:
    return normal(n, n, 3) * [3, 2, 1] + FAR


def scales(n: int) -> Array:
    return normal(n, n, 4) * [1e-3, 1, 10, 1e3]


def constant_column(n: int) -> Array:
    return np.insert(normal(n, n, 3), 1, 0.1, axis=1)


def duplicates(n: int) -> Array:
    return np.repeat(normal(n, n // 4, 3), 4, axis=0)


def data_sets() -> Iterator[tuple[str, Callable[[], Array]]]:
    for name in ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits"):
        yield name, partial(load, name)
    yield "iris sepals", partial(load, "iris", slice(2))
    yield "three of wine", partial(load, "wine", slice(0, 9, 4))
    shapes = [(5, 2), (20, 3), (150, 4), (300, 10), (1000, 2), (4000, 7), (5000, 30), (20_000, 3)]
    for (n, p), kind in product(shapes, (normal, correlated, decaying)):
        yield f"{kind.__name__} {n} x {p}", partial(kind, n + p, n, p)
    for n, p in [(5, 20), (30, 200), (100, 99), (99, 100), (60, 500), (1200, 500)]:
        yield f"wide {n} x {p}", partial(normal, n * p, n, p)
    for n, hard in product((40, 4000, 40_000), (far_off, scales, constant_column, duplicates)):
        yield f"{hard.__name__} {n}", partial(hard, n)


DATA = dict(data_sets())


def test_there_are_fifty() -> None:
    assert len(DATA) == 50


def has_tie(components: Array) -> npt.NDArray[np.bool_]:
    """Where two entries compete for the sign; rounding decides it in scikit-learn."""
    largest = np.sort(np.abs(components), axis=1)
    if components.shape[1] < 2:
        return np.zeros(len(components), dtype=bool)
    return np.asarray(largest[:, -1] - largest[:, -2] < 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", DATA)
def test_all_outputs_are_those_of_scikit_learn(name: str, *, standardize: bool) -> None:
    values = DATA[name]()
    # Far from zero scikit-learn knows mean and scores to 1e-6 only; nearby it is the reference.
    offset = FAR if name.startswith("far_off") else 0.0
    near = values - offset
    scaler = StandardScaler(with_std=standardize).fit(near)
    scaled = scaler.transform(near) if standardize else near
    reference = PCA(svd_solver="full").fit(scaled)
    model = fit(values, standardize=standardize)
    k = int((reference.explained_variance_ratio_ > 1e-22).sum())

    def close(actual: Array, expected: Any, atol: float = 0.0) -> None:  # noqa: ANN401 - scikit-learn has no types
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=atol)

    close(model.mean, scaler.mean_ + offset, 1e-12 * np.abs(values).max())
    if standardize:
        close(model.scale, scaler.scale_)
    close(model.explained_variance[:k], reference.explained_variance_[:k])
    close(model.explained_variance_ratio[:k], reference.explained_variance_ratio_[:k])
    flipped = np.where(
        has_tie(model.components), np.sign((model.components * reference.components_).sum(1)), 1.0
    )
    components = model.components * flipped[:, np.newaxis]
    # An eigenvector is known as well as its eigenvalue differs from its neighbours.
    close(components[:k], reference.components_[:k], 1e-9)
    scores, expected = project(model, values)[:, :k] * flipped[:k], reference.transform(scaled)
    rounding = 4 * np.spacing(np.abs(model.mean / model.scale).max())
    close(scores, expected[:, :k], 1e-9 * np.abs(expected).max() + rounding)
    close(
        reconstruct(model, project(model, values)),
        values,
        1e-12 * np.abs(values).max() + 10 * rounding * model.scale.max(),
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95, 0.999])
def test_a_share_of_the_variance_keeps_what_scikit_learn_keeps(share: float) -> None:
    values = datasets.load_wine().data
    reference = PCA(share).fit(StandardScaler().fit_transform(values))
    model = fit(values, k=keep_share(share), standardize=True)
    assert len(model.components) == reference.n_components_
    np.testing.assert_allclose(model.explained_variance, reference.explained_variance_, rtol=1e-9)


@pytest.mark.slow
def test_the_solver_is_chosen_by_shape_and_conditioning() -> None:
    assert fit(normal(0, 150, 4)).solver == "svd"
    assert fit(normal(0, 5000, 4)).solver == "covariance"
    assert fit(normal(0, 5000, 2) @ [[1, 1], [0, 1e-3]]).solver == "svd"
    assert fit(normal(0, 40, 500)).solver == "svd"
    assert fit(normal(0, 1200, 1100), k=5).solver == "randomized"


@pytest.mark.parametrize("small", [1e-3, 1e-5, 1e-7])
def test_a_small_variance_beside_a_large_one_keeps_its_digits(small: float) -> None:
    values = np.linalg.qr(normal(1, 20_000, 2) - normal(1, 20_000, 2).mean(axis=0))[0]
    values = (values * [1, small]) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    model = fit(values)
    ratio = model.explained_variance[1] / model.explained_variance[0]
    assert ratio == pytest.approx(small**2, rel=1e-8)
    np.testing.assert_allclose(np.abs(model.components[0]), [0.6, 0.8], rtol=1e-12)


@pytest.mark.slow
def test_randomized_components_are_the_first_of_all() -> None:
    values = decaying(3, 1300, 1200)
    some, all_ = fit(values, k=4), fit(values)
    assert some.solver == "randomized"
    np.testing.assert_allclose(some.components, all_.components[:4], atol=1e-9)
    for name in ("explained_variance", "explained_variance_ratio"):
        np.testing.assert_allclose(getattr(some, name), getattr(all_, name)[:4], rtol=1e-9)
    np.testing.assert_array_equal(fit(values, k=4).components, some.components)
    limits = find_limits(some, confidence=0.95)
    assert limits.t2 is not None
    assert limits.spe is None


def test_the_order_of_a_hundred_thousand_rows_flips_no_sign() -> None:
    values = normal(4, 100_000, 2) @ [[1, 0.3], [0, 1]]
    for standardize in (False, True):
        model = fit(values, standardize=standardize)
        for seed in range(5):
            order = np.random.default_rng(seed).permutation(len(values))
            shuffled = fit(values[order], standardize=standardize)
            np.testing.assert_allclose(shuffled.components, model.components, rtol=1e-9)


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


@given(st.floats(1e-6, 1 - 1e-6), st.integers(1, 400), st.integers(1, 2_000_000))
def test_quantiles_of_f_are_those_of_scipy(share: float, d1: int, d2: int) -> None:
    assert f_quantile(share, d1, d2) == pytest.approx(stats.f.ppf(share, d1, d2), rel=1e-8)


def test_quantiles_of_the_normal_distribution_are_those_of_scipy() -> None:
    for share in (1e-9, 0.025, 0.5, 0.95, 0.999):
        assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), rel=1e-12)


def wine(k: int) -> tuple[PcaModel, Array, Array]:
    values: Array = datasets.load_wine().data
    model = fit(values, k=k, standardize=True)
    return model, values, project(model, values)


@pytest.mark.parametrize("k", [1, 3, 12])
def test_t2_and_error_are_those_of_their_definitions(k: int) -> None:
    model, values, scores = wine(k)
    standard = StandardScaler().fit_transform(values)
    found = diagnose(model, values, scores)
    covariance = np.cov(scores.T).reshape(k, k)
    t2 = np.einsum("ni,ij,nj->n", scores, np.linalg.inv(covariance), scores)
    np.testing.assert_allclose(found.t2, t2, rtol=1e-9)
    left = standard - scores @ model.components
    np.testing.assert_allclose(found.spe, (left**2).sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        found.cos2, scores**2 / (standard**2).sum(axis=1, keepdims=True), rtol=1e-9
    )
    np.testing.assert_allclose(found.cos2.sum(axis=1) + found.spe / (standard**2).sum(1), 1)
    np.testing.assert_allclose(found.contributions.sum(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_limits_are_those_of_their_formulas(k: int, confidence: float) -> None:
    model, values, _ = wine(k)
    n, p = values.shape
    limits = find_limits(model, confidence=confidence)
    expected = k * (n - 1) * (n + 1) / (n * (n - k)) * stats.f.ppf(confidence, k, n - k)
    assert limits.t2 == pytest.approx(expected, rel=1e-9)
    rest = np.linalg.eigvalsh(np.cov(StandardScaler().fit_transform(values).T))[: p - k]
    t1, t2, t3 = rest.sum(), (rest**2).sum(), (rest**3).sum()
    h0 = 1 - 2 * t1 * t3 / (3 * t2**2)
    c = stats.norm.ppf(confidence)
    expected = t1 * (c * np.sqrt(2 * t2 * h0**2) / t1 + 1 + t2 * h0 * (h0 - 1) / t1**2) ** (1 / h0)
    assert limits.spe == pytest.approx(expected, rel=1e-9)


def test_as_many_new_observations_are_within_the_limits_as_they_say() -> None:
    mixing = np.diag([4, 3, 1, 0.8, 0.5]) @ np.linalg.qr(normal(7, 5, 5))[0]
    model = fit(normal(8, 500, 5) @ mixing, k=2)
    new = normal(9, 50_000, 5) @ mixing
    found = diagnose(model, new, project(model, new), confidence=0.95)
    assert found.limits.t2 is not None
    assert found.limits.spe is not None
    assert (found.t2 <= found.limits.t2).mean() == pytest.approx(0.95, abs=0.01)
    assert (found.spe <= found.limits.spe).mean() == pytest.approx(0.95, abs=0.015)


def test_outliers_within_and_beside_the_components_are_flagged() -> None:
    values = normal(10, 300, 4) * [10, 5, 0.1, 0.1]
    model = fit(values, k=2)
    new = np.array([[0, 0, 0, 0], [60, 0, 0, 0], [0, 0, 3, 0]], dtype=float)
    found = diagnose(model, new, project(model, new), confidence=0.999)
    assert found.outliers.tolist() == [False, True, True]
    assert found.cos2[0].tolist() == pytest.approx([0, 0], abs=1)


def test_what_cannot_be_said_is_not_said() -> None:
    values = normal(11, 3, 8)
    found = diagnose(fit(values), values, project(fit(values), values))
    assert found.limits.t2 is not None  # two components have a variance, the third has none
    assert found.limits.spe is None
    assert not found.outliers.any()
    assert np.isfinite(found.t2).all()
    values = normal(11, 2, 8)
    assert find_limits(fit(values), confidence=0.95).t2 is not None


def test_contributions_and_cos2_of_variables_follow_from_correlations() -> None:
    model, values, scores = wine(3)
    correlations = np.corrcoef(scores.T, values.T)[:3, 3:]
    np.testing.assert_allclose(model.cos2, correlations**2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.contributions.sum(axis=1), 1, rtol=1e-12)
    assert fit(constant_column(40)).cos2[:, 1].tolist() == [0, 0, 0, 0]


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


def test_a_fit_knows_points_of_its_own_dimension_only() -> None:
    with pytest.raises(InvalidTable, match="2 components of the fit, got 3"):
        reconstruct(fit(normal(16, 9, 2)), normal(17, 9, 3))
