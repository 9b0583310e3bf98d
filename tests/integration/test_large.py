"""A million points in one call through two sidecars, with the limits raised."""

import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np
import pytest
from mesh import Mesh, Profile

MILLION = 1_000_000
LIMIT = "64Mi"


@pytest.fixture(scope="module")
def wide_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services and sidecars with raised size limits."""
    with Mesh(
        Profile.EMBEDDED,
        tmp_path_factory.mktemp("wide"),
        env={"pca": {"MAX_BODY": LIMIT}},
        sidecar_flags=("--max-body-size", LIMIT),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def points() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    return rng.multivariate_normal([1e3, -5.0], [[4.0, 1.5], [1.5, 1.0]], size=MILLION)


@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_a_million_points_are_fitted_and_drawn_in_one_call(
    wide_mesh: Mesh, points: np.ndarray[tuple[int, int], np.dtype[np.float64]], kind: str
) -> None:
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, points)
    else:
        np.savetxt(buffer, points, fmt="%.5f", delimiter=",")
    headers = {"content-type": "application/x-npy" if kind == "npy" else "text/csv"}
    body = buffer.getvalue()
    picture = wide_mesh.call("classify", "pca", "plot", body, headers=headers)
    assert picture.status == 200, picture.text
    assert len(picture.body) < 2 * 1024 * 1024
    assert "1,000,000 observations" in "".join(ET.fromstring(picture.body).itertext())  # noqa: S314 - our own picture
    model = json.loads(wide_mesh.call("classify", "pca", "fit", body, headers=headers).body)
    expected = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    np.testing.assert_allclose(model["explained_variance"], expected, rtol=1e-4)
