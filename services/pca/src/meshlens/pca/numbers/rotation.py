"""Components turned within the space they span until each has few large loadings; numpy only."""

import math
from dataclasses import replace
from enum import StrEnum
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import PcaModel, choose_signs
from meshlens.pca.numbers.diagnostics import has_variance

Array: TypeAlias = npt.NDArray[np.float64]

_LEAST = 2  # components that can be turned
_TOLERANCE = 1e-9  # radians by which the last sweep turns a pair of components at most
_MOST_SWEEPS = 1000


class Rotation(StrEnum):
    """How components are rotated."""

    NONE = "none"
    VARIMAX = "varimax"
    """Orthogonally, with Kaiser's normalization."""


def rotate(model: PcaModel) -> PcaModel:
    """Return a model whose components are rotated by varimax, the most important first.

    The loadings, each variable's divided by the root of its communality (Kaiser 1958), are rotated
    until the variance of their squares is greatest, as by R's `varimax`. The largest loading of
    each component is positive.

    Args:
        model: with the components to rotate.

    Raises:
        InvalidOption: there is only one, or one without variance.
    """
    k = int(has_variance(model).sum())
    if k < max(_LEAST, len(model.components)):
        raise InvalidOption(
            f"rotation=varimax needs at least {_LEAST} components, all with a variance",
            got=f"{len(model.components)}, {k} of them with a variance",
            remedy=f"choose k from {_LEAST} to {k}" if k >= _LEAST else "leave rotation out",
            option="rotation",
        )
    loadings = model.loadings.T
    matrix = find_varimax(loadings)
    rotated = loadings @ matrix
    order = np.argsort(-np.square(rotated).sum(axis=0), kind="stable")
    rotated, matrix = rotated[:, order], matrix[:, order]
    signs = np.sign((choose_signs(rotated.T) * rotated.T).sum(axis=1))
    return replace(model, rotation=matrix * signs)


def find_varimax(loadings: Array) -> Array:
    """Return the orthogonal matrix (k, k) that rotates loadings (p, k) to simple structure.

    Kaiser's planar rotations: two components are turned by the angle that is best for them, all
    pairs in turn, until none turns. Rotating all at once, by singular values as R does, can stop
    where the criterion is least: there too its gradient is zero.
    """
    length = np.linalg.norm(loadings, axis=1)
    # Rows are components here, which are next to each other in memory.
    rotated = np.divide(loadings.T, length, out=np.zeros_like(loadings.T), where=length > 0)
    matrix = np.eye(len(rotated))
    for _ in range(_MOST_SWEEPS):
        greatest = 0.0
        for pair in map(list, combinations(range(len(rotated)), 2)):
            angle = _find_angle(*rotated[pair])
            greatest = max(greatest, abs(angle))
            turn = np.array(
                [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
            )
            rotated[pair] = turn @ rotated[pair]
            matrix[pair] = turn @ matrix[pair]
        if greatest <= _TOLERANCE:
            break
    return matrix.T


def _find_angle(x: Array, y: Array) -> float:
    """Return the angle, within a right one, to turn two components by (Kaiser 1959)."""
    u, v = x * x - y * y, 2 * x * y
    a, b = float(u.mean()), float(v.mean())
    return (
        math.atan2(
            2 * (float((u * v).mean()) - a * b), float((u * u - v * v).mean()) - (a * a - b * b)
        )
        / 4
    )


def rotate_scores(model: PcaModel, scores: Array) -> Array:
    """Return the scores (n, k) on a model's rotated components: of variance 1, uncorrelated.

    Args:
        model: if its components are not rotated, the scores are returned as they are.
        scores: (n, k), on its principal components.
    """
    if model.rotation is None:
        return scores
    return (scores / np.sqrt(model.explained_variance)) @ model.rotation


def restore_scores(model: PcaModel, rotated: Array) -> Array:
    """Return the scores (n, k) on the principal components, given those that `rotate_scores` has.

    Args:
        model: the same.
        rotated: (n, k), or any other number of columns, which `reconstruct` refuses.
    """
    if model.rotation is None or rotated.shape[1] != len(model.rotation):
        return rotated
    return (rotated @ model.rotation.T) * np.sqrt(model.explained_variance)
