"""Distances in a plane are those of its components."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris
from unit.pca.pictures import arrange

from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data


@pytest.mark.parametrize("kind", ["scores", "biplot"])
def test_distances_in_the_plane_are_those_of_mahalanobis(kind: str) -> None:
    for values in (IRIS, IRIS[:, :2]):
        scene = arrange(values, fit(values), Style(kind=kind, alpha=0.7))  # type: ignore[arg-type]  # one of two kinds
        centred = scene.points - scene.points.mean(axis=0)
        inverse = np.linalg.inv(np.cov(centred.T))
        expected = np.einsum("ni,ij,nj->n", centred, inverse, centred)
        np.testing.assert_allclose(scene.distances(), expected, rtol=1e-9)
