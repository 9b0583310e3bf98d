"""Observations with known properties."""

import numpy as np
import numpy.typing as npt
from sklearn import datasets

from meshlens.pca.numbers.decomposition import PcaModel, fit, project

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


def factors(seed: int, n: int, p: int) -> Array:
    """Return 20 factors, of variances close to each other, and noise."""
    return normal(seed, n, 20) @ normal(seed + 1000, 20, p) + 3 * normal(seed + 2000, n, p)


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


def wine(k: int) -> tuple[PcaModel, Array, Array]:
    values: Array = datasets.load_wine().data
    model = fit(values, k=k, standardize=True)
    return model, values, project(model, values)
